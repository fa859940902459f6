"""The Commission's pages before a real browser: entering, looking, by keyboard alone, without script, on a phone.

NAKADACHI_SCREENSHOTS=<folder> keeps a picture of every page in both languages.
"""

from __future__ import annotations

import asyncio
import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from nakadachi.commission import head_store, store
from nakadachi.commission.head_store import Told
from nakadachi.ledger.checkpoint import Checkpoint
from nakadachi.refusal import Reason
from nakadachi.telegrams.oversight import Finding, FindingKind
from nakadachi.terms import Role, Serial, crockford
from tests.e2e.browser import needs_chromium
from tests.e2e.officers import (
    Office,
    begin,
    choose_password,
    faults,
    fonts,
    office,
    overflow,
    security_key,
    sign_in,
    tab_to,
)
from tests.invented import AOBA, TSUBAKI

pytestmark = [pytest.mark.slow, needs_chromium]
PICTURES = os.environ.get("NAKADACHI_SCREENSHOTS")
SEEN = ("/overview", "/findings", "/findings/one", "/refusals", "/log", "/systems", "/operations", "/operations/check")
DARK = ("/overview", "/findings", "/users")
"""Where the dark colours are looked at; `tests/unit/kit/web/test_files.py` computes all contrasts."""
KEPT = ("/users", "/users/mori", "/account")


async def fill(one: Office, count: int) -> None:
    """Something to look at: findings, refusals over hours, a tree that does not fit."""
    now = datetime.now(UTC)
    places = one.country.plan
    core, interface = places.of(Role.CORE).name, places.of(Role.INTERFACE).name
    kinds = list(FindingKind)
    async with one.database.transaction() as connection:
        for place in range(count):
            serial = Serial(f"{TSUBAKI.value}-{crockford(place + 1, length=26)}")
            kind = kinds[place % len(kinds)]
            finding = Finding(kind=kind, at=now - timedelta(hours=place % 20), serial=serial, about=core)
            await store.keep_findings(connection, interface, [finding], now - timedelta(hours=place % 20))
            await connection.execute(
                "INSERT INTO refused_inquiry VALUES ($1, $2, $3, 'JM99000000940000', $4, 'p-3f9c2a71', $5)",
                serial.value, TSUBAKI.value, AOBA.value, Reason.NOT_IN_TABLE.value,
                now - timedelta(minutes=place * place % 1300),
            )  # fmt: skip
        origin = "core.sample.nakadachi/1"
        told = [Told(Checkpoint(origin, size, bytes([size]) * 32), "note", interface, now) for size in (7, 9)]
        await head_store.keep(connection, told)
        await head_store.settle(connection, [(told[0].checkpoint, "forked", "note")])


async def look(page: Page, one: Office, paths: tuple[str, ...], language: str) -> None:
    """Every page: nothing that axe finds, in light and dark; no scrolling sideways on a phone."""
    for path in paths:
        address = f"{one.url}{path}"
        if path == "/findings/one":
            await page.goto(f"{one.url}/findings")
            address = await page.locator("table.list tbody th a").first.evaluate("one => one.href")
        for scheme in ("light", "dark") if path in DARK and language == "ja" else ("light",):
            await page.emulate_media(color_scheme=scheme)
            await page.goto(address)
            assert await page.locator("html").get_attribute("lang") == language
            assert await page.locator("h1").count() == 1
            assert await faults(page) == [], f"{path} {scheme}"
            await picture(page, f"{path.strip('/').replace('/', '-')}-{language}-{scheme}", scheme)
        await page.emulate_media(color_scheme="light")
        await page.set_viewport_size({"width": 320, "height": 640})
        assert await overflow(page) == 0, f"{path} on a phone"
        await picture(page, f"{path.strip('/').replace('/', '-')}-{language}-phone", "light")
        await page.set_viewport_size({"width": 1280, "height": 800})


