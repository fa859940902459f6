"""The commands as a new user runs them: real processes, real TLS, real PostgreSQL, signals and all."""

from __future__ import annotations

import csv
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "nakadachi"]
STARTS_SECONDS = 180.0
ENDS_SECONDS = 30.0
PATIENCE_SECONDS = 600.0
"""Long enough for a machine at its limits: what it does is asked here, not how fast."""

pytestmark = pytest.mark.slow


def expected() -> tuple[int, Counter[str]]:
    """How many lines the example file has, and how often each reason is expected."""
    rows = list(csv.DictReader((ROOT / "examples" / "expected.csv").read_text(encoding="utf-8-sig").splitlines()))
    return len(rows), Counter(row["reason"] for row in rows if row["status"] in {"refused", "rejected"})


def demo(state: Path) -> dict[str, object]:
    """One run of the demonstration, from the checkout."""
    done = subprocess.run(
        [*COMMAND, "demo", "--json", "--state", str(state), "--out", str(state) + "-results"],
        cwd=ROOT,
        capture_output=True,
        timeout=PATIENCE_SECONDS,
        check=True,
    )
    words: dict[str, object] = json.loads(done.stdout)
    return words


def test_the_demonstration_gives_the_outcomes_that_the_examples_expect_each_time_and_leaves_nothing(
    open_directory: Path,
) -> None:
    lines, reasons = expected()
    first, second = demo(open_directory / "a demo"), demo(open_directory / "a demo")
    for words in (first, second):
        assert words["inquiries"] == lines
        # Of the four that are held back, staff answer one and refuse one.
        assert words["pending"] == 2
        assert words["refused"] == dict(reasons | {"WITHHELD": 1})
        assert words["log_verified"] is True
        checkpoint = words["checkpoint"]
        assert isinstance(checkpoint, dict)
        assert checkpoint.keys() == {"origin", "size", "root"}
    assert first["answered"] == second["answered"]
    assert first["records"] == second["records"]
    hops = first["hops"]
    assert isinstance(hops, list)
    named = " ".join(hop["telegram"] for hop in hops)
    for telegram in ("IssueSerial", "CheckPrefix", "RequestPermit", "Inquire", "InquireAt", "Provide"):
        assert telegram in named
    assert not (open_directory / "a demo").exists()
    results = (open_directory / "a demo-results" / "results.csv").read_text(encoding="utf-8-sig").splitlines()
    assert len(results) == lines + 1


@pytest.fixture
def country(open_directory: Path, request: pytest.FixtureRequest) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """A country that `nakadachi up` keeps running."""
    state = Path(tempfile.mkdtemp(prefix="up ", dir=open_directory))
    state.chmod(0o711)
    process = start(state, *request.param)
    yield process, state
    if process.poll() is None:
        process.kill()
        process.wait()


def start(state: Path, *options: str) -> subprocess.Popen[bytes]:
    """Start `nakadachi up` and wait until it says that it runs."""
    log = state.parent / f"{state.name}.log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            [*COMMAND, "up", "--state", str(state), "--port", str(free_ports(32)), *options], stdout=file, stderr=file
        )
    until = time.monotonic() + STARTS_SECONDS
    while b"Ctrl-C stops everything" not in log.read_bytes():
        if time.monotonic() > until:
            process.kill()
            process.wait()  # or it would stay beside all that follows
        assert process.poll() is None, log.read_text()
        time.sleep(0.1)
    return process


def free_ports(count: int) -> int:
    """The first of some ports in a row that are free."""
    for first in range(23000, 60000, count):
        try:
            for port in range(first, first + count):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        return first
    raise AssertionError


def of_state(state: Path) -> list[str]:
    """Processes that belong to a country, by the state directory in their command line or environment."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and entry.name != str(os.getpid()):
            try:
                line = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if os.fsencode(state) in line:
                found.append(line.replace(b"\0", b" ").decode())
    return found


def ends(state: Path) -> None:
    """Nothing of a country is left after a while."""
    until = time.monotonic() + ENDS_SECONDS
    while left := of_state(state):
        assert time.monotonic() < until, left
        time.sleep(0.2)


@pytest.mark.parametrize("country", [(), ("--isolate",)], indirect=True, ids=["one process", "isolated"])
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_country_that_ends_leaves_no_process_behind(
    country: tuple[subprocess.Popen[bytes], Path], how: signal.Signals
) -> None:
    process, state = country
    process.send_signal(how)
    process.wait(ENDS_SECONDS)
    ends(state)


@pytest.mark.parametrize("country", [()], indirect=True)
def test_the_next_start_goes_on_with_what_was_done(
    country: tuple[subprocess.Popen[bytes], Path], open_directory: Path
) -> None:
    process, state = country
    settings = json.loads((state / "settings.json").read_text())
    few = open_directory / "few.csv"
    few.write_bytes(b"\r\n".join((ROOT / "examples" / "inquiries.csv").read_bytes().split(b"\r\n")[:5]) + b"\r\n")
    desk = state / "country" / "desk-9901000000000003" / "desk.toml"
    asked = [*COMMAND, "inquire", str(few), "--desk", str(desk), "--out", str(open_directory / "results.csv")]
    subprocess.run(asked, check=True, capture_output=True, timeout=PATIENCE_SECONDS)
    process.send_signal(signal.SIGKILL)
    process.wait()
    ends(state)
    again = start(state, "--port", str(settings["port"]))
    try:
        said = subprocess.run(
            [*COMMAND, "status", "--json", "--state", str(state)],
            check=True,
            capture_output=True,
            timeout=PATIENCE_SECONDS,
        )
        core = next(row for row in json.loads(said.stdout) if row["node"].startswith("core:"))
        assert core["state"] == "running"
        assert core["records"] >= 4
        assert core["log_size"] >= 4
    finally:
        again.send_signal(signal.SIGINT)
        again.wait(ENDS_SECONDS)
    ends(state)
