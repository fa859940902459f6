"""Each system of a country in a process of its own; none of them outlives the one that started them."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nakadachi.country.founding import CONFIG
from nakadachi.kit.lifeline import VARIABLE

if TYPE_CHECKING:
    from pathlib import Path

    from nakadachi.country.plan import Place, Plan

COMMON = 3
"""Core, Commission and registry organisation start first: the others report to the core as soon as they listen."""
LISTENS_SECONDS = 30.0
STOP_SECONDS = 15.0


class ProcessEnded(Exception):  # noqa: N818  a state of the world
    """A system's process ended by itself; the message says which, and what it said is on standard error."""


@dataclass(slots=True)
class Processes:
    """The processes of a country. The pipe's far end closes with us, and that is what ends them if we are killed."""

    folder: Path
    plan: Plan
    command: tuple[str, ...] = (sys.executable, "-m", "nakadachi")
    running: dict[str, asyncio.subprocess.Process] = field(default_factory=dict)
    _pipe: tuple[int, int] = field(default_factory=os.pipe)

    async def start(self) -> None:
        """Start all systems and wait until each says that it listens. Raises ProcessEnded."""
        for place in self.plan.places[:COMMON]:
            await self.start_one(place)
        await asyncio.gather(*(self.start_one(place) for place in self.plan.places[COMMON:]))

    async def start_one(self, place: Place) -> None:
        """Start one system, also again, and wait until it says that it listens. Raises ProcessEnded."""
        process = await asyncio.create_subprocess_exec(
            *self.command,
            place.name.role.value,
            "serve",
            "--config",
            str(self.folder / place.folder / CONFIG),
            stdout=asyncio.subprocess.PIPE,
            env=os.environ | {VARIABLE: str(self._pipe[0])},
            pass_fds=(self._pipe[0],),
            start_new_session=True,
        )
        self.running[place.name.value] = process
        said = b""
        if process.stdout is not None:
            said = await asyncio.wait_for(process.stdout.readline(), LISTENS_SECONDS)
        if not said:
            raise ProcessEnded(f"{place.name} did not start; what it said stands above")

    async def wait(self) -> None:
        """Until one of them ends by itself. Raises ProcessEnded."""
        waits = {asyncio.create_task(process.wait()): name for name, process in self.running.items()}
        done, others = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for task in others:
            task.cancel()
        raise ProcessEnded(f"{waits[done.pop()]} ended by itself; the country stops")

    async def stop(self) -> None:
        """End all, the organisations' systems first and the core last."""
        for name in reversed(list(self.running)):
            await self.stop_one(name)
        for end in self._pipe:
            os.close(end)

    async def stop_one(self, name: str) -> None:
        """End one system as its operator would."""
        process = self.running.pop(name)
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(process.wait(), STOP_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()
