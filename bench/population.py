"""人口 (見本): people invented per second, and the memory that a million of them take.

The bound is the chance alone: the SHA-256 blocks that a person's draws come from, hashed with nothing around them.
"""

from __future__ import annotations

import resource
import time
from hashlib import sha256

from bench import report
from nakadachi.neighbours import residents
from nakadachi.neighbours.population import Population

PEOPLE = 100_000
BLOCK_DRAWS = 4


def _draws(people: int) -> float:
    """How many hashes one person takes."""
    counted = 0

    class Counting(residents.Chance):
        def below(self, bound: int) -> int:
            nonlocal counted
            counted += 1
            return super().below(bound)

    from nakadachi.neighbours import population  # noqa: PLC0415  patched for this count alone

    kept, population.Chance = population.Chance, Counting  # type: ignore[misc]  put back below
    try:
        sum(1 for _ in Population(b"bench").people(0, people))
    finally:
        population.Chance = kept  # type: ignore[misc]  as it was
    return counted / people / BLOCK_DRAWS


def main() -> None:
    """Measure; write `bench/results/population.json`."""
    hashes = _draws(6_000)
    began = time.perf_counter()
    for counter in range(int(PEOPLE * hashes)):
        sha256(b"seed" + counter.to_bytes(8, "big")).digest()
    bound = PEOPLE / (time.perf_counter() - began)
    people = Population(b"bench")
    next(people.people(0, PEOPLE))  # the rounds of the permutations are made once
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.perf_counter()
    assert sum(1 for _ in people.people(0, PEOPLE)) == PEOPLE
    value = PEOPLE / (time.perf_counter() - began)
    report.write(
        "population",
        value=value,
        unit="invented people per second, one process",
        bound=bound,
        people=PEOPLE,
        hashes_per_person=round(hashes, 2),
        grown_kib=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before,
    )


if __name__ == "__main__":
    main()
