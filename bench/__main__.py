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
    numbers,
    population,
    reconciliation,
    restore,
    schemes,
)

BENCHES = {
    "exchange": exchange.main,
    "restore": restore.main,
    "issuance": issuance.main,
    "schemes": schemes.main,
    "conversion": conversion.main,
    "lanes": lambda: lanes.main([]),
    "jpki": jpki.main,
    "keys": keys.main,
    "numbers": numbers.main,
    "population": population.main,
    "reconciliation": reconciliation.main,
}
LONG = {"lanes", "issuance", "schemes", "conversion", "numbers", "population"}


def main() -> int:
    """Run what is named. Each writes `bench/results/<name>.json`; measure on a quiet machine only."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"which of {', '.join(BENCHES)} (default: all but lanes)")
    names = parser.parse_args().names or [name for name in BENCHES if name not in LONG]
    if strange := [name for name in names if name not in BENCHES]:
        parser.error(f"no benchmark is called {strange[0]!r}; there are {', '.join(BENCHES)}")
    for name in names:
        BENCHES[name]()
    return 0


if __name__ == "__main__":
    sys.exit(main())
