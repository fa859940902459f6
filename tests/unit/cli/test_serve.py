from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from nakadachi.cli import country, serve
from nakadachi.kit import lifeline
from nakadachi.kit.listening import PortTaken
from nakadachi.ledger.log import LeaseTaken

KINDS = [kind.command for kind in serve.KINDS]


class Story:
    """A system that tells what was done with it; its start may fail, and so may its announcement."""

    def __init__(self, *, fails: str = "") -> None:
        self.told: list[str] = []
        self._fails = fails

    async def start(self) -> None:
        self._do("start")

    async def announce(self) -> None:
        self._do("announce")

    async def stop(self) -> None:
        self._do("stop")

    def _do(self, what: str) -> None:
        self.told.append(what)
        if what == self._fails:
            raise PortTaken("127.0.0.1:7443: cannot listen there (the port is taken)")


@pytest.mark.parametrize("kind", KINDS)
def test_a_sample_configuration_is_toml_with_the_keys_of_its_system(kind, nakadachi):
    sample = nakadachi(kind, "sample-config")
    assert tomllib.loads(sample.stdout)["node"]["listen"] == "127.0.0.1:7443"


@pytest.mark.parametrize("kind", KINDS)
def test_a_mistyped_key_names_the_nearest_and_starts_nothing(kind, nakadachi, tmp_path):
    file = tmp_path / "system.toml"
    file.write_text(nakadachi(kind, "sample-config").stdout.replace("\nlisten =", "\nlissten ="))
    run = nakadachi(kind, "serve", "--config", file)
    assert run.exit_code == 2
    assert 'node.lissten: unknown key; did you mean "listen"?' in run.stderr
    assert str(file) in run.stderr


def test_a_missing_configuration_is_said_in_one_line(nakadachi, tmp_path):
    run = nakadachi("core", "serve", "--config", tmp_path / "none.toml")
    assert run.exit_code == 2
    assert run.stderr.count("\n") == 1
    assert "there is no such file" in run.stderr


def test_what_keeps_a_system_from_starting_is_said_without_a_traceback(nakadachi, tmp_path):
    file = tmp_path / "core.toml"
    file.write_text(nakadachi("core", "sample-config").stdout)
    words = ["core", "serve", "--config", str(file)]
    run = subprocess.run(
        [sys.executable, "-c", f"from nakadachi.cli import app; app({words!r})"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 2
    assert "unlocks the key store cannot be read" in run.stderr
    assert f"node.key_store in {file}" in run.stderr
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (PortTaken("127.0.0.1:7443: taken"), "set node.listen in core.toml to a free port"),
        (LeaseTaken("core.example/2026-1"), "another process writes the log core.example/2026-1"),
    ],
)
def test_the_advice_says_what_to_do(wrong, said):
    assert said in serve.advice(wrong, Path("core.toml"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_stops_a_system_in_order(number):
    story = Story()
    await asyncio.wait_for(serve.run_until_signal(story, lambda: os.kill(os.getpid(), number)), 5)
    assert story.told == ["start", "announce", "stop"]


async def test_a_system_stops_when_the_process_it_was_started_for_is_gone(monkeypatch):
    own, others = os.pipe()
    monkeypatch.setenv(lifeline.VARIABLE, str(own))
    story = Story()
    await asyncio.wait_for(serve.run_until_signal(story, lambda: os.close(others)), 5)
    os.close(own)
    assert story.told == ["start", "announce", "stop"]


async def test_a_system_that_did_not_start_is_not_stopped():
    story = Story(fails="start")
    with pytest.raises(PortTaken):
        await serve.run_until_signal(story, lambda: None)
    assert story.told == ["start"]


async def test_a_system_that_started_is_stopped_whatever_happens():
    story = Story(fails="announce")
    with pytest.raises(PortTaken):
        await serve.run_until_signal(story, lambda: None)
    assert story.told == ["start", "announce", "stop"]


async def test_a_signal_lets_a_country_end_in_order():
    told = []

    async def work() -> None:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.sleep(60)
        finally:
            told.append("ended")

    await asyncio.wait_for(country._until_signal(work()), 5)
    assert told == ["ended"]


async def test_what_stops_a_country_is_told():
    async def work() -> None:
        raise PortTaken("127.0.0.1:7400: taken")

    with pytest.raises(PortTaken):
        await country._until_signal(work())
