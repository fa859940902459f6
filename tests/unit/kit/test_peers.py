"""Who is who: from the directory in use, at every request."""

from datetime import date

import pytest

from nakadachi.crypto.signing import SigningKey
from nakadachi.kit.peers import Peers
from nakadachi.kit.tls import PeerCertificate
from nakadachi.law.directory import Directory, Node, Status
from nakadachi.refusal import Reason, Refusal
from nakadachi.terms import NodeName, OrganisationCode, Role

CITY = OrganisationCode("9901000000000001")
CORE, INTERFACE = NodeName("core:9910000000000001"), NodeName.of(Role.INTERFACE, CITY)
STRANGER = NodeName("interface:9901000000000009")


def directory(*, version=1, scalar=1, revoked=(), status=Status.ACTIVE, nodes=(CORE, INTERFACE)):
    key = SigningKey.from_scalar(scalar).public.spki
    listed = tuple(
        Node(name=name, url=f"https://{name.role}.example", signing_key=key, status=status) for name in nodes
    )
    return Directory(version, date(2026, 4, 1), "0.1.0", listed, revoked)


def refused(reason, act, *arguments):
    with pytest.raises(Refusal) as wrong:
        act(*arguments)
    assert wrong.value.reason is reason, wrong.value


def test_a_node_has_the_key_and_the_address_of_the_directory():
    peers = Peers(directory())
    assert peers.key(INTERFACE).spki == SigningKey.from_scalar(1).public.spki
    assert peers.key(INTERFACE) is peers.key(INTERFACE)
    assert peers.url(INTERFACE) == "https://interface.example"
    assert peers.of(Role.INTERFACE, CITY) == INTERFACE
    assert peers.core() == peers.the(Role.CORE) == CORE


def test_who_is_not_listed_has_no_key_and_no_address():
    peers = Peers(directory())
    refused(Reason.BAD_SIGNATURE, peers.key, STRANGER)
    refused(Reason.NOT_ADDRESSED_HERE, peers.url, STRANGER)
    refused(Reason.NOT_ADDRESSED_HERE, peers.of, Role.INTERMEDIATE, CITY)
    refused(Reason.NOT_ADDRESSED_HERE, peers.the, Role.COMMISSION)
    refused(Reason.NOT_ADDRESSED_HERE, Peers(directory(nodes=())).core)


def test_a_new_directory_brings_new_keys():
    peers = Peers(directory())
    peers.key(INTERFACE)
    peers.replace(directory(version=2, scalar=2))
    assert peers.key(INTERFACE).spki == SigningKey.from_scalar(2).public.spki
    assert peers.directory.version == 2


def test_a_listed_nodes_certificate_is_admitted():
    assert Peers(directory()).admit(PeerCertificate(10, INTERFACE, None)) == INTERFACE


@pytest.mark.parametrize(
    "certificate",
    [None, PeerCertificate(10, None, None), PeerCertificate(10, None, ("tax", CITY)), PeerCertificate(255, CORE, None)],
)
def test_no_certificate_another_one_or_a_revoked_one_is_not(certificate):
    refused(Reason.ROLE_NOT_ALLOWED, Peers(directory(revoked=("ff",))).admit, certificate)


def test_a_stranger_and_a_withdrawn_node_are_not():
    refused(Reason.NOT_ADDRESSED_HERE, Peers(directory()).admit, PeerCertificate(10, STRANGER, None))
    withdrawn = Peers(directory(status=Status.WITHDRAWN))
    refused(Reason.NOT_ADDRESSED_HERE, withdrawn.admit, PeerCertificate(10, CORE, None))


def test_a_certificate_revoked_between_two_requests_stops_at_once():
    peers, certificate = Peers(directory()), PeerCertificate(255, INTERFACE, None)
    assert peers.admit(certificate) == INTERFACE
    peers.replace(directory(version=2, revoked=("ff",)))
    refused(Reason.ROLE_NOT_ALLOWED, peers.admit, certificate)
