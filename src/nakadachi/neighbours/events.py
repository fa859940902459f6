"""異動: what happens to residents, as lines of a file, and what each does to the register (R2). Pure.

An event has a number of its own, given by whoever reports it, so that one reported twice has its effect once. A line
that is wrong is refused by itself, with what is wrong and what to do, and never with a person's value in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from hashlib import sha256
from typing import TYPE_CHECKING

from nakadachi.neighbours.notation import date_key, sex_key
from nakadachi.telegrams.link import ResidentChange

if TYPE_CHECKING:
    from collections.abc import Callable

    from nakadachi.neighbours.numbers import ResidentCodeFormula

COLUMNS = ("event", "kind", "at", "code", "new_code", "name", "kana", "address", "sex", "born")
LONGEST = 300
"""So many characters a value may have."""


class Kind(StrEnum):
    """異動の種類: birth, in from abroad, move within the country, out to abroad, name, correction, resident record
    code and Individual Number (both on request), death, death undone.
    """

    BIRTH = "birth"
    MOVE_IN = "move-in"
    MOVE = "move"
    MOVE_OUT = "move-out"
    NAME = "name"
    CORRECTION = "correction"
    CODE = "code"
    NUMBER = "number"
    DEATH = "death"
    DEATH_UNDONE = "death-undone"


NEEDS = {
    Kind.BIRTH: {"name", "kana", "address", "sex"},
    Kind.MOVE_IN: {"address"},
    Kind.MOVE: {"address"},
    Kind.NAME: {"name", "kana"},
    Kind.CODE: {"new_code"},
}
"""What a kind of event must say beyond its number, day and code; a person new from abroad: as a birth, and `born`."""
MAY_SAY = {
    Kind.BIRTH: {"born"},
    Kind.MOVE_IN: {"name", "kana", "sex", "born"},
    Kind.CORRECTION: {"name", "kana", "address", "sex", "born"},
}
NEW = {"name", "kana", "address", "sex", "born"}
REPORTED = {
    Kind.CODE: ResidentChange.CODE,
    Kind.DEATH: ResidentChange.DEATH,
    Kind.DEATH_UNDONE: ResidentChange.DEATH_UNDONE,
}
"""What the core is told of; everything else is told as ITEMS."""


class EventError(ValueError):
    """異動の不受理: why one event has no effect: what is wrong, and what to do. Holds no value of a person."""


@dataclass(frozen=True, slots=True)
class Event:
    """異動: one event. `says`: the values that it changes, by column; `digest`: of the line, to know it again."""

    event: str
    kind: Kind
    at: date
    code: str = field(repr=False)
    says: Mapping[str, str] = field(repr=False)
    digest: bytes = field(repr=False)


@dataclass(slots=True)
class Person:
    """住民: one person as the register has them now. `person` 0: not registered yet; `sex` a digit; `born` as a key."""

    person: int = 0
    code: str = field(default="", repr=False)
    number: str = field(default="", repr=False)
    name: str = field(default="", repr=False)
    kana: str = field(default="", repr=False)
    address: str = field(default="", repr=False)
    sex: int = field(default=0, repr=False)
    born: str = field(default="", repr=False)
    died: date | None = None
    left_on: date | None = None


def read_event(line: Mapping[str, str | None], formula: ResidentCodeFormula) -> Event:
    """One line of a file of events, by column. Raises EventError."""
    if set(line) - set(COLUMNS) or not {"event", "kind", "at"} <= set(line):
        raise EventError(f"the columns are {', '.join(COLUMNS)}; a line has one value for each")
    words = {name: (line.get(name) or "").strip() for name in COLUMNS}
    if any("\0" in word or len(word) > LONGEST for word in words.values()):
        raise EventError(f"a value holds a NUL, or more than {LONGEST} characters; write it as the register does")
    if not words["event"]:
        raise EventError("`event` is empty; give every event a number of its own")
    try:
        kind = Kind(words["kind"])
    except ValueError:
        raise EventError(f"`kind` is none of {', '.join(Kind)}") from None
    says = {name: words[name] for name in COLUMNS[4:] if words[name]}
    _check_says(kind, says, formula)
    code = words["code"]
    if code or kind is not Kind.BIRTH:
        _check_code(code, "code", formula)
    digest = sha256("\0".join(words.values()).encode()).digest()
    return Event(words["event"], kind, _day(words["at"]), code, says, digest)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise EventError("`at` is no day; write it as 2026-04-01") from None


def _check_says(kind: Kind, says: dict[str, str], formula: ResidentCodeFormula) -> None:
    may = NEEDS.get(kind, set()) | MAY_SAY.get(kind, set())
    if missing := sorted(NEEDS.get(kind, set()) - says.keys()):
        raise EventError(f"a {kind} needs {', '.join(missing)}")
    if strange := sorted(says.keys() - may):
        raise EventError(
            f"a {kind} does not say {', '.join(strange)}; leave that empty, or report another kind of event"
        )
    if kind is Kind.CORRECTION and not says:
        raise EventError("a correction says what is to stand: at least one of name, kana, address, sex, born")
    checks: dict[str, Callable[[str], object]] = {"sex": sex_key, "born": date_key}
    for name, check in checks.items():
        try:
            says[name] = str(check(says[name])) if name in says else ""
        except ValueError:
            raise EventError(f"`{name}` cannot be read: sex is 1 or 2, a date 2026-04-01 or 令和8年4月1日") from None
        if not says[name]:
            del says[name]
    if "new_code" in says:
        _check_code(says["new_code"], "new_code", formula)


def _check_code(code: str, column: str, formula: ResidentCodeFormula) -> None:
    try:
        formula.parse(code)
    except ValueError:
        raise EventError(f"`{column}` is no resident record code: 11 digits with a fitting check digit") from None


def decide(event: Event, person: Person | None, *, given: bool) -> tuple[Person, ResidentChange | None]:
    """異動の処理: what becomes of a person, and what the core is to be told (None: nothing, nobody has a link yet).

    `person`: who has the event's resident record code now; None: nobody. `given`: whether the code that the event gives
    (a birth's, an arrival's or the new one) was ever given to anybody. Raises EventError.
    """
    if person is None:
        return _new(event, given=given), None
    if event.kind is Kind.BIRTH:
        raise EventError("this code is somebody's; give the newborn one that nobody had, or leave `code` empty")
    if person.died is not None and event.kind not in {Kind.DEATH_UNDONE, Kind.CORRECTION}:
        raise EventError("this person is registered as dead; undo the death first, if it was an error")
    if event.kind is Kind.CODE and given:
        raise EventError("`new_code` was given before; a code is given once")
    return _changed(event, person), REPORTED.get(event.kind, ResidentChange.ITEMS)


def _new(event: Event, *, given: bool) -> Person:
    if event.kind not in {Kind.BIRTH, Kind.MOVE_IN}:
        raise EventError("nobody has this resident record code; if it was changed, report under the new one")
    if given:
        raise EventError("this code was given before; a code is given once")
    says = dict(event.says)
    if event.kind is Kind.BIRTH:
        says.setdefault("born", event.at.isoformat())
    if missing := sorted(NEW - says.keys()):
        raise EventError(f"nobody has this code, and a person new to the register needs {', '.join(missing)}")
    if says["born"] > event.at.isoformat():
        raise EventError("`born` is after the day of the event")
    return Person(
        code=event.code,
        name=says["name"],
        kana=says["kana"],
        address=says["address"],
        sex=int(says["sex"]),
        born=says["born"],
    )


def _changed(event: Event, person: Person) -> Person:
    match event.kind:
        case Kind.MOVE_IN:
            if person.left_on is None:
                raise EventError("this person lives here; report a move")
            return _said(event, replace(person, left_on=None))
        case Kind.MOVE | Kind.MOVE_OUT if person.left_on is not None:
            raise EventError("this person left the country; report a move-in first")
        case Kind.MOVE_OUT:
            return replace(person, left_on=event.at)
        case Kind.DEATH:
            if event.at.isoformat() < person.born:
                raise EventError("a death before the birth; look at the day")
            return replace(person, died=event.at)
        case Kind.DEATH_UNDONE:
            if person.died is None:
                raise EventError("this person is not registered as dead")
            return replace(person, died=None)
        case Kind.CODE:
            return replace(person, code=event.says["new_code"])
    return _said(event, replace(person))


def _said(event: Event, person: Person) -> Person:
    for name, value in event.says.items():
        setattr(person, name, int(value) if name == "sex" else value)
    return person
