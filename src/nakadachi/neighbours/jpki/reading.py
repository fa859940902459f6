"""Reads certificates of the public certification service; total: any bytes become a value or a Refusal.

To read is not to believe: whether a certificate is good is for `verifying`.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from nakadachi.neighbours.jpki.authority import list_name
from nakadachi.neighbours.jpki.items import FourItems
from nakadachi.neighbours.jpki.profile import Kind, PublicKey, read_items
from nakadachi.refusal import Reason, Refusal

CERTIFICATE_LIMIT = 16 * 1024
"""Bytes of a certificate at the most; a real one has about two thousand."""
UNREADABLE = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.ExtensionNotFound,
    x509.UnsupportedGeneralNameType,
)
"""What the library raises where bytes are no certificate, list, request or answer, at once or when a part is read."""

E = TypeVar("E", bound=x509.ExtensionType)


@dataclass(frozen=True, slots=True)
class HolderCertificate:
    """利用者の電子証明書, read: what both kinds say. Times are UTC; `authority_key_id` names the key that issued it."""

    serial: int
    common_name: str = field(repr=False)
    start: datetime
    until: datetime
    key: PublicKey = field(repr=False)
    authority_key_id: bytes = field(repr=False)
    distribution_point: x509.Name = field(repr=False)
    raw: x509.Certificate = field(repr=False)

    @property
    def kind(self) -> Kind:
        """Which authority issues such."""
        raise NotImplementedError

    @property
    def der(self) -> bytes:
        """Its bytes."""
        return self.raw.public_bytes(Encoding.DER)

    @property
    def list_name(self) -> str:
        """The name of the list in which its revocation would stand."""
        return list_name(self.authority_key_id, self.distribution_point)


@dataclass(frozen=True, slots=True)
class AuthenticationCertificate(HolderCertificate):
    """利用者証明用電子証明書, read: it says nothing of its holder but an opaque common name."""

    @property
    def kind(self) -> Kind:
        """Which authority issues such."""
        return Kind.AUTHENTICATION


@dataclass(frozen=True, slots=True)
class SignatureCertificate(HolderCertificate):
    """署名用電子証明書, read: with the four items of its holder, their prefecture and their city."""

    items: FourItems
    prefecture: str = field(repr=False)
    city: str = field(repr=False)

    @property
    def kind(self) -> Kind:
        """Which authority issues such."""
        return Kind.SIGNATURE


def read_signature_certificate(der: bytes) -> SignatureCertificate:
    """A signature certificate (DER). Raises Refusal(BAD_FORMAT, TOO_LARGE); neither tells anything of its holder."""
    try:
        raw = _load(der)
        places = _names(raw, NameOID.LOCALITY_NAME)
        if len(places) != 2:
            raise ValueError("the subject does not have two localities")
        items = read_items(_extension(raw, x509.SubjectAlternativeName))
        return SignatureCertificate(**_common(raw), items=items, prefecture=places[0], city=places[1])
    except UNREADABLE as wrong:
        raise unreadable("signature certificate", wrong) from None


def read_authentication_certificate(der: bytes) -> AuthenticationCertificate:
    """A user-authentication certificate (DER). Raises Refusal(BAD_FORMAT, TOO_LARGE)."""
    try:
        raw = _load(der)
        _none_of_the_four_items(raw)
        return AuthenticationCertificate(**_common(raw))
    except UNREADABLE as wrong:
        raise unreadable("user-authentication certificate", wrong) from None


def read_certificate(kind: Kind, der: bytes) -> HolderCertificate:
    """A certificate of either kind. Raises Refusal as above."""
    return read_signature_certificate(der) if kind is Kind.SIGNATURE else read_authentication_certificate(der)


def read_request(der: bytes) -> PublicKey:
    """証明書発行要求 (PKCS#10): the public key of whoever holds the private one.

    Raises Refusal(BAD_FORMAT, BAD_SIGNATURE, TOO_LARGE).
    """
    try:
        require_size(der, CERTIFICATE_LIMIT)
        request = x509.load_der_x509_csr(der)
        valid, key = request.is_signature_valid, request.public_key()
        if not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
            raise TypeError("its key is neither RSA nor on an elliptic curve")
    except UNREADABLE as wrong:
        raise unreadable("certificate request", wrong) from None
    if not valid:
        raise Refusal(Reason.BAD_SIGNATURE, "the request is not signed with the key that stands in it")
    return key


def require_size(der: bytes, limit: int) -> None:
    """Refuse what is too large to be looked at. Raises Refusal(TOO_LARGE)."""
    if len(der) > limit:
        raise Refusal(Reason.TOO_LARGE, f"more than {limit} bytes")


def unreadable(what: str, wrong: Exception) -> Refusal:
    """The refusal of bytes that are not what they should be. The library's words may repeat a value: they stay out."""
    return Refusal(Reason.BAD_FORMAT, f"no {what} of the profile ({type(wrong).__name__})")


def _load(der: bytes) -> x509.Certificate:
    require_size(der, CERTIFICATE_LIMIT)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a serial number below 1 is no serial number
        try:
            raw = x509.load_der_x509_certificate(der)
            _ = raw.extensions, raw.issuer, raw.signature_hash_algorithm  # parsed when first asked for
        except Warning:
            raise ValueError("not of the profile") from None
    return raw


def _common(raw: x509.Certificate) -> dict[str, Any]:
    names = _names(raw, NameOID.COMMON_NAME)
    key = raw.public_key()
    issuer = _extension(raw, x509.AuthorityKeyIdentifier).key_identifier
    if len(names) != 1 or not issuer or not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
        raise ValueError("not of the profile")
    return {
        "serial": raw.serial_number,
        "common_name": names[0],
        "start": raw.not_valid_before_utc,
        "until": raw.not_valid_after_utc,
        "key": key,
        "authority_key_id": issuer,
        "distribution_point": _point(raw),
        "raw": raw,
    }


def _point(raw: x509.Certificate) -> x509.Name:
    points = list(_extension(raw, x509.CRLDistributionPoints))
    names = points[0].full_name if len(points) == 1 and points[0].full_name else []
    if len(names) != 1 or not isinstance(names[0], x509.DirectoryName):
        raise ValueError("not of the profile")
    return names[0].value


def _names(raw: x509.Certificate, oid: x509.ObjectIdentifier) -> list[str]:
    """The values of one attribute of the subject, where all of them are texts."""
    values = [one.value for one in raw.subject.get_attributes_for_oid(oid)]
    if any(isinstance(one, bytes) or not one for one in values):
        raise ValueError("not of the profile")
    return [str(one) for one in values]


def _extension(raw: x509.Certificate, kind: type[E]) -> E:
    return raw.extensions.get_extension_for_class(kind).value


def _none_of_the_four_items(raw: x509.Certificate) -> None:
    """A signature certificate is not taken for the other kind: it says more than its holder meant to show."""
    if any(isinstance(one.value, x509.SubjectAlternativeName) for one in raw.extensions):
        raise ValueError("not of the profile")
