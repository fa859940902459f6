"""What is to be sent stays until it is answered: claimed once at a time, due again after a growing pause."""

from datetime import UTC, datetime, timedelta

import pytest

from nakadachi.kit import outbox
from nakadachi.kit.clock import FixedClock
from nakadachi.kit.database import Database
from nakadachi.kit.entropy import SeededEntropy, uuid7_text
from nakadachi.kit.migrations import migrate, read_migrations
from nakadachi.kit.retry import RetryConfig, Rule
from nakadachi.kit.unit import Entry
from nakadachi.telegrams.catalogue import Wait
from nakadachi.telegrams.envelope import Lane
from nakadachi.terms import NodeName, TelegramId, crockford

NOW = datetime(2026, 4, 1, 1, tzinfo=UTC)
CORE = NodeName("core:9910000000000001")
OTHER = NodeName("interface:9901000000000001")
RULES = RetryConfig(permit=Rule(attempts=3))
LATER = NOW + outbox.FIRST_PAUSE


@pytest.fixture
async def database(tenant_dsn):
    opened = await Database.open(tenant_dsn, max_size=4)
    await migrate(opened, read_migrations("nakadachi.kit", part="messages", folder="sql"))
    yield opened
    await opened.close()


def entry(number=1, frame=b"frame", lane=Lane.INTERACTIVE, *, wait=Wait.NOTICE, until=None, to=CORE):
    return Entry(TelegramId(crockford(number, length=26)), to, "https://core.example", frame, lane, wait, until)


async def keep(database, *entries, now=NOW):
    async with database.transaction() as connection:
        await outbox.keep(connection, entries, now)


async def claim_in(connection, now, most=50, lane=Lane.INTERACTIVE, **more):
    return await outbox.claim(connection, now, rules=RULES, lane=lane, most=most, **more)


async def claim(database, now, most=50, **more):
    async with database.transaction() as connection:
        return await claim_in(connection, now, most, **more)


async def given_up(database, now, rules=None):
    async with database.transaction() as connection:
        return [one.id for one in await outbox.given_up(connection, now, rules=rules or RULES)]


async def backlog(database):
    async with database.acquire() as connection:
        return await outbox.backlog(connection)


async def test_what_is_kept_comes_back_whole_once_it_is_due(database):
    await keep(database, entry(1), entry(2, b"\x00\xff", Lane.BULK))
    assert await claim(database, LATER - timedelta(seconds=1)) == []
    assert await claim(database, LATER) == [entry(1)]
    assert await claim(database, LATER, lane=Lane.BULK) == [entry(2, b"\x00\xff", Lane.BULK)]
    assert await backlog(database) == 2


async def test_an_entry_kept_twice_is_one_and_stays_as_it_was(database):
    await keep(database, entry(1, b"first"))
    await keep(database, entry(1, b"second"))
    assert [one.frame for one in await claim(database, LATER)] == [b"first"]


async def test_an_entry_that_was_answered_is_gone_and_the_others_stay(database):
    await keep(database, entry(1), entry(2), entry(3))
    async with database.transaction() as connection:
        await outbox.drop(connection, [entry(1).id, entry(3).id, entry(9).id])
    assert await backlog(database) == 1
    assert [one.id for one in await claim(database, LATER)] == [entry(2).id]


async def test_two_who_claim_at_once_never_get_the_same(database):
    await keep(database, *map(entry, range(1, 7)))
    async with database.transaction() as one, database.transaction() as other:
        first = await claim_in(one, LATER, 4)
        second = await claim_in(other, LATER, 4)
    assert (len(first), len(second)) == (4, 2)
    assert not {each.id for each in first} & {each.id for each in second}


async def test_a_claim_that_is_rolled_back_is_not_lost(database):
    await keep(database, entry(1))
    async with database.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        assert len(await claim_in(connection, LATER)) == 1
        await transaction.rollback()
    assert len(await claim(database, LATER)) == 1


async def test_the_pause_doubles_and_has_a_bound(database):
    await keep(database, entry(1))
    now, pauses = LATER, []
    for _ in range(14):
        assert len(await claim(database, now)) == 1
        async with database.acquire() as connection:
            due = await connection.fetchval("SELECT due_at FROM outbox")
        pauses.append((due - now).total_seconds())
        assert await claim(database, due - timedelta(milliseconds=1)) == []
        now = due
    assert pauses == [1, 2, 4, 8, 16, 32] + [60] * 8


async def test_the_oldest_go_first_and_no_more_than_asked_for(database):
    for number in range(1, 6):
        await keep(database, entry(number), now=NOW - timedelta(seconds=number))
    assert {one.id for one in await claim(database, LATER, 2)} == {entry(5).id, entry(4).id}


