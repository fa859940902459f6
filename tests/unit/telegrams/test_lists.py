"""Many people in one telegram: lists and single parts to texts, whatever bytes they hold."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nakadachi.crypto.signing import SigningKey
from nakadachi.kit.author import Author, Enclosure
from nakadachi.kit.clock import FixedClock
from nakadachi.kit.entropy import SeededEntropy
from nakadachi.refusal import Reason, Refusal
from nakadachi.telegrams.code import LinkCodeIssued
from nakadachi.telegrams.codec import encode_json
from nakadachi.telegrams.lists import CODES, FORMER, NUMBERS, has_lists, need_numbers, texts
from nakadachi.terms import CROCKFORD, NodeName

CORE, SERVER = NodeName("core:9910000000000001"), NodeName("intermediate:9901000000000001")
AUTHOR = Author(CORE, SigningKey.from_scalar(1), FixedClock(datetime(2026, 4, 1, tzinfo=UTC)), SeededEntropy(1))
NUMBER = st.text(CROCKFORD, min_size=26, max_size=26)


def telegram(*parts, count=1):
    return AUTHOR.write(LinkCodeIssued, to=SERVER, parts=parts, count=count)


def single(name, raws):
    return [Enclosure(FORMER[name], raw, item=item, personal=True) for item, raw in enumerate(raws)]


def refused(work):
    with pytest.raises(Refusal) as found:
        work()
    assert found.value.reason is Reason.BAD_FORMAT


@given(st.lists(st.text(max_size=8), max_size=6))
def test_a_list_and_single_parts_say_the_same(given_texts):
    items = range(len(given_texts))
    listed = telegram(Enclosure(NUMBERS, encode_json(given_texts), personal=True))
    apart = telegram(*single(NUMBERS, [one.encode() for one in given_texts]))
    assert (has_lists(listed.header), has_lists(apart.header)) == (True, False)
    assert texts(listed, NUMBERS, items) == texts(apart, NUMBERS, items) == given_texts


def test_a_single_code_is_json_as_it_always_was():
    assert texts(telegram(*single(CODES, [b'"A"', b'"B"'])), CODES, range(2)) == ["A", "B"]


@pytest.mark.parametrize("raw", [b"", b"{}", b'"A"', b"[1]", b"[null]", b'["A","B"]', b"[]", b"\xff", b'["A"'])
def test_a_list_that_has_not_one_text_for_each_person_is_refused(raw):
    one = telegram(Enclosure(NUMBERS, raw, personal=True))
    refused(lambda: texts(one, NUMBERS, range(1)))


def test_a_part_that_is_lacking_or_no_text_is_refused():
    refused(lambda: texts(telegram(*single(NUMBERS, [b"A"])), NUMBERS, range(2)))
    refused(lambda: texts(telegram(*single(NUMBERS, [b"\xff"])), NUMBERS, range(1)))
    refused(lambda: texts(telegram(Enclosure(NUMBERS, b"[]", personal=True)), CODES, range(0)))


@given(st.binary(max_size=40))
def test_any_bytes_are_texts_or_refused(raw):
    one = telegram(Enclosure(NUMBERS, raw, personal=True))
    reason, found = None, [""]
    try:
        found = texts(one, NUMBERS, range(1))
    except Refusal as refusal:
        reason = refusal.reason
    assert reason in {None, Reason.BAD_FORMAT}
    assert [type(text) for text in found] == [str]


@given(st.lists(NUMBER, unique=True, max_size=5))
def test_different_matching_numbers_pass(numbers):
    need_numbers(numbers)


@pytest.mark.parametrize("numbers", [["0" * 26, "0" * 26], ["0" * 25], ["U" * 26], [""], ["0" * 26 + "\n"]])
def test_a_matching_number_that_is_none_or_stands_there_twice_is_refused(numbers):
    refused(lambda: need_numbers(numbers))
