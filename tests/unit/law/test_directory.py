import base64
import hashlib
import json
from dataclasses import replace
from datetime import date

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nakadachi.law.directory import P256_SPKI, Directory, LogOrigin, Node, SealKeys, Status, parse
from nakadachi.law.reading import LawError
from nakadachi.ledger.checkpoint import Checkpoint
from nakadachi.refusal import Reason, Refusal
from nakadachi.terms import NodeName, OrganisationCode, Role

A, B, CORE, WATCH = (OrganisationCode(f"{n:016d}") for n in (1, 2, 8, 9))


def b64(raw):
    return base64.b64encode(raw).decode()


KEY = b64(P256_SPKI + bytes(range(64)))
SEAL = SealKeys(default=b64(b"a" * 1216), p256=b64(b"b" * 65))


def vkey(name, kind):
    raw = bytes([kind]) + bytes(range(32))
    tag = hashlib.sha256(name.encode() + b"\n" + raw).hexdigest()[:8]
    return f"{name}+{tag}+{b64(raw)}"


LOG = LogOrigin(origin="core.example/log-1", verifier_key=vkey("core.example/log-1", 1))


def node(role, organisation, **more):
    name = NodeName.of(role, organisation)
    return Node(name=name, url=f"https://{role.value}.example", signing_key=KEY, **more)


NODES = (
    node(Role.CORE, CORE, logs=(LOG,)),
    node(Role.COMMISSION, WATCH, witness_key=vkey("watch.example", 4)),
    node(Role.INTERFACE, A),
    node(Role.INTERMEDIATE, A, seal_keys=SEAL),
    node(Role.INTERFACE, B, status=Status.WITHDRAWN),
)
DIRECTORY = Directory(3, date(2026, 4, 1), "0.2.10", NODES, ("1f", "a0"))


def refused(call, reason, *arguments):
    with pytest.raises(Refusal) as refusal:
        call(*arguments)
    assert refusal.value.reason is reason
    return refusal.value.detail


def problems_with(*nodes):
    with pytest.raises(LawError) as wrong:
        replace(DIRECTORY, nodes=nodes)
    assert all(each.startswith("directory, ") and "Mend: " in each for each in wrong.value.problems)
    return "\n".join(wrong.value.problems)


def test_a_node_is_found_by_its_name():
    assert DIRECTORY.node(NodeName.of(Role.CORE, CORE)).logs == (LOG,)
    assert DIRECTORY.node(NodeName.of(Role.INTERFACE, A)).name.role is Role.INTERFACE
    assert DIRECTORY.node(NodeName.of(Role.INTERMEDIATE, A)).seal_key("default") == SEAL.default
    assert DIRECTORY.of_role(Role.INTERFACE) == (DIRECTORY.node(NodeName.of(Role.INTERFACE, A)),)


def test_an_address_with_a_control_character_is_none():
    for url in ("https://a.example/\0", "https://a.example/\x1f", "https://a.example\n"):
        assert "url" in problems_with(msgspec.structs.replace(node(Role.INTERFACE, A), url=url))


def test_the_origin_of_a_log_is_one_that_a_checkpoint_can_name():
    for origin in ("core.example/\0", "core.example/1\n", "core example", "c" * 201):
        with pytest.raises(ValueError, match="no checkpoint"):
            Checkpoint(origin, 0, bytes(32))
        assert "origin" in problems_with(node(Role.CORE, CORE, logs=(msgspec.structs.replace(LOG, origin=origin),)))


def test_an_unknown_and_a_withdrawn_node_are_refused():
    assert "not in" in refused(DIRECTORY.node, Reason.NOT_ADDRESSED_HERE, NodeName.of(Role.INTERMEDIATE, B))
    assert "withdrawn from" in refused(DIRECTORY.node, Reason.NOT_ADDRESSED_HERE, NodeName.of(Role.INTERFACE, B))
    assert DIRECTORY.find(NodeName.of(Role.INTERFACE, B)) is None


def test_a_suite_a_node_does_not_offer_is_refused():
    assert "'strict'" in refused(
        DIRECTORY.node(NodeName.of(Role.INTERMEDIATE, A)).seal_key, Reason.NOT_ADDRESSED_HERE, "strict"
    )


def test_a_log_counts_by_its_origin_while_its_core_is_in_service():
    assert DIRECTORY.log_key("core.example/log-1") == LOG.verifier_key
    refused(DIRECTORY.log_key, Reason.PERMIT_INVALID, "elsewhere.example/log")
    gone = msgspec.structs.replace(NODES[0], status=Status.WITHDRAWN)
    refused(replace(DIRECTORY, nodes=(gone,)).log_key, Reason.PERMIT_INVALID, "core.example/log-1")


def test_the_commissions_witness_keys_are_listed():
    assert DIRECTORY.witness_keys() == (vkey("watch.example", 4),)
    assert replace(DIRECTORY, nodes=(node(Role.COMMISSION, WATCH),)).witness_keys() == ()


