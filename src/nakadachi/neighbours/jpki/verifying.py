"""証明書の検証: is this a certificate of the service, in force at a moment, and not revoked? Raises with the reason.

The issuer is found by its key, never by its name: generations of a key share one (facts 5.1). Pure: what is known of
the certificate's state is an argument, either a list or an answer of the responder.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.constant_time import bytes_eq
from cryptography.x509 import ocsp as x509_ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID

from nakadachi.neighbours.jpki import ocsp
from nakadachi.neighbours.jpki.authority import key_id
from nakadachi.neighbours.jpki.faults import Fault, NotAccepted
from nakadachi.neighbours.jpki.lists import RevocationList
from nakadachi.neighbours.jpki.profile import PublicKey
from nakadachi.neighbours.jpki.reading import UNREADABLE, HolderCertificate
from nakadachi.neighbours.jpki.states import Revocation
from nakadachi.refusal import Refusal

C = TypeVar("C", bound=HolderCertificate)

SKEW = timedelta(minutes=5)
"""How far the service's clock may be ahead of ours."""
STRONG = (hashes.SHA256, hashes.SHA384, hashes.SHA512)
"""Hashes of the e-Government Recommended Ciphers List (N1)."""


@dataclass(frozen=True, slots=True)
class Freshness:
    """鮮度: how old what is known of a state may be, beside its own next update. None: as old as that allows."""

    oldest: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer of the responder as it came (DER), and the nonce that was sent with the request."""

    der: bytes
    nonce: bytes | None = None


@dataclass(frozen=True, slots=True)
class Accepted(Generic[C]):
    """検証済みの証明書: at which moment, and of when the word is that it is not revoked."""

    certificate: C
    at: datetime
    known_at: datetime


class Anchors:
    """信頼点: the certificates of the service's authorities, all generations; found by key. Raises ValueError."""

    __slots__ = ("_by_key",)

    def __init__(self, certificates: Sequence[x509.Certificate]) -> None:
        self._by_key: dict[bytes, x509.Certificate] = {}
        for one in certificates:
            key = one.public_key()
            if not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey) or not _may_issue(one):
                raise ValueError("a certificate is no authority's")
            self._by_key[key_id(key)] = one

    @classmethod
    def from_pem(cls, pem: bytes) -> Anchors:
        """From certificates in PEM, one after the other. Raises ValueError."""
        try:
            return cls(x509.load_pem_x509_certificates(pem))
        except UNREADABLE as wrong:
            raise ValueError(f"no certificates of authorities in PEM ({type(wrong).__name__})") from None

    def issuer(self, authority_key_id: bytes) -> x509.Certificate:
        """The authority with this key. Raises NotAccepted(UNKNOWN_ISSUER)."""
        found = self._by_key.get(authority_key_id)
        if found is None:
            raise NotAccepted(Fault.UNKNOWN_ISSUER)
        return found


def verify(
    certificate: C, at: datetime, anchors: Anchors, known: RevocationList | Answered, freshness: Freshness | None = None
) -> Accepted[C]:
    """証明書の検証: chain by key, time, kind and use, and its state. Raises NotAccepted with the fault."""
    issuer = require_issued(certificate, at, anchors)
    oldest = (freshness or Freshness()).oldest
    if isinstance(known, RevocationList):
        known_at = _not_in_list(certificate, at, issuer, known, oldest)
    else:
        known_at = _answered_good(certificate, at, issuer, known, oldest)
    return Accepted(certificate, at, known_at)


def require_issued(certificate: HolderCertificate, at: datetime, anchors: Anchors) -> x509.Certificate:
    """All that the certificate alone tells: its issuer, by whose key it is signed. Raises NotAccepted."""
    issuer = anchors.issuer(certificate.authority_key_id)
    _require_signed(certificate.raw, issuer)
    for one in (issuer, certificate.raw):
        if at < one.not_valid_before_utc:
            raise NotAccepted(Fault.NOT_YET_VALID)
        if at > one.not_valid_after_utc:
            raise NotAccepted(Fault.EXPIRED)
    _require_profile(certificate)
    return issuer


def require_signature(certificate: HolderCertificate, message: bytes, signature: bytes) -> None:
    """署名の検証 by the certificate's key: PKCS #1 v1.5 or ECDSA, SHA-256. Raises NotAccepted(BAD_SIGNATURE)."""
    key = certificate.key
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, message, padding.PKCS1v15(), hashes.SHA256())
        else:
            key.verify(signature, message, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        raise NotAccepted(Fault.BAD_SIGNATURE) from None


def _may_issue(certificate: x509.Certificate) -> bool:
    found = {type(one.value): one.value for one in certificate.extensions}
    basic, usage = found.get(x509.BasicConstraints), found.get(x509.KeyUsage)
    return (
        isinstance(basic, x509.BasicConstraints)
        and basic.ca
        and isinstance(usage, x509.KeyUsage)
        and usage.key_cert_sign
        and usage.crl_sign
    )


def _require_signed(certificate: x509.Certificate, issuer: x509.Certificate) -> None:
    try:
        if not isinstance(certificate.signature_hash_algorithm, STRONG):
            raise NotAccepted(Fault.BAD_SIGNATURE, "signed by a hash that is not accepted")
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, *UNREADABLE):
        raise NotAccepted(Fault.BAD_SIGNATURE) from None


