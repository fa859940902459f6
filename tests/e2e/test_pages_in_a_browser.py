"""The Commission's pages before a real browser: entering, looking, by keyboard alone, without script, on a phone."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.e2e.browser import needs_chromium
from tests.e2e.officers import begin, faults, office, overflow, sign_in

pytestmark = [pytest.mark.slow, needs_chromium]


async def test_a_user_begins_by_a_link_leaves_and_comes_back_with_password_and_key(postgres, open_directory):
    async with office(postgres, open_directory) as one:
        page = await one.tab()
        link = await one.link("sato", "officer")
        await begin(page, link)
        await expect(page.get_by_role("heading", name="概況", level=1)).to_be_visible()
        await page.get_by_role("button", name="ログアウト").click()
        await expect(page.get_by_text("ログアウトしました")).to_be_visible()
        await sign_in(page, one.url, "sato", "another password")
        await expect(page.get_by_role("alert")).to_contain_text("正しくない")
        await sign_in(page, one.url, "sato")
        await page.get_by_role("button", name="セキュリティキーを使う").click()
        await expect(page.get_by_role("heading", name="概況", level=1)).to_be_visible()
        assert await faults(page) == []
        assert await overflow(page) == 0
