"""The portal asks for link codes by the same telegrams as an organisation (R7, C7): a test plays it, with its own key,
certificate and database.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from nakadachi.country.plan import Place
from nakadachi.kit.author import Enclosure
from nakadachi.kit.config import load
from nakadachi.kit.postgres import PostgresServer
from nakadachi.kit.unit import Asked, Handler, Reply, Unit
from nakadachi.kit.web.door import application
from nakadachi.neighbours.registry_store import no_exchanges
from nakadachi.node import NodeConfig, open_node, system_of
from nakadachi.refusal import Reason
from nakadachi.service import Service
from nakadachi.telegrams.code import Hit, LinkCodeIssued, LinkCodeKept, LinkCodeRequested, RequestLinkCode
from nakadachi.telegrams.codec import encode_json
from nakadachi.terms import LinkCode, Role, Serial, crockford
from tests.story.people import EVERYBODY, HANA, SUMI
from tests.world import PORTAL, Land, a_country, reason_of

pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass
class Config:
    """A portal's configuration: what every node has."""

    node: NodeConfig


@dataclass
class Portal:
    """What the played portal was sent: codes by matching number."""

    land: Land
    service: Service
    codes: dict[str, str] = field(default_factory=dict)

    async def request(self, *people: dict[str, str], serial: str = PORTAL.organisation.value) -> Any:
        """Ask the registry organisation: the header of its answer."""
        author = self.service.node.author
        entropy = author.entropy
        numbers = [crockford(int.from_bytes(entropy.bytes(16), "big"), length=26) for _ in people]
        parts = [
            Enclosure("matching numbers", encode_json(numbers), personal=True),
            Enclosure("people", encode_json(people), personal=True),
        ]
        under = Serial(f"{serial}-{crockford(int.from_bytes(entropy.bytes(15), 'big'), length=26)}")
        to = self.land.name(Role.REGISTRY)
        telegram = author.write(RequestLinkCode, to=to, parts=parts, count=len(people), serial=under)
        answer = await self.service.system.sender.ask(telegram, to, self.land.plan.place(to).url)
        await self.land.quiet()
        return answer.header


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def portal(postgres: PostgresServer, open_directory: Path) -> AsyncIterator[Portal]:
    async with a_country(postgres, open_directory, EVERYBODY, portal=True) as land:
        place = Place(PORTAL, 0)
        config = load(land.country.folder / place.folder / "config.toml", Config)
        node = await open_node(config.node, land.world, whole=config)
        codes: dict[str, str] = {}

        async def keep(_parts: object, _unit: Unit, asked: Sequence[Asked[LinkCodeIssued]]) -> list[Reply]:
            replies: list[Reply] = []
            for one in asked:
                told = [json.loads(one.telegram.part(name)) for name in ("matching numbers", "link codes")]
                codes.update(zip(*told, strict=True))
                outcomes = (None,) * one.header.count
                replies.append(node.author.answer(LinkCodeKept, one.telegram, outcomes=outcomes))
            return replies

        handlers = {LinkCodeIssued: Handler(keep)}
        system = system_of(node, None, handlers=handlers, hears={}, known=no_exchanges)
        service = Service(node, system, application(system, health=node.health))
        await service.start()
        yield Portal(land, service, codes)
        await service.stop()


def described(person: Any) -> dict[str, str]:
    """The four items and the number of a person, as a signature certificate and the person say them."""
    return {name: getattr(person, name) for name in ("name", "address", "sex", "born")} | {
        "individual_number": person.number
    }


async def test_the_portal_gets_codes_of_its_own_straight_from_the_core(portal: Portal) -> None:
    answer = await portal.request(described(HANA), described(SUMI), described(HANA) | {"sex": "9"})
    assert isinstance(answer, LinkCodeRequested)
    assert answer.hits == (Hit.ONE, Hit.ONE, Hit.DIFFERENT)
    assert len(portal.codes) == len({LinkCode(one).value for one in portal.codes.values()}) == 2
    legs = portal.land.tap.legs(LinkCodeIssued)
    assert [(flight.sender, flight.to) for flight, _, _ in legs] == [(portal.land.name(Role.CORE), PORTAL)]
    rows = await portal.land.rows(portal.land.name(Role.CORE), "SELECT organisation, ending FROM issuance")
    assert [tuple(row.values()) for row in rows] == [(PORTAL.organisation.value, "kept")]


async def test_the_portal_has_nothing_of_it_left_in_its_messages(portal: Portal) -> None:
    kept = json.dumps(await portal.land.states())
    async with portal.service.node.database.acquire() as connection:
        own = json.dumps([row["t"] for row in await connection.fetch("SELECT t::text AS t FROM inbox t")])
    assert portal.codes
    for number in portal.codes:
        assert number not in kept + own
        assert number.encode().hex() not in kept + own


async def test_the_portal_cannot_use_an_organisations_serial(portal: Portal) -> None:
    before = dict(portal.codes)
    await portal.request(described(HANA), serial="9901000000000003")
    assert portal.codes == before


async def test_no_other_role_may_ask_for_codes(portal: Portal) -> None:
    land = portal.land
    commission, registry = land.name(Role.COMMISSION), land.name(Role.REGISTRY)
    request = land.author(commission).write(RequestLinkCode, to=registry, count=0)
    (answer,) = await land.hand(commission, registry, request.envelope)
    assert reason_of(answer) is Reason.ROLE_NOT_ALLOWED
