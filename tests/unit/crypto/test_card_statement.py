"""What a card signs for a site: bound to origin, challenge, certificate and time, or refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import sha256

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from nakadachi.crypto import card_statement
from nakadachi.crypto.card_statement import Statement
from nakadachi.refusal import Reason, Refusal

NOW = datetime(2026, 11, 2, 1, 0, tzinfo=UTC)
SITE, CHALLENGE = "https://portal.example", bytes(range(32))


@cache
def key(kind):
    return rsa.generate_private_key(65537, 2048) if kind == "rsa" else ec.generate_private_key(ec.SECP256R1())


@cache
def certificate(kind="rsa", serial=1):
    name = x509.Name([])
    made = x509.CertificateBuilder(name, name, key(kind).public_key(), serial, NOW, NOW + timedelta(days=1))
    return made.sign(key(kind), hashes.SHA256()).public_bytes(Encoding.DER)


def statement(**other):
    own = {"origin": SITE, "challenge": CHALLENGE, "nonce": bytes(16), "at": NOW}
    return card_statement.write(Statement(**own | {"certificate": sha256(certificate()).digest()} | other))


def signature(raw):
    return key("rsa").sign(raw, padding.PKCS1v15(), hashes.SHA256())


def reason(raw, signed=None, shown=None, now=NOW):
    with pytest.raises(Refusal) as refused:
        card_statement.verify(
            raw, signed or signature(raw), shown or certificate(), origin=SITE, challenge=CHALLENGE, now=now
        )
    return refused.value.reason


def test_the_answer_to_our_challenge_for_our_origin_is_taken():
    raw = statement()
    card_statement.verify(raw, signature(raw), certificate(), origin=SITE, challenge=CHALLENGE, now=NOW)


def test_what_was_signed_on_another_origin_is_refused():
    assert reason(statement(origin="https://porta1.example")) is Reason.NOT_ADDRESSED_HERE


def test_the_answer_to_another_challenge_is_refused():
    assert reason(statement(challenge=bytes(32))) is Reason.OUT_OF_TURN


def test_another_certificate_than_the_signed_one_is_refused():
    assert reason(statement(), shown=certificate(serial=2)) is Reason.OUT_OF_TURN


@pytest.mark.parametrize("off", [timedelta(minutes=3), -timedelta(minutes=3)])
def test_what_is_not_of_now_is_refused(off):
    assert reason(statement(), now=NOW + off) is Reason.TIMED_OUT


def test_another_signature_is_refused():
    assert reason(statement(), signed=signature(b"else")) is Reason.BAD_SIGNATURE


@pytest.mark.parametrize("shown", [b"no certificate", "elliptic"])
def test_a_certificate_that_is_none_or_of_another_kind_of_key_is_refused(shown):
    shown = certificate("ec") if shown == "elliptic" else shown
    assert reason(statement(certificate=sha256(shown).digest()), shown=shown) is Reason.BAD_FORMAT


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{}",
        statement().replace(b"v1", b"v2"),
        statement() + b" ",
        statement(challenge=bytes(15)),
        statement(challenge=bytes(65)),
        statement(nonce=bytes(8)),
        statement().replace(b"2026-11-02T", b"2026-11-02 "),
        statement()[:-1] + b',"more":1}',
        statement(origin="a" * 5000),
    ],
)
def test_what_is_not_in_the_one_spelling_is_refused(raw):
    assert reason(raw) is Reason.BAD_FORMAT


@given(st.text(max_size=60), st.binary(min_size=16, max_size=64), st.integers(0, 10**10))
def test_a_statement_is_read_as_it_was_written(origin, challenge, seconds):
    made = Statement(origin, challenge, bytes(16), NOW + timedelta(seconds=seconds), bytes(32))
    assert card_statement.read(card_statement.write(made)) == made


def test_it_cannot_be_taken_for_what_tls_has_signed():
    assert statement().startswith(b'{"type":"nakadachi.card.authentication.v1"')
