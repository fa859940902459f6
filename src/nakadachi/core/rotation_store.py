"""SQL on the keys of link codes and their replacement (C6). It takes and returns terms, never rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nakadachi.core.codes import ID_BYTES, IdCode
from nakadachi.core.key_rules import FIRST_INDEX, FIRST_MASTER, FOUNDED, KeyState, LinkKey, Rotation
from nakadachi.terms import OrganisationCode, TelegramId

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from nakadachi.core.key_rules import Keys
    from nakadachi.kit.database import Connection


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody whose code is to be replaced: the link as its holder has it."""

    id_code: IdCode
    key_index: int
    generation: int


@dataclass(frozen=True, slots=True)
class KeyLine:
    """符号鍵の一行: one key as an operator sees it; `replaced` of `total` people have its code, where it took over."""

    organisation: OrganisationCode
    key: LinkKey
    emergency: bool
    created_at: datetime | None
    retired_at: datetime | None
    total: int | None
    replaced: int | None
    confirmed_at: datetime | None
    finished_at: datetime | None


# Keys


async def keys(connection: Connection, organisations: Sequence[OrganisationCode]) -> dict[OrganisationCode, Keys]:
    """The keys of these organisations."""
    rows = await connection.fetch(
        "SELECT organisation, key_index, state, master, compromised_at IS NOT NULL AS compromised FROM link_key"
        " WHERE organisation = ANY($1::text[])",
        [one.value for one in organisations],
    )
    found: dict[OrganisationCode, dict[int, LinkKey]] = {}
    for row in rows:
        found.setdefault(OrganisationCode(row["organisation"]), {})[row["key_index"]] = _key(row)
    return {one: found.get(one, FOUNDED) for one in organisations}


async def hold_keys(connection: Connection, organisations: Sequence[OrganisationCode]) -> None:
    """Until the commit none of these organisations retires a key: a code issued meanwhile is not forgotten."""
    await _found(connection, organisations)
    await connection.execute(
        "SELECT FROM link_key WHERE organisation = ANY($1::text[]) ORDER BY organisation, key_index FOR KEY SHARE",
        [one.value for one in organisations],
    )


async def lock_keys(connection: Connection, organisation: OrganisationCode) -> Keys:
    """An organisation's keys, for whoever changes them: until the commit nobody else does, and no code is issued."""
    await _found(connection, [organisation])
    await connection.execute(
        "SELECT FROM link_key WHERE organisation = $1 ORDER BY key_index FOR UPDATE", organisation.value
    )
    return (await keys(connection, [organisation]))[organisation]


async def add_key(
    connection: Connection, organisation: OrganisationCode, key: LinkKey, now: datetime, *, emergency: bool
) -> None:
    """The next key; the codes of all others in use are to be replaced. In an emergency those count as compromised."""
    await connection.execute(
        "UPDATE link_key SET state = 'current', compromised_at = CASE WHEN $2 THEN coalesce(compromised_at, $3)"
        " ELSE compromised_at END WHERE organisation = $1 AND state <> 'retired'",
        organisation.value,
        emergency,
        now,
    )
    await connection.execute(
        "INSERT INTO link_key (organisation, key_index, state, master, emergency, created_at)"
        " VALUES ($1, $2, $3, $4, $5, $6)",
        organisation.value,
        key.key_index,
        key.state.value,
        key.master,
        emergency,
        now,
    )


async def retire_keys(connection: Connection, organisation: OrganisationCode, now: datetime) -> None:
    """The next key is the current one; those before it are retired."""
    await connection.execute(
        "UPDATE link_key SET state = CASE WHEN state = 'next' THEN 'current' ELSE 'retired' END,"
        " retired_at = CASE WHEN state = 'next' THEN NULL ELSE $2::timestamptz END"
        " WHERE organisation = $1 AND state <> 'retired'",
        organisation.value,
        now,
    )


