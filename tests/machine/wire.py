"""The simulated wire: hands requests straight to the other node's door, and does to them what networks do.

TLS is left out: the door is told which certificate it would have seen. Altered bytes cannot pass TLS either; here they
stand for whatever relays, proxies and faulty memory may do behind it.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from nakadachi.kit.client import CONNECT_SECONDS, REQUEST_SECONDS, Unreachable
from nakadachi.kit.tls import PeerCertificate
from nakadachi.refusal import Refusal
from nakadachi.telegrams.codec import decode_frame
from nakadachi.terms import NodeName
from tests.machine.loop import VirtualLoop
from tests.tap import Flight

OK = 200
LONGEST_DELAY_SECONDS = 90.0


class Fault(StrEnum):
    """What can happen to one request or to its answer."""

    DROP_REQUEST = "request dropped"
    DROP_ANSWER = "answer dropped"
    REPEAT_NOW = "request repeated at once"
    REPEAT_LATER = "request repeated later"
    DELAY_REQUEST = "request delayed"
    DELAY_ANSWER = "answer delayed"
    FLIP_REQUEST = "request with a flipped bit"
    FLIP_ANSWER = "answer with a flipped bit"
    CUT_REQUEST = "request cut off"
    CUT_ANSWER = "answer cut off"
    SWAP_ANSWER = "answer swapped with another one's"


@dataclass
class Weather:
    """What the next requests meet, which ways are cut, and how often what was met."""

    chance: random.Random
    met: Counter[str] = field(default_factory=Counter)
    next: list[tuple[Fault, NodeName | None]] = field(default_factory=list)
    cut: set[frozenset[NodeName]] = field(default_factory=set)

    def take(self, sender: NodeName, to: NodeName) -> Fault | None:
        """What this request meets; a fault may wait for a request of or to a certain node."""
        for place, (fault, node) in enumerate(self.next):
            if node in (None, sender, to):
                del self.next[place]
                self.met[fault.value] += 1
                return fault
        return None

    def is_cut(self, one: NodeName, other: NodeName) -> bool:
        """Whether nothing passes between two nodes, or from and to one of them."""
        return bool({frozenset({one, other}), frozenset({one}), frozenset({other})} & self.cut)

    def calm(self) -> None:
        """Nothing more happens to anyone."""
        self.next.clear()
        self.cut.clear()

    def flip(self, raw: bytes) -> bytes:
        """One bit is another."""
        if not raw:
            return raw
        place = self.chance.randrange(len(raw))
        return raw[:place] + bytes([raw[place] ^ 1 << self.chance.randrange(8)]) + raw[place + 1 :]

    def cut_off(self, raw: bytes) -> bytes:
        """The end is lacking."""
        return raw[: self.chance.randrange(len(raw) or 1)]


class Doors(Protocol):
    """What the network must know of a country."""

    def door(self, name: NodeName) -> Any:
        """The application of a node that is up, else None."""

    def shown(self, name: NodeName) -> PeerCertificate:
        """What its certificate says."""


@dataclass
class Network:
    """All wires of a country."""

    loop: VirtualLoop
    weather: Weather
    land: Doors = field(init=False)
    flights: list[Flight] = field(default_factory=list)
    telegrams: int = 0
    _last_answer: bytes = b""

    def wire(self, name: NodeName, _context: Any) -> SimulatedWire:
        """A node's wire."""
        return SimulatedWire(name, self)

    async def carry(self, flight: Flight, seconds: float) -> tuple[int, bytes]:
        """One request with whatever happens to it: status and body of the answer. Raises Unreachable."""
        try:
            return await asyncio.wait_for(self._carry(flight), seconds)
        except TimeoutError:
            raise Unreachable(f"{flight.to}: no answer in {seconds} s") from None

    async def _carry(self, flight: Flight) -> tuple[int, bytes]:
        weather = self.weather
        if weather.is_cut(flight.sender, flight.to):
            weather.met["partition"] += 1
            await asyncio.sleep(CONNECT_SECONDS)
            raise Unreachable(f"{flight.to}: not connected", connected=False)
        fault = weather.take(flight.sender, flight.to)
        await asyncio.sleep(weather.chance.uniform(0.0005, 0.01))
        if fault is Fault.DELAY_REQUEST:
            return await self._even_if_given_up(self._deliver_later(flight))
        if fault is Fault.DROP_REQUEST:
            await asyncio.Event().wait()
        if fault in {Fault.REPEAT_NOW, Fault.REPEAT_LATER}:
            again = Flight(flight.sender, flight.to, flight.request, path=flight.path)
            self.loop.spawn(self._deliver_later(again) if fault is Fault.REPEAT_LATER else self._try(again), None)
        if fault in {Fault.FLIP_REQUEST, Fault.CUT_REQUEST}:
            spoiled = weather.flip(flight.request) if fault is Fault.FLIP_REQUEST else weather.cut_off(flight.request)
            flight = Flight(flight.sender, flight.to, spoiled, path=flight.path)
        status, answer = await self._even_if_given_up(self.deliver(flight))
        return status, await self._answer(fault, answer)

    async def _answer(self, fault: Fault | None, answer: bytes) -> bytes:
        weather, swapped = self.weather, self._last_answer
        self._last_answer = answer
        if fault is Fault.DROP_ANSWER:
            await asyncio.Event().wait()
        if fault is Fault.DELAY_ANSWER:
            await asyncio.sleep(weather.chance.uniform(0.5, 12.0))
        if fault is Fault.FLIP_ANSWER:
            return weather.flip(answer)
        if fault is Fault.CUT_ANSWER:
            return weather.cut_off(answer)
        return swapped if fault is Fault.SWAP_ANSWER else answer

    async def _even_if_given_up(self, delivery: Any) -> tuple[int, bytes]:
        """What is on its way arrives, whether its sender still waits or not."""
        task = self.loop.spawn(delivery, None)
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
        return await asyncio.shield(task)

    async def _deliver_later(self, flight: Flight) -> tuple[int, bytes]:
        await asyncio.sleep(self.weather.chance.expovariate(0.2) % LONGEST_DELAY_SECONDS)
        return await self._try(flight)

    async def _try(self, flight: Flight) -> tuple[int, bytes]:
        try:
            return await self.deliver(flight)
        except Unreachable:
            return 0, b""

    async def deliver(self, flight: Flight) -> tuple[int, bytes]:
        """The request at the other node's door, handled as that node's work. Raises Unreachable."""
        app = self.land.door(flight.to)
        if app is None:
            raise Unreachable(f"{flight.to}: connection refused", connected=False)
        self.flights.append(flight)
        self.telegrams += _count(flight)
        peer = self.land.shown(flight.sender)
        work = self.loop.spawn(at_the_door(app, peer, "POST", flight.path or "/telegrams", flight.request), flight.to)
        await asyncio.wait([work])
        if work.cancelled() or work.exception() is not None:
            raise Unreachable(f"{flight.to}: connection lost")
        status, body = work.result()
        if status == OK:
            flight.answer = body
        return status, body


