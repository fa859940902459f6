"""四情報等の突合: what a request says of a person, what the register finds, and what comes of it (R2, L5). Pure.

All that was given must fit exactly one resident. Of anybody else nothing is told but that nobody, several, or somebody
else fits.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from nakadachi.neighbours.notation import address_key, date_key, name_key, sex_key


class Items(NamedTuple):
    """基本4情報 in one notation: name, address, sex (a digit), date of birth (`YYYY-MM-DD`, `00` where unknown)."""

    name: str
    address: str
    sex: int
    born: str

    def __repr__(self) -> str:
        return "Items(…)"


def items_of(name: str, address: str, sex: str, born: str) -> Items:
    """The four items as a register or a form writes them. Raises ValueError, without the value in it."""
    return Items(name_key(name), address_key(address), sex_key(sex), date_key(born))


@dataclass(frozen=True, slots=True)
class Sought:
    """One person as a request describes them: by the four items, an Individual Number, or both."""

    number: str = field(default="", repr=False)
    items: Items | None = field(default=None, repr=False)


class Found(Enum):
    """突合の結果: exactly one; nobody; several; or a number of one resident with the items of another, or of nobody."""

    ONE = "one"
    NONE = "none"
    SEVERAL = "several"
    DIFFER = "differ"


@dataclass(frozen=True, slots=True)
class Match:
    """What came of one search. `code`: the resident record code, only where exactly one resident fits; else empty."""

    found: Found
    code: str = field(default="", repr=False)


def judge(sought: Sought, by_number: Collection[str], by_items: Collection[str]) -> Match:
    """What comes of the resident record codes that the number fits, and those that the items fit.

    A number that is nobody's finds nobody, whatever the items say; nothing given finds nobody.
    """
    if not sought.number:
        fitting = set(by_items)
    elif sought.items is None:
        fitting = set(by_number)
    else:
        fitting = set(by_number) & set(by_items)
        if by_number and not fitting:
            return Match(Found.DIFFER)
    match len(fitting):
        case 0:
            return Match(Found.NONE)
        case 1:
            return Match(Found.ONE, fitting.pop())
    return Match(Found.SEVERAL)
