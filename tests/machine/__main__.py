"""Plays the machine from the command line: `python -m tests.machine --steps 2000 --seed 7`."""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import sys
import tempfile
from pathlib import Path

from nakadachi.kit.postgres import choose
from tests.machine.machine import AnyOrder, say
from tests.machine.playing import STEPS_OF_A_RUN, play


def main() -> int:
    """Play; the exit status says whether a promise was broken."""
    if os.environ.get("PYTHONHASHSEED") != "0":
        # The order of sets of texts differs from process to process unless it is fixed before the start.
        os.execve(  # noqa: S606  this very program again
            sys.executable, [sys.executable, "-m", "tests.machine", *sys.argv[1:]], os.environ | {"PYTHONHASHSEED": "0"}
        )
    parser = argparse.ArgumentParser(
        prog="python -m tests.machine",
        description="A whole country under random events: lost, repeated, late, altered telegrams, killed systems,"
        " failing commits, wrong clocks. Every promise is checked after each step.",
    )
    parser.add_argument("--steps", type=int, default=600, help="how many steps in all (default %(default)s)")
    parser.add_argument("--seed", type=int, default=None, help="a seed to replay (default: a new one)")
    parser.add_argument(
        "--run",
        type=int,
        default=STEPS_OF_A_RUN,
        help="steps of one country, from its founding on (default %(default)s)",
    )
    parser.add_argument("--no-shrink", action="store_true", help="say what broke without looking for the fewest steps")
    parser.add_argument("--log", type=Path, help="a file for the log of the country that broke a promise")
    given = parser.parse_args()
    AnyOrder.log = given.log
    seed = int.from_bytes(os.urandom(4), "big") if given.seed is None else given.seed
    directory = Path(tempfile.mkdtemp(prefix="nakadachi-machine-"))
    directory.chmod(0o711)
    server = choose(directory / "session")
    asyncio.run(server.start())
    try:
        played = play(server, directory, seed=seed, steps=given.steps, of_a_run=given.run, shrink=not given.no_shrink)
    finally:
        asyncio.run(server.stop())
        shutil.rmtree(directory)
    say(*played.lines)
    return 1 if played.failure else 0


if __name__ == "__main__":
    sys.exit(main())
