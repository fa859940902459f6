"""The Commission's people before a real browser: a virtual security key, a one-time link, a login; and what a page may not be."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import axe_playwright_python
from playwright.async_api import Browser, BrowserContext, Page, expect

from nakadachi.commission.pages.parts import ABOUT
from nakadachi.commission.service import CommissionConfig
from nakadachi.kit.config import load
from nakadachi.kit.postgres import PostgresServer
from nakadachi.kit.web import operator, staff
from nakadachi.terms import Role
from tests.e2e.browser import chromium
from tests.world import Land, a_country

PASSWORD = "yamabuki no hana 2026"
AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text("utf-8")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@dataclass
class Office:
    """A country whose Commission has pages, and a browser before them."""

    land: Land
    browser: Browser
    contexts: list[BrowserContext] = field(default_factory=list)

    @property
    def url(self) -> str:
        return self.land.plan.pages

    def people(self):
        """The users of the pages, as the operator's command has them."""
        service = self.land.service(self.land.name(Role.COMMISSION))
        place = self.land.plan.of(Role.COMMISSION)
        config = load(self.land.country.folder / place.folder / "config.toml", CommissionConfig)
        node = service.node
        foundation = staff.Foundation(node.config.name, node.database, self.land.clock, self.land.world.entropy)
        return staff.people(ABOUT, foundation, config.pages)

    async def link(self, name: str, role: str) -> str:
        made, _ = await operator.add(self.people(), name, role)
        return made

    async def tab(self, **how: object) -> Page:
        """A fresh browser profile with a security key in it."""
        context = await self.browser.new_context(**({"locale": "ja-JP"} | how))
        self.contexts.append(context)
        page = await context.new_page()
        await security_key(page)
        return page

    async def enter(self, name: str, role: str, **how: object) -> Page:
        """A new user of that role, signed in."""
        page = await self.tab(**how)
        await begin(page, await self.link(name, role))
        return page


@asynccontextmanager
async def office(postgres: PostgresServer, directory: Path) -> AsyncIterator[Office]:
    async with a_country(postgres, directory, []) as land, chromium() as browser:
        yield Office(land, browser)


async def security_key(page: Page, *, verified: bool = True) -> str:
    """A virtual security key in the browser (WebAuthn, through the DevTools protocol), whose owner is there."""
    devtools = await page.context.new_cdp_session(page)
    await devtools.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2", "transport": "usb", "hasResidentKey": False, "hasUserVerification": True,
        "isUserVerified": verified, "automaticPresenceSimulation": True,
    }  # fmt: skip
    made = await devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    return made["authenticatorId"]


async def begin(page: Page, link: str) -> None:
    """Follow a one-time link: a password, a key, in."""
    await page.goto(link)
    await page.get_by_label("新しいパスワード").fill(PASSWORD)
    await page.get_by_label("もう一度入力").fill(PASSWORD)
    await page.get_by_role("button", name="次へ").click()
    await page.get_by_role("button", name="セキュリティキーを登録").click()
    await expect(page.get_by_role("button", name="ログアウト")).to_be_visible()


async def sign_in(page: Page, url: str, name: str, password: str = PASSWORD) -> None:
    """Name, password; the page of the key stands after it."""
    await page.goto(f"{url}/login")
    await page.get_by_label("利用者名").fill(name)
    await page.get_by_label("パスワード").fill(password)
    await page.get_by_role("button", name="次へ").click()


async def faults(page: Page) -> list[str]:
    """What axe-core finds wrong, each with where. Played in from outside, since the pages run no script but their own."""
    session = await page.context.new_cdp_session(page)
    await session.send("Runtime.evaluate", {"expression": AXE})
    asked = f"axe.run({{runOnly: {json.dumps(RULES)}}}).then((r) => JSON.stringify(r.violations))"
    answer = await session.send("Runtime.evaluate", {"expression": asked, "awaitPromise": True})
    found = json.loads(answer["result"]["value"])
    return [f"{one['id']}: {node['html'][:160]} {node['failureSummary']}" for one in found for node in one["nodes"]]


async def overflow(page: Page) -> int:
    """By how many pixels the page is wider than its window."""
    wide: int = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return wide


LATER = timedelta(minutes=31)
