"""突合: do core, inquirer and provider say the same of an exchange? Pure: entries and time are arguments (A2, X5).

The outcome depends on which entries there are and when each came first, not on their order or repetition.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from nakadachi.commission.evidence import Field, Outcome, Seen, Side, Trouble, Verdict, side_of
from nakadachi.refusal import Reason
from nakadachi.telegrams.inquiry import Ending
from nakadachi.telegrams.trail import Event
from nakadachi.terms import NodeName

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

GRACE = timedelta(minutes=5)
"""How long an entry may lack after the first one that says that it must exist."""
LATE = timedelta(minutes=10)
"""An entry handed over this long after its event is late."""
CLOCKS = timedelta(minutes=1)
"""How far two nodes' clocks may be apart."""
PERMIT_WITHIN = timedelta(hours=24)
"""How long after its request an exchange may get its permit (the bulk lane)."""
SETTLE = timedelta(days=2)
"""How long after its deadline an exchange may have no ending: as long as the core asks for it, twice a day."""
GRACE_OF_INTERFACE = timedelta(minutes=15)
"""How long after answer-by a provision may still pass."""

ENDS = frozenset({Event.RECEIVED, Event.PROVIDED, Event.REFUSED, Event.CLOSED})
CORE_DECIDES = frozenset(
    {
        Reason.NOT_IN_TABLE,
        Reason.NO_ASSESSMENT,
        Reason.CONSENT_LACKING,
        Reason.CODE_NOT_ISSUED,
        Reason.NOT_LINKED_AT_PROVIDER,
        Reason.SUSPENDED,
        Reason.PROVIDER_STOPPED,
    }
)
"""Reasons that an inquirer hears from the core, or that its interface system tells the core."""
PROVIDER_DECIDES = frozenset({Reason.SUBJECT_MISMATCH, Reason.WITHHELD, Reason.NOT_REGISTERED, Reason.OUT_OF_HOURS})
"""Reasons that only a provider's server gives for one exchange; the inquirer itself may find a mismatch too."""
GAVE_UP = frozenset({Reason.PROVIDER_STOPPED, Reason.TIMED_OUT, Reason.CANCELLED, Reason.INTERNAL})
"""Reasons of who did not wait for another's: the two may cross on the way."""


EVENTS = {
    Side.CORE: frozenset(Event) - {Event.REQUESTED},
    Side.INQUIRER: frozenset({Event.REQUESTED, Event.RECEIVED, Event.REFUSED, Event.CLOSED}),
    Side.PROVIDER: frozenset({Event.REQUESTED, Event.PROVIDED, Event.REFUSED, Event.CLOSED}),
    Side.OTHER: frozenset[Event](),
}
"""What each side can have on record."""


Told = dict[Event, Seen]


def reconcile(entries: Collection[Seen], now: datetime) -> Outcome:
    """三者突合: how the exchange of these entries (one serial's, at least one) stands at this moment."""
    told, repeated = _by_side(entries)
    troubles = {Trouble(Verdict.EXTRA, side) for side in repeated}
    troubles |= set(_extra(told))
    troubles |= set(_differing(told))
    due: list[datetime] = []
    lacking = []
    for side, since in _lacking(told):
        if since + GRACE <= now:
            lacking.append(side)
        else:
            due.append(since + GRACE)
    troubles |= _missing(told, lacking)
    end = _end_by(told)
    if end is not None:
        if end <= now:
            troubles.add(Trouble(Verdict.MISSING, Side.INQUIRER))
        else:
            due.append(end)
    if any(one.ending is Ending.UNKNOWN for one in told[Side.INQUIRER].values()):
        troubles.add(Trouble(Verdict.UNKNOWN))
    if due:
        troubles.add(Trouble(Verdict.UNDER_WAY))
    troubles |= {
        Trouble(Verdict.LATE, side)
        for side, events in told.items()
        for one in events.values()
        if one.kept_at - one.at > LATE
    }
    verdicts = {one.verdict for one in troubles}
    verdict = next((one for one in Verdict if one in verdicts), Verdict.COMPLETE)
    return Outcome(
        verdict,
        tuple(sorted(one for one in troubles if one.verdict is not Verdict.UNDER_WAY)),
        min(due, default=None),
    )


