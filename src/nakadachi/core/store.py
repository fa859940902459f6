"""All SQL of the core. It takes and returns terms, never rows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

from nakadachi.core.rules import Link
from nakadachi.law.directory import is_older
from nakadachi.refusal import Reason
from nakadachi.telegrams.codec import decode_json, encode_json
from nakadachi.telegrams.inquiry import Ending
from nakadachi.telegrams.oversight import Condition, Operation
from nakadachi.terms import NodeName, OrganisationCode, Serial, TelegramId

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from nakadachi.core.codes import IdCode
    from nakadachi.kit.database import Connection
    from nakadachi.telegrams.oversight import ReportOperation


FIRST_GENERATION = 1
ORDERED_SINCE = "0.2.0"
"""From this version on the moments of a system's words are in the order in which it said them."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One exchange as the core keeps it: the permit's or refusal's content, the wrapped secrets of its month, and how
    each end said it ended.
    """

    serial: Serial
    last: str
    content: bytes
    refused: Reason | None
    month: str
    secrets: bytes
    inquirer_ending: Ending | None = None
    provider_ending: Ending | None = None
    reason: Reason | None = None
    questioned: bool = False


_EXCHANGE = (
    "SELECT serial, last, content, refused, month, secrets, inquirer_ending, provider_ending, ending_reason,"
    " questioned_at IS NOT NULL AS questioned FROM exchange"
)


@dataclass(frozen=True, slots=True)
class Word:
    """What a system, or one of its instances, said of itself last; `received_at` is by our own clock."""

    operation: Operation
    at: datetime
    software: str
    lawbook: int
    directory: int
    condition: Condition | None
    received_at: datetime
    instance: str


async def exchanges(connection: Connection, serials: Sequence[Serial]) -> Mapping[Serial, Exchange]:
    """What is known of these exchanges."""
    if not serials:
        return {}
    rows = await connection.fetch(
        f"{_EXCHANGE} WHERE serial = ANY($1::text[])",
        [serial.value for serial in serials],
    )
    return {exchange.serial: exchange for exchange in map(_exchange, rows)}


async def exchanges_of_request(connection: Connection, request: TelegramId) -> tuple[Exchange, ...]:
    """The exchanges a permit request was about."""
    rows = await connection.fetch(
        f"{_EXCHANGE} WHERE request_id = $1 ORDER BY serial",
        request.value,
    )
    return tuple(map(_exchange, rows))


def _exchange(row: Any) -> Exchange:
    return Exchange(
        Serial(row["serial"]),
        row["last"],
        bytes(row["content"]),
        Reason(row["refused"]) if row["refused"] else None,
        row["month"],
        bytes(row["secrets"]),
        Ending(row["inquirer_ending"]) if row["inquirer_ending"] else None,
        Ending(row["provider_ending"]) if row["provider_ending"] else None,
        Reason(row["ending_reason"]) if row["ending_reason"] else None,
        row["questioned"],
    )


async def keep_decided(
    connection: Connection, decided: Sequence[tuple[TelegramId, Exchange]], now: datetime, due_at: datetime
) -> None:
    """Keep what was judged, with the permit request it answers; a permit whose exchange has not ended at `due_at` is
    asked about.
    """
    await connection.executemany(
        "INSERT INTO exchange (serial, last, request_id, content, refused, month, secrets, requested_at, due_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        [
            (
                one.serial.value,
                one.last,
                request.value,
                one.content,
                one.refused.value if one.refused else None,
                one.month,
                one.secrets,
                now,
                None if one.refused else due_at,
            )
            for request, one in decided
        ],
    )


async def note_inquired(connection: Connection, serials: Sequence[Serial], now: datetime) -> None:
    """The inquiry was taken on."""
    await connection.execute(
        "UPDATE exchange SET last = 'InquireAt', inquired_at = $2 WHERE serial = ANY($1::text[])",
        [serial.value for serial in serials],
        now,
    )


async def links(
    connection: Connection, wanted: Sequence[tuple[IdCode, OrganisationCode]], now: datetime
) -> dict[IdCode, dict[OrganisationCode, Link]]:
    """Where these people are linked, of the organisations named with each of them, and how each link stands now: who
    died is suspended everywhere.

    People and organisations go apart: what two organisations ask of a thousand people is then one walk along the key.
    """
    organisations = {organisation.value: organisation for _, organisation in wanted}
    found: dict[bytes, dict[OrganisationCode, Link]] = {person: {} for person, _ in wanted}
    rows = await connection.fetch(
        "SELECT id_code, organisation, (key_index::bigint << 27) | (coalesce(former_key_index + 1, 0)::bigint << 10)"
        " | (generation << 2) | (CASE WHEN unlinked_at <= $3 THEN 2 ELSE 0 END) | (CASE WHEN death.id_code IS NOT NULL"
        " OR suspended_at <= $3 AND coalesce(resumed_at > $3, true) THEN 1 ELSE 0 END)"
        " FROM link LEFT JOIN death USING (id_code)"
        " WHERE id_code = ANY($1::bytea[]) AND organisation = ANY($2::text[])",
        list(found),
        list(organisations),
        now,
    )
    for person, organisation, link in rows:
        found[person][organisations[organisation]] = _link(link)
    return cast("dict[IdCode, dict[OrganisationCode, Link]]", found)


@lru_cache
def _link(packed: int) -> Link:
    """From how the query packs it: a number is read in a fifth of the time of its five columns, and most links of a
    country are alike.
    """
    former = packed >> 10 & 0x1FFFF
    return Link(
        packed >> 27,
        packed >> 2 & 0xFF,
        unlinked=bool(packed & 2),
        suspended=bool(packed & 1),
        former_key_index=former - 1 if former else None,
    )


async def link_people(
    connection: Connection, organisation: OrganisationCode, people: Sequence[IdCode], *, key_index: int, now: datetime
) -> dict[IdCode, Link]:
    """Link people at an organisation; one linked before keeps the code it has, so that asking twice is safe.

    Who was unlinked gets the next generation, so that the old code stays dead; the closed one goes into the history.
    """
    new = await connection.fetch(
        "INSERT INTO link (id_code, organisation, key_index, generation, linked_at)"
        " SELECT DISTINCT id_code, $2, $3::integer, 1, $4::timestamptz FROM unnest($1::bytea[]) AS given (id_code)"
        " ORDER BY id_code ON CONFLICT (id_code, organisation) DO NOTHING RETURNING id_code",
        [person.value for person in people],
        organisation.value,
        key_index,
        now,
    )
    fresh = {bytes(row["id_code"]) for row in new}
    link = Link(key_index, FIRST_GENERATION, unlinked=False, suspended=False)
    found = {person: link for person in people if person.value in fresh}
    if known := [person for person in people if person.value not in fresh]:
        await _link_again(connection, organisation, known, key_index=key_index, now=now)
        found |= await links_at(connection, organisation, known, now)
    return found


async def _link_again(
    connection: Connection, organisation: OrganisationCode, people: Sequence[IdCode], *, key_index: int, now: datetime
) -> None:
    """Of people linked before, those who were unlinked get the next generation."""
    await connection.execute(
        "WITH closed AS (SELECT id_code, organisation, generation, key_index, linked_at, unlinked_at FROM link"
        " WHERE id_code = ANY($1::bytea[]) AND organisation = $2 AND unlinked_at <= $4 ORDER BY id_code FOR UPDATE),"
        " kept AS (INSERT INTO link_history SELECT * FROM closed)"
        " UPDATE link SET generation = link.generation + 1, key_index = $3, former_key_index = NULL,"
        " linked_at = $4, unlinked_at = NULL, suspended_at = NULL, resumed_at = NULL FROM closed"
        " WHERE link.id_code = closed.id_code AND link.organisation = closed.organisation",
        [person.value for person in people],
        organisation.value,
        key_index,
        now,
    )


async def links_at(
    connection: Connection, organisation: OrganisationCode, people: Sequence[IdCode], now: datetime
) -> dict[IdCode, Link]:
    """The links of these people at one organisation; whoever has none there is left out."""
    linked = await links(connection, [(person, organisation) for person in people], now)
    return {person: at[organisation] for person, at in linked.items() if organisation in at}


async def note_operation(connection: Connection, node: NodeName, report: ReportOperation, now: datetime) -> None:
    """What a system said of itself; an older word never replaces a newer one (of 0.1.0: none is newer than now, since
    the moments of its words follow its clock wherever that is set).

    A system speaks as one or as several instances: what it said before in the other way no longer counts.
    """
    former = is_older(report.software, ORDERED_SINCE)
    at = min(report.at, now) if former else report.at
    await connection.execute(
        "DELETE FROM operation WHERE node = $1 AND (instance = '') <> ($2 = '') AND least(at, received_at) <= $3",
        node.value,
        report.instance,
        at,
    )
    await connection.execute(
        "INSERT INTO operation (node, instance, operation, at, software, lawbook, directory, condition, received_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
        " ON CONFLICT (node, instance) DO UPDATE SET operation = excluded.operation, at = excluded.at,"
        " software = excluded.software, lawbook = excluded.lawbook, directory = excluded.directory,"
        " condition = excluded.condition, received_at = excluded.received_at"
        " WHERE operation.at <= excluded.at OR $10 AND operation.at > operation.received_at",
        node.value,
        report.instance,
        report.operation.value,
        at,
        report.software,
        report.lawbook,
        report.directory,
        encode_json(report.condition).decode() if report.condition else None,
        now,
        former,
    )


async def operations(connection: Connection) -> dict[NodeName, list[Word]]:
    """What every system said last, and each of its instances where it runs as several."""
    rows = await connection.fetch(
        "SELECT node, instance, operation, at, software, lawbook, directory, condition, received_at FROM operation"
        " ORDER BY node, instance"
    )
    said: dict[NodeName, list[Word]] = {}
    for row in rows:
        word = Word(
            Operation(row["operation"]),
            row["at"],
            row["software"],
            row["lawbook"],
            row["directory"],
            decode_json(row["condition"].encode(), Condition) if row["condition"] else None,
            row["received_at"],
            row["instance"],
        )
        said.setdefault(NodeName(row["node"]), []).append(word)
    return said


async def stopped(connection: Connection) -> frozenset[NodeName]:
    """The systems that said last that they stopped: all instances of them."""
    rows = await connection.fetch("SELECT node FROM operation GROUP BY node HAVING every(operation = 'stopped')")
    return frozenset(NodeName(row["node"]) for row in rows)


async def of_other_versions(connection: Connection, software: str) -> dict[NodeName, str]:
    """The systems that said last that they run another version than this one, and which."""
    rows = await connection.fetch("SELECT node, software FROM operation WHERE software <> $1", software)
    return {NodeName(row["node"]): row["software"] for row in rows}


async def version_of(connection: Connection, node: NodeName) -> str | None:
    """The version that a system said last that it runs; None where it never said."""
    version: str | None = await connection.fetchval(
        "SELECT software FROM operation WHERE node = $1 ORDER BY received_at DESC LIMIT 1", node.value
    )
    return version


async def running_older(connection: Connection, lawbook: int, directory: int) -> frozenset[NodeName]:
    """The systems that said last that they run an older law book or directory than these."""
    rows = await connection.fetch(
        "SELECT node FROM operation WHERE operation <> 'stopped' AND (lawbook < $1 OR directory < $2)",
        lawbook,
        directory,
    )
    return frozenset(NodeName(row["node"]) for row in rows)


async def keep_cosigned(connection: Connection, origin: str, size: int, note: str, now: datetime) -> None:
    """Keep a checkpoint the Commission cosigned."""
    await connection.execute(
        "INSERT INTO log_cosigned (origin, size, note, at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        origin,
        size,
        note,
        now,
    )


async def newest_cosigned_at(connection: Connection, origin: str) -> datetime | None:
    """When the newest cosigned checkpoint was kept."""
    # By the primary key's order: the largest size, and of that the last time.
    at: datetime | None = await connection.fetchval(
        "SELECT at FROM log_cosigned WHERE origin = $1 ORDER BY size DESC, at DESC LIMIT 1", origin
    )
    return at


async def newest_cosigned(connection: Connection, origin: str) -> tuple[int, str] | None:
    """The newest cosigned checkpoint: its size and note."""
    rows = await connection.fetch(
        "SELECT size, note FROM log_cosigned WHERE origin = $1 ORDER BY at DESC LIMIT 1", origin
    )
    return (rows[0]["size"], rows[0]["note"]) if rows else None
