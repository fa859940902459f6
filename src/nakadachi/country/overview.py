"""How a whole country fares: every system asked at its door, or the core asked what all told it (C18, L9).

A row is what one system says of itself, as JSON words, with `state` and, where it does not answer, `why`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nakadachi.core.service import CoreConfig
from nakadachi.country.founding import CONFIG
from nakadachi.country.running import COUNTRY, SETTINGS, Settings, sample_plan
from nakadachi.kit.asking import Silent, ask
from nakadachi.kit.clock import SystemClock
from nakadachi.kit.config import ConfigError, load
from nakadachi.kit.tls import client_context
from nakadachi.law.directory import is_older
from nakadachi.terms import Role

if TYPE_CHECKING:
    import ssl
    from pathlib import Path

    from nakadachi.country.plan import Instance, Place, Plan
    from nakadachi.kit.clock import Clock
    from nakadachi.node import NodeConfig

Row = dict[str, Any]
ASIDE_SECONDS, ASTRAY_SECONDS = 1.0, 10.0
"""Differences of two clocks: from the first on it is to be watched, from the second on something is wrong."""


@dataclass(frozen=True, slots=True)
class Complaint:
    """What is not as it should be with one system, and what to do; `wrong` or only to be watched."""

    node: str
    japanese: str
    english: str
    wrong: bool = field(kw_only=True)


async def ask_country(state: Path, *, from_core: bool) -> list[Row]:
    """The rows of the country below `state`. Raises ConfigError where there is none, Silent where the core's view was
    wanted and the core does not answer.
    """
    kept = state / SETTINGS
    if not kept.exists():
        raise ConfigError(f"{state}: no country was founded there; `nakadachi up` founds one")
    planned = sample_plan(state, Settings(**json.loads(kept.read_text())))
    place = planned.of(Role.CORE)
    config: NodeConfig = load(state / COUNTRY / place.folder / CONFIG, CoreConfig).node
    context = client_context(config.certificate, config.key, config.authority)
    if from_core:
        return await ask_core(context, place, SystemClock())
    return await ask_each(context, planned, SystemClock())


async def ask_each(context: ssl.SSLContext, planned: Plan, clock: Clock) -> list[Row]:
    """Every system's own word, asked at the same time; where one runs as several, that of each instance."""
    asked = [(place, one) for place in planned.places for one in place.instances]
    return list(await asyncio.gather(*(_ask(context, place, one, clock) for place, one in asked)))


async def ask_core(context: ssl.SSLContext, core: Place, clock: Clock) -> list[Row]:
    """What all told the core. Raises Silent."""
    rows: list[Row] = (await ask(context, core.name, core.url, "/operation", clock)).words
    return rows


async def _ask(context: ssl.SSLContext, place: Place, one: Instance, clock: Clock) -> Row:
    who = {"node": place.name.value} | ({"instance": one.name} if one.name else {})
    try:
        answered = await ask(context, place.name, one.url, "/status", clock)
    except Silent as silent:
        return {**who, "state": "stopped" if silent.stopped else "unreachable", "why": str(silent)}
    words: Row = answered.words
    return {
        **who,
        "state": "running",
        **words,
        "clock_offset_seconds": round(answered.offset_seconds, 6),
        "clock_offset_within_seconds": round(answered.within_seconds, 6),
    }


def complaints(rows: Sequence[Row]) -> list[Complaint]:
    """What is wrong, and what is to be watched, in the order of the rows."""
    newest = {key: max((row[key] for row in rows if row.get(key)), default=0) for key in ("lawbook", "directory")}
    known = [row for row in rows if row.get("minimum_version")]
    minimum = max(known, key=lambda row: row["directory"])["minimum_version"] if known else ""
    return [
        one
        for row in rows
        for one in (
            *_of_state(row), *_of_checks(row), *_of_clock(row), *_of_age(row, newest), *_of_version(row, minimum),
        )
    ]  # fmt: skip


def named(row: Row) -> str:
    """The node, and which of its instances."""
    return f"{row['node']} {row.get('instance', '')}".rstrip()


def _of_state(row: Row) -> Iterator[Complaint]:
    node, said = named(row), f"{row.get('said_seconds', 0):.0f}"
    start_ja, start_en = "起動してください", "start it"
    told = {
        "stopped": (f"停止中。{start_ja}", f"is stopped: {start_en}"),
        "unreachable": (
            f"応答なし ({row.get('why', '')})。ホスト・経路・ログを確認してください",
            f"is not reached ({row.get('why', '')}): see its host, the way there, and its log",
        ),
        "silent": (
            f"{said} 秒間報告なし。稼働とコアへの経路を確認してください",
            f"has said nothing for {said} s: see that it runs and reaches the core",
        ),
        "unknown": (f"報告がありません。{start_ja}", f"has never said that it runs: {start_en}"),
    }
    if row["state"] in told:
        yield Complaint(node, *told[row["state"]], wrong=True)


def _of_checks(row: Row) -> Iterator[Complaint]:
    if row["state"] != "running":
        return
    for one in row.get("checks", ()):
        if one["grade"] != "ok":
            yield Complaint(named(row), one["ja"], f"{one['check']}: {one['en']}", wrong=one["grade"] == "failed")
    for key, wrong in (("failures", True), ("warnings", False)):
        for name in row.get(key, ()):
            words = (
                f"点検項目 {name}。そのノードの /readyz に対処があります",
                f"{name}: its own /readyz says what to do",
            )
            yield Complaint(named(row), *words, wrong=wrong)


def _of_clock(row: Row) -> Iterator[Complaint]:
    offset, within = row.get("clock_offset_seconds", 0.0), row.get("clock_offset_within_seconds", 0.0)
    if abs(offset) - within >= ASIDE_SECONDS:
        yield Complaint(
            named(row),
            f"時計が {offset:+.1f} 秒ずれています。両方の時刻同期を確認してください",
            f"its clock differs from this machine's by {offset:+.1f} s: see what keeps both right",
            wrong=abs(offset) - within >= ASTRAY_SECONDS,
        )


def _of_age(row: Row, newest: dict[str, int]) -> Iterator[Complaint]:
    for key, ja, en in (("lawbook", "法令データ", "law book"), ("directory", "ディレクトリ", "directory")):
        if row["state"] == "running" and row.get(key) and row[key] < newest[key]:
            yield Complaint(
                named(row),
                f"{ja}が古い版 {row[key]} です (最新 {newest[key]})。配布を確認してください",
                f"uses {en} {row[key]}, the newest is {newest[key]}: see that the distribution reached it",
                wrong=False,
            )


def _of_version(row: Row, minimum: str) -> Iterator[Complaint]:
    """A version below the minimum of the newest directory that any system uses: nobody exchanges with it (L9)."""
    version = row.get("version")
    if minimum and version and row["state"] != "unknown" and is_older(version, minimum):
        yield Complaint(
            row["node"],
            f"{version} 版は最低版 {minimum} より古いため、照会も提供もできません。更新してください",
            f"is too old: version {version} is below the minimum {minimum}, so nobody exchanges with it: upgrade it",
            wrong=True,
        )
