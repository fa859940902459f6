"""What a test puts between a country and the world: a tap on every wire, a clock to move, a log to read, free ports."""

from __future__ import annotations

import io
import logging
import os
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import mock

import structlog

from nakadachi.commission import service as commission
from nakadachi.core import service as core
from nakadachi.country.plan import Plan
from nakadachi.interface import service as interface
from nakadachi.intermediate import service as intermediate
from nakadachi.kit.client import HttpWire, Unreachable, Wire
from nakadachi.kit.log import configure
from nakadachi.kit.postgres import PostgresServer
from nakadachi.telegrams.codec import decode_frame
from nakadachi.telegrams.envelope import Pending, Received, Telegram
from nakadachi.terms import NodeName, Serial


@dataclass(slots=True)
class Flight:
    """One request on the wire, and the answer it got (None: none came). `path` is "" for telegrams."""

    sender: NodeName
    to: NodeName
    request: bytes
    answer: bytes | None = None
    path: str = ""

    @property
    def telegrams(self) -> list[Received]:
        """What was asked."""
        return [] if self.path else decode_frame(self.request)

    @property
    def answers(self) -> list[Received]:
        """What came back."""
        return [] if self.path or self.answer is None else decode_frame(self.answer)

    @property
    def pairs(self) -> Iterator[tuple[Received, Received]]:
        """Each telegram with its final answer."""
        for asked, answer in zip(self.telegrams, self.answers, strict=False):
            if not isinstance(answer.header, Pending):
                yield asked, answer


@dataclass(slots=True)
class Tap:
    """Sees every request between systems, in the order sent. `steer` may hold one up, and says where it goes. Nothing
    reaches what is `down`; an answer to a telegram of a kind in `lost` does not come back.
    """

    flights: list[Flight] = field(default_factory=list)
    steer: Callable[[Flight, str], Awaitable[str]] | None = None
    down: set[NodeName] = field(default_factory=set)
    lost: set[type[Telegram]] = field(default_factory=set)

    def wire(self, name: NodeName, context: Any) -> Wire:
        """A node's real wire, listened to."""
        return _Tapped(name, HttpWire(context), self)

    def legs(self, kind: type[Telegram], serial: Serial | None = None) -> list[tuple[Flight, Received, Received]]:
        """Requests that carried a telegram of a kind (about an exchange), each with it and its final answer."""
        return [
            (flight, asked, answer)
            for flight in self.flights
            for asked, answer in flight.pairs
            if isinstance(asked.header, kind) and (serial is None or serial in asked.header.exchanges)
        ]


class _Tapped:
    def __init__(self, name: NodeName, wire: Wire, tap: Tap) -> None:
        self._name, self._wire, self._tap = name, wire, tap

    async def post(self, to: NodeName, url: str, body: bytes, *, seconds: float) -> bytes:
        flight = Flight(self._name, to, body)
        self._tap.flights.append(flight)
        self._require_up(to)
        if self._tap.steer is not None:
            url = await self._tap.steer(flight, url)
        answer = await self._wire.post(to, url, body, seconds=seconds)
        if any(type(one.header) in self._tap.lost for one in flight.telegrams):
            raise Unreachable(f"{to}: the answer is lost")
        flight.answer = answer
        return answer

    async def request(self, to: NodeName, url: str, path: str, body: bytes) -> tuple[int, bytes]:
        flight = Flight(self._name, to, body, path=path)
        self._tap.flights.append(flight)
        self._require_up(to)
        status, flight.answer = await self._wire.request(to, url, path, body)
        return status, flight.answer

    async def close(self) -> None:
        await self._wire.close()

    def _require_up(self, to: NodeName) -> None:
        if to in self._tap.down:
            raise Unreachable(f"{to} is down", connected=False)


@dataclass(slots=True)
class MovableClock:
    """The machine's clock, which a story may put forward."""

    ahead: timedelta = timedelta(0)

    def now(self) -> datetime:
        """The moment in the country."""
        return datetime.now(UTC) + self.ahead


def free_ports(count: int) -> int:
    """The first of `count` ports in a row that nobody listens on."""
    for first in range(21000 + os.getpid() % 400 * 20, 32000, count):
        with ExitStack() as probes:
            try:
                for port in range(first, first + count):
                    probes.enter_context(closing(socket.socket())).bind(("127.0.0.1", port))
            except OSError:
                continue
            return first
    raise LookupError("no free ports")


@contextmanager
def all_that_is_logged() -> Iterator[io.BytesIO]:
    """Every event of every level, ours and the libraries', as long as the block lasts."""
    log = io.BytesIO()
    before, root = structlog.get_config(), logging.getLogger()
    handler, level = logging.StreamHandler(io.TextIOWrapper(log, "utf-8", write_through=True)), root.level
    configure("debug")
    structlog.configure(logger_factory=structlog.BytesLoggerFactory(log))
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield log
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
        handler.stream.detach()
        structlog.configure(**before)


def to_the_first(plan: Plan) -> Callable[[Flight, str], Awaitable[str]]:
    """Where there are twins: the address of the first instance for that of both."""
    first = {place.url: place.instances[0].url for place in plan.places}

    async def steer(_flight: Flight, url: str) -> str:
        return first.get(url, url)

    return steer


class Tenants:
    """The session's PostgreSQL, with names of tenants that no other country has."""

    def __init__(self, server: PostgresServer, prefix: str) -> None:
        self._server, self._prefix = server, prefix

    async def create_tenant(self, name: str) -> str:
        return await self._server.create_tenant(f"{self._prefix}_{name}")


@contextmanager
def turns_on_demand() -> Iterator[None]:
    """Nodes started in this block take no turns about heads and trails of themselves, so that no state changes by the
    way.
    """
    with (
        mock.patch.object(interface, "HEADS_SECONDS", 3600.0),
        mock.patch.object(commission, "COMPARE_SECONDS", 3600.0),
        mock.patch.object(commission, "RECONCILE_SECONDS", 3600.0),
        mock.patch.object(core, "TRAIL_SECONDS", 3600.0),
        mock.patch.object(intermediate, "TRAIL_SECONDS", 3600.0),
    ):
        yield
