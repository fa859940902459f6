"""What a clerk notices of a bulk file: interactive inquiries at a fixed rate, alone and while the file is worked on.

`python -m bench.lanes [--lines N]`. Every system is a process of its own on this machine, so the file competes with the
clerk for the processors as well as for the queues. The clerk's times alone are taken before and after the file.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import sys
import time
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import aiohttp

from bench import report
from bench.country import Running, a_country
from nakadachi.kit.tls import client_context, node_host

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

LINES = 100_000
RATE = 5.0
"""Interactive inquiries per second: a town hall's counters at a busy hour."""
ALONE_SECONDS = 30.0
WARM_SECONDS = 4.0
LIMIT_SECONDS = 900.0
"""A file that takes longer is broken off, and the result says how far it came: the clerk asked 4,500 times by then."""
GOAL = 1.5
PORT = 18600
FIRST_DAY = date(1950, 4, 1)


@dataclass(slots=True)
class Clerk:
    """Interactive inquiries at a fixed rate, whether or not the ones before are answered. Latencies in seconds."""

    session: aiohttp.ClientSession
    url: str
    host: str
    lines: itertools.cycle[str]
    took: list[float] = field(default_factory=list)
    not_at_once: int = 0
    refused: int = 0

    async def run(self, until: asyncio.Event) -> None:
        """Ask until told to stop, and wait for what was asked."""
        loop = asyncio.get_running_loop()
        due, under_way = loop.time(), set[asyncio.Task[None]]()
        while not until.is_set():
            task = asyncio.create_task(self._one())
            under_way.add(task)
            task.add_done_callback(under_way.discard)
            due += 1 / RATE
            await asyncio.sleep(max(0.0, due - loop.time()))
        await asyncio.gather(*under_way)

    async def _one(self) -> None:
        begun = time.perf_counter()
        body = next(self.lines).encode()
        async with self.session.post(self.url, data=body, server_hostname=self.host) as answer:
            said = await answer.read()
        if b'"answered"' in said:
            self.took.append(time.perf_counter() - begun)
        elif b'"pending"' in said:
            self.not_at_once += 1
        else:
            self.refused += 1
            print(said[:300], file=sys.stderr)

    def words(self) -> dict[str, Any]:
        """What the clerk saw, in milliseconds."""
        return {
            "inquiries": len(self.took),
            "not_answered_at_once": self.not_at_once,
            "refused": self.refused,
            "latency_ms": {f"p{share}": round(self.share(share), 1) for share in (50, 95, 99)},
        }

    def share(self, percent: int) -> float:
        """The latency that so many percent stay below, in milliseconds."""
        ordered = sorted(self.took)
        return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] * 1000


@dataclass(slots=True)
class Bulk:
    """A file under way: how many results came, and of which kind."""

    results: int = 0
    answered: int = 0
    seconds: float = 0.0

    def words(self, lines: int) -> dict[str, Any]:
        """What came of the file."""
        return {
            "lines": lines,
            "results": self.results,
            "answered": self.answered,
            "seconds": round(self.seconds, 1),
            "per_second": round(self.results / self.seconds, 1),
        }


async def measure(lines: int, alone_seconds: float) -> tuple[Clerk, Clerk, Bulk]:
    """The clerk alone, the clerk beside the file, and the file."""
    async with a_country(PORT) as running:
        desk = running.desk
        context = client_context(desk.certificate, desk.key, desk.authority)
        connector = aiohttp.TCPConnector(ssl=context, limit=0)
        timeout = aiohttp.ClientTimeout(total=None)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
            supply = itertools.cycle(running.lines)

            def clerk() -> Clerk:
                said = "terminal=BENCH&purpose=bench&case_number=BENCH-1"
                url = f"{desk.server}/existing/inquiries?lane=interactive&{said}"
                return Clerk(session, url, node_host(desk.node), supply)

            await _for(clerk(), WARM_SECONDS)
            alone, beside = clerk(), clerk()
            await _for(alone, alone_seconds)
            print("alone", alone.words(), file=sys.stderr, flush=True)
            bulk = await _beside(beside, running, session, lines)
            print("beside", beside.words(), bulk.words(lines), file=sys.stderr, flush=True)
            await asyncio.sleep(WARM_SECONDS)
            await _for(alone, alone_seconds)
            return alone, beside, bulk


async def _for(clerk: Clerk, seconds: float) -> None:
    until = asyncio.Event()
    asyncio.get_running_loop().call_later(seconds, until.set)
    await clerk.run(until)


async def _beside(clerk: Clerk, running: Running, session: aiohttp.ClientSession, lines: int) -> Bulk:
    bulk, ended = Bulk(), asyncio.Event()
    asking = asyncio.create_task(clerk.run(ended))
    begun = time.perf_counter()
    try:
        async with asyncio.timeout(LIMIT_SECONDS):
            url = f"{running.desk.server}/existing/inquiries?terminal=BENCH&purpose=bench&case_number=BENCH-2"
            body = _file(running.lines, lines)
            async with session.post(url, data=body, server_hostname=node_host(running.desk.node)) as answer:
                if answer.status != 200:
                    raise RuntimeError(await answer.text())
                async for line in answer.content:
                    bulk.results += 1
                    bulk.answered += b'"answered"' in line
                    if bulk.results % 1000 == 0:
                        _say(bulk, clerk, time.perf_counter() - begun)
    except TimeoutError:
        print("broken off", file=sys.stderr)
    bulk.seconds = time.perf_counter() - begun
    ended.set()
    await asking
    return bulk


def _say(bulk: Bulk, clerk: Clerk, seconds: float) -> None:
    rate = bulk.results / seconds
    print(f"{bulk.results} {rate:.0f}/s p95 {clerk.share(95):.0f} ms", file=sys.stderr, flush=True)


async def _file(lines: list[str], count: int) -> AsyncIterator[bytes]:
    """An inquiry file: each line asks for another period, since the same of the same person is asked only once."""
    for number in range(count):
        cells = lines[number % len(lines)].strip().split(",")
        day = FIRST_DAY + timedelta(days=number // len(lines))
        cells[16] = cells[17] = day.strftime("%Y%m%d")
        yield (",".join(cells) + "\n").encode()


def main(arguments: list[str] | None = None) -> None:
    """Measure and write `results/lanes.json`. `arguments` None: those of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=LINES, help="lines of the bulk file (%(default)s)")
    parser.add_argument("--alone", type=float, default=ALONE_SECONDS, help="seconds alone, twice (%(default)s)")
    parser.add_argument("--dry", action="store_true", help="only print; the result file stays as it is")
    chosen = parser.parse_args(arguments)
    alone, beside, bulk = asyncio.run(measure(chosen.lines, chosen.alone))
    value, bound = beside.share(95), alone.share(95)
    print(f"p95 {bound:.1f} ms alone, {value:.1f} ms beside the file: ratio {value / bound:.2f}, goal {GOAL}")
    print("alone", alone.words(), "beside", beside.words(), bulk.words(chosen.lines))
    if not chosen.dry:
        path = report.write(
            "lanes",
            value=value,
            unit="ms, p95 of interactive inquiries while a bulk file is worked on; the bound is their p95 alone",
            bound=bound,
            goal=GOAL,
            rate_per_second=RATE,
            alone=alone.words(),
            beside_the_file=beside.words(),
            bulk=bulk.words(chosen.lines),
        )
        print(path)


if __name__ == "__main__":
    main()
