"""概況: how the network fares as the Commission sees it, in counts and times alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from nakadachi.commission import view_store
from nakadachi.commission.pages.parts import WATCHERS, Viewer
from nakadachi.commission.pages.systems_page import listing_of
from nakadachi.kit.web.pages import Page, View, Visit
from nakadachi.kit.web.text import JAPAN, Text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

TITLE = Text("概況", "Overview")
HOURS = 24
SHOWN = 20


@dataclass(frozen=True, slots=True)
class Series:
    """Counts per hour, the oldest first: labels and counts, and the highest."""

    bars: tuple[tuple[str, int], ...]
    most: int


def per_hour(counts: Mapping[datetime, int], now: datetime) -> Series:
    """The last 24 hours, those with nothing too; `counts` by the beginning of the hour."""
    this = now.replace(minute=0, second=0, microsecond=0)
    hours = [this - timedelta(hours=back) for back in reversed(range(HOURS))]
    bars = tuple((f"{hour.astimezone(JAPAN):%H}:00", counts.get(hour, 0)) for hour in hours)
    return Series(bars, max(count for _, count in bars))


async def _words(viewer: Viewer) -> dict[str, Any]:
    commission = viewer.commission
    now = commission.author.clock.now()
    since = now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=HOURS - 1)
    async with commission.database.acquire() as connection:
        found = await view_store.findings_per_hour(connection, since)
        refused = await view_store.refusals_per_hour(connection, since)
        heads = await view_store.heads(connection)
        forked = await view_store.heads_not_in_the_log(connection)
    names, states = await viewer.systems.look()
    troubled = [name for name in names if name not in states or not states[name].answers]
    caption, none = Text("応答のないシステム", "Systems without an answer"), Text("ありません", "None")
    newest = max(heads, key=lambda head: head.at, default=None)
    return {
        "now": now, "names": len(names), "answering": len(names) - len(troubled), "newest": newest, "forked": forked,
        "age": None if newest is None else max(0, int((now - newest.at).total_seconds())),
        "troubled": listing_of(troubled[:SHOWN], states, caption, none), "more": max(0, len(troubled) - SHOWN),
        "findings": per_hour(found, now), "refusals": per_hour(refused, now),
        "found": sum(found.values()), "refused": sum(refused.values()),
    }  # fmt: skip


async def _overview(viewer: Viewer, visit: Visit) -> View:
    return View(await _words(viewer) | {"still": visit.query.get("still") == "1"})


async def _live(viewer: Viewer, _visit: Visit) -> View:
    return View(await _words(viewer))


PAGES = (
    Page("overview", "/overview", TITLE, _overview, "overview.html", WATCHERS, menu=True),
    Page("overview-live", "/overview/live", TITLE, _live, "overview_live.html", WATCHERS, live=True),
)
