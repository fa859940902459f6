"""Two instances of one system on one database: whatever reaches either, or both at once, happens once (N3)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from nakadachi.core import store as core_store
from nakadachi.crypto.notes import NoteVerifier
from nakadachi.interface import oversight as interface_oversight
from nakadachi.interface import store as interface_store
from nakadachi.intermediate import desk, exchange_store
from nakadachi.kit import outbox
from nakadachi.kit.postgres import PostgresServer
from nakadachi.ledger.checkpoint import open_checkpoint
from nakadachi.ledger.log import SHORT_LEASE
from nakadachi.ledger.permits import check_permit, entry_of
from nakadachi.node import Service
from nakadachi.refusal import Reason
from nakadachi.telegrams.envelope import Pending, Received, Telegram, Verified
from nakadachi.telegrams.inquiry import Inquire, InquireAt, InquiryAccepted
from nakadachi.telegrams.oversight import Operation
from nakadachi.telegrams.permit import CheckPrefix, PermitGranted, RequestPermit
from nakadachi.telegrams.provision import Provide, ProvisionReceived
from nakadachi.terms import Role, Serial
from tests.invented import AOBA, TSUBAKI
from tests.story.editions import distribute, edition
from tests.story.pair import Pair, both_before, second_instances
from tests.story.people import EVERYBODY, HANA, KENJI, SUMI, TARO, settle
from tests.story.play import Play, good, outcomes
from tests.tap import Flight
from tests.world import a_country, inquiry_line, reason_of, told

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]

FIRST, SECOND = "core.sample.nakadachi/1", "core.sample.nakadachi/2"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def everything(postgres: PostgresServer, open_directory: Path) -> AsyncIterator[Pair]:
    async with a_country(postgres, open_directory, EVERYBODY, twins=True) as land, second_instances(land) as pair:
        await settle(land)
        await land.quiet()
        yield pair
        log = land.log.getvalue().decode()
        assert "telegram.failed" not in log
        assert "Traceback" not in log


@pytest.fixture
def pair(everything: Pair) -> Pair:
    everything.to_second.clear()
    everything.gates.clear()
    return everything


@pytest.fixture
def play(pair: Pair) -> Play:
    return Play(pair.land)


async def until(condition: Any, *given: Any) -> None:
    """Wait for what must come to pass."""
    for _ in range(1500):
        if await condition(*given):
            return
        await asyncio.sleep(0.02)
    pytest.fail("it did not come to pass")


async def request(play: Play) -> tuple[Serial, Verified[Any]]:
    """A new exchange about Hana that is about to ask for its permit (hops 1 and 2 done)."""
    serial = await play.serial()
    await play.check_prefix(serial)
    return serial, play.request_permit(serial, await play.code(TSUBAKI))


def provides(flight: Flight) -> set[str]:
    """The serials of the answers that a flight carries."""
    headers = [one.header for one in flight.telegrams if isinstance(one.header, Provide)]
    return {serial.value for header in headers for serial in header.exchanges}


async def sent(pair: Pair, kind: type[Telegram], since: int, times: int) -> bool:
    """Whether some request with a telegram of a kind was sent so often."""
    requests = [
        flight.request
        for flight in pair.land.tap.flights[since:]
        if kind in {type(one.header) for one in flight.telegrams}
    ]
    return any(requests.count(one) == times for one in requests)


async def take_up(pair: Pair, service: Service) -> None:
    """An instance sends all that waits, whoever else is sending it."""
    async with service.node.database.transaction() as connection:
        await outbox.hurry(connection, pair.land.clock.now())
        entries = await outbox.claim(connection, pair.land.clock.now())
    for entry in entries:
        service.system.sender.send_soon(entry)


def permit_of(play: Play, granted: Received) -> Any:
    """The permit in an answer, checked."""
    assert isinstance(granted.header, PermitGranted), granted.header
    raw = Verified(granted.header, granted.envelope).part("permit")
    return check_permit(raw, play.parts(play.server).edition.directory)


# What reaches the other instance


async def test_an_answer_that_reaches_the_other_instance_wakes_who_waits_here(
    pair: Pair, play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk, "IMMEDIATE_SECONDS", 300.0)
    pair.to_second.add((Provide, play.server))
    async with asyncio.timeout(30):
        good(await pair.land.ask(HANA.at(TSUBAKI)))


async def test_a_refusal_and_a_held_inquiry_wake_who_waits_at_the_other_instance_too(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk, "IMMEDIATE_SECONDS", 300.0)
    second = pair.seconds[pair.land.name(Role.INTERMEDIATE, TSUBAKI)]
    for person, status in ((KENJI, "refused"), (TARO, "pending")):
        # The first instance keeps the inquiry and stops there; the second one sends what waits, and hears of it.
        pair.gates[CheckPrefix] = asyncio.Event()
        since = len(pair.land.tap.flights)
        asking = asyncio.create_task(pair.land.ask(person.at(TSUBAKI)))
        await until(sent, pair, CheckPrefix, since, 1)
        del pair.gates[CheckPrefix]
        await take_up(pair, second)
        async with asyncio.timeout(30):
            assert (await asking).status == status


async def test_an_acceptance_that_one_core_heard_is_the_answer_of_the_other_too(pair: Pair, play: Play) -> None:
    inquiry = play.inquire(await play.permitted())
    gate = pair.gates[InquireAt] = asyncio.Event()
    since = len(pair.land.tap.flights)
    one = asyncio.create_task(pair.hand(1, play.interface, play.core, inquiry.envelope))
    await until(sent, pair, InquireAt, since, 1)
    other = asyncio.create_task(pair.hand(2, play.interface, play.core, inquiry.envelope))
    await asyncio.sleep(0.3)
    gate.set()
    for (answer,) in await asyncio.gather(one, other):
        assert isinstance(answer.header, InquiryAccepted), answer.header
    assert len(pair.land.tap.legs(InquireAt, inquiry.header.exchanges[0])) == 2  # core to interface, and on


async def test_an_edition_that_reached_one_instance_is_taken_up_by_the_other(pair: Pair) -> None:
    land = pair.land
    before = {name: service.node.edition.directory.version for name, service in pair.seconds.items()}
    await distribute(land, edition(land, listed=1))

    async def taken_up() -> bool:
        return all(service.node.edition.directory.version == before[name] + 1 for name, service in pair.seconds.items())

    await until(taken_up)
    good(await land.ask(HANA.at(TSUBAKI)))


# The same at both at once


async def test_a_permit_asked_for_at_both_cores_at_once_is_given_once(
    pair: Pair, play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    both_before(monkeypatch, core_store, "keep_decided")
    serial, asked = await request(play)
    one, other = await pair.to_both(play.interface, play.core, asked.envelope)
    permits = [permit_of(play, answer) for answer in (one, other)]
    assert permits[0] == permits[1]
    rows = await pair.land.rows(play.core, "SELECT content FROM exchange WHERE serial = $1", serial.value)
    entries = [entry_of(row["content"]) for row in rows]
    placed = "SELECT entry FROM log_entry WHERE entry = ANY($1::bytea[])"
    assert len(entries) == len(await pair.land.rows(play.core, placed, entries)) == 1


async def test_two_requests_for_one_serial_at_both_cores_at_once_get_one_permit(
    pair: Pair, play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    both_before(monkeypatch, core_store, "keep_decided")
    serial, asked = await request(play)
    again = play.request_permit(serial, await play.code(TSUBAKI))
    answers = await asyncio.gather(
        pair.hand(1, play.interface, play.core, asked.envelope),
        pair.hand(2, play.interface, play.core, again.envelope),
    )
    assert sorted(str(reason_of(answer)) for (answer,) in answers) == ["None", "OUT_OF_TURN"]


@pytest.mark.parametrize("where", ["interface system", "intermediate server"])
async def test_an_inquiry_at_both_of_the_providers_instances_at_once_is_taken_once(
    pair: Pair, play: Play, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    at_interface = where == "interface system"
    sender, to = (play.core, play.other_interface) if at_interface else (play.other_interface, play.other_server)
    module, name = (interface_store, "use_permits") if at_interface else (exchange_store, "keep_asked")
    both_before(monkeypatch, module, name)
    one = await play.permitted()
    for answer in await pair.to_both(sender, to, play.inquire_at(one).envelope):
        assert outcomes(answer) == [None]
    rows = await pair.land.rows(play.other_server, "SELECT serial FROM asked WHERE serial = $1", one.serial.value)
    assert len(rows) == 1


@pytest.mark.parametrize("where", ["interface system", "intermediate server"])
async def test_a_permit_used_in_two_telegrams_at_both_instances_at_once_is_used_once(
    pair: Pair, play: Play, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    at_interface = where == "interface system"
    sender, to = (play.core, play.other_interface) if at_interface else (play.other_interface, play.other_server)
    module, name = (interface_store, "use_permits") if at_interface else (exchange_store, "keep_asked")
    both_before(monkeypatch, module, name)
    one = await play.permitted()
    answers = await asyncio.gather(*(pair.hand(number, sender, to, play.inquire_at(one).envelope) for number in (1, 2)))
    reasons = [reason_of(answer) for (answer,) in answers]
    assert sorted(map(str, reasons)) in (["ALREADY_USED", "None"], ["None", "OUT_OF_TURN"]), reasons


async def test_an_answer_at_both_of_the_inquirers_instances_at_once_is_received_once(
    pair: Pair, play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    await pair.land.quiet()
    gate = pair.gates[Provide] = asyncio.Event()
    asking = asyncio.create_task(pair.land.ask(HANA.at(TSUBAKI)))
    flights: list[Flight] = []

    async def provided() -> bool:
        newest = "SELECT serial FROM inquiry WHERE state = 'asked' ORDER BY asked_at DESC LIMIT 1"
        serials = {row["serial"] for row in await pair.land.rows(play.server, newest)}
        flights[:] = [one for one in pair.land.tap.flights[-9:] if serials & provides(one)]
        return bool(flights)

    await until(provided)
    envelope = flights[0].telegrams[0].envelope
    # On to the inquirer's interface system first, so that its turn has come.
    handed = asyncio.create_task(pair.hand(1, play.other_interface, play.interface, envelope))
    both_before(monkeypatch, exchange_store, "end_inquiries")
    for answer in await pair.to_both(play.interface, play.server, envelope):
        assert isinstance(answer.header, ProvisionReceived), answer.header
        assert outcomes(answer) == [None]
    gate.set()
    good(await asking)
    await handed


async def test_an_answer_heard_by_both_instances_takes_effect_once(
    pair: Pair, play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    both_before(monkeypatch, exchange_store, "note_permits")
    gate, since = asyncio.Event(), len(pair.land.tap.flights)
    pair.gates[CheckPrefix] = gate
    asking = asyncio.create_task(pair.land.ask(HANA.at(TSUBAKI)))
    await until(sent, pair, CheckPrefix, since, 1)
    await take_up(pair, pair.seconds[play.server])
    await until(sent, pair, CheckPrefix, since, 2)
    gate.set()
    asked = await asking
    good(asked)
    inquiries = {str(flight_asked.header.id) for _, flight_asked, _ in pair.land.tap.legs(Inquire, asked.serial)}
    assert len(inquiries) == 1


async def test_two_members_of_staff_at_both_instances_decide_once(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    held = await pair.land.ask(TARO.at(TSUBAKI))
    assert held.serial is not None
    both_before(monkeypatch, exchange_store, "exchanges")
    decided = await asyncio.gather(
        pair.desk(1, AOBA, f"held/{held.serial}/answer", staff="one"),
        pair.desk(2, AOBA, f"held/{held.serial}/refuse", staff="other"),
    )
    assert sorted(status for status, _ in decided) == [200, 400]
    await pair.land.quiet()
    provided = {str(asked.header.id) for _, asked, _ in pair.land.tap.legs(Provide, held.serial)}
    assert len(provided) == 1
    state = await pair.land.rows(
        pair.land.name(Role.INTERMEDIATE, AOBA), "SELECT state FROM asked WHERE serial = $1", held.serial.value
    )
    assert state == [{"state": "answered" if decided[0][0] == 200 else "refused"}]


# A request of the desk that comes again

FILE = "".join(inquiry_line(one.at(TSUBAKI), AOBA) for one in (HANA, SUMI, KENJI)).encode()


async def serials_of(pair: Pair, number: int, key: str, body: bytes = FILE) -> list[tuple[str, Serial | None]]:
    status, text = await pair.desk(number, TSUBAKI, "inquiries", body, key=key, lane="interactive")
    assert status == 200, text
    return [(one.status, one.serial) for one in map(told, text.splitlines())]


async def test_a_request_that_comes_again_begins_no_second_inquiry(pair: Pair, play: Play) -> None:
    count = "SELECT count(*) AS count FROM inquiry"
    before = (await pair.land.rows(play.server, count))[0]["count"]
    one, other = await asyncio.gather(*(serials_of(pair, number, '"request-0001"') for number in (1, 2)))
    assert one == other
    assert [status for status, _ in one] == ["answered", "refused", "refused"]
    assert await serials_of(pair, 2, '"request-0001"') == one
    assert (await pair.land.rows(play.server, count))[0]["count"] == before + 3
    # Another number asks anew.
    assert {serial for _, serial in await serials_of(pair, 1, '"request-0002"')}.isdisjoint(serial for _, serial in one)


async def test_a_number_of_a_request_stands_for_its_lines_alone(pair: Pair) -> None:
    await serials_of(pair, 1, '"request-0003"')
    other = FILE.replace(HANA.at(TSUBAKI).encode(), TARO.at(TSUBAKI).encode())
    _, text = await pair.desk(2, TSUBAKI, "inquiries", other, key='"request-0003"', lane="interactive")
    first = json.loads(text.splitlines()[0])
    assert (first["status"], first["reason"]) == ("refused", Reason.ALREADY_USED.value)


@pytest.mark.parametrize("key", ["request-0001", '""', '"a b c d e f g h"', '"' + "x" * 65 + '"'])
async def test_a_number_that_is_none_is_refused_before_anything_is_asked(pair: Pair, play: Play, key: str) -> None:
    count = "SELECT count(*) AS count FROM inquiry"
    before = await pair.land.rows(play.server, count)
    status, text = await pair.desk(1, TSUBAKI, "inquiries", FILE, key=key)
    assert (status, json.loads(text)["type"]) == (400, Reason.BAD_FORMAT.value)
    assert await pair.land.rows(play.server, count) == before


# Who is there


async def test_a_provider_is_stopped_once_both_its_instances_are(pair: Pair, play: Play) -> None:
    land = pair.land
    second, first = pair.seconds[play.other_interface], land.service(play.other_interface)

    async def report(system: Any, operation: Operation) -> None:
        await system.together(interface_oversight.report_operation, operation)
        await land.quiet()

    await report(second.system, Operation.STOPPED)
    good(await land.ask(HANA.at(TSUBAKI)))
    await report(first.system, Operation.STOPPED)
    assert (await land.ask(HANA.at(TSUBAKI))).reason == Reason.PROVIDER_STOPPED.value
    await report(second.system, Operation.STARTED)
    good(await land.ask(HANA.at(TSUBAKI)))
    await report(first.system, Operation.STARTED)


async def test_each_core_writes_its_own_log(pair: Pair, play: Play) -> None:
    origins = []
    for number in (1, 2):
        _, asked = await request(play)
        (granted,) = await pair.hand(number, play.interface, play.core, asked.envelope)
        origins.append(permit_of(play, granted).content.origin)
    assert origins == [FIRST, SECOND]


async def test_a_permit_of_one_core_is_good_at_the_other(pair: Pair, play: Play) -> None:
    """The inquiry goes to the core that did not give the permit: the head enclosed is of the permit's own log."""
    pair.to_second.add((Inquire, play.core))
    good(await pair.land.ask(HANA.at(TSUBAKI)))
    pair.to_second = {(RequestPermit, play.core)}
    good(await pair.land.ask(HANA.at(TSUBAKI)))


