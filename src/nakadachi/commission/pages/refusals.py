"""照会拒否: inquiries that interface systems refused before they reached the core (C13)."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from nakadachi.commission import view_store
from nakadachi.commission.pages.findings import IN_A_FILE, ON_A_PAGE, cursor
from nakadachi.commission.pages.parts import WATCHERS, Viewer
from nakadachi.kit.web.listing import Cell, Listing
from nakadachi.kit.web.pages import Page, View, Visit
from nakadachi.kit.web.text import Text
from nakadachi.refusal import Reason

if TYPE_CHECKING:
    from nakadachi.commission.view_store import RefusedInquiry

REASONS = {reason.value: Text(reason.japanese, reason.english) for reason in Reason}
_COLUMNS = (
    Text("処理通番", "Serial"),
    Text("拒否日時", "Refused at"),
    Text("照会者", "Inquirer"),
    Text("提供者", "Provider"),
    Text("事務", "Affair"),
    Text("理由", "Reason"),
    Text("担当者（仮名）", "Staff (pseudonym)"),
)


def _row(one: RefusedInquiry) -> tuple[Cell, ...]:
    return (
        one.serial.value, one.refused_at, one.inquirer.value, one.provider.value, one.affair.value,
        REASONS[one.reason.value], one.staff,
    )  # fmt: skip


async def _listing(viewer: Viewer, visit: Visit, most: int) -> Listing:
    said = visit.query.get("reason", "")
    reason, before = said if said in REASONS else "", cursor(visit.query)
    async with viewer.commission.database.acquire() as connection:
        found = await view_store.refusals(connection, reason=reason, before=before, most=most + 1)
    shown, kept = found[:most], {"reason": reason} if reason else {}
    older = None
    if len(found) > most:
        older = "?" + urlencode(kept | {"at": shown[-1].refused_at.isoformat(), "name": shown[-1].serial.value})
    return Listing(
        Text("拒否された照会の一覧", "Refused inquiries"),
        _COLUMNS,
        [_row(one) for one in shown],
        Text("該当する照会はありません", "There are no such inquiries"),
        older=older,
        newest=("?" + urlencode(kept)) if before else None,
    )


async def _refusals(viewer: Viewer, visit: Visit) -> View:
    listing = await _listing(viewer, visit, ON_A_PAGE)
    return View({"listing": listing, "reasons": REASONS}, about=visit.query.get("reason", ""))


async def _export(viewer: Viewer, visit: Visit) -> Listing:
    return await _listing(viewer, visit, IN_A_FILE)


PAGES = (
    Page(
        "refusals", "/refusals", Text("照会拒否", "Refusals"), _refusals, "refusals.html", WATCHERS,
        export=_export, menu=True,
    ),
)  # fmt: skip
