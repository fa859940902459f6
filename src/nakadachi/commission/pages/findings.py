"""確認事項: what systems found wrong in others' acts; all, some, one."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from nakadachi.commission import view_store
from nakadachi.commission.pages.parts import WATCHERS, Viewer
from nakadachi.commission.view_store import Found, Wanted, name_of
from nakadachi.kit.web.listing import Cell, Link, Listing
from nakadachi.kit.web.messages import NO_PAGE
from nakadachi.kit.web.pages import Page, View, Visit
from nakadachi.kit.web.text import Text
from nakadachi.telegrams.oversight import FindingKind

if TYPE_CHECKING:
    from collections.abc import Mapping

ON_A_PAGE, IN_A_FILE = 50, 100_000
KINDS = {kind.value: Text(kind.japanese, kind.english) for kind in FindingKind}
_COLUMNS = (
    Text("内容", "What"),
    Text("受信日時", "Received"),
    Text("通知元", "Found by"),
    Text("対象", "About"),
    Text("処理通番", "Serial"),
)


def _address(one: Found) -> str:
    words = zip(("reporter", "kind", "serial", "about", "day"), name_of(one).split("|"), strict=True)
    return f"/findings/one?{urlencode([(name, value) for name, value in words if value])}"


def _row(one: Found) -> tuple[Cell, ...]:
    finding = one.finding
    about = finding.about.value if finding.about else None
    serial = finding.serial.value if finding.serial else None
    return Link(KINDS[finding.kind.value], _address(one)), one.kept_at, one.reporter.value, about, serial


def cursor(query: Mapping[str, str]) -> tuple[datetime, str] | None:
    """Where a list goes on: the time and the name of the last one shown; None at its beginning."""
    try:
        at = datetime.fromisoformat(query.get("at", ""))
        return (at.astimezone(UTC), query.get("name", "")) if at.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


async def _listing(viewer: Viewer, visit: Visit, most: int) -> Listing:
    kind = visit.query.get("kind", "")
    wanted = Wanted(kind if kind in KINDS else "", visit.query.get("node", "").strip())
    before = cursor(visit.query)
    async with viewer.commission.database.acquire() as connection:
        found = await view_store.findings(connection, wanted, before=before, most=most + 1)
    shown = found[:most]
    kept = {name: value for name, value in (("kind", wanted.kind), ("node", wanted.node)) if value}
    older = None
    if len(found) > most:
        older = "?" + urlencode(kept | {"at": shown[-1].kept_at.isoformat(), "name": name_of(shown[-1])})
    return Listing(
        Text("確認事項の一覧", "Findings"),
        _COLUMNS,
        [_row(one) for one in shown],
        Text("該当する確認事項はありません", "There are no such findings"),
        older=older,
        newest=("?" + urlencode(kept)) if before else None,
    )


async def _findings(viewer: Viewer, visit: Visit) -> View:
    listing = await _listing(viewer, visit, ON_A_PAGE)
    about = " ".join(f"{name}={visit.query[name]}" for name in ("kind", "node") if visit.query.get(name))
    return View({"listing": listing, "kinds": KINDS}, about=about)


async def _export(viewer: Viewer, visit: Visit) -> Listing:
    return await _listing(viewer, visit, IN_A_FILE)


async def _finding(viewer: Viewer, visit: Visit) -> View:
    asked = visit.query
    try:
        day = date.fromisoformat(asked.get("day", ""))
    except ValueError:
        raise NO_PAGE from None
    name = (asked.get("reporter", ""), asked.get("kind", ""), asked.get("serial", ""), asked.get("about", ""), day)
    async with viewer.commission.database.acquire() as connection:
        found = await view_store.finding(connection, name)
    if found is None:
        raise NO_PAGE
    reason = found.finding.reason
    words = {
        "one": found, "what": KINDS[found.finding.kind.value],
        "why": Text(reason.japanese, reason.english) if reason else None,
    }  # fmt: skip
    return View(words, about=name_of(found))


PAGES = (
    Page(
        "findings", "/findings", Text("確認事項", "Findings"), _findings, "findings.html", WATCHERS,
        export=_export, menu=True,
    ),
    Page("finding", "/findings/one", Text("確認事項", "Finding"), _finding, "finding.html", WATCHERS),
)  # fmt: skip
