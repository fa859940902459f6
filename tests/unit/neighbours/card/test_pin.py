"""Secrets of a card: their shapes, and tries that only ever go down until one is right."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nakadachi.neighbours.card import pin
from nakadachi.neighbours.card.pin import Kept, Secret

KEY = b"k" * 32


@pytest.mark.parametrize("text", ["0000", "2580"])
def test_a_pin_is_four_digits(text):
    assert Secret.AUTHENTICATION.rule.fits(text.encode())


@pytest.mark.parametrize("text", ["", "123", "12345", "12a4", "１２３４", "1234\n"])
def test_nothing_else_is_a_pin(text):
    assert not Secret.AUTHENTICATION.rule.fits(text.encode())


@pytest.mark.parametrize("text", ["ABCDE1", "1BCDEFGHIJKLMNOP", "A11111"])
def test_a_password_is_6_to_16_capitals_and_digits_with_one_of_each(text):
    assert Secret.SIGNATURE.rule.fits(text.encode())


@pytest.mark.parametrize("text", ["ABCDEF", "123456", "ABCD1", "ABCDEFGHIJKLMNOP1", "abcde1", "ABC-12", "ABCDE1\n"])
def test_nothing_else_is_a_password(text):
    assert not Secret.SIGNATURE.rule.fits(text.encode())


def test_the_locks_are_after_three_and_five():
    assert {one: one.rule.tries for one in Secret} == {
        Secret.AUTHENTICATION: 3,
        Secret.SIGNATURE: 5,
        Secret.SUPPORT: 3,
    }


def test_a_secret_of_another_shape_is_not_kept():
    with pytest.raises(ValueError, match="shape"):
        pin.new(Secret.SUPPORT, b"12345", KEY)


@given(st.from_regex(rb"[0-9]{4}", fullmatch=True), st.from_regex(rb"[0-9]{4}", fullmatch=True))
def test_only_the_same_secret_is_right_and_only_for_its_own_use(one, other):
    kept = pin.new(Secret.AUTHENTICATION, one, KEY)
    assert pin.is_right(kept, Secret.AUTHENTICATION, other, KEY) is (one == other)
    assert not pin.is_right(kept, Secret.SUPPORT, one, KEY)
    assert one not in kept.mac
    assert one.decode() not in repr(kept)


def test_a_secret_that_was_never_set_is_never_right_and_spends_nothing():
    assert not pin.is_right(Kept(), Secret.SUPPORT, b"", KEY)
    with pytest.raises(ValueError, match="no try"):
        pin.spend(Kept())
