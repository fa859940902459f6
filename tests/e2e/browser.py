"""A real Chromium, the machine's own, driven through Playwright; where it lacks, tests skip and say what to install."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Browser, async_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
needs_chromium = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium on this machine; install it: apt-get install chromium fonts-noto-cjk"
)


@asynccontextmanager
async def chromium(*more: str) -> AsyncIterator[Browser]:
    """A headless browser with these switches beside the usual ones."""
    root = ["--no-sandbox"] if os.geteuid() == 0 else []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=[*root, *more])
        try:
            yield browser
        finally:
            await browser.close()
