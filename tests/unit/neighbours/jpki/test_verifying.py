"""A certificate is accepted only if everything fits; each fault by itself is found, and told by its name."""

from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from nakadachi.neighbours.jpki import authority as jpki
from nakadachi.neighbours.jpki.authority import list_name
from nakadachi.neighbours.jpki.faults import Fault, NotAccepted
from nakadachi.neighbours.jpki.lists import Issue, read_list, write_list
from nakadachi.neighbours.jpki.profile import Kind, distribution_points, key_usage, partition
from nakadachi.neighbours.jpki.reading import read_authentication_certificate, read_signature_certificate
from nakadachi.neighbours.jpki.states import Entry, Revocation
from nakadachi.neighbours.jpki.verifying import (
    Anchors,
    Freshness,
    require_issued,
    verify,
)
from nakadachi.refusal import Refusal
from tests.certified import CHIYODA, NOW, SAPPORO, a_key, an_authority, authentication_of, signature_of
from tests.weighed import DAY, a_list, fault

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


def test_a_distribution_point_without_a_directory_name_is_not_of_the_profile(signing):
    elsewhere = x509.CRLDistributionPoints(
        [x509.DistributionPoint([x509.UniformResourceIdentifier("http://example.org")], None, None, None)]
    )
    with pytest.raises(Refusal):
        remade(signing, Kind.SIGNATURE, [elsewhere])
    assert distribution_points(partition(Kind.SIGNATURE, CHIYODA)) != elsewhere