def test_a_revoked_certificate_is_known_by_its_serial_number():
    assert DIRECTORY.is_revoked(0x1F)
    assert not DIRECTORY.is_revoked(0xF1)


def test_a_peer_below_the_lowest_version_is_refused():
    for enough in ("0.2.10", "0.10.0", "1.0.0"):
        DIRECTORY.require_version(enough)
    refused(DIRECTORY.require_version, Reason.VERSION_TOO_OLD, "0.2.9")
    refused(DIRECTORY.require_version, Reason.BAD_FORMAT, "newest")


def test_only_those_who_open_bodies_have_a_seal_key():
    assert "its role may not open a body" in problems_with(node(Role.INTERFACE, A, seal_keys=SEAL))
    assert "its role may not open a body" in problems_with(node(Role.CORE, CORE, seal_keys=SEAL))
    assert replace(DIRECTORY, nodes=(node(Role.PORTAL, A, seal_keys=SEAL),))


def test_only_a_core_has_logs_and_only_the_commission_a_witness_key():
    assert "keeps no log" in problems_with(node(Role.INTERFACE, A, logs=(LOG,)))
    assert "is no witness" in problems_with(node(Role.CORE, CORE, witness_key=vkey("w", 4)))


@pytest.mark.parametrize("key", ["", "no base64!", b64(b"short"), b64(b"\x00" * 91), KEY + "\n", KEY.rstrip("=") + "é"])
def test_a_signing_key_is_a_p256_public_key(key):
    assert "signing_key is no P-256" in problems_with(msgspec.structs.replace(NODES[2], signing_key=key))


def test_a_seal_key_is_base64():
    assert "`strict` is not base64" in problems_with(node(Role.PORTAL, A, seal_keys=SealKeys(strict="?")))


@pytest.mark.parametrize(
    "text",
    ["", "name", "+00000000+AQ==", vkey("name", 4), vkey("name", 1)[:-4], vkey("name", 1).replace("name", "eman")],
)
def test_a_log_key_is_a_vkey_of_its_kind_with_its_own_hash(text):
    bad = LogOrigin(origin="name", verifier_key=text)
    assert "a log's verifier_key is no Ed25519 vkey" in problems_with(node(Role.CORE, CORE, logs=(bad,)))


def test_a_witness_key_is_of_a_cosigner():
    assert "witness_key is no Ed25519 vkey" in problems_with(node(Role.COMMISSION, WATCH, witness_key=vkey("w", 1)))


def test_a_node_and_an_origin_are_there_once():
    told = problems_with(NODES[0], NODES[0])
    assert "the node is there 2 times" in told
    assert "the origin is there 2 times" in told


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"version": 0}, "$.version"),
        ({"minimum_peer_version": "1"}, "$.minimum_peer_version"),
        ({"revoked_certificates": ("0A",)}, "$.revoked_certificates"),
        ({"nodes": (msgspec.structs.replace(NODES[2], url="nowhere"),)}, "$.nodes[0].url"),
    ],
)
def test_a_directory_is_checked_as_it_is_made(change, told):
    with pytest.raises(LawError) as wrong:
        replace(DIRECTORY, **change)
    assert told in str(wrong.value)


def test_a_directory_comes_back_from_its_bytes_as_it_was():
    assert parse(DIRECTORY.to_bytes()) == DIRECTORY
    assert parse(DIRECTORY.to_bytes()).to_bytes() == DIRECTORY.to_bytes()


def test_a_text_that_says_the_same_in_another_way_is_refused():
    spaced = json.dumps(json.loads(DIRECTORY.to_bytes())).encode()
    assert "not the canonical text" in refused(parse, Reason.BAD_FORMAT, spaced)


@given(st.binary(max_size=200))
def test_any_bytes_become_a_directory_or_are_refused(raw):
    refused(parse, Reason.BAD_FORMAT, raw)


@settings(max_examples=200, deadline=None)
@given(at=st.integers(0, len(DIRECTORY.to_bytes()) - 1), byte=st.integers(0, 255))
def test_a_directory_with_one_byte_changed_is_read_as_changed_or_refused(at, byte):
    raw = bytearray(DIRECTORY.to_bytes())
    raw[at] = byte
    try:
        read = parse(bytes(raw))
    except Refusal as refusal:
        reason = refusal.reason
    else:
        assert read.to_bytes() == bytes(raw)
        return
    assert reason is Reason.BAD_FORMAT


def test_a_directory_uses_nothing_that_nodes_of_its_minimum_version_do_not_read():
    renewed = (*NODES[:2], node(Role.INTERFACE, A, former_signing_keys=(KEY,)))
    for minimum in ("0.1.0", "0.1.99"):
        older = replace(DIRECTORY, nodes=renewed, minimum_peer_version=minimum)
        assert "raise the minimum first" in refused(older.require_readable, Reason.BAD_FORMAT)
        replace(older, nodes=NODES).require_readable()
    replace(DIRECTORY, nodes=renewed, minimum_peer_version="0.2.0").require_readable()
