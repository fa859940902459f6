"""世帯 (見本): invents the households of a population: who lives together, how old they are, what they are called.

The figures are those of Japan, rounded; docs/neighbours/population.md says whose. Nobody here exists.
"""

from __future__ import annotations

import tomllib
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from importlib.resources import files
from itertools import accumulate, product
from typing import Generic, TypeVar

from nakadachi.neighbours.residents import FEMALE_SEX, MALE_SEX, Chance, Name

T = TypeVar("T")


class Weighted(Generic[T]):
    """Choices of which each has a weight of its own."""

    def __init__(self, choices: Sequence[T], weights: Sequence[int]) -> None:
        self._choices = choices
        self._sums = list(accumulate(weights))

    def pick(self, chance: Chance) -> T:
        """One of them."""
        return self._choices[bisect_right(self._sums, chance.below(self._sums[-1]))]


@dataclass(frozen=True, slots=True)
class Member:
    """世帯員 (見本): one person of a household."""

    name: str
    kana: str
    sex: int
    born: date


AGES = range(0, 105, 5)
PYRAMID = (390, 470, 520, 545, 625, 645, 640, 685, 765, 890, 965, 845, 755, 725, 830, 790, 585, 400, 205, 60, 10)
"""人口ピラミッド: ten thousands of people by five years of age, from 0."""
ANCHORS = (273, 361, 360, 537, 736, 609, 422, 317, 255, 449, 728, 768, 730, 695, 863, 779, 553, 349, 167, 39, 9)
"""How often a household is invented around somebody of an age, so that all who live in it make the pyramid."""
_ANCHOR = Weighted(AGES, ANCHORS)

NAMES = tomllib.loads(files("nakadachi.neighbours").joinpath("data", "names.toml").read_text(encoding="utf-8"))


def _pairs(text: str) -> list[Name]:
    return [tuple(one.replace("_", " ").split(":")) for one in text.split()]


def _surnames(lists: dict[str, str]) -> Weighted[Name]:
    common = _pairs(lists["common"])
    parts = product(_pairs(lists["first"]), _pairs(lists["second"]))
    made: list[Name] = [(a[0] + b[0], a[1] + b[1]) for a, b in parts if a[0] != b[0]]
    # About half of all have one of the names that are made; each of them is rare.
    return Weighted([*(one[:2] for one in common), *made], [*(int(one[2]) * 2 for one in common), *([4] * len(made))])


SURNAMES = _surnames(NAMES["surnames"])
_LATIN = _pairs(NAMES["surnames"]["latin"])
_LATIN_GIVEN = _pairs(NAMES["latin"]["given"])
_BY_GENERATION = {
    sex: [_pairs(NAMES[of][each]) for each in ("old", "middle", "young")]
    for sex, of in ((MALE_SEX, "male"), (FEMALE_SEX, "female"))
}
_GENERATIONS = (1956, 1990)
FOREIGN = 30
"""So many of a thousand households bear names in Latin letters (facts 1.3)."""


def household(chance: Chance, on: date) -> list[Member]:
    """世帯: one to six people who live together on a day, invented around one of them."""
    ages = _ages(chance)
    foreign = chance.below(1000) < FOREIGN
    surname: Name = chance.pick(_LATIN) if foreign else SURNAMES.pick(chance)
    members: list[Member] = []
    names: set[Name] = set()
    for age, sex in ages:
        born = on - timedelta(days=age * 1461 // 4 + chance.below(365) + 1)
        given = _given(chance, sex, born, foreign=foreign)
        while given in names:
            given = _given(chance, sex, born, foreign=foreign)
        names.add(given)
        members.append(Member(f"{surname[0]} {given[0]}", f"{surname[1]} {given[1]}", sex, born))
    if len(members) > 2 and chance.below(90) == 0:
        members[-1] = _twin(members[-2], members[-1])
    return members


def given_name(chance: Chance, sex: int, born: date) -> Name:
    """A given name of its generation."""
    return _given(chance, sex, born, foreign=False)


def _given(chance: Chance, sex: int, born: date, *, foreign: bool) -> Name:
    if foreign:
        return chance.pick(_LATIN_GIVEN)
    return chance.pick(_BY_GENERATION[sex][bisect_right(_GENERATIONS, born.year)])


def _twin(one: Member, other: Member) -> Member:
    """双子: the second born on the day of the first."""
    return Member(other.name, other.kana, other.sex, one.born)


def _ages(chance: Chance) -> list[tuple[int, int]]:
    """Ages and sexes of a household, the one that it is invented around first, children last."""
    anchor = _ANCHOR.pick(chance) + chance.below(5)
    luck = chance.below(100)
    if anchor < 20:
        return _family(chance, anchor)
    alone = 65 if anchor < 40 else 38
    sex = _sex(chance, anchor)
    if luck < alone:
        return [(anchor, sex)]
    partner = (max(18, anchor - 4 + chance.below(9)), 3 - sex)
    if luck < 88 or anchor < 40:
        return [(anchor, sex), partner]
    if anchor < 65:
        parent = min(104, anchor + 22 + chance.below(14))
        return [(parent, _sex(chance, parent)), (anchor, sex)]
    return [(anchor, sex), (max(18, anchor - 25 - chance.below(14)), 1 + chance.below(2))]


def _family(chance: Chance, child: int) -> list[tuple[int, int]]:
    mother = child + 22 + chance.below(18)
    parents = [(mother, FEMALE_SEX)]
    if chance.below(10):
        parents.insert(0, (mother - 2 + chance.below(8), MALE_SEX))
    children = [child]
    for _ in range((0, 1, 1, 1, 2)[chance.below(5)]):
        sibling = children[-1] - 1 - chance.below(4)
        if sibling >= 0 and mother - sibling <= 46:
            children.append(sibling)
    return [*parents, *((age, 1 + chance.below(2)) for age in children)]


def _sex(chance: Chance, age: int) -> int:
    """Of the old more are women."""
    return FEMALE_SEX if chance.below(100) < (49 if age < 65 else 54 if age < 80 else 66) else MALE_SEX
