"""証跡: what this end has on record of every exchange goes to the Commission, without a word about a person (C15, A1).

Staff are pseudonyms, a case is a keyed digest; the key is the organisation's own.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from nakadachi.ledger import trails
from nakadachi.ledger.records import AUTOMATIC
from nakadachi.telegrams.trail import TEXT_LIMIT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nakadachi.intermediate.parts import Intermediate
    from nakadachi.kit.unit import Asked, Heard, Reply, Unit
    from nakadachi.ledger.records import Circumstance, Record
    from nakadachi.telegrams.trail import AskTrail, HandOverTrail, TrailEntry

MAY_BE_A_NUMBER = re.compile(r"\d(?:[ \-‐ー]?\d){10}")
"""Eleven digits or more: a resident record code, an Individual Number or an addressee number may stand there."""
CONTROL = re.compile(r"[\x00-\x1f\x7f]")
ENDS_OF_TIME = ("0001-", "9999-")
"""How no text of a signed header may begin (the form of the wire, rule on moments)."""
DIGEST_DIGITS = 20


async def hand_over(intermediate: Intermediate, unit: Unit, turns: Sequence[None]) -> list[int]:
    """証跡提供 (C15), through the own interface system. Returns how many entries go."""
    return [await trails.hand_over(intermediate, unit, describe)] * len(turns)


async def hear_kept(intermediate: Intermediate, unit: Unit, heard: Sequence[Heard[HandOverTrail]]) -> None:
    """証跡受領: see trails."""
    await trails.hear_kept(intermediate, unit, heard)


async def tell_again(intermediate: Intermediate, unit: Unit, asked: Sequence[Asked[AskTrail]]) -> list[Reply]:
    """証跡要求: see trails."""
    return await trails.tell_again(intermediate, unit, asked)


async def describe(intermediate: Intermediate, _unit: Unit, records: Sequence[Record]) -> list[TrailEntry | None]:
    """Each record as an entry: what the Commission may know of it."""
    return [
        trails.entry_of(
            one,
            staff=_staff(intermediate, one.by),
            department=_shown(intermediate, one.by.department),
            terminal=_shown(intermediate, one.by.terminal),
            purpose=_shown(intermediate, one.by.purpose),
            case=intermediate.keyed("case", one.by.case_number) if one.by.case_number else None,
        )
        for one in records
    ]


def _staff(intermediate: Intermediate, by: Circumstance) -> str | None:
    if by.staff == AUTOMATIC.staff and not (by.department or by.terminal or by.purpose or by.case_number):
        return AUTOMATIC.staff
    return intermediate.pseudonym(by.staff) if by.staff else None


def _shown(intermediate: Intermediate, text: str) -> str:
    """A text as the Commission may see it: as it is, or under the organisation's key where a person's number may stand
    in it, or where it has no form that travels.
    """
    unfit = len(text) > TEXT_LIMIT or CONTROL.search(text) or text.startswith(ENDS_OF_TIME)
    if unfit or MAY_BE_A_NUMBER.search(text):
        return "#" + intermediate.keyed("text", text).hex()[:DIGEST_DIGITS]
    return text
