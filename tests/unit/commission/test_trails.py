"""The Commission keeps each author's chain once and in order, whatever comes again, late or in another order."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from nakadachi.commission import reconciliation_store, trail, trail_store
from nakadachi.commission.evidence import Field, Verdict, month_of
from nakadachi.commission.examining import examine
from nakadachi.commission.parts import Commission
from nakadachi.crypto.commitment import commit
from nakadachi.crypto.signing import SigningKey
from nakadachi.kit.author import Author
from nakadachi.kit.clock import FixedClock
from nakadachi.kit.database import Database
from nakadachi.kit.entropy import SeededEntropy
from nakadachi.kit.migrations import migrate, read_migrations
from nakadachi.kit.unit import Asked, Unit
from nakadachi.ledger.permits import OVERSIGHT_TAG, entry_of
from nakadachi.ledger.trails import hash_of, running
from nakadachi.ledger.tree import leaf_hash
from nakadachi.refusal import Reason
from nakadachi.telegrams.codec import encode_json
from nakadachi.telegrams.inquiry import Ending
from nakadachi.telegrams.permit import Basis, Commitments, PermitContent, RefusalContent, Route
from nakadachi.telegrams.trail import NOTHING_YET, Decision, Event, HandOverTrail, TrailEntry
from nakadachi.terms import (
    AffairCode,
    InfoNameCode,
    ItemCode,
    NodeName,
    OrganisationCode,
    Prefix,
    ProcedureCode,
    Role,
    Serial,
)

NOW = datetime(2026, 4, 1, 1, tzinfo=UTC)
A, B = OrganisationCode("9901000000000001"), OrganisationCode("9901000000000002")
CORE, MS_A, MS_B = NodeName("core:9910000000000001"), *(NodeName.of(Role.INTERMEDIATE, one) for one in (A, B))
COMMISSION = NodeName("commission:9912000000000001")
AUTHORS = (CORE, MS_A, MS_B)
PREFIX = Prefix(
    A, AffairCode("JM99000000180000"), ProcedureCode("JT99000000180001"), B, InfoNameCode("TM99000000000002"),
    (ItemCode("TM99000000000002-0001"),),
)  # fmt: skip
SALT, TAG = bytes(range(32)), b"\7" * 32
COMMITTED = commit(OVERSIGHT_TAG, TAG, SALT)


def serial(number: int) -> Serial:
    return Serial(f"{A}-{number:026}")


def permit(number: int) -> PermitContent:
    return PermitContent(
        version=1, origin="core.example/1", issuer=CORE.organisation, prefix=PREFIX, serial=serial(number),
        issued_at=NOW, accept_by=NOW + timedelta(minutes=1), answer_by=NOW + timedelta(days=10), legal_row="018-1",
        lawbook=1, assessments=(), basis=Basis.LAW, suite="default",
        route=Route(node=NodeName.of(Role.INTERFACE, A), url="https://a.example"),
        commitments=Commitments(
            inquirer_code=bytes(32), provider_code=bytes(32), person_tag=bytes(32), oversight_tag=COMMITTED
        ),
    )  # fmt: skip


def decided(content: PermitContent | RefusalContent, **other: Any) -> TrailEntry:
    """The core's entry of its decision."""
    raw = encode_json(content)
    said = isinstance(content, PermitContent)
    fields: dict[str, Any] = {
        "serial": content.serial,
        "event": Event.PERMITTED if said else Event.REFUSED,
        "at": NOW,
        "prefix": PREFIX,
        "leaf": leaf_hash(entry_of(raw)),
        "decision": Decision(content=raw, index=1, tag=TAG, salt=SALT),
        "reason": None if isinstance(content, PermitContent) else content.reason,
    }
    return TrailEntry(**(fields | other))


def exchange(number: int) -> dict[NodeName, tuple[TrailEntry, ...]]:
    """What the three have to tell of an exchange that was answered."""
    granted = decided(permit(number))
    own: dict[str, Any] = {"serial": serial(number), "prefix": PREFIX, "at": NOW}
    done = own | {"leaf": granted.leaf, "ending": Ending.ANSWERED, "provided_at": NOW}
    return {
        CORE: (granted, *(TrailEntry(event=one, **own) for one in (Event.PROVIDED, Event.RECEIVED))),
        MS_A: (TrailEntry(event=Event.REQUESTED, **own), TrailEntry(event=Event.RECEIVED, **done)),
        MS_B: (TrailEntry(event=Event.PROVIDED, **done),),
    }


