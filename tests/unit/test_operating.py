"""The operator's page says what is there: every metric with its kind and labels, every check, every key of a node."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from nakadachi.kit.metrics import Metrics
from nakadachi.node import NodeConfig
from nakadachi.telegrams.oversight import Check
from nakadachi.terms import NodeName

PAGE = (Path(__file__).parents[2] / "docs" / "operating.md").read_text(encoding="utf-8")
METRICS = PAGE.partition("### Metrics")[2].partition("## Versions")[0]
TABLE = METRICS.partition("Rules to begin with")[0]
ROWS = [[cell.strip() for cell in line.split("|")[1:-1]] for line in TABLE.splitlines() if line.startswith("| `")]


def registered():
    """What the registry holds: name as it is shown, kind, labels."""
    collectors = Metrics(NodeName("core:9910000000000001")).registry._collector_to_names
    ours = [one for one in collectors if hasattr(one, "_labelnames")]
    return {
        (one._name + ("_total" if one._type == "counter" else ""), one._type, tuple(one._labelnames)) for one in ours
    }


def test_every_metric_stands_on_the_page_with_its_kind_and_labels():
    told = {(name.strip("`"), kind, tuple(re.findall(r"`(\w+)`", labels))) for name, kind, labels, _ in ROWS}
    assert told == registered()


def test_alerts_are_on_metrics_that_exist():
    rules = METRICS.partition("Rules to begin with")[2]
    named = set(re.findall(r"nakadachi_\w+", rules))
    assert len(named) > 8
    assert named <= {name for name, _, _ in registered()}


def test_what_the_process_shows_stands_on_the_page():
    families = Metrics(NodeName("core:9910000000000001")).registry.collect()
    shown = {
        one.name + ("_total" if one.type == "counter" else "") for one in families if one.name.startswith("process")
    }
    assert shown
    assert shown == set(re.findall(r"`(process_\w+)`", METRICS))


@pytest.mark.parametrize("check", Check)
def test_every_check_stands_on_the_page(check):
    assert re.search(rf"^\| `{check.value}`", PAGE, re.MULTILINE)


@pytest.mark.parametrize("key", [one.name for one in fields(NodeConfig)])
def test_every_key_of_a_node_stands_on_the_page(key):
    assert re.search(rf"^\| .*`{key}`", PAGE.partition("## The configuration")[2].partition("## Cert")[0], re.MULTILINE)


def test_every_event_on_the_page_is_logged_somewhere():
    rows = PAGE.partition("### Events")[2].partition("### Metrics")[0].splitlines()
    named = {name for row in rows if row.startswith("| `") for name in re.findall(r"`([a-z]+\.[a-z_]+)`", row)}
    sources = (Path(__file__).parents[2] / "src" / "nakadachi").rglob("*.py")
    logged = {name for path in sources for name in re.findall(r'"([a-z]+\.[a-z_]+)"', path.read_text(encoding="utf-8"))}
    assert len(named) > 15
    assert named <= logged