async def picture(page: Page, name: str, scheme: str) -> None:
    if PICTURES and (scheme == "light" or name.startswith("overview")):
        await asyncio.to_thread(Path(PICTURES).mkdir, parents=True, exist_ok=True)
        await page.screenshot(path=Path(PICTURES) / f"{name}.png", full_page=True)


async def test_a_user_begins_by_a_link_leaves_and_comes_back_with_password_and_key(postgres, open_directory):
    async with office(postgres, open_directory) as one:
        page = await one.tab()
        link = await one.link("sato", "officer")
        await begin(page, link)
        await expect(page.get_by_role("heading", name="概況", level=1)).to_be_visible()
        await page.get_by_role("button", name="ログアウト").click()
        await expect(page.get_by_text("ログアウトしました")).to_be_visible()
        assert await faults(page) == []
        await sign_in(page, one.url, "sato", "another password")
        await expect(page.get_by_role("alert")).to_contain_text("正しくない")
        await sign_in(page, one.url, "sato")
        assert await faults(page) == []
        await page.get_by_role("button", name="セキュリティキーを使う").click()
        await expect(page.get_by_role("heading", name="概況", level=1)).to_be_visible()
        # Somebody else with the password and a key of their own.
        thief = await one.tab()
        await sign_in(thief, one.url, "sato")
        await thief.get_by_role("button", name="セキュリティキーを使う").click()
        await expect(thief.locator("#key-said")).to_be_visible(timeout=10_000)
        await thief.goto(f"{one.url}/findings")
        await expect(thief.get_by_label("パスワード")).to_be_visible()
        # The link is spent, and a page of another origin reaches nothing.
        await thief.goto(link)
        await expect(thief.get_by_role("heading", name="このリンクは使えません")).to_be_visible()
        await page.goto(one.url.replace("localhost", "127.0.0.1"))
        await expect(page.get_by_text("このアドレスでは表示できません")).to_be_visible()
        # A key that does not know its owner is not registered.
        careless = await (await one.browser.new_context(locale="ja-JP")).new_page()
        await security_key(careless, verified=False)
        await choose_password(careless, await one.link("kuri", "officer"))
        assert await faults(careless) == []
        await careless.get_by_role("button", name="セキュリティキーを登録").click()
        await expect(careless.locator("#key-said")).to_be_visible(timeout=10_000)
        await careless.goto(f"{one.url}/overview")
        await expect(careless.get_by_label("パスワード")).to_be_visible()


async def test_every_page_is_open_to_everybody_who_may_in_both_languages(postgres, open_directory):
    async with office(postgres, open_directory) as one:
        await fill(one, 12)
        said: list[str] = []
        seer, keeper = await one.enter("hara", "chief"), await one.enter("mori", "administrator")
        for page in (seer, keeper):
            page.on("console", lambda message: said.append(message.text))
            page.on("pageerror", lambda wrong: said.append(str(wrong)))
        await seer.goto(f"{one.url}/overview")
        assert any("CJK JP" in name or "Noto Sans JP" in name for name in await fonts(seer, "h1"))
        await look(seer, one, SEEN, "ja")
        await look(keeper, one, KEPT, "ja")
        for page in (seer, keeper):
            await page.get_by_role("button", name="English").click()
        await look(seer, one, SEEN, "en")
        await look(keeper, one, KEPT, "en")
        await keeper.goto(f"{one.url}/users")
        await keeper.get_by_label("Name").fill("sato")
        await keeper.get_by_role("button", name="Add, and make").click()
        assert await faults(keeper) == []
        await picture(keeper, "link", "light")
        await keeper.goto(f"{one.url}/nothing")
        assert await faults(keeper) == []
        # Who administers users sees no evidence; who sees evidence administers nobody.
        for page, path in ((keeper, "/findings"), (keeper, "/operations"), (seer, "/users")):
            answer = await page.goto(f"{one.url}{path}")
            assert answer is not None
            assert answer.status == 403
        assert [each for each in said if "403" not in each and "404" not in each] == []


