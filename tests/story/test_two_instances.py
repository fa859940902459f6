"""Two instances of one system on one database: whatever reaches either, or both at once, happens once (N3)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from nakadachi.core import store as core_store
from nakadachi.health.reporter import Reporter
from nakadachi.interface import store as interface_store
from nakadachi.intermediate import desk, exchange_store
from nakadachi.ledger.permits import entry_of
from nakadachi.refusal import Reason
from nakadachi.service import Service
from nakadachi.telegrams.inquiry import Inquire, InquireAt, InquiryAccepted
from nakadachi.telegrams.oversight import Operation
from nakadachi.telegrams.permit import CheckPrefix
from nakadachi.telegrams.provision import Provide, ProvisionReceived
from nakadachi.terms import NodeName, Role
from tests.invented import AOBA, TSUBAKI
from tests.story.editions import distribute, edition
from tests.story.pair import Pair, both_before, permit_of, provides, request, sent, take_up, until
from tests.story.people import HANA, KENJI, TARO
from tests.story.play import Play, good, outcomes
from tests.tap import Flight
from tests.world import reason_of

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]

# What reaches the other instance


async def test_an_answer_that_reaches_the_other_instance_wakes_who_waits_here(
    pair: Pair, hands: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk, "IMMEDIATE_SECONDS", 300.0)
    pair.to_second.add((Provide, hands.server))
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


async def test_an_acceptance_that_one_core_heard_is_the_answer_of_the_other_too(pair: Pair, hands: Play) -> None:
    inquiry = hands.inquire(await hands.permitted())
    gate = pair.gates[InquireAt] = asyncio.Event()
    since = len(pair.land.tap.flights)
    one = asyncio.create_task(pair.hand(1, hands.interface, hands.core, inquiry.envelope))
    await until(sent, pair, InquireAt, since, 1)
    other = asyncio.create_task(pair.hand(2, hands.interface, hands.core, inquiry.envelope))
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
    pair: Pair, hands: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    both_before(monkeypatch, core_store, "keep_decided")
    serial, asked = await request(hands)
    one, other = await pair.to_both(hands.interface, hands.core, asked.envelope)
    permits = [permit_of(hands, answer) for answer in (one, other)]
    assert permits[0] == permits[1]
    rows = await pair.land.rows(hands.core, "SELECT content FROM exchange WHERE serial = $1", serial.value)
    entries = [entry_of(row["content"]) for row in rows]
    placed = "SELECT entry FROM log_entry WHERE entry = ANY($1::bytea[])"
    assert len(entries) == len(await pair.land.rows(hands.core, placed, entries)) == 1


async def test_what_the_other_instance_kept_between_our_two_looks_is_not_out_of_turn(
    pair: Pair, hands: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    second = pair.seconds[hands.core].system
    known, first = second._known, []
    _, asked = await request(hands)

    async def first_the_other(connection: Any, serials: Any) -> Any:
        if not first:
            first.extend(await pair.hand(1, hands.interface, hands.core, asked.envelope))
        return await known(connection, serials)

    monkeypatch.setattr(second, "_known", first_the_other)
    (answer,) = await pair.hand(2, hands.interface, hands.core, asked.envelope)
    assert permit_of(hands, answer) == permit_of(hands, first[0])


async def test_two_requests_for_one_serial_at_both_cores_at_once_get_one_permit(
    pair: Pair, hands: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    both_before(monkeypatch, core_store, "keep_decided")
    serial, asked = await request(hands)
    again = hands.request_permit(serial, await hands.code(TSUBAKI))
    answers = await asyncio.gather(
        pair.hand(1, hands.interface, hands.core, asked.envelope),
        pair.hand(2, hands.interface, hands.core, again.envelope),
    )
    assert sorted(str(reason_of(answer)) for (answer,) in answers) == ["None", "OUT_OF_TURN"]


def both_at_the_provider(hands: Play, monkeypatch: pytest.MonkeyPatch, where: str) -> tuple[NodeName, NodeName]:
    """Both instances of one of the provider's systems get as far as keeping an inquiry; who hands it to whom."""
    if where == "interface system":
        both_before(monkeypatch, interface_store, "use_permits")
        return hands.core, hands.other_interface
    both_before(monkeypatch, exchange_store, "keep_asked")
    return hands.other_interface, hands.other_server


