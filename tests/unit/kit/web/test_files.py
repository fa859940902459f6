"""The files that pages are made of: no script or style inside a page, known versions, colours that can be read."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

import nakadachi

SOURCE = Path(nakadachi.__file__).parent
WEB = SOURCE / "kit" / "web"
TEMPLATES = [*(WEB / "templates").glob("*.html"), *(SOURCE / "commission" / "pages" / "templates").glob("*.html")]
HTMX = "d6fdc75f204e6bdefa99b69bf1e6d4ac69b8a364f77929f45c13476b4000f717"
"""SHA-256 of dist/htmx.min.js in the npm package htmx.org 2.0.11."""
READ = [
    ("text", "page"), ("text", "panel"), ("quiet", "page"), ("quiet", "panel"), ("link", "page"), ("link", "panel"),
    ("visited", "page"), ("on-main", "main"), ("on-main", "main-dark"), ("main", "page"), ("good", "good-back"),
    ("notice", "notice-back"), ("bad", "bad-back"), ("bad", "page"), ("text", "focus-back"),
]  # fmt: skip
SEEN = [("field-line", "page"), ("focus", "page"), ("bar", "page")]


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_page_has_a_script_or_a_style_inside(path):
    text = path.read_text("utf-8")
    assert re.findall(r"<script(?![^>]* src=)", text) == []
    assert re.findall(r"<style|\sstyle=|\son[a-z]+=", text) == []
    assert re.findall(r"\|\s*safe\b|autoescape", text) == []
    assert re.findall(r"(?:src|href)=\"(?:https?:)?//", text) == []


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_every_word_of_a_page_is_in_both_languages(path):
    text = re.sub(r"\{#.*?#\}", "", path.read_text("utf-8"), flags=re.DOTALL)
    without = re.sub(r"""t\((?:"[^"]*"|'[^']*'|[^()"'])*\)""", "", text)
    assert re.findall(r"[\u3040-\u30ff\u4e00-\u9fff]+", without) == []


def test_htmx_is_the_version_that_was_chosen_to_the_byte():
    assert hashlib.sha256((WEB / "static" / "htmx-2.0.11.min.js").read_bytes()).hexdigest() == HTMX


def _colours(*, dark: bool) -> dict[str, str]:
    text = (WEB / "static" / "pages.css").read_text("utf-8")
    light, _, rest = text.partition("@media (prefers-color-scheme: dark)")
    found = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", light))
    return found | dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", rest.partition("\n}\n")[0])) if dark else found


def _light(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: str, other: str) -> float:
    high, low = sorted((_light(one), _light(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize(("pairs", "least"), [(READ, 4.5), (SEEN, 3.0)])
def test_colours_can_be_told_apart_in_light_and_dark(dark, pairs, least):
    colours = _colours(dark=dark)
    low = {pair: round(_contrast(colours[pair[0]], colours[pair[1]]), 2) for pair in pairs}
    assert {pair: ratio for pair, ratio in low.items() if ratio < least} == {}