async def test_the_work_is_done_with_the_keyboard_alone(postgres, open_directory):
    async with office(postgres, open_directory) as one:
        await fill(one, 60)
        page = await one.enter("hara", "auditor")
        await page.keyboard.press("Tab")
        assert await page.evaluate("document.activeElement.className") == "skip"
        await page.keyboard.press("Enter")
        assert await page.evaluate("document.activeElement.id") == "content"
        await tab_to(page, "nav a[href='/findings']")
        await page.keyboard.press("Enter")
        await tab_to(page, "select[name=kind]")
        await page.keyboard.press("ArrowDown")
        await tab_to(page, "input[name=node]")
        await page.keyboard.type("interface")
        await page.keyboard.press("Enter")
        await expect(page).to_have_url(re.compile("kind=SUBJECT_MISMATCH.*node=interface"))
        await tab_to(page, "table.list tbody th a")
        await page.keyboard.press("Enter")
        await expect(page.locator("dl.facts")).to_be_visible()
        await tab_to(page, "form[action='/logout'] button")
        await page.keyboard.press("Enter")
        await expect(page.get_by_text("ログアウトしました")).to_be_visible()


async def test_without_script_all_but_the_key_works(postgres, open_directory):
    async with office(postgres, open_directory) as one:
        await fill(one, 60)
        with_script = await one.enter("mori", "administrator")
        plain = await one.browser.new_context(java_script_enabled=False, locale="ja-JP")
        await plain.add_cookies(await with_script.context.cookies())  # type: ignore[arg-type]  # as they came
        page = await plain.new_page()
        await page.goto(f"{one.url}/users")
        await page.get_by_label("利用者名").fill("Sato!")
        await page.get_by_role("button", name="追加して").click()
        await expect(page.get_by_text("修正してください")).to_be_visible()
        await page.get_by_label("利用者名").fill("sato")
        await page.get_by_label("役割").select_option("officer")
        await page.get_by_role("button", name="追加して").click()
        link = await page.locator(".link-once").inner_text()
        await page.goto(f"{one.url}/users/sato")
        await page.get_by_role("button", name="この利用者を削除").click()
        await expect(page.get_by_text("利用者を削除しました")).to_be_visible()
        await page.goto(link)
        await expect(page.get_by_role("heading", name="このリンクは使えません")).to_be_visible()
        reader = await one.enter("hara", "officer")
        await plain.clear_cookies()
        await plain.add_cookies(await reader.context.cookies())  # type: ignore[arg-type]  # as they came
        await page.goto(f"{one.url}/findings")
        await page.get_by_role("link", name="さらに古いもの").click()
        await expect(page.locator("table.list tbody tr")).to_have_count(10)
        async with page.expect_download() as waiting:
            await page.get_by_role("link", name="CSVで保存").click()
        file = await (await waiting.value).path()
        assert len((await asyncio.to_thread(file.read_text, "utf-8-sig")).splitlines()) == 61
        await page.get_by_role("button", name="English").click()
        await expect(page.get_by_role("heading", name="Findings", level=1)).to_be_visible()
        await page.get_by_role("button", name="Sign out").click()
        await expect(page.get_by_role("heading", name="Sign in", level=1)).to_be_visible()


async def test_the_overview_renews_itself_and_stops_when_told(postgres, open_directory):
    async with office(postgres, open_directory) as one:
        page = await one.enter("hara", "officer")
        await expect(page.locator(".panel").first).to_contain_text("1 / 4")
        await page.clock.install()
        await page.reload()
        async with page.expect_response("**/overview/live") as waiting:
            await page.clock.fast_forward("00:16")
        assert (await waiting.value).status == 200
        await expect(page.locator(".panel").first).to_contain_text("1 / 4")
        await page.get_by_role("link", name="自動更新を止める").click()
        assert await page.locator("[hx-get]").count() == 0
