"""A node's own trail: what is kept gets its number once, also what was kept before there were numbers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from nakadachi.crypto.signing import SigningKey
from nakadachi.kit.author import Author
from nakadachi.kit.clock import FixedClock
from nakadachi.kit.database import Database
from nakadachi.kit.entropy import SeededEntropy
from nakadachi.kit.migrations import Migrations, migrate, read_migrations
from nakadachi.kit.unit import Heard, Unit
from nakadachi.ledger import records, trail_book, trails
from nakadachi.ledger.records import Circumstance, Event, Record
from nakadachi.refusal import Reason, Refusal
from nakadachi.telegrams.codec import encode_json
from nakadachi.telegrams.trail import HandOverTrail, TrailEntry, TrailKept
from nakadachi.terms import (
    AffairCode,
    InfoNameCode,
    NodeName,
    OrganisationCode,
    Prefix,
    ProcedureCode,
    Role,
    Serial,
)

NOW = datetime(2026, 4, 1, 1, tzinfo=UTC)
A, B = OrganisationCode("9901000000000001"), OrganisationCode("9901000000000002")
PREFIX = Prefix(
    A, AffairCode("JM99000000180000"), ProcedureCode("JT99000000180001"), B, InfoNameCode("TM99000000000002")
)
CORE, COMMISSION = NodeName("core:9910000000000001"), NodeName("commission:9912000000000001")
LEDGER = read_migrations("nakadachi.ledger", part="ledger", folder="sql")
TRAIL = read_migrations("nakadachi.ledger", part="trail", folder="trail_sql")


def record(number: int, event: Event = Event.REQUESTED) -> Record:
    return Record(Serial(f"{A}-{number:026}"), event, NOW + timedelta(seconds=number), PREFIX, Circumstance())


@pytest.fixture
async def database(tenant_dsn: str) -> AsyncIterator[Database]:
    opened = await Database.open(tenant_dsn, max_size=2)
    yield opened
    await opened.close()


class Node:
    """A core that hands over, with the Commission's answers by hand."""

    def __init__(self, database: Database) -> None:
        self.database = database
        hand, answers = (
            Author(name, SigningKey.from_scalar(11), FixedClock(NOW), SeededEntropy(place))
            for place, name in enumerate((CORE, COMMISSION))
        )
        self.commission = answers
        peers = SimpleNamespace(the=lambda _role: COMMISSION, url=lambda _node: "https://commission.example")
        self.parts: Any = SimpleNamespace(author=hand, edition=SimpleNamespace(peers=peers))
        self.purpose, self.waits = "", frozenset[Serial]()

    async def describe(self, _parts: Any, _unit: Any, kept: Sequence[Record]) -> list[TrailEntry | None]:
        return [
            None
            if one.serial in self.waits
            else TrailEntry(serial=one.serial, event=one.event, at=one.at, prefix=one.prefix, purpose=self.purpose)
            for one in kept
        ]

    async def keep(self, *kept: Record) -> None:
        async with self.database.transaction() as connection:
            await trails.keep(connection, kept)

    async def turn(self, now: datetime = NOW) -> Any:
        """The telegram that goes; None where none does."""
        async with self.database.transaction() as connection:
            unit = Unit(connection, now)
            told = await trails.hand_over(self.parts, unit, self.describe)
        assert bool(told) == bool(unit.outgoing)
        return unit.outgoing[0].telegrams[0] if unit.outgoing else None

    async def hear(self, sent: Any, **answer: Any) -> None:
        """The Commission answers; without anything said, that it refuses."""
        refusal = Refusal(Reason.BAD_FORMAT, "")
        said = self.commission.answer(TrailKept, sent, **answer) if answer else self.commission.refuse(sent, refusal)
        async with self.database.transaction() as connection:
            await trails.hear_kept(self.parts, Unit(connection, NOW), [Heard((sent,), (said,))])

    async def kept(self, sent: Any) -> None:
        await self.hear(sent, following=sent.header.last + 1, digest=sent.header.after)


@pytest.fixture
async def node(database: Database) -> Node:
    await migrate(database, LEDGER, TRAIL)
    return Node(database)


def serials(telegram: Any) -> list[int]:
    return [int(entry.serial.value[-6:]) for entry in telegram.header.entries]


