"""What an existing system says beside a file, in the query of its request: texts that every record can keep (M7)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from unicodedata import category

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST = 100
"""Characters of one option."""
ORDER = re.compile(r"[0-9A-Za-z._-]{0,64}")
"""注文名: a name of the existing system's own for a file, under which it may send the file again."""
_CONTROLS = {"Cc", "Cs", "Zl", "Zp"}
"""What no text of a record has: control characters, halves of characters, separators of lines."""
TEXTS = ("staff", "department", "terminal", "purpose", "case_number")
"""Options that go into records as they are."""


def bad_option(said: Mapping[str, str]) -> str | None:
    """The first option whose value is none, by name; the value itself is nobody's to repeat."""
    for name in TEXTS:
        value = said.get(name, "")
        if len(value) > LONGEST or any(category(character) in _CONTROLS for character in value):
            return name
    return None if ORDER.fullmatch(said.get("order", "")) else "order"


def mend(name: str) -> tuple[str, str]:
    """What is wrong with the option and what to write, in Japanese and English."""
    if name == "order":
        return (
            "orderは64文字以内の英数字、ピリオド、ハイフン、下線で指定してください",
            "order: up to 64 letters, digits, dots, hyphens and underscores",
        )
    return (
        f"{name}は制御文字を含まない{LONGEST}文字以内の文字列で指定してください",
        f"{name}: up to {LONGEST} characters, none of them a control character",
    )
