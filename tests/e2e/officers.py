"""The Commission's people before a real browser: a virtual security key, a one-time link, a login, a judge of pages."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import axe_playwright_python
from playwright.async_api import Browser, BrowserContext, Page, expect

from nakadachi.commission.pages.parts import ABOUT
from nakadachi.commission.service import CommissionConfig
from nakadachi.country.founding import Founding, found
from nakadachi.country.plan import plan
from nakadachi.country.running import Country
from nakadachi.kit.clock import SystemClock
from nakadachi.kit.config import load
from nakadachi.kit.database import Database
from nakadachi.kit.entropy import SystemEntropy
from nakadachi.kit.postgres import PostgresServer
from nakadachi.kit.web import operator, staff
from nakadachi.law import lawbook
from nakadachi.node import World
from nakadachi.terms import Role
from tests.e2e.browser import chromium
from tests.invented import TSUBAKI
from tests.tap import Tenants, free_ports

_OFFICES = itertools.count(1)
PASSWORD = "yamabuki no hana 2026"
AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text("utf-8")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@dataclass
class Office:
    """A country whose Commission has pages, and a browser before them."""

    country: Country
    browser: Browser
    contexts: list[BrowserContext] = field(default_factory=list)

    @property
    def url(self) -> str:
        return self.country.plan.pages

    def people(self):
        """The users of the pages, as the operator's command has them."""
        place = self.country.plan.of(Role.COMMISSION)
        config = load(self.country.folder / place.folder / "config.toml", CommissionConfig)
        foundation = staff.Foundation(place.name, self.database, SystemClock(), SystemEntropy())
        return staff.people(ABOUT, foundation, config.pages)

    @property
    def database(self) -> Database:
        """The Commission's."""
        return self.country.services[self.country.plan.of(Role.COMMISSION).name].node.database

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
    """The core and the Commission run, and no other system of the country: some answer and some do not."""
    tenant = f"office_{os.getpid()}_{next(_OFFICES)}"
    book, world = lawbook.sample(), World()
    places = plan(book, (TSUBAKI,), port=free_ports(6))
    server = cast("PostgresServer", Tenants(postgres, tenant))
    (directory / tenant).mkdir()
    await found(Founding(directory / tenant, places, book, server, world))
    country = Country(directory / tenant, places)
    try:
        for role in (Role.CORE, Role.COMMISSION):
            await country.start_one(places.of(role), world)
        async with chromium() as browser:
            yield Office(country, browser)
    finally:
        await country.stop()
    for place in places.places:
        await postgres.drop_tenant(f"{tenant}_{place.tenant}")


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
    await choose_password(page, link)
    await page.get_by_role("button", name="セキュリティキーを登録").click()
    await expect(page.get_by_role("button", name="ログアウト")).to_be_visible()


async def choose_password(page: Page, link: str) -> None:
    """The first half of a one-time link."""
    await page.goto(link)
    await page.get_by_label("新しいパスワード").fill(PASSWORD)
    await page.get_by_label("もう一度入力").fill(PASSWORD)
    await page.get_by_role("button", name="次へ").click()


async def sign_in(page: Page, url: str, name: str, password: str = PASSWORD) -> None:
    """Name, password; the page of the key stands after it."""
    await page.goto(f"{url}/login")
    await page.get_by_label("利用者名").fill(name)
    await page.get_by_label("パスワード").fill(password)
    await page.get_by_role("button", name="次へ").click()


async def faults(page: Page) -> list[str]:
    """What axe-core finds wrong, and where. Played in by the debugger, since the pages run no script but their own."""
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


async def tab_to(page: Page, selector: str) -> None:
    """Press Tab until the keyboard is there; what has it must show that it has."""
    for _ in range(60):
        await page.keyboard.press("Tab")
        if await page.locator(f"{selector}:focus").count():
            ring = await page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            assert ring == "solid"
            return
    raise AssertionError(f"the keyboard does not reach {selector}")


async def fonts(page: Page, selector: str) -> set[str]:
    """The fonts that the machine really drew a text with."""
    devtools = await page.context.new_cdp_session(page)
    await devtools.send("DOM.enable")
    await devtools.send("CSS.enable")
    root = await devtools.send("DOM.getDocument")
    node = await devtools.send("DOM.querySelector", {"nodeId": root["root"]["nodeId"], "selector": selector})
    used = await devtools.send("CSS.getPlatformFontsForNode", {"nodeId": node["nodeId"]})
    return {one["familyName"] for one in used["fonts"]}
