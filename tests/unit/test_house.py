"""The house keeps its shape: SQL stands where it may, and every telegram has its one handler per role."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from nakadachi.commission import service as commission
from nakadachi.core import service as core
from nakadachi.interface import service as interface
from nakadachi.intermediate import service as intermediate
from nakadachi.neighbours import registry
from nakadachi.telegrams.catalogue import received_by
from nakadachi.terms import Role

SOURCE = Path(__file__).parents[2] / "src" / "nakadachi"
SQL = re.compile(r"\b(SELECT .+ FROM|INSERT INTO|UPDATE \w+ SET|DELETE FROM|CREATE (TABLE|ROLE|DATABASE|SCHEMA))\b")
PLACES = re.compile(r".*store\.py|ledger/.*|kit/(inbox|outbox|database|instances|migrations|postgres\w*)\.py")
"""Stores, the ledger and the database's machinery (design section 5)."""


def texts(path: Path) -> list[str]:
    """The string constants of a module, docstrings apart."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    documented = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documented
    ]


def test_sql_stands_in_stores_the_ledger_and_the_database_kit_only() -> None:
    found = [
        path.relative_to(SOURCE).as_posix()
        for path in sorted(SOURCE.rglob("*.py"))
        if any(SQL.search(text) for text in texts(path))
    ]
    assert found
    assert [name for name in found if not PLACES.fullmatch(name)] == []


def test_whoever_hands_over_a_trail_keeps_no_record_beside_it() -> None:
    keeping = {
        (path.parent.name, call)
        for path in sorted(SOURCE.rglob("*.py"))
        for call in re.findall(r"\b(records|trails)\.keep\(", path.read_text(encoding="utf-8"))
    }
    assert keeping == {
        ("core", "trails"),
        ("intermediate", "trails"),
        ("interface", "records"),
        ("commission", "records"),
    }


@pytest.mark.parametrize(
    ("role", "handlers"),
    [
        (Role.CORE, core.HANDLERS),
        (Role.INTERFACE, interface.HANDLERS),
        (Role.INTERMEDIATE, intermediate.HANDLERS),
        (Role.COMMISSION, commission.HANDLERS),
        (Role.REGISTRY, registry.HANDLERS),
    ],
)
def test_every_system_handles_what_the_catalogue_addresses_to_it_and_nothing_else(role: Role, handlers: object) -> None:
    assert frozenset(handlers) == received_by(role)  # type: ignore[call-overload]  # a mapping's keys
