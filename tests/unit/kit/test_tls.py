"""Certificates are bound to nodes by their DNS name, and by nothing else."""

import ssl
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given, settings
from hypothesis import strategies as st

from nakadachi.country.pki import BACKDATED, LIFE, issue, new_authority
from nakadachi.kit.tls import client_context, existing_host, node_host, read_certificate, server_context
from nakadachi.terms import NodeName, OrganisationCode, Role

NOW = datetime.now(UTC)
CITY, TOWN = OrganisationCode("9901000000000001"), OrganisationCode("9901000000000002")
CORE = NodeName("core:9910000000000001")
KEY = ec.derive_private_key(7, ec.SECP256R1())


def certificate_of(*names, other=()):
    """The DER of a certificate of these DNS names, and of further general names."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "core.9910000000000001.nakadachi.internal")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(KEY.public_key())
        .serial_number(4711)
        .not_valid_before(NOW - BACKDATED)
        .not_valid_after(NOW + LIFE)
    )
    if names or other:
        general = [*map(x509.DNSName, names), *other]
        builder = builder.add_extension(x509.SubjectAlternativeName(general), critical=False)
    return builder.sign(KEY, hashes.SHA256()).public_bytes(Encoding.DER)


@pytest.mark.parametrize("role", Role)
def test_a_certificate_of_a_node_is_bound_to_its_role_and_organisation(role):
    peer = read_certificate(certificate_of(node_host(NodeName.of(role, CITY))))
    assert (peer.node, peer.existing, peer.serial) == (NodeName.of(role, CITY), None, 4711)


def test_a_certificate_of_an_existing_system_is_bound_to_it_and_to_no_node():
    peer = read_certificate(certificate_of(existing_host("tax-2", CITY)))
    assert (peer.node, peer.existing) == (None, ("tax-2", CITY))


@pytest.mark.parametrize(
    "name",
    [
        "example.com",
        "core.9910000000000001.nakadachi.internal.example.com",
        "x.core.9910000000000001.nakadachi.internal",
        "CORE.9910000000000001.nakadachi.internal",
        "core.9910000000000001.nakadachi.internal.",
        "core.9910000000000001.nakadachiXinternal",
        "core.991000000000001.nakadachi.internal",
        "core.99100000000000011.nakadachi.internal",
        "*.9910000000000001.nakadachi.internal",
        "*.nakadachi.internal",
        "auditor.9910000000000001.nakadachi.internal",
        "Tax.existing.9901000000000001.nakadachi.internal",
        ".existing.9901000000000001.nakadachi.internal",
        "a" * 41 + ".existing.9901000000000001.nakadachi.internal",
    ],
)
def test_any_other_name_binds_to_nothing(name):
    peer = read_certificate(certificate_of(name))
    assert (peer.node, peer.existing) == (None, None)


def test_other_names_beside_the_nodes_are_passed_over():
    other = [x509.RFC822Name("desk@example.com"), x509.UniformResourceIdentifier("https://example.com")]
    assert read_certificate(certificate_of("example.com", node_host(CORE), other=other)).node == CORE


def test_the_common_name_binds_to_nothing():
    assert read_certificate(certificate_of()).node is None


@pytest.mark.parametrize(
    "names",
    [
        (node_host(CORE), node_host(NodeName.of(Role.INTERFACE, CITY))),
        (existing_host("tax", CITY), existing_host("tax", TOWN)),
        (node_host(CORE), existing_host("tax", CITY)),
    ],
)
def test_a_certificate_of_several_is_bound_to_none(names):
    peer = read_certificate(certificate_of(*names))
    assert (peer.node, peer.existing) == (None, None)


def test_the_same_name_twice_is_one_name():
    assert read_certificate(certificate_of(node_host(CORE), node_host(CORE))).node == CORE


@settings(max_examples=40)
@given(
    st.sampled_from(Role),
    st.from_regex(r"[0-9]{16}", fullmatch=True),
    st.from_regex(r"[a-z0-9-]{1,40}", fullmatch=True),
)
def test_every_name_we_write_is_read_back(role, organisation, system):
    node = NodeName.of(role, OrganisationCode(organisation))
    assert read_certificate(certificate_of(node_host(node))).node == node
    host = existing_host(system, OrganisationCode(organisation))
    if len(host) <= 253:
        assert read_certificate(certificate_of(host)).existing == (system, OrganisationCode(organisation))


def test_both_sides_speak_tls_13_only_and_show_certificates(tmp_path):
    authority = new_authority("sample", NOW)
    (tmp_path / "authority.crt").write_bytes(authority.certificate.public_bytes(Encoding.PEM))
    issue(authority, node_host(CORE), tmp_path, NOW, server=True)
    files = tmp_path / "tls.crt", tmp_path / "tls.key", tmp_path / "authority.crt"
    server, client = server_context(*files), client_context(*files)
    assert server.minimum_version == client.minimum_version == ssl.TLSVersion.TLSv1_3
    assert server.verify_mode == client.verify_mode == ssl.CERT_REQUIRED
    assert client.check_hostname
    assert server.num_tickets == 0


def test_a_certificate_that_cannot_be_read_is_nobodys():
    true = certificate_of(node_host(CORE))
    assert read_certificate(true).node == CORE
    version = true.index(b"\xa0\x03\x02\x01\x02")
    assert read_certificate(true[: version + 4] + b"\x06" + true[version + 5 :]) is None
    assert read_certificate(true[:-1]) is None
    assert read_certificate(b"") is None


def test_a_certificate_with_names_that_cannot_be_read_is_nobodys():
    true = certificate_of(node_host(CORE))
    assert read_certificate(true.replace(b".nakadachi.", b".nakad\xffchi.")) is None