async def key_lines(connection: Connection) -> list[KeyLine]:
    """Every key that has a row, by organisation and index."""
    rows = await connection.fetch(
        "SELECT organisation, key_index, state, master, compromised_at IS NOT NULL AS compromised, k.emergency,"
        " created_at, retired_at, total, replaced, confirmed_at, finished_at"
        " FROM link_key AS k LEFT JOIN rotation USING (organisation, key_index) ORDER BY organisation, key_index"
    )
    return [
        KeyLine(
            OrganisationCode(row["organisation"]),
            _key(row),
            *(row[name] for name in ("emergency", "created_at", "retired_at", "total", "replaced")),
            row["confirmed_at"],
            row["finished_at"],
        )
        for row in rows
    ]


async def _found(connection: Connection, organisations: Sequence[OrganisationCode]) -> None:
    """The row of the first key, where an organisation has none yet."""
    await connection.execute(
        "INSERT INTO link_key (organisation, key_index, state, master) SELECT organisation, $2, 'current', $3"
        " FROM unnest($1::text[]) AS given (organisation) WHERE NOT EXISTS"
        " (SELECT FROM link_key WHERE link_key.organisation = given.organisation)"
        " ORDER BY organisation ON CONFLICT DO NOTHING",
        [one.value for one in organisations],
        FIRST_INDEX,
        FIRST_MASTER,
    )


def _key(row: Any) -> LinkKey:
    return LinkKey(row["key_index"], KeyState(row["state"]), row["master"], row["compromised"])


# Rotations


_ROTATION = (
    "SELECT organisation, key_index, emergency, started_at, cursor, swept, total, replaced, confirmed_at, finished_at"
    " FROM rotation"
)


async def begin(connection: Connection, organisation: OrganisationCode, key_index: int, *, emergency: bool) -> int:
    """A rotation to the key of this index begins at once; one under way is overtaken. Returns how many people it is
    about.
    """
    await connection.execute(
        "UPDATE rotation SET finished_at = clock_timestamp() WHERE organisation = $1 AND finished_at IS NULL",
        organisation.value,
    )
    total: int = await connection.fetchval(
        "INSERT INTO rotation (organisation, key_index, emergency, total, started_at, due_at)"
        " SELECT $1, $2, $3, count(*), clock_timestamp(), '-infinity' FROM link"
        " WHERE organisation = $1 AND unlinked_at IS NULL RETURNING total",
        organisation.value,
        key_index,
        emergency,
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


async def locked(connection: Connection, organisations: Sequence[OrganisationCode], now: datetime) -> list[Rotation]:
    """The rotations of these organisations that something is to be done for, locked."""
    rows = await connection.fetch(
        f"{_ROTATION} WHERE finished_at IS NULL AND organisation = ANY($1::text[]) AND due_at <= $2"
        " ORDER BY organisation FOR UPDATE",
        [one.value for one in organisations],
        now,
    )
    return [_rotation(row) for row in rows]


async def people_after(connection: Connection, rotation: Rotation, *, most: int) -> list[Person]:
    """The next people whose code is not of the new key yet; unlinked ones get none."""
    rows = await connection.fetch(
        "SELECT id_code, key_index, generation FROM link WHERE organisation = $1 AND id_code > $2 AND key_index <> $3"
        " AND unlinked_at IS NULL ORDER BY id_code LIMIT $4",
        rotation.organisation.value,
        rotation.cursor,
        rotation.key_index,
        most,
    )
    return [Person(IdCode(bytes(row["id_code"])), row["key_index"], row["generation"]) for row in rows]


async def left(connection: Connection, organisation: OrganisationCode, key_index: int) -> int:
    """How many people's holder has not confirmed a code of this key."""
    count: int = await connection.fetchval(
        "SELECT count(*) FROM link WHERE organisation = $1 AND key_index <> $2 AND unlinked_at IS NULL",
        organisation.value,
        key_index,
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
    await _update(connection, rotation, "swept = false, cursor = ''::bytea, due_at = $3", at)


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
        " WHERE organisation = $1 AND key_index <> $2 AND unlinked_at IS NULL",
        rotation.organisation.value,
        rotation.key_index,
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
        "DELETE FROM rotation_sent WHERE telegram = ANY($1::text[]) RETURNING telegram, organisation, key_index, people",
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
        " AND id_code = ANY($3::bytea[]) AND key_index < $2 AND unlinked_at IS NULL RETURNING 1)"
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
