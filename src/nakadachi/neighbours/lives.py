"""異動 (見本): what happens to an invented population over years, block by block, as lines for the register.

How often follows the figures of Japan (facts 1.3), by age. The same seed gives the same lives; whoever is dead, abroad
or under a new code is so in every later line.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from hashlib import sha256

from nakadachi.neighbours.events import COLUMNS, Kind
from nakadachi.neighbours.household import SURNAMES, given_name
from nakadachi.neighbours.population import BLOCK, MOST, Population
from nakadachi.neighbours.residents import FEMALE_SEX, Chance, Name

YEARS = 4
"""So many years may be told; beyond them codes would run out of places."""
SCALE = 100_000
_AGES = (10, 15, 20, 25, 30, 35, 40, 45, 50, 60, 65, 70, 80, 90)
_DEATHS = (25, 20, 20, 45, 45, 65, 65, 130, 130, 320, 830, 830, 2050, 5900, 18000)
_MOVES = (3500, 3500, 5000, 9000, 9000, 9000, 3500, 3500, 3500, 3500, 3500, 1800, 1800, 1800, 1800)
"""In a year, of a hundred thousand of an age (below 10, 15, 20 … 90, older): how many die, how many move."""
_BIRTHS = ((20, 45), 4200)
_NAMES = ((20, 40), 1860)
_LEAVES = ((20, 65), 100)
_RETURNS = 33_000
_ALWAYS = ((Kind.CORRECTION, 20), (Kind.NUMBER, 2), (Kind.CODE, 2))
_UNDONE = 10
"""Of a hundred thousand deaths so many are an error, undone a few days later."""

Line = dict[str, str]


@dataclass(slots=True)
class _Life:
    """One person as the years pass."""

    place: int
    code: str
    surname: Name
    given: Name
    sex: int
    born: date
    address: str
    abroad: bool = False
    dead: bool = False


def events(population: Population, block: int, count: int, years: int) -> Iterator[tuple[int, Line]]:
    """異動: year (from 0, the first begins on the population's day) and line of what happens to a block's people.

    `count`: of how many people the population is. Raises ValueError for more years than may be told.
    """
    if not 0 <= years <= YEARS:
        raise ValueError(f"events are told of 1 to {YEARS} years")
    chance = Chance(sha256(b"lives" + population.seed + block.to_bytes(8, "big")).digest())
    first = block * BLOCK
    living = [
        _Life(
            first + place,
            one.code.value,
            _two(one.name, one.kana, 0),
            _two(one.name, one.kana, 1),
            one.sex,
            one.born,
            one.address,
        )
        for place, one in enumerate(population.block(block)[: max(0, count - first)])
    ]
    for year in range(years):
        begins = population.on + timedelta(days=365 * year)
        born: list[_Life] = []
        for life in living:
            for line in _year(population, chance, life, (year, begins), born):
                yield year, line
        living = [life for life in living if not life.dead] + born


def _two(name: str, kana: str, part: int) -> tuple[str, str]:
    return name.rsplit(" ", 1)[part], kana.rsplit(" ", 1)[part]


def _year(
    population: Population, chance: Chance, life: _Life, when: tuple[int, date], born: list[_Life]
) -> Iterator[Line]:
    """One person's year, day by day; what is born to them joins `born`."""
    year, begins = when
    age = (begins - life.born).days * 4 // 1461
    band = bisect_right(_AGES, age)
    happens = [
        (kind, chance.below(365))
        for kind, often in (
            (Kind.DEATH, _DEATHS[band]),
            (Kind.MOVE, _MOVES[band]),
            (Kind.BIRTH, _within(_BIRTHS, age) if life.sex == FEMALE_SEX else 0),
            (Kind.NAME, _within(_NAMES, age)),
            (Kind.MOVE_OUT, _within(_LEAVES, age)),
            (Kind.MOVE_IN, _RETURNS if life.abroad else 0),
            *_ALWAYS,
        )
        if chance.below(SCALE) < often
    ]
    for kind, day in sorted(happens, key=lambda one: one[1]):
        at = begins + timedelta(days=day)
        line = _said(population, chance, life, (kind, year, at), born)
        if line is None:
            continue
        yield _line(life, kind, at, line)
        if kind is Kind.DEATH:
            if chance.below(SCALE) >= _UNDONE:
                life.dead = True
                return
            yield _line(life, Kind.DEATH_UNDONE, at + timedelta(days=5), {})
            return


def _within(rate: tuple[tuple[int, int], int], age: int) -> int:
    (youngest, oldest), often = rate
    return often if youngest <= age < oldest else 0


def _line(life: _Life, kind: Kind, at: date, says: Line) -> Line:
    """A line of the register's file. Its number is made of who, what and when."""
    number = f"{life.place:010}-{at:%Y%m%d}-{kind}"
    base = {"event": number, "kind": kind.value, "at": at.isoformat(), "code": life.code}
    line = dict.fromkeys(COLUMNS, "") | base | says
    if kind is Kind.CODE:
        life.code = says["new_code"]
    return line


def _said(
    population: Population, chance: Chance, life: _Life, what: tuple[Kind, int, date], born: list[_Life]
) -> Line | None:
    """What an event says, and what it makes of the person; None where it cannot happen to them now."""
    kind, year, at = what
    if life.abroad and kind in {Kind.MOVE, Kind.MOVE_OUT, Kind.BIRTH}:
        return None
    if (kind is Kind.MOVE_IN and not life.abroad) or (kind is Kind.CODE and life.place >= MOST):
        return None
    match kind:
        case Kind.MOVE | Kind.MOVE_IN:
            life.address, life.abroad = population.somewhere(chance), False
            return {"address": life.address}
        case Kind.MOVE_OUT:
            life.abroad = True
        case Kind.NAME:
            life.surname = SURNAMES.pick(chance)
            return _names(life)
        case Kind.CORRECTION:
            return {"kana": f"{life.surname[1]} {life.given[1]}"}
        case Kind.CODE:
            return {"new_code": population.code((1 + YEARS + year) * MOST + life.place).value}
        case Kind.BIRTH:
            child = _child(population, chance, life, (year, at), len(born))
            if child is None:
                return None
            born.append(child)
            return {"code": child.code, "address": child.address, "sex": str(child.sex)} | _names(child)
    return {}


def _names(life: _Life) -> Line:
    return {"name": f"{life.surname[0]} {life.given[0]}", "kana": f"{life.surname[1]} {life.given[1]}"}


def _child(population: Population, chance: Chance, mother: _Life, when: tuple[int, date], births: int) -> _Life | None:
    """A newborn, at most as many in a block and a year as it has people."""
    year, at = when
    if births >= BLOCK:
        return None
    place = (1 + year) * MOST + mother.place // BLOCK * BLOCK + births
    sex, code = 1 + chance.below(2), population.code(place).value
    given = given_name(chance, sex, at)
    return _Life(place, code, mother.surname, (given[0], given[1]), sex, at, mother.address)
