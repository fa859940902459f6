"""Records of provision: every act once, with who acted, and never a person."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from nakadachi.kit.database import Database
from nakadachi.kit.migrations import migrate, read_migrations
from nakadachi.ledger import records
from nakadachi.ledger.records import AUTOMATIC, Circumstance, Event, Record
from nakadachi.refusal import Reason
from nakadachi.telegrams.inquiry import Ending
from nakadachi.terms import AffairCode, InfoNameCode, ItemCode, OrganisationCode, Prefix, ProcedureCode, Serial

NOW = datetime(2026, 4, 1, 1, tzinfo=UTC)
A, B = OrganisationCode("9901000000000001"), OrganisationCode("9901000000000002")
TAX = InfoNameCode("TM99000000000002")
ITEMS = (ItemCode(f"{TAX}-0003"), ItemCode(f"{TAX}-0001"))
PREFIX = Prefix(A, AffairCode("JM99000000180000"), ProcedureCode("JT99000000180001"), B, TAX, ITEMS)
BY = Circumstance("3f1c0a9be27d", "tax office", "terminal 4", "allowance", "case 9", withheld=True)
SERIAL, OTHER = (Serial(f"{A}-{number:026}") for number in (1, 2))
ASKED = Record(SERIAL, Event.REQUESTED, NOW, PREFIX, BY)


@pytest.fixture
async def database(tenant_dsn):
    opened = await Database.open(tenant_dsn, max_size=2)
    await migrate(opened, read_migrations("nakadachi.ledger", part="ledger", folder="sql"))
    yield opened
    await opened.close()


async def keep(database, *given):
    async with database.transaction() as connection:
        await records.keep(connection, given)


async def rows(database):
    async with database.acquire() as connection:
        return [dict(row) for row in await connection.fetch("SELECT * FROM record ORDER BY serial, event")]


async def test_a_record_holds_the_whole_act(database):
    whole = {"requested_at": NOW, "provided_at": NOW, "ending": Ending.REFUSED}
    await keep(database, replace(ASKED, event=Event.REFUSED, reason=Reason.NOT_IN_TABLE, leaf=bytes(32), **whole))
    assert await rows(database) == [
        {
            "serial": SERIAL.value,
            "event": "refused",
            "at": NOW,
            "inquirer": A.value,
            "provider": B.value,
            "affair": "JM99000000180000",
            "procedure": "JT99000000180001",
            "information": TAX.value,
            "items": [item.value for item in ITEMS],
            "reason": "NOT_IN_TABLE",
            "leaf": bytes(32),
            "staff": "3f1c0a9be27d",
            "department": "tax office",
            "terminal": "terminal 4",
            "purpose": "allowance",
            "case_number": "case 9",
            "withheld": True,
            "requested_at": NOW,
            "provided_at": NOW,
            "ending": "refused",
        }
    ]


async def test_where_nobody_took_part_the_record_says_so(database):
    await keep(database, replace(ASKED, by=AUTOMATIC))
    (row,) = await rows(database)
    assert (row["staff"], row["reason"], row["leaf"], row["withheld"]) == ("automatic", None, None, False)


async def test_the_same_event_again_leaves_the_first_as_it_was(database):
    await keep(database, ASKED, replace(ASKED, by=AUTOMATIC))
    await keep(database, replace(ASKED, reason=Reason.INTERNAL))
    (row,) = await rows(database)
    assert (row["staff"], row["reason"]) == (BY.staff, None)


async def test_an_exchange_has_a_record_per_event_and_is_counted_once(database):
    await keep(database, *(replace(ASKED, event=event) for event in Event), replace(ASKED, serial=OTHER))
    assert len(await rows(database)) == len(Event) + 1
    async with database.acquire() as connection:
        assert await records.exchanges(connection) == 2


async def test_an_act_that_is_rolled_back_has_no_record(database):
    async with database.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await records.keep(connection, [ASKED])
        await transaction.rollback()
        assert await records.exchanges(connection) == 0
