"""Certificates of a sample country: they hold for what they name, and their keys are their owner's."""

import subprocess
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID

from nakadachi.country.pki import BACKDATED, LIFE, issue, new_authority, write_secret
from nakadachi.kit.tls import existing_host, node_host, read_certificate
from nakadachi.terms import NodeName, OrganisationCode

NOW = datetime(2026, 4, 1, 1, tzinfo=UTC)
HOST = node_host(NodeName("core:9910000000000001"))


@pytest.fixture(scope="module")
def authority():
    return new_authority("sample", NOW)


def issued(authority, folder, host=HOST, *, server=True):
    issue(authority, host, folder, NOW, server=server)
    return x509.load_pem_x509_certificate((folder / "tls.crt").read_bytes())


def extension(certificate, kind):
    return certificate.extensions.get_extension_for_class(kind).value


def test_a_certificate_is_bound_to_its_node_and_signed_by_the_authority(authority, tmp_path):
    certificate = issued(authority, tmp_path)
    certificate.verify_directly_issued_by(authority.certificate)
    assert read_certificate(certificate.public_bytes(Encoding.DER)).node == NodeName("core:9910000000000001")
    with pytest.raises((InvalidSignature, ValueError)):
        certificate.verify_directly_issued_by(new_authority("sample", NOW).certificate)


def test_certificate_and_key_belong_together_and_the_key_is_its_owners_only(authority, tmp_path):
    certificate = issued(authority, tmp_path)
    key = load_pem_private_key((tmp_path / "tls.key").read_bytes(), None)
    assert key.public_key() == certificate.public_key()
    assert (tmp_path / "tls.key").stat().st_mode & 0o777 == 0o600


def test_it_counts_from_a_little_before_now_for_its_life(authority, tmp_path):
    for certificate in (authority.certificate, issued(authority, tmp_path)):
        assert (certificate.not_valid_before_utc, certificate.not_valid_after_utc) == (NOW - BACKDATED, NOW + LIFE)
    assert timedelta(0) < BACKDATED < timedelta(hours=1)


@pytest.mark.parametrize("server", [True, False])
def test_only_who_listens_may_be_a_server(authority, tmp_path, server):
    certificate = issued(authority, tmp_path, server=server)
    uses = set(extension(certificate, x509.ExtendedKeyUsage))
    assert uses == {ExtendedKeyUsageOID.CLIENT_AUTH} | ({ExtendedKeyUsageOID.SERVER_AUTH} if server else set())
    addresses = extension(certificate, x509.SubjectAlternativeName).get_values_for_type(x509.IPAddress)
    assert [str(one) for one in addresses] == (["127.0.0.1"] if server else [])


def test_what_is_issued_may_not_issue(authority, tmp_path):
    certificate = issued(authority, tmp_path)
    assert not extension(certificate, x509.BasicConstraints).ca
    assert not extension(certificate, x509.KeyUsage).key_cert_sign
    assert extension(authority.certificate, x509.BasicConstraints).ca
    assert extension(authority.certificate, x509.KeyUsage).key_cert_sign


def test_no_two_certificates_have_one_number(authority, tmp_path):
    assert len({issued(authority, tmp_path).serial_number for _ in range(5)}) == 5


def test_a_long_name_fits(authority, tmp_path):
    certificate = issued(
        authority, tmp_path, existing_host("a" * 40, OrganisationCode("9901000000000001")), server=False
    )
    peer = read_certificate(certificate.public_bytes(Encoding.DER))
    assert peer.existing == ("a" * 40, OrganisationCode("9901000000000001"))


def test_a_secret_written_over_an_open_file_is_its_owners_only(tmp_path):
    file = tmp_path / "secret"
    file.write_bytes(b"a longer old content")
    file.chmod(0o644)
    write_secret(file, b"new")
    assert (file.read_bytes(), file.stat().st_mode & 0o777) == (b"new", 0o600)


def test_another_program_believes_the_chain(authority, tmp_path):
    issued(authority, tmp_path)
    (tmp_path / "authority.crt").write_bytes(authority.certificate.public_bytes(Encoding.PEM))
    command = ["openssl", "verify", "-x509_strict", "-attime", str(int(NOW.timestamp()) + 60)]
    try:
        said = subprocess.run(
            [*command, "-CAfile", tmp_path / "authority.crt", "-verify_hostname", HOST, tmp_path / "tls.crt"],
            capture_output=True,
            check=False,
        )
    except FileNotFoundError:
        pytest.skip("openssl is not installed")
    assert said.returncode == 0, said.stderr
