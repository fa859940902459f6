"""Exchanges at both ends: states that only go forward, seeds that are erased, permits that are used once."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from nakadachi.intermediate import ending_store
from nakadachi.intermediate import exchange_store as store
from nakadachi.intermediate.exchange_store import AskedOfUs, Inquiry, Stated
from nakadachi.intermediate.rules import State
from nakadachi.intermediate.subjects import AddresseeNumber
from nakadachi.kit.database import Database
from nakadachi.kit.migrations import migrate, read_migrations
from nakadachi.ledger.records import Circumstance
from nakadachi.refusal import Reason
from nakadachi.telegrams.inquiry import Completion, Ending
from nakadachi.telegrams.oversight import Finding, FindingKind
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
A, B = OrganisationCode("9901000000000001"), OrganisationCode("9901000000000002")
TAX = InfoNameCode("TM99000000000002")
PREFIX = Prefix(A, AffairCode("JM99000000180000"), ProcedureCode("JT99000000180001"), B, TAX)
NAMED = replace(PREFIX, items=(ItemCode(f"{TAX}-0001"),))
FOREIGN = Serial(f"{B}-{1:026}")
ONE, TWO, THREE = (Serial(f"{A}-{number:026}") for number in (1, 2, 3))
ADDRESSEE = AddresseeNumber("900001")
BY = Circumstance("clerk", "tax", "terminal", "allowance", "case 9", withheld=True)
OURS = Inquiry(ONE, "CheckPrefix", State.ASKED, ADDRESSEE, PREFIX, BY, asked_at=NOW)
THEIRS = AskedOfUs(
    ONE,
    "InquireAt",
    "core/1",
    5,
    ADDRESSEE,
    NAMED,
    bytes(32),
    bytes(65),
    "default",
    NodeName(f"intermediate:{A}"),
    State.HELD,
    None,
    NOW,
    NOW + timedelta(days=10),
)
STATED = Stated(ONE, NAMED, bytes(32), "default", "2026-04", b"wrapped seed", NOW)


@pytest.fixture
async def database(tenant_dsn):
    opened = await Database.open(tenant_dsn, max_size=3)
    await migrate(opened, read_migrations("nakadachi.intermediate"))
    yield opened
    await opened.close()


@pytest.fixture
async def connection(database):
    async with database.acquire() as opened:
        yield opened


async def ours(connection, serial=ONE):
    return (await store.inquiries(connection, [serial])).get(serial)


async def test_an_inquiry_of_ours_from_its_beginning_to_its_answer(connection):
    await store.begin(connection, [OURS], NOW)
    assert await ours(connection) == OURS
    await store.note_permits(connection, [STATED])
    asked = replace(
        OURS, last="Inquire", prefix=NAMED, leaf_hash=bytes(32), suite="default", month="2026-04", seed=b"wrapped seed"
    )
    assert await ours(connection) == asked
    await store.note_held(connection, [ONE])
    assert (await ours(connection)).state is State.HELD
    await store.end_inquiries(connection, [(ONE, State.ANSWERED, None, b"[]")], NOW)
    assert await ours(connection) == replace(asked, state=State.ANSWERED, seed=None, answer=b"[]")


async def test_an_inquiry_refused_before_it_left_has_ended(connection):
    await store.begin(connection, [replace(OURS, state=State.REFUSED, reason=Reason.NOT_IN_TABLE)], NOW)
    assert (await ours(connection)).reason is Reason.NOT_IN_TABLE
    assert await connection.fetchval("SELECT ended_at FROM inquiry") == NOW


async def test_what_has_ended_stays_as_it_ended(connection):
    await store.begin(connection, [OURS], NOW)
    await store.end_inquiries(connection, [(ONE, State.REFUSED, Reason.TIMED_OUT, None)], NOW)
    await store.end_inquiries(connection, [(ONE, State.ANSWERED, None, b"[]")], NOW)
    await store.note_held(connection, [ONE])
    ended = await ours(connection)
    assert (ended.state, ended.reason, ended.answer) == (State.REFUSED, Reason.TIMED_OUT, None)


async def test_a_permit_that_comes_after_the_end_brings_no_seed_back(connection):
    await store.begin(connection, [OURS], NOW)
    await store.end_inquiries(connection, [(ONE, State.REFUSED, Reason.CANCELLED, None)], NOW)
    await store.note_permits(connection, [STATED])
    assert (await ours(connection)).seed is None


async def test_a_serial_begins_once(connection):
    await store.begin(connection, [OURS], NOW)
    with pytest.raises(asyncpg.UniqueViolationError):
        await store.begin(connection, [OURS], NOW)


async def test_an_inquiry_of_others_comes_back_whole(connection):
    nobody = replace(THEIRS, serial=TWO, index=6, addressee=None, state=State.REFUSED, reason=Reason.SUBJECT_MISMATCH)
    await store.keep_asked(connection, [THEIRS, nobody])
    await store.begin(connection, [replace(OURS, serial=FOREIGN)], NOW)
    assert await store.exchanges(connection, [ONE, TWO, FOREIGN], B) == {
        ONE: THEIRS,
        TWO: nobody,
        FOREIGN: replace(OURS, serial=FOREIGN),
    }
    assert await store.exchanges(connection, [], A) == {}


async def test_a_permit_is_used_once_in_its_log(connection):
    await store.keep_asked(connection, [THEIRS])
    assert await store.permits_used(connection, [("core/1", 5), ("core/1", 6), ("core/2", 5)]) == {("core/1", 5)}
    with pytest.raises(asyncpg.UniqueViolationError):
        await store.keep_asked(connection, [replace(THEIRS, serial=TWO)])
    # A restored core opens a new origin, and its places begin at 0 again.
    await store.keep_asked(connection, [replace(THEIRS, serial=TWO, origin="core/2")])


async def test_what_is_held_for_our_staff_comes_oldest_first(connection):
    times = {ONE: 2, TWO: 0, THREE: 1}
    await store.keep_asked(
        connection,
        [
            replace(THEIRS, serial=serial, index=index, asked_at=NOW + timedelta(hours=hours))
            for index, (serial, hours) in enumerate(times.items())
        ],
    )
    assert [one.serial for one in await store.held(connection, most=9)] == [TWO, THREE, ONE]
    assert [one.serial for one in await store.held(connection, most=1)] == [TWO]
    await store.settle_asked(connection, [(TWO, State.REFUSED, Reason.WITHHELD)])
    assert [one.serial for one in await store.held(connection, most=9)] == [THREE, ONE]
    settled = (await store.exchanges(connection, [TWO], B))[TWO]
    assert (settled.state, settled.reason) == (State.REFUSED, Reason.WITHHELD)


def completion(serial, ending=Ending.ANSWERED, reason=None):
    return Completion(serial=serial, ending=ending, ended_at=NOW, reason=reason)


async def test_endings_are_told_once_and_to_whom_they_belong(connection):
    refused = completion(TWO, Ending.REFUSED, Reason.WITHHELD)
    await ending_store.queue_completions(connection, "InquiryCompleted", [completion(ONE), refused, completion(ONE)])
    await ending_store.queue_completions(connection, "ProvisionCompleted", [completion(THREE)])
    taken = await ending_store.take_completions(connection, "InquiryCompleted", 9)
    assert sorted(taken, key=lambda one: one.serial) == [completion(ONE), refused]
    assert await ending_store.take_completions(connection, "InquiryCompleted", 9) == []
    assert await ending_store.take_completions(connection, "ProvisionCompleted", 9) == [completion(THREE)]


async def test_two_who_take_endings_at_once_share_them(database, connection):
    serials = [Serial(f"{A}-{number:026}") for number in range(6)]
    await ending_store.queue_completions(connection, "InquiryCompleted", list(map(completion, serials)))
    async with database.transaction() as one, database.transaction() as other:
        first = await ending_store.take_completions(one, "InquiryCompleted", 4)
        second = await ending_store.take_completions(other, "InquiryCompleted", 4)
    assert (len(first), len(second)) == (4, 2)
    assert {one.serial for one in (*first, *second)} == set(serials)


async def test_a_finding_is_kept_once_and_the_newest_comes_first(connection):
    def found(at, *serials):
        return [Finding(kind=FindingKind.ANSWER_CROSSED, at=at, serial=serial) for serial in serials]

    await ending_store.keep_findings(connection, found(NOW, ONE))
    await ending_store.keep_findings(connection, found(NOW + timedelta(hours=1), ONE, TWO, None))
    assert await ending_store.findings(connection, most=9) == [
        (TWO, "ANSWER_CROSSED", NOW + timedelta(hours=1)),
        (ONE, "ANSWER_CROSSED", NOW),
    ]
    assert len(await ending_store.findings(connection, most=1)) == 1
