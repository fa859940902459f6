"""Time and chance: the two objects that hold them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nakadachi.kit.clock import FixedClock, SystemClock
from nakadachi.kit.entropy import SeededEntropy, SystemEntropy, uuid7_text, uuid7_time
from nakadachi.terms import TelegramId, crockford_value

NOON = datetime(2026, 4, 1, 12, tzinfo=UTC)


def test_the_systems_clock_tells_the_time_in_utc():
    before = datetime.now(UTC)
    told = SystemClock().now()
    assert before <= told <= datetime.now(UTC)
    assert told.tzinfo is UTC


def test_a_fixed_clock_stands_until_it_is_moved():
    clock = FixedClock(NOON)
    assert clock.now() == clock.now() == NOON
    clock.advance(timedelta(seconds=90))
    assert clock.now() == NOON + timedelta(seconds=90)
    clock.set(NOON - timedelta(days=1))
    assert clock.now() == NOON - timedelta(days=1)


def test_a_fixed_clock_tells_utc_whatever_zone_it_was_set_in():
    tokyo = timezone(timedelta(hours=9))
    clock = FixedClock(datetime(2026, 4, 1, 21, tzinfo=tokyo))
    assert clock.now() == NOON
    assert clock.now().tzinfo is UTC


def test_a_moment_without_a_zone_is_refused():
    with pytest.raises(ValueError, match="time zone"):
        FixedClock(NOON.replace(tzinfo=None))


def test_advance_never_goes_back():
    with pytest.raises(ValueError, match="forward"):
        FixedClock(NOON).advance(timedelta(seconds=-1))


def test_the_systems_entropy_gives_as_many_bytes_as_asked_and_never_the_same():
    entropy = SystemEntropy()
    assert len(entropy.bytes(32)) == 32
    assert entropy.bytes(32) != entropy.bytes(32)


@given(st.integers(), st.lists(st.integers(min_value=0, max_value=100), max_size=8))
def test_a_seed_gives_one_stream_however_it_is_cut(seed, sizes):
    cut, whole = SeededEntropy(seed), SeededEntropy(seed)
    assert b"".join(cut.bytes(size) for size in sizes) == whole.bytes(sum(sizes))


def test_two_seeds_give_two_streams():
    assert SeededEntropy(1).bytes(16) != SeededEntropy(2).bytes(16)


@given(st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 31)), st.integers())  # noqa: DTZ001  zone added below
def test_an_identifier_is_a_uuid_of_version_7_that_holds_its_millisecond(moment, seed):
    clock = FixedClock(moment.replace(tzinfo=UTC))
    text = uuid7_text(clock, SeededEntropy(seed))
    number = crockford_value(TelegramId(text).value)
    assert number < 1 << 128
    assert number >> 76 & 0xF == 7
    assert number >> 62 & 0b11 == 0b10
    milliseconds = (clock.now() - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    assert number >> 80 == milliseconds


@given(st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)), st.integers(1, 10**9))  # noqa: DTZ001  zone added below
def test_identifiers_sort_by_the_microsecond_they_were_made(moment, later):
    clock, entropy = FixedClock(moment.replace(tzinfo=UTC)), SeededEntropy(1)
    first = uuid7_text(clock, entropy)
    clock.advance(timedelta(microseconds=later))
    assert first < uuid7_text(clock, entropy)


def test_identifiers_of_one_moment_differ():
    clock, entropy = FixedClock(NOON), SeededEntropy(1)
    assert len({uuid7_text(clock, entropy) for _ in range(1000)}) == 1000


@given(seconds=st.integers(0, 2**37))
def test_an_identifier_gives_its_moment_back_to_the_millisecond(seconds):
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds, microseconds=seconds % 10**6)
    text = uuid7_text(FixedClock(moment), SeededEntropy(1))
    assert uuid7_time(text) == moment.replace(microsecond=moment.microsecond // 1000 * 1000)


@pytest.mark.parametrize("text", ["7" + "Z" * 25, "0" * 26])
def test_anothers_text_has_some_moment_whatever_it_says(text):
    assert uuid7_time(text).tzinfo is UTC
