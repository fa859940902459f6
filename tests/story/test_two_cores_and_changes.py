"""Two cores number and tell change events at once: none is lost, doubled or out of order, whichever goes (C17, N3)."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
import pytest_asyncio

from nakadachi.core import change_store, changes
from nakadachi.country.running import SYSTEMS
from nakadachi.kit.author import Enclosure
from nakadachi.kit.config import load
from nakadachi.kit.entropy import SeededEntropy
from nakadachi.neighbours.register import apply_lines
from nakadachi.neighbours.registry import register_of
from nakadachi.neighbours.telling import Telling
from nakadachi.telegrams.codec import encode_json
from nakadachi.telegrams.envelope import Envelope
from nakadachi.telegrams.inquiry import Noted
from nakadachi.telegrams.link import NotifyChanges, ReportResidentChanges, ResidentChange, SubscribeChanges
from nakadachi.terms import NodeName, Role, japan_day
from tests.invented import AOBA, TSUBAKI, Person
from tests.story.pair import Pair, both_before, until
from tests.story.people import HANA, KENJI, MIYO, SUMI, TARO
from tests.story.play import good
from tests.story.readers import packets, position, read, subscribe, told_of
from tests.world import Land, reason_of

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]

REPORTS = 12
HERE = (HANA, TARO, MIYO, KENJI, SUMI)
"""Linked at Tsubaki; all but Kenji at Aoba too."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def told(twin_land: Pair) -> Land:
    """Both organisations want the changes of all their people."""
    for organisation in (TSUBAKI, AOBA):
        assert (await subscribe(twin_land.land, organisation, "all"))["outcome"] == "done"
    return twin_land.land


def reported(land: Land, people: Sequence[Person], kind: ResidentChange = ResidentChange.ITEMS) -> Envelope:
    """A report of changes of these people, as the registry organisation writes it."""
    hand = land.author(land.name(Role.REGISTRY))
    parts = [
        Enclosure("resident record codes", encode_json([one.code for one in people]), personal=True),
        Enclosure("new resident record codes", encode_json([""] * len(people)), personal=True),
    ]
    kinds = (kind,) * len(people)
    return hand.write(ReportResidentChanges, to=land.name(Role.CORE), parts=parts, changes=kinds).envelope


async def noted(pair: Pair, number: int, envelope: Envelope) -> None:
    (answer,) = await pair.hand(number, pair.land.name(Role.REGISTRY), pair.land.name(Role.CORE), envelope)
    assert isinstance(answer.header, Noted), reason_of(answer)


async def numbers(land: Land) -> dict[str, list[int]]:
    """The numbers that the core gave, by organisation."""
    rows = await land.rows(land.name(Role.CORE), "SELECT organisation, number FROM change_event ORDER BY 1, 2")
    return {
        organisation: [row["number"] for row in some]
        for organisation, some in itertools.groupby(rows, lambda row: row["organisation"])
    }


