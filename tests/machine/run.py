"""One country of the machine from its founding to its end, and the tally of all of them."""

from __future__ import annotations

import asyncio
import itertools
import os
from collections import Counter
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from nakadachi.country.founding import Founding, found
from nakadachi.country.plan import Plan, plan
from nakadachi.kit.clock import FixedClock
from nakadachi.kit.postgres import PostgresServer
from nakadachi.law import lawbook
from nakadachi.node import World
from tests.invented import AOBA, PENSION, TSUBAKI
from tests.machine.country import BEGINNING, Simulated, residents_file, simulated
from tests.machine.loop import VirtualLoop
from tests.machine.people import RESIDENTS, settle
from tests.machine.promises import Promises
from tests.tap import Tenants, all_that_is_logged

_COUNTRIES = itertools.count(1)


@dataclass
class Tally:
    """What all runs together did."""

    runs: int = 0
    steps: int = 0
    telegrams: int = 0
    inquiries: int = 0
    real_seconds: float = 0.0
    simulated_seconds: float = 0.0
    met: Counter[str] = field(default_factory=Counter)
    told: Counter[str] = field(default_factory=Counter)
    ended: Counter[str] = field(default_factory=Counter)


class Run:
    """One country from its founding to its end. All of it happens inside its virtual loop."""

    def __init__(self, server: PostgresServer, directory: Path, seed: int) -> None:
        tenant = f"machine_{os.getpid()}_{next(_COUNTRIES)}"
        self.places: Plan = plan(lawbook.sample(), (TSUBAKI, AOBA, PENSION), port=9000)
        folder = directory / tenant
        folder.mkdir()
        residents_file(folder, RESIDENTS)
        tenants = cast("PostgresServer", Tenants(server, tenant))
        founding = Founding(folder, self.places, lawbook.sample(), tenants, World(clock=FixedClock(BEGINNING)))
        asyncio.run(found(founding))
        self._server, self._tenant = server, tenant
        self._around = ExitStack()
        log = self._around.enter_context(all_that_is_logged())
        self.loop = VirtualLoop(seed)
        self._inside = AsyncExitStack()
        self.land: Simulated = self.do(self._inside.enter_async_context(simulated(folder, self.places, seed, log)))
        try:
            self.do(settle(self.land))
        except BaseException:
            self._close()
            raise
        self.promises = Promises(self.land)
        self.asks: list[asyncio.Task[None]] = []

    def do(self, work: Any) -> Any:
        """Do this inside."""
        return self.loop.run_until_complete(work)

    def end(self, tally: Tally) -> None:
        """Count what happened, and remove the country."""
        network = self.land.network
        tally.runs += 1
        tally.telegrams += network.telegrams
        tally.simulated_seconds += self.loop.time()
        tally.met += network.weather.met
        tally.ended += Counter(state for state, _, _ in self.promises.ended.values())
        self._close()

    def _close(self) -> None:
        try:
            self.do(self._inside.aclose())
            self.loop.end()
        finally:
            self._around.close()
            asyncio.run(self._remove())

    async def _remove(self) -> None:
        for place in self.places.places:
            await self._server.drop_tenant(f"{self._tenant}_{place.tenant}")
