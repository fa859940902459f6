"""A country inside the virtual loop: real systems, real databases, a simulated wire, a clock for each node."""

from __future__ import annotations

import asyncio
import csv
import io
import random
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any
from unittest import mock
from urllib.parse import urlencode

from cryptography import x509

from nakadachi.country.plan import DESK, Plan
from nakadachi.country.running import Country
from nakadachi.kit.entropy import SeededEntropy
from nakadachi.kit.tls import PeerCertificate
from nakadachi.node import World
from nakadachi.service import Service
from nakadachi.terms import NodeName, OrganisationCode, Role
from tests.machine.database import MachineDatabase, Trouble, Troubles
from tests.machine.loop import NODE, VirtualLoop
from tests.machine.wire import Network, Weather, at_the_door
from tests.tap import MovableClock, Tap
from tests.world import Land

BEGINNING = datetime(2026, 7, 1, 3, 0, tzinfo=UTC)
PATIENCE = 60


class _Skewed(MovableClock):
    """A node's clock: the loop's time, and how far the node is off."""

    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def now(self) -> datetime:
        return BEGINNING + timedelta(seconds=self._loop.time()) + self.ahead


class _NoServer:
    """In place of the web server: the simulated wire stands at the door itself."""

    def __init__(self, *_given: Any) -> None:
        self.should_exit = False

    async def run_until_started(self, spawn: Any) -> asyncio.Task[None]:
        async def nothing() -> None: ...

        task: asyncio.Task[None] = spawn(nothing())
        return task


@dataclass
class Simulated(Land):
    """The country as the machine uses it. What it does to nodes it does as their operator, or as fate."""

    loop: VirtualLoop = field(kw_only=True)
    network: Network = field(kw_only=True)
    clocks: dict[NodeName, MovableClock] = field(default_factory=dict)
    troubles: dict[NodeName, Troubles] = field(default_factory=dict)
    opened: dict[NodeName, set[Any]] = field(default_factory=dict)
    """Every database connection a node ever opened: what a kill breaks, however far its start or stop had come."""
    graceful_stops: int = 0
    _certificates: dict[Path, PeerCertificate] = field(default_factory=dict)
    _observers: dict[NodeName, asyncio.Task[MachineDatabase]] = field(default_factory=dict)
    _rising: dict[NodeName, asyncio.Task[None]] = field(default_factory=dict)

    @property
    def names(self) -> list[NodeName]:
        """All nodes, up or down."""
        return [place.name for place in self.plan.places]

    # Nodes come and go

    async def begin(self) -> None:
        """Start every system; once all are up, they announce themselves."""
        for name in self.names:
            await self._as(name, self.country.start_one(self.plan.place(name), self._world(name)))
        for name, service in list(self.country.services.items()):
            await self._as(name, service.announce())

    async def kill(self, name: NodeName) -> None:
        """No goodbye: connections break, and whatever ran is gone."""
        if (service := self.country.services.pop(name, None)) is not None:
            database: Any = service.node.database
            database.kill()
        for _ in range(PATIENCE):
            if not (tasks := self.loop.of(name)):
                self._break_connections(name)
                return
            for task in tasks:
                task.cancel()
            await asyncio.sleep(0)
        raise AssertionError(f"work of {name} cannot be ended: {self.loop.of(name)}")

    def _break_connections(self, name: NodeName) -> None:
        for connection in self.opened[name]:
            if not connection.is_closed():
                connection.terminate()
        self.opened[name].clear()

    async def stop(self, name: NodeName) -> None:
        """Stop in order, or, where that fails, hard."""
        if (service := self.country.services.get(name)) is not None:
            self.graceful_stops += 1
            stopping = self.loop.spawn(service.stop(), name)
            done, _ = await asyncio.wait([stopping], timeout=PATIENCE)
            self.network.weather.met["stop failed"] += sum(task.exception() is not None for task in done)
            self.country.services.pop(name, None)
            await self.kill(name)

    def rise_after(self, name: NodeName, pause: float) -> None:
        """Start a node again after a pause, and again until it is up, as its supervisor would."""
        if name not in self._rising:
            self._rising[name] = self.loop.spawn(self._rise(name, pause), None)

    async def _rise(self, name: NodeName, pause: float) -> None:
        await asyncio.sleep(pause)
        while True:
            try:
                service = await self._as(name, self.country.start_one(self.plan.place(name), self._world(name)))
                await self._as(name, service.announce())
                break
            except Exception:  # noqa: BLE001  whatever kept it from starting: the supervisor tries again
                self.network.weather.met["start failed"] += 1
                await self.kill(name)
                await asyncio.sleep(1)
        self._rising.pop(name, None)

    async def all_up(self) -> None:
        """Wait until every node is up again."""
        while self._rising:
            await asyncio.wait(list(self._rising.values()))

    async def _as(self, name: NodeName, work: Any) -> Any:
        """Do this as the node's work; it may be killed in the middle."""
        task = self.loop.spawn(work, name)
        await asyncio.wait([task])
        if task.cancelled():
            raise RuntimeError(f"{name} was killed meanwhile")
        return task.result()

    def _world(self, name: NodeName) -> World:
        return replace(self.world, clock=self.clocks[name])

    # What is seen from outside

    async def rows(self, name: NodeName, query: str, *values: Any) -> list[dict[str, Any]]:
        """What a query finds in a node's own schema, whether the node is up or not."""
        if name not in self._observers:
            dsn = (self.country.folder / self.plan.place(name).folder / "database").read_text().strip()
            entering = MachineDatabase.enter(dsn, Troubles(lambda _: None), set())
            self._observers[name] = self.loop.spawn(entering, None)
        async with (await asyncio.shield(self._observers[name])).acquire() as connection:
            return [dict(row) for row in await connection.fetch(query, *values)]

    async def desk(
        self, organisation: OrganisationCode, method: str, path: str, body: bytes = b"", /, **query: str
    ) -> tuple[int, str]:
        """A request of the organisation's existing system: status and text; status 0 where the server is down."""
        name = self.name(Role.INTERMEDIATE, organisation)
        if (app := self.door(name)) is None:
            return 0, ""
        peer = self._certificate(self.country.folder / f"{DESK}-{organisation.value}", (DESK, organisation))
        entry = at_the_door(app, peer, method, f"/existing/{path}", body, query=urlencode(query).encode())
        work = self.loop.spawn(entry, name)
        await asyncio.wait([work])
        if work.cancelled() or work.exception() is not None:
            return 0, ""
        status, answer = work.result()
        # 503: nothing was taken in (the database is away, or a place is full), as if the server were down.
        return (0, "") if status == HTTPStatus.SERVICE_UNAVAILABLE else (status, answer.decode())

    def door(self, name: NodeName) -> Any:
        """The application of a node that is up."""
        service: Service | None = self.country.services.get(name)
        # `start_one` lists a service before it listens.
        return service.app if service is not None and service._servers else None

    def shown(self, name: NodeName) -> PeerCertificate:
        """What a node's certificate says."""
        return self._certificate(self.country.folder / self.plan.place(name).folder, name)

    def _certificate(self, folder: Path, whose: Any) -> PeerCertificate:
        if folder not in self._certificates:
            serial = x509.load_pem_x509_certificate((folder / "tls.crt").read_bytes()).serial_number
            node = whose if isinstance(whose, NodeName) else None
            self._certificates[folder] = PeerCertificate(serial, node, None if node else whose)
        return self._certificates[folder]

    async def close(self) -> None:
        """Everything ends at once."""
        for task in self._rising.values():
            task.cancel()
        self._rising.clear()
        for name in self.names:
            await self.kill(name)
        for observer in self._observers.values():
            await (await observer).close()


