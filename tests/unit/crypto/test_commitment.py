"""Commitments: a value that is fixed now and shown later."""

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nakadachi.crypto.commitment import check_opening, commit, digest, salted_digest
from nakadachi.refusal import Reason, Refusal

SALT = bytes(range(32))


def test_a_commitment_is_the_mac_of_label_and_value_under_its_salt():
    expected = hmac.new(SALT, b"inquirer code\x00value", hashlib.sha256).digest()
    assert commit("inquirer code", b"value", SALT) == expected


@given(st.text(max_size=8).filter(lambda text: "\0" not in text), st.binary(max_size=40))
def test_what_was_committed_can_be_opened(label, value):
    check_opening(commit(label, value, SALT), label, value, SALT)


@pytest.mark.parametrize(
    ("label", "value", "salt"),
    [
        ("other", b"value", SALT),
        ("code", b"valuE", SALT),
        ("code", b"value", bytes(32)),
        ("code", b"value", b""),
        ("code", b"value", SALT + b"\0"),
        ("cod", b"e\0value", SALT),
    ],
)
def test_no_other_opening_fits(label, value, salt):
    with pytest.raises(Refusal) as refused:
        check_opening(commit("code", b"value", SALT), label, value, salt)
    assert refused.value.reason is Reason.PERMIT_INVALID


def test_an_opening_that_does_not_fit_shows_no_value():
    with pytest.raises(Refusal) as refused:
        check_opening(bytes(32), "code", b"a secret", SALT)
    assert "secret" not in str(refused.value)


def test_a_commitment_needs_a_whole_salt():
    with pytest.raises(ValueError, match="32 bytes, not 31"):
        commit("code", b"", bytes(31))


def test_a_label_cannot_run_into_the_value():
    with pytest.raises(ValueError, match="NUL"):
        commit("code\0", b"", SALT)


def test_a_digest_is_sha_256():
    assert digest(b"part") == hashlib.sha256(b"part").digest()


def test_a_personal_parts_digest_starts_with_its_salt():
    assert salted_digest(SALT, b"part") == hashlib.sha256(SALT + b"part").digest()


def test_a_personal_parts_digest_needs_a_whole_salt():
    with pytest.raises(ValueError, match="32 bytes, not 33"):
        salted_digest(bytes(33), b"")
