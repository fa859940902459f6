"""個人番号 (R1): walks the permutation over 125 million running indices and counts clashes, in bounded memory.

The numbers are sorted into slices of the space of eleven digits, four bytes each, and every slice is looked at alone.
The bound is what this machine needs for the same walk without the permutation: the sorting and the looking.
"""

from __future__ import annotations

import hashlib
import resource
import time
from array import array
from collections.abc import Callable

from bench import report
from nakadachi.neighbours.individual_numbers import DIGITS
from nakadachi.neighbours.permutation import DecimalPermutation

PEOPLE = 125_000_000
CHUNK = 1_000_000
SLICE = 27
"""Bits of a number that stand within its slice."""
KEY = hashlib.sha256(b"nakadachi bench numbers").digest()


def walk(run: Callable[[int, int], array[int]], people: int, *, say: bool = True) -> tuple[int, float]:
    """How many of the images of 0 … `people` - 1 come more than once, and in how many seconds that was found."""
    slices = [array("I") for _ in range((10**DIGITS >> SLICE) + 1)]
    mask = (1 << SLICE) - 1
    began = time.monotonic()
    for start in range(0, people, CHUNK):
        for image in run(start, min(start + CHUNK, people)):
            slices[image >> SLICE].append(image & mask)
        if say and start % (25 * CHUNK) == 0:
            print(f"  {start // CHUNK} million after {time.monotonic() - began:.0f} s", flush=True)
    clashes = sum(len(one) - len(set(one)) for one in slices)
    assert sum(map(len, slices)) == people
    return clashes, time.monotonic() - began


def spread(start: int, stop: int) -> array[int]:
    """The same numbers without the permutation: a stride that spreads them over the space."""
    return array("Q", [index * 61_803_398_849 % 10**DIGITS for index in range(start, stop)])


def main() -> None:
    """Walk; write `bench/results/numbers.json`."""
    began = time.monotonic()
    table = DecimalPermutation(KEY, DIGITS).table
    made = time.monotonic() - began
    bound = walk(spread, PEOPLE // 25, say=False)[1] * 25
    clashes, seconds = walk(table.run, PEOPLE)
    assert clashes == 0, f"{clashes} numbers came twice"
    report.write(
        "numbers",
        value=seconds,
        unit=f"seconds to give {PEOPLE} numbers by the permutation and find no clash, one process",
        bound=bound,
        clashes=clashes,
        table_seconds=round(made, 2),
        peak_mib=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    )


if __name__ == "__main__":
    main()
