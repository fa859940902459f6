"""How an exchange ends on one side: what a reason means, what is told of it, and what the core's word changes."""

import pytest

from nakadachi.intermediate.rules import State, after_question, ending_of, stands_at
from nakadachi.refusal import Reason
from nakadachi.telegrams.closing import Stage, StandsAt
from nakadachi.telegrams.inquiry import Ending
from nakadachi.terms import OrganisationCode, Serial

SERIAL = Serial(f"{OrganisationCode('9901000000000001')}-{'0' * 26}")
UNDER_WAY, NOT_KNOWN = (StandsAt(serial=SERIAL, stage=stage) for stage in (Stage.UNDER_WAY, Stage.NOT_KNOWN))
ENDED = StandsAt(serial=SERIAL, stage=Stage.ENDED, ending=Ending.REFUSED, reason=Reason.SUSPENDED)


@pytest.mark.parametrize("state", list(State))
def test_a_state_is_open_or_closed_or_settled_by_an_answer_or_a_refusal(state):
    assert [state.is_open, state.is_closed, state in {State.ANSWERED, State.REFUSED}].count(True) == 1


@pytest.mark.parametrize("state", [state for state in State if not state.is_open])
def test_a_state_that_is_not_open_is_an_ending(state):
    assert Ending(state.value)


@pytest.mark.parametrize("reason", [None, *Reason])
def test_no_reason_is_an_answer_and_only_cancelled_and_timed_out_are_no_refusals(reason):
    special = {None: Ending.ANSWERED, Reason.CANCELLED: Ending.CANCELLED, Reason.TIMED_OUT: Ending.TIMED_OUT}
    assert ending_of(reason) is special.get(reason, Ending.REFUSED)


def test_what_is_told_of_an_exchange_is_not_known_under_way_or_its_ending():
    assert stands_at(SERIAL, known=False, ending=None, reason=None) == NOT_KNOWN
    assert stands_at(SERIAL, known=True, ending=None, reason=Reason.WITHHELD) == UNDER_WAY
    assert stands_at(SERIAL, known=True, ending=Ending.REFUSED, reason=Reason.SUSPENDED) == ENDED


def test_an_inquirer_goes_on_waiting_where_the_inquiry_is_under_way():
    assert after_question(UNDER_WAY, provider=False) is None
    assert after_question(NOT_KNOWN, provider=False) is Ending.TIMED_OUT
    assert after_question(ENDED, provider=False) is Ending.REFUSED


def test_a_provider_that_heard_of_no_receipt_knows_only_what_the_inquirer_told():
    assert after_question(UNDER_WAY, provider=True) is Ending.UNKNOWN
    assert after_question(NOT_KNOWN, provider=True) is Ending.UNKNOWN
    assert after_question(ENDED, provider=True) is Ending.REFUSED
