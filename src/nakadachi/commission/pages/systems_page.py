"""システム: every system of the directory, and whether it answers the Commission."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nakadachi.commission.pages.parts import WATCHERS, Viewer
from nakadachi.kit.web.listing import Badge, Cell, Listing
from nakadachi.kit.web.pages import Page, View, Visit
from nakadachi.kit.web.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from nakadachi.commission.pages.systems import State
    from nakadachi.terms import NodeName

ANSWERS = Badge(Text("応答あり", "Answers"), "good")
SILENT = Badge(Text("応答なし", "No answer"), "bad")
NOT_YET = Badge(Text("確認中", "Being asked"), "notice")
_COLUMNS = (
    Text("システム", "System"),
    Text("状態", "State"),
    Text("版", "Version"),
    Text("時計の差（秒）", "Clock ahead (s)"),
    Text("確認時刻", "Asked at"),
)


def listing_of(names: Iterable[NodeName], states: Mapping[NodeName, State], caption: Text, empty: Text) -> Listing:
    """A table of these systems."""
    return Listing(caption, _COLUMNS, [_row(name, states.get(name)) for name in names], empty)


def _row(name: NodeName, state: State | None) -> tuple[Cell, ...]:
    if state is None:
        return name.value, NOT_YET, None, None, None
    ahead = None if state.ahead is None else f"{state.ahead:+.3f}"
    return name.value, ANSWERS if state.answers else SILENT, state.version, ahead, state.at


async def _listing(viewer: Viewer, _visit: Visit) -> Listing:
    names, states = await viewer.systems.look()
    return listing_of(names, states, Text("すべてのシステム", "All systems"), Text("システムがありません", "None"))


async def _systems(viewer: Viewer, visit: Visit) -> View:
    return View({"listing": await _listing(viewer, visit)})


PAGES = (
    Page(
        "systems", "/systems", Text("システム", "Systems"), _systems, "systems.html", WATCHERS,
        export=_listing, menu=True,
    ),
)  # fmt: skip
