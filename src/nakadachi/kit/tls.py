"""TLS 1.3 with certificates on both sides, bound to a node by a DNS name: `<role>.<organisation>.nakadachi.internal`.

The name is checked by TLS itself when we connect, and read from the client certificate when somebody connects to us.
"""

from __future__ import annotations

import re
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from nakadachi.terms import NodeName, OrganisationCode, Role

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

DOMAIN = "nakadachi.internal"
HEALTH_HOST = f"health.{DOMAIN}"
"""The name of whoever stands in front of several instances and asks which of them is ready: neither a node nor an
existing system, so that it opens nothing else.
"""
_NODE = re.compile(rf"({'|'.join(Role)})\.([0-9]{{16}})\.{re.escape(DOMAIN)}")
_EXISTING = re.compile(rf"([a-z0-9-]{{1,40}})\.existing\.([0-9]{{16}})\.{re.escape(DOMAIN)}")


def node_host(name: NodeName) -> str:
    """The DNS name in a node's certificate."""
    return f"{name.role.value}.{name.organisation.value}.{DOMAIN}"


def existing_host(system: str, organisation: OrganisationCode) -> str:
    """The DNS name in the certificate of an organisation's existing system."""
    return f"{system}.existing.{organisation.value}.{DOMAIN}"


@dataclass(frozen=True, slots=True)
class PeerCertificate:
    """What a client certificate says: its serial number, and the node or the existing system it is bound to; `health`
    where it is for asking whether a system is ready, and for nothing else.
    """

    serial: int
    node: NodeName | None
    existing: tuple[str, OrganisationCode] | None
    health: bool = False


def read_certificate(der: bytes) -> PeerCertificate | None:
    """A client certificate (DER, its chain checked by TLS) to what it is bound to; total.

    Other names are passed over; one that names several nodes or existing systems is bound to none of them. None where
    the certificate, or the names in it, cannot be read: whoever shows it is then nobody.
    """
    try:
        certificate = x509.load_der_x509_certificate(der)
        return _bound(certificate)
    except (ValueError, TypeError, x509.InvalidVersion, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        return None


def _bound(certificate: x509.Certificate) -> PeerCertificate:
    nodes: set[NodeName] = set()
    existing: set[tuple[str, OrganisationCode]] = set()
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        names = x509.SubjectAlternativeName([])
    hosts = names.get_values_for_type(x509.DNSName)
    for name in hosts:
        if found := _NODE.fullmatch(name):
            nodes.add(NodeName.of(Role(found[1]), OrganisationCode(found[2])))
        elif found := _EXISTING.fullmatch(name):
            existing.add((found[1], OrganisationCode(found[2])))
    if len(nodes) + len(existing) != 1:
        alone = not nodes and not existing
        return PeerCertificate(certificate.serial_number, None, None, health=alone and HEALTH_HOST in hosts)
    return PeerCertificate(certificate.serial_number, *nodes or (None,), *existing or (None,))


def own_certificate(certificate: Path) -> PeerCertificate | None:
    """What the certificate in a file (PEM) says to those it is shown to. Raises OSError, ValueError."""
    return read_certificate(x509.load_pem_x509_certificate(certificate.read_bytes()).public_bytes(Encoding.DER))


def not_after(certificate: Path) -> datetime:
    """When the certificate in a file (PEM) ends, UTC. Raises OSError, ValueError."""
    return x509.load_pem_x509_certificate(certificate.read_bytes()).not_valid_after_utc


def server_context(certificate: Path, key: Path, authority: Path) -> ssl.SSLContext:
    """For listening: TLS 1.3, a client certificate required, no session tickets (a revoked one must not resume)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.verify_mode = ssl.CERT_REQUIRED
    context.num_tickets = 0
    return _common(context, certificate, key, authority)


def browser_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """For listening to people's browsers: TLS 1.3, and no certificate asked of them."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(certificate, key)
    return context


def client_context(certificate: Path, key: Path, authority: Path) -> ssl.SSLContext:
    """For connecting: TLS 1.3, our certificate shown, the other side's name checked."""
    return _common(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), certificate, key, authority)


def _common(context: ssl.SSLContext, certificate: Path, key: Path, authority: Path) -> ssl.SSLContext:
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(certificate, key)
    context.load_verify_locations(authority)
    return context
