"""SQL on the replacement of people's link codes (C6). It takes and returns terms, never rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nakadachi.core.codes import ID_BYTES, IdCode
from nakadachi.core.key_rules import Rotation
from nakadachi.terms import OrganisationCode, TelegramId

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from nakadachi.kit.database import Connection


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody whose code is to be replaced: the link as its holder has it."""

    id_code: IdCode
    key_index: int
    generation: int


_ROTATION = (
    "SELECT organisation, key_index, emergency, started_at, cursor, swept, total, replaced, confirmed_at, finished_at"
    " FROM rotation"
)


async def begin(
    connection: Connection, organisation: OrganisationCode, key_index: int, now: datetime, *, emergency: bool
) -> int:
    """A rotation to the key of this index begins at once; one under way is overtaken. Returns how many people it is
    about.
    """
    await connection.execute(
        "UPDATE rotation SET finished_at = $2 WHERE organisation = $1 AND finished_at IS NULL",
        organisation.value,
        now,
    )
    total: int = await connection.fetchval(
        "INSERT INTO rotation (organisation, key_index, emergency, total, started_at, due_at)"
        " SELECT $1, $2, $3, count(*), $4::timestamptz, '-infinity' FROM link"
        " WHERE organisation = $1 AND (unlinked_at IS NULL OR unlinked_at > $4) RETURNING total",
        organisation.value,
        key_index,
        emergency,
        now,
    )
    return total


async def running(connection: Connection, organisation: OrganisationCode) -> Rotation | None:
    """The rotation of an organisation that has not ended."""
    row = await connection.fetchrow(f"{_ROTATION} WHERE organisation = $1 AND finished_at IS NULL", organisation.value)
    return _rotation(row) if row else None


async def due(connection: Connection, now: datetime, *, most: int) -> list[Rotation]:
    """Rotations that something is to be done for, locked; those that another instance works on are left to it."""
    rows = await connection.fetch(
        f"{_ROTATION} WHERE finished_at IS NULL AND due_at <= $1 ORDER BY organisation LIMIT $2 FOR UPDATE SKIP LOCKED",
        now,
        most,
    )
    return [_rotation(row) for row in rows]


async def locked(connection: Connection, organisations: Sequence[OrganisationCode]) -> list[Rotation]:
    """The rotations of these organisations that have not ended, locked."""
    rows = await connection.fetch(
        f"{_ROTATION} WHERE finished_at IS NULL AND organisation = ANY($1::text[]) ORDER BY organisation FOR UPDATE",
        [one.value for one in organisations],
    )
    return [_rotation(row) for row in rows]


async def people_after(connection: Connection, rotation: Rotation, now: datetime, *, most: int) -> list[Person]:
    """The next people whose code is not of the new key yet; unlinked ones get none."""
    rows = await connection.fetch(
        "SELECT id_code, key_index, generation FROM link WHERE organisation = $1 AND id_code > $2 AND key_index <> $3"
        " AND (unlinked_at IS NULL OR unlinked_at > $5) ORDER BY id_code LIMIT $4",
        rotation.organisation.value,
        rotation.cursor,
        rotation.key_index,
        most,
        now,
    )
    return [Person(IdCode(bytes(row["id_code"])), row["key_index"], row["generation"]) for row in rows]


async def left(connection: Connection, rotation: Rotation, now: datetime) -> int:
    """How many people's holder has not confirmed a code of this key."""
    count: int = await connection.fetchval(
        "SELECT count(*) FROM link WHERE organisation = $1 AND key_index <> $2"
        " AND (unlinked_at IS NULL OR unlinked_at > $3)",
        rotation.organisation.value,
        rotation.key_index,
        now,
    )
    return count


async def under_way(connection: Connection, organisation: OrganisationCode) -> Mapping[int, int]:
    """How many telegrams are under way, by key index."""
    rows = await connection.fetch(
        "SELECT key_index, count(*) AS sent FROM rotation_sent WHERE organisation = $1 GROUP BY key_index",
        organisation.value,
    )
    return {row["key_index"]: row["sent"] for row in rows}