async def test_a_gone_cores_pending_permit_is_given_by_the_other_and_its_log_goes_on(pair: Pair, play: Play) -> None:
    land = pair.land
    core = land.service(play.core).system.parts
    # The first core decides, and goes before the entry has its place: it says nothing and gives back no lease.
    for task in core.log._tasks:
        task.cancel()
    await asyncio.gather(*core.log._tasks, return_exceptions=True)
    serial, asked = await request(play)
    pending = asyncio.create_task(pair.hand(1, play.interface, play.core, asked.envelope))

    async def decided() -> bool:
        return bool(await land.rows(play.core, "SELECT FROM exchange WHERE serial = $1", serial.value))

    await until(decided)
    waiting = asyncio.create_task(pair.hand(2, play.interface, play.core, asked.envelope))
    land.clock.ahead += SHORT_LEASE
    (granted,) = await waiting
    checked = permit_of(play, granted)
    assert (checked.content.origin, checked.content.serial) == (FIRST, serial)
    (former,) = await pending
    assert isinstance(former.header, Pending | PermitGranted)

    async def cosigned() -> bool:
        rows = await land.rows(play.core, "SELECT max(size) AS size FROM log_cosigned WHERE origin = $1", FIRST)
        return bool(rows[0]["size"] > checked.index)

    # The first one knows nothing of that entry: whoever had it cosigned is the other.
    assert core.log.size <= checked.index
    await until(cosigned)
    # It comes back, takes up its lease again, and its log goes on after that entry.
    core.log._tasks = [asyncio.create_task(core.log._work()), asyncio.create_task(core.log._renew())]
    core.log._wake.set()
    _, again = await request(play)
    (next_one,) = await pair.hand(1, play.interface, play.core, again.envelope)
    later = permit_of(play, next_one)
    assert (later.content.origin, later.index) == (FIRST, checked.index + 1)


