"""Both ends tell how an exchange ended, in any order; the core's own word follows from both."""

import asyncio
import itertools
from datetime import UTC, datetime, timedelta

import pytest

from nakadachi.core import ending_store, store
from nakadachi.core.ending_store import Told
from nakadachi.core.store import Exchange
from nakadachi.kit.database import Database
from nakadachi.kit.migrations import migrate, read_migrations
from nakadachi.refusal import Reason
from nakadachi.telegrams.inquiry import Ending
from nakadachi.terms import OrganisationCode, Serial, TelegramId, crockford

NOW = datetime(2026, 4, 1, 1, tzinfo=UTC)
DUE, AGAIN = NOW + timedelta(days=11), NOW + timedelta(days=12)
ORGANISATION = OrganisationCode("9901000000000001")
REQUEST = TelegramId(crockford(1, length=26))


def serial(number):
    return Serial(f"{ORGANISATION}-{crockford(number, length=26)}")


@pytest.fixture
async def connection(tenant_dsn):
    database = await Database.open(tenant_dsn, max_size=1)
    await migrate(database, read_migrations("nakadachi.core", part="core", folder="migrations"))
    async with database.acquire() as connection:
        yield connection
    await database.close()


async def begin(connection, number=1, *, refused=None, inquired=True):
    exchange = Exchange(serial(number), "RequestPermit", b"{}", refused, "2026-04", b"secrets")
    await store.keep_decided(connection, [(REQUEST, exchange)], NOW, DUE)
    if inquired:
        await store.note_inquired(connection, [serial(number)], NOW)


async def tell(connection, ending, *, inquirer, number=1, reason=None):
    told = [Told(serial(number), "Close", ending, NOW, reason)]
    stands = (await ending_store.note(connection, told, inquirer=inquirer)).get(serial(number))
    return stands.ending if stands else None


async def due(connection):
    return await connection.fetchval("SELECT due_at FROM exchange")


@pytest.mark.parametrize(("one", "other"), list(itertools.product(Ending, repeat=2)))
async def test_whoever_tells_first_the_end_is_the_same_and_nobody_is_asked_any_more(connection, one, other):
    stands = set()
    for number, inquirer in ((1, True), (2, False)):
        await begin(connection, number)
        said = {True: one, False: other}
        await tell(connection, said[inquirer], inquirer=inquirer, number=number)
        stands.add(await tell(connection, said[not inquirer], inquirer=not inquirer, number=number))
    if one is not other and Ending.ANSWERED in {one, other} and Ending.UNKNOWN not in {one, other}:
        assert stands == {Ending.UNKNOWN}
    elif Ending.UNKNOWN in {one, other}:
        assert stands == {other if one is Ending.UNKNOWN else one}
    else:
        assert stands <= {one, other}
    assert await connection.fetchval("SELECT count(*) FROM exchange WHERE due_at IS NOT NULL") == 0


async def test_as_long_as_one_end_is_silent_the_exchange_stays_due(connection):
    await begin(connection)
    assert await tell(connection, Ending.ANSWERED, inquirer=True) is Ending.ANSWERED
    assert await due(connection) == DUE


async def test_of_two_ends_that_tell_at_once_the_one_that_comes_second_sees_what_the_first_said(tenant_dsn, connection):
    """Whoever has to be told is decided by what the other end said by then, not by what was read before."""
    await begin(connection)
    said = {True: Ending.ANSWERED, False: Ending.UNKNOWN}
    first, second = await Database.open(tenant_dsn, max_size=1), await Database.open(tenant_dsn, max_size=1)

    async def tell_in_own_transaction(database, *, inquirer, hold):
        async with database.transaction() as own:
            told = [Told(serial(1), "Close", said[inquirer], NOW, None)]
            stands = await ending_store.note(own, told, inquirer=inquirer)
            await asyncio.sleep(hold)
        return stands[serial(1)].other

    earlier = asyncio.create_task(tell_in_own_transaction(first, inquirer=True, hold=0.3))
    await asyncio.sleep(0.1)
    assert await tell_in_own_transaction(second, inquirer=False, hold=0) is Ending.ANSWERED
    assert await earlier is None
    await first.close()
    await second.close()


async def test_a_provider_that_was_never_asked_has_nothing_to_tell(connection):
    await begin(connection, inquired=False)
    await tell(connection, Ending.TIMED_OUT, inquirer=True)
    assert await due(connection) is None


async def test_a_refused_permit_is_never_due(connection):
    await begin(connection, refused=Reason.SUSPENDED)
    assert await due(connection) is None


async def test_an_overdue_exchange_is_asked_about_once_and_unknown_the_second_time(connection):
    await begin(connection)
    before = DUE - timedelta(seconds=1)
    assert await ending_store.overdue(connection, before, AGAIN, most=9) == []
    assert await ending_store.overdue(connection, DUE, AGAIN, most=9) == [serial(1)]
    assert await ending_store.overdue(connection, DUE, AGAIN, most=9) == []
    assert await ending_store.unsettled(connection, DUE, most=9) == []
    assert await ending_store.unsettled(connection, AGAIN, most=9) == [serial(1)]
    assert await connection.fetchval("SELECT ending FROM exchange") == "unknown"
    assert (await store.exchanges(connection, [serial(1)]))[serial(1)].questioned
    assert await ending_store.unsettled(connection, AGAIN, most=9) == []


async def test_a_reason_that_was_told_stays_where_the_other_end_tells_none(connection):
    await begin(connection)
    await tell(connection, Ending.CANCELLED, inquirer=True, reason=Reason.CANCELLED)
    await tell(connection, Ending.CANCELLED, inquirer=False)
    assert (await store.exchanges(connection, [serial(1)]))[serial(1)].reason is Reason.CANCELLED
