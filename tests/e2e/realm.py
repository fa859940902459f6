"""A country of real processes that is kept up: whoever dies is started again, process or PostgreSQL.

Core and the two organisations that deal with each other have a PostgreSQL each for every system of theirs; the
others share one.
"""

from __future__ import annotations

import asyncio
import contextlib
import csv
import io
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import aiohttp
import asyncpg

from nakadachi.country.founding import CONFIG, Founding, found
from nakadachi.country.plan import Place, plan
from nakadachi.country.processes import ProcessEnded, Processes
from nakadachi.country.running import Country
from nakadachi.kit.postgres import EmbeddedPostgres, PostgresServer
from nakadachi.kit.postgres_files import PostgresError
from nakadachi.kit.tls import node_host
from nakadachi.law import lawbook
from nakadachi.node import World
from nakadachi.telegrams.catalogue import Stop, role_at
from nakadachi.terms import NodeName, OrganisationCode, Role
from tests.e2e.points import Point, Victim
from tests.e2e.serve_with_kill import DONE, ORDERS
from tests.invented import AOBA, PENSION, TSUBAKI, Person
from tests.lines import write_residents
from tests.tap import MovableClock, Tap, free_ports
from tests.world import Land

LAUNCHER = Path(__file__).with_name("serve_with_kill.py")
START_TRIES = 20
QUIET_SECONDS = 60.0
AWAY_TRIES = 150
AWAY = (
    aiohttp.ClientError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
)
"""What it looks like when a system or its database is just not there."""
WAITS = {
    Role.INTERMEDIATE: ("outbox", "completion", "inquiry WHERE state IN ('asked', 'held')"),
    Role.INTERFACE: ("outbox", "head_seen"),
    Role.CORE: ("outbox", "log_pending", "subscription WHERE sent < last"),
    Role.REGISTRY: ("outbox", "change_untold"),
}
"""What is still under way, by role: tables that are empty at rest."""


@dataclass
class Realm:
    """The country: its processes and servers, and who keeps them up."""

    land: Land
    processes: Processes
    founding: Founding
    servers: dict[str, EmbeddedPostgres]
    restarts: int = 0
    _keepers: list[asyncio.Task[None]] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        return self.founding.folder

    def place(self, stop: Stop) -> Place:
        """The system at a stop: side A is Tsubaki, B is Aoba; a stop of no side is the Pensions' system."""
        role, side = role_at(stop), stop.partition(" ")[2]
        if role not in {Role.INTERFACE, Role.INTERMEDIATE}:
            return self.land.plan.of(role)
        return self.land.plan.of(role, {"A": TSUBAKI, "B": AOBA, "": PENSION}[side])

    def server(self, place: Place) -> EmbeddedPostgres:
        """The PostgreSQL of a system."""
        return self.servers.get(place.tenant, self.servers[""])

    # Dying

    def order(self, points: Sequence[Point]) -> None:
        """Have these systems die, each at its point, once. Former orders are forgotten."""
        orders: dict[str, list[dict[str, Any]]] = {place.folder: [] for place in self.land.plan.places}
        for point in points:
            place = self.place(point.stop)
            data = self.server(place)._place
            assert data is not None
            orders[place.folder].append({
                "point": str(point),
                "moment": point.moment.value,
                "peer": self.place(point.peer).name.value,
                "telegram": point.leg.telegram,
                "author": self.place(point.leg.author).name.value,
                "postmaster": str(data.data / "postmaster.pid") if point.victim is Victim.POSTGRES else None,
            })  # fmt: skip
        for folder, given in orders.items():
            (self.folder / folder / DONE).unlink(missing_ok=True)
            (self.folder / folder / ORDERS).unlink(missing_ok=True)
            if given:
                (self.folder / folder / ORDERS).write_text(json.dumps(given))

    def died(self) -> set[str]:
        """The points at which somebody died since the orders were given."""
        lists = [self.folder / place.folder / DONE for place in self.land.plan.places]
        return {order["point"] for file in lists if file.exists() for order in json.loads(file.read_text())}

    # Living

    async def start(self) -> None:
        """Start everything, and keep it up from now on."""
        await self.processes.start()
        keepers = [self._keep(place) for place in self.land.plan.places]
        keepers += [self._keep_server(server) for server in self.servers.values()]
        self._keepers = [asyncio.create_task(keeper) for keeper in keepers]

    async def stop(self) -> None:
        """Let everything go down in order."""
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        await self.land.close()
        await self.processes.stop()

    async def _keep(self, place: Place) -> None:
        while True:
            await self.processes.running[place.name.value].wait()
            await self._rise(lambda: self.processes.start_one(place))

    async def _keep_server(self, server: EmbeddedPostgres) -> None:
        while True:
            await asyncio.sleep(0.1)
            if not server.alive:
                await self._rise(server.start)

    async def _rise(self, start: Callable[[], Awaitable[Any]]) -> None:
        """Start what was killed; what of it has not gone yet is waited for."""
        for left in reversed(range(START_TRIES)):
            try:
                await start()
                break
            except (ProcessEnded, PostgresError, TimeoutError):
                if not left:
                    raise
                await asyncio.sleep(0.3)
        self.restarts += 1

    # Looking inside

    async def get(self, name: NodeName, path: str) -> bytes:
        """What a system hands out at a path."""
        core, place = self.land.plan.of(Role.CORE), self.land.plan.place(name)
        session = self.land._session(self.folder / core.folder)
        async with session.get(place.url + path, server_hostname=node_host(name), raise_for_status=True) as answer:
            return await answer.read()

    async def rows(self, name: NodeName, query: str, *values: Any) -> list[dict[str, Any]]:
        """What a query finds in a system's own schema; whose server was just killed is asked again once it is back."""
        for _ in range(AWAY_TRIES):
            with contextlib.suppress(*AWAY):
                return await self._rows(name, query, *values)
            await asyncio.sleep(0.2)
        return await self._rows(name, query, *values)

    async def _rows(self, name: NodeName, query: str, *values: Any) -> list[dict[str, Any]]:
        dsn = (self.folder / self.land.plan.place(name).folder / "database").read_text()
        connection = await asyncpg.connect(dsn, timeout=5)
        try:
            return [dict(row) for row in await connection.fetch(query, *values)]
        finally:
            connection.terminate()

    async def quiet(self) -> None:
        """Wait until everybody is up and nothing is on its way any more."""
        waiting: dict[str, Any] = {}
        until = asyncio.get_running_loop().time() + QUIET_SECONDS
        while asyncio.get_running_loop().time() < until:
            for keeper in self._keepers:
                if keeper.done():
                    keeper.result()
            waiting = {}
            for place in self.land.plan.places:
                try:
                    said = await self.land.status(place.name)
                    if place.name.role is Role.CORE and said["cosigned_size"] != said["log_size"]:
                        waiting[f"{place.name} for the witness"] = said
                    if (left := await self._waits(place.name)) is not None:
                        waiting[place.name.value] = left
                except AWAY as wrong:
                    waiting[place.name.value] = repr(wrong)
            if not waiting:
                return
            await asyncio.sleep(0.2)
        raise AssertionError(f"the country does not come to rest: {waiting}")

    async def _waits(self, name: NodeName) -> dict[str, int] | None:
        tables = WAITS.get(name.role, ("outbox",))
        columns = ", ".join(f'(SELECT count(*) FROM {table}) AS "{table}"' for table in tables)
        (left,) = await self.rows(name, f"SELECT {columns}")
        return left if any(left.values()) else None