async def test_records_of_before_are_handed_over_first_and_in_their_order(database: Database) -> None:
    first = Migrations(LEDGER.part, LEDGER.steps[:1])
    await migrate(database, first)
    async with database.acquire() as connection:
        for number in (2, 1):
            one = record(number)
            await connection.execute(
                "INSERT INTO record (serial, event, at, inquirer, provider, affair, procedure, information, items,"
                " staff, department, terminal, purpose, case_number, withheld)"
                " VALUES ($1, 'requested', $2, $3, $4, $5, $6, $7, '{}', '', '', '', '', '', false)",
                one.serial.value, one.at, A.value, B.value, PREFIX.affair.value, PREFIX.procedure.value,
                PREFIX.information.value,
            )  # fmt: skip
    await migrate(database, LEDGER, TRAIL)
    node = Node(database)
    await node.keep(record(3))
    assert serials(await node.turn()) == [1, 2, 3]


async def test_a_record_that_is_kept_again_gets_no_second_number(node: Node) -> None:
    await node.keep(record(1), record(1))
    sent = await node.turn()
    await node.kept(sent)
    await node.keep(replace(record(1), reason=Reason.INTERNAL))
    assert await node.turn() is None
    async with node.database.acquire() as connection:
        assert await records.exchanges(connection) == 1
        assert await trail_book.left(connection) == 0


async def test_one_telegram_is_under_way_at_a_time_and_the_next_takes_all_that_came_meanwhile(node: Node) -> None:
    await node.keep(record(1))
    sent = await node.turn()
    await node.keep(record(2), record(3))
    assert await node.turn() is None
    await node.kept(sent)
    following = await node.turn()
    assert serials(following) == [2, 3]
    assert (following.header.first, following.header.before) == (2, sent.header.after)


async def test_a_telegram_has_at_most_a_thousand_entries_and_two_mebibytes(node: Node) -> None:
    await node.keep(*(record(number) for number in range(1001)))
    sent = await node.turn()
    assert len(sent.header.entries) == 1000
    await node.kept(sent)
    node.purpose = "x" * 3000
    await node.keep(*(record(number) for number in range(2000, 3000)))
    sent = await node.turn()
    assert 0 < len(sent.header.entries) < 1000
    assert len(encode_json(sent.header.entries)) <= trails.MOST_BYTES + len(sent.header.entries) + 1


async def test_what_cannot_be_told_yet_waits_and_stops_nothing(node: Node) -> None:
    await node.keep(record(1), record(2))
    node.waits = frozenset({record(1).serial})
    sent = await node.turn()
    assert serials(sent) == [2]
    await node.kept(sent)
    assert await node.turn() is None
    node.waits = frozenset()
    assert serials(await node.turn()) == [1]


async def test_where_the_commission_waits_for_an_earlier_number_it_gets_the_same_again(node: Node) -> None:
    await node.keep(record(1))
    first = await node.turn()
    await node.kept(first)
    await node.keep(record(2))
    second = await node.turn()
    node.purpose = "said otherwise by now"
    await node.hear(second, following=1, digest=bytes(32))
    again = await node.turn()
    assert (again.header.first, again.header.entries, again.header.after) == (
        1,
        first.header.entries,
        first.header.after,
    )
    assert again.header.id != first.header.id
    await node.kept(again)
    assert (await node.turn()).header.entries == second.header.entries


async def test_after_a_refusal_it_rests_a_while(node: Node) -> None:
    await node.keep(record(1))
    sent = await node.turn()
    await node.hear(sent)
    assert await node.turn() is None
    again = await node.turn(NOW + trails.REST + timedelta(seconds=1))
    assert again.header.entries == sent.header.entries


async def test_an_answer_to_what_is_not_under_way_any_more_changes_nothing(node: Node) -> None:
    await node.keep(record(1))
    first = await node.turn()
    await node.kept(first)
    await node.keep(record(2))
    second = await node.turn()
    await node.kept(first)
    assert await node.turn() is None
    await node.kept(second)


async def test_where_the_commission_has_other_entries_ours_get_numbers_behind_them(node: Node) -> None:
    await node.keep(record(1), record(2))
    sent = await node.turn()
    # Number 1 is the same there; under 2 to 9 it has what we lost.
    await node.hear(sent, following=10, digest=b"\5" * 32, contradicts=2)
    again = await node.turn()
    assert (again.header.first, again.header.before, serials(again)) == (10, b"\5" * 32, [2])
    await node.kept(again)
    assert await node.turn() is None


async def test_a_trail_whose_numbers_go_beyond_ours_is_gone_on_with(node: Node) -> None:
    await node.keep(record(1))
    sent = await node.turn()
    await node.hear(sent, following=7, digest=b"\6" * 32)
    assert await node.turn() is None
    await node.keep(record(2))
    following = await node.turn()
    assert (following.header.first, following.header.before) == (7, b"\6" * 32)
    assert isinstance(following.header, HandOverTrail)
    assert following.header.to.role is Role.COMMISSION
