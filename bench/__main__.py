"""`python -m bench [NAME …]`: benchmarks, one after the other; without a name the short ones."""

from __future__ import annotations

import argparse
import sys

from bench import (
    conversion,
    exchange,
    issuance,
    jpki,
    keys,
    lanes,
    matching,
    numbers,
    population,
    restore,
    rotation,
    schemes,
)

BENCHES = {
    "exchange": exchange.main,
    "restore": restore.main,
    "schemes": schemes.main,
    "conversion": conversion.main,
    "lanes": lambda: lanes.main([]),
    "jpki": jpki.main,
    "keys": keys.main,
    "numbers": numbers.main,
    "population": population.main,
}
COUNTED = {"issuance": issuance.main, "matching": matching.main, "rotation": rotation.main}
"""Those that `--people` says the size of."""
SHORT = ("exchange", "restore", "jpki", "keys")


def main() -> int:
    """Run what is named. Each writes `bench/results/<name>.json`; measure on a quiet machine only."""
    every = sorted({*BENCHES, *COUNTED})
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"which of {', '.join(every)} (default: {', '.join(SHORT)})")
    parser.add_argument("--people", type=int, help=f"how many people, for {' and '.join(COUNTED)}")
    chosen = parser.parse_args()
    names = chosen.names or SHORT
    if strange := [name for name in names if name not in every]:
        parser.error(f"no benchmark is called {strange[0]!r}; there are {', '.join(every)}")
    if chosen.people is not None and not COUNTED.keys() & names:
        parser.error(f"--people is for {' and '.join(COUNTED)}")
    for name in names:
        if name in COUNTED:
            COUNTED[name]([] if chosen.people is None else ["--people", str(chosen.people)])
        else:
            BENCHES[name]()
    return 0


if __name__ == "__main__":
    sys.exit(main())
