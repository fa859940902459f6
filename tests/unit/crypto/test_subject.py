"""The subject check: the same person is found the same, another one is found out, and nothing is guessed."""

import json
from datetime import date

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nakadachi.crypto.subject import Subject, compare, normalise, subject_check
from nakadachi.refusal import Reason, Refusal

KEY = bytes(range(32))
PERSON = Subject(born=date(1990, 4, 1), sex="2", kana="ネットワーク ハナコ")  # a generated sample resident
CHECK = subject_check(KEY, PERSON)


def reason_of(check, own=PERSON):
    with pytest.raises(Refusal) as refused:
        compare(check, own)
    return refused.value.reason


def changed(**fields):
    return json.dumps({**json.loads(CHECK), **fields}).encode()


def test_the_same_person_is_found_the_same():
    assert compare(CHECK, PERSON) == ()


@pytest.mark.parametrize(
    ("other", "differing"),
    [
        (Subject(date(1990, 4, 2), "2", "ネットワーク ハナコ"), ("born",)),
        (Subject(date(1990, 4, 1), "1", "ネットワーク ハナコ"), ("sex",)),
        (Subject(date(1990, 4, 1), "2", "ネットワーク ハナヨ"), ("kana",)),
        (Subject(date(1991, 4, 1), "1", "ベツジン"), ("born", "sex", "kana")),
    ],
)
def test_what_differs_is_named_in_the_order_of_the_attributes(other, differing):
    assert compare(CHECK, other) == differing


@pytest.mark.parametrize("own", [Subject(PERSON.born, PERSON.sex), Subject(PERSON.born, PERSON.sex, "")])
def test_an_attribute_that_one_side_lacks_is_not_compared(own):
    assert compare(CHECK, own) == ()
    assert compare(subject_check(KEY, own), PERSON) == ()


@pytest.mark.parametrize("own", [Subject(), Subject(born=PERSON.born), Subject(sex="2"), Subject(kana="・")])
def test_fewer_than_two_attributes_show_nothing(own):
    assert reason_of(CHECK, own) is Reason.SUBJECT_MISMATCH
    assert reason_of(subject_check(KEY, own)) is Reason.SUBJECT_MISMATCH


def test_no_attribute_stands_for_another():
    assert compare(subject_check(KEY, Subject(sex="2", kana="ア")), Subject(sex="ア", kana="2")) == ("sex", "kana")


@pytest.mark.parametrize(
    ("kana", "as_written"),
    [
        ("ねっとわーく　はなこ", "ネットワークハナコ"),
        ("ﾈｯﾄﾜｰｸ ﾊﾅｺ", "ネットワークハナコ"),
        ("ガ", "ガ"),
        ("ｶﾞ", "ガ"),
        ("か\u3099", "ガ"),
        ("カ゛", "ガ"),
        ("ゔゎゝゞ", "ヴヮヽヾ"),
        ("キャ", "キャ"),
        ("キヤ", "キヤ"),
        ("ジョン・スミス", "ジョンスミス"),
        ("ジョン･スミス", "ジョンスミス"),
        ("", ""),
    ],
)
def test_a_name_in_kana_has_one_spelling(kana, as_written):
    assert normalise(kana) == as_written


def test_small_and_large_kana_are_not_the_same_name():
    assert normalise("ショウコ") != normalise("シヨウコ")


@given(st.text(st.characters(min_codepoint=0x3000, max_codepoint=0x30FF) | st.characters(), max_size=20))
def test_a_spelling_stays_as_it_is(kana):
    assert normalise(normalise(kana)) == normalise(kana)


def test_a_key_of_another_exchange_gives_other_macs():
    assert json.loads(subject_check(bytes(32), PERSON))["born"] != json.loads(CHECK)["born"]


def test_a_key_has_32_bytes():
    with pytest.raises(ValueError, match="32 bytes, not 31"):
        subject_check(bytes(31), PERSON)


def test_what_is_absent_is_said_to_be_absent():
    assert json.loads(subject_check(KEY, Subject()))["kana"] is None


def test_the_attributes_do_not_show():
    assert repr(PERSON) == "Subject()"
    assert "ハナコ".encode() not in CHECK


@pytest.mark.parametrize(
    "check",
    [
        b"",
        b"{}",
        b"null",
        b"[" * 900,
        CHECK + b" " * 1024,
        CHECK[:-1],
        changed(key="AAAA"),
        changed(born="AAAA"),
        changed(kana=7),
        changed(name="AAAA"),
        msgspec.json.encode({key: value for key, value in json.loads(CHECK).items() if key != "sex"}),
    ],
)
def test_what_has_not_the_form_of_a_check_is_refused(check):
    assert reason_of(check) is Reason.BAD_FORMAT


def test_a_check_of_an_unknown_suite_is_refused_as_such():
    assert reason_of(changed(suite=2)) is Reason.VERSION_TOO_OLD


@given(st.binary(max_size=1100))
def test_any_bytes_are_compared_or_refused(raw):
    assert reason_of(raw) in {Reason.BAD_FORMAT, Reason.SUBJECT_MISMATCH, Reason.VERSION_TOO_OLD}
