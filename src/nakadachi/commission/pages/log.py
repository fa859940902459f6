"""ログと連署: the core's log as the Commission knows it, and the trees that nodes were shown (A3, X1)."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING

from nakadachi.commission import view_store
from nakadachi.commission.pages.parts import WATCHERS, Viewer
from nakadachi.kit.web.listing import Badge, Cell, Listing
from nakadachi.kit.web.pages import Page, View, Visit
from nakadachi.kit.web.text import Text

if TYPE_CHECKING:
    from nakadachi.commission.view_store import Head, HeadTold

SHOWN = 100
STATES = {
    "open": Badge(Text("照合待ち", "To be compared"), "notice"),
    "contained": Badge(Text("ログに含まれる", "In the log"), "good"),
    "forked": Badge(Text("ログと矛盾", "Contradicts the log"), "bad"),
    "unproven": Badge(Text("証明なし", "Not proved"), "bad"),
}
_LOG = Text("ログ", "Log")
_SIZE = Text("件数", "Size")
_ROOT = Text("ルート", "Root")
_HEADS = (_LOG, _SIZE, _ROOT, Text("連署日時", "Cosigned at"))
_TOLD = (_LOG, _SIZE, _ROOT, Text("状態", "State"), Text("報告元", "Told by"), Text("報告日時", "Told at"))


def _root(root: bytes) -> str:
    return b64encode(root).decode()


def _head(one: Head) -> tuple[Cell, ...]:
    return one.checkpoint.origin, one.checkpoint.size, _root(one.checkpoint.root), one.at


def _told(one: HeadTold) -> tuple[Cell, ...]:
    tree = one.checkpoint
    return tree.origin, tree.size, _root(tree.root), STATES[one.state], one.reporter.value, one.told_at


async def _heads(viewer: Viewer, _visit: Visit) -> Listing:
    async with viewer.commission.database.acquire() as connection:
        heads = await view_store.heads(connection)
    none = Text("まだ連署していません", "Nothing was cosigned yet")
    return Listing(
        Text("連署した最新のチェックポイント", "Newest heads cosigned"), _HEADS, [_head(one) for one in heads], none
    )


async def _log(viewer: Viewer, visit: Visit) -> View:
    async with viewer.commission.database.acquire() as connection:
        told = await view_store.heads_told(connection, most=SHOWN)
    shown = Listing(
        Text("システムから報告されたチェックポイント", "Heads that systems told of"),
        _TOLD,
        [_told(one) for one in told],
        Text("報告はありません", "None was told"),
    )
    return View({"heads": await _heads(viewer, visit), "told_heads": shown})


PAGES = (
    Page(
        "log", "/log", Text("ログと連署", "Log and witnesses"), _log, "log.html", WATCHERS, export=_heads, menu=True
    ),
)  # fmt: skip