def _by_side(entries: Collection[Seen]) -> tuple[dict[Side, Told], set[Side]]:
    """Each side's events, and the sides that said one twice. Of two the one with the lower number counts."""
    first: dict[tuple[NodeName, int], Seen] = {}
    for one in entries:
        key = (one.author, one.number)
        if key not in first or one.kept_at < first[key].kept_at:
            first[key] = one
    told: dict[Side, Told] = {side: {} for side in Side}
    repeated: set[Side] = set()
    for _, one in sorted(first.items()):
        side = side_of(one)
        if one.event in told[side]:
            repeated.add(side)
        told[side].setdefault(one.event, one)
    return told, repeated


def _extra(told: Mapping[Side, Told]) -> Iterator[Trouble]:
    """Events that a side cannot have, and endings beside another."""
    for side, events in told.items():
        if events.keys() - EVENTS[side]:
            yield Trouble(Verdict.EXTRA, side)
    inquirer, provider = told[Side.INQUIRER].keys(), told[Side.PROVIDER].keys()
    if len(inquirer & ENDS) > 1:
        yield Trouble(Verdict.EXTRA, Side.INQUIRER)
    if {Event.PROVIDED, Event.REFUSED} <= provider:
        yield Trouble(Verdict.EXTRA, Side.PROVIDER)


def _lacking(told: Mapping[Side, Told]) -> Iterator[tuple[Side, datetime]]:
    """What must be there and is not: at which side, and since when that is known."""
    core, inquirer, provider = told[Side.CORE], told[Side.INQUIRER], told[Side.PROVIDER]
    ended = [one for event, one in inquirer.items() if event in ENDS]
    got = [inquirer[Event.RECEIVED]] if Event.RECEIVED in inquirer else []
    decided_there = [one for one in ended if one.reason in CORE_DECIDES and Event.REQUESTED in inquirer]
    refused = [side[Event.REFUSED] for side in (core, inquirer) if Event.REFUSED in side]
    provided = [core[Event.PROVIDED]] if Event.PROVIDED in core else []
    permit_used = [one for one in (*inquirer.values(), *provider.values()) if one.leaf is not None]
    wanted: tuple[tuple[Side, frozenset[Event], Iterable[Seen]], ...] = (
        (Side.CORE, frozenset({Event.PERMITTED}), permit_used),
        (Side.CORE, frozenset({Event.PERMITTED, Event.REFUSED}), decided_there),
        (Side.CORE, ENDS, ended if Event.PERMITTED in core or permit_used else ()),
        (Side.CORE, frozenset({Event.RECEIVED}), got),
        (Side.INQUIRER, frozenset({Event.REQUESTED}), (*core.values(), *provider.values())),
        (Side.INQUIRER, ENDS, [core[Event.RECEIVED]] if Event.RECEIVED in core else ()),
        (Side.PROVIDER, frozenset({Event.PROVIDED, Event.REFUSED}), (*got, *provided)),
        (Side.PROVIDER, frozenset(Event), [one for one in refused if one.reason in PROVIDER_DECIDES]),
    )
    for side, events, proofs in wanted:
        since = min((one.kept_at for one in proofs), default=None)
        if since is not None and not events & told[side].keys():
            yield side, since


def _missing(told: Mapping[Side, Told], lacking: Collection[Side]) -> set[Trouble]:
    """One that says alone what neither the core nor the inquirer knows of is the one too many."""
    if not told[Side.CORE] and not told[Side.INQUIRER] and lacking:
        return {Trouble(Verdict.EXTRA, side) for side, events in told.items() if events}
    return {Trouble(Verdict.MISSING, side) for side in lacking}


def _end_by(told: Mapping[Side, Told]) -> datetime | None:
    """When the inquirer's ending is lacking at the latest; None where it is there."""
    if told[Side.INQUIRER].keys() & ENDS:
        return None
    entries = [one for events in told.values() for one in events.values()]
    deadlines = [one.answer_by for one in told[Side.CORE].values() if one.answer_by is not None]
    latest = min(deadlines) if deadlines else min(one.kept_at for one in entries) + PERMIT_WITHIN
    return latest + SETTLE + GRACE