@dataclass(frozen=True)
class SimulatedWire:
    """The network as one node sees it (nakadachi.kit.client.Wire)."""

    name: NodeName
    network: Network

    async def post(self, to: NodeName, url: str, body: bytes, *, seconds: float) -> bytes:
        """See Wire."""
        status, answer = await self.network.carry(Flight(self.name, to, body), seconds)
        if status != OK:
            raise Unreachable(f"{to} answered with status {status} at {url}")
        return answer

    async def request(self, to: NodeName, _url: str, path: str, body: bytes) -> tuple[int, bytes]:
        """See Wire."""
        return await self.network.carry(Flight(self.name, to, body, path=path), REQUEST_SECONDS)

    async def close(self) -> None:
        """See Wire."""


async def at_the_door(
    app: Any, peer: PeerCertificate, method: str, path: str, body: bytes, *, query: bytes = b""
) -> tuple[int, bytes]:
    """One request to a system's application, past TLS: status and body of the answer."""
    scope = {
        "type": "http", "asgi": {"version": "3.0", "spec_version": "2.4"}, "http_version": "1.1", "method": method,
        "scheme": "https", "path": path, "raw_path": path.encode(), "query_string": query, "root_path": "",
        "headers": [(b"content-length", str(len(body)).encode())], "client": None, "server": None,
        "nakadachi.peer": peer,
    }  # fmt: skip
    given = [{"type": "http.request", "body": body, "more_body": False}]
    said: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return given.pop() if given else {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        said.append(message)

    await app(scope, receive, send)
    return said[0]["status"], b"".join(message.get("body", b"") for message in said[1:])


def _count(flight: Flight) -> int:
    try:
        return len(decode_frame(flight.request)) if not flight.path else 0
    except Refusal:
        return 0