def _require_profile(certificate: HolderCertificate) -> None:
    kind = certificate.kind
    found = {type(one.value): one.value for one in certificate.raw.extensions}
    if any(one.critical and isinstance(one.value, x509.UnrecognizedExtension) for one in certificate.raw.extensions):
        raise NotAccepted(Fault.NOT_OF_THE_PROFILE, "an unknown critical extension")
    policies = found.get(x509.CertificatePolicies)
    if not isinstance(policies, x509.CertificatePolicies) or kind.policy not in {
        one.policy_identifier for one in policies
    }:
        raise NotAccepted(Fault.NOT_OF_THE_PROFILE, f"not under the policy of {kind} certificates")
    if found.get(x509.KeyUsage) != kind.usage:
        raise NotAccepted(Fault.NOT_OF_THE_PROFILE, f"not for the use of {kind} certificates")
    basic = found.get(x509.BasicConstraints)
    if isinstance(basic, x509.BasicConstraints) and basic.ca:
        raise NotAccepted(Fault.NOT_OF_THE_PROFILE, "an authority's certificate")


def _require_fresh(
    at: datetime, this_update: datetime, next_update: datetime | None, oldest: timedelta | None
) -> datetime:
    if this_update > at + SKEW:
        raise NotAccepted(Fault.STATUS_WRONG, "it is of a later time")
    if next_update is None or at > next_update or (oldest is not None and at - this_update > oldest):
        raise NotAccepted(Fault.STATUS_STALE)
    return this_update


def _refuse_revoked(reason: Revocation, since: datetime) -> None:
    if reason is Revocation.HELD:
        raise NotAccepted(Fault.HELD, f"since {since:%Y-%m-%dT%H:%M:%SZ}")
    raise NotAccepted(Fault.REVOKED, f"{reason.value} since {since:%Y-%m-%dT%H:%M:%SZ}")


def _not_in_list(
    certificate: HolderCertificate,
    at: datetime,
    issuer: x509.Certificate,
    known: RevocationList,
    oldest: timedelta | None,
) -> datetime:
    if (known.authority_key_id, known.distribution_point) != (
        certificate.authority_key_id,
        certificate.distribution_point,
    ):
        raise NotAccepted(Fault.STATUS_WRONG, "the list of another municipality or of another key")
    if known.raw.issuer != issuer.subject or not _is_signed(known, issuer.public_key()):
        raise NotAccepted(Fault.STATUS_WRONG, "the list's signature does not verify")
    known_at = _require_fresh(at, known.this_update, known.next_update, oldest)
    entry = known.find(certificate.serial)
    if entry is not None:
        _refuse_revoked(entry.reason, entry.since)
    return known_at


def _is_signed(known: RevocationList, key: object) -> bool:
    try:
        return (
            isinstance(known.raw.signature_hash_algorithm, STRONG)
            and isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey)
            and known.raw.is_signature_valid(key)
        )
    except UNREADABLE:
        return False


def _answered_good(
    certificate: HolderCertificate, at: datetime, issuer: x509.Certificate, known: Answered, oldest: timedelta | None
) -> datetime:
    try:
        answer = ocsp.read_answer(known.der)
    except Refusal as refused:
        raise NotAccepted(Fault.STATUS_AWAY, refused.detail) from None
    _require_about(answer, certificate, issuer)
    _require_responder(answer, issuer, at)
    nonces = [one.value.nonce for one in answer.extensions if isinstance(one.value, x509.OCSPNonce)]
    if known.nonce is not None and not (nonces and bytes_eq(nonces[0], known.nonce)):
        raise NotAccepted(Fault.STATUS_WRONG, "an answer to another request")
    known_at = _require_fresh(at, answer.this_update_utc, answer.next_update_utc, oldest)
    if answer.certificate_status is x509_ocsp.OCSPCertStatus.UNKNOWN:
        raise NotAccepted(Fault.NOT_ISSUED)
    if answer.certificate_status is x509_ocsp.OCSPCertStatus.REVOKED:
        _refuse_revoked(Revocation.of(answer.revocation_reason), answer.revocation_time_utc or known_at)
    return known_at


def _require_about(answer: x509_ocsp.OCSPResponse, certificate: HolderCertificate, issuer: x509.Certificate) -> None:
    key: PublicKey = issuer.public_key()  # type: ignore[assignment]  # Anchors took no other
    hashed_by = answer.hash_algorithm.name
    named = hashed_by in {"sha1", "sha256"} and ocsp.issuer_hashes(issuer.subject, key, hashed_by) == (
        answer.issuer_name_hash,
        answer.issuer_key_hash,
    )
    if not named or answer.serial_number != certificate.serial:
        raise NotAccepted(Fault.STATUS_WRONG, "an answer about another certificate")


def _require_responder(answer: x509_ocsp.OCSPResponse, issuer: x509.Certificate, at: datetime) -> None:
    """Signed by a responder that the same key of the authority has named for this (RFC 6960, 4.2.2.2)."""
    for one in answer.certificates:
        try:
            one.verify_directly_issued_by(issuer)
            uses = one.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
            named = ExtendedKeyUsageOID.OCSP_SIGNING in uses
            in_time = one.not_valid_before_utc <= at + SKEW and at <= one.not_valid_after_utc
            if named and in_time and _signed_answer(answer, one.public_key()):
                return
        except (InvalidSignature, *UNREADABLE):
            continue
    raise NotAccepted(Fault.STATUS_WRONG, "no responder of this authority has signed the answer")


def _signed_answer(answer: x509_ocsp.OCSPResponse, key: object) -> bool:
    hashed_by = answer.signature_hash_algorithm
    if hashed_by is None or not isinstance(hashed_by, STRONG):
        return False
    if isinstance(key, rsa.RSAPublicKey):
        key.verify(answer.signature, answer.tbs_response_bytes, padding.PKCS1v15(), hashed_by)
    elif isinstance(key, ec.EllipticCurvePublicKey):
        key.verify(answer.signature, answer.tbs_response_bytes, ec.ECDSA(hashed_by))
    else:
        return False
    return True
