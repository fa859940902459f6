"""How many exchanges a second the Commission takes in and reconciles, and how long after its end one has its outcome.

Core and both ends are played: their entries are written, signed and handed to the Commission's own handler on its real
schema, a thousand to a telegram, and reconciled by its own step. In the same run: the bound, the pure function over the
same entries in memory, which no database and no wire can beat. The time to the outcome is that of one exchange whose
three ends hand over at once, without the pauses of a running country (a second at the authors, five at the Commission).
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any, cast

from bench import report
from nakadachi.commission import service, trail, trail_store
from nakadachi.commission.evidence import Seen
from nakadachi.commission.parts import Commission
from nakadachi.commission.reconciling import reconcile
from nakadachi.crypto.commitment import commit
from nakadachi.crypto.signing import SigningKey
from nakadachi.kit.author import Author
from nakadachi.kit.clock import SystemClock
from nakadachi.kit.database import Database
from nakadachi.kit.entropy import SystemEntropy, uuid7_text
from nakadachi.kit.migrations import migrate, read_migrations
from nakadachi.kit.postgres import embedded
from nakadachi.kit.unit import Asked, Unit
from nakadachi.law.directory import Directory
from nakadachi.ledger.permits import OVERSIGHT_TAG, entry_of
from nakadachi.ledger.trails import hash_of, running
from nakadachi.ledger.tree import leaf_hash
from nakadachi.telegrams.codec import encode_json
from nakadachi.telegrams.envelope import ITEMS_LIMIT, Lane
from nakadachi.telegrams.inquiry import Ending
from nakadachi.telegrams.permit import Basis, Commitments, PermitContent, Route
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

EXCHANGES = 5_000
ALONE = 30
A, B = OrganisationCode("9901000000000001"), OrganisationCode("9901000000000002")
CORE, MS_A, MS_B = NodeName("core:9910000000000001"), *(NodeName.of(Role.INTERMEDIATE, one) for one in (A, B))
COMMISSION = NodeName("commission:9912000000000001")
PREFIX = Prefix(
    A, AffairCode("JM99000000180000"), ProcedureCode("JT99000000180001"), B, InfoNameCode("TM99000000000002"),
    tuple(ItemCode(f"TM99000000000002-{number:04}") for number in range(1, 8)),
)  # fmt: skip
PARTS = (
    ("nakadachi.kit", "messages", "sql"),
    ("nakadachi.ledger", "ledger", "sql"),
    ("nakadachi.commission", "commission", "migrations"),
)
EACH = 6
"""Entries of one exchange: two at the inquirer, three at the core, one at the provider."""


def authors() -> dict[NodeName, Author]:
    """The hands of those who hand over, and of the Commission."""
    return {
        name: Author(name, SigningKey.from_scalar(11 + place), SystemClock(), SystemEntropy())
        for place, name in enumerate((CORE, MS_A, MS_B, COMMISSION))
    }


def exchange(at: datetime) -> Iterator[tuple[NodeName, TrailEntry]]:
    """The entries of one exchange that was answered."""
    serial = Serial(f"{A}-{uuid7_text(SystemClock(), SystemEntropy())}")
    salt, tag = SystemEntropy().bytes(32), SystemEntropy().bytes(32)
    issued, given, got = (at + timedelta(milliseconds=each) for each in (20, 40, 60))
    content = encode_json(
        PermitContent(
            version=1, origin="core.example/1", issuer=CORE.organisation, prefix=PREFIX, serial=serial,
            issued_at=issued, accept_by=issued + timedelta(minutes=1), answer_by=issued + timedelta(days=10),
            legal_row="018-1", lawbook=1, assessments=("PIA-1", "PIA-2"), basis=Basis.LAW,
            route=Route(node=NodeName.of(Role.INTERFACE, A), url="https://a.example"), suite="default",
            commitments=Commitments(
                inquirer_code=salt, provider_code=salt, person_tag=salt, oversight_tag=commit(OVERSIGHT_TAG, tag, salt)
            ),
        )
    )  # fmt: skip
    leaf = leaf_hash(entry_of(content))
    own: dict[str, Any] = {"serial": serial, "prefix": PREFIX}
    who: dict[str, Any] = {
        "staff": "3f1c0a9be27d54c86a10", "department": "CARE-DESK", "terminal": "T-07", "purpose": "benefit review",
        "case": salt, "requested_at": at,
    }  # fmt: skip
    done = {"ending": Ending.ANSWERED, "provided_at": given}
    decision = Decision(content=content, index=1, tag=tag, salt=salt)
    yield MS_A, TrailEntry(event=Event.REQUESTED, at=at, **own, **who)
    yield (
        CORE,
        TrailEntry(event=Event.PERMITTED, at=issued, leaf=leaf, decision=decision, staff="3f1c0a9be27d54c86a10", **own),
    )
    yield MS_B, TrailEntry(event=Event.PROVIDED, at=given, leaf=leaf, staff="automatic", **own, **done)
    yield MS_A, TrailEntry(event=Event.RECEIVED, at=got, leaf=leaf, **own, **who, **done)
    yield CORE, TrailEntry(event=Event.RECEIVED, at=got, ending=Ending.ANSWERED, **own)
    yield CORE, TrailEntry(event=Event.PROVIDED, at=got, ending=Ending.ANSWERED, **own)


class Chains:
    """The trails of the three authors, as they go on."""

    def __init__(self) -> None:
        self.hands = authors()
        self._next = dict.fromkeys((CORE, MS_A, MS_B), 1)
        self._digest = dict.fromkeys((CORE, MS_A, MS_B), NOTHING_YET)

    def telegrams(self, told: Sequence[tuple[NodeName, TrailEntry]]) -> list[Any]:
        """Signed telegrams with these entries."""
        written = []
        for author in (CORE, MS_A, MS_B):
            own = [entry for name, entry in told if name == author]
            for start in range(0, len(own), ITEMS_LIMIT):
                some = tuple(own[start : start + ITEMS_LIMIT])
                before, first = self._digest[author], self._next[author]
                after = running(before, map(hash_of, some))
                written.append(
                    self.hands[author].write(
                        HandOverTrail, to=COMMISSION, lane=Lane.BULK, first=first, entries=some, before=before,
                        after=after,
                    )
                )  # fmt: skip
                self._digest[author], self._next[author] = after, first + len(some)
        return written


class _Core:
    """The one thing that reconciling asks of the directory."""

    def core(self) -> NodeName:
        return CORE


class _Edition:
    peers = _Core()
    directory = cast("Directory", None)


async def measure(database: Database, chains: Chains) -> tuple[float, float, list[float]]:
    """Exchanges taken in and reconciled per second; the same by the pure function alone; seconds to an outcome."""
    commission = Commission(chains.hands[COMMISSION], cast("Any", None), cast("Any", _Edition()), database)

    async def step(work: Any, items: Sequence[Any]) -> Any:
        async with database.transaction() as connection:
            return await work(commission, Unit(connection, datetime.now(UTC)), items)

    async def take(telegrams: Sequence[Any]) -> None:
        for telegram in telegrams:
            await step(trail.keep_trails, [Asked(telegram, {})])
        while (await step(trail.reconcile_some, [None]))[0]:
            pass

    begun = datetime.now(UTC)
    told = [each for place in range(EXCHANGES) for each in exchange(begun + timedelta(milliseconds=place))]
    telegrams = chains.telegrams(told)
    print(f"{len(telegrams)} telegrams of {len(told)} entries are written", file=sys.stderr, flush=True)
    start = time.perf_counter()
    await take(telegrams)
    whole = EXCHANGES / (time.perf_counter() - start)
    async with database.acquire() as connection:
        rows = await connection.fetch("SELECT verdict, count(*) AS count FROM reconciliation GROUP BY verdict")
        serials = [entry.serial for _, entry in told[::EACH]]
        seen = await trail_store.entries_of(connection, serials)
    assert {row["verdict"]: row["count"] for row in rows} == {"complete": EXCHANGES}, rows
    bare = _bare(list(seen.values()))
    seconds = []
    for _ in range(ALONE):
        one = chains.telegrams(list(exchange(datetime.now(UTC))))
        start = time.perf_counter()
        await take(one)
        seconds.append(time.perf_counter() - start)
    return whole, bare, seconds


def _bare(exchanges: Sequence[Sequence[Seen]]) -> float:
    now, start = datetime.now(UTC), time.perf_counter()
    for entries in exchanges:
        reconcile(entries, now)
    return len(exchanges) / (time.perf_counter() - start)


async def run() -> None:
    """Measure on a database of its own, and write the report."""
    with tempfile.TemporaryDirectory(prefix="nakadachi-bench-") as folder:
        async with embedded(Path(folder)) as server:
            database = await Database.open(await server.create_tenant("bench_reconciliation"), max_size=2)
            try:
                parts = (read_migrations(package, part=part, folder=place) for package, part, place in PARTS)
                await migrate(database, *parts)
                whole, bare, seconds = await measure(database, Chains())
            finally:
                await database.close()
    path = report.write(
        "reconciliation",
        value=whole,
        unit="exchanges taken in and reconciled per second, one process",
        bound=bare,
        bound_is="the pure reconciliation of the same entries in memory, one process",
        exchanges=EXCHANGES,
        entries=EXCHANGES * EACH,
        outcome_seconds={"median": round(median(seconds), 4), "greatest": round(max(seconds), 4)},
        pauses_seconds={"at the authors": 1.0, "at the Commission": service.RECONCILE_SECONDS},
    )
    print(f"{whole:.0f} exchanges a second; {path}", file=sys.stderr, flush=True)


def main() -> None:
    """Run it."""
    asyncio.run(run())


if __name__ == "__main__":
    main()
