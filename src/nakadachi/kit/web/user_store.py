"""All SQL about who may enter the pages of a system, and with what. It takes and returns terms, never rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime

    from nakadachi.kit.database import Connection

_COLUMNS = (
    "name, role, handle, password, setup_until, failures, locked_until, added_at, added_by, entered_at, removed_at,"
    " (SELECT count(*) FROM page_key WHERE page_key.name = page_user.name) AS keys"
)


@dataclass(frozen=True, slots=True)
class User:
    """利用者: one who may enter. `password` is its Argon2id hash, None until it was set; `keys` how many there are."""

    name: str
    role: str
    handle: bytes = field(repr=False)
    password: str | None = field(repr=False)
    setup_until: datetime | None
    failures: int
    locked_until: datetime | None
    added_at: datetime
    added_by: str
    entered_at: datetime | None
    removed_at: datetime | None
    keys: int


@dataclass(frozen=True, slots=True)
class Key:
    """セキュリティキー: the public half of one; `uses` is its own count, 0 where it keeps none."""

    id: bytes
    name: str
    label: str
    public_key: bytes
    uses: int
    added_at: datetime
    used_at: datetime | None


async def find(connection: Connection, name: str) -> User | None:
    """The user of that name, also one who was removed."""
    return _user(await connection.fetchrow(f"SELECT {_COLUMNS} FROM page_user WHERE name = $1", name))  # noqa: S608  ours


async def lock(connection: Connection, name: str) -> User | None:
    """The user of that name, held against another request until the transaction ends."""
    query = f"SELECT {_COLUMNS} FROM page_user WHERE name = $1 FOR UPDATE"  # noqa: S608  columns of ours
    return _user(await connection.fetchrow(query, name))


async def of_setup(connection: Connection, setup: bytes, now: datetime) -> User | None:
    """The user whose one-time link has this digest and still holds, held until the transaction ends."""
    query = (
        f"SELECT {_COLUMNS} FROM page_user WHERE setup = $1 AND setup_until > $2 AND removed_at IS NULL"  # noqa: S608  ours
        " FOR UPDATE"
    )
    return _user(await connection.fetchrow(query, setup, now))


async def users(connection: Connection) -> list[User]:
    """All who may enter and all who no longer may, by name."""
    rows = await connection.fetch(f"SELECT {_COLUMNS} FROM page_user ORDER BY removed_at IS NOT NULL, name")  # noqa: S608
    return [one for row in rows if (one := _user(row)) is not None]


async def add(connection: Connection, user: User) -> bool:
    """Keep a new user; False where the name was ever given."""
    tag = await connection.execute(
        "INSERT INTO page_user (name, role, handle, added_at, added_by) VALUES ($1, $2, $3, $4, $5)"
        " ON CONFLICT DO NOTHING",
        user.name,
        user.role,
        user.handle,
        user.added_at,
        user.added_by,
    )
    return tag == "INSERT 0 1"


async def set_setup(connection: Connection, name: str, setup: bytes, until: datetime) -> None:
    """A one-time link, by its digest: the one before it holds no longer, and neither does a lock."""
    await connection.execute(
        "UPDATE page_user SET setup = $2, setup_until = $3, failures = 0, locked_until = NULL WHERE name = $1",
        name,
        setup,
        until,
    )


async def set_password(connection: Connection, name: str, password: str) -> None:
    """A password's hash, set by a one-time link that is spent with it; keys from before are forgotten."""
    await connection.execute(
        "UPDATE page_user SET password = $2, setup = NULL, setup_until = NULL, failures = 0, locked_until = NULL"
        " WHERE name = $1",
        name,
        password,
    )
    await connection.execute("DELETE FROM page_key WHERE name = $1", name)


async def set_failures(connection: Connection, name: str, failures: int, locked_until: datetime | None) -> None:
    """How often in a row somebody failed to enter by this name, and until when nobody may try."""
    await connection.execute(
        "UPDATE page_user SET failures = $2, locked_until = $3 WHERE name = $1", name, failures, locked_until
    )


async def entered(connection: Connection, name: str, now: datetime) -> None:
    """The user is in: what failed before counts no longer."""
    await connection.execute(
        "UPDATE page_user SET failures = 0, locked_until = NULL, entered_at = $2 WHERE name = $1", name, now
    )


async def set_role(connection: Connection, name: str, role: str) -> None:
    """The user has another role from now on."""
    await connection.execute("UPDATE page_user SET role = $2 WHERE name = $1", name, role)


async def remove(connection: Connection, name: str, now: datetime) -> None:
    """The user may enter no longer; the name stays taken."""
    await connection.execute(
        "UPDATE page_user SET removed_at = $2, password = NULL, setup = NULL, setup_until = NULL WHERE name = $1",
        name,
        now,
    )
    await connection.execute("DELETE FROM page_key WHERE name = $1", name)


async def keys(connection: Connection, name: str) -> list[Key]:
    """The user's security keys, the oldest first."""
    rows = await connection.fetch(
        "SELECT id, name, label, public_key, uses, added_at, used_at FROM page_key WHERE name = $1"
        " ORDER BY added_at, id",
        name,
    )
    return [Key(bytes(row["id"]), row["name"], row["label"], bytes(row["public_key"]), *_counts(row)) for row in rows]


async def add_key(connection: Connection, key: Key) -> bool:
    """Keep a new key; False where it is there already."""
    tag = await connection.execute(
        "INSERT INTO page_key (id, name, label, public_key, uses, added_at) VALUES ($1, $2, $3, $4, $5, $6)"
        " ON CONFLICT DO NOTHING",
        key.id,
        key.name,
        key.label,
        key.public_key,
        key.uses,
        key.added_at,
    )
    return tag == "INSERT 0 1"


async def drop_key(connection: Connection, name: str, key: bytes) -> None:
    """One of the user's keys is gone."""
    await connection.execute("DELETE FROM page_key WHERE name = $1 AND id = $2", name, key)


async def used_key(connection: Connection, key: bytes, uses: int, now: datetime) -> None:
    """A key was used, for the `uses`-th time as it says."""
    await connection.execute("UPDATE page_key SET uses = $2, used_at = $3 WHERE id = $1", key, uses, now)


def _user(row: Any) -> User | None:
    if row is None:
        return None
    names = ("name", "role", "handle", "password", "setup_until", "failures", "locked_until", "added_at", "added_by",
             "entered_at", "removed_at", "keys")  # fmt: skip
    given = {name: row[name] for name in names}
    return User(**(given | {"handle": bytes(row["handle"])}))


def _counts(row: Any) -> tuple[int, datetime, datetime | None]:
    return row["uses"], row["added_at"], row["used_at"]