def telegrams(count: int) -> dict[NodeName, list[Any]]:
    """Each author's telegrams about so many exchanges: of one or two exchanges each."""
    told: dict[NodeName, list[Any]] = {}
    for place, name in enumerate(AUTHORS):
        hand = Author(name, SigningKey.from_scalar(11 + place), FixedClock(NOW), SeededEntropy(place))
        digest, first = NOTHING_YET, 1
        for start in range(0, count, 2):
            entries = tuple(one for number in range(start, min(start + 2, count)) for one in exchange(number)[name])
            after = running(digest, map(hash_of, entries))
            fields = {"first": first, "entries": entries, "before": digest, "after": after}
            told.setdefault(name, []).append(hand.write(HandOverTrail, to=COMMISSION, **fields))
            digest, first = after, first + len(entries)
    return told


class Office:
    """The Commission with its own database."""

    def __init__(self, database: Database) -> None:
        author = Author(COMMISSION, SigningKey.from_scalar(17), FixedClock(NOW), SeededEntropy(9))
        edition: Any = SimpleNamespace(peers=SimpleNamespace(core=lambda: CORE))
        self.parts, self.database = Commission(author, cast("Any", None), edition, database), database

    async def step(self, work: Any, items: Any, now: datetime = NOW) -> Any:
        async with self.database.transaction() as connection:
            return await work(self.parts, Unit(connection, now), items)

    async def take(self, *given: Any) -> list[Any]:
        """Telegrams come; the headers of the answers."""
        replies = await self.step(trail.keep_trails, [Asked(one, {}) for one in given])
        return [getattr(one, "header", one) for one in replies]

    async def verdicts(self) -> dict[str, Verdict]:
        """All is reconciled: how each exchange stands."""
        while (await self.step(trail.reconcile_some, [None]))[0]:
            pass
        async with self.database.acquire() as connection:
            rows = await connection.fetch("SELECT serial FROM reconciliation")
            found = await reconciliation_store.of_serials(connection, [Serial(row["serial"]) for row in rows])
        return {one.serial.value: one.outcome.verdict for one in found}

    async def kept(self) -> list[tuple[Any, ...]]:
        """All entries in order."""
        async with self.database.acquire() as connection:
            rows = await connection.fetch(
                "SELECT author, number, serial, event, hash, faults FROM trail_entry ORDER BY author, number"
            )
        return [tuple(row.values()) for row in rows]


@pytest.fixture
async def office(tenant_dsn: str) -> AsyncIterator[Office]:
    opened = await Database.open(tenant_dsn, max_size=2)
    parts = (
        ("nakadachi.kit", "messages", "sql"),
        ("nakadachi.ledger", "ledger", "sql"),
        ("nakadachi.commission", "commission", "migrations"),
    )
    await migrate(opened, *(read_migrations(package, part=part, folder=folder) for package, part, folder in parts))
    yield Office(opened)
    await opened.close()


async def test_what_is_handed_over_in_order_is_complete(office: Office) -> None:
    told = telegrams(5)
    for name in AUTHORS:
        answers = await office.take(*told[name])
        assert answers[-1].following == told[name][-1].header.last + 1
        assert answers[-1].digest == told[name][-1].header.after
    assert await office.verdicts() == {serial(number).value: Verdict.COMPLETE for number in range(5)}
    assert len(await office.kept()) == 5 * 6


@pytest.mark.parametrize("seed", range(8))
async def test_any_interleaving_with_repeats_and_gaps_leads_to_the_same_store_and_outcomes(
    office: Office, seed: int
) -> None:
    told, chance = telegrams(7), random.Random(seed)
    following = dict.fromkeys(AUTHORS, 1)
    while waiting := [name for name in AUTHORS if following[name] <= told[name][-1].header.last]:
        name = chance.choice(waiting)
        some = chance.sample(told[name], chance.randint(1, len(told[name])))
        for answer in await office.take(*some):
            assert answer.contradicts is None
            following[name] = max(following[name], answer.following)
        # Who is answered with a number goes on from there.
        due = [one for one in told[name] if one.header.first <= following[name] <= one.header.last]
        for answer in await office.take(*due):
            following[name] = answer.following
    expected = [
        (name.value, number, entry.serial.value, entry.event.value, hash_of(entry), [])
        for name in sorted(AUTHORS)
        for number, entry in enumerate((one for each in told[name] for one in each.header.entries), 1)
    ]
    assert await office.kept() == expected
    assert set((await office.verdicts()).values()) == {Verdict.COMPLETE}