async def test_after_a_restart_everything_is_due_at_once(database):
    await keep(database, entry(1), entry(2))
    async with database.transaction() as connection:
        await outbox.hurry(connection, NOW)
    assert len(await claim(database, NOW)) == 2


async def test_what_is_rolled_back_was_never_to_be_sent(database):
    async with database.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await outbox.keep(connection, [entry(1)], NOW)
        await transaction.rollback()
    assert await backlog(database) == 0


async def test_nothing_but_a_probe_goes_to_a_parked_destination(database):
    await keep(database, entry(1), entry(2), entry(3, to=OTHER))
    assert [one.id for one in await claim(database, LATER, parked=[CORE])] == [entry(3).id]
    assert len(await claim(database, NOW, only=CORE, most=1)) == 1
    async with database.acquire() as connection:
        assert await connection.fetchval("SELECT max(attempts) FROM outbox WHERE destination = $1", CORE.value) == 0


async def test_a_destination_that_is_back_gets_everything_at_once_and_the_others_wait_on(database):
    await keep(database, entry(1), entry(2), entry(3, to=OTHER))
    async with database.transaction() as connection:
        await outbox.hurry(connection, NOW, CORE)
    assert {one.id for one in await claim(database, NOW)} == {entry(1).id, entry(2).id}


async def test_what_is_past_its_deadline_is_given_up_once(database):
    until = NOW + timedelta(seconds=70)
    await keep(database, entry(1, until=until), entry(2))
    assert await given_up(database, until - timedelta(milliseconds=1)) == []
    assert await given_up(database, until) == [entry(1).id]


async def test_what_was_sent_as_often_as_its_rule_says_is_given_up_and_a_notice_never(database):
    await keep(database, entry(1, wait=Wait.PERMIT), entry(2, wait=Wait.NOTICE))
    now = LATER
    for _ in range(3):
        assert await given_up(database, now) == []
        assert len(await claim(database, now)) == 2
        now += timedelta(minutes=1)
    assert await given_up(database, now) == [entry(1).id]
    assert await given_up(database, now, RetryConfig(permit=Rule(attempts=4))) == []


async def test_each_case_has_its_own_pauses(database):
    rules = RetryConfig(permit=Rule(first=timedelta(seconds=7), longest=timedelta(seconds=9)))
    await keep(database, entry(1, wait=Wait.PERMIT))
    now, pauses = LATER, []
    for _ in range(3):
        async with database.transaction() as connection:
            await outbox.claim(connection, now, rules=rules, lane=Lane.INTERACTIVE)
            due = await connection.fetchval("SELECT due_at FROM outbox")
        pauses.append((due - now).total_seconds())
        now = due
    assert pauses == [7, 9, 9]


async def test_what_waits_is_told_by_lane_with_the_moment_of_the_oldest(database):
    async with database.acquire() as connection:
        assert await outbox.waiting(connection) == {}
    minute = timedelta(minutes=1)
    numbers = [uuid7_text(FixedClock(NOW + place * minute), SeededEntropy(place)) for place in range(3)]
    lanes = (Lane.BULK, Lane.INTERACTIVE, Lane.BULK)
    entries = [
        Entry(TelegramId(number), CORE, "https://a", b"", lane, Wait.NOTICE)
        for number, lane in zip(numbers, lanes, strict=True)
    ]
    await keep(database, *reversed(entries))
    async with database.acquire() as connection:
        waiting = await outbox.waiting(connection)
    assert waiting == {Lane.BULK: (2, NOW), Lane.INTERACTIVE: (1, NOW + minute)}


async def test_what_is_past_its_deadline_is_not_even_sent_as_a_probe(database):
    await keep(database, entry(until=LATER), entry(2))
    assert [one.id for one in await claim(database, LATER, only=CORE)] == [entry(2).id]


async def test_an_answer_that_comes_after_the_end_is_news_once(database):
    """It was on its way while nobody waited any more; a second hearing of it, anywhere, is none."""
    await keep(database, entry(1), entry(2))
    async with database.transaction() as connection:
        assert await outbox.give_up(connection, [entry(1).id, entry(3).id], NOW) == {entry(1).id}
        assert await outbox.end(connection, [entry(1).id, entry(2).id, entry(3).id], NOW) == {entry(1).id, entry(2).id}
        assert await outbox.end(connection, [entry(1).id, entry(2).id], NOW) == frozenset()


async def test_what_was_given_up_long_ago_is_forgotten(database):
    await keep(database, entry(1), entry(2))
    async with database.transaction() as connection:
        await outbox.give_up(connection, [entry(1).id], NOW)
        await outbox.give_up(connection, [entry(2).id], NOW + outbox.LATE * 1.5)
        assert await outbox.end(connection, [entry(1).id, entry(2).id], NOW) == {entry(2).id}
