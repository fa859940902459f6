"""The program and the settings of a node are known again, and whatever changed of them is told until it is accepted."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import Enum
from pathlib import Path

import pytest

from nakadachi.health import fingerprint as fingerprints
from nakadachi.health import programs
from nakadachi.health.fingerprint import Fingerprint, program_digest, settings_digest
from nakadachi.health.programs import LOOK_EVERY, hold
from nakadachi.kit.clock import FixedClock
from nakadachi.telegrams.oversight import Check
from nakadachi.terms import NodeName
from tests.unit.health.test_watch import PERIOD, graded

WHO = (NodeName("core:9910000000000001"), "")
FOUND = Fingerprint("0.2.0", b"p" * 32, b"s" * 32)


class Colour(Enum):
    BLUE = "blue"


@dataclass(frozen=True)
class Part:
    span: timedelta = timedelta(minutes=5)
    colour: Colour = Colour.BLUE


@dataclass(frozen=True)
class Settings:
    name: NodeName = WHO[0]
    file: Path = Path("a.pem")
    parts: tuple[Part, ...] = (Part(),)
    rules: dict[str, Part] = field(default_factory=lambda: {"one": Part(), "two": Part()})
    much: int | None = None


@pytest.fixture
def program(tmp_path):
    """A program of two files."""
    folder = tmp_path / "program"
    (folder / "part").mkdir(parents=True)
    (folder / "one.py").write_text("1")
    (folder / "part" / "two.sql").write_text("2")
    return folder


def test_the_same_program_has_the_same_digest_wherever_it_lies(program, tmp_path):
    digest = program_digest(program)
    shutil.copytree(program, tmp_path / "other")
    (program / "__pycache__").mkdir()
    (program / "__pycache__" / "one.pyc").write_text("made by whoever runs it")
    assert digest == program_digest(program) == program_digest(tmp_path / "other")


@pytest.mark.parametrize("change", ["content", "name", "new", "gone", "moved"])
def test_any_change_of_a_file_changes_the_digest(program, change):
    before = program_digest(program)
    one = program / "one.py"
    match change:
        case "content":
            one.write_text("0")
        case "name":
            one.rename(program / "other.py")
        case "new":
            (program / "three.html").write_text("")
        case "gone":
            one.unlink()
        case "moved":
            one.rename(program / "part" / "one.py")
    assert program_digest(program) != before


def test_another_library_beside_it_changes_the_digest(program, monkeypatch):
    before = program_digest(program)
    everything = list(fingerprints.metadata.distributions())
    monkeypatch.setattr(fingerprints.metadata, "distributions", lambda: everything[1:])
    assert program_digest(program) != before


def test_settings_are_the_same_from_wherever_their_file_is_named(monkeypatch, tmp_path):
    elsewhere = settings_digest(Settings(file=tmp_path / "a.pem"))
    monkeypatch.chdir(tmp_path)
    assert (
        settings_digest(Settings())
        == elsewhere
        == settings_digest(replace(Settings(), rules={"two": Part(), "one": Part()}))
    )


@pytest.mark.parametrize(
    "other",
    [
        {"name": NodeName("core:9910000000000002")},
        {"file": Path("b.pem")},
        {"parts": (Part(span=timedelta(seconds=1)),)},
        {"parts": ()},
        {"rules": {"one": Part()}},
        {"much": 0},
    ],
)
def test_any_other_setting_changes_their_digest(other):
    assert settings_digest(replace(Settings(), **other)) != settings_digest(Settings())


async def test_the_first_start_of_a_version_accepts_what_it_finds_and_later_ones_tell_what_changed(health):
    async def start(found, *, accept=False):
        return (await hold(health.database, WHO, found, health.now(), accept=accept)).changed

    assert await start(FOUND) == (False, False)
    assert await start(replace(FOUND, program=b"q" * 32)) == (True, False)
    assert await start(replace(FOUND, settings=b"t" * 32)) == (False, True)
    assert await start(FOUND) == (False, False)
    assert await start(replace(FOUND, settings=b"t" * 32), accept=True) == (False, False)
    assert await start(FOUND) == (False, True)
    assert await start(replace(FOUND, version="0.2.1")) == (False, False)


async def test_each_instance_is_held_against_its_own(health):
    for instance, settings in (("one", b"1" * 32), ("two", b"2" * 32)):
        found = replace(FOUND, settings=settings)
        for _ in range(2):
            held = await hold(health.database, (WHO[0], instance), found, health.now(), accept=False)
            assert held.changed == (False, False)


async def test_what_changes_while_it_runs_is_found_at_the_next_look(health, monkeypatch):
    health.programs = await hold(health.database, WHO, FOUND, health.now(), accept=True)
    monkeypatch.setattr(programs, "program_digest", lambda: b"q" * 32)
    assert (await graded(health))["program"] == "ok"
    health.clock = FixedClock(health.now() + LOOK_EVERY)
    _, words = await health.readiness()
    (said,) = [one for one in words["checks"] if one["check"] == "program"]
    assert said["grade"] == "warning"
    assert "the program changed since" in said["en"]
    assert "プログラムが" in said["ja"]


async def test_files_that_cannot_be_read_are_not_those_accepted(health, monkeypatch):
    def gone():
        raise OSError

    health.programs = await hold(health.database, WHO, FOUND, health.now(), accept=True)
    monkeypatch.setattr(programs, "program_digest", gone)
    health.clock = FixedClock(health.now() + LOOK_EVERY)
    assert (await graded(health))["program"] == "warning"


@pytest.mark.parametrize(("minimum", "told"), [("0.1.0", ()), ("0.2.0", (Check.PROGRAM,))])
async def test_the_core_is_told_where_none_of_a_version_that_knows_no_such_check_is_left(health, minimum, told):
    health.programs = await hold(health.database, WHO, FOUND, health.now(), accept=True)
    health.programs.found = replace(FOUND, settings=b"t" * 32)
    health.edition.directory.minimum_peer_version = minimum
    assert (await health.condition(PERIOD)).warnings == told
