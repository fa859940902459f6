"""Plays the state machine under a seed: so many steps, in countries of so many each; tells how to replay it."""

from __future__ import annotations

import contextlib
import io
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import hypothesis
from hypothesis import HealthCheck, Phase
from hypothesis.stateful import run_state_machine_as_test

from nakadachi.kit.postgres import PostgresServer
from tests.machine.machine import AnyOrder
from tests.machine.run import Tally

STEPS_OF_A_RUN = 60


@dataclass(frozen=True)
class Played:
    """What came of it: `failure` is empty where every promise was kept, else the steps it took and why."""

    seed: int
    steps: int
    tally: Tally
    seconds: float
    failure: str = ""

    @property
    def lines(self) -> Iterator[str]:
        """The report."""
        tally = self.tally
        yield f"seed {self.seed}: {tally.steps} steps in {tally.runs} countries, {self.seconds:.0f} s"
        yield f"  {tally.simulated_seconds / 60:.0f} minutes of the countries' own time"
        yield f"  {tally.telegrams} telegrams, {60 * tally.telegrams / self.seconds:.0f} a minute"
        yield f"  {tally.inquiries} inquiries, told at once: {_counted(tally.told)}"
        yield f"  ended: {_counted(tally.ended)}"
        yield f"  what went wrong: {_counted(tally.met)}"
        if self.failure:
            yield self.failure
            yield f"replay with: make machine SEED={self.seed} STEPS={self.steps}"
        else:
            yield "  every promise was kept"


def play(
    server: PostgresServer,
    directory: Path,
    *,
    seed: int,
    steps: int,
    of_a_run: int = STEPS_OF_A_RUN,
    shrink: bool = True,
) -> Played:
    """Play `steps` steps in all. The same seed and number of steps play the same way again."""
    AnyOrder.server, AnyOrder.directory, AnyOrder.tally = server, directory, Tally()
    settings = hypothesis.settings(
        max_examples=max(1, steps // of_a_run),
        stateful_step_count=min(steps, of_a_run),
        derandomize=False,
        database=None,
        deadline=None,
        phases=[Phase.generate, Phase.shrink] if shrink else [Phase.generate],
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
        print_blob=False,
    )
    started = time.monotonic()
    said = io.StringIO()
    failure = ""
    with contextlib.redirect_stdout(said):
        try:
            run_state_machine_as_test(hypothesis.seed(seed)(AnyOrder), settings=settings)
        except Exception as broken:  # noqa: BLE001  whatever broke is the finding
            notes = "\n".join(getattr(broken, "__notes__", ()))
            failure = f"{type(broken).__name__}: {broken}\n{said.getvalue()}{notes}"
    return Played(seed, steps, AnyOrder.tally, time.monotonic() - started, failure)


def _counted(counter: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counter.items())) or "nothing"
