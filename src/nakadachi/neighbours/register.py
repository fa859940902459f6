"""住民の登録簿: applies events in one transaction with the numbers it gives and what others are to be told (R1, R2).

It knows people and their numbers, never a link code, and never why anybody asks.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

from nakadachi.neighbours import certificate_store
from nakadachi.neighbours import event_store as store
from nakadachi.neighbours.event_store import Untold
from nakadachi.neighbours.events import Event, EventError, Kind, Person, decide, read_event
from nakadachi.neighbours.jpki.changes import of_event
from nakadachi.neighbours.numbers import ResidentCodeFormula

if TYPE_CHECKING:
    from datetime import datetime

    from nakadachi.kit.database import Connection
    from nakadachi.kit.entropy import Entropy
    from nakadachi.neighbours.individual_numbers import IndividualNumbers
    from nakadachi.neighbours.jpki.rules import Change

Line = Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class Register:
    """What a change of the register needs beyond its database: the numbers, chance, the formula of the codes, and,
    where a certification service is to hear of changes, the key by which residents are named to it.
    """

    numbers: IndividualNumbers
    entropy: Entropy
    formula: ResidentCodeFormula = field(default_factory=ResidentCodeFormula)
    holders: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Done:
    """処理結果: what became of one line. `applied`, `ahead` (kept until its day), `known` (was here before), or
    `wrong`, and then `why`: what is wrong and what to do.
    """

    event: str
    state: str
    why: str = ""


@dataclass(slots=True)
class _Work:
    """One batch under way: people by the code they have now, and what is to be written."""

    people: dict[str, Person]
    codes: set[str]
    new: list[Person] = field(default_factory=list)
    changed: dict[int, Person] = field(default_factory=dict)
    given: list[tuple[str, Person, date]] = field(default_factory=list)
    numbered: list[tuple[Person, date]] = field(default_factory=list)
    kept: list[tuple[Event, Person, Mapping[str, object]]] = field(default_factory=list)
    untold: list[Untold] = field(default_factory=list)
    certified: list[tuple[str, Person, Change]] = field(default_factory=list)


async def apply_lines(
    register: Register, connection: Connection, lines: Sequence[Line], now: datetime, today: date
) -> list[Done]:
    """異動の処理: apply events in the order of their lines, in the caller's transaction; one result per line.

    An event of a day after `today` is kept until then. One whose number is known has no effect again; the same number
    with other content is refused.
    """
    await store.hold_register(connection)
    done: list[Done] = []
    events: list[tuple[int, Event]] = []
    for place, line in enumerate(lines):
        try:
            event = read_event(line, register.formula)
        except EventError as wrong:
            done.append(Done(str(line.get("event") or ""), "wrong", str(wrong)))
            continue
        done.append(Done(event.event, "applied"))
        events.append((place, event))
    known = await store.known_events(connection, [event.event for _, event in events])
    now_due: list[tuple[int, Event]] = []
    ahead: list[tuple[Event, str]] = []
    for place, event in events:
        if event.event in known:
            same = known[event.event] == event.digest
            done[place] = Done(event.event, "known") if same else Done(event.event, "wrong", _USED)
            continue
        known[event.event] = event.digest
        if event.at > today:
            ahead.append((event, json.dumps(dict(lines[place]))))
            done[place] = Done(event.event, "ahead")
        else:
            now_due.append((place, event))
    await store.keep_ahead(connection, ahead)
    for place, why in (await _apply(register, connection, now_due, now)).items():
        done[place] = Done(done[place].event, "wrong", why)
    return done


_USED = "this number of an event was used for another one; give every event a number of its own"


async def apply_due(register: Register, connection: Connection, now: datetime, today: date, most: int = 1000) -> int:
    """Apply kept events whose day has come. Returns how many; what turns out wrong is kept with the reason."""
    await store.hold_register(connection)
    lines = await store.take_due(connection, today, most)
    events = [(place, read_event(json.loads(line), register.formula)) for place, line in enumerate(lines)]
    wrong = await _apply(register, connection, events, now)
    await store.keep_refused(connection, [(event, lines[at], wrong[at]) for at, event in events if at in wrong])
    return len(lines)


async def _apply(
    register: Register, connection: Connection, events: Sequence[tuple[int, Event]], now: datetime
) -> dict[int, str]:
    """Apply events that are due; returns why those that had no effect had none, by place."""
    codes = {code for _, event in events for code in (event.code, event.says.get("new_code")) if code}
    work = _Work(await store.people(connection, list(codes)), await store.given_codes(connection, list(codes)))
    wrong: dict[int, str] = {}
    for place, event in events:
        try:
            _one(work, event if event.code else await _with_code(register, connection, work, event))
        except EventError as refused:
            wrong[place] = str(refused)
    numbers = await _draw(register, connection, len(work.numbered))
    for (person, _), number in zip(work.numbered, numbers, strict=True):
        person.number = number
    await store.add_people(connection, work.new)
    await store.change_people(connection, list(work.changed.values()))
    await store.give_codes(connection, work.given)
    await store.give_numbers(
        connection, [(person, number, on) for (person, on), number in zip(work.numbered, numbers, strict=True)]
    )
    await store.keep_events(connection, work.kept, now)
    await store.keep_untold(connection, work.untold)
    if register.holders is not None:
        await certificate_store.keep(connection, work.certified, now)
    return wrong


def _one(work: _Work, event: Event) -> None:
    """One event onto what the batch has made of the register so far. Raises EventError."""
    person = work.people.get(event.code)
    code = event.says.get("new_code") or event.code
    after, change = decide(event, person, given=code in work.codes)
    if person is None:
        work.new.append(after)
        work.people[after.code] = after
        work.kept.append((event, after, {}))
    else:
        before = {name: getattr(person, name) for name in store.KEPT if getattr(person, name) != getattr(after, name)}
        for name in store.KEPT:
            setattr(person, name, getattr(after, name))
        if person.person:  # who is new in this batch is written once, as they are at its end
            work.changed[person.person] = person
        if change is not None:
            new_code = after.code if event.kind is Kind.CODE else ""
            work.untold.append(Untold(change, event.code, new_code))
        work.certified += [(event.event, person, one) for one in of_event(event)]
        work.kept.append((event, person, before))
        if event.kind is Kind.CODE:
            work.people[after.code] = work.people.pop(event.code)
    if code not in work.codes:
        work.codes.add(code)
        work.given.append((code, work.people[after.code], event.at))
    if person is None or event.kind is Kind.NUMBER:
        work.numbered.append((work.people[after.code], event.at))


async def _with_code(register: Register, connection: Connection, work: _Work, event: Event) -> Event:
    """A newborn gets a resident record code that nobody ever had."""
    while True:
        digits = int.from_bytes(register.entropy.bytes(8), "big") % 10**10
        code = register.formula.complete(f"{digits:010}").value
        if code not in work.codes and not await store.given_codes(connection, [code]):
            return Event(event.event, event.kind, event.at, code, event.says, event.digest)


async def _draw(register: Register, connection: Connection, count: int) -> list[str]:
    """Numbers that nobody ever had: also none that came with residents from elsewhere."""
    found: list[str] = []
    while len(found) < count:
        indices = await store.draw_indices(connection, count - len(found))
        drawn = [number.value for number in register.numbers.numbers(indices)]
        given = await store.given_numbers(connection, drawn)
        found += [number for number in drawn if number not in given]
    return found


async def take_packet(connection: Connection, most: int = 1000) -> list[Untold]:
    """The next changes that the core is to be told, in order; of one person's that say no more than the one before
    only the first.
    """
    told: list[Untold] = []
    last: dict[str, Untold] = {}
    for one in await store.take_untold(connection, most):
        if last.get(one.code) != one:
            told.append(one)
        last[one.code] = one
    return told