def residents_file(folder: Path, residents: Any) -> None:
    """The registry organisation's people."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["code", "number", "name", "address", "sex", "born"])
    writer.writerows((one.code, one.number, one.name, one.address, one.sex, one.born) for one in residents)
    (folder / "residents.csv").write_text(text.getvalue(), encoding="utf-8")


@asynccontextmanager
async def simulated(folder: Path, places: Plan, seed: int, log: io.BytesIO) -> AsyncIterator[Simulated]:
    """The country founded in `folder`, up for the time of the block. To be entered inside a VirtualLoop."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    met: Counter[str] = Counter()
    weather = Weather(random.Random(seed), met)
    troubles: dict[NodeName, Troubles] = defaultdict(lambda: Troubles(lambda kind: met.update([kind])))
    opened: dict[NodeName, set[Any]] = defaultdict(set)

    async def enter(name: NodeName, dsn: str, _connections: int, _called: str) -> Any:
        return await MachineDatabase.enter(dsn, troubles[name], opened[name])

    network = Network(loop, weather)
    world = World(entropy=SeededEntropy(seed), wire=network.wire, database=enter)
    land = Simulated(
        Country(folder, places), Tap(), _Skewed(loop), log, world, loop=loop, network=network, troubles=troubles,
        opened=opened, clocks=defaultdict(lambda: _Skewed(loop)),
    )  # fmt: skip
    network.land = land
    NODE.set(None)
    with mock.patch("nakadachi.service.WebServer", _NoServer):
        try:
            await land.begin()
            yield land
        finally:
            await land.close()


__all__ = ["Simulated", "Trouble", "residents_file", "simulated"]