@pytest.mark.parametrize("where", ["interface system", "intermediate server"])
async def test_an_inquiry_at_both_of_the_providers_instances_at_once_is_taken_once(
    pair: Pair, hands: Play, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    sender, to = both_at_the_provider(hands, monkeypatch, where)
    one = await hands.permitted()
    for answer in await pair.to_both(sender, to, hands.inquire_at(one).envelope):
        assert outcomes(answer) == [None]
    rows = await pair.land.rows(hands.other_server, "SELECT serial FROM asked WHERE serial = $1", one.serial.value)
    assert len(rows) == 1


@pytest.mark.parametrize("where", ["interface system", "intermediate server"])
async def test_a_permit_used_in_two_telegrams_at_both_instances_at_once_is_used_once(
    pair: Pair, hands: Play, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    sender, to = both_at_the_provider(hands, monkeypatch, where)
    one = await hands.permitted()
    answers = await asyncio.gather(
        *(pair.hand(number, sender, to, hands.inquire_at(one).envelope) for number in (1, 2))
    )
    reasons = [reason_of(answer) for (answer,) in answers]
    assert sorted(map(str, reasons)) in (["ALREADY_USED", "None"], ["None", "OUT_OF_TURN"]), reasons


async def test_an_answer_at_both_of_the_inquirers_instances_at_once_is_received_once(
    pair: Pair, hands: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    await pair.land.quiet()
    gate = pair.gates[Provide] = asyncio.Event()
    asking = asyncio.create_task(pair.land.ask(HANA.at(TSUBAKI)))
    flights: list[Flight] = []

    async def provided() -> bool:
        newest = "SELECT serial FROM inquiry WHERE state = 'asked' ORDER BY asked_at DESC LIMIT 1"
        serials = {row["serial"] for row in await pair.land.rows(hands.server, newest)}
        flights[:] = [one for one in pair.land.tap.flights[-9:] if serials & provides(one)]
        return bool(flights)

    await until(provided)
    envelope = flights[0].telegrams[0].envelope
    # On to the inquirer's interface system first, so that its turn has come.
    handed = asyncio.create_task(pair.hand(1, hands.other_interface, hands.interface, envelope))
    both_before(monkeypatch, exchange_store, "end_inquiries")
    for answer in await pair.to_both(hands.interface, hands.server, envelope):
        assert isinstance(answer.header, ProvisionReceived), answer.header
        assert outcomes(answer) == [None]
    gate.set()
    good(await asking)
    await handed


async def test_an_answer_heard_by_both_instances_takes_effect_once(
    pair: Pair, hands: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    both_before(monkeypatch, exchange_store, "note_permits")
    gate, since = asyncio.Event(), len(pair.land.tap.flights)
    pair.gates[CheckPrefix] = gate
    asking = asyncio.create_task(pair.land.ask(HANA.at(TSUBAKI)))
    await until(sent, pair, CheckPrefix, since, 1)
    await take_up(pair, pair.seconds[hands.server])
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


# Who is there


async def test_a_provider_is_stopped_once_both_its_instances_are(pair: Pair, hands: Play) -> None:
    land = pair.land
    second, first = pair.seconds[hands.other_interface], land.service(hands.other_interface)

    async def report(service: Service, operation: Operation) -> None:
        node = service.node
        await Reporter(service.system, node.health, node.config.report_every, node.config.instance)._keep(operation)
        await land.quiet()

    await report(second, Operation.STOPPED)
    good(await land.ask(HANA.at(TSUBAKI)))
    await report(first, Operation.STOPPED)
    assert (await land.ask(HANA.at(TSUBAKI))).reason == Reason.PROVIDER_STOPPED.value
    await report(second, Operation.STARTED)
    good(await land.ask(HANA.at(TSUBAKI)))
    await report(first, Operation.STARTED)
