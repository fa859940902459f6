"""The state machine: hypothesis chooses what happens next, and shrinks what broke a promise to few steps."""

from __future__ import annotations

import asyncio
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from nakadachi.core.oversight import distribute_edition
from nakadachi.core.rotation import Order, carry_out
from nakadachi.kit.postgres import PostgresServer
from nakadachi.terms import NodeName, OrganisationCode, Role
from tests.invented import AOBA, TSUBAKI
from tests.lines import csv_of
from tests.machine.database import Trouble
from tests.machine.people import ANSWERABLE, ASKABLE, LATER, MISTABLED
from tests.machine.rest import check_at_rest, come_to_rest
from tests.machine.run import Run, Tally
from tests.machine.wire import Fault
from tests.story.editions import edition
from tests.world import inquiry_line, told

SMALLEST_BEAT = 0.02
MOST_BACK = 5.0


NODES = {
    "core": (Role.CORE, None),
    "commission": (Role.COMMISSION, None),
    "registry": (Role.REGISTRY, None),
    "interface A": (Role.INTERFACE, TSUBAKI),
    "server A": (Role.INTERMEDIATE, TSUBAKI),
    "interface B": (Role.INTERFACE, AOBA),
    "server B": (Role.INTERMEDIATE, AOBA),
}
"""Tsubaki, the inquirer, is A; Aoba, the provider, is B."""
_NODES = st.sampled_from(list(NODES))
_FAULTS = {fault.value: fault for fault in Fault}
_TROUBLES = {trouble.value: trouble for trouble in Trouble}