@dataclass(frozen=True)
class _Tenants:
    """Each system's tenant, on the server that is its own or everybody's."""

    servers: dict[str, EmbeddedPostgres]

    async def create_tenant(self, name: str) -> str:
        return await self.servers.get(name, self.servers[""]).create_tenant(name)


@asynccontextmanager
async def a_realm(directory: Path, residents: Sequence[Person]) -> AsyncIterator[Realm]:
    """A country of processes up for the time of the block; nobody is registered yet but at the registry."""
    folder = directory / "realm"
    folder.mkdir()
    write_residents(folder / "residents.csv", residents)
    book, world = lawbook.sample(), World()
    places = plan(book, (TSUBAKI, AOBA, PENSION), port=free_ports(10))
    alone = [place for place in places.places if place.name.organisation in {TSUBAKI, AOBA}]
    own = [places.of(Role.CORE).tenant, *(place.tenant for place in alone)]
    servers = {tenant: EmbeddedPostgres(directory / f"pg{number}") for number, tenant in enumerate(["", *own])}
    await asyncio.gather(*(server.start() for server in servers.values()))
    try:
        founding = Founding(folder, places, book, cast("PostgresServer", _Tenants(servers)), world)
        await found(founding)
        _configure(founding)
        land = Land(Country(folder, places), Tap(), MovableClock(), io.BytesIO(), world)
        realm = Realm(land, Processes(folder, places, (sys.executable, str(LAUNCHER))), founding, servers)
        try:
            await realm.start()
            yield realm
        finally:
            await realm.stop()
    finally:
        await asyncio.gather(*(server.stop() for server in servers.values()))


RETRY = """
[node.retry]
connect = { attempts = 3, first = 0.5, longest = 1 }
permit = { attempts = 1500, first = 1, longest = 2 }
acceptance = { attempts = 1500, first = 1, longest = 2 }
completion = { attempts = 15000, first = 1, longest = 2 }
notice = { first = 1, longest = 2 }
"""
"""Pauses much shorter than usual: whoever died is back within seconds. How often one tries is as usual."""


def _configure(founding: Founding) -> None:
    """Serials are asked for one by one, so that hop 1 is travelled each time; the core's documents are its own; nobody
    pauses for long.
    """
    for place in founding.plan.places:
        with (founding.folder / place.folder / CONFIG).open("a", encoding="utf-8") as file:
            file.write(RETRY)
    for organisation in (TSUBAKI, AOBA, PENSION):
        config = founding.folder / founding.plan.of(Role.INTERMEDIATE, organisation).folder / CONFIG
        config.write_text("serials_ahead = 1\n" + config.read_text())
    core = founding.folder / founding.plan.of(Role.CORE).folder
    for name in ("lawbook.note", "directory.note"):
        (core / name).write_bytes((founding.folder / name).read_bytes())
    config = core / CONFIG
    config.write_text(config.read_text().replace('"../lawbook.note"', '"lawbook.note"').replace(
        '"../directory.note"', '"directory.note"'))  # fmt: skip


def lines_at(organisation: OrganisationCode, people: Sequence[Person]) -> bytes:
    """A people file."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(one.line(organisation) for one in people)
    return text.getvalue().encode()
