"""An answer of the responder counts only from the right responder, about the right certificate, in time."""

from datetime import timedelta

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.ocsp import OCSPResponseStatus
from hypothesis import given
from hypothesis import strategies as st

from nakadachi.neighbours.jpki import authority as jpki
from nakadachi.neighbours.jpki import ocsp
from nakadachi.neighbours.jpki.authority import Order, issue_responder
from nakadachi.neighbours.jpki.faults import Fault, NotAccepted
from nakadachi.neighbours.jpki.lists import read_list
from nakadachi.neighbours.jpki.ocsp import Responder, read_answer, read_question, write_question
from nakadachi.neighbours.jpki.profile import Algorithm, Kind
from nakadachi.neighbours.jpki.reading import read_authentication_certificate, read_signature_certificate
from nakadachi.neighbours.jpki.states import GOOD, UNKNOWN, Revocation, State, Status
from nakadachi.neighbours.jpki.verifying import (
    Anchors,
    Answered,
    Freshness,
    require_signature,
    verify,
)
from nakadachi.refusal import Reason, Refusal
from tests.certified import CHIYODA, NOW, a_key, an_authority, an_order, signature_of
from tests.weighed import DAY, a_list, answer, fault, responder

# By an answer


def test_an_answer_says_good_held_revoked_or_unknown(signing, certificate, anchors):
    assert verify(certificate, NOW, anchors, answer(signing, certificate, GOOD)).known_at == NOW
    for status, expected in (
        (Status(State.REVOKED, NOW, Revocation.ITEMS_CHANGED), Fault.REVOKED),
        (Status(State.REVOKED, NOW, Revocation.UNSPECIFIED), Fault.REVOKED),
        (Status(State.HELD, NOW, Revocation.HELD), Fault.HELD),
        (UNKNOWN, Fault.NOT_ISSUED),
    ):
        assert fault(certificate, NOW, anchors, answer(signing, certificate, status)) is expected


def test_an_answer_must_be_to_this_request(signing, certificate, anchors):
    given = answer(signing, certificate, GOOD, nonce=b"n" * 32)
    assert verify(certificate, NOW, anchors, given).certificate is certificate
    for nonce in (b"m" * 32,):
        assert fault(certificate, NOW, anchors, Answered(given.der, nonce)) is Fault.STATUS_WRONG
    without = answer(signing, certificate, GOOD)
    assert fault(certificate, NOW, anchors, Answered(without.der, b"n" * 32)) is Fault.STATUS_WRONG
    other = read_signature_certificate(signature_of(signing, order=an_order(8)))
    assert fault(certificate, NOW, anchors, answer(signing, other, GOOD)) is Fault.STATUS_WRONG


def test_an_answer_must_be_fresh(signing, certificate, anchors):
    old = answer(signing, certificate, GOOD, now=NOW, life=timedelta(minutes=5))
    assert fault(certificate, NOW + timedelta(minutes=6), anchors, old) is Fault.STATUS_STALE
    short = Freshness(timedelta(minutes=1))
    assert fault(certificate, NOW + timedelta(minutes=2), anchors, old, short) is Fault.STATUS_STALE


def test_only_a_responder_of_the_same_key_may_answer(signing, authenticating, certificate, anchors):
    later = an_authority(Kind.SIGNATURE, key=a_key(4))
    asked = read_question(write_question(certificate, signing.certificate))
    for wrong in (responder(later), responder(authenticating)):
        der = wrong.answer(asked, GOOD, now=NOW, next_update=NOW + DAY)
        assert fault(certificate, NOW, anchors, Answered(der)) is Fault.STATUS_WRONG
    # A holder's certificate is of the same key, but no responder's.
    holder = Responder(signing, certificate.raw, a_key(1))
    der = holder.answer(asked, GOOD, now=NOW, next_update=NOW + DAY)
    assert fault(certificate, NOW, anchors, Answered(der)) is Fault.STATUS_WRONG
    # A responder's certificate has an end.
    old = responder(signing, now=NOW)
    later_on = NOW + timedelta(days=91)
    der = old.answer(asked, GOOD, now=later_on, next_update=later_on + DAY)
    assert fault(certificate, later_on, anchors, Answered(der)) is Fault.STATUS_WRONG


@given(st.data())
def test_an_answer_with_a_byte_changed_is_never_taken(signing, certificate, anchors, data):
    given_ = answer(signing, certificate, Status(State.REVOKED, NOW, Revocation.CEASED))
    der = bytearray(given_.der)
    place = data.draw(st.integers(0, len(der) - 1))
    changed = data.draw(st.integers(0, 255).filter(lambda value: value != der[place]))
    der[place] = changed
    assert fault(certificate, NOW, anchors, Answered(bytes(der))) in set(Fault)


def test_a_responder_that_refuses_leaves_the_state_unknown(certificate, anchors):
    for status in (OCSPResponseStatus.UNAUTHORIZED, OCSPResponseStatus.TRY_LATER):
        assert fault(certificate, NOW, anchors, Answered(ocsp.refuse(status))) is Fault.STATUS_AWAY
    with pytest.raises(Refusal) as refused:
        read_answer(ocsp.refuse(OCSPResponseStatus.UNAUTHORIZED))
    assert refused.value.reason is Reason.ROLE_NOT_ALLOWED


@given(st.binary(max_size=200))
def test_any_bytes_are_a_list_a_request_an_answer_or_refused(raw):
    for read in (read_list, read_question, read_answer):
        with pytest.raises(Refusal):
            read(raw)


def test_a_nonce_that_is_too_long_is_refused(signing, certificate):
    assert read_question(write_question(certificate, signing.certificate, b"n" * 128)).nonce == b"n" * 128
    with pytest.raises(Refusal):
        read_question(write_question(certificate, signing.certificate, b"n" * 129))


# By a signature


def test_a_signature_is_by_the_certificates_key_and_no_other(signing):
    certificate = read_signature_certificate(signature_of(signing))
    signed = a_key(1).sign(b"document", padding.PKCS1v15(), hashes.SHA256())
    require_signature(certificate, b"document", signed)
    for message, signature in ((b"other", signed), (b"document", signed[:-1]), (b"document", b"")):
        with pytest.raises(NotAccepted) as refused:
            require_signature(certificate, message, signature)
        assert refused.value.fault is Fault.BAD_SIGNATURE


def test_with_p_256_it_is_the_same():
    key = a_key(3, Algorithm.P_256)
    authority = jpki.found(Kind.AUTHENTICATION, key, serial=1, now=NOW)
    made = jpki.issue_authentication(authority, key.public_key(), Order(7, "A", CHIYODA, NOW, NOW + DAY))
    one = read_authentication_certificate(made.public_bytes(Encoding.DER))
    anchors = Anchors([authority.certificate])
    assert verify(one, NOW, anchors, a_list(authority, kind=Kind.AUTHENTICATION)).certificate is one
    by = Responder(authority, issue_responder(authority, key.public_key(), serial=9, now=NOW), key)
    assert verify(one, NOW, anchors, answer(authority, one, GOOD, by=by)).certificate is one
    signed = key.sign(b"challenge", ec.ECDSA(hashes.SHA256()))
    require_signature(one, b"challenge", signed)
    with pytest.raises(NotAccepted):
        require_signature(one, b"other", signed)
