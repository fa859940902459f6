"""Cosigned heads: permits pass while a recent one was seen, and only the Commission makes one."""

from datetime import timedelta

import pytest

from nakadachi.crypto.notes import NoteKind, NoteSigner, add_signature
from nakadachi.ledger.checkpoint import Checkpoint, sign_checkpoint
from nakadachi.ledger.heads import Heads, WhenStale
from nakadachi.refusal import Reason, Refusal
from tests.unit.ledger.conftest import LOG, WITNESS

ORIGIN, OTHER = "core.example/1", "core.example/2"
LAG = timedelta(minutes=5)
SECOND_LOG = NoteSigner.from_seed(OTHER, b"\7" * 32)
FORGER = NoteSigner.from_seed("commission.example/witness", b"\x09" * 32, NoteKind.COSIGNATURE)


@pytest.fixture
def heads():
    return Heads(LAG, WhenStale.REFUSE)


def refused(act, *arguments):
    with pytest.raises(Refusal) as wrong:
        act(*arguments)
    assert wrong.value.reason is Reason.NO_WITNESS, wrong.value
    return wrong.value.detail


@pytest.mark.parametrize(("age", "recent"), [(timedelta(0), True), (LAG, True), (LAG + timedelta(seconds=1), False)])
def test_a_head_counts_until_the_lag_is_over(network, heads, age, recent):
    heads.see(network.head(network.now), ORIGIN, network.directory())
    if recent:
        heads.require_recent(ORIGIN, network.now + age)
    else:
        assert network.now.isoformat() in refused(heads.require_recent, ORIGIN, network.now + age)


def test_where_no_head_was_seen_none_is_recent(network, heads):
    assert "never" in refused(heads.require_recent, ORIGIN, network.now)


def test_the_other_rule_lets_permits_pass_without_a_recent_head(network):
    heads = Heads(LAG, WhenStale.ACCEPT)
    heads.require_recent(ORIGIN, network.now)
    heads.see(network.head(network.now), ORIGIN, network.directory())
    heads.require_recent(ORIGIN, network.now + timedelta(days=9))


def test_the_other_rule_believes_no_forged_head_either(network):
    heads = Heads(LAG, WhenStale.ACCEPT)
    refused(heads.see, network.head(network.now, witnesses=(FORGER,)), ORIGIN, network.directory())


def test_a_newer_head_renews_and_an_older_one_does_not_go_back(network, heads):
    later = network.now + timedelta(minutes=4)
    for at in (network.now, later, network.now):
        heads.see(network.head(at), ORIGIN, network.directory())
    heads.require_recent(ORIGIN, later + LAG)


def test_the_same_head_again_is_not_checked_again(network, heads):
    note = network.head(network.now)
    heads.see(note, ORIGIN, network.directory())
    heads.see(note, ORIGIN, None)
    heads.see(b"", ORIGIN, None)


def test_heads_of_two_logs_do_not_meet(network, heads):
    listed = network.directory(logs=(network.log, SECOND_LOG))
    heads.see(network.head(network.now, log=SECOND_LOG), OTHER, listed)
    heads.require_recent(OTHER, network.now)
    refused(heads.require_recent, ORIGIN, network.now)


def test_an_uncosigned_or_forged_head_is_none(network, heads):
    listed = network.directory()
    uncosigned = network.head(network.now, witnesses=())
    refused(heads.see, uncosigned, ORIGIN, listed)
    refused(heads.see, add_signature(uncosigned, FORGER, at=1), ORIGIN, listed)
    other_size = network.head(network.now, size=4)
    line = network.head(network.now).rpartition(b"\n\xe2\x80\x94 commission")[2]
    moved = other_size.rpartition(b"\n\xe2\x80\x94 commission")[0] + b"\n\xe2\x80\x94 commission" + line
    refused(heads.see, moved, ORIGIN, listed)
    refused(heads.require_recent, ORIGIN, network.now)


def test_the_time_of_a_cosignature_cannot_be_changed(network, heads):
    old, new = network.head(network.now - LAG * 2), network.head(network.now)
    a, b = (note.rpartition(b" ")[2] for note in (old, new))
    # The first bytes of the signature line are key id and time: take them from the newer one.
    mixed = old.replace(a, b[:16] + a[16:])
    refused(heads.see, mixed, ORIGIN, network.directory())


def test_a_head_without_the_logs_own_signature_is_none(network, heads):
    stranger = NoteSigner.from_seed(ORIGIN, b"\5" * 32)
    refused(heads.see, network.head(network.now, log=stranger), ORIGIN, network.directory())


@pytest.mark.parametrize("note", [b"x", b"\xff", b"core.example/1\n3\n", b"\n\n"])
def test_bytes_that_are_no_head_are_refused(network, heads, note):
    refused(heads.see, note, ORIGIN, network.directory())


def test_a_log_that_the_directory_does_not_list_has_no_head(network, heads):
    refused(heads.see, network.head(network.now, log=SECOND_LOG), OTHER, network.directory())


def test_without_a_witness_in_the_directory_there_is_no_head(network, heads):
    for witnesses in ((), (None,)):
        refused(heads.see, network.head(network.now), ORIGIN, network.directory(witnesses=witnesses))


def test_every_witness_must_have_cosigned_and_the_oldest_time_counts(network, heads):
    second = NoteSigner.from_seed("commission.example/second", b"\6" * 32, NoteKind.COSIGNATURE)
    listed = network.directory(witnesses=(network.witness, second))
    refused(heads.see, network.head(network.now), ORIGIN, listed)
    note = add_signature(network.head(network.now - LAG), second, at=int(network.now.timestamp()))
    heads.see(note, ORIGIN, listed)
    heads.require_recent(ORIGIN, network.now)
    refused(heads.require_recent, ORIGIN, network.now + timedelta(seconds=1))


@pytest.mark.parametrize("seconds", [253402300800, 2**47, 2**56, 2**63 - 1])
def test_a_head_cosigned_beyond_the_calendar_is_none(network, heads, seconds):
    signed = sign_checkpoint(Checkpoint(ORIGIN, 3, b"r" * 32), LOG)
    assert "calendar" in refused(heads.see, add_signature(signed, WITNESS, at=seconds), ORIGIN, network.directory())
    refused(heads.require_recent, ORIGIN, network.now)


def test_the_newest_head_seen_is_told_with_its_size_and_time(network, heads):
    assert heads.newest() is None
    listed = network.directory(logs=(network.log, SECOND_LOG))
    note = network.head(network.now + timedelta(minutes=1), log=SECOND_LOG)
    heads.see(network.head(network.now), ORIGIN, listed)
    heads.see(note, OTHER, listed)
    heads.see(network.head(network.now), ORIGIN, listed)
    assert heads.newest() == (int(note.split(b"\n")[1]), network.now + timedelta(minutes=1))
