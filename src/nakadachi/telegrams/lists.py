"""Many people in one telegram: lists as one personal part each, or one part per person as version 0.1.0 writes them.

Pure: parts to texts and back. Whoever asks in one form is answered in it; never knows what the texts mean.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nakadachi.refusal import Reason, Refusal
from nakadachi.telegrams.codec import decode_json
from nakadachi.terms import MatchingNumber

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nakadachi.telegrams.envelope import Telegram, Verified

NUMBERS, PEOPLE, RECORD_CODES, CODES = "matching numbers", "people", "resident record codes", "link codes"
FORMER = {
    NUMBERS: "matching number",
    PEOPLE: "person",
    RECORD_CODES: "resident record code",
    CODES: "link code",
}
"""The parts that are lists, and what each is called where every person has one."""


def has_lists(header: Telegram) -> bool:
    """Whether people stand in lists; else each has parts of their own."""
    return any(part.name in FORMER for part in header.parts)


def texts(telegram: Verified[Any], name: str, items: Sequence[int]) -> list[str]:
    """The texts that stand for these items: the whole list `name`, in the items' order, or the part of each.

    Raises Refusal(BAD_FORMAT) where a list has not one text for each item, or a part is lacking.
    """
    if has_lists(telegram.header):
        found: list[str] = decode_json(telegram.part(name), list[str])
        if len(found) != len(items):
            raise Refusal(Reason.BAD_FORMAT, f"part {name} has {len(found)} entries for {len(items)} people")
        return found
    raw = [telegram.part(FORMER[name], item) for item in items]
    try:
        return [decode_json(one, str) if name == CODES else one.decode() for one in raw]
    except UnicodeDecodeError:
        raise Refusal(Reason.BAD_FORMAT, f"a part {FORMER[name]} is no text") from None


def need_numbers(numbers: Sequence[str]) -> None:
    """Pass where each is a matching number and none stands there twice. Raises Refusal(BAD_FORMAT)."""
    if len(set(numbers)) != len(numbers) or not all(map(MatchingNumber.SHAPE.fullmatch, numbers)):
        raise Refusal(Reason.BAD_FORMAT, "a matching number has not its form, or stands there twice")
