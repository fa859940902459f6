"""A core that shows old, future, uncosigned or forked heads: refused at once or found by the Commission."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from nakadachi.crypto.notes import add_signature, sign_note
from nakadachi.kit.author import Enclosure
from nakadachi.ledger.checkpoint import Checkpoint
from nakadachi.ledger.permits import entry_of
from nakadachi.ledger.tree import Frontier, append, leaf_hash
from nakadachi.refusal import Reason
from nakadachi.telegrams.codec import decode_json, encode_envelope, encode_json
from nakadachi.telegrams.envelope import Verified
from nakadachi.telegrams.inquiry import InquireAt
from nakadachi.telegrams.permit import Permit, PermitContent
from nakadachi.terms import Role
from tests.invented import TSUBAKI
from tests.story.liar import both_find, compare, found_by
from tests.story.people import HANA
from tests.story.play import ASKED, Permitted, Play, good, refused, stated

pytestmark = pytest.mark.asyncio(loop_scope="module")


# Cosigned heads


def with_head(play: Play, one: Permitted, head: bytes) -> Verified[Any]:
    """The telegram of hop 5 with a cosigned head of the core's choice."""
    parts = [
        Enclosure("statement", encode_envelope(play.inquire(one).envelope)),
        Enclosure("cosigned head", head),
        Enclosure("link code", encode_json(one.opening), personal=True),
    ]
    return play.write(play.core, InquireAt, play.other_server, prefix=ASKED, serials=(one.serial,), parts=parts)


def forget(play: Play) -> None:
    """The provider's systems have just started: they saw no head yet."""
    for name in (play.other_interface, play.other_server):
        heads = play.parts(name).heads
        for memory in (heads._seen, heads._last, heads._trees, heads._told):
            memory.clear()


@pytest.mark.parametrize(
    ("age", "kind"), [(timedelta(minutes=6), "HEAD_OLD"), (timedelta(minutes=-2), "HEAD_IN_FUTURE")]
)
async def test_an_old_head_or_one_of_the_future_is_refused_and_found(
    play: Play, permitted: Permitted, age: timedelta, kind: str
) -> None:
    forget(play)
    at = int((play.land.clock.now() - age).timestamp())
    cosigner = play.parts(play.land.name(Role.COMMISSION)).cosigner
    head = add_signature(permitted.permit.checkpoint.encode(), cosigner, at=at)
    try:
        assert await play.at_the_provider(with_head(play, permitted, head)) == {"NO_WITNESS"}
        for name in (play.other_interface, play.other_server):
            assert (kind, play.core.value) in await found_by(play.land, name)
    finally:
        forget(play)


async def test_a_head_that_the_commission_never_cosigned_is_found(play: Play, permitted: Permitted) -> None:
    forget(play)
    assert await play.at_the_provider(with_head(play, permitted, permitted.permit.checkpoint.encode())) == {
        "NO_WITNESS"
    }
    for name in (play.other_interface, play.other_server):
        assert ("HEAD_INVALID", play.core.value) in await found_by(play.land, name)


# A forked log


async def forked(play: Play, one: Permitted) -> Permitted:
    """The same permit but for its items, as a leaf of another tree of the same size, which the log's key signed too."""
    log = play.parts(play.core).log
    true = Checkpoint.parse(one.permit.checkpoint.partition("\n\n")[0] + "\n")
    content = encode_json(
        msgspec.structs.replace(decode_json(one.permit.content, PermitContent), assessments=("forked",))
    )
    leaves = [leaf_hash(entry) for entry in (await log.entries())[: true.size]]
    leaves[one.permit.index] = leaf_hash(entry_of(content))
    grown = append(Frontier(), leaves)
    note = sign_note(Checkpoint(true.origin, true.size, grown.root).text(), log._signer).decode()
    permit = Permit(content=content, index=one.permit.index, path=grown.paths[one.permit.index], checkpoint=note)
    return stated(replace(one, permit=permit), leaf_hash=leaves[one.permit.index])


async def told_of_forks(play: Play) -> list[tuple[str, str]]:
    """What the Commission keeps as evidence: pairs of notes that one key signed and that cannot both be true."""
    rows = await play.land.rows(
        play.land.name(Role.COMMISSION), "SELECT note, against FROM head_told WHERE state = 'forked'"
    )
    return [(row["note"], row["against"]) for row in rows]


async def test_a_tree_beside_the_cosigned_one_is_refused_where_the_cosigned_one_was_seen(play: Play) -> None:
    await play.land.quiet(cosigned=True)
    one = await play.permitted()
    await play.land.quiet(cosigned=True)
    other = await forked(play, one)
    await both_find(play, other, play.inquire_at(other), Reason.PERMIT_INVALID, "HEAD_FORKED")
    await compare(play.land)
    assert await found_by(play.land, play.land.name(Role.COMMISSION)) >= {("HEAD_FORKED", play.core.value)}
    assert other.permit.checkpoint in {note for note, _ in await told_of_forks(play)}


async def test_two_trees_shown_to_two_who_never_met_are_found_by_the_commission(play: Play) -> None:
    """A permit does not wait for its tree to be cosigned, so each alone has nothing to compare with."""
    await play.land.quiet(cosigned=True)
    head = play.parts(play.core).head[0].encode()
    one = await play.permitted()
    other = await forked(play, one)
    assert await refused(play, play.core, play.other_interface, with_head(play, other, head).envelope) is None
    assert await refused(play, play.server, play.interface, play.inquire(one).envelope) in {None, Reason.OUT_OF_TURN}
    await compare(play.land)
    notes = {note for pair in await told_of_forks(play) for note in pair}
    assert {one.permit.checkpoint, other.permit.checkpoint} <= notes
    assert ("HEAD_FORKED", play.core.value) in await found_by(play.land, play.land.name(Role.COMMISSION))


async def test_a_tree_shown_to_one_alone_and_never_cosigned_is_found_by_the_commission(play: Play) -> None:
    """Nobody has another tree of that size: the log grew past it, and the core cannot prove that it holds it."""
    forget(play)
    await play.land.quiet(cosigned=True)
    head = play.parts(play.core).head[0].encode()
    one = await play.permitted()
    other = await forked(play, one)
    good(await play.land.ask(HANA.at(TSUBAKI)))
    forget(play)
    assert await refused(play, play.core, play.other_interface, with_head(play, other, head).envelope) is None
    await compare(play.land)
    assert other.permit.checkpoint in {note for note, _ in await told_of_forks(play)}
    forget(play)


async def test_an_honest_log_is_found_nothing_about(play: Play) -> None:
    forget(play)
    before = await told_of_forks(play)
    for _ in range(3):
        good(await play.land.ask(HANA.at(TSUBAKI)))
    await compare(play.land)
    commission = play.land.name(Role.COMMISSION)
    rows = await play.land.rows(commission, "SELECT count(*) AS waiting FROM head_told WHERE state = 'open'")
    assert (await told_of_forks(play), rows[0]["waiting"]) == (before, 0)