async def test_either_core_shows_both_logs_to_an_outsider(pair: Pair, play: Play) -> None:
    land = pair.land
    session = land._session(land.country.folder / land.plan.place(play.core).folder)
    directory = play.parts(play.server).edition.directory
    for instance in land.plan.place(play.core).instances:

        async def get(path: str, url: str = instance.url) -> tuple[int, str]:
            host = f"core.{play.core.organisation}.nakadachi.internal"
            async with session.get(url + path, server_hostname=host) as answer:
                return answer.status, await answer.text()

        assert await get("/log/origins") == (200, f"{FIRST}\n{SECOND}\n")
        for origin in (FIRST, SECOND):
            keys = (NoteVerifier.from_vkey(directory.log_key(origin)),)
            _, note = await get(f"/log/checkpoint?origin={origin}")
            _, entries = await get(f"/log/entries?origin={origin}")
            assert 0 < open_checkpoint(note.encode(), keys, origin).checkpoint.size <= len(entries.splitlines())
        assert (await get("/log/entries?origin=nobody"))[0] == (await get("/log/checkpoint?origin=nobody"))[0] == 404


async def test_another_authors_request_of_the_same_number_gets_nothing_of_it(pair: Pair, play: Play) -> None:
    """The number of a telegram is its author's; another's permits are never recalled by it."""
    rows = await pair.land.rows(play.core, "SELECT request_id, serial FROM exchange ORDER BY requested_at LIMIT 1")
    assert rows
    core = pair.land.service(play.core).system.parts
    serial, asked = await request(play)
    await pair.hand(1, play.interface, play.core, asked.envelope)
    kept = "UPDATE exchange SET request_id = $1 WHERE serial = $2"
    async with pair.land.service(play.core).node.database.acquire() as connection:
        await connection.execute(kept, asked.header.id.value, rows[0]["serial"])
    assert len(await core.recall(asked.header.id)) == 2
    (again,) = await pair.hand(2, play.interface, play.core, asked.envelope)
    assert isinstance(again.header, PermitGranted)
    assert [outcome.serial for outcome in again.header.outcomes] == [serial]
