"""委員会の画面: what the Commission's people see. One file and one template a page; `PAGES` is the list of all."""

from __future__ import annotations

from nakadachi.commission.pages import findings, log, overview, refusals, systems_page
from nakadachi.commission.pages.parts import Viewer as Viewer
from nakadachi.kit.web.pages import Page

PAGES: tuple[Page[Viewer], ...] = (
    *overview.PAGES,
    *findings.PAGES,
    *refusals.PAGES,
    *log.PAGES,
    *systems_page.PAGES,
)
"""In the order of the navigation."""