class AnyOrder(RuleBasedStateMachine):
    """A country to which anything may happen in any order. `server` and `directory` are set before it runs."""

    server: ClassVar[PostgresServer]
    directory: ClassVar[Path]
    tally: ClassVar[Tally] = Tally()
    log: ClassVar[Path | None] = None
    """Where the log of a country goes that broke a promise."""

    def __init__(self) -> None:
        super().__init__()
        self.run: Run | None = None
        self.failed = False
        self.played = 0.0
        """Seconds of the country's own time, to the last digit."""

    @initialize(seed=st.integers(min_value=0, max_value=2**32 - 1))
    def found(self, seed: int) -> None:
        """A country in which everybody is linked and nothing has gone wrong yet."""
        self.run = Run(self.server, self.directory, seed)

    # What people do

    @rule(addressee=st.sampled_from(ANSWERABLE))
    def ask_whom_aoba_knows(self, addressee: str) -> None:
        """Tsubaki asks one inquiry that Aoba can answer, and time passes."""
        self._ask([addressee], lane="interactive")
        self._do(asyncio.sleep(0.5))

    @rule(addressee=st.sampled_from(ASKABLE))
    def ask(self, addressee: str) -> None:
        """Tsubaki asks one inquiry; nobody waits here for its answer."""
        self._ask([addressee], lane="interactive")

    @rule(addressees=st.lists(st.sampled_from(ASKABLE), min_size=2, max_size=6, unique=True))
    def ask_many(self, addressees: list[str]) -> None:
        """Tsubaki hands in a file."""
        self._ask(addressees, lane="bulk")

    @rule(addressee=st.sampled_from(ASKABLE[:3]))
    def ask_what_is_not_listed(self, addressee: str) -> None:
        """Tsubaki asks for what the law does not let it."""
        self._ask([addressee], lane="interactive", **MISTABLED)

    @rule(decision=st.sampled_from(["answer", "refuse"]))
    def decide(self, decision: str) -> None:
        """Aoba's staff decide the oldest exchange that is held."""
        land = self._run.land

        async def decide() -> None:
            held = await land.rows(
                self._run.promises.provider,
                "SELECT serial FROM asked WHERE state = 'held' ORDER BY asked_at, serial LIMIT 1",
            )
            for row in held:
                await land.desk(AOBA, "POST", f"held/{row['serial']}/{decision}", staff="clerk-kikyou")

        self._meanwhile(decide())

    @rule()
    def cancel(self) -> None:
        """Tsubaki no longer wants the answer to its oldest inquiry under way."""
        promises = self._run.promises

        async def cancel() -> None:
            under_way = await self._run.land.rows(
                promises.inquirer,
                "SELECT serial FROM inquiry WHERE state IN ('asked', 'held') ORDER BY asked_at, serial LIMIT 1",
            )
            for row in under_way:
                promises.cancelled.add(row["serial"])
                await self._run.land.desk(TSUBAKI, "POST", f"inquiries/{row['serial']}/cancel", staff="clerk-yamabuki")

        self._meanwhile(cancel())

    @rule(one=st.sampled_from(LATER))
    def link(self, one: Any) -> None:
        """Tsubaki asks for a person's link code."""
        self._meanwhile(self._run.land.desk(TSUBAKI, "POST", "link", csv_of([one.line(TSUBAKI)])))

    @rule()
    def distribute(self) -> None:
        """The core is handed a newer directory."""
        land = self._run.land
        core, commission = land.name(Role.CORE), land.name(Role.COMMISSION)
        if land.door(core) is None or land.door(commission) is None:
            return  # who signs is not there
        notes = edition(land, listed=1)
        self._meanwhile(self._run.loop.spawn(land.service(core).system.together(distribute_edition, notes), core))

    @rule(organisation=st.sampled_from([TSUBAKI, AOBA]), emergency=st.booleans())
    def rotate(self, organisation: OrganisationCode, emergency: bool) -> None:  # noqa: FBT001
        """An organisation's key is replaced, as a routine or after a compromise."""
        land, order = self._run.land, Order(organisation, emergency=emergency)
        core = land.name(Role.CORE)
        if land.door(core) is None:
            return
        if organisation == TSUBAKI:
            self._run.promises.rotations.add(emergency)
        self._meanwhile(self._run.loop.spawn(land.service(core).system.together(carry_out, order), core))

    # What happens to nodes

    @rule(node=_NODES, pause=st.sampled_from([0.0, 0.5, 3.0, 20.0, 120.0]), kill=st.booleans())
    def restart(self, node: str, pause: float, kill: bool) -> None:  # noqa: FBT001
        """A node stops, in order or hard, and comes up again."""
        land, name = self._run.land, self._name(node)
        if land.door(name) is None:
            return
        land.network.weather.met["killed" if kill else "stopped"] += 1
        self._do(land.kill(name) if kill else land.stop(name))
        land.rise_after(name, pause)

    @rule(node=_NODES, seconds=st.sampled_from([-MOST_BACK, -0.5, 0.5, 30.0, 90.0, 600.0, 86400.0]))
    def jump(self, node: str, seconds: float) -> None:
        """A node's clock is set."""
        self._run.land.clocks[self._name(node)].ahead += timedelta(seconds=seconds)
        self._run.land.network.weather.met["clock set"] += 1

    @rule(node=_NODES, troubles=st.lists(st.sampled_from(list(_TROUBLES)), min_size=1, max_size=4))
    def trouble(self, node: str, troubles: list[str]) -> None:
        """A node's next commits fail."""
        self._run.land.troubles[self._name(node)].next.extend(_TROUBLES[one] for one in troubles)

    # What happens to the network

    @rule(faults=st.lists(st.tuples(st.sampled_from(list(_FAULTS)), st.none() | _NODES), min_size=1, max_size=4))
    def spoil(self, faults: list[tuple[str, str | None]]) -> None:
        """The next requests, or the next ones of or to a node, fare ill."""
        weather = self._run.land.network.weather
        weather.next += [(_FAULTS[fault], self._name(node) if node else None) for fault, node in faults]

    @rule(one=_NODES, other=_NODES)
    def part(self, one: str, other: str) -> None:
        """Two nodes cannot reach each other any more; one alone: nobody."""
        self._run.land.network.weather.cut.add(frozenset({self._name(one), self._name(other)}))

    @precondition(lambda self: self.run is not None and self.run.land.network.weather.cut)
    @rule()
    def heal(self) -> None:
        """All ways are open again."""
        self._run.land.network.weather.calm()

    @rule(seconds=st.sampled_from([0.1, 1.0, 1.0, 5.0, 25.0]))
    def wait(self, seconds: float) -> None:
        """Time passes."""
        self._do(asyncio.sleep(seconds))

    # The machine itself

    def teardown(self) -> None:
        """All is healed and comes to rest; then every promise is checked in full."""
        if self.run is None:
            return
        try:
            if not self.failed:
                self._guarded(come_to_rest(self.run.promises))
                self._guarded(check_at_rest(self.run.promises))
        finally:
            run, self.run = self.run, None
            if self.failed and self.log is not None:
                self.log.write_bytes(run.land.log.getvalue())
            self.played = run.loop.time()
            run.end(self.tally)

    @property
    def _run(self) -> Run:
        assert self.run is not None
        return self.run

    def _name(self, node: str) -> NodeName:
        return self._run.land.name(*NODES[node])

    def _do(self, work: Any) -> None:
        """One step, a moment after it, and whatever must hold then."""
        self.tally.steps += 1
        self._guarded(work)
        self._guarded(asyncio.sleep(SMALLEST_BEAT))
        self._guarded(self._run.promises.step())
        for task in [task for task in self._run.asks if task.done()]:
            self._run.asks.remove(task)
            task.result()

    def _guarded(self, work: Any) -> None:
        started = time.monotonic()
        try:
            self._run.do(work)
        except BaseException:
            self.failed = True
            raise
        finally:
            self.tally.real_seconds += time.monotonic() - started

    def _meanwhile(self, work: Any) -> None:
        """Begin something nobody waits for; it may well fail."""

        async def begin() -> None:
            task = asyncio.ensure_future(work)
            task.add_done_callback(lambda done: done.cancelled() or done.exception())

        self._do(begin())

    def _ask(self, addressees: list[str], *, lane: str, **other: str) -> None:
        lines = "".join(inquiry_line(addressee, AOBA, **other) for addressee in addressees)
        self.tally.inquiries += len(addressees)
        run = self._run

        async def ask() -> None:
            _, text = await run.land.desk(TSUBAKI, "POST", "inquiries", lines.encode(), lane=lane)
            for addressee, line in zip(addressees, text.splitlines(), strict=False):
                self.tally.told[told(line).status] += 1
                if not other or told(line).status == "answered":
                    run.promises.told(addressee, told(line))

        async def begin() -> None:
            run.asks.append(asyncio.ensure_future(ask()))

        self._do(begin())


def say(*lines: str) -> None:
    """Lines for whoever watches."""
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()
