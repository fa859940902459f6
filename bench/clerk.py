"""A clerk whose every inquiry is followed to its end: asked at a fixed rate, timed, and counted where it fails."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import aiohttp

from nakadachi.kit.tls import client_context, node_host

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from nakadachi.desk.client import DeskConfig

RATE = 5.0
"""Interactive inquiries per second: a town hall's counters at a busy hour."""
SETTLES_SECONDS = 120.0
SAID = "lane=interactive&terminal=BENCH&purpose=bench&case_number=BENCH-1"


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of time, in seconds since 1970."""

    begin: float
    end: float


@dataclass(slots=True)
class Clerk:
    """Interactive inquiries at a fixed rate, whether or not the ones before are answered."""

    session: aiohttp.ClientSession
    desk: DeskConfig
    lines: Sequence[str]
    asked: list[tuple[float, float]] = field(default_factory=list)
    """When each was asked, and the seconds until its answer."""
    late: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    under_way: set[asyncio.Task[None]] = field(default_factory=set)

    async def run(self) -> None:
        """Ask until cancelled."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        for line in itertools.cycle(self.lines):
            task = asyncio.create_task(self._one(line))
            self.under_way.add(task)
            task.add_done_callback(self.under_way.discard)
            due += 1 / RATE
            await asyncio.sleep(max(0.0, due - loop.time()))

    @property
    def count(self) -> int:
        """How many inquiries have ended."""
        return len(self.asked) + sum(self.failed.values())

    async def settled(self) -> None:
        """Until all that was asked so far has ended."""
        await asyncio.gather(*self.under_way)

    async def _one(self, line: str) -> None:
        at, begun = time.time(), time.perf_counter()
        try:
            said = await self._said("POST", f"?{SAID}", line)
            if said["status"] == "pending":
                self.late += 1
                said = await self._later(said)
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError, KeyError) as wrong:
            self.failed[type(wrong).__name__] += 1
            return
        if said["status"] == "answered":
            self.asked.append((at, time.perf_counter() - begun))
        else:
            self.failed[f"{said['status']} {said['reason']}"] += 1

    async def _later(self, said: dict[str, Any]) -> dict[str, Any]:
        async with asyncio.timeout(SETTLES_SECONDS):
            while said["status"] == "pending":
                await asyncio.sleep(0.1)
                said = await self._said("GET", f"/{said['serial']}")
        return said

    async def _said(self, method: str, path: str, line: str = "") -> dict[str, Any]:
        url, host = f"{self.desk.server}/existing/inquiries{path}", node_host(self.desk.node)
        async with self.session.request(method, url, data=line.encode(), server_hostname=host) as answer:
            words: dict[str, Any] = json.loads(await answer.read())
            return words

    def within(self, windows: Sequence[Window]) -> list[float]:
        """The latencies of what was asked in these windows, in milliseconds, the shortest first."""
        return sorted(took * 1000 for at, took in self.asked if any(one.begin <= at < one.end for one in windows))


@asynccontextmanager
async def a_clerk(desk: DeskConfig, lines: Sequence[str]) -> AsyncIterator[Clerk]:
    """A clerk who asks these lines in turn for the time of the block; at its end all that was asked has ended."""
    context = client_context(desk.certificate, desk.key, desk.authority)
    connector = aiohttp.TCPConnector(ssl=context, limit=0)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=None)) as session:
        clerk = Clerk(session, desk, lines)
        asking = asyncio.create_task(clerk.run())
        try:
            yield clerk
        finally:
            asking.cancel()
            await clerk.settled()


def words(latencies: Sequence[float]) -> dict[str, Any]:
    """How many there were, and their latencies in milliseconds. They are sorted."""
    shares = {f"p{percent}": round(share(latencies, percent), 1) for percent in (50, 95, 99)}
    return {"inquiries": len(latencies), "latency_ms": shares}


def share(latencies: Sequence[float], percent: int) -> float:
    """The latency that so many percent stay below. They are sorted."""
    return latencies[min(len(latencies) - 1, len(latencies) * percent // 100)]
