"""証明書失効リスト (CRL): one for each municipality and generation of a key, complete (RFC 5280, 5).

A list names the distribution point that it is of, so that one municipality's cannot be shown for another's.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from nakadachi.neighbours.jpki.authority import Authority
from nakadachi.neighbours.jpki.reading import UNREADABLE, require_size, unreadable
from nakadachi.neighbours.jpki.states import Entry, Revocation

LIST_LIMIT = 32 * 1024 * 1024
"""Bytes of a list at the most: about 800,000 revocations; the largest city has 3.8 million people."""


@dataclass(frozen=True, slots=True)
class Issue:
    """発行: the number of a list in its municipality, when it is made, and when the next one is at the latest."""

    number: int
    now: datetime
    next_update: datetime


def write_list(authority: Authority, point: x509.Name, entries: Iterable[Entry], issue: Issue) -> bytes:
    """失効リストの発行 (DER), signed with the key that issued the certificates it is about."""
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(authority.certificate.subject)
        .last_update(issue.now)
        .next_update(issue.next_update)
        .add_extension(x509.CRLNumber(issue.number), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier(authority.key_id, None, None), critical=False)
        .add_extension(_scope(point), critical=True)
    )
    for entry in entries:
        builder = builder.add_revoked_certificate(_line(entry))
    if isinstance(authority.key, ec.EllipticCurvePrivateKey):
        return builder.sign(authority.key, hashes.SHA256(), ecdsa_deterministic=True).public_bytes(Encoding.DER)
    return builder.sign(authority.key, hashes.SHA256()).public_bytes(Encoding.DER)


def _scope(point: x509.Name) -> x509.IssuingDistributionPoint:
    return x509.IssuingDistributionPoint(
        full_name=[x509.DirectoryName(point)],
        relative_name=None,
        only_contains_user_certs=True,
        only_contains_ca_certs=False,
        only_some_reasons=None,
        indirect_crl=False,
        only_contains_attribute_certs=False,
    )


def _line(entry: Entry) -> x509.RevokedCertificate:
    builder = x509.RevokedCertificateBuilder().serial_number(entry.serial).revocation_date(entry.since)
    if entry.reason is not Revocation.UNSPECIFIED:  # RFC 5280, 5.3.1: then the reason should be left out
        builder = builder.add_extension(x509.CRLReason(entry.reason.flag), critical=False)
    return builder.build()


@dataclass(frozen=True, slots=True)
class RevocationList:
    """失効リスト, read: whose key signed it, what it is about, and how long it counts. It is not verified yet."""

    authority_key_id: bytes
    distribution_point: x509.Name
    number: int
    this_update: datetime
    next_update: datetime
    raw: x509.CertificateRevocationList = field(repr=False)

    def find(self, serial: int) -> Entry | None:
        """The line of a serial number, if there is one."""
        found = self.raw.get_revoked_certificate_by_serial_number(serial)
        if found is None:
            return None
        reasons = [one.value.reason for one in found.extensions if isinstance(one.value, x509.CRLReason)]
        return Entry(serial, found.revocation_date_utc, Revocation.of(next(iter(reasons), None)))

    def __len__(self) -> int:
        return len(self.raw)


def read_list(der: bytes) -> RevocationList:
    """A list of one distribution point, whole (DER); total. Raises Refusal(BAD_FORMAT, TOO_LARGE)."""
    require_size(der, LIST_LIMIT)
    try:
        raw = x509.load_der_x509_crl(der)
        found = {type(one.value): one.value for one in raw.extensions}
        scope, number = found[x509.IssuingDistributionPoint], found[x509.CRLNumber]
        key = found[x509.AuthorityKeyIdentifier]
        if x509.DeltaCRLIndicator in found or any(
            one.critical and isinstance(one.value, x509.UnrecognizedExtension) for one in raw.extensions
        ):
            raise ValueError("part of a list, or a list of another kind")
        until = raw.next_update_utc
        if until is None or not isinstance(key, x509.AuthorityKeyIdentifier) or not key.key_identifier:
            raise ValueError("not of the profile")
        if not isinstance(number, x509.CRLNumber):
            raise TypeError
        _ = raw.issuer, raw.signature_hash_algorithm  # parsed when first asked for: what cannot be is found here
        for line in raw:
            _require_plain(line)
        return RevocationList(key.key_identifier, _point(scope), number.crl_number, raw.last_update_utc, until, raw)
    except (*UNREADABLE, KeyError) as wrong:
        raise unreadable("revocation list", wrong) from None


def _point(scope: object) -> x509.Name:
    if not isinstance(scope, x509.IssuingDistributionPoint):
        raise TypeError
    names = scope.full_name or []
    partial = (
        scope.only_contains_ca_certs
        or scope.only_some_reasons
        or scope.indirect_crl
        or scope.only_contains_attribute_certs
    )
    if partial or len(names) != 1 or not isinstance(names[0], x509.DirectoryName):
        raise ValueError("not of the profile")
    return names[0].value


def _require_plain(line: x509.RevokedCertificate) -> None:
    """A line must say nothing that we would pass over (RFC 5280, 5.3)."""
    known = (x509.CRLReason, x509.InvalidityDate)
    if any(one.critical and not isinstance(one.value, known) for one in line.extensions):
        raise ValueError("a line of another kind")
