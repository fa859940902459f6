"""The card's agent before a real browser: a page of an allowed origin, one of another, a person who types a PIN."""

from __future__ import annotations

import asyncio
import json
import socket
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest
from playwright.async_api import BrowserContext, Page, expect
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Route

from nakadachi.crypto import card_statement
from nakadachi.kit.clock import SystemClock
from nakadachi.kit.listening import Loopback, WebServer
from nakadachi.neighbours.card.agent.service import Running, build
from nakadachi.neighbours.card.checking import signed
from nakadachi.neighbours.card.pin import Secret
from nakadachi.refusal import Reason, Refusal
from tests import cards
from tests.e2e.browser import chromium, needs_chromium

pytestmark = [pytest.mark.slow, needs_chromium]
SITE = (Path(__file__).parent / "site.html").read_text("utf-8")
CHALLENGE = bytes(range(32))


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@dataclass
class Desk:
    """What a test has before it: a town with a card, its agent's page, a site that is allowed, one that is not."""

    town: cards.Town
    page: str
    allowed: str
    other: str
    running: Running


@asynccontextmanager
async def desk(folder: Path) -> AsyncIterator[Desk]:
    town = await asyncio.to_thread(cards.issued_town, folder)
    ports = [free_port() for _ in range(3)]
    allowed, other = (f"http://localhost:{port}" for port in ports[1:])
    agent = build(town.card(), port=ports[0], origins=frozenset({allowed}), clock=SystemClock(), entropy=cards.ENTROPY)
    running = Running(agent)
    await running.start()
    site = Starlette(routes=[Route("/", lambda _: HTMLResponse(SITE.replace("@PORT@", str(ports[0]))))])
    servers = [WebServer(site, Loopback("127.0.0.1", port)) for port in ports[1:]]
    tasks = [await one.run_until_started(asyncio.create_task) for one in servers]
    try:
        yield Desk(town, agent.doors.page, allowed, other, running)
    finally:
        await running.stop()
        for one in servers:
            one.should_exit = True
        await asyncio.gather(*tasks)


@asynccontextmanager
async def pages(folder: Path, **how: object) -> AsyncIterator[tuple[Desk, Page, Page]]:
    """The desk, the site's tab, and the agent's own tab."""
    async with desk(folder) as one, chromium() as browser:
        context: BrowserContext = await browser.new_context()
        own = await (await browser.new_context(**how)).new_page()
        site = await context.new_page()
        await site.goto(one.allowed)
        await own.goto(one.page)
        yield one, site, own


async def connect(site: Page, own: Page) -> None:
    await site.evaluate("begin()")
    await site.wait_for_function("document.getElementById('check').textContent !== ''")
    # The page's own script brings what is new; a person without it refreshes.
    await own.get_by_label("確認番号").fill(await site.locator("#check").inner_text())
    await own.get_by_role("button", name="接続を許可する").click()
    await expect(site.locator("#state")).to_have_text("active")


async def result_of(site: Page) -> dict:
    await site.wait_for_function("document.getElementById('result').textContent !== ''")
    return json.loads(await site.locator("#result").inner_text())


async def order(site: Page, what: dict) -> asyncio.Task:
    asked = asyncio.create_task(site.evaluate(f"order({json.dumps(what)})"))
    await site.wait_for_timeout(300)
    return asked


async def test_a_page_of_an_allowed_origin_signs_in_with_the_card(tmp_path):
    async with pages(tmp_path) as (one, site, own):
        await connect(site, own)
        asked = await order(site, {"kind": "authenticate", "challenge": b64encode(CHALLENGE).decode()})
        await expect(own.get_by_role("heading", name="このサイトにログインする")).to_be_visible()
        await expect(own.locator("section", has_text="ログインする").get_by_text("残り3回")).to_be_visible()
        await own.get_by_label("利用者証明用暗証番号").fill(cards.PIN)
        await own.get_by_role("button", name="カードで実行する").click()
        await asked
        answer = await result_of(site)
        result = {name: b64decode(text) for name, text in answer["result"].items()}
        proof = (result["statement"], result["signature"], result["certificate"])
        now = datetime.now(UTC)
        card_statement.verify(*proof, origin=one.allowed, challenge=CHALLENGE, now=now)
        with pytest.raises(Refusal) as refused:
            card_statement.verify(*proof, origin=one.other, challenge=CHALLENGE, now=now)
        assert refused.value.reason is Reason.NOT_ADDRESSED_HERE


