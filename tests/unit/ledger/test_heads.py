"""Cosigned heads: permits pass while a recent one was seen, and only the Commission makes one."""

from datetime import timedelta
from types import SimpleNamespace

import pytest

from nakadachi.crypto.notes import NoteKind, NoteSigner, add_signature
from nakadachi.kit.unit import Unit
from nakadachi.ledger import head_store
from nakadachi.ledger.checkpoint import Checkpoint, sign_checkpoint
from nakadachi.ledger.heads import MOST_AHEAD, Heads, WhenStale
from nakadachi.refusal import Reason, Refusal
from nakadachi.telegrams.oversight import FindingKind
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
    heads.see(network.head(network.now), ORIGIN, network.directory(), network.now)
    if recent:
        heads.require_recent(ORIGIN, network.now + age)
    else:
        assert network.now.isoformat() in refused(heads.require_recent, ORIGIN, network.now + age)


def test_where_no_head_was_seen_none_is_recent(network, heads):
    assert "never" in refused(heads.require_recent, ORIGIN, network.now)


def test_the_other_rule_lets_permits_pass_without_a_recent_head(network):
    heads = Heads(LAG, WhenStale.ACCEPT)
    heads.require_recent(ORIGIN, network.now)
    heads.see(network.head(network.now), ORIGIN, network.directory(), network.now)
    heads.require_recent(ORIGIN, network.now + timedelta(days=9))


def test_the_other_rule_believes_no_forged_head_either(network):
    heads = Heads(LAG, WhenStale.ACCEPT)
    refused(heads.see, network.head(network.now, witnesses=(FORGER,)), ORIGIN, network.directory(), network.now)


def test_a_newer_head_renews_and_an_older_one_does_not_go_back(network, heads):
    later = network.now + timedelta(minutes=4)
    for at in (network.now, later, network.now):
        heads.see(network.head(at), ORIGIN, network.directory(), later)
    heads.require_recent(ORIGIN, later + LAG)


def test_the_same_head_again_is_not_checked_again(network, heads):
    note = network.head(network.now)
    heads.see(note, ORIGIN, network.directory(), network.now)
    heads.see(note, ORIGIN, None, network.now)
    heads.see(b"", ORIGIN, None, network.now)


def test_heads_of_two_logs_do_not_meet(network, heads):
    listed = network.directory(logs=(network.log, SECOND_LOG))
    heads.see(network.head(network.now, log=SECOND_LOG), OTHER, listed, network.now)
    heads.require_recent(OTHER, network.now)
    refused(heads.require_recent, ORIGIN, network.now)


def test_an_uncosigned_or_forged_head_is_none(network, heads):
    listed = network.directory()
    uncosigned = network.head(network.now, witnesses=())
    refused(heads.see, uncosigned, ORIGIN, listed, network.now)
    refused(heads.see, add_signature(uncosigned, FORGER, at=1), ORIGIN, listed, network.now)
    other_size = network.head(network.now, size=4)
    line = network.head(network.now).rpartition(b"\n\xe2\x80\x94 commission")[2]
    moved = other_size.rpartition(b"\n\xe2\x80\x94 commission")[0] + b"\n\xe2\x80\x94 commission" + line
    refused(heads.see, moved, ORIGIN, listed, network.now)
    refused(heads.require_recent, ORIGIN, network.now)


def test_the_time_of_a_cosignature_cannot_be_changed(network, heads):
    old, new = network.head(network.now - LAG * 2), network.head(network.now)
    a, b = (note.rpartition(b" ")[2] for note in (old, new))
    # The first bytes of the signature line are key id and time: take them from the newer one.
    mixed = old.replace(a, b[:16] + a[16:])
    refused(heads.see, mixed, ORIGIN, network.directory(), network.now)


def test_a_head_without_the_logs_own_signature_is_none(network, heads):
    stranger = NoteSigner.from_seed(ORIGIN, b"\5" * 32)
    refused(heads.see, network.head(network.now, log=stranger), ORIGIN, network.directory(), network.now)


@pytest.mark.parametrize("note", [b"x", b"\xff", b"core.example/1\n3\n", b"\n\n"])
def test_bytes_that_are_no_head_are_refused(network, heads, note):
    refused(heads.see, note, ORIGIN, network.directory(), network.now)


def test_a_log_that_the_directory_does_not_list_has_no_head(network, heads):
    refused(heads.see, network.head(network.now, log=SECOND_LOG), OTHER, network.directory(), network.now)


def test_without_a_witness_in_the_directory_there_is_no_head(network, heads):
    for witnesses in ((), (None,)):
        refused(heads.see, network.head(network.now), ORIGIN, network.directory(witnesses=witnesses), network.now)


def test_every_witness_must_have_cosigned_and_the_oldest_time_counts(network, heads):
    second = NoteSigner.from_seed("commission.example/second", b"\6" * 32, NoteKind.COSIGNATURE)
    listed = network.directory(witnesses=(network.witness, second))
    refused(heads.see, network.head(network.now), ORIGIN, listed, network.now)
    note = add_signature(network.head(network.now - LAG), second, at=int(network.now.timestamp()))
    heads.see(note, ORIGIN, listed, network.now)
    heads.require_recent(ORIGIN, network.now)
    refused(heads.require_recent, ORIGIN, network.now + timedelta(seconds=1))


