"""Who could not hand over catches up; who lost something, author or Commission, goes on, and what it lost is found."""

from __future__ import annotations

from datetime import timedelta

import pytest

from nakadachi.commission.reconciling import GRACE
from nakadachi.commission.trail import ask_trail
from nakadachi.telegrams.oversight import FindingKind
from nakadachi.telegrams.trail import AskTrail, HandOverTrail
from nakadachi.terms import Role
from tests.invented import AOBA, PENSION, TSUBAKI
from tests.trails import answered, authors, came, change, found, hand_over, reconcile, troubles, turn
from tests.world import Land

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_node_that_could_not_hand_over_catches_up(land: Land) -> None:
    commission, inquirer = land.name(Role.COMMISSION), land.name(Role.INTERMEDIATE, TSUBAKI)
    interface = land.name(Role.INTERFACE, TSUBAKI)
    serial = await answered(land)
    land.tap.down.add(interface)
    assert await turn(land, inquirer) > 0
    for other in authors(land):
        if other != inquirer:
            await turn(land, other)
            await came(land, other)
    land.clock.ahead += GRACE + timedelta(minutes=10)
    await reconcile(land)
    land.tap.down.clear()
    await land.quiet()
    await hand_over(land)
    verdict, said = await troubles(land, serial)
    assert (verdict, said) == ("late", ["late/inquirer/"])
    rows = await land.rows(commission, "SELECT seen, next FROM trail_author WHERE author = $1", inquirer.value)
    assert rows[0]["next"] == rows[0]["seen"] + 1


async def test_an_answer_that_is_lost_leads_to_a_repeat_that_adds_nothing(land: Land) -> None:
    inquirer = land.name(Role.INTERMEDIATE, TSUBAKI)
    serial = await answered(land)
    land.tap.lost.add(HandOverTrail)
    assert await turn(land, inquirer) > 0
    land.clock.ahead += timedelta(minutes=1)
    land.tap.lost.clear()
    await land.quiet()
    await hand_over(land)
    assert (await troubles(land, serial))[0] in {"complete", "late"}


async def test_the_commission_asks_once_more_and_gets_the_same(land: Land) -> None:
    await hand_over(land)
    commission = land.name(Role.COMMISSION)
    kept = "SELECT author, number, hash FROM trail_entry ORDER BY author, number"
    before = await land.rows(commission, kept)
    for author in (land.name(Role.CORE), land.name(Role.INTERMEDIATE, AOBA)):
        (asked,) = await land.service(commission).system.in_bulk(ask_trail, [(author, 1)])
        assert asked
        await land.quiet()
        assert await turn(land, author) > 0
    await land.quiet()
    await hand_over(land)
    assert await land.rows(commission, kept) == before
    assert len(land.tap.legs(AskTrail)) == 3  # the core; the interface system and its server


async def test_the_commission_asks_nobody_who_never_handed_over(land: Land) -> None:
    commission = land.name(Role.COMMISSION)
    author = land.name(Role.INTERMEDIATE, PENSION)
    assert list(await land.service(commission).system.in_bulk(ask_trail, [(author, 1)])) == [False]
    assert not [one for _, one, _ in land.tap.legs(AskTrail) if one.header.to == author]


async def test_a_commission_that_lost_what_it_had_gets_all_of_it_again(land: Land) -> None:
    await hand_over(land)
    commission, provider = land.name(Role.COMMISSION), land.name(Role.INTERMEDIATE, AOBA)
    kept = "SELECT number, hash FROM trail_entry WHERE author = $1 ORDER BY number"
    before = await land.rows(commission, kept, provider.value)
    for table in ("trail_entry", "trail_telegram", "trail_author"):
        await change(land, commission, f"DELETE FROM {table} WHERE author = $1", provider.value)
    await answered(land)
    await hand_over(land)
    after = await land.rows(commission, kept, provider.value)
    assert after[: len(before)] == before
    assert len(after) == len(before) + 1


async def test_an_author_that_was_restored_goes_on_behind_what_the_commission_has_and_is_found(land: Land) -> None:
    await hand_over(land)
    provider, commission = land.name(Role.INTERMEDIATE, AOBA), land.name(Role.COMMISSION)
    (book,) = await land.rows(provider, "SELECT last, digest, sent FROM trail")
    lost = await answered(land)
    await hand_over(land)
    # The backup is older than what was handed over since.
    await change(land, provider, "DELETE FROM trail_batch WHERE last > $1", book["last"])
    back = "UPDATE trail SET last = $1, digest = $2, sent = $3"
    await change(land, provider, back, book["last"], book["digest"], book["sent"])
    fresh = await answered(land)
    await hand_over(land)
    assert (None, provider.value) in await found(land, FindingKind.TRAIL_CONTRADICTS)
    rows = await land.rows(
        commission,
        "SELECT number, serial FROM trail_entry WHERE author = $1 ORDER BY number DESC LIMIT 2",
        provider.value,
    )
    assert [row["serial"] for row in rows] == [fresh.value, lost.value]
    assert rows[0]["number"] == rows[1]["number"] + 1
    assert (await troubles(land, fresh))[0] == "complete"
