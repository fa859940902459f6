"""住民の突合 (L5, R2): everybody of a whole population sought in the register, and nobody taken for another.

An invented population is registered, then each of its people is sought by the four items, written otherwise than the
register writes them, a thousand at a time; then as many strangers as a tenth of them. A false merge is a person who
finds somebody else, or several where nobody shares all four items, or two residents whom the register cannot tell apart
though they are written differently; a stranger who is found is one too. The bound is the bare look-up of as many
residents by their resident record code, on the same database. What is held in memory does not grow with the population:
each step is a process of its own, and its peak is measured for a quarter of the people and for all.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench import report
from nakadachi.kit.database import Database
from nakadachi.kit.migrations import migrate, read_migrations
from nakadachi.kit.postgres import embedded
from nakadachi.neighbours import registry_store as store
from nakadachi.neighbours.matching import Found, Sought, items_of
from nakadachi.neighbours.population import Population
from nakadachi.neighbours.registry_store import Entry

if TYPE_CHECKING:
    from nakadachi.neighbours.residents import Resident

PEOPLE = 1_000_000
LOADED, SOUGHT = 5_000, 1_000
"""People registered, and sought, in one transaction."""
STRANGERS = 10
"""One stranger is sought for so many residents."""
SAY_EVERY = 100_000
SEED = b"bench matching"
_HOUSE = re.compile(r"(\d+)丁目(\d+)番(\d+)号(?!室)")
_WIDE = str.maketrans("0123456789 ", "０１２３４５６７８９\u3000")
_SEXES = {1: "男", 2: "女"}


def otherwise(one: Resident) -> Sought:
    """The person as somebody else writes them: full-width digits and blanks, hyphens, 男 and 女, another date."""
    address = _HOUSE.sub(r"\1－\2－\3", one.address).translate(_WIDE)
    return Sought(items=items_of(one.name.translate(_WIDE), address, _SEXES[one.sex], f"{one.born:%Y%m%d}"))


def peak_mib() -> float:
    """The most memory that this process ever had."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return round(int(status.partition("VmHWM:")[2].split()[0]) / 1024, 1)


def _in_packets(people: Iterator[Resident], many: int) -> Iterator[list[Resident]]:
    while some := list(islice(people, many)):
        yield some


def invent(people: int) -> dict[str, Any]:
    """Everybody invented and brought into one notation, and nothing kept."""
    began = time.perf_counter()
    for one in Population(SEED).people(0, people):
        otherwise(one)
    return {"people": people, "seconds": round(time.perf_counter() - began, 1), "peak_mib": peak_mib()}


async def match(people: int) -> dict[str, Any]:
    """Everybody registered, then sought."""
    with tempfile.TemporaryDirectory(prefix="nakadachi-bench-") as name:
        Path(name).chmod(0o711)
        async with embedded(Path(name)) as server:
            database = await Database.open(await server.create_tenant("matching"), max_size=2)
            try:
                await migrate(database, read_migrations("nakadachi.neighbours", part="registry"))
                return await _measure(database, people)
            finally:
                await database.close()


async def _measure(database: Database, people: int) -> dict[str, Any]:
    population, began = Population(SEED), time.perf_counter()
    for some in _in_packets(population.people(0, people), LOADED):
        entries = [
            Entry(one.code.value, one.number.value, one.name, one.address, one.sex, one.born.isoformat(), one.kana)
            for one in some
        ]
        async with database.transaction() as connection:
            await store.register(connection, entries)
    async with database.acquire() as connection:
        await connection.execute("ANALYZE resident")
        assert await store.count(connection) == people
    loading = time.perf_counter() - began
    ends: Counter[str] = Counter()
    seconds = bare = 0.0
    for place, some in enumerate(_in_packets(population.people(0, people), SOUGHT)):
        sought = [otherwise(one) for one in some]
        async with database.acquire() as connection:
            began = time.perf_counter()
            found = await store.match(connection, sought)
            seconds += time.perf_counter() - began
            began = time.perf_counter()
            codes = [one.code.value for one in some]
            rows = await connection.fetch("SELECT code, number FROM resident WHERE code = ANY($1::text[])", codes)
            bare += time.perf_counter() - began
        assert len(rows) == len(some)
        ends.update(_end(one.found, right=one.code == code) for one, code in zip(found, codes, strict=True))
        if (place + 1) * SOUGHT % SAY_EVERY == 0:
            print(f"  {(place + 1) * SOUGHT} sought", file=sys.stderr, flush=True)
    merged, alike = await _told_apart(database)
    return {
        "people": people, "registered_seconds": round(loading, 1), "match": people / seconds, "bare": people / bare,
        "found": ends["right"], "false_merges": ends["wrong"] + merged, "not_found": ends["none"],
        "several": ends["several"], "alike": alike, **await _strangers(database, population, people),
        "peak_mib": peak_mib(),
    }  # fmt: skip


