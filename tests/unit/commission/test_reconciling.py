"""How an exchange stands by the entries of core, inquirer and provider; and that no order of them changes it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nakadachi.commission.evidence import Field, Seen, Side, Trouble, Verdict
from nakadachi.commission.reconciling import GRACE, LATE, SETTLE, reconcile
from nakadachi.refusal import Reason
from nakadachi.telegrams.inquiry import Ending
from nakadachi.telegrams.trail import Event
from nakadachi.terms import (
    AffairCode,
    InfoNameCode,
    ItemCode,
    NodeName,
    OrganisationCode,
    Prefix,
    ProcedureCode,
    Role,
    Serial,
)

A, B, C = (OrganisationCode(f"990100000000000{number}") for number in (1, 2, 3))
CORE, MS_A, MS_B, MS_C = (
    NodeName("core:9910000000000001"),
    *(NodeName.of(Role.INTERMEDIATE, one) for one in (A, B, C)),
)
TAX = InfoNameCode("TM99000000000002")
PREFIX = Prefix(
    A, AffairCode("JM99000000180000"), ProcedureCode("JT99000000180001"), B, TAX, (ItemCode(f"{TAX}-0001"),)
)
SERIAL = Serial(f"{A}-01KN2J9Z80F0G0000000000001")
BEGUN = datetime(2026, 4, 1, 1, tzinfo=UTC)
ISSUED, PROVIDED, RECEIVED = (BEGUN + timedelta(seconds=seconds) for seconds in (1, 2, 3))
HEARD = BEGUN + timedelta(seconds=10)
ANSWER_BY = ISSUED + timedelta(days=10)
LEAF = b"\1" * 32
SOON, LATER = HEARD + timedelta(seconds=5), HEARD + GRACE + timedelta(seconds=1)


def seen(author: NodeName, number: int, event: Event, at: datetime, **more: Any) -> Seen:
    return Seen(author, number, HEARD, SERIAL, event, at, PREFIX, **more)


ASKED = seen(MS_A, 1, Event.REQUESTED, BEGUN, requested_at=BEGUN, staff="p1")
GOT = seen(
    MS_A, 2, Event.RECEIVED, RECEIVED, requested_at=BEGUN, provided_at=PROVIDED, leaf=LEAF, ending=Ending.ANSWERED
)
PERMITTED = seen(
    CORE, 1, Event.PERMITTED, ISSUED, leaf=LEAF, staff="p1", issued_at=ISSUED, answer_by=ANSWER_BY, requested_at=ISSUED
)
NOTED_PROVIDED = seen(CORE, 2, Event.PROVIDED, RECEIVED, ending=Ending.ANSWERED)
NOTED_RECEIVED = seen(CORE, 3, Event.RECEIVED, RECEIVED, ending=Ending.ANSWERED)
GAVE = seen(
    MS_B, 1, Event.PROVIDED, PROVIDED, requested_at=PROVIDED, provided_at=PROVIDED, leaf=LEAF, ending=Ending.ANSWERED
)
ANSWERED = (ASKED, PERMITTED, GAVE, GOT, NOTED_RECEIVED, NOTED_PROVIDED)


def ended(author: NodeName, number: int, event: Event, reason: Reason | None, **more: Any) -> Seen:
    ending = {Event.REFUSED: Ending.REFUSED, Event.CLOSED: Ending.CANCELLED}[event]
    return seen(author, number, event, RECEIVED, reason=reason, **({"ending": ending} | more))


def refused_with(reason: Reason) -> tuple[Seen, ...]:
    """What a provider refused."""
    return (
        ASKED,
        PERMITTED,
        ended(MS_B, 1, Event.REFUSED, reason, leaf=LEAF),
        ended(MS_A, 2, Event.REFUSED, reason, leaf=LEAF),
        ended(CORE, 2, Event.REFUSED, reason),
    )


CANCELLED = (
    ASKED,
    PERMITTED,
    seen(MS_B, 1, Event.REQUESTED, PROVIDED, leaf=LEAF),
    *(ended(author, 2, Event.CLOSED, Reason.CANCELLED) for author in (MS_A, MS_B, CORE)),
)
NOT_ALLOWED = (ASKED, *(ended(author, 2, Event.REFUSED, Reason.NOT_IN_TABLE) for author in (MS_A, CORE)))
NEVER_LEFT = (ended(MS_A, 1, Event.REFUSED, Reason.UNKNOWN_ADDRESSEE),)
NO_PERMIT_IN_TIME = (ASKED, ended(MS_A, 2, Event.CLOSED, Reason.TIMED_OUT, ending=Ending.TIMED_OUT))
WHOLE = {
    "answered": ANSWERED,
    "refused": refused_with(Reason.SUBJECT_MISMATCH),
    "cancelled": CANCELLED,
    "not allowed": NOT_ALLOWED,
    "never left": NEVER_LEFT,
    "no permit": NO_PERMIT_IN_TIME,
}


def without(entries: tuple[Seen, ...], *gone: Seen) -> tuple[Seen, ...]:
    return tuple(one for one in entries if one not in gone)


def instead(entries: tuple[Seen, ...], one: Seen, **changed: Any) -> tuple[Seen, ...]:
    return tuple(replace(each, **changed) if each is one else each for each in entries)


@pytest.mark.parametrize("entries", WHOLE.values(), ids=WHOLE.keys())
def test_what_all_three_say_alike_is_complete_and_looked_at_no_more(entries: tuple[Seen, ...]) -> None:
    outcome = reconcile(entries, SOON)
    assert (outcome.verdict, outcome.troubles, outcome.due_at) == (Verdict.COMPLETE, (), None)


MISSING = {
    "the core's permit": (without(ANSWERED, PERMITTED), Side.CORE),
    "all of the core": (without(ANSWERED, PERMITTED, NOTED_RECEIVED, NOTED_PROVIDED), Side.CORE),
    "what the core was told of the end": (without(ANSWERED, NOTED_RECEIVED, NOTED_PROVIDED), Side.CORE),
    "the core's word on the answer": (without(ANSWERED, NOTED_RECEIVED), Side.CORE),
    "the inquirer's request": (without(ANSWERED, ASKED), Side.INQUIRER),
    "the inquirer's receipt": (without(ANSWERED, GOT), Side.INQUIRER),
    "all of the inquirer": (without(ANSWERED, ASKED, GOT), Side.INQUIRER),
    "the provision": (without(ANSWERED, GAVE), Side.PROVIDER),
    "the core's refusal": (without(NOT_ALLOWED, NOT_ALLOWED[2]), Side.CORE),
    "the provider's refusal": (
        without(refused_with(Reason.WITHHELD), refused_with(Reason.WITHHELD)[2]),
        Side.PROVIDER,
    ),
}


@pytest.mark.parametrize(("entries", "side"), MISSING.values(), ids=MISSING.keys())
def test_what_lacks_is_waited_for_and_then_missing(entries: tuple[Seen, ...], side: Side) -> None:
    early = reconcile(entries, SOON)
    assert (early.verdict, early.troubles) == (Verdict.UNDER_WAY, ())
    assert early.due_at == HEARD + GRACE
    late = reconcile(entries, LATER)
    assert late.verdict is Verdict.MISSING
    assert late.troubles == (Trouble(Verdict.MISSING, side),)


DIFFERING = {
    "another provider": (instead(ANSWERED, GAVE, leaf=b"\2" * 32), Side.PROVIDER, Field.LEAF),
    "another affair": (
        instead(ANSWERED, GOT, prefix=replace(PREFIX, affair=AffairCode("JM99000000190000"))),
        Side.INQUIRER,
        Field.PREFIX,
    ),
    "more items": (
        instead(ANSWERED, GAVE, prefix=replace(PREFIX, items=(*PREFIX.items, ItemCode(f"{TAX}-0002")))),
        Side.PROVIDER,
        Field.ITEMS,
    ),
    "another reason": (
        instead((plain := refused_with(Reason.WITHHELD)), plain[2], reason=Reason.NOT_REGISTERED),
        Side.PROVIDER,
        Field.REASON,
    ),
    "another member of staff": (instead(ANSWERED, ASKED, staff="p2"), Side.OTHER, Field.STAFF),
    "a tag that does not open": (
        instead(ANSWERED, PERMITTED, faults=frozenset({Field.TAG})),
        Side.CORE,
        Field.TAG,
    ),
    "a request before its time": (
        instead(ANSWERED, ASKED, requested_at=BEGUN - timedelta(days=2)),
        Side.INQUIRER,
        Field.TIME,
    ),
    "a provision before the permit": (
        instead(instead(ANSWERED, GAVE, at=BEGUN - timedelta(minutes=5)), GOT),
        Side.PROVIDER,
        Field.TIME,
    ),
    "a provision at another time than the signed statement": (
        instead(ANSWERED, GAVE, provided_at=PROVIDED + timedelta(microseconds=1)),
        Side.PROVIDER,
        Field.TIME,
    ),
    "a record from the future": (
        instead(ANSWERED, GOT, at=HEARD + timedelta(minutes=2)),
        Side.INQUIRER,
        Field.TIME,
    ),
    "answered at one end, refused at the other": (
        (*without(ANSWERED, GAVE, NOTED_PROVIDED), ended(MS_B, 1, Event.REFUSED, Reason.WITHHELD, leaf=LEAF)),
        Side.OTHER,
        Field.ENDING,
    ),
}


@pytest.mark.parametrize(("entries", "side", "field"), DIFFERING.values(), ids=DIFFERING.keys())
def test_what_differs_is_named_with_the_side_that_stands_alone(
    entries: tuple[Seen, ...], side: Side, field: Field
) -> None:
    outcome = reconcile(entries, SOON)
    assert outcome.verdict is Verdict.DIFFERING
    assert Trouble(Verdict.DIFFERING, side, field.value) in outcome.troubles


EXTRA = {
    "the same event under two numbers": ((*ANSWERED, replace(GAVE, number=9)), Side.PROVIDER),
    "two endings": ((*ANSWERED, ended(MS_A, 9, Event.CLOSED, Reason.TIMED_OUT)), Side.INQUIRER),
    "provided and refused": ((*ANSWERED, ended(MS_B, 9, Event.REFUSED, Reason.WITHHELD)), Side.PROVIDER),
    "somebody who has nothing to do with it": ((*ANSWERED, replace(GAVE, author=MS_C)), Side.OTHER),
    "an event that only another can have": ((*ANSWERED, seen(MS_A, 9, Event.PROVIDED, PROVIDED)), Side.INQUIRER),
}


@pytest.mark.parametrize(("entries", "side"), EXTRA.values(), ids=EXTRA.keys())
def test_what_is_too_many_is_extra(entries: tuple[Seen, ...], side: Side) -> None:
    outcome = reconcile(entries, SOON)
    assert outcome.verdict is Verdict.EXTRA
    assert Trouble(Verdict.EXTRA, side) in outcome.troubles


def test_a_provision_that_neither_core_nor_inquirer_knows_of_is_extra() -> None:
    assert reconcile([GAVE], SOON).verdict is Verdict.UNDER_WAY
    assert reconcile([GAVE], LATER).troubles == (Trouble(Verdict.EXTRA, Side.PROVIDER),)


def test_what_was_handed_over_long_after_its_event_is_late_but_complete() -> None:
    entries = instead(ANSWERED, GAVE, kept_at=PROVIDED + LATE + timedelta(seconds=1))
    outcome = reconcile(entries, LATER + LATE)
    assert (outcome.verdict, outcome.troubles) == (Verdict.LATE, (Trouble(Verdict.LATE, Side.PROVIDER),))


def test_what_nobody_has_ended_is_under_way_until_its_deadline_and_then_the_inquirers_end_is_missing() -> None:
    open_yet = (ASKED, PERMITTED, seen(MS_B, 1, Event.REQUESTED, PROVIDED, leaf=LEAF))
    outcome = reconcile(open_yet, ANSWER_BY)
    assert (outcome.verdict, outcome.due_at) == (Verdict.UNDER_WAY, ANSWER_BY + SETTLE + GRACE)
    assert reconcile(open_yet, ANSWER_BY + SETTLE + GRACE).troubles == (Trouble(Verdict.MISSING, Side.INQUIRER),)


def test_an_ending_that_its_inquirer_does_not_know_is_unknown() -> None:
    entries = (
        ASKED,
        PERMITTED,
        ended(MS_A, 2, Event.CLOSED, Reason.TIMED_OUT, ending=Ending.UNKNOWN),
        ended(CORE, 2, Event.CLOSED, None, ending=Ending.UNKNOWN),
    )
    assert reconcile(entries, LATER).verdict is Verdict.UNKNOWN


EVERY = [*WHOLE.values(), *(each[0] for table in (MISSING, DIFFERING, EXTRA) for each in table.values())]


@given(
    entries=st.sampled_from(EVERY),
    data=st.data(),
    now=st.sampled_from([SOON, LATER, ANSWER_BY + SETTLE + GRACE]),
)
def test_no_order_and_no_repetition_changes_the_outcome(entries: tuple[Seen, ...], data: Any, now: datetime) -> None:
    shuffled = data.draw(st.permutations(entries))
    again = data.draw(st.lists(st.sampled_from(entries)))
    repeated = [replace(one, kept_at=one.kept_at + data.draw(st.timedeltas(timedelta(0), LATE * 3))) for one in again]
    assert reconcile([*shuffled, *repeated], now) == reconcile(entries, now)
    assert reconcile([*repeated, *shuffled], now) == reconcile(entries, now)


@given(entries=st.sampled_from(EVERY), data=st.data())
def test_it_is_looked_at_again_no_later_than_time_alone_can_change_it(entries: tuple[Seen, ...], data: Any) -> None:
    some = data.draw(st.lists(st.sampled_from(entries), min_size=1, unique=True))
    before = reconcile(some, SOON)
    later = SOON + data.draw(st.timedeltas(timedelta(0), timedelta(days=20)))
    if before.due_at is None or later < before.due_at:
        assert reconcile(some, later) == before
