"""Who is who: from the directory in use, at every request."""

from datetime import UTC, date, datetime

import msgspec
import pytest

from nakadachi.crypto.signing import SigningKey
from nakadachi.kit.author import Author
from nakadachi.kit.clock import FixedClock
from nakadachi.kit.entropy import SeededEntropy
from nakadachi.kit.peers import Peers
from nakadachi.kit.tls import PeerCertificate
from nakadachi.law.directory import Directory, Node, Status
from nakadachi.refusal import Reason, Refusal
from nakadachi.telegrams.codec import decode_envelope, encode_envelope
from nakadachi.telegrams.permit import IssueSerial, SerialUse
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
    assert [key.spki for key in peers.keys(INTERFACE)] == [SigningKey.from_scalar(1).public.spki]
    assert peers.keys(INTERFACE) is peers.keys(INTERFACE)
    assert peers.url(INTERFACE) == "https://interface.example"
    assert peers.of(Role.INTERFACE, CITY) == INTERFACE
    assert peers.core() == peers.the(Role.CORE) == CORE


def test_who_is_not_listed_has_no_key_and_no_address():
    peers = Peers(directory())
    refused(Reason.BAD_SIGNATURE, peers.keys, STRANGER)
    refused(Reason.NOT_ADDRESSED_HERE, peers.url, STRANGER)
    refused(Reason.NOT_ADDRESSED_HERE, peers.of, Role.INTERMEDIATE, CITY)
    refused(Reason.NOT_ADDRESSED_HERE, peers.the, Role.COMMISSION)
    refused(Reason.NOT_ADDRESSED_HERE, Peers(directory(nodes=())).core)


def test_a_new_directory_brings_new_keys():
    peers = Peers(directory())
    peers.keys(INTERFACE)
    peers.replace(directory(version=2, scalar=2))
    assert [key.spki for key in peers.keys(INTERFACE)] == [SigningKey.from_scalar(2).public.spki]
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


def test_what_a_former_key_signed_counts_as_long_as_the_directory_lists_it():
    old, new = SigningKey.from_scalar(1), SigningKey.from_scalar(2)
    author = Author(INTERFACE, old, FixedClock(datetime(2026, 4, 1, tzinfo=UTC)), SeededEntropy(1))
    written = author.write(IssueSerial, to=INTERFACE, use=SerialUse.INQUIRY, count=1)
    received = decode_envelope(encode_envelope(written.envelope))
    node = Node(name=INTERFACE, url="https://interface.example", signing_key=new.public.spki)
    for former, counts in (((old.public.spki,), True), ((SigningKey.from_scalar(3).public.spki,), False), ((), False)):
        listed = msgspec.structs.replace(node, former_signing_keys=former)
        peers = Peers(Directory(1, date(2026, 4, 1), "0.1.0", (listed,)))
        if counts:
            assert peers.verify(received).header == written.header
        else:
            refused(Reason.BAD_SIGNATURE, peers.verify, received)
