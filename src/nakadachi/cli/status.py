"""How a country fares, as a table for people: one line a system, and below it what is wrong and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rich.text import Text

from nakadachi.cli import tables
from nakadachi.country.overview import named
from nakadachi.health.checks import age

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from nakadachi.country.overview import Complaint

STATES = {
    "running": ("稼働 / up", "green"),
    "watch": ("注意 / watch", "yellow"),
    "unready": ("不調 / not ready", "red"),
    "stopped": ("停止 / stopped", "red"),
    "unreachable": ("不達 / unreachable", "red"),
    "silent": ("無報告 / silent", "red"),
    "unknown": ("未報告 / no report", "red"),
}
NOTHING = "–"
HEADERS = (
    ("ノード", "Node"), ("状態", "State"), ("版", "Version"), ("法令", "Law"), ("名簿", "Directory"),
    ("送信待ち", "Backlog"), ("記録", "Records"), ("ログ", "Log"), ("連署", "Cosigned"), ("証明書", "Cert."),
    ("時計", "Clock"),
)  # fmt: skip
NAMED = 3
"""Systems named before the others of whom the same is said are only counted."""
SAID = ("報告", "Said")


def show(console: Console, rows: Sequence[dict[str, Any]], found: Sequence[Complaint], now: datetime) -> None:
    """Print the table, then every complaint, then one line that says how it all is."""
    console.print(table(rows, found, now))
    for (wrong, japanese, english), nodes in _alike(found).items():
        mark, colour = ("✗", "red") if wrong else ("!", "yellow")
        more = f" +{len(nodes) - NAMED}" if len(nodes) > NAMED else ""
        console.print(Text(f"{mark} {', '.join(nodes[:NAMED])}{more}: {japanese} / {english}", colour), soft_wrap=True)
    console.print(Text(verdict(rows, found)), soft_wrap=True)


def _alike(found: Sequence[Complaint]) -> dict[tuple[bool, str, str], list[str]]:
    """The systems of whom the same is to be said, what is wrong first."""
    said: dict[tuple[bool, str, str], list[str]] = {}
    for one in sorted(found, key=lambda one: not one.wrong):
        said.setdefault((one.wrong, one.japanese, one.english), []).append(one.node)
    return said


def verdict(rows: Sequence[dict[str, Any]], found: Sequence[Complaint]) -> str:
    """The last line: how many fare well, how much is wrong."""
    if not rows:
        return "ノードがありません / there is no system in this country"
    wrong, watch = len({one.node for one in found if one.wrong}), len({one.node for one in found if not one.wrong})
    if wrong:
        return (
            f"異常 {wrong} / {len(rows)} ノード。上の ✗ の対処をしてください / {wrong} of {len(rows)} systems need"
            " attention: see the lines marked ✗"
        )
    more = f" (注意 {watch} / {watch} to watch)" if watch else ""
    return f"異常なし、{len(rows)} ノード / all {len(rows)} systems are up{more}"


def table(rows: Sequence[dict[str, Any]], found: Sequence[Complaint], now: datetime) -> Table:
    """One line a system; what is not known is a dash."""
    reported = any("said_seconds" in row for row in rows)
    made = tables.stacked(*HEADERS, *([SAID] if reported else []), numbers=range(3, 9))
    graded = {one.node: "unready" if one.wrong else "watch" for one in sorted(found, key=lambda one: one.wrong)}
    for row in rows:
        state = graded.get(named(row), "running") if row["state"] == "running" else row["state"]
        cells: list[Any] = [named(row), Text(*STATES[state]), *_numbers(row, now), _certificate(row), _clock(row)]
        made.add_row(*cells, *([_ago(row.get("said_seconds"))] if reported else []))
    return made


def _numbers(row: dict[str, Any], now: datetime) -> list[str]:
    at = row.get("cosigned_at")
    seconds = (now - datetime.fromisoformat(at)).total_seconds() if at else None
    return [
        _known(row.get("version")),
        _known(row.get("lawbook")),
        _known(row.get("directory")),
        _with_age(row.get("backlog"), row.get("oldest_seconds") or None),
        _known(row.get("records")),
        _known(row.get("log_size")),
        _with_age(row.get("cosigned_size"), seconds),
    ]


def _known(value: object) -> str:
    return NOTHING if value is None else str(value)


def _with_age(value: object, seconds: float | None) -> str:
    return _known(value) if value is None or seconds is None else f"{value} ({age(max(0.0, seconds))})"


def _ago(seconds: float | None) -> str:
    return NOTHING if seconds is None else age(seconds)


def _certificate(row: dict[str, Any]) -> str:
    days = row.get("certificate_days")
    return NOTHING if days is None else f"{days} d"


def _clock(row: dict[str, Any]) -> str:
    """The offset as measured from here, and whether the kernel there holds its clock for synchronised."""
    offset, synchronised = row.get("clock_offset_seconds"), row.get("clock_synchronised")
    word = "" if synchronised is None else "同期/sync" if synchronised else "非同期/free"
    measured = "" if offset is None else f"{offset:+.3f} s"
    return " ".join(part for part in (measured, word) if part) or NOTHING
