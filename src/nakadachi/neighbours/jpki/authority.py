"""認証局: founds an authority and writes certificates with its key. Pure: key, time, serial number are arguments.

Generations of an authority's key share one name (facts 5.1): whoever looks for an issuer goes by its key.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

from nakadachi.neighbours.jpki import profile
from nakadachi.neighbours.jpki.items import FourItems
from nakadachi.neighbours.jpki.profile import Kind, Municipality, PrivateKey, PublicKey

AUTHORITY_YEARS = 10
RESPONDER_LIFE = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Authority:
    """One generation of one authority: its certificate and key."""

    kind: Kind
    certificate: x509.Certificate
    key: PrivateKey = field(repr=False)

    @property
    def key_id(self) -> bytes:
        """認証局鍵識別子: by this its certificates name it."""
        return key_id(self.certificate.public_key())  # type: ignore[arg-type]  # the key it was founded with


@dataclass(frozen=True, slots=True)
class Order:
    """発行: what a certificate says beside its holder's key and items.

    `serial`: 1 to 2^159 - 1; `common_name`: opaque, up to 64 characters; `responder`: where to ask for its state, empty
    where it does not say.
    """

    serial: int
    common_name: str
    place: Municipality
    start: datetime
    until: datetime
    responder: str = ""


def key_id(key: PublicKey) -> bytes:
    """鍵識別子: SHA-1 of the public key (RFC 5280, 4.2.1.2, method 1). An identifier: nothing rests on SHA-1 here."""
    return x509.SubjectKeyIdentifier.from_public_key(key).digest


def sign(builder: x509.CertificateBuilder, key: PrivateKey) -> x509.Certificate:
    """SHA-256 with RSA (PKCS #1 v1.5) or with ECDSA; neither needs chance (RFC 6979)."""
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return builder.sign(key, hashes.SHA256(), ecdsa_deterministic=True)
    return builder.sign(key, hashes.SHA256())


def found(kind: Kind, key: PrivateKey, *, serial: int, now: datetime) -> Authority:
    """認証局の設立: a self-signed certificate for ten years, SHA-256."""
    name = profile.authority_name(kind)
    until = now.replace(year=now.year + AUTHORITY_YEARS, day=min(now.day, 28)) - timedelta(seconds=1)
    builder = (
        _builder(name, name, key.public_key(), serial)
        .not_valid_before(now)
        .not_valid_after(until)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(profile.key_usage(key_cert_sign=True, crl_sign=True), critical=True)
        .add_extension(profile.public_name(), critical=False)
        .add_extension(profile.distribution_points(profile.authority_partition(kind)), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    return Authority(kind, sign(builder, key), key)


def issue_signature(authority: Authority, key: PublicKey, order: Order, items: FourItems) -> x509.Certificate:
    """署名用電子証明書: with its holder's four items. Raises ValueError where no certificate can carry the order."""
    _require(authority, Kind.SIGNATURE)
    builder = _holder_builder(authority, key, order).add_extension(profile.write_items(items), critical=False)
    return sign(builder, authority.key)


def issue_authentication(authority: Authority, key: PublicKey, order: Order) -> x509.Certificate:
    """利用者証明用電子証明書: it says nothing of its holder. Raises ValueError as above."""
    _require(authority, Kind.AUTHENTICATION)
    return sign(_holder_builder(authority, key, order), authority.key)


def issue_responder(authority: Authority, key: PublicKey, *, serial: int, now: datetime) -> x509.Certificate:
    """OCSPレスポンダー証明書: answers for this generation (RFC 6960, 4.2.2.2); too short-lived to be revoked."""
    name = x509.Name(
        [
            *profile.authority_name(authority.kind),
            x509.NameAttribute(NameOID.COMMON_NAME, "OCSP responder"),
        ]
    )
    builder = (
        _builder(authority.certificate.subject, name, key, serial)
        .not_valid_before(now)
        .not_valid_after(min(now + RESPONDER_LIFE, authority.certificate.not_valid_after_utc))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(profile.key_usage(digital_signature=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING]), critical=False)
        .add_extension(x509.OCSPNoCheck(), critical=False)
        .add_extension(_issuer_key(authority), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )
    return sign(builder, authority.key)


def list_name(authority_key_id: bytes, distribution_point: x509.Name) -> str:
    """失効リストの名: what a list is fetched by: 32 hexadecimal digits, made of what a certificate says of its list."""
    return sha256(authority_key_id + distribution_point.public_bytes()).hexdigest()[:32]


def _require(authority: Authority, kind: Kind) -> None:
    if authority.kind is not kind:
        raise ValueError(f"the {authority.kind} authority issues no {kind} certificate")


def _holder_builder(authority: Authority, key: PublicKey, order: Order) -> x509.CertificateBuilder:
    if order.until > authority.certificate.not_valid_after_utc:
        raise ValueError("a certificate may not outlive its authority: found the next generation first")
    kind = authority.kind
    subject = profile.holder_name(kind, order.place, order.common_name)
    point = profile.distribution_points(profile.partition(kind, order.place))
    builder = (
        _builder(authority.certificate.subject, subject, key, order.serial)
        .not_valid_before(order.start)
        .not_valid_after(order.until)
        .add_extension(kind.usage, critical=True)
        .add_extension(x509.CertificatePolicies([x509.PolicyInformation(kind.policy, None)]), critical=True)
        .add_extension(point, critical=False)
        .add_extension(_issuer_key(authority), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )
    if order.responder:
        access = x509.AccessDescription(
            AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier(order.responder)
        )
        builder = builder.add_extension(x509.AuthorityInformationAccess([access]), critical=False)
    return builder


def _issuer_key(authority: Authority) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier(authority.key_id, None, None)


def _builder(issuer: x509.Name, subject: x509.Name, key: PublicKey, serial: int) -> x509.CertificateBuilder:
    return x509.CertificateBuilder().issuer_name(issuer).subject_name(subject).public_key(key).serial_number(serial)
