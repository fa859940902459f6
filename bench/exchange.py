"""Exchanges per second with all parties on this machine, every system a process of its own, all evidence kept.

One existing system asks through the HTTPS door, one provider answers from its provision database with bodies of 2 KB.
In the same run: the reference bound, the exchange's bare cryptography on the same cores.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp

from bench import report
from bench.country import Running, a_country
from bench.reference import bound
from nakadachi.kit.tls import client_context, node_host

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nakadachi.country.processes import Processes

SWEEP = (1, 8, 32, 64, 128, 256)
SECONDS = 8.0
WARM_SECONDS = 3.0
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Point:
    """One point of the curve: latencies in milliseconds, CPU in milliseconds per exchange, by system."""

    concurrency: int
    per_second: float
    late: int
    latency: tuple[float, float, float]
    cpu: dict[str, float]

    def words(self) -> dict[str, Any]:
        """The point as JSON."""
        return {
            "concurrency": self.concurrency,
            "per_second": round(self.per_second, 1),
            "not_answered_at_once": self.late,
            "latency_ms": dict(zip(("p50", "p95", "p99"), (round(one, 1) for one in self.latency), strict=True)),
            "cpu_ms_per_exchange": {name: round(value, 2) for name, value in self.cpu.items()},
        }


async def measure(seconds: float = SECONDS) -> tuple[list[Point], float]:
    """The curve and the bound. Everything it makes is removed."""
    async with a_country() as running:
        points = [await _point(running, one, seconds) for one in SWEEP]
    return points, bound(os.cpu_count() or 1)


async def _point(running: Running, concurrency: int, seconds: float) -> Point:
    desk, processes = running.desk, running.processes
    url = f"{desk.server}/existing/inquiries?lane=interactive&terminal=BENCH&purpose=bench&case_number=BENCH-1"
    context = client_context(desk.certificate, desk.key, desk.authority)
    supply = itertools.cycle(running.lines)
    connector = aiohttp.TCPConnector(ssl=context, limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def one() -> float | None:
            begun = time.perf_counter()
            async with session.post(url, data=next(supply).encode(), server_hostname=node_host(desk.node)) as answer:
                said = await answer.read()
            if b'"answered"' in said:
                return time.perf_counter() - begun
            if b'"pending"' in said:
                return None
            raise RuntimeError(f"not answered: {said[:200]!r}")

        await _run(one, concurrency, WARM_SECONDS)
        before = _cpu(processes)
        begun = time.perf_counter()
        took = await _run(one, concurrency, seconds)
        elapsed = time.perf_counter() - begun
    latencies = sorted(one for one in took if one is not None)
    after, count = _cpu(processes), len(latencies)
    cpu = {name: (after[name] - before[name]) * 1000 / count for name in before}
    p50, p95, p99 = (latencies[min(count - 1, int(count * share))] * 1000 for share in (0.5, 0.95, 0.99))
    point = Point(concurrency, count / elapsed, len(took) - count, (p50, p95, p99), cpu)
    print(point.words(), file=sys.stderr, flush=True)
    return point


async def _run(one: Any, concurrency: int, seconds: float) -> list[float | None]:
    until = time.perf_counter() + seconds
    took: list[float | None] = []

    async def worker() -> None:
        while time.perf_counter() < until:
            took.append(await one())

    await asyncio.gather(*(worker() for _ in range(concurrency)))
    return took


def _cpu(processes: Processes) -> dict[str, float]:
    """Seconds of CPU used so far, by system; PostgreSQL's processes together, and this one as the existing system."""
    used = {name.split(":")[0] + " " + name[-4:]: _seconds(process.pid) for name, process in processes.running.items()}
    used["postgres"] = sum(_seconds(pid) for pid in _postgres())
    used["existing system"] = _seconds(os.getpid())
    return used


def _seconds(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / TICKS


def _postgres() -> Iterator[int]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if (entry / "comm").read_text(encoding="utf-8").strip() == "postgres":
                    yield int(entry.name)
            except OSError:
                continue


def main() -> None:
    """Measure and write `results/exchange.json`."""
    points, reference = asyncio.run(measure())
    best = max(points, key=lambda point: point.per_second)
    path = report.write(
        "exchange",
        value=best.per_second,
        unit="exchanges/s, all parties on one machine, 2 KB bodies, all evidence",
        bound=reference,
        curve=[point.words() for point in points],
    )
    ratio = best.per_second / reference
    print(f"{path}: {best.per_second:.1f}/s at {best.concurrency}, bound {reference:.0f}/s, ratio {ratio:.3f}")


if __name__ == "__main__":
    main()