async def test_what_comes_behind_a_gap_is_answered_with_the_number_waited_for(office: Office) -> None:
    first, second, *_ = telegrams(4)[MS_A]
    (answer,) = await office.take(second)
    assert (answer.following, answer.digest, answer.contradicts) == (1, NOTHING_YET, None)
    assert await office.kept() == []
    assert [one.following for one in await office.take(first, second)] == [5, 9]


async def test_entries_go_into_the_table_of_their_month_and_those_of_no_possible_time_into_the_present_one(
    office: Office,
) -> None:
    assert month_of(datetime(2026, 3, 31, 15, tzinfo=UTC), NOW) == date(2026, 4, 1)
    assert month_of(datetime(2026, 3, 31, 14, 59, tzinfo=UTC), NOW) == date(2026, 3, 1)
    assert month_of(NOW + timedelta(days=60), NOW) == date(2026, 4, 1)
    assert month_of(datetime(1970, 1, 1, tzinfo=UTC), NOW) == date(2026, 4, 1)
    assert trail.months_ahead(date(2026, 11, 30)) == [date(2026, 11, 1), date(2026, 12, 1), date(2027, 1, 1)]
    await office.step(trail.make_months, [None])
    await office.step(trail.make_months, [None])
    async with office.database.acquire() as connection:
        rows = await connection.fetch("SELECT inhrelid::regclass::text AS name FROM pg_inherits ORDER BY 1")
    tables = {row["name"] for row in rows if row["name"].startswith("trail_entry_2026") and "idx" not in row["name"]}
    assert {"trail_entry_2026_04", "trail_entry_2026_05", "trail_entry_2026_06"} <= tables


async def test_a_signed_header_comes_back_as_it_was(office: Office) -> None:
    (first, *_) = telegrams(2)[CORE]
    assert trail_store.unfolded(trail_store.folded(first.envelope)) == first.envelope.jws
    assert len(trail_store.folded(first.envelope)) < len(first.envelope.jws)
    await office.take(first)
    async with office.database.acquire() as connection:
        assert await trail_store.telegram_with(connection, CORE, 2) == first.envelope.jws


def with_decision(entry: TrailEntry, **other: Any) -> TrailEntry:
    assert entry.decision is not None
    return msgspec.structs.replace(entry, decision=msgspec.structs.replace(entry.decision, **other))


REFUSAL = RefusalContent(
    version=1, origin="core.example/1", issuer=CORE.organisation, prefix=PREFIX, serial=serial(1), refused_at=NOW,
    reason=Reason.NOT_IN_TABLE, lawbook=1, oversight_tag=COMMITTED,
)  # fmt: skip
GRANTED = decided(permit(1))
WRONG = {
    "no decision at all": (msgspec.structs.replace(GRANTED, decision=None), Field.LEAF),
    "bytes that are none": (with_decision(GRANTED, content=b"{"), Field.LEAF),
    "another leaf": (msgspec.structs.replace(GRANTED, leaf=bytes(32)), Field.LEAF),
    "another exchange": (decided(permit(2), serial=serial(1)), Field.SERIAL),
    "another affair": (
        decided(permit(1), prefix=replace(PREFIX, affair=AffairCode("JM99000000190000"))),
        Field.PREFIX,
    ),
    "another time": (decided(permit(1), at=NOW + timedelta(seconds=1)), Field.TIME),
    "a permit said to be a refusal": (decided(permit(1), event=Event.REFUSED), Field.ENDING),
    "another reason": (decided(REFUSAL, reason=Reason.SUSPENDED), Field.REASON),
    "another tag": (with_decision(GRANTED, tag=b"\10" * 32), Field.TAG),
    "no tag": (with_decision(GRANTED, tag=b""), Field.TAG),
    "another salt": (with_decision(GRANTED, salt=bytes(32)), Field.TAG),
    "a tag that is not opened": (with_decision(GRANTED, salt=None), Field.TAG),
}


@pytest.mark.parametrize(("entry", "field"), WRONG.values(), ids=WRONG.keys())
def test_a_decision_of_the_core_that_does_not_fit_its_leaf_is_seen(entry: TrailEntry, field: Field) -> None:
    assert examine(CORE, entry).faults == {field}


@pytest.mark.parametrize("entry", [GRANTED, decided(REFUSAL)], ids=["permit", "refusal"])
def test_a_decision_that_fits_its_leaf_and_opens_its_tag_has_no_fault(entry: TrailEntry) -> None:
    examined = examine(CORE, entry)
    assert (examined.faults, examined.origin, examined.issued_at) == (frozenset(), "core.example/1", NOW)
