"""What an interface system keeps of an exchange, and what it erases at its end."""

from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from nakadachi.interface import store
from nakadachi.interface.store import Exchange
from nakadachi.kit.database import Database
from nakadachi.kit.migrations import migrate, read_migrations
from nakadachi.kit.unit import Forward
from nakadachi.terms import (
    AffairCode,
    InfoNameCode,
    ItemCode,
    NodeName,
    OrganisationCode,
    Prefix,
    ProcedureCode,
    Serial,
)

NOW = datetime(2026, 4, 1, 1, tzinfo=UTC)
LATER = NOW + timedelta(days=10)
A, B = OrganisationCode("9901000000000001"), OrganisationCode("9901000000000002")
TAX = InfoNameCode("TM99000000000002")
PREFIX = Prefix(
    A, AffairCode("JM99000000180000"), ProcedureCode("JT99000000180001"), B, TAX, (ItemCode(f"{TAX}-0001"),)
)
ONE, TWO = (Serial(f"{A}-{number:026}") for number in (1, 2))
ROUTE = Forward(NodeName(f"interface:{A}"), "https://interface.example")


@pytest.fixture
async def connection(tenant_dsn):
    database = await Database.open(tenant_dsn, max_size=1)
    await migrate(database, read_migrations("nakadachi.interface"))
    async with database.acquire() as opened:
        yield opened
    await database.close()


async def known(connection, serial=ONE):
    return (await store.exchanges(connection, [serial])).get(serial)


async def test_an_exchange_of_the_inquirer_from_its_serial_to_its_end(connection):
    await store.keep_issued(connection, [ONE, TWO], NOW)
    assert await known(connection) == Exchange(ONE, "IssueSerial")
    await store.hold_prefix(connection, [(ONE, PREFIX)], NOW, LATER)
    assert await known(connection) == Exchange(ONE, "CheckPrefix", PREFIX, None, LATER)
    await store.move_on(connection, "RequestPermit", [ONE], NOW)
    await store.note_permit(connection, [(ONE, bytes(32), LATER)], NOW)
    assert await known(connection) == Exchange(ONE, "Inquire", PREFIX, bytes(32), LATER)
    await store.end(connection, "InquiryCompleted", [ONE], NOW)
    assert await known(connection) == Exchange(ONE, "InquiryCompleted", None, bytes(32), LATER)
    assert await known(connection, TWO) == Exchange(TWO, "IssueSerial")


async def test_an_exchange_of_the_provider_is_kept_with_its_way_back_until_its_end(connection):
    asked = Exchange(ONE, "InquireAt", PREFIX, bytes(32), LATER, ROUTE)
    await store.keep_asked(connection, [asked], NOW)
    assert await known(connection) == asked
    await store.end(connection, "ProvisionCompleted", [ONE], NOW)
    assert await known(connection) == Exchange(ONE, "ProvisionCompleted", None, bytes(32), LATER)


async def test_the_held_pair_is_erased_at_the_end(connection):
    await store.keep_asked(connection, [Exchange(ONE, "InquireAt", PREFIX, bytes(32), LATER, ROUTE)], NOW)
    await store.end(connection, "ProvisionCompleted", [ONE], NOW)
    row = await connection.fetchrow("SELECT prefix, route_to, route_url, ended FROM exchange")
    assert tuple(row) == (None, None, None, True)


async def test_what_was_never_seen_is_not_known(connection):
    assert await store.exchanges(connection, []) == {}
    assert await store.exchanges(connection, [ONE]) == {}


async def test_a_serial_is_issued_once(connection):
    await store.keep_issued(connection, [ONE], NOW)
    with pytest.raises(asyncpg.UniqueViolationError):
        await store.keep_issued(connection, [TWO, ONE], NOW)
    assert await known(connection, TWO) is None


async def test_an_inquiry_reaches_the_provider_once(connection):
    asked = Exchange(ONE, "InquireAt", PREFIX, bytes(32), LATER, ROUTE)
    await store.keep_asked(connection, [asked], NOW)
    with pytest.raises(asyncpg.UniqueViolationError):
        await store.keep_asked(connection, [asked], NOW)


async def test_a_permit_is_used_once(connection):
    await store.use_permits(connection, [("core/1", 5, ONE, LATER)])
    assert await store.permits_used(connection, [("core/1", 5), ("core/1", 6)]) == {("core/1", 5)}
    with pytest.raises(asyncpg.UniqueViolationError):
        await store.use_permits(connection, [("core/1", 5, TWO, LATER)])


async def test_the_same_place_in_another_log_is_another_permit(connection):
    # A restored core opens a new origin, and its places begin at 0 again.
    await store.use_permits(connection, [("core/1", 5, ONE, LATER)])
    assert await store.permits_used(connection, [("core/2", 5)]) == frozenset()
    await store.use_permits(connection, [("core/2", 5, TWO, LATER)])
    assert await store.permits_used(connection, [("core/2", 5)]) == {("core/2", 5)}