async def note_sent(connection: Connection, rotation: Rotation, telegram: TelegramId, people: Sequence[Person]) -> None:
    """These people's codes are on their way; the cursor stands behind the last of them."""
    raw = b"".join(person.id_code.value for person in people)
    await connection.execute(
        "INSERT INTO rotation_sent (telegram, organisation, key_index, people) VALUES ($1, $2, $3, $4)",
        telegram.value,
        rotation.organisation.value,
        rotation.key_index,
        raw,
    )
    await _update(connection, rotation, "cursor = $3", people[-1].id_code.value)


async def note_swept(connection: Connection, rotation: Rotation) -> None:
    """Everybody's code was sent."""
    await _update(connection, rotation, "swept = true")


async def sweep_again(connection: Connection, rotation: Rotation, at: datetime) -> None:
    """Somebody's code was not taken: all over again from then on, for those who are left."""
    await _update(connection, rotation, "swept = false, cursor = ''::bytea, confirmed_at = NULL, due_at = $3", at)


async def note_confirmed(connection: Connection, rotation: Rotation, now: datetime, retire_at: datetime | None) -> None:
    """Everybody's new code is confirmed; the former key is retired then, or by command."""
    await _update(
        connection, rotation, "confirmed_at = $3, due_at = coalesce($4::timestamptz, 'infinity')", now, retire_at
    )


async def look_again(connection: Connection, rotation: Rotation, at: datetime) -> None:
    """Nothing is to be done before then."""
    await _update(connection, rotation, "due_at = $3", at)


async def finish(connection: Connection, rotation: Rotation, now: datetime) -> None:
    """The rotation is done; whoever was not confirmed has the new code by now, or none."""
    await connection.execute(
        "UPDATE link SET former_key_index = key_index, key_index = $2"
        " WHERE organisation = $1 AND key_index <> $2 AND (unlinked_at IS NULL OR unlinked_at > $3)",
        rotation.organisation.value,
        rotation.key_index,
        now,
    )
    await _update(connection, rotation, "finished_at = $3", now)


async def _update(connection: Connection, rotation: Rotation, change: str, *values: object) -> None:
    await connection.execute(
        f"UPDATE rotation SET {change} WHERE organisation = $1 AND key_index = $2",  # noqa: S608  ours, never given
        rotation.organisation.value,
        rotation.key_index,
        *values,
    )


# Answers


async def take_sent(
    connection: Connection, telegrams: Sequence[TelegramId]
) -> dict[TelegramId, tuple[OrganisationCode, int, tuple[IdCode, ...]]]:
    """The telegrams are answered: of which organisation, to which key index, and whose codes they replaced."""
    rows = await connection.fetch(
        "DELETE FROM rotation_sent WHERE telegram = ANY($1::text[])"
        " RETURNING telegram, organisation, key_index, people",
        [one.value for one in telegrams],
    )
    return {
        TelegramId(row["telegram"]): (
            OrganisationCode(row["organisation"]),
            row["key_index"],
            tuple(_id_codes(bytes(row["people"]))),
        )
        for row in rows
    }


async def confirm(
    connection: Connection, organisation: OrganisationCode, key_index: int, people: Sequence[IdCode]
) -> None:
    """The holder has the codes of this key; nobody goes back to an older one."""
    await connection.execute(
        "WITH confirmed AS (UPDATE link SET former_key_index = key_index, key_index = $2 WHERE organisation = $1"
        " AND id_code = ANY($3::bytea[]) AND key_index < $2 RETURNING 1)"
        " UPDATE rotation SET replaced = replaced + (SELECT count(*) FROM confirmed)"
        " WHERE organisation = $1 AND key_index = $2",
        organisation.value,
        key_index,
        [person.value for person in people],
    )


def _id_codes(raw: bytes) -> list[IdCode]:
    return [IdCode(raw[start : start + ID_BYTES]) for start in range(0, len(raw), ID_BYTES)]


def _rotation(row: Any) -> Rotation:
    return Rotation(
        OrganisationCode(row["organisation"]),
        row["key_index"],
        row["emergency"],
        row["started_at"],
        bytes(row["cursor"]),
        row["swept"],
        row["total"],
        row["replaced"],
        row["confirmed_at"],
        row["finished_at"],
    )