@pytest.mark.parametrize("seconds", [253402300800, 2**47, 2**56, 2**63 - 1])
def test_a_head_cosigned_beyond_the_calendar_is_none(network, heads, seconds):
    signed = sign_checkpoint(Checkpoint(ORIGIN, 3, b"r" * 32), LOG)
    head = add_signature(signed, WITNESS, at=seconds)
    assert "calendar" in refused(heads.see, head, ORIGIN, network.directory(), network.now)
    refused(heads.require_recent, ORIGIN, network.now)


def test_the_newest_head_seen_is_told_with_its_size_and_time(network, heads):
    assert heads.newest() is None
    listed = network.directory(logs=(network.log, SECOND_LOG))
    note = network.head(network.now + timedelta(minutes=1), log=SECOND_LOG)
    for one, origin in ((network.head(network.now), ORIGIN), (note, OTHER), (network.head(network.now), ORIGIN)):
        heads.see(one, origin, listed, network.now)
    assert heads.newest() == (int(note.split(b"\n")[1]), network.now + timedelta(minutes=1))


def permit(network, *, size=3, root=b"r" * 32, origin=ORIGIN):
    """A permit as far as heads know it: the tree it is a leaf of, and the note of its log."""
    return SimpleNamespace(
        checkpoint=Checkpoint(origin, size, root), note=network.head(network.now, size=size, root=root).decode()
    )


def kind_of(act, *arguments):
    with pytest.raises(Refusal) as wrong:
        act(*arguments)
    return wrong.value.reason, wrong.value.kind


def test_a_head_of_the_future_is_refused_and_a_finding(network, heads):
    ahead = network.head(network.now + MOST_AHEAD + timedelta(seconds=1))
    assert kind_of(heads.see, ahead, ORIGIN, network.directory(), network.now) == (
        Reason.NO_WITNESS,
        FindingKind.HEAD_IN_FUTURE,
    )
    assert kind_of(heads.require_recent, ORIGIN, network.now) == (Reason.NO_WITNESS, FindingKind.HEAD_OLD)
    heads.see(network.head(network.now + MOST_AHEAD), ORIGIN, network.directory(), network.now)
    heads.require_recent(ORIGIN, network.now)


def test_a_head_of_the_future_counts_nothing_where_the_rule_needs_none(network):
    heads = Heads(LAG, WhenStale.ACCEPT)
    ahead = network.head(network.now + timedelta(days=1))
    heads.check(ahead, [permit(network)], network.directory(), network.now)
    assert heads._seen == {}


def test_after_our_clock_went_back_a_head_of_now_takes_the_place_of_the_one_ahead(network, heads):
    later = network.now + timedelta(days=10)
    heads.see(network.head(later), ORIGIN, network.directory(), later)
    refused(heads.require_recent, ORIGIN, network.now)
    heads.see(network.head(network.now), ORIGIN, network.directory(), network.now)
    heads.require_recent(ORIGIN, network.now)


@pytest.mark.parametrize("first", ["head", "permit"])
def test_no_two_trees_of_one_size_pass(network, heads, first):
    head, forked = network.head(network.now), permit(network, root=b"f" * 32)
    listed = network.directory()
    if first == "head":
        heads.check(head, [permit(network)], listed, network.now)
        assert kind_of(heads.check, head, [forked], listed, network.now) == (
            Reason.PERMIT_INVALID,
            FindingKind.HEAD_FORKED,
        )
    else:
        heads._add(forked.checkpoint)
        assert kind_of(heads.see, head, ORIGIN, listed, network.now)[1] is FindingKind.HEAD_FORKED


def test_trees_of_other_sizes_and_logs_pass(network, heads):
    listed = network.directory(logs=(network.log, SECOND_LOG))
    heads.see(network.head(network.now, log=SECOND_LOG), OTHER, listed, network.now)
    heads.check(network.head(network.now), [permit(network), permit(network, size=4)], listed, network.now)


def test_what_ails_every_permit_of_the_hour_is_told_once(network, heads):
    old = Refusal(Reason.NO_WITNESS)
    assert heads.worth_telling(old, network.now)
    assert not heads.worth_telling(old, network.now + timedelta(minutes=59))
    assert heads.worth_telling(old, network.now + timedelta(hours=1))
    assert all(heads.worth_telling(Refusal(Reason.PERMIT_INVALID), network.now) for _ in range(2))


async def test_a_tree_is_kept_once_to_be_told_and_both_of_a_fork_are(network, heads, heads_database):
    fork = permit(network, root=b"f" * 32)

    async def remember(*permits):
        async with heads_database.transaction() as connection:
            unit = Unit(connection, network.now)
            await heads.remember(unit, permits)
        for tell in unit.after_commit:
            tell()

    await remember(permit(network), permit(network), fork)
    await remember(permit(network))
    async with heads_database.transaction() as connection:
        assert set(await head_store.take(connection, most=9)) == {permit(network).note, fork.note}
    await remember(permit(network))
    async with heads_database.transaction() as connection:
        assert await head_store.take(connection, most=9) == []


async def test_trees_of_a_transaction_that_failed_are_kept_with_the_next(network, heads, heads_database):
    async def fail():
        async with heads_database.transaction() as connection:
            await heads.remember(Unit(connection, network.now), [permit(network)])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    async with heads_database.transaction() as connection:
        await heads.remember(Unit(connection, network.now), [permit(network)])
        assert len(await head_store.take(connection, most=9)) == 1
