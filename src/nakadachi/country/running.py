"""Runs a sample country on this machine: PostgreSQL, then every system, in this process or each in one of its own."""

from __future__ import annotations

import asyncio
import signal
import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nakadachi.commission import service as commission
from nakadachi.core import service as core
from nakadachi.country.founding import CONFIG, Founding, found
from nakadachi.interface import service as interface
from nakadachi.intermediate import service as intermediate
from nakadachi.kit.config import load
from nakadachi.kit.postgres import embedded
from nakadachi.neighbours import registry
from nakadachi.node import Service, World
from nakadachi.terms import NodeName, Role

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from nakadachi.country.plan import Place, Plan

SYSTEMS: dict[Role, tuple[type, Any]] = {
    Role.CORE: (core.CoreConfig, core.build),
    Role.COMMISSION: (commission.CommissionConfig, commission.build),
    Role.REGISTRY: (registry.RegistryConfig, registry.build),
    Role.INTERFACE: (interface.InterfaceConfig, interface.build),
    Role.INTERMEDIATE: (intermediate.IntermediateConfig, intermediate.build),
}
"""Each role's configuration and how it is built."""


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
        service: Service = await build(load(self.folder / place.folder / CONFIG, config), world)
        self.services[place.name] = service
        await service.start()
        return service

    async def stop_one(self, name: NodeName) -> None:
        """Stop one system, as its operator would."""
        await self.services.pop(name).stop()

    async def stop(self) -> None:
        """Stop all, the organisations' systems first and the core last."""
        for name in reversed(list(self.services)):
            await self.stop_one(name)


@asynccontextmanager
async def running(founding_of: Any, state: Path, world: World) -> AsyncIterator[Country]:  # noqa: ANN401
    """A country up for the time of the block; `founding_of(server)` says which one."""
    async with embedded(state) as server:
        founding: Founding = founding_of(server)
        await found(founding)
        country = Country(founding.folder, founding.plan)
        try:
            await country.start(world)
            yield country
        finally:
            await country.stop()
