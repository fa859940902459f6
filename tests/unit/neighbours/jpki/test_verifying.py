"""A certificate is accepted only if everything fits; each fault by itself is found, and told by its name."""

from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.ocsp import OCSPResponseStatus
from hypothesis import given
from hypothesis import strategies as st

from nakadachi.neighbours.jpki import authority as jpki
from nakadachi.neighbours.jpki import ocsp
from nakadachi.neighbours.jpki.authority import Order, issue_responder, list_name
from nakadachi.neighbours.jpki.faults import Fault, NotAccepted
from nakadachi.neighbours.jpki.lists import Issue, read_list, write_list
from nakadachi.neighbours.jpki.ocsp import Responder, read_answer, read_question, write_question
from nakadachi.neighbours.jpki.profile import Algorithm, Kind, distribution_points, key_usage, partition
from nakadachi.neighbours.jpki.reading import read_authentication_certificate, read_signature_certificate
from nakadachi.neighbours.jpki.states import GOOD, UNKNOWN, Entry, Revocation, State, Status
from nakadachi.neighbours.jpki.verifying import (
    Anchors,
    Answered,
    Freshness,
    require_issued,
    require_signature,
    verify,
)
from nakadachi.refusal import Reason, Refusal
from tests.certified import CHIYODA, NOW, SAPPORO, a_key, an_authority, an_order, authentication_of, signature_of

DAY = timedelta(days=1)


@pytest.fixture(scope="session")
def certificate(signing):
    return read_signature_certificate(signature_of(signing))


@pytest.fixture(scope="session")
def anchors(signing, authenticating):
    return Anchors([signing.certificate, authenticating.certificate])


def a_list(authority, *entries, place=CHIYODA, now=NOW, life=2 * DAY, kind=Kind.SIGNATURE):
    return read_list(write_list(authority, partition(kind, place), entries, Issue(1, now, now + life)))


def responder(authority, *, now=NOW, key=7):
    made = issue_responder(authority, a_key(key).public_key(), serial=9, now=now)
    return Responder(authority, made, a_key(key))


def answer(authority, certificate, status, *, nonce=None, now=NOW, life=DAY, by=None):
    question = read_question(write_question(certificate, authority.certificate, nonce))
    der = (by or responder(authority)).answer(question, status, now=now, next_update=now + life)
    return Answered(der, nonce)


def fault(*asked, **more):
    with pytest.raises(NotAccepted) as refused:
        verify(*asked, **more)
    return refused.value.fault


# By the certificate alone


def test_the_issuer_is_found_by_its_key_among_generations_of_one_name(signing):
    later = an_authority(Kind.SIGNATURE, key=a_key(4))
    both = Anchors([later.certificate, signing.certificate])
    for authority in (signing, later):
        one = read_signature_certificate(signature_of(authority))
        assert require_issued(one, NOW, both) == authority.certificate
    with pytest.raises(NotAccepted) as refused:
        require_issued(read_signature_certificate(signature_of(signing)), NOW, Anchors([later.certificate]))
    assert refused.value.fault is Fault.UNKNOWN_ISSUER


def test_a_certificate_that_names_a_key_it_is_not_signed_with_is_refused(signing, anchors):
    forger = jpki.Authority(Kind.SIGNATURE, signing.certificate, a_key(5))
    der = signature_of(forger)
    real = x509.AuthorityKeyIdentifier(signing.key_id, None, None)
    raw = x509.load_der_x509_certificate(der)
    builder = x509.CertificateBuilder(
        raw.issuer, raw.subject, raw.public_key(), raw.serial_number, raw.not_valid_before_utc, raw.not_valid_after_utc
    )
    for one in raw.extensions:
        value = real if isinstance(one.value, x509.AuthorityKeyIdentifier) else one.value
        builder = builder.add_extension(value, critical=one.critical)
    forged = read_signature_certificate(builder.sign(a_key(5), hashes.SHA256()).public_bytes(Encoding.DER))
    assert fault(forged, NOW, anchors, a_list(signing)) is Fault.BAD_SIGNATURE


def test_time_counts_to_the_second_on_both_ends(signing, certificate, anchors):
    assert fault(certificate, certificate.start - timedelta(seconds=1), anchors, a_list(signing)) is Fault.NOT_YET_VALID
    assert fault(certificate, certificate.until + timedelta(seconds=1), anchors, a_list(signing)) is Fault.EXPIRED
    late = a_list(signing, now=certificate.until)
    assert verify(certificate, certificate.until, anchors, late).certificate is certificate


def remade(authority, kind, replacing, drop=()):
    """A certificate of the authority with some extensions in the place of the profile's."""
    der = signature_of(authority) if authority.kind is Kind.SIGNATURE else authentication_of(authority)
    raw = x509.load_der_x509_certificate(der)
    builder = x509.CertificateBuilder(
        raw.issuer, raw.subject, raw.public_key(), raw.serial_number, raw.not_valid_before_utc, raw.not_valid_after_utc
    )
    for one in raw.extensions:
        if not isinstance(one.value, (*map(type, replacing), *drop)):
            builder = builder.add_extension(one.value, critical=one.critical)
    for value in replacing:
        builder = builder.add_extension(value, critical=True)
    made = builder.sign(authority.key, hashes.SHA256()).public_bytes(Encoding.DER)
    return (read_signature_certificate if kind is Kind.SIGNATURE else read_authentication_certificate)(made)


