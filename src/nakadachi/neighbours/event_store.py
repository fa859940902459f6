"""SQL of the register's life: events, codes and numbers ever given, and what the core is still to be told (R1, R2)."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

from nakadachi.neighbours.events import Event, Person
from nakadachi.neighbours.notation import FORM, address_key, name_key
from nakadachi.telegrams.link import ResidentChange

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from nakadachi.kit.database import Connection
    from nakadachi.terms import TelegramId

KEPT = ("code", "number", "name", "kana", "address", "sex", "born", "died", "left_on")
"""What of a person a history keeps."""


@dataclass(frozen=True, slots=True)
class Untold:
    """A change that the core is to be told: whose code, what kind, and the new code where it changed."""

    kind: ResidentChange
    code: str = field(repr=False)
    new_code: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Past:
    """履歴: one event of a person, and what stood before it, by column."""

    event: str
    kind: str
    at: date
    kept_at: datetime
    before: Mapping[str, str | int | None] = field(repr=False)


async def hold_register(connection: Connection) -> None:
    """One change of the register at a time, so that each is decided on what the one before left."""
    await connection.execute("SELECT pg_advisory_xact_lock(hashtext('nakadachi register'))")


async def known_events(connection: Connection, events: Sequence[str]) -> dict[str, bytes]:
    """The digests of those events that are known, applied or of a day to come."""
    rows = await connection.fetch(
        "SELECT event, digest FROM event WHERE event = ANY($1::text[])"
        " UNION ALL SELECT event, digest FROM event_ahead WHERE event = ANY($1::text[])",
        list(events),
    )
    return {row["event"]: row["digest"] for row in rows}


async def people(connection: Connection, codes: Sequence[str]) -> dict[str, Person]:
    """Who has these resident record codes now."""
    rows = await connection.fetch(
        "SELECT person, code, number, name, kana, address, sex, born, died, left_on FROM resident"
        " WHERE code = ANY($1::text[])",
        list(codes),
    )
    return {row["code"]: Person(**dict(row)) for row in rows}


async def given_codes(connection: Connection, codes: Sequence[str]) -> set[str]:
    """Which of these codes anybody ever had."""
    rows = await connection.fetch("SELECT code FROM code_given WHERE code = ANY($1::text[])", list(codes))
    return {row["code"] for row in rows}


async def given_numbers(connection: Connection, numbers: Sequence[str]) -> set[str]:
    """Which of these Individual Numbers anybody ever had."""
    rows = await connection.fetch("SELECT number FROM number_given WHERE number = ANY($1::text[])", list(numbers))
    return {row["number"] for row in rows}


async def draw_indices(connection: Connection, count: int) -> list[int]:
    """The next running indices of numbers; one drawn is never drawn again, also where its transaction fails."""
    rows = await connection.fetch("SELECT nextval('number_index') AS next FROM generate_series(1, $1)", count)
    return [row["next"] for row in rows]


async def add_people(connection: Connection, new: Sequence[Person]) -> None:
    """Register new people; each gets its `person`."""
    if not new:
        return
    rows = await connection.fetch(
        "INSERT INTO resident"
        " (code, number, name, kana, address, sex, born, died, left_on, name_key, address_key, form)"
        " SELECT *, $12 FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::smallint[],"
        " $7::text[], $8::date[], $9::date[], $10::text[], $11::text[]) RETURNING person, code",
        *([getattr(one, name) for one in new] for name in KEPT),
        [name_key(one.name) for one in new],
        [address_key(one.address) for one in new],
        FORM,
    )
    by_code = {row["code"]: row["person"] for row in rows}
    for one in new:
        one.person = by_code[one.code]


async def give_codes(connection: Connection, given: Sequence[tuple[str, Person, date]]) -> None:
    """Note codes as given: code, to whom, since when."""
    await connection.executemany(
        "INSERT INTO code_given (code, person, since) VALUES ($1, $2, $3)",
        [(code, person.person, since) for code, person, since in given],
    )


async def change_people(connection: Connection, changed: Sequence[Person]) -> None:
    """Write people as they are now."""
    await connection.executemany(
        "UPDATE resident SET code = $2, number = $3, name = $4, kana = $5, address = $6, sex = $7, born = $8, "
        "died = $9, left_on = $10, name_key = $11, address_key = $12, form = $13 WHERE person = $1",
        [
            (
                one.person,
                *(getattr(one, name) for name in KEPT),
                name_key(one.name),
                address_key(one.address),
                FORM,
            )
            for one in changed
        ],
    )


async def give_numbers(connection: Connection, numbers: Sequence[tuple[Person, str, date]]) -> None:
    """Each person's new number is the valid one from its day; the one before is no more, and is never given again."""
    until: dict[int, date] = {}
    rows: list[tuple[int, str, date, date | None]] = []
    for person, number, since in reversed(numbers):
        rows.append((person.person, number, since, until.get(person.person)))
        until[person.person] = since
    await connection.executemany(
        "UPDATE number_given SET until = $2 WHERE person = $1 AND until IS NULL", list(until.items())
    )
    await connection.executemany(
        "INSERT INTO number_given (person, number, since, until) VALUES ($1, $2, $3, $4)", rows
    )


