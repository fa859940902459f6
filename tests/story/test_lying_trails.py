"""A node that leaves out, changes, back-dates or repeats what it hands over is found; one that was away catches up.

Whoever runs a node can write its database: the tests do that, and let the node hand over by itself.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from nakadachi.commission import trail_store
from nakadachi.commission.reconciling import GRACE
from nakadachi.core.trail import describe
from nakadachi.kit.unit import Unit
from nakadachi.ledger import trail_book
from nakadachi.ledger.trails import hash_of, running
from nakadachi.refusal import Reason
from nakadachi.telegrams.codec import decode_json, encode_json, read
from nakadachi.telegrams.envelope import Envelope
from nakadachi.telegrams.oversight import FindingKind
from nakadachi.telegrams.trail import Decision, HandOverTrail, TrailEntry, TrailKept
from nakadachi.terms import NodeName, Role, Serial
from tests.invented import AOBA, TSUBAKI
from tests.story.people import SUMI
from tests.story.play import Play, reason_of
from tests.trails import answered, change, found, hand_over, troubles, turn
from tests.world import Land

pytestmark = pytest.mark.asyncio(loop_scope="module")

LATER = GRACE + timedelta(seconds=1)
"""How far the Commission's clock is ahead where it waits no longer for what lacks."""


async def test_an_end_that_leaves_out_what_it_provided_is_found(land: Land) -> None:
    serial, provider = await answered(land), land.name(Role.INTERMEDIATE, AOBA)
    await change(land, provider, "DELETE FROM trail_pending WHERE serial = $1", serial.value)
    await hand_over(land)
    assert await troubles(land, serial) == ("under-way", [])
    assert await troubles(land, serial, LATER) == ("missing", ["missing/provider/"])
    assert (serial.value, provider.value) in await found(land, FindingKind.TRAIL_MISSING)


async def test_a_core_that_leaves_out_its_permit_is_found(land: Land) -> None:
    serial, core = await answered(land), land.name(Role.CORE)
    await change(land, core, "DELETE FROM trail_pending WHERE serial = $1 AND event = 'permitted'", serial.value)
    await hand_over(land)
    assert await troubles(land, serial, LATER) == ("missing", ["missing/core/"])
    assert (serial.value, core.value) in await found(land, FindingKind.TRAIL_MISSING)


async def test_an_inquirer_that_hides_its_inquiry_is_found(land: Land) -> None:
    serial, inquirer = await answered(land), land.name(Role.INTERMEDIATE, TSUBAKI)
    await change(land, inquirer, "DELETE FROM trail_pending WHERE serial = $1", serial.value)
    await hand_over(land)
    assert await troubles(land, serial, LATER) == ("missing", ["missing/inquirer/"])
    assert (serial.value, inquirer.value) in await found(land, FindingKind.TRAIL_MISSING)


async def test_an_end_that_says_other_items_is_found(land: Land) -> None:
    serial, provider = await answered(land), land.name(Role.INTERMEDIATE, AOBA)
    await change(land, provider, "UPDATE record SET items = items[1:1] WHERE serial = $1", serial.value)
    await hand_over(land)
    assert await troubles(land, serial) == ("differing", ["differing/provider/items"])
    assert (serial.value, provider.value) in await found(land, FindingKind.TRAIL_DIFFERS)


async def test_an_end_that_back_dates_what_it_provided_is_found(land: Land) -> None:
    serial, provider = await answered(land), land.name(Role.INTERMEDIATE, AOBA)
    back = "SET at = at - interval '1 second', provided_at = provided_at - interval '1 second'"
    await change(land, provider, f"UPDATE record {back} WHERE serial = $1", serial.value)
    await hand_over(land)
    assert await troubles(land, serial) == ("differing", ["differing/provider/time"])


async def test_an_inquirer_that_names_another_member_of_staff_is_found(land: Land) -> None:
    serial, inquirer = await answered(land), land.name(Role.INTERMEDIATE, TSUBAKI)
    await change(land, inquirer, "UPDATE record SET staff = 'somebody else' WHERE serial = $1", serial.value)
    await hand_over(land)
    assert await troubles(land, serial) == ("differing", ["differing/other/staff"])


async def test_an_entry_that_is_handed_over_twice_is_one_too_many(land: Land) -> None:
    serial, provider = await answered(land), land.name(Role.INTERMEDIATE, AOBA)
    await hand_over(land)
    assert await troubles(land, serial) == ("complete", [])
    again = "INSERT INTO trail_pending (serial, event) VALUES ($1, 'provided')"
    await change(land, provider, again, serial.value)
    await hand_over(land)
    assert await troubles(land, serial) == ("extra", ["extra/provider/"])
    assert (serial.value, provider.value) in await found(land, FindingKind.TRAIL_EXTRA)


async def test_a_core_cannot_say_another_tag_than_the_one_it_committed_to(land: Land) -> None:
    serial, core = await answered(land), land.name(Role.CORE)
    await hand_over(land)
    (other,) = await land.rows(land.name(Role.COMMISSION), "SELECT tag FROM trail_entry WHERE tag IS NOT NULL LIMIT 1")
    played = Play(land)
    one = await played.permitted(SUMI)
    entries = await _numbered_by_hand(land, core, one.serial, tag=bytes(other["tag"]))
    await _hand(land, core, entries)
    verdict, said = await troubles(land, one.serial)
    assert (verdict, "differing/core/tag" in said) == ("differing", True)
    assert serial != one.serial
    # The core's own trail goes on behind what was said in its name.
    await hand_over(land)
    assert {core.value} <= {about for _, about in await found(land, FindingKind.TRAIL_CONTRADICTS)}
    assert await turn(land, core) == 0


