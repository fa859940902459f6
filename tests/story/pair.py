"""Two instances of core, interface systems and intermediate servers, in this process; what goes to which of them."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from nakadachi.country.running import SYSTEMS
from nakadachi.kit import outbox
from nakadachi.kit.config import load
from nakadachi.kit.tls import node_host
from nakadachi.ledger.permits import check_permit
from nakadachi.service import Service
from nakadachi.telegrams.codec import decode_frame, encode_frame
from nakadachi.telegrams.envelope import Envelope, Lane, Received, Telegram, Verified
from nakadachi.telegrams.permit import PermitGranted
from nakadachi.telegrams.provision import Provide
from nakadachi.terms import NodeName, OrganisationCode, Role, Serial
from tests.invented import TSUBAKI
from tests.story.play import Play
from tests.tap import Flight
from tests.world import Land

MEET_SECONDS = 1.0


@dataclass
class Pair:
    """The country and its second instances. `to_second` are telegrams that go to the second instance of a node;
    `gates` hold a telegram's flight back until they are open.
    """

    land: Land
    seconds: dict[NodeName, Service] = field(default_factory=dict)
    to_second: set[tuple[type[Telegram], NodeName]] = field(default_factory=set)
    gates: dict[type[Telegram], asyncio.Event] = field(default_factory=dict)

    async def start(self) -> None:
        """Start the second instances."""
        for place in self.land.plan.places:
            if place.twins:
                config, build = SYSTEMS[place.name.role]
                file = self.land.country.folder / place.folder / place.instances[1].config
                self.seconds[place.name] = await build(load(file, config), self.land.world)
                await self.seconds[place.name].start()
        for service in self.seconds.values():
            await service.announce()
        self.land.tap.steer = self.steer

    async def stop(self) -> None:
        """Stop them, the core last."""
        for name in reversed(list(self.seconds)):
            await self.seconds.pop(name).stop()

    async def steer(self, flight: Flight, url: str) -> str:
        """Where a request between systems goes, once it may."""
        kinds = {type(telegram.header) for telegram in flight.telegrams}
        for kind, gate in self.gates.items():
            if kind in kinds:
                await gate.wait()
        for place in self.land.plan.places:
            if place.url == url:
                second = any((kind, place.name) in self.to_second for kind in kinds)
                return place.instances[1 if second else 0].url
        return url

    async def hand(self, number: int, sender: NodeName, to: NodeName, *envelopes: Envelope) -> list[Received]:
        """Telegrams to one instance's door, with the certificate of `sender`: the answers."""
        place = self.land.plan.place(to)
        session = self.land._session(self.land.country.folder / self.land.plan.place(sender).folder)
        url = place.instances[number - 1].url + "/telegrams"
        async with session.post(url, data=encode_frame(list(envelopes)), server_hostname=node_host(to)) as answer:
            raw = await answer.read()
            assert answer.status == 200, raw
        return decode_frame(raw)

    async def to_both(self, sender: NodeName, to: NodeName, *envelopes: Envelope) -> tuple[Received, Received]:
        """The same telegrams to both instances at once: what each answers to the last."""
        both = await asyncio.gather(*(self.hand(number, sender, to, *envelopes) for number in (1, 2)))
        return both[0][-1], both[1][-1]

    async def desk(
        self, number: int, organisation: OrganisationCode, path: str, body: bytes = b"", key: str = "", **query: str
    ) -> tuple[int, str]:
        """A POST of the existing system to one instance of the intermediate server: status and text."""
        place = self.land.plan.of(Role.INTERMEDIATE, organisation)
        session = self.land._session(self.land.country.folder / f"desk-{organisation.value}")
        headers = {"Idempotency-Key": key} if key else {}
        url = f"{place.instances[number - 1].url}/existing/{path}"
        asked = session.post(url, data=body, params=query, headers=headers, server_hostname=node_host(place.name))
        async with asked as answer:
            return answer.status, await answer.text()


@asynccontextmanager
async def second_instances(land: Land) -> AsyncIterator[Pair]:
    """The second instances, up for the time of the block."""
    pair = Pair(land)
    try:
        await pair.start()
        yield pair
    finally:
        await pair.stop()


def both_before(monkeypatch: pytest.MonkeyPatch, module: Any, name: str) -> None:
    """Two transactions meet before this write: both have looked, neither has written. Once, and not for long."""
    write: Callable[..., Awaitable[Any]] = getattr(module, name)
    meeting = asyncio.Barrier(2)

    @functools.wraps(write)
    async def met(*asked: Any, **named: Any) -> Any:
        with contextlib.suppress(TimeoutError, asyncio.BrokenBarrierError):
            await asyncio.wait_for(meeting.wait(), MEET_SECONDS)
        await meeting.abort()
        return await write(*asked, **named)

    monkeypatch.setattr(module, name, met)


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
        rules, now = service.node.config.retry, pair.land.clock.now()
        claimed = [await outbox.claim(connection, now, rules=rules, lane=lane) for lane in Lane]
    for entry in itertools.chain.from_iterable(claimed):
        service.system.sender.send_soon(entry)


def permit_of(play: Play, granted: Received) -> Any:
    """The permit in an answer, checked."""
    assert isinstance(granted.header, PermitGranted), granted.header
    raw = Verified(granted.header, granted.envelope).part("permit")
    return check_permit(raw, play.parts(play.server).edition.directory)
