"""What the core makes of the words of both ends on how an exchange ended."""

import itertools

import pytest

from nakadachi.core.rules import stands_at, tell_back, tell_other, who_must_tell
from nakadachi.refusal import Reason
from nakadachi.telegrams.closing import Stage, StandsAt
from nakadachi.telegrams.inquiry import Ending
from nakadachi.terms import OrganisationCode, Serial

SERIAL = Serial(f"{OrganisationCode('9901000000000001')}-{'0' * 26}")


@pytest.mark.parametrize("said", list(Ending))
def test_an_end_that_has_not_ended_is_told_only_what_no_answer_or_refusal_tells_it(said):
    assert tell_other(None, said) == (said in {Ending.CANCELLED, Ending.TIMED_OUT})


@pytest.mark.parametrize("said", list(Ending))
def test_an_end_to_which_it_is_unknown_is_told_once_it_is_known(said):
    assert tell_other(Ending.UNKNOWN, said) == (said is not Ending.UNKNOWN)


@pytest.mark.parametrize(("other", "said"), list(itertools.product(sorted(set(Ending) - {Ending.UNKNOWN}), Ending)))
def test_an_end_that_knows_how_it_ended_is_told_nothing(other, said):
    assert not tell_other(other, said)


def test_who_did_not_say_how_it_ended_has_to_tell():
    assert who_must_tell(None, None) == (True, False)
    assert who_must_tell(Ending.ANSWERED, None) == (False,)
    assert who_must_tell(None, Ending.UNKNOWN) == (True,)
    assert who_must_tell(Ending.UNKNOWN, Ending.ANSWERED) == ()


def test_an_exchange_stands_as_the_other_end_told_it_and_a_refused_permit_ended_it():
    under_way = StandsAt(serial=SERIAL, stage=Stage.UNDER_WAY)
    assert stands_at(SERIAL, None, refused=None, reason=None) == under_way
    assert stands_at(SERIAL, Ending.UNKNOWN, refused=None, reason=None) == under_way
    told = stands_at(SERIAL, Ending.CANCELLED, refused=None, reason=Reason.CANCELLED)
    assert told == StandsAt(serial=SERIAL, stage=Stage.ENDED, ending=Ending.CANCELLED, reason=Reason.CANCELLED)
    refused = stands_at(SERIAL, None, refused=Reason.SUSPENDED, reason=None)
    assert refused == StandsAt(serial=SERIAL, stage=Stage.ENDED, ending=Ending.REFUSED, reason=Reason.SUSPENDED)


@pytest.mark.parametrize(("other", "said"), list(itertools.product([None, *Ending], Ending)))
def test_who_does_not_know_how_it_ended_is_told_back_what_the_other_end_said_before(other, said):
    known = other is not None and other is not Ending.UNKNOWN
    assert tell_back(other, said) == (known and said is Ending.UNKNOWN)
