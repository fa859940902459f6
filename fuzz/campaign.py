"""Many targets for some minutes: each in a process of its own, time shared by weight, progress told line by line."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from fuzz.engine import PROGRESS
from fuzz.target import Target

LEAST_SECONDS = 2.0
START_SECONDS = 60.0
"""How much longer than its time a process may live: it imports, replays its corpus and minimises what it finds."""
TELL_SECONDS = 10.0
_COVERAGE = re.compile(r"\bcov: (\d+)")
_ARTIFACT = re.compile(r"(?:crash|timeout|oom|slow-unit)-")
_ROOT = Path(__file__).parent.parent


@dataclass(slots=True)
class Run:
    """What is known of one target's run. `coverage` counts edges, 0 where nothing measures it."""

    target: Target
    seconds: float
    runs: int = 0
    coverage: int = 0
    failed: str = ""
    begun: float = field(default_factory=time.monotonic)

    def line(self) -> str:
        """One line for a person."""
        passed = max(0.1, time.monotonic() - self.begun)
        coverage = f"   coverage {self.coverage:,}" if self.coverage else ""
        return f"{self.target.name:<18} {passed:5.0f} s  {self.runs:>10,} runs  {self.runs / passed:>8,.0f}/s{coverage}"


class Campaign:
    """Runs targets side by side, `jobs` at a time, and collects findings below `out`."""

    def __init__(self, out: Path, *, seed: int, jobs: int, unguided: bool) -> None:
        self._out = out
        self._seed = seed
        self._jobs = jobs
        self._unguided = unguided
        self._children: set[subprocess.Popen[str]] = set()
        self._ended = threading.Event()
        self._printing = threading.Lock()

    @property
    def findings(self) -> Path:
        """Where findings are written."""
        return self._out / "findings"

    def run(self, targets: Sequence[Target], minutes: float) -> list[Run]:
        """Fuzz all targets, `minutes` in all. Raises KeyboardInterrupt once every process has ended."""
        share = minutes * 60 * self._jobs / sum(one.weight for one in targets)
        runs = [Run(one, max(LEAST_SECONDS, share * one.weight)) for one in targets]
        with ThreadPoolExecutor(self._jobs) as pool:
            try:
                list(pool.map(self._one, runs))
            except KeyboardInterrupt:
                self._ended.set()
                for child in tuple(self._children):
                    child.terminate()
                pool.shutdown(cancel_futures=True)
                raise
        return runs

    def _one(self, run: Run) -> None:
        if self._ended.is_set():
            return
        run.begun = time.monotonic()
        command = [sys.executable, "-m", "fuzz.engine", run.target.name, "--seconds", str(run.seconds)]
        command += ["--seed", str(self._seed), "--out", str(self._out), *(["--unguided"] if self._unguided else [])]
        # In a session of its own: Ctrl-C is for the campaign, which ends its children.
        with subprocess.Popen(
            command, cwd=_ROOT, text=True, errors="replace", start_new_session=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        ) as child:  # fmt: skip
            self._children.add(child)
            if self._ended.is_set():  # between the question above and the child's beginning
                child.terminate()
            watch = threading.Timer(run.seconds + START_SECONDS, child.kill)
            watch.start()
            last = self._follow(run, child)
            watch.cancel()
            code = child.wait()
            self._children.discard(child)
        if code and not self._ended.is_set():
            run.failed = "\n".join(last)
            artifacts = [path for path in self.findings.glob(f"{run.target.name}-*") if _ARTIFACT.search(path.name)]
            if not artifacts:
                self.findings.mkdir(parents=True, exist_ok=True)
                (self.findings / f"{run.target.name}-ended.txt").write_text(f"status {code}\n\n{run.failed}\n", "utf-8")
        self._print(run.line() + ("   ended" if not run.failed else f"   BROKE OFF (status {code})"))

    def _follow(self, run: Run, child: subprocess.Popen[str]) -> list[str]:
        """Read what a child says until it ends; its last lines, in case it broke off."""
        last: list[str] = []
        told = time.monotonic()
        for line in child.stderr or ():
            if line.startswith(PROGRESS):
                run.runs = int(line.removeprefix(PROGRESS))
            elif found := _COVERAGE.search(line):
                run.coverage = int(found[1])
            else:
                last = [*last[-30:], line.rstrip()]
            if time.monotonic() - told > TELL_SECONDS:
                told = time.monotonic()
                self._print(run.line())
        return last

    def _print(self, line: str) -> None:
        with self._printing:
            print(line, flush=True)
