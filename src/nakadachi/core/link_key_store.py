"""SQL on the keys of organisations' link codes (C6). It takes and returns terms, never rows, and never a key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nakadachi.core.key_rules import FIRST_INDEX, FIRST_MASTER, FOUNDED, KeyState, LinkKey
from nakadachi.terms import OrganisationCode

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from nakadachi.core.key_rules import Keys
    from nakadachi.kit.database import Connection


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
            emergency=row["emergency"],
            created_at=row["created_at"],
            retired_at=row["retired_at"],
            total=row["total"],
            replaced=row["replaced"],
            confirmed_at=row["confirmed_at"],
            finished_at=row["finished_at"],
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
