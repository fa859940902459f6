"""Which key of an organisation names somebody, and what a rotation does next."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nakadachi.core.key_rules import (
    FOUNDED,
    LAST_INDEX,
    KeyState,
    LinkKey,
    Rotation,
    Step,
    Trouble,
    may_start,
    newest,
    next_step,
    pace_of,
    require_honoured,
)
from nakadachi.core.rules import Link, decide_person
from nakadachi.refusal import Reason, Refusal
from nakadachi.terms import OrganisationCode, Serial

A, B = (OrganisationCode(f"{number:016}") for number in (1, 2))
NOON = datetime(2026, 7, 1, 3, tzinfo=UTC)
DAY = timedelta(days=1)
ROUTINE, EMERGENCY = (pace_of(emergency=emergency, retire=DAY) for emergency in (False, True))


def keys(*states, compromised=()):
    return {index: LinkKey(index, state, compromised=index in compromised) for index, state in enumerate(states, 1)}


CURRENT, NEXT, RETIRED = KeyState.CURRENT, KeyState.NEXT, KeyState.RETIRED


def refused(issued, standing, its_keys):
    try:
        require_honoured(issued, standing, its_keys)
    except Refusal as refusal:
        return refusal.reason
    return None


@pytest.mark.parametrize(
    ("issued", "standing", "its_keys", "reason"),
    [
        (1, (1, None), FOUNDED, None),
        (2, (1, None), FOUNDED, Reason.CODE_NOT_ISSUED),
        (1, (1, None), keys(CURRENT, NEXT), None),
        (2, (1, None), keys(CURRENT, NEXT), None),
        (1, (2, 1), keys(CURRENT, NEXT), None),
        (2, (2, 1), keys(CURRENT, NEXT), None),
        (1, (2, None), keys(CURRENT, NEXT), Reason.CODE_NOT_ISSUED),
        (1, (2, 1), keys(RETIRED, CURRENT), Reason.CODE_NOT_ISSUED),
        (2, (2, 1), keys(RETIRED, CURRENT), None),
        (1, (1, None), keys(CURRENT, NEXT, compromised={1}), Reason.SUSPENDED),
        (1, (2, 1), keys(CURRENT, NEXT, compromised={1}), Reason.SUSPENDED),
        (2, (1, None), keys(CURRENT, NEXT, compromised={1}), None),
        (2, (2, 1), keys(CURRENT, CURRENT, NEXT, compromised={1, 2}), Reason.SUSPENDED),
        (3, (2, 1), keys(CURRENT, CURRENT, NEXT, compromised={1, 2}), None),
        (1, (1, None), keys(RETIRED, CURRENT, compromised={1}), Reason.CODE_NOT_ISSUED),
    ],
)
def test_a_code_names_somebody_while_its_key_is_in_use_and_was_not_compromised(issued, standing, its_keys, reason):
    assert refused(issued, standing, its_keys) is reason


def test_both_ends_of_an_inquiry_are_judged_by_their_own_keys():
    serial = Serial(f"{A}-{0:026}")
    links = {
        A: Link(1, 1, unlinked=False, suspended=False),
        B: Link(2, 1, unlinked=False, suspended=False, former_key_index=1),
    }
    ask = {"caller": A, "provider": B, "links": links}
    # The provider's person is named by the code that it confirmed.
    assert decide_person(serial, issued=(2, 1), keys=keys(CURRENT, NEXT), **ask).key_index == 2
    for issued, reason in (
        ((1, 1), Reason.SUSPENDED),
        ((2, 2), Reason.CODE_NOT_ISSUED),
        ((3, 1), Reason.CODE_NOT_ISSUED),
    ):
        with pytest.raises(Refusal) as wrong:
            decide_person(serial, issued=issued, keys=keys(CURRENT, NEXT, compromised={1}), **ask)
        assert wrong.value.reason is reason


def test_codes_are_issued_under_the_newest_key_in_use():
    assert newest(FOUNDED) == 1
    assert newest(keys(CURRENT, NEXT)) == 2
    assert newest(keys(RETIRED, CURRENT)) == 2


ROTATION = Rotation(A, 2, emergency=False, started_at=NOON)


@pytest.mark.parametrize(
    ("emergency", "running", "trouble"),
    [
        (False, None, None),
        (True, None, None),
        (False, ROTATION, Trouble.UNDER_WAY),
        (True, ROTATION, None),
        (False, replace(ROTATION, emergency=True), Trouble.UNDER_WAY),
        (True, replace(ROTATION, emergency=True), Trouble.EMERGENCY_UNDER_WAY),
    ],
)
def test_one_rotation_at_a_time_but_an_emergency_overtakes_a_routine(emergency, running, trouble):
    assert may_start(keys(CURRENT, NEXT), emergency=emergency, running=running) is trouble


def test_after_the_last_index_there_is_none():
    last = {LAST_INDEX: LinkKey(LAST_INDEX)}
    assert may_start(last, emergency=True, running=None) is Trouble.LAST_INDEX


def test_a_rotation_sends_a_telegram_or_a_few_at_a_time_then_counts_then_waits_and_retires():
    def step(now=NOON, sent=None, pace=ROUTINE, **other):
        return next_step(replace(ROTATION, **other), sent or {}, pace=pace, now=now)

    assert step() is Step.SEND
    assert step(sent={2: ROUTINE.under_way}) is Step.WAIT
    assert step(sent={2: ROUTINE.under_way}, pace=EMERGENCY) is Step.SEND
    assert step(sent={2: EMERGENCY.under_way - 1}, pace=EMERGENCY) is Step.SEND
    assert step(sent={2: EMERGENCY.under_way}, pace=EMERGENCY) is Step.WAIT
    assert step(sent={1: 1}) is Step.WAIT, "what an overtaken rotation sent arrives first"
    assert step(swept=True, sent={2: 1}) is Step.WAIT
    assert step(swept=True) is Step.COUNT
    assert step(swept=True, confirmed_at=NOON) is Step.WAIT
    assert step(NOON + DAY, swept=True, confirmed_at=NOON) is Step.RETIRE
    assert step(swept=True, confirmed_at=NOON, pace=EMERGENCY) is Step.RETIRE
    by_command = pace_of(emergency=True, retire=None)
    assert step(NOON + 100 * DAY, swept=True, confirmed_at=NOON, pace=by_command) is Step.WAIT


@given(st.lists(st.sampled_from(["rotate", "emergency", "retire"]), max_size=12), st.integers(1, 13))
def test_whatever_is_ordered_one_key_issues_and_a_retired_or_compromised_one_never_names_anybody_again(orders, issued):
    its_keys, running, dead = dict(FOUNDED), None, set()
    for order in orders:
        emergency = order == "emergency"
        if order == "retire":
            its_keys = {
                index: replace(key, state=CURRENT if key.state is NEXT else RETIRED if running else key.state)
                for index, key in its_keys.items()
            }
            running = None
        elif may_start(its_keys, emergency=emergency, running=running) is None:
            used = {index: key for index, key in its_keys.items() if key.state is not RETIRED}
            its_keys |= {
                index: replace(key, state=CURRENT, compromised=key.compromised or emergency)
                for index, key in used.items()
            }
            its_keys[max(its_keys) + 1] = LinkKey(max(its_keys) + 1, NEXT)
            running = replace(ROTATION, key_index=max(its_keys), emergency=emergency)
        assert newest(its_keys) == max(its_keys)
        assert [key.state for key in its_keys.values()].count(NEXT) == (running is not None)
        dead |= {index for index, key in its_keys.items() if key.compromised or key.state is RETIRED}
    if issued in dead:
        assert refused(issued, (issued, issued), its_keys) in {Reason.SUSPENDED, Reason.CODE_NOT_ISSUED}
    assert refused(newest(its_keys), (newest(its_keys), None), its_keys) is None
