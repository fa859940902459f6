"""All SQL of the core. It takes and returns terms, never rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nakadachi.core.rules import Link
from nakadachi.refusal import Reason
from nakadachi.terms import NodeName, OrganisationCode, Serial, TelegramId

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from nakadachi.core.codes import IdCode
    from nakadachi.kit.database import Connection
    from nakadachi.telegrams.inquiry import Completion
    from nakadachi.telegrams.oversight import ReportOperation


@dataclass(frozen=True, slots=True)
class Exchange:
    """One exchange as the core keeps it: the permit's or refusal's content, and the wrapped secrets of its month."""

    serial: Serial
    last: str
    content: bytes
    refused: Reason | None
    month: str
    secrets: bytes


async def exchanges(connection: Connection, serials: Sequence[Serial]) -> Mapping[Serial, Exchange]:
    """What is known of these exchanges."""
    if not serials:
        return {}
    rows = await connection.fetch(
        "SELECT serial, last, content, refused, month, secrets FROM exchange WHERE serial = ANY($1::text[])",
        [serial.value for serial in serials],
    )
    return {exchange.serial: exchange for exchange in map(_exchange, rows)}


async def exchanges_of_request(connection: Connection, request: TelegramId) -> tuple[Exchange, ...]:
    """The exchanges a permit request was about."""
    rows = await connection.fetch(
        "SELECT serial, last, content, refused, month, secrets FROM exchange WHERE request_id = $1 ORDER BY serial",
        request.value,
    )
    return tuple(map(_exchange, rows))


def _exchange(row: Any) -> Exchange:
    refused = Reason(row["refused"]) if row["refused"] else None
    return Exchange(
        Serial(row["serial"]), row["last"], bytes(row["content"]), refused, row["month"], bytes(row["secrets"])
    )


async def keep_decided(connection: Connection, decided: Sequence[tuple[TelegramId, Exchange]], now: datetime) -> None:
    """Keep what was judged, with the permit request it answers."""
    await connection.executemany(
        "INSERT INTO exchange (serial, last, request_id, content, refused, month, secrets, requested_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
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


async def note_ended(connection: Connection, by: str, completions: Sequence[Completion]) -> None:
    """One end said that exchanges ended; `by` is the telegram."""
    column = "provider_ended_at" if by == "ProvisionCompleted" else "inquirer_ended_at"
    await connection.executemany(
        f"UPDATE exchange SET last = $2, ending = $3, {column} = $4 WHERE serial = $1",  # noqa: S608  one of two names
        [(one.serial.value, by, one.ending.value, one.ended_at) for one in completions],
    )


async def links(connection: Connection, people: Sequence[IdCode]) -> dict[IdCode, dict[OrganisationCode, Link]]:
    """Where these people are linked."""
    rows = await connection.fetch(
        "SELECT id_code, organisation, key_index, generation, unlinked_at IS NOT NULL AS unlinked,"
        " suspended_at IS NOT NULL AS suspended FROM link WHERE id_code = ANY($1::bytea[])",
        [person.value for person in people],
    )
    kinds = {person.value: person for person in people}
    found: dict[IdCode, dict[OrganisationCode, Link]] = {person: {} for person in people}
    for row in rows:
        link = Link(row["key_index"], row["generation"], row["unlinked"], row["suspended"])
        found[kinds[bytes(row["id_code"])]][OrganisationCode(row["organisation"])] = link
    return found


async def link_people(
    connection: Connection, organisation: OrganisationCode, people: Sequence[IdCode], *, key_index: int, now: datetime
) -> dict[IdCode, Link]:
    """Link people at an organisation; one linked before keeps the code it has, so that asking twice is safe."""
    await connection.executemany(
        "INSERT INTO link (id_code, organisation, key_index, generation, linked_at) VALUES ($1, $2, $3, 1, $4)"
        " ON CONFLICT (id_code, organisation) DO NOTHING",
        [(person.value, organisation.value, key_index, now) for person in people],
    )
    return {person: found[organisation] for person, found in (await links(connection, people)).items()}


async def note_operation(connection: Connection, node: NodeName, report: ReportOperation) -> None:
    """What a system said of itself; an older word never replaces a newer one.

    A system speaks as one or as several instances: what it said before in the other way no longer counts.
    """
    await connection.execute(
        "DELETE FROM operation WHERE node = $1 AND (instance = '') <> ($2 = '') AND at <= $3",
        node.value,
        report.instance,
        report.at,
    )
    await connection.execute(
        "INSERT INTO operation (node, instance, operation, at, software, lawbook, directory)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7)"
        " ON CONFLICT (node, instance) DO UPDATE SET operation = excluded.operation, at = excluded.at,"
        " software = excluded.software, lawbook = excluded.lawbook, directory = excluded.directory"
        " WHERE operation.at <= excluded.at",
        node.value,
        report.instance,
        report.operation.value,
        report.at,
        report.software,
        report.lawbook,
        report.directory,
    )


async def stopped(connection: Connection) -> frozenset[NodeName]:
    """The systems that said last that they stopped: all instances of them."""
    rows = await connection.fetch("SELECT node FROM operation GROUP BY node HAVING every(operation = 'stopped')")
    return frozenset(NodeName(row["node"]) for row in rows)


async def running_older(connection: Connection, lawbook: int, directory: int) -> frozenset[NodeName]:
    """The systems that said last that they run an older law book or directory than these."""
    rows = await connection.fetch(
        "SELECT node FROM operation WHERE operation = 'started' AND (lawbook < $1 OR directory < $2)",
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


async def newest_cosigned(connection: Connection, origin: str) -> tuple[int, str] | None:
    """The newest cosigned checkpoint: its size and note."""
    rows = await connection.fetch(
        "SELECT size, note FROM log_cosigned WHERE origin = $1 ORDER BY at DESC LIMIT 1", origin
    )
    return (rows[0]["size"], rows[0]["note"]) if rows else None
