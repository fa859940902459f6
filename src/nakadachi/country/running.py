"""Runs a sample country on this machine: PostgreSQL, then every system, in this process or each in one of its own."""

from __future__ import annotations

import asyncio
import json
import shutil
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from nakadachi.commission import service as commission
from nakadachi.core import service as core
from nakadachi.country.examples import organisations, write_examples
from nakadachi.country.founding import Founding, found
from nakadachi.country.plan import Plan, plan
from nakadachi.country.preparing import desk_config, prepare
from nakadachi.country.processes import Processes
from nakadachi.country.proxy import find_haproxy
from nakadachi.interface import service as interface
from nakadachi.intermediate import service as intermediate
from nakadachi.kit.config import ConfigError, load
from nakadachi.kit.log import configure, logger
from nakadachi.kit.postgres import embedded
from nakadachi.law import lawbook
from nakadachi.neighbours import registry
from nakadachi.node import World
from nakadachi.service import Service
from nakadachi.terms import NodeName, Role

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from nakadachi.country.plan import Place

SYSTEMS: dict[Role, tuple[type, Any]] = {
    Role.CORE: (core.CoreConfig, core.build),
    Role.COMMISSION: (commission.CommissionConfig, commission.build),
    Role.REGISTRY: (registry.RegistryConfig, registry.build),
    Role.INTERFACE: (interface.InterfaceConfig, interface.build),
    Role.INTERMEDIATE: (intermediate.IntermediateConfig, intermediate.build),
}
"""Each role's configuration and how it is built."""
FILES, COUNTRY, PREPARED, SETTINGS = "files", "country", "prepared.json", "settings.json"


@dataclass(frozen=True, slots=True)
class Settings:
    """What a country was founded with; a later start must not differ."""

    seed: int
    port: int
    twins: bool = False
    scheme: str = "reversible"

    @property
    def options(self) -> str:
        """As the command line says it."""
        more = (" --twins" if self.twins else "") + (" --scheme table" if self.scheme == "table" else "")
        return f"--seed {self.seed} --port {self.port}{more}"


@dataclass(slots=True)
class Country:
    """A running country in this process."""

    folder: Path
    plan: Plan
    services: dict[NodeName, Service] = field(default_factory=dict)

    async def start(self, world: World) -> None:
        """Start every system; once all listen, they announce themselves. Raises what a system's start raises."""
        for place in self.plan.places:
            await self.start_one(place, world)
        for service in self.services.values():
            await service.announce()

    async def start_one(self, place: Place, world: World) -> Service:
        """Start one system, without its announcement."""
        config, build = SYSTEMS[place.name.role]
        service: Service = await build(load(self.folder / place.folder / place.instances[0].config, config), world)
        self.services[place.name] = service
        await service.start()
        return service

    async def stop_one(self, name: NodeName) -> None:
        """Stop one system, as its operator would."""
        await self.services.pop(name).stop()

    async def stop(self) -> None:
        """Stop all, the organisations' systems first and the core last."""
        for name in reversed(list(self.services)):
            try:
                await self.stop_one(name)
            except Exception:  # noqa: BLE001  one that cannot stop in order must not keep the others
                logger().exception("stop.failed", node=name.value)


@asynccontextmanager
async def running(founding_of: Callable[[Any], Founding], state: Path, world: World) -> AsyncIterator[Country]:
    """A country up for the time of the block; `founding_of(server)` says which one."""
    async with embedded(state) as server:
        founding = founding_of(server)
        await found(founding)
        country = Country(founding.folder, founding.plan)
        try:
            await country.start(world)
            yield country
        finally:
            await country.stop()


def sample_plan(state: Path, settings: Settings) -> Plan:
    """The sample country's files below `state`, made if missing, and its plan. Raises ConfigError for other
    settings.
    """
    kept = state / SETTINGS
    if kept.exists():
        former = Settings(**json.loads(kept.read_text()))
        if former != settings:
            raise ConfigError(
                f"{state}: this country was founded with {former.options}; use these, another --state, or remove the"
                " folder to begin anew"
            )
    else:
        (state / COUNTRY).mkdir(parents=True, exist_ok=True)
        write_examples(state / FILES, **_seed(settings.seed))
        shutil.copy(state / FILES / "residents.csv", state / COUNTRY / "residents.csv")
        kept.write_text(json.dumps(asdict(settings)))
    return plan(lawbook.sample(), organisations(state / FILES), port=settings.port, twins=settings.twins)


def _seed(seed: int) -> dict[str, Any]:
    """Seed 1 makes the files of `examples/`."""
    return {} if seed == 1 else {"seed": seed}


async def up(state: Path, settings: Settings, *, isolate: bool) -> None:
    """Keep a country running until cancelled; the next time it goes on where it was. Twins are always isolated.

    Raises ConfigError, PortTaken, ProcessEnded, and what a system's start raises.
    """
    configure()
    if settings.twins:
        find_haproxy()
    planned = sample_plan(state, settings)
    world = World(accept=True)  # whoever runs it is its operator
    async with embedded(state) as server:
        await found(Founding(state / COUNTRY, planned, lawbook.sample(), server, world, scheme=settings.scheme))
        country: Country | Processes = (
            Processes(state / COUNTRY, planned) if isolate or settings.twins else Country(state / COUNTRY, planned)
        )
        try:
            await (country.start() if isinstance(country, Processes) else country.start(world))
            await _prepare_once(state, planned)
            _say(state, planned)
            await (country.wait() if isinstance(country, Processes) else asyncio.Event().wait())
        finally:
            await asyncio.shield(country.stop())


async def _prepare_once(state: Path, planned: Plan) -> None:
    done = state / PREPARED
    if done.exists():
        return
    people: dict[str, int] = {}
    await prepare(state / COUNTRY, state / FILES, planned.organisations, people.__setitem__)
    done.write_text(json.dumps(people))


def _say(state: Path, planned: Plan) -> None:
    masters = lawbook.sample().masters
    print("A country is running. Its organisations' intermediate servers (中間サーバー):\n")
    for organisation in planned.organisations:
        place = planned.of(Role.INTERMEDIATE, organisation)
        print(f"  {organisation}  {place.url}  {masters.organisation(organisation).name_ja}")
    desk = desk_config(state / COUNTRY, planned.organisations[2])
    folder = desk.certificate.parent
    place = planned.of(Role.COMMISSION)
    configured = state / COUNTRY / place.folder / place.instances[0].config
    pages = load(configured, commission.CommissionConfig).pages
    print(
        f"\nTry, in another terminal:\n\n  export NAKADACHI_DESK='{folder / 'desk.toml'}'\n"
        f"  nakadachi inquire '{state / FILES / 'inquiries.csv'}' --out results.csv\n"
        f"  nakadachi status --state '{state}'\n"
    )
    if pages is not None:  # a country that an older version founded has none
        add = f"nakadachi commission user add NAME --role administrator --config '{configured}'"
        print(f"The Commission's pages (委員会の画面): {pages.origin}/\n  The first user (最初の利用者): {add}\n")
    print("Ctrl-C stops everything; what was done stays.")
