"""`python -m bench [exchange|restore|lanes …]`: benchmarks, one after the other; without a name all but the longest."""

from __future__ import annotations

import argparse
import sys

from bench import exchange, lanes, numbers, population, restore

BENCHES = {
    "numbers": numbers.main,
    "population": population.main,
    "exchange": exchange.main,
    "restore": restore.main,
    "lanes": lambda: lanes.main([]),
}
LONG = {"lanes", "numbers", "population"}


def main() -> int:
    """Run what is named. Each writes `bench/results/<name>.json`; measure on a quiet machine only."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"which of {', '.join(BENCHES)} (default: exchange and restore)")
    names = parser.parse_args().names or [name for name in BENCHES if name not in LONG]
    if strange := [name for name in names if name not in BENCHES]:
        parser.error(f"no benchmark is called {strange[0]!r}; there are {', '.join(BENCHES)}")
    for name in names:
        BENCHES[name]()
    return 0


if __name__ == "__main__":
    sys.exit(main())
