"""One target under fuzzing, in a process of its own: guided by coverage where atheris is installed, else by outcomes.

Run by the campaign as `python -m fuzz.engine`. Nothing of the program is imported before atheris can instrument it.
"""

from __future__ import annotations

import argparse
import contextlib
import resource
import signal
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from random import Random
from types import FrameType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fuzz.target import Finding, Target

SLOW_SECONDS = 10
MEMORY_MIB = 2048
"""What one input may cost: far more than any of some kilobytes should."""
MINIMISE_SECONDS, MINIMISE_RUNS = 10.0, 3000
PROGRESS = "progress "
PROGRESS_SECONDS = 2.0


class TooSlow(BaseException):
    """One input took longer than `SLOW_SECONDS`; no parser may catch it."""


def guided() -> bool:
    """Whether atheris is there to guide by coverage."""
    return find_spec("atheris") is not None


class Bench:
    """Runs a target, counts, and writes each finding once: the input, minimised, and what happened."""

    def __init__(self, target: Target, findings: Path) -> None:
        self._target = target
        self._findings = findings
        self._known: set[str] = set()
        self._told = time.monotonic()
        self.runs = 0

    def run(self, data: bytes) -> str:
        """Judge one input; what it became, empty where it is a finding."""
        from fuzz.target import Finding, judge

        self.runs += 1
        if (now := time.monotonic()) - self._told > PROGRESS_SECONDS:
            self._told = now
            self.tell()
        try:
            return judge(self._target, data)
        except Finding as finding:
            self.keep(finding, data)
        except TooSlow:
            self.keep(Finding(self._target.name, "too slow", f"took longer than {SLOW_SECONDS} seconds"), data)
        return ""

    def tell(self) -> None:
        """A line for the campaign: how many inputs so far."""
        # Whoever listened may be gone; what was found is in files.
        with contextlib.suppress(OSError):
            print(f"{PROGRESS}{self.runs}", file=sys.stderr, flush=True)

    def keep(self, finding: Finding, data: bytes) -> None:
        """Write a finding that is not known yet."""
        from fuzz.corpus import name_of

        if finding.key in self._known:
            return
        self._known.add(finding.key)
        small = data if finding.key == "too slow" else minimised(self._target, data, finding.key)
        self._findings.mkdir(parents=True, exist_ok=True)
        path = self._findings / f"{finding.target}-{name_of(small)}"
        path.write_bytes(small)
        replay = f"python -m fuzz --only {finding.target} --replay {path}"
        path.with_suffix(".txt").write_text(f"{finding.key}\n\n{finding.text}\n\nreplay: {replay}\n", encoding="utf-8")


def minimised(target: Target, data: bytes, key: str) -> bytes:
    """A smaller input with the same finding, by taking pieces out while it stays."""
    from fuzz.target import Finding, judge

    def holds(candidate: bytes) -> bool:
        try:
            judge(target, candidate)
        except Finding as finding:
            return finding.key == key
        return False

    until, runs = time.monotonic() + MINIMISE_SECONDS, 0
    size = max(1, len(data) // 2)
    while size and runs < MINIMISE_RUNS and time.monotonic() < until:
        at = 0
        while at < len(data) and runs < MINIMISE_RUNS and time.monotonic() < until:
            runs += 1
            if holds(candidate := data[:at] + data[at + size :]):
                data = candidate
            else:
                at += size
        size //= 2
    return data


def by_outcomes(bench: Bench, target: Target, grown: Path, *, seed: int, seconds: float) -> None:
    """Mutate the corpus until the time is over; an input whose outcome is new joins it."""
    from fuzz.corpus import inputs, name_of
    from fuzz.mutate import mutate

    def alarm(_number: int, _frame: FrameType | None) -> None:
        raise TooSlow

    signal.signal(signal.SIGALRM, alarm)
    chance = Random(seed)
    pool = [*inputs(target).values(), *(path.read_bytes() for path in sorted(grown.glob("*")))] or [b""]
    seen = {bench.run(data) for data in pool}
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        data = mutate(chance.choice(pool), target.form, chance, pool, target.largest)
        signal.setitimer(signal.ITIMER_REAL, SLOW_SECONDS)
        outcome = bench.run(data)
        signal.setitimer(signal.ITIMER_REAL, 0)
        if outcome not in seen:
            seen.add(outcome)
            pool.append(data)
            (grown / name_of(data)).write_bytes(data)
        if resource.getrusage(resource.RUSAGE_SELF).ru_maxrss > MEMORY_MIB * 1024:
            _too_large(bench, target, data)
            return


def _too_large(bench: Bench, target: Target, data: bytes) -> None:
    from fuzz.target import Finding

    bench.keep(Finding(target.name, "too slow", f"memory grew beyond {MEMORY_MIB} MiB"), data)


def by_coverage(bench: Bench, target: Target, grown: Path, *, seed: int, seconds: float, findings: Path) -> None:
    """Let atheris (libFuzzer) choose what to mutate; it ends the process."""
    import atheris

    from fuzz.corpus import FOLDER, inputs
    from fuzz.mutate import mutate

    others = list(inputs(target).values())

    def one(data: bytes) -> None:
        bench.run(data)

    def mutator(data: bytes, most: int, number: int) -> bytes:
        chance = Random(number)
        if chance.random() < 0.4:
            changed: bytes = atheris.Mutate(data, most)
            return changed
        return mutate(data, target.form, chance, others, most)

    options = [
        f"-max_total_time={max(1, round(seconds))}", f"-max_len={target.largest}", f"-seed={seed or 1}",
        f"-timeout={SLOW_SECONDS}", f"-rss_limit_mb={MEMORY_MIB}", f"-artifact_prefix={findings}/{target.name}-",
        "-detect_leaks=0", "-len_control=0",
    ]  # fmt: skip
    findings.mkdir(parents=True, exist_ok=True)
    atheris.Setup(
        [sys.argv[0], *options, str(grown), str(FOLDER / target.name)],
        one,
        custom_mutator=mutator,
        internal_libfuzzer=True,
    )
    atheris.Fuzz()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m fuzz.engine", description="One target; run by `python -m fuzz`.")
    parser.add_argument("target")
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--unguided", action="store_true")
    return parser.parse_args()


def _targets(*, with_atheris: bool) -> dict[str, Target]:
    hooks: Any = contextlib.nullcontext()
    if with_atheris:
        import atheris

        hooks = atheris.instrument_imports(include=["nakadachi", "tomllib"])
    with hooks:
        from fuzz.targets import TARGETS
    return TARGETS


def main() -> None:
    """Fuzz one target for some seconds."""
    given = _arguments()
    with_atheris = guided() and not given.unguided
    target = _targets(with_atheris=with_atheris)[given.target]
    grown = given.out / "corpus" / target.name
    grown.mkdir(parents=True, exist_ok=True)
    bench = Bench(target, given.out / "findings")
    if with_atheris:
        by_coverage(bench, target, grown, seed=given.seed, seconds=given.seconds, findings=given.out / "findings")
    else:
        by_outcomes(bench, target, grown, seed=given.seed, seconds=given.seconds)
        bench.tell()


if __name__ == "__main__":
    main()
