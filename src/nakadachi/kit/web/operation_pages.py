"""操作ログの画面: who saw or did what on the pages of this system, and whether the log is whole."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from nakadachi.kit.web import operation_store, operations
from nakadachi.kit.web.listing import Cell, Listing
from nakadachi.kit.web.pages import Page, View
from nakadachi.kit.web.text import Text

if TYPE_CHECKING:
    from nakadachi.kit.web.operations import Kept
    from nakadachi.kit.web.pages import Visit
    from nakadachi.kit.web.people import Entrance

ON_A_PAGE, IN_A_FILE = 50, 100_000
_COLUMNS = (
    Text("番号", "Number"),
    Text("日時", "Time"),
    Text("利用者名", "Name"),
    Text("役割", "Role"),
    Text("操作", "Action"),
    Text("画面", "Page"),
    Text("対象", "About"),
    Text("セッション", "Session"),
)


def _row(entrance: Entrance, kept: Kept) -> tuple[Cell, ...]:
    one = kept.operation
    role = entrance.roles.get(one.role, Text(one.role, one.role))
    action = Text(one.action.japanese, one.action.english)
    return kept.number, one.at, one.name, role, action, one.page, one.about, one.session


async def _listing(entrance: Entrance, visit: Visit, most: int) -> Listing:
    said, name = visit.query.get("before", ""), visit.query.get("name", "").strip()
    before = int(said) if said.isdecimal() and len(said) < 19 else None
    async with entrance.database.acquire() as connection:
        rows = await operation_store.newest(connection, before=before, name=name, most=most + 1)
    shown, kept_name = rows[:most], {"name": name} if name else {}
    older = f"/operations?{urlencode(kept_name | {'before': shown[-1].number})}" if len(rows) > most else None
    return Listing(
        Text("操作の一覧", "What was seen and done"),
        _COLUMNS,
        [_row(entrance, one) for one in shown],
        Text("該当する操作はありません", "Nothing of that kind"),
        older=older,
        newest=f"/operations?{urlencode(kept_name)}" if before is not None else None,
    )


async def _operations(entrance: Entrance, visit: Visit) -> View:
    listing = await _listing(entrance, visit, ON_A_PAGE)
    return View({"listing": listing, "checked": None}, about=visit.query.get("name", ""))


async def _export(entrance: Entrance, visit: Visit) -> Listing:
    return await _listing(entrance, visit, IN_A_FILE)


async def _check(entrance: Entrance, visit: Visit) -> View:
    """操作ログの点検: every row from the first on."""
    async with entrance.database.transaction() as connection:
        count, wrong = await operations.check(connection)
    listing = await _listing(entrance, visit, ON_A_PAGE)
    return View({"listing": listing, "checked": {"count": count, "wrong": wrong}}, about=f"{count} rows checked")


def pages(readers: frozenset[str]) -> tuple[Page[Entrance], ...]:
    """The pages of the operation log, for those who may read it."""
    title = Text("操作ログ", "Operation log")
    return (
        Page("operations", "/operations", title, _operations, "operations.html", readers, export=_export, menu=True),
        Page("operations-check", "/operations/check", title, _check, "operations.html", readers),
    )
