"""A rotation that is interrupted goes on where it stood, and everybody ends with one new code that both sides know."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from nakadachi.core import key_rules, link_keys, rotation
from nakadachi.core.codes import Meaning
from nakadachi.kit.client import Unreachable
from nakadachi.telegrams.link import ReplaceLinkCodes
from nakadachi.terms import LinkCode, NodeName, OrganisationCode, Role
from tests.invented import AOBA, TSUBAKI
from tests.story.pair import Pair
from tests.story.people import HANA
from tests.story.play import Play, good
from tests.story.rotating import confirmed, held_up, keys, order, until
from tests.tap import Flight
from tests.world import Land

pytestmark = pytest.mark.asyncio(loop_scope="module")

STUCK_SECONDS = 1.0
"""So long a telegram hangs before its sender gives up; shorter than a system that stops waits for its requests."""


@pytest.fixture(autouse=True)
def _one_a_telegram(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rotation takes as many telegrams as there are people."""
    monkeypatch.setattr(key_rules, "ROUTINE_PEOPLE", 1)
    monkeypatch.setattr(key_rules, "ITEMS_LIMIT", 1)


@asynccontextmanager
async def only(land: Land, count: int) -> AsyncIterator[asyncio.Event]:
    """In this block only so many telegrams reach their end; the event says that they did."""
    before, done, passed = land.tap.steer, asyncio.Event(), 0

    async def steer(flight: Flight, url: str) -> str:
        nonlocal passed
        if any(isinstance(one.header, ReplaceLinkCodes) for one in flight.telegrams):
            passed += 1
            if passed > 2 * count:  # each takes two legs
                done.set()
                await asyncio.sleep(STUCK_SECONDS)
                raise Unreachable(f"{flight.to}: nothing comes back")
        return await before(flight, url) if before else url

    land.tap.steer = steer
    try:
        yield done
    finally:
        land.tap.steer = before


async def up(land: Land, name: NodeName) -> None:
    """Start a node again."""
    service = await land.country.start_one(land.plan.place(name), land.world)
    await service.announce()


async def all_agree(play: Play, organisation: OrganisationCode, key_index: int) -> None:
    """Whom the core has linked has the code of this key at the holder, and nobody has another's."""
    land, server = play.land, play.land.name(Role.INTERMEDIATE, organisation)
    links = await land.rows(
        play.core,
        "SELECT id_code, key_index FROM link WHERE organisation = $1 AND unlinked_at IS NULL",
        organisation.value,
    )
    assert {row["key_index"] for row in links} == {key_index}
    held = await land.rows(server, "SELECT link_code FROM person WHERE link_code IS NOT NULL")
    read = [await stands_for(play, row["link_code"], organisation) for row in held]
    assert sorted(one.id_code.value for one in read) == sorted(bytes(row["id_code"]) for row in links)
    assert {one.key_index for one in read} == {key_index}
    row = (await keys(land, organisation))[key_index]
    assert row["replaced"] == row["total"] == len(links)


async def stands_for(play: Play, text: str, organisation: OrganisationCode) -> Meaning:
    """Whose code it is, by which key."""
    core: Any = play.parts(play.core)
    async with play.land.service(play.core).node.database.acquire() as connection:
        await link_keys.learn(core, connection, [organisation])
    return core.scheme.read_one(LinkCode(text), organisation)


async def done(play: Play, organisation: OrganisationCode, key_index: int) -> None:
    """Wait until everybody is confirmed; both sides agree; the former key is retired."""
    play.land.clock.ahead += timedelta(minutes=1)
    await confirmed(play.land, organisation)
    await all_agree(play, organisation, key_index)
    good(await play.land.ask(HANA.at(TSUBAKI)))
    assert (await order(play.land, organisation, retire=True))["status"] == 200


@pytest.mark.parametrize("organisation", [TSUBAKI, AOBA], ids=["the inquirer's", "the provider's"])
async def test_a_core_that_stops_in_the_middle_goes_on_where_it_stood(
    play: Play, organisation: OrganisationCode
) -> None:
    land = play.land
    async with only(land, 2) as reached:
        begun = await order(land, organisation)
        await asyncio.wait_for(reached.wait(), 30)
        good(await land.ask(HANA.at(TSUBAKI)))
        found = (await keys(land, organisation))[begun["key_index"]]
        assert 0 < found["replaced"] < found["total"]
        await land.country.stop_one(play.core)
    await up(land, play.core)
    await done(play, organisation, begun["key_index"])


@pytest.mark.parametrize("role", [Role.INTERFACE, Role.INTERMEDIATE], ids=lambda role: role.value)
@pytest.mark.parametrize("organisation", [TSUBAKI, AOBA], ids=["the inquirer's", "the provider's"])
async def test_a_system_of_the_holder_that_stops_in_the_middle_gets_what_it_missed(
    play: Play, organisation: OrganisationCode, role: Role
) -> None:
    land = play.land
    name = land.name(role, organisation)
    async with only(land, 1) as reached:
        begun = await order(land, organisation)
        await asyncio.wait_for(reached.wait(), 30)
        await land.country.stop_one(name)
    await up(land, name)
    await done(play, organisation, begun["key_index"])


async def test_an_answer_that_is_lost_is_asked_for_again_and_changes_nothing(play: Play) -> None:
    land = play.land
    land.tap.lost.add(ReplaceLinkCodes)
    begun = await order(land, AOBA)
    server = land.name(Role.INTERMEDIATE, AOBA)
    index = begun["key_index"]

    async def taken() -> bool:
        held = await land.rows(server, "SELECT link_code FROM person WHERE link_code IS NOT NULL")
        return index in {(await stands_for(play, row["link_code"], AOBA)).key_index for row in held}

    await until(taken)
    assert (await keys(land, AOBA))[index]["replaced"] == 0
    good(await land.ask(HANA.at(TSUBAKI)))
    land.tap.lost.clear()
    await done(play, AOBA, index)


async def test_a_holder_of_the_former_version_is_not_told_and_its_rotation_waits(play: Play) -> None:
    """It does not know the telegram (decision 0021); once it says that it runs a newer version it is told."""
    land = play.land
    server = land.name(Role.INTERMEDIATE, AOBA)
    says = "UPDATE operation SET software = $1 WHERE node = $2"
    async with land.service(play.core).node.database.acquire() as connection:
        await connection.execute(says, "0.1.0", server.value)
        flights = len(land.tap.legs(ReplaceLinkCodes))
        begun = await order(land, AOBA)
        await asyncio.sleep(2.5)
        assert len(land.tap.legs(ReplaceLinkCodes)) == flights
        good(await land.ask(HANA.at(TSUBAKI)))
        await connection.execute(says, "0.2.0", server.value)
    await done(play, AOBA, begun["key_index"])


@pytest.mark.slow
async def test_one_of_two_cores_goes_and_the_other_ends_the_rotation_once(pair: Pair, hands: Play) -> None:
    land = pair.land
    async with held_up(land):
        begun = await order(land, AOBA)
        await until(lambda: land.rows(hands.core, "SELECT 1 FROM rotation_sent"))
        sent = await land.rows(hands.core, "SELECT telegram FROM rotation_sent")
        assert len(sent) == 1, "one under way, whichever core works on it"
        pair.to_second |= {(kind, hands.core) for kind in (ReplaceLinkCodes,)}
        second = pair.seconds[hands.core].system
        await second.in_bulk(rotation.go_on, [None])
        assert await land.rows(hands.core, "SELECT telegram FROM rotation_sent") == sent
    await second.in_bulk(rotation.go_on, [None])
    await done(hands, AOBA, begun["key_index"])