async def read_after(land: Land, organisation: Any, after: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while more := await read(land, organisation, found[-1]["number"] if found else after):
        found += more
    return found


async def test_reports_to_both_at_once_are_numbered_without_gap_and_told_once(pair: Pair, told: Land) -> None:
    # Overlapping people in turning order, deaths and their undoing among them: whoever locks in another order meets.
    reports = [
        reported(told, [HERE[(place + step) % 5] for step in range(4)][:: 1 if place % 2 else -1])
        for place in range(REPORTS)
    ] + [
        reported(told, order, kind)
        for kind in (ResidentChange.DEATH, ResidentChange.DEATH_UNDONE)
        for order in ((SUMI, KENJI), (KENJI, SUMI))
    ]
    await asyncio.gather(*(noted(pair, 1 + place % 2, one) for place, one in enumerate(reports[:REPORTS])))
    await asyncio.gather(*(noted(pair, 1 + place % 2, one) for place, one in enumerate(reports[REPORTS:-2])))
    await asyncio.gather(*(noted(pair, 1 + place % 2, one) for place, one in enumerate(reports[-2:])))
    await told.quiet()
    given = await numbers(told)
    there = [len(given[one.value]) for one in (TSUBAKI, AOBA)]
    for organisation, people in ((TSUBAKI, HERE), (AOBA, (HANA, TARO, MIYO, SUMI))):
        expected = Counter(
            HERE[(place + step) % 5].at(organisation)
            for place in range(REPORTS)
            for step in range(4)
            if HERE[(place + step) % 5] in people
        )
        expected.update({one.at(organisation): 4 for one in (SUMI, KENJI) if one in people})
        found = await read_after(told, organisation, 0)
        assert [one["number"] for one in found] == given[organisation.value] == list(range(1, expected.total() + 1))
        assert Counter(told_of(found)) == expected
    assert there[0] > there[1]
    good(await told.ask(HANA.at(TSUBAKI)))


async def test_one_report_that_reaches_both_is_numbered_once(
    pair: Pair, told: Land, monkeypatch: pytest.MonkeyPatch
) -> None:
    after, names = await position(told), (told.name(Role.REGISTRY), told.name(Role.CORE))
    both_before(monkeypatch, change_store, "add_events")
    for answer in await pair.to_both(*names, reported(told, [HANA, SUMI])):
        assert isinstance(answer.header, Noted), reason_of(answer)
    await told.quiet()
    assert told_of(await read(told, TSUBAKI, after)) == [HANA.at(TSUBAKI), SUMI.at(TSUBAKI)]


async def test_both_tell_at_the_same_moment_and_one_packet_goes(
    pair: Pair, told: Land, monkeypatch: pytest.MonkeyPatch
) -> None:
    core = told.name(Role.CORE)
    both_before(monkeypatch, change_store, "to_tell")
    after, begun = await position(told), len(packets(told))
    await noted(pair, 1, reported(told, [HANA, TARO, SUMI]))
    both = (told.service(core).system, pair.seconds[core].system)
    await asyncio.gather(*(system.in_bulk(changes.tell, [None]) for system in both))
    await told.quiet()
    mine = [one for one in packets(told)[begun:] if one.first > after]
    assert [(one.first, len(one.at)) for one in mine if one.first <= after + 3] == [(after + 1, 3)]
    assert [one["number"] for one in await read(told, TSUBAKI, after)] == [after + 1, after + 2, after + 3]


async def test_what_a_gone_core_numbered_the_other_tells(pair: Pair, told: Land) -> None:
    await told.quiet()
    core, interface, after = told.name(Role.CORE), told.name(Role.INTERFACE, TSUBAKI), await position(told)
    told.tap.down.add(interface)
    await noted(pair, 2, reported(told, [HANA]))

    async def under_way() -> bool:
        return bool(await told.rows(core, "SELECT FROM subscription WHERE under_way IS NOT NULL"))

    await until(under_way)
    await noted(pair, 2, reported(told, [SUMI, TARO]))
    await pair.seconds.pop(core).stop()
    told.tap.down.clear()
    await noted(pair, 1, reported(told, [HANA]))
    await told.quiet()
    found = await read(told, TSUBAKI, after)
    assert told_of(found) == [one.at(TSUBAKI) for one in (HANA, SUMI, TARO, HANA)]
    assert [one["number"] for one in found] == list(range(after + 1, after + 5))
    place = told.plan.place(core)
    config, build = SYSTEMS[Role.CORE]
    file = told.country.folder / place.folder / place.instances[1].config
    pair.seconds[core] = await build(load(file, config), told.world)
    await pair.seconds[core].start()
    await pair.seconds[core].announce()


async def test_what_a_server_missed_it_gets_from_the_other_core(pair: Pair, told: Land) -> None:
    await told.quiet()
    core, server = told.name(Role.CORE), told.name(Role.INTERMEDIATE, TSUBAKI)
    after = await position(told)
    await noted(pair, 1, reported(told, [HANA, SUMI]))
    await told.quiet()
    before = await read(told, TSUBAKI, after)
    async with told.service(server).node.database.transaction() as connection:
        await connection.execute("DELETE FROM change WHERE number > $1", after)
        await connection.execute("UPDATE change_subscription SET last = $1", after)
    pair.to_second |= {(SubscribeChanges, core)}
    # The next event shows the gap; whoever asks for what lies in it asks the other core, while this one goes on.
    await asyncio.gather(*(noted(pair, 1 + place % 2, reported(told, [TARO])) for place in range(6)))
    await told.quiet()
    found = await read(told, TSUBAKI, after)
    assert [(one["number"], one["addressee"]) for one in found[:2]] == [
        (one["number"], one["addressee"]) for one in before
    ]
    assert [one["number"] for one in found] == list(range(after + 1, after + 9))
    assert told_of(found) == [one.at(TSUBAKI) for one in (HANA, SUMI)] + [TARO.at(TSUBAKI)] * 6
    assert any(flight.sender == told.name(Role.INTERFACE, TSUBAKI) for flight, _, _ in told.tap.legs(SubscribeChanges))


async def tell(land: Land, registry: NodeName, event: str, kind: str, code: str, **says: str) -> asyncio.Task[None]:
    """Something happens at the register, and the core is told in its turn."""
    node = land.service(registry).node
    register, now = register_of(node.keys, SeededEntropy(3)), node.author.clock.now()
    line = {"event": event, "kind": kind, "at": "2026-01-05", "code": code, **says}
    async with node.database.transaction() as connection:
        (done,) = await apply_lines(register, connection, [line], now, japan_day(now))
    assert done.state == "applied", done.why
    return asyncio.create_task(Telling(land.service(registry).system, register, 3600).turn())


async def all_reported(land: Land, registry: NodeName) -> None:
    """Whatever the register's own turn took, or left for its next, has reached the core."""

    async def nothing_waits() -> bool:
        return not await land.rows(registry, "SELECT code FROM change_untold UNION ALL TABLE change_under_way")

    await until(nothing_waits)
    await land.quiet()


async def test_what_happens_under_a_new_code_does_not_overtake_the_change_of_the_code(pair: Pair, told: Land) -> None:
    """Each report goes to another core; the first is held up on its way."""
    registry, core, new = told.name(Role.REGISTRY), told.name(Role.CORE), "24727059608"
    after, begun = await position(told), len(told.tap.legs(ReportResidentChanges))
    pair.gates[ReportResidentChanges] = asyncio.Event()
    first = await tell(told, registry, "c1", "code", HANA.code, new_code=new)

    async def sent() -> bool:
        return any(
            isinstance(one.header, ReportResidentChanges) and flight.sender == registry
            for flight in told.tap.flights
            for one in flight.telegrams
        )

    await until(sent)
    second = await tell(told, registry, "c2", "death", new)
    await asyncio.sleep(0.5)
    assert len({flight.request for flight, _, _ in told.tap.legs(ReportResidentChanges)[begun:]}) <= 1
    pair.to_second |= {(ReportResidentChanges, core)}
    pair.gates.pop(ReportResidentChanges).set()
    await asyncio.gather(first, second)
    await all_reported(told, registry)
    kinds = [one.header.changes for _, one, _ in told.tap.legs(ReportResidentChanges)[begun:]]  # type: ignore[attr-defined]
    assert kinds == [(ResidentChange.CODE,), (ResidentChange.DEATH,)]
    assert told_of(await read(told, TSUBAKI, after)) == [HANA.at(TSUBAKI)] * 2
    assert (await told.ask(HANA.at(TSUBAKI))).reason == "SUSPENDED"
    await (await tell(told, registry, "c3", "death-undone", new))
    await all_reported(told, registry)
    good(await told.ask(HANA.at(TSUBAKI)))


async def test_nothing_went_wrong_on_the_way(told: Land) -> None:
    await told.quiet()
    assert not {"telegram.failed", "turn.failed"} & set(told.log.getvalue().decode().split('"'))
    assert all(one.header for _, one, _ in told.tap.legs(NotifyChanges))
