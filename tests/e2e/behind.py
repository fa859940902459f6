"""A country of this version in which one organisation still runs the version before it, as the history has it."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
import tomllib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import asyncpg
import pytest

from nakadachi.country.founding import CONFIG, Founding, found
from nakadachi.country.plan import Place, plan
from nakadachi.country.processes import Processes
from nakadachi.country.running import Country
from nakadachi.kit.postgres import PostgresServer
from nakadachi.law import lawbook
from nakadachi.node import World
from nakadachi.terms import NodeName, OrganisationCode, Role
from tests.invented import AOBA, PENSION, TSUBAKI
from tests.lines import write_residents
from tests.story.people import EVERYBODY
from tests.tap import MovableClock, Tap, Tenants, free_ports
from tests.world import Land

ROOT = Path(__file__).parents[2]
FORMER = tomllib.loads(Path(__file__).with_name("former.toml").read_text(encoding="utf-8"))
"""Version and commit of the version before this one."""
SIDED = (Role.INTERFACE, Role.INTERMEDIATE)


def former_source(folder: Path) -> Path:
    """The former version's `src`, taken out of the history. Skips where a shallow clone does not have it."""
    packed = subprocess.run(
        ["git", "archive", "--format=tar", FORMER["commit"], "src"], cwd=ROOT, capture_output=True, check=False
    )
    if packed.returncode:
        pytest.skip(
            f"version {FORMER['version']} (commit {FORMER['commit']}) is not in this clone, so nothing was shown about"
            f" one version behind; fetch it with: git fetch --unshallow, or git fetch origin {FORMER['commit']}"
        )
    with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive:
        archive.extractall(folder, filter="data")
    source = folder / "src"
    said = subprocess.run(
        [*command(source)[:-2], "-c", "import nakadachi; print(nakadachi.__version__, nakadachi.__file__)"],
        cwd=folder, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert said.stdout.split() == [FORMER["version"], str(source / "nakadachi" / "__init__.py")]
    return source


def command(source: Path | None = None) -> tuple[str, ...]:
    """How a system of this version, or of the one in `source`, is started."""
    former = () if source is None else ("env", f"PYTHONPATH={source}")
    return (*former, sys.executable, "-m", "nakadachi")


@dataclass
class Behind:
    """The country, who is behind in it, and how its systems are started."""

    land: Land
    folder: Path
    late: tuple[Place, ...]
    processes: Processes
    source: Path

    async def start_late(self, *, upgraded: bool = False) -> None:
        """Start whoever is behind, as they were or in this version on the same database."""
        self.processes.command = command(None if upgraded else self.source)
        for place in self.late:
            await self.processes.start_one(place)
        self.processes.command = command()

    async def stop_late(self) -> None:
        """Stop whoever is behind, as an operator does: the server before its interface system."""
        for place in reversed(self.late):
            await self.processes.stop_one(place.name.value)

    async def rows(self, name: NodeName, query: str, *values: Any) -> list[dict[str, Any]]:
        """What a query finds in a system's own schema."""
        dsn = (self.folder / self.land.plan.place(name).folder / "database").read_text()
        connection = await asyncpg.connect(dsn, timeout=5)
        try:
            return [dict(row) for row in await connection.fetch(query, *values)]
        finally:
            await connection.close()

    def late_by(self, organisation: OrganisationCode) -> bool:
        """Whether an organisation is the one behind."""
        return any(place.name.organisation == organisation for place in self.late)


@asynccontextmanager
async def a_country_with(
    postgres: PostgresServer, directory: Path, late: tuple[tuple[Role, OrganisationCode | None], ...]
) -> AsyncIterator[Behind]:
    """A country of processes, founded by this version; the systems in `late` run the former one."""
    directory.chmod(0o711)
    source = former_source(directory)
    folder, world, book = directory / "country", World(), lawbook.sample()
    folder.mkdir()
    write_residents(folder / "residents.csv", EVERYBODY)
    places = plan(book, (TSUBAKI, AOBA, PENSION), port=free_ports(10))
    prefix = f"behind_{os.getpid()}_{directory.name.replace('-', '_')}"
    await found(Founding(folder, places, book, cast("PostgresServer", Tenants(postgres, prefix)), world))
    processes = Processes(folder, places, command())
    behind = tuple(places.of(*one) for one in late)
    land = Land(Country(folder, places), Tap(), MovableClock(), io.BytesIO(), world)
    one = Behind(land, folder, behind, processes, source)
    try:
        # As their operator would have it: the centre is there before the organisations' systems start.
        for place in places.places:
            processes.command = command(source if place in behind else None)
            await processes.start_one(place)
        processes.command = command()
        yield one
    finally:
        await land.close()
        await processes.stop()
        for place in places.places:
            await postgres.drop_tenant(f"{prefix}_{place.tenant}")


def config_of(behind: Behind, name: NodeName) -> Path:
    """A system's configuration file."""
    return behind.folder / behind.land.plan.place(name).folder / CONFIG