@pytest.mark.parametrize(
    "replacing",
    [
        x509.CertificatePolicies([x509.PolicyInformation(Kind.AUTHENTICATION.policy, None)]),
        key_usage(digital_signature=True),
        key_usage(digital_signature=True, content_commitment=True, key_encipherment=True),
        x509.BasicConstraints(ca=True, path_length=None),
        x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00"),
    ],
)
def test_another_policy_use_or_critical_word_is_not_of_the_profile(signing, anchors, replacing):
    one = remade(signing, Kind.SIGNATURE, [replacing])
    assert fault(one, NOW, anchors, a_list(signing)) is Fault.NOT_OF_THE_PROFILE


def test_one_kind_of_certificate_is_not_taken_for_the_other(signing, authenticating, anchors):
    one = remade(signing, Kind.AUTHENTICATION, [], drop=(x509.SubjectAlternativeName,))
    assert fault(one, NOW, anchors, a_list(signing)) is Fault.NOT_OF_THE_PROFILE
    real = read_authentication_certificate(authentication_of(authenticating))
    own = a_list(authenticating, kind=Kind.AUTHENTICATION)
    assert verify(real, NOW, anchors, own).certificate is real


def test_anchors_are_authorities_only(signing):
    holder = x509.load_der_x509_certificate(signature_of(signing)).public_bytes(Encoding.PEM)
    for wrong in (b"", b"-----BEGIN CERTIFICATE-----", holder):
        with pytest.raises(ValueError, match="authorit"):
            Anchors.from_pem(wrong)


# By a list


def test_a_list_says_who_is_revoked_and_since_when(signing, certificate, anchors):
    others = [Entry(serial, NOW, Revocation.CEASED) for serial in (1, 2, 8)]
    known = verify(certificate, NOW, anchors, a_list(signing, *others))
    assert (known.at, known.known_at) == (NOW, NOW)
    for reason in Revocation:
        expected = Fault.HELD if reason is Revocation.HELD else Fault.REVOKED
        listed = a_list(signing, *others, Entry(certificate.serial, NOW, reason))
        assert listed.find(certificate.serial) == Entry(certificate.serial, NOW, reason)
        assert len(listed) == 4
        assert fault(certificate, NOW, anchors, listed) is expected


def test_an_old_list_or_one_of_a_later_time_says_nothing(signing, certificate, anchors):
    known = a_list(signing)
    assert verify(certificate, NOW + 2 * DAY, anchors, known).known_at == NOW
    assert fault(certificate, NOW + 2 * DAY + timedelta(seconds=1), anchors, known) is Fault.STATUS_STALE
    assert fault(certificate, NOW + DAY, anchors, known, Freshness(timedelta(hours=1))) is Fault.STATUS_STALE
    later = a_list(signing, now=NOW + timedelta(hours=1))
    assert fault(certificate, NOW, anchors, later) is Fault.STATUS_WRONG


def test_the_list_of_another_place_key_or_signer_is_not_taken(signing, certificate, anchors):
    assert fault(certificate, NOW, anchors, a_list(signing, place=SAPPORO)) is Fault.STATUS_WRONG
    later = an_authority(Kind.SIGNATURE, key=a_key(4))
    assert fault(certificate, NOW, anchors, a_list(later)) is Fault.STATUS_WRONG
    forger = jpki.Authority(Kind.SIGNATURE, signing.certificate, a_key(5))
    forged = x509.load_der_x509_crl(
        write_list(forger, partition(Kind.SIGNATURE, CHIYODA), [], Issue(1, NOW, NOW + DAY))
    )
    builder = x509.CertificateRevocationListBuilder().issuer_name(forged.issuer).last_update(NOW).next_update(NOW + DAY)
    for one in forged.extensions:
        own = isinstance(one.value, x509.AuthorityKeyIdentifier)
        value = x509.AuthorityKeyIdentifier(signing.key_id, None, None) if own else one.value
        builder = builder.add_extension(value, critical=one.critical)
    known = read_list(builder.sign(a_key(5), hashes.SHA256()).public_bytes(Encoding.DER))
    assert known.authority_key_id == certificate.authority_key_id
    assert fault(certificate, NOW, anchors, known) is Fault.STATUS_WRONG


def test_a_list_is_named_by_what_the_certificate_says_of_it(signing, certificate):
    known = a_list(signing)
    assert certificate.list_name == list_name(known.authority_key_id, known.distribution_point)


@pytest.mark.parametrize(
    "extension",
    [x509.DeltaCRLIndicator(1), x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")],
)
def test_part_of_a_list_or_one_with_unknown_words_is_refused(signing, extension):
    whole = a_list(signing).raw
    builder = x509.CertificateRevocationListBuilder().issuer_name(whole.issuer)
    builder = builder.last_update(NOW).next_update(NOW + DAY)
    for one in whole.extensions:
        builder = builder.add_extension(one.value, critical=one.critical)
    der = builder.add_extension(extension, critical=True).sign(signing.key, hashes.SHA256()).public_bytes(Encoding.DER)
    with pytest.raises(Refusal):
        read_list(der)


def test_a_list_without_a_place_is_refused(signing):
    builder = x509.CertificateRevocationListBuilder().issuer_name(signing.certificate.subject)
    der = builder.last_update(NOW).next_update(NOW + DAY).sign(signing.key, hashes.SHA256()).public_bytes(Encoding.DER)
    with pytest.raises(Refusal):
        read_list(der)


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


def test_a_distribution_point_without_a_directory_name_is_not_of_the_profile(signing):
    elsewhere = x509.CRLDistributionPoints(
        [x509.DistributionPoint([x509.UniformResourceIdentifier("http://example.org")], None, None, None)]
    )
    with pytest.raises(Refusal):
        remade(signing, Kind.SIGNATURE, [elsewhere])
    assert distribution_points(partition(Kind.SIGNATURE, CHIYODA)) != elsewhere
