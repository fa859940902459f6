"""Refusals: a closed list, in both languages, and details that stay here."""

import pytest

from nakadachi.refusal import Reason, Refusal

CLOSED = (
    "BAD_FORMAT BAD_SIGNATURE TOO_LARGE NOT_ADDRESSED_HERE ROLE_NOT_ALLOWED OUT_OF_TURN ALREADY_USED VERSION_TOO_OLD "
    "NOT_IN_TABLE NO_ASSESSMENT CONSENT_LACKING UNKNOWN_ADDRESSEE CODE_NOT_ISSUED NOT_LINKED_AT_PROVIDER SUSPENDED "
    "PERMIT_INVALID PERMIT_EXPIRED SUBJECT_MISMATCH NOT_REGISTERED WITHHELD PROVIDER_STOPPED OUT_OF_HOURS TIMED_OUT "
    "NO_WITNESS CANCELLED INTERNAL"
)


def test_the_list_of_reasons_is_closed():
    assert [reason.value for reason in Reason] == CLOSED.split()


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_tells_itself_in_both_languages(reason):
    assert reason == reason.value == reason.name
    assert any("\u3040" <= character <= "\u9fff" for character in reason.japanese)
    assert reason.english.isascii()
    assert reason.english[0].isupper()
    assert Reason(reason.value) is reason


def test_no_two_reasons_say_the_same():
    assert len({reason.japanese for reason in Reason}) == len({reason.english for reason in Reason}) == len(Reason)


def test_a_word_outside_the_list_is_no_reason():
    with pytest.raises(ValueError, match="OTHER"):
        Reason("OTHER")


def test_a_refusal_says_its_reason_and_its_detail():
    assert str(Refusal(Reason.WITHHELD)) == "WITHHELD"
    refusal = Refusal(Reason.BAD_FORMAT, "header: no author")
    assert (str(refusal), refusal.reason, refusal.detail) == (
        "BAD_FORMAT: header: no author",
        Reason.BAD_FORMAT,
        "header: no author",
    )