async def _numbered_by_hand(land: Land, author: NodeName, serial: Serial, **other: Any) -> tuple[TrailEntry, ...]:
    """What a node would hand over of an exchange, with its decision changed."""
    system = land.service(author).system
    async with system.database.transaction() as connection:
        records = [one for one in await trail_book.pending(connection, most=1000) if one.serial == serial]
        described = await describe(system.parts, Unit(connection, land.clock.now()), records)
    entries = tuple(one for one in described if one is not None)
    assert entries
    return tuple(
        msgspec.structs.replace(one, decision=_other(one.decision, **other)) if one.decision else one for one in entries
    )


def _other(decision: Decision, **fields: Any) -> Decision:
    return msgspec.structs.replace(decision, **fields)


async def _hand(
    land: Land, author: NodeName, entries: tuple[TrailEntry, ...], first: int | None = None, **other: Any
) -> Any:
    """Hand over entries in a node's own hand, at the next number or another; the answer."""
    commission = land.name(Role.COMMISSION)
    rows = await land.rows(commission, "SELECT next, digest FROM trail_author WHERE author = $1", author.value)
    before = bytes(rows[0]["digest"]) if rows else bytes(32)
    fields = {"before": before, "after": running(before, map(hash_of, entries))} | other
    telegram = land.author(author).write(
        HandOverTrail, to=commission, first=first or (rows[0]["next"] if rows else 1), entries=entries, **fields
    )
    way = author if author.role is Role.CORE else land.name(Role.INTERFACE, author.organisation)
    sender, to = (author, commission) if author.role is Role.CORE else (author, way)
    (answer,) = await land.hand(sender, to, telegram.envelope)
    return answer


async def test_two_entries_of_one_number_are_proven_by_both_signed_telegrams(land: Land) -> None:
    serial, provider = await answered(land), land.name(Role.INTERMEDIATE, AOBA)
    await hand_over(land)
    (batch,) = await land.rows(provider, "SELECT first, entries FROM trail_batch ORDER BY first DESC LIMIT 1")
    entries = decode_json(bytes(batch["entries"]), tuple[TrailEntry, ...])
    assert entries[0].serial == serial
    lie = msgspec.structs.replace(entries[0], reason=Reason.WITHHELD)
    answer = (await _hand(land, provider, (lie,), first=batch["first"])).header
    assert isinstance(answer, TrailKept)
    assert answer.contradicts == batch["first"]
    assert (None, provider.value) in await found(land, FindingKind.TRAIL_CONTRADICTS)
    async with land.service(land.name(Role.COMMISSION)).node.database.acquire() as connection:
        kept = await trail_store.telegram_with(connection, provider, batch["first"])
        contradicting = await trail_store.contradictions(connection, most=100)
    (other,) = [jws for author, number, jws in contradicting if (author, number) == (provider, batch["first"])]
    assert kept is not None
    await _both_signed(land, provider, kept, other, number=batch["first"])
    # What stands is what was said first.
    assert (await troubles(land, serial))[0] == "complete"


async def _both_signed(land: Land, author: NodeName, *signed: bytes, number: int) -> None:
    """Both telegrams verify under the author's key, and say different things of the number."""
    peers = land.service(land.name(Role.COMMISSION)).system.peers
    said = []
    for jws in signed:
        header = peers.verify(read(Envelope(jws))).header
        assert isinstance(header, HandOverTrail)
        assert header.author == author
        said.append(header.entries[number - header.first])
    assert encode_json(said[0]) != encode_json(said[1])


async def test_a_running_digest_that_is_not_that_of_the_entries_is_refused(land: Land) -> None:
    serial = await answered(land)
    await hand_over(land)
    provider = land.name(Role.INTERMEDIATE, AOBA)
    (batch,) = await land.rows(provider, "SELECT entries FROM trail_batch ORDER BY first DESC LIMIT 1")
    entries = decode_json(bytes(batch["entries"]), tuple[TrailEntry, ...])
    assert entries[0].serial == serial
    assert reason_of(await _hand(land, provider, entries, after=bytes(32))) is Reason.BAD_FORMAT


async def test_what_comes_behind_a_gap_is_not_kept_and_its_author_is_told_which_number_is_waited_for(
    land: Land,
) -> None:
    await answered(land)
    await hand_over(land)
    provider, commission = land.name(Role.INTERMEDIATE, AOBA), land.name(Role.COMMISSION)
    (row,) = await land.rows(commission, "SELECT next FROM trail_author WHERE author = $1", provider.value)
    (batch,) = await land.rows(provider, "SELECT entries FROM trail_batch ORDER BY first DESC LIMIT 1")
    entries = decode_json(bytes(batch["entries"]), tuple[TrailEntry, ...])
    answer = (await _hand(land, provider, entries, first=row["next"] + 5)).header
    assert isinstance(answer, TrailKept)
    assert (answer.following, answer.contradicts) == (row["next"], None)
    async with land.service(commission).node.database.acquire() as connection:
        (line,) = [one for one in await trail_store.trails(connection) if one.author == provider]
    assert line.lacking == 5 + len(entries)
