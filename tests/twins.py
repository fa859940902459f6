"""A country of twins as real processes behind a real HAProxy: one instance at a time is killed and started again."""

from __future__ import annotations

import asyncio
import contextlib
import io
import itertools
import os
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import aiohttp
import asyncpg
import pytest

from nakadachi.country.founding import Founding, found
from nakadachi.country.plan import Instance, Place, plan
from nakadachi.country.preparing import desk_config
from nakadachi.country.processes import Processes
from nakadachi.country.running import Country
from nakadachi.desk.client import DeskClient, open_desk
from nakadachi.intermediate.files.results import Result
from nakadachi.kit.postgres import PostgresServer
from nakadachi.kit.tls import node_host
from nakadachi.law import lawbook
from nakadachi.node import World
from nakadachi.terms import NodeName, OrganisationCode, Serial
from tests.invented import AOBA, TSUBAKI, Person
from tests.lines import write_residents
from tests.tap import MovableClock, Tap, Tenants, free_ports
from tests.world import Land, inquiry_line

NEEDS = "HAProxy is not installed here; on Debian: apt-get install haproxy"
READY_TRIES, READY_SECONDS = 600, 0.1
_NUMBERS = itertools.count(1)


def need_haproxy() -> None:
    """Skip, loudly, where there is no HAProxy."""
    if shutil.which("haproxy") is None and shutil.which("haproxy", path="/usr/sbin") is None:
        pytest.skip(NEEDS)


@dataclass
class Twins:
    """The running processes, what asks them as anybody would, and their databases, read past them."""

    land: Land
    processes: Processes
    answers: list[Serial] = field(default_factory=list)

    def place(self, name: NodeName) -> Place:
        """Where a system is."""
        return self.land.plan.place(name)

    async def kill(self, name: NodeName, instance: Instance) -> None:
        """SIGKILL to one instance: it ends no request and says nothing."""
        process = self.processes.running.pop(f"{name.value} {instance.name}")
        process.kill()
        await process.wait()

    async def start(self, name: NodeName, instance: Instance) -> None:
        """Start it again, and wait until it is ready."""
        await self.processes.start_one(self.place(name), instance)
        await self.ready(name, instance)

    async def ready(self, name: NodeName, instance: Instance) -> None:
        """Wait until an instance says that it is ready."""
        for _ in range(READY_TRIES):
            with contextlib.suppress(aiohttp.ClientError, OSError):
                status, _ = await self.get(name, instance.url, "/readyz")
                if status == 200:
                    return
            await asyncio.sleep(READY_SECONDS)
        pytest.fail(f"{name} {instance.name} does not get ready")

    async def get(self, name: NodeName, url: str, path: str) -> tuple[int, str]:
        """A question to one instance, past the proxy."""
        session = self.land._session(self.land.country.folder / self.place(name).folder)
        async with session.get(url + path, server_hostname=node_host(name)) as answer:
            return answer.status, await answer.text()

    async def rows(self, name: NodeName, query: str, *values: Any) -> list[dict[str, Any]]:
        """What a query finds in a system's database."""
        dsn = (self.land.country.folder / self.place(name).folder / "database").read_text().strip()
        connection = await asyncpg.connect(dsn)
        try:
            return [dict(row) for row in await connection.fetch(query, *values)]
        finally:
            await connection.close()

    @asynccontextmanager
    async def desk(self, organisation: OrganisationCode = TSUBAKI) -> AsyncIterator[DeskClient]:
        """The ordinary client, at the address that the directory names."""
        async with open_desk(desk_config(self.land.country.folder, organisation)) as client:
            yield client

    async def ask(self, client: DeskClient, people: Sequence[Person]) -> list[Result]:
        """One inquiry file about these people: a result for every line, or an error."""
        file = io.BytesIO("".join(inquiry_line(one.at(TSUBAKI), AOBA) for one in people).encode())
        asked = {"lane": "interactive", "purpose": "benefit review"}
        return [one async for one in client.inquire(file, asked)]


@asynccontextmanager
async def a_country_of_twins(
    postgres: PostgresServer, directory: Path, residents: Sequence[Person]
) -> AsyncIterator[Twins]:
    """A country of two organisations, core and all four of their systems twice, up for the time of the block."""
    tenant = f"twins_{os.getpid()}_{next(_NUMBERS)}"
    folder = directory / tenant
    folder.mkdir()
    write_residents(folder / "residents.csv", residents)
    book = lawbook.sample()
    places = plan(book, (TSUBAKI, AOBA), port=free_ports(18), twins=True)
    world = World()
    await found(Founding(folder, places, book, cast("PostgresServer", Tenants(postgres, tenant)), world))
    land = Land(Country(folder, places), Tap(), MovableClock(), io.BytesIO(), world)
    processes = Processes(folder, places)
    try:
        await processes.start()
        yield Twins(land, processes)
    finally:
        await land.close()
        await processes.stop()
    for place in places.places:
        await postgres.drop_tenant(f"{tenant}_{place.tenant}")
