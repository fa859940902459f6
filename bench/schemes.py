"""Both ways to make link codes in one run: issue, read and convert per second, and bytes per code, as the tables grow.

Reversible encryption (案2) keeps one row of the ID table for a code; the conversion table (案3) keeps that row and one
in each of its two directions. Both are measured on one database, in turn.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from bench import report, tables, working
from nakadachi.core.codes import Scheme

SIZES = (10_000, 100_000, 1_000_000, 10_000_000)
BATCHES = {"issue": 10, "read": 60, "convert": 40}
KEPT = {Scheme.REVERSIBLE: ("link",), Scheme.TABLE: ("link", "code_of_person", "code_table")}


async def measure(sizes: tuple[int, ...] = SIZES) -> list[dict[str, Any]]:
    """The curve. Everything it makes is removed."""
    points, former = [], 0
    async with tables.a_core() as core:
        for codes in sizes:
            people = codes // len(tables.ORGANISATIONS)
            await tables.grow(core, former, people, KEPT[Scheme.TABLE])
            former = people
            point: dict[str, Any] = {
                "codes": codes,
                **{scheme.value: await _sizes(core, scheme, codes) for scheme in KEPT},
            }
            for scheme in KEPT:
                for work in ("read", "convert", "issue"):
                    task = working.Task(core.dsn, scheme, work, people, BATCHES[work])
                    per_second = await asyncio.to_thread(working.rate, task)
                    point[scheme.value][f"{work}_per_second"] = round(per_second)
                await tables.forget_strangers(core, working.NOW)
            points.append(point)
            print(point, file=sys.stderr, flush=True)
    return points


async def _sizes(core: tables.CoreTables, scheme: Scheme, codes: int) -> dict[str, float]:
    """Bytes per code on the disk, and how many of them are keys, which look-ups want in memory."""
    sizes = [await tables.size_of(core, table) for table in KEPT[scheme]]
    return {
        "bytes_per_code": round(sum(rows + keys for rows, keys in sizes) / codes, 1),
        "index_bytes_per_code": round(sum(keys for _, keys in sizes) / codes, 1),
    }


def main() -> None:
    """Measure and write `results/schemes.json`."""
    points = asyncio.run(measure())
    largest = points[-1]
    table, reversible = largest["table"], largest["reversible"]
    path = report.write(
        "schemes",
        value=table["convert_per_second"],
        unit=f"conversions/s by the table at {largest['codes']:,} codes; the bound is the reversible scheme here",
        bound=reversible["convert_per_second"],
        curve=points,
    )
    for name, one in (("reversible", reversible), ("table", table)):
        print(f"{path}: {name} {one}")


if __name__ == "__main__":
    main()