def _end(found: Found, *, right: bool) -> str:
    if found is Found.ONE:
        return "right" if right else "wrong"
    return "several" if found is Found.SEVERAL else "none"


async def _told_apart(database: Database) -> tuple[int, int]:
    """Residents whom the notation merges with somebody written differently, and those who share all four items."""
    async with database.acquire() as connection:
        row = await connection.fetchrow(
            "SELECT coalesce(sum(many) FILTER (WHERE written > 1), 0) AS merged,"
            " coalesce(sum(many) FILTER (WHERE written = 1), 0) AS alike FROM"
            " (SELECT count(*) AS many, count(DISTINCT (name, address)) AS written FROM resident"
            " GROUP BY name_key, address_key, sex, born HAVING count(*) > 1) AS same"
        )
    return int(row["merged"]), int(row["alike"])


async def _strangers(database: Database, population: Population, people: int) -> dict[str, int]:
    """People whom the register does not know: how many were sought, and how many were found all the same."""
    many = people // STRANGERS
    taken = 0
    for some in _in_packets(population.people(people, people + many), SOUGHT):
        async with database.acquire() as connection:
            found = await store.match(connection, [otherwise(one) for one in some])
        taken += sum(one.found is not Found.NONE for one in found)
    return {"strangers": many, "strangers_found": taken}


def _alone(step: str, people: int) -> dict[str, Any]:
    """A step in a process of its own, so that its memory is its own."""
    asked = [sys.executable, "-m", "bench.matching", step, str(people)]
    answer: dict[str, Any] = json.loads(subprocess.run(asked, check=True, stdout=subprocess.PIPE).stdout)
    return answer


def main(arguments: list[str]) -> None:
    """Measure; write `bench/results/matching.json`. Fails where anybody was taken for another."""
    parser = argparse.ArgumentParser(prog="python -m bench matching")
    parser.add_argument("--people", type=int, default=PEOPLE, help="people registered and sought (%(default)s)")
    people: int = parser.parse_args(arguments).people
    few, all_of_them = (_alone("invent", count) for count in (people // 4, people))
    some, found = (_alone("match", count) for count in (people // 4, people))
    path = report.write(
        "matching",
        value=found["match"],
        unit="people found by their four items a second, a thousand at a time, one process",
        bound=found["bare"],
        bound_is="residents read a second by their resident record code, a thousand at a time, the same database",
        invented=[few, all_of_them],
        **{name: found[name] for name in found if name not in {"match", "bare"}},
        peak_mib_of_a_quarter=some["peak_mib"],
    )
    print(
        f"{path}: {people} people, {found['false_merges']} false merges, {found['strangers_found']} of"
        f" {found['strangers']} strangers found; peak {found['peak_mib']} MiB ({some['peak_mib']} for a quarter),"
        f" inventing alone {all_of_them['peak_mib']} ({few['peak_mib']})"
    )
    wrong = found["false_merges"] + found["not_found"] + found["several"] - found["alike"] + found["strangers_found"]
    if wrong:
        raise SystemExit(f"{wrong} people were taken for another or not found")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="one step of the benchmark, in this process")
    parser.add_argument("step", choices=("invent", "match"))
    parser.add_argument("people", type=int)
    given = parser.parse_args()
    print(json.dumps(invent(given.people) if given.step == "invent" else asyncio.run(match(given.people))))
