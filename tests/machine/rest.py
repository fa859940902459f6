"""What must hold once everything is healed and time has passed: all ended, all ends agree, nothing leaked."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from nakadachi.country.plan import ORIGIN
from nakadachi.ledger.verify import verify_log
from nakadachi.refusal import Refusal
from nakadachi.telegrams.envelope import Received, Refused
from nakadachi.terms import Role
from tests.invented import AOBA, TSUBAKI
from tests.knowledge.needles import written
from tests.machine.people import EXPECTED, RESIDENTS, secrets_of
from tests.machine.promises import CLOSED, Broken, Promises, require
from tests.machine.reach import codes_agree, everybody_is_reachable
from tests.tap import Flight

REST_SECONDS = 600
BEAT_SECONDS = 5
REPLAYED = 60
"""How many requests of a run are sent once more at its end."""
DEADLINES = {60: timedelta(seconds=90), 180: timedelta(days=11), 300: timedelta(days=2), 420: timedelta(days=2)}
"""What ends only at a deadline gets there: seconds of rest, and how far all clocks then move on."""
PARTIES = ("inquirer", "provider", "affair", "procedure", "information")


async def come_to_rest(promises: Promises) -> None:
    """Heal everything, let staff decide what is held, let time pass until nothing is on its way. Then nothing may be
    left over.
    """
    land = promises.land
    land.network.weather.calm()
    for troubles in land.troubles.values():
        troubles.next.clear()
    right = max(clock.ahead for clock in land.clocks.values())
    for clock in land.clocks.values():
        clock.ahead = right
    await land.all_up()
    waits: Any = ()
    for rested in range(BEAT_SECONDS, REST_SECONDS, BEAT_SECONDS):
        await asyncio.sleep(BEAT_SECONDS)
        await _decide_what_is_held(promises)
        await promises.step()
        waits = await _on_its_way(promises)
        if not waits:
            return
        for clock in land.clocks.values():
            clock.ahead += DEADLINES.get(rested, timedelta())
    raise Broken(f"does not come to rest: {waits}")


async def check_at_rest(promises: Promises) -> None:
    """Every promise, in full."""
    await everybody_is_reachable(promises)
    await deadlines_pass(promises)
    await _exchanges_agree(promises)
    await _log_is_whole(promises)
    await codes_agree(promises)
    before = await _records(promises)
    await _retries_change_nothing(promises)
    after = await _records(promises)
    more = {name: after[name] ^ before[name] for name in after if after[name] != before[name]}
    require(not more, f"telegrams sent once more left other records: {more}")
    await _logs_tell_nothing(promises)


async def deadlines_pass(promises: Promises) -> None:
    """All deadlines pass: the core asks the ends that did not tell, and what they say changes nothing agreed on."""
    for days in (11, 2):
        for clock in promises.land.clocks.values():
            clock.ahead += timedelta(days=days)
        await asyncio.sleep(3 * BEAT_SECONDS)
    await come_to_rest(promises)


async def _decide_what_is_held(promises: Promises) -> None:
    held = await promises.land.rows(promises.provider, "SELECT serial FROM asked WHERE state = 'held' ORDER BY serial")
    for row in held:
        await promises.land.desk(AOBA, "POST", f"held/{row['serial']}/answer", staff="clerk-kikyou")


async def _on_its_way(promises: Promises) -> dict[str, Any]:
    """What has still to come: outboxes, endings not yet told, inquiries that did not end."""
    land = promises.land
    found: dict[str, Any] = {}
    for name in land.names:
        if rows := await land.rows(name, "SELECT id, destination, attempts FROM outbox"):
            found[name.value] = rows
    for name in (promises.inquirer, promises.provider):
        if rows := await land.rows(name, "SELECT serial FROM completion"):
            found[f"{name.value} completions"] = rows
    for name, query in (
        (promises.inquirer, "SELECT serial, state, last FROM inquiry WHERE state IN ('asked', 'held')"),
        (promises.core, "SELECT serial, last FROM exchange WHERE ending IS NULL AND refused IS NULL"),
        (promises.provider, "SELECT serial, state, last FROM asked WHERE ending IS NULL"),
        (promises.core, "SELECT organisation FROM rotation WHERE finished_at IS NULL AND confirmed_at IS NULL"),
    ):
        if rows := await land.rows(name, query):
            found[f"{name.value} under way: {query}"] = rows
    return found


async def _records(promises: Promises) -> dict[str, set[tuple[Any, ...]]]:
    return {
        name.value: {
            (row["serial"], row["event"], row["reason"])
            for row in await promises.land.rows(name, "SELECT serial, event, reason FROM record")
        }
        for name in promises.land.names
    }


async def _exchanges_agree(promises: Promises) -> None:
    """Inquirer, core and provider keep the same of every exchange."""
    land = promises.land
    inquiries = await land.rows(promises.inquirer, "SELECT serial, state, reason, last, addressee FROM inquiry")
    core = {row["serial"]: row for row in await land.rows(promises.core, "SELECT * FROM exchange")}
    asked = {row["serial"]: row for row in await land.rows(promises.provider, "SELECT * FROM asked")}
    records: dict[Any, dict[tuple[str, str], dict[str, Any]]] = {
        name: {(row["serial"], row["event"]): row for row in await land.rows(name, "SELECT * FROM record")}
        for name in (promises.inquirer, promises.core, promises.provider)
    }
    for row in inquiries:
        serial, state = row["serial"], row["state"]
        endings = [
            event for event in ("received", "refused", "closed") if (serial, event) in records[promises.inquirer]
        ]
        require(len(endings) == 1, f"{serial}: the inquirer's record ends {endings}")
        require((endings == ["received"]) == (state == "answered"), f"{serial} is {state}, its record says {endings}")
        if serial in core and core[serial]["refused"] is None:
            same = core[serial]["ending"] == state
            require(same, f"{serial}: {_short(row)}, at the core {_short(core[serial])}")
        there = asked.get(serial)
        if there:
            require(_may_say(there["ending"], state), f"{serial}: {_short(row)}, at the provider {_short(there)}")
        if state == "answered":
            require(there and there["state"] == "answered", f"{serial}: answered, but {there} at the provider")
            events = ((promises.inquirer, "received"), (promises.provider, "provided"), (promises.core, "permitted"))
            _same(serial, [records[name].get((serial, event)) for name, event in events])
        elif there and there["state"] == state == "refused":
            require(there["reason"] == row["reason"], f"{serial}: {there['reason']} and {row['reason']}")
    strangers = set(asked) - {row["serial"] for row in inquiries}
    require(not strangers, f"the provider was asked what nobody asked: {strangers}")


def _may_say(provider: str, inquirer: str) -> bool:
    """The provider says the same; or its refusal crossed the inquirer's cancellation or deadline: nobody was answered,
    each keeps its own word, and the core takes the inquirer's.
    """
    return provider == inquirer or (provider == "refused" and inquirer in CLOSED)


def _short(row: dict[str, Any]) -> str:
    names = ("state", "ending", "reason", "ending_reason", "last", "inquirer_ending", "provider_ending")
    return ", ".join(f"{name} {row[name]}" for name in names if row.get(name) is not None)


def _same(serial: str, rows: list[Any]) -> None:
    require(all(rows), f"{serial}: a record is lacking among those of inquirer, provider, core")
    for name in (*PARTIES, "leaf"):
        require(len({str(row[name]) for row in rows}) == 1, f"{serial}: records differ in {name}")
    require(rows[0]["items"] == rows[1]["items"], f"{serial}: the records of the two ends differ in items")


async def _log_is_whole(promises: Promises) -> None:
    """No gap; the newest cosigned head is of all entries; each permit used is the leaf it says it is."""
    land = promises.land
    rows = await land.rows(promises.core, "SELECT index, entry FROM log_entry ORDER BY index")
    require([row["index"] for row in rows] == list(range(len(rows))), "the log has a gap")
    pending = await land.rows(promises.core, "SELECT 1 FROM log_pending")
    require(not pending, f"{len(pending)} entries never got a place")
    newest = await land.rows(promises.core, "SELECT note FROM log_cosigned ORDER BY at DESC LIMIT 1")
    entries = [bytes(row["entry"]) for row in rows]
    verdict = verify_log(entries, newest[0]["note"], promises.keys())
    require(verdict.ok, f"the log: {verdict.problems}")
    witnessed = await land.rows(land.name(Role.COMMISSION), "SELECT size FROM witnessed WHERE origin = $1", ORIGIN)
    require(witnessed[0]["size"] == len(entries), "the Commission has not seen the whole log")
    for name in (promises.provider, land.name(Role.INTERFACE, AOBA)):
        table = "asked" if name.role is Role.INTERMEDIATE else "permit_used"
        used = await land.rows(name, f"SELECT origin, index, serial FROM {table}")
        require(len({(row["origin"], row["index"]) for row in used}) == len(used), f"{name}: a permit used twice")
        require(all(row["index"] < len(entries) for row in used), f"{name}: a permit that is not in the log")


async def _retries_change_nothing(promises: Promises) -> None:
    """Requests of the run, once more: the final answers are those of before."""
    land = promises.land
    flights = [flight for flight in land.network.flights if _was_handled(flight)]
    for flight in land.network.weather.chance.sample(flights, min(REPLAYED, len(flights))):
        again = Flight(flight.sender, flight.to, flight.request)
        await land.network.deliver(again)
    promises.wire()
    await come_to_rest(promises)


def _was_handled(flight: Flight) -> bool:
    """Whether all of a request got final answers that are no refusals: those are not all kept."""
    try:
        finals = [answer for _, answer in flight.pairs]
        return bool(finals) and len(finals) == len(flight.telegrams) and not any(map(_is_refusal, finals))
    except Refusal:
        return False


def _is_refusal(answer: Received) -> bool:
    return isinstance(answer.header, Refused)


async def _logs_tell_nothing(promises: Promises) -> None:
    """No link code, person number, name or body in any log."""
    secrets = [secret for one in RESIDENTS for secret in secrets_of(one)]
    secrets += [value for one in EXPECTED.values() for value in one.values.values() if len(value) > 1]
    for organisation in (TSUBAKI, AOBA):
        rows = await promises.land.rows(
            promises.land.name(Role.INTERMEDIATE, organisation),
            "SELECT link_code FROM person WHERE link_code IS NOT NULL",
        )
        secrets += [row["link_code"] for row in rows]
    log = promises.land.log.getvalue()
    for secret in secrets:
        require(not any(way in log for way in written(secret)), "a code, number, name or value stands in the log")
