"""Each system of a country in a process of its own; none of them outlives the one that started them."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nakadachi.country.proxy import PROXY, find_haproxy
from nakadachi.kit.lifeline import VARIABLE

if TYPE_CHECKING:
    from pathlib import Path

    from nakadachi.country.plan import Instance, Place, Plan

COMMON = 3
"""Core, Commission and registry organisation start first: the others report to the core as soon as they listen."""
LISTENS_SECONDS = 120.0
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
        """Start all systems and wait until each says that it listens; before twins, what stands in front of them.

        Raises ProcessEnded, and ConfigError where there are twins and no HAProxy.
        """
        twins = [place for place in self.plan.places if place.twins]
        if twins:
            program, file = find_haproxy(), str(self.folder / PROXY / "haproxy.cfg")
            command = (sys.executable, "-m", "nakadachi.country.proxy", program, file, str(twins[0].port))
            await self._start(PROXY, *command)
        for place in self.plan.places[:COMMON]:
            await self._start_all(place)
        await asyncio.gather(*(self._start_all(place) for place in self.plan.places[COMMON:]))

    async def _start_all(self, place: Place) -> None:
        for instance in place.instances:
            await self.start_one(place, instance)

    async def start_one(self, place: Place, instance: Instance | None = None) -> None:
        """Start one instance of a system, the first where none is named, also again, and wait until it says that it
        listens. Raises ProcessEnded.
        """
        one = instance or place.instances[0]
        config = str(self.folder / place.folder / one.config)
        name = f"{place.name.value} {one.name}".rstrip()
        await self._start(name, *self.command, place.name.role.value, "serve", "--config", config)

    async def _start(self, name: str, *command: str) -> None:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdout=asyncio.subprocess.PIPE,
            env=os.environ | {VARIABLE: str(self._pipe[0])},
            pass_fds=(self._pipe[0],),
            start_new_session=True,
        )
        self.running[name] = process
        said = b""
        if process.stdout is not None:
            said = await asyncio.wait_for(process.stdout.readline(), LISTENS_SECONDS)
        if not said:
            raise ProcessEnded(f"{name} did not start; what it said stands above")

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