async def keep_events(
    connection: Connection, kept: Sequence[tuple[Event, Person, Mapping[str, object]]], now: datetime
) -> None:
    """Keep events with whom they were of and what stood before."""
    await connection.executemany(
        "INSERT INTO event (event, person, kind, at, kept_at, digest, before) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        [
            (one.event, person.person, one.kind.value, one.at, now, one.digest, json.dumps(before, default=str))
            for one, person, before in kept
        ],
    )


async def keep_ahead(connection: Connection, events: Sequence[tuple[Event, str]]) -> None:
    """Keep events of days to come, with their lines."""
    await connection.executemany(
        "INSERT INTO event_ahead (event, at, digest, line) VALUES ($1, $2, $3, $4)",
        [(one.event, one.at, one.digest, line) for one, line in events],
    )


async def take_due(connection: Connection, today: date, most: int) -> list[str]:
    """Take the lines of events whose day has come, oldest day first."""
    rows = await connection.fetch(
        "DELETE FROM event_ahead WHERE event IN (SELECT event FROM event_ahead WHERE at <= $1 AND refused IS NULL"
        " ORDER BY at, event LIMIT $2 FOR UPDATE SKIP LOCKED) RETURNING line, at, event",
        today,
        most,
    )
    return [row["line"] for row in sorted(rows, key=lambda row: (row["at"], row["event"]))]


async def keep_refused(connection: Connection, refused: Sequence[tuple[Event, str, str]]) -> None:
    """Keep events that were of a day to come and turned out wrong on it: event, line, why."""
    await connection.executemany(
        "INSERT INTO event_ahead (event, at, digest, line, refused) VALUES ($1, $2, $3, $4, $5)",
        [(one.event, one.at, one.digest, line, why) for one, line, why in refused],
    )


async def keep_untold(connection: Connection, changes: Sequence[Untold]) -> None:
    """Queue what the core is to be told, in order."""
    await connection.executemany(
        "INSERT INTO change_untold (code, new_code, kind) VALUES ($1, $2, $3)",
        [(one.code, one.new_code, one.kind.value) for one in changes],
    )


async def take_untold(connection: Connection, most: int) -> list[Untold]:
    """Take the oldest changes that the core is to be told, in order."""
    rows = await connection.fetch(
        "DELETE FROM change_untold WHERE place IN (SELECT place FROM change_untold ORDER BY place LIMIT $1)"
        " RETURNING place, code, new_code, kind",
        most,
    )
    ordered = sorted(rows, key=lambda row: int(row["place"]))
    return [Untold(ResidentChange(row["kind"]), row["code"], row["new_code"]) for row in ordered]


async def hold_telling(connection: Connection) -> bool:
    """Whether the core may be told more: no report is under way. Nobody else tells it until the commit."""
    await connection.execute("SELECT pg_advisory_xact_lock(hashtext('nakadachi register telling'))")
    return not await connection.fetchval("SELECT EXISTS (SELECT FROM change_under_way)")


async def under_way(connection: Connection, telegram: TelegramId) -> None:
    """A report is on its way in a telegram."""
    await connection.execute("INSERT INTO change_under_way (telegram) VALUES ($1)", telegram.value)


async def arrived(connection: Connection, telegrams: Sequence[TelegramId]) -> None:
    """These reports were answered: the next may go."""
    await connection.execute(
        "DELETE FROM change_under_way WHERE telegram = ANY($1::text[])", [one.value for one in telegrams]
    )


async def history(connection: Connection, code: str) -> list[Past]:
    """What happened to the person who has, or once had, this resident record code, oldest first."""
    rows = await connection.fetch(
        "SELECT event, kind, at, kept_at, before FROM event WHERE person ="
        " (SELECT person FROM code_given WHERE code = $1) ORDER BY kept_at, at, event",
        code,
    )
    return [Past(row["event"], row["kind"], row["at"], row["kept_at"], json.loads(row["before"])) for row in rows]


async def numbers_of(connection: Connection, code: str) -> list[tuple[str, date | None, date | None]]:
    """Every Individual Number of the person who has, or once had, this code: number, from, until; the valid one
    last.
    """
    rows = await connection.fetch(
        "SELECT number, since, until FROM number_given WHERE person = (SELECT person FROM code_given WHERE code = $1)"
        " ORDER BY until NULLS LAST",
        code,
    )
    return [(row["number"], row["since"], row["until"]) for row in rows]


async def figures(connection: Connection) -> dict[str, int]:
    """How many residents live, died, left; events kept, to come, refused; what is still to be told: to the core,
    and to the certification service.
    """
    row = await connection.fetchrow(
        "SELECT (SELECT count(*) FROM resident WHERE died IS NULL AND left_on IS NULL) AS residents,"
        " (SELECT count(*) FROM resident WHERE died IS NOT NULL) AS dead,"
        " (SELECT count(*) FROM resident WHERE died IS NULL AND left_on IS NOT NULL) AS abroad,"
        " (SELECT count(*) FROM event) AS events,"
        " (SELECT count(*) FROM event_ahead WHERE refused IS NULL) AS ahead,"
        " (SELECT count(*) FROM event_ahead WHERE refused IS NOT NULL) AS refused,"
        " (SELECT count(*) FROM change_untold) AS untold,"
        " (SELECT count(*) FROM certificate_untold) AS certificates"
    )
    return {name: int(value) for name, value in dict(row).items()}