async def test_a_page_of_another_origin_reaches_nothing(tmp_path):
    async with pages(tmp_path) as (one, site, own):
        await site.goto(one.other)
        await site.evaluate("begin()")
        await expect(site.locator("#wrong")).to_have_text("Failed to fetch")
        assert await site.locator("#check").inner_text() == ""
        await own.reload()
        await expect(own.get_by_text("いま確認するものはありません")).to_be_visible()
        # Nor can it draw the agent's page into a frame, or send a form to it.
        address = one.page
        framed = await site.evaluate(
            "(at) => new Promise((go) => { const f = document.createElement('iframe');"
            " f.onload = () => go(f.contentDocument); f.src = at; document.body.append(f); })",
            address,
        )
        assert framed is None
        await site.evaluate(
            "(at) => { const f = document.createElement('form'); f.method = 'post'; f.action = at + 'end';"
            " document.body.append(f); f.submit(); }",
            address,
        )
        await expect(site.get_by_text("opened by a person")).to_be_visible()


async def test_taking_the_card_out_ends_everything_at_once(tmp_path):
    async with pages(tmp_path) as (one, site, own):
        await connect(site, own)
        asked = await order(site, {"kind": "authenticate", "challenge": b64encode(CHALLENGE).decode()})
        one.town.medium().path.rename(tmp_path / "in-a-pocket")
        await expect(site.locator("#ended")).to_have_text("カードが取り出されました", timeout=3000)
        await asked
        assert (await result_of(site))["state"] == "failed"
        (tmp_path / "in-a-pocket").rename(one.town.medium().path)
        told = await site.evaluate("ask('GET', '/status')")
        assert told["status"] == 410


async def test_a_document_is_shown_and_signed_with_keyboard_alone_and_without_script(tmp_path):
    document = "転入届\n見本　花子"
    async with pages(tmp_path, java_script_enabled=False) as (one, site, own):
        await site.evaluate("begin()")
        await site.wait_for_function("document.getElementById('check').textContent !== ''")
        await own.reload()
        await tab_to(own, "input[name=check]")
        await own.keyboard.type(await site.locator("#check").inner_text())
        await own.keyboard.press("Enter")
        await expect(site.locator("#state")).to_have_text("active")
        asked = await order(site, {"kind": "sign-document", "title": "転入届", "document": document})
        await own.reload()
        await expect(own.locator("pre")).to_have_text(document)
        await tab_to(own, "input[name=secret]")
        await own.keyboard.type("wrong1")
        await own.keyboard.press("Enter")
        await expect(own.get_by_role("alert")).to_contain_text("残り4回")
        await expect(own.get_by_role("alert")).to_contain_text("C03")
        await tab_to(own, "input[name=secret]")
        await own.keyboard.type("ｓａｋｕｒａ７７")
        await own.keyboard.press("Enter")
        await asked
        result = {name: b64decode(text) for name, text in (await result_of(site))["result"].items()}
        assert result["digest"] == sha256(document.encode()).digest()
        assert signed(result["certificate"], result["signature"], document.encode())
        assert one.town.reader().tries(Secret.SIGNATURE) == 5


async def tab_to(page: Page, selector: str) -> None:
    for _ in range(30):
        await page.keyboard.press("Tab")
        if await page.locator(f"{selector}:focus").count():
            return
    pytest.fail(f"the keyboard does not reach {selector}")