def _differing(told: Mapping[Side, Told]) -> Iterator[Trouble]:
    """What does not fit, within an entry and between entries."""
    for side, events in told.items():
        for one in events.values():
            yield from (Trouble(Verdict.DIFFERING, side, fault.value) for fault in one.faults)
    yield from _odd(told, Field.PREFIX, lambda one: (replace(one.prefix, items=()),))
    yield from _odd(told, Field.ITEMS, lambda one: (one.prefix.items,) if one.prefix.items else ())
    yield from _odd(told, Field.LEAF, lambda one: (one.leaf,) if one.leaf else ())
    yield from _odd(told, Field.REASON, _reason_given)
    yield from _endings(told)
    yield from _times(told)
    decided = next((one for one in told[Side.CORE].values() if one.issued_at is not None), None)
    asked = told[Side.INQUIRER].get(Event.REQUESTED)
    if decided and asked and decided.staff and asked.staff and decided.staff != asked.staff:
        yield Trouble(Verdict.DIFFERING, Side.OTHER, Field.STAFF.value)


def _reason_given(one: Seen) -> tuple[object, ...]:
    said = one.event is Event.REFUSED and one.reason is not None and one.reason not in GAVE_UP
    return (one.reason,) if said else ()


def _odd(told: Mapping[Side, Told], field: Field, value: Callable[[Seen], tuple[object, ...]]) -> Iterator[Trouble]:
    """Whether all say the same, and who does not where two of three do."""
    said: dict[Side, set[object]] = {}
    for side, events in told.items():
        for one in events.values():
            said.setdefault(side, set()).update(value(one))
    if len(set().union(*said.values())) < 2:
        return
    for side in said:
        others = [values for other, values in said.items() if other is not side and values]
        if len(others) > 1 and len(set().union(*others)) == 1:
            yield Trouble(Verdict.DIFFERING, side, field.value)
            return
    alone = [side for side, values in said.items() if len(values) > 1]
    yield Trouble(Verdict.DIFFERING, alone[0] if len(alone) == 1 else Side.OTHER, field.value)


def _endings(told: Mapping[Side, Told]) -> Iterator[Trouble]:
    core, inquirer, provider = told[Side.CORE], told[Side.INQUIRER], told[Side.PROVIDER]
    trouble = Trouble(Verdict.DIFFERING, Side.OTHER, Field.ENDING.value)
    refused = inquirer.get(Event.REFUSED)
    if Event.RECEIVED in inquirer and Event.PROVIDED not in provider and Event.REFUSED in provider:
        yield trouble
    if refused and refused.reason in PROVIDER_DECIDES - {Reason.SUBJECT_MISMATCH} and Event.PROVIDED in provider:
        yield trouble
    if Event.RECEIVED in core and inquirer.keys() & ENDS and Event.RECEIVED not in inquirer:
        yield trouble
    if Event.PROVIDED in core and Event.REFUSED in provider:
        yield trouble


def _times(told: Mapping[Side, Told]) -> Iterator[Trouble]:
    """Whose times cannot be: ahead of our clock, before the request or the permit, behind the deadline."""
    issued = min((one.issued_at for one in told[Side.CORE].values() if one.issued_at), default=None)
    answer_by = min((one.answer_by for one in told[Side.CORE].values() if one.answer_by), default=None)
    for side, events in told.items():
        for one in events.values():
            ahead = one.at > one.kept_at + CLOCKS
            wrong = issued is not None and _impossible(side, one, issued, answer_by)
            if ahead or wrong:
                yield Trouble(Verdict.DIFFERING, side, Field.TIME.value)
    got, gave = told[Side.INQUIRER].get(Event.RECEIVED), told[Side.PROVIDER].get(Event.PROVIDED)
    if got and gave and got.provided_at and gave.provided_at and got.provided_at != gave.provided_at:
        # The inquirer has it from the provider's signed statement.
        yield Trouble(Verdict.DIFFERING, Side.PROVIDER, Field.TIME.value)


def _impossible(side: Side, one: Seen, issued: datetime, answer_by: datetime | None) -> bool:
    if side is Side.INQUIRER:
        asked = one.requested_at or (one.at if one.event is Event.REQUESTED else None)
        early = asked is not None and not issued - PERMIT_WITHIN - CLOCKS <= asked <= issued + CLOCKS
        return early or (one.event is Event.RECEIVED and one.at < issued - CLOCKS)
    if side is Side.PROVIDER:
        behind = one.event is Event.PROVIDED and answer_by is not None and one.at > answer_by + GRACE_OF_INTERFACE
        before = min(one.at, one.requested_at or one.at, one.provided_at or one.at) < issued - CLOCKS
        return before or behind
    return one.at < issued - CLOCKS
