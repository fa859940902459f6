from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from nakadachi.neighbours.jpki import authority as jpki
from nakadachi.neighbours.jpki.items import ERAS, Birth, FourItems, Text
from nakadachi.neighbours.jpki.profile import ARC, Algorithm, Kind, Municipality
from nakadachi.neighbours.jpki.reading import (
    CERTIFICATE_LIMIT,
    read_authentication_certificate,
    read_certificate,
    read_request,
    read_signature_certificate,
)
from nakadachi.refusal import Reason, Refusal
from tests.certified import HANAKO, a_key, an_order, authentication_of, signature_of

NAMES = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=60).map(Text.of)
ADDRESSES = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=1000).map(Text.of)
ITEMS = st.builds(
    FourItems, NAMES, ADDRESSES, st.sampled_from("0123456789"), st.dates(min_value=ERAS[0][1]).map(Birth.of)
)


@given(ITEMS)
def test_four_items_come_out_of_a_certificate_as_they_went_in(items):
    key = a_key(3, Algorithm.P_256)
    authority = jpki.found(Kind.SIGNATURE, key, serial=1, now=an_order().start)
    made = jpki.issue_signature(authority, key.public_key(), an_order(), items)
    read = read_signature_certificate(made.public_bytes(Encoding.DER))
    assert read.items == items
    assert read.authority_key_id == authority.key_id


def test_a_signature_certificate_is_of_the_profile(signing):
    read = read_signature_certificate(signature_of(signing))
    assert (read.serial, read.prefecture, read.city) == (7, "Tokyo-to", "Chiyoda-ku")
    assert (read.start, read.until) == (an_order().start, an_order().until)
    oids = [one.type_id.dotted_string for one in read.raw.extensions.get_extension_for_class(
        x509.SubjectAlternativeName).value]  # fmt: skip
    assert oids == [f"{ARC}.{last}" for last in (1, 4, 3, 5)]
    with_flags = replace(HANAKO, name=Text.of("髙山花子"), address=Text.of("𠮷田町"))
    names = read_signature_certificate(signature_of(signing, with_flags)).raw
    oids = [one.type_id.dotted_string for one in names.extensions.get_extension_for_class(
        x509.SubjectAlternativeName).value]  # fmt: skip
    assert oids == [f"{ARC}.{last}" for last in (1, 4, 3, 5, 2, 6)]


def test_an_authentication_certificate_says_nothing_of_its_holder(authenticating):
    der = authentication_of(authenticating)
    read = read_authentication_certificate(der)
    assert read.raw.subject.rfc4514_string() == "CN=SAMPLE0000000007,C=JP"
    usage = read.raw.extensions.get_extension_for_class(x509.KeyUsage).value
    assert (usage.digital_signature, usage.content_commitment) == (True, False)
    with pytest.raises(Refusal):
        read_signature_certificate(der)


def test_a_signature_certificate_is_not_taken_for_the_other_kind(signing):
    with pytest.raises(Refusal) as refused:
        read_authentication_certificate(signature_of(signing))
    assert refused.value.reason is Reason.BAD_FORMAT


def test_everything_an_authority_issues_says_that_it_is_a_sample(signing, authenticating):
    for der in (signature_of(signing), authentication_of(authenticating)):
        raw = x509.load_der_x509_certificate(der)
        assert "O=JPKI-SAMPLE" in raw.issuer.rfc4514_string()
    assert "O=JPKI-SAMPLE" in signing.certificate.subject.rfc4514_string()


def test_generations_share_a_name_and_differ_by_key(signing):
    later = jpki.found(Kind.SIGNATURE, a_key(4), serial=2, now=an_order().start)
    assert later.certificate.subject == signing.certificate.subject
    one, other = (read_signature_certificate(signature_of(each)) for each in (signing, later))
    assert one.authority_key_id != other.authority_key_id
    assert one.list_name != other.list_name


def test_an_authority_keeps_to_its_kind_and_its_time(signing, authenticating):
    key = a_key(1).public_key()
    with pytest.raises(ValueError, match="issues no signature certificate"):
        jpki.issue_signature(authenticating, key, an_order(), HANAKO)
    with pytest.raises(ValueError, match="issues no authentication certificate"):
        jpki.issue_authentication(signing, key, an_order())
    late = signing.certificate.not_valid_after_utc + timedelta(seconds=1)
    with pytest.raises(ValueError, match="next generation"):
        jpki.issue_signature(signing, key, an_order(until=late), HANAKO)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_certificate_or_refused(raw):
    for kind in Kind:
        with pytest.raises(Refusal) as refused:
            read_certificate(kind, raw)
        assert refused.value.reason is Reason.BAD_FORMAT
    with pytest.raises(Refusal):
        read_request(raw)


@given(st.data())
def test_a_certificate_with_a_byte_changed_is_read_or_refused(signing, data):
    der = bytearray(signature_of(signing))
    place = data.draw(st.integers(0, len(der) - 1))
    der[place] = data.draw(st.integers(0, 255))
    outcome = read_or_refusal(bytes(der))
    if isinstance(outcome, Refusal):
        assert outcome.reason is Reason.BAD_FORMAT
        assert not any(word in outcome.detail for word in ("見本", "1990"))
    else:
        assert len(outcome.items.name.value) >= 1


def read_or_refusal(der):
    try:
        return read_signature_certificate(der)
    except Refusal as refused:
        return refused


def test_what_is_too_large_is_not_looked_at():
    with pytest.raises(Refusal) as refused:
        read_signature_certificate(bytes(CERTIFICATE_LIMIT + 1))
    assert refused.value.reason is Reason.TOO_LARGE


def request(key):
    return x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, SHA256())


def test_a_request_gives_the_key_of_who_can_sign_with_it():
    key = a_key(1)
    assert read_request(request(key).public_bytes(Encoding.DER)).public_numbers() == key.public_key().public_numbers()


def test_a_request_signed_with_another_key_is_refused():
    der = bytearray(request(a_key(1)).public_bytes(Encoding.DER))
    der[-1] ^= 1
    with pytest.raises(Refusal) as refused:
        read_request(bytes(der))
    assert refused.value.reason is Reason.BAD_SIGNATURE


def test_a_request_for_a_key_that_no_card_holds_is_refused():
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    der = builder.sign(ed25519.Ed25519PrivateKey.generate(), None).public_bytes(Encoding.DER)
    with pytest.raises(Refusal) as refused:
        read_request(der)
    assert refused.value.reason is Reason.BAD_FORMAT


def test_an_algorithm_knows_its_keys():
    assert Algorithm.RSA_2048.fits(a_key(1).public_key())
    assert not Algorithm.RSA_2048.fits(rsa.generate_private_key(65537, 3072).public_key())
    assert not Algorithm.RSA_2048.fits(a_key(3, Algorithm.P_256).public_key())
    assert Algorithm.P_256.fits(a_key(3, Algorithm.P_256).public_key())
    assert not Algorithm.P_256.fits(a_key(1).public_key())


def test_a_municipality_has_names_that_fit_a_certificate():
    with pytest.raises(ValueError, match="1 to 64"):
        Municipality.of("131016", "Tokyo-to", "x" * 65)
    with pytest.raises(ValueError, match="check digit"):
        Municipality.of("131017", "Tokyo-to", "Chiyoda-ku")
