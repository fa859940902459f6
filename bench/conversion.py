"""Conversions per second of L_A → ID code → L_B, each with the check that both codes are issued, as the tables grow.

What is measured is what the core does for every permit and nothing more. In the same run: the bound, the two block
operations of a conversion bare, on the same cores, without any text, table or check.
"""

from __future__ import annotations

import asyncio
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from bench import report, tables, working
from nakadachi.core.codes import Scheme

SIZES = (10_000, 100_000, 1_000_000, 10_000_000)
BATCHES = 100
GOAL_PER_SECOND, GOAL_GROWTH = 50_000, 2.0


async def measure(sizes: tuple[int, ...] = SIZES, batches: int = BATCHES) -> list[dict[str, Any]]:
    """The curve. Everything it makes is removed."""
    points, former = [], 0
    async with tables.a_core() as core:
        for codes in sizes:
            people = codes // len(tables.ORGANISATIONS)
            await tables.grow(core, former, people, ("link",))
            former = people
            task = working.Task(core.dsn, Scheme.REVERSIBLE, "convert", people, batches)
            per_second = await asyncio.to_thread(working.rate, task)
            points.append(
                {
                    "codes": codes,
                    "per_second": round(per_second),
                    "core_microseconds": round(working.PROCESSES * 1e6 / per_second, 2),
                }
            )
            print(points[-1], file=sys.stderr, flush=True)
    return points


def bound(seconds: float = 2.0) -> float:
    """Bare conversions per second: one block decrypted, one encrypted."""
    with ProcessPoolExecutor(working.PROCESSES) as pool:
        return sum(pool.map(_bare, [seconds] * working.PROCESSES))


def _bare(seconds: float) -> float:
    cipher = Cipher(algorithms.AES(working.MASTER), modes.ECB())  # noqa: S305  as in the core: one block
    encrypt, decrypt, block, done = cipher.encryptor(), cipher.decryptor(), bytes(16), 0
    begun = time.perf_counter()
    while (elapsed := time.perf_counter() - begun) < seconds:
        for _ in range(1000):
            encrypt.update(decrypt.update(block))
        done += 1000
    return done / elapsed


def main() -> None:
    """Measure and write `results/conversion.json`."""
    points = asyncio.run(measure())
    largest, smaller = points[-1], next(one for one in points if one["codes"] == 100_000)
    growth = smaller["per_second"] / largest["per_second"]
    path = report.write(
        "conversion",
        value=largest["per_second"],
        unit="conversions/s at ten million codes, both links checked, in batches of 1,000, two processes on two cores",
        bound=bound(),
        goal_per_second=GOAL_PER_SECOND,
        cost_against_100000_codes=round(growth, 3),
        goal_cost_against_100000_codes=GOAL_GROWTH,
        curve=points,
    )
    print(f"{path}: {largest['per_second']}/s at {largest['codes']} codes, {growth:.2f} times the cost at 100,000")


if __name__ == "__main__":
    main()
