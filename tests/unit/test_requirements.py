"""docs/requirements.md says only what is so: every requirement once, and everything it names is there."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import typer

from nakadachi.cli import app

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "requirements.md"
GROUPS = {"C": 20, "I": 18, "M": 11, "P": 13, "A": 7, "R": 8, "N": 7, "L": 11, "X": 12}
STATES = {"done", "partly", "open"}


class Row(NamedTuple):
    id: str
    what: str
    state: str
    shown_by: tuple[str, ...]
    lacking: str


def rows(text: str) -> list[Row]:
    cells = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")
    ]
    return [
        Row(cell[0], cell[1], cell[2], tuple(re.findall(r"`([^`]+)`", cell[3])), cell[4])
        for cell in cells
        if re.fullmatch(r"[A-Z][0-9]+", cell[0])
    ]


ROWS = rows(PAGE.read_text(encoding="utf-8"))
NAMED = sorted({(row.id, name) for row in ROWS for name in row.shown_by})


@cache
def written_in(path: Path) -> frozenset[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


@cache
def targets() -> frozenset[str]:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    return frozenset(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))


def is_a_command(words: list[str]) -> bool:
    """Every word names a command below the one before it; what follows a command that is no group is its argument."""
    here: Any = typer.main.get_command(app)
    for word in words:
        below = getattr(here, "commands", {})
        if not below:
            return True
        if word not in below:
            return False
        here = below[word]
    return bool(words)


def is_there(name: str) -> bool:
    if name.startswith("nakadachi "):
        return is_a_command(name.split()[1:])
    if name.startswith("make "):
        return name.split()[1] in targets()
    path, _, test = name.partition("::")
    if test:
        return (ROOT / path).is_file() and test.startswith("test_") and test in written_in(ROOT / path)
    return (ROOT / path).is_file()


def test_every_requirement_is_there_once_in_its_order():
    assert [row.id for row in ROWS] == [
        f"{group}{number}" for group, most in GROUPS.items() for number in range(1, most + 1)
    ]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_a_state_has_what_it_needs_and_nothing_else(row: Row):
    assert row.state in STATES
    assert row.what
    assert bool(row.shown_by) is (row.state != "open")
    if row.state == "done":
        assert not row.lacking
        assert any("::test_" in name for name in row.shown_by)
    if row.state == "partly":
        assert row.lacking


@pytest.mark.parametrize(("requirement", "name"), NAMED, ids=[f"{one}-{name}" for one, name in NAMED])
def test_what_shows_a_requirement_exists(requirement: str, name: str):
    assert is_there(name), f"{requirement} names {name}, which is not there: name what shows it, or change the state"


@pytest.mark.parametrize(
    "name",
    [
        "nakadachi nothing",
        "nakadachi log nothing",
        "make nothing",
        "docs/nothing.md",
        "tests/unit/test_requirements.py::test_nothing",
    ],
)
def test_a_name_that_is_nowhere_is_found(name: str):
    assert not is_there(name)


def test_a_row_is_read_with_all_that_it_names():
    line = "| C1 | a thing | done | `make demo`, `docs/adr/README.md` | |"
    assert rows(line) == [Row("C1", "a thing", "done", ("make demo", "docs/adr/README.md"), "")]
