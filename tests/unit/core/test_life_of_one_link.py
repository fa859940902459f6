"""One link under all that can happen to it, in any order: the database against a small model of days (C3, C8).

The model knows sets of days and nothing else; the store, the rules of days and the rules of a permit know the rest.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nakadachi.core import life_store, store
from nakadachi.core.codes import IdCode
from nakadachi.core.rules import decide_person
from nakadachi.kit.database import Database
from nakadachi.kit.migrations import migrate, read_migrations
from nakadachi.refusal import Reason, Refusal
from nakadachi.telegrams.link import LinkChange
from nakadachi.telegrams.standing import day_begins
from nakadachi.terms import OrganisationCode, Serial, crockford

OWN, OTHER = OrganisationCode("9901000000000001"), OrganisationCode("9901000000000002")
PERSON, NEW_CODE = IdCode(b"0123456789"), IdCode(b"9876543210")
SERIAL = Serial(f"{OWN}-{crockford(1, length=26)}")
FIRST = date(2026, 4, 1)
HORIZON = 60
NOON = timedelta(hours=12)


@dataclass
class Model:
    """A link as days, counted from the first; what is planned for days to come included."""

    today: int = 0
    linked: int = 0
    generation: int = 1
    suspended: set[int] = field(default_factory=set)
    unlinked: int | None = None
    dead: bool = False
    closed: list[tuple[int, int, int]] = field(default_factory=list)

    @property
    def over(self) -> bool:
        return self.unlinked is not None and self.unlinked <= self.today

    def change(self, what: LinkChange, day: int) -> Reason | None:
        """What an organisation is told; None where it is done."""
        if self.over:
            return None if what is LinkChange.UNLINK else Reason.CODE_NOT_ISSUED
        if day < self.linked:
            return Reason.OUT_OF_TURN
        if what is LinkChange.UNLINK:
            self.unlinked = day
            return None
        if self.unlinked is not None and day >= self.unlinked:
            return Reason.OUT_OF_TURN
        later = set(range(day, HORIZON))
        if what is LinkChange.RESUME:
            self.suspended -= later
            return None
        wanted = self.suspended | later
        ahead = sorted(one for one in wanted if one >= self.today)
        if any(one + 1 not in wanted for one in ahead[:-1]):
            return Reason.OUT_OF_TURN  # two suspensions: one is planned or runs
        self.suspended = wanted
        return None

    def link(self) -> None:
        if self.over:
            assert self.unlinked is not None
            self.closed.append((self.generation, self.linked, self.unlinked))
            self.linked, self.unlinked, self.generation = self.today, None, self.generation + 1
            self.suspended = set()

    def towards(self, *, inquirer: bool) -> Reason | None:
        """Why nobody is asked about the person, where this link is the inquirer's or the provider's."""
        if self.over:
            return Reason.CODE_NOT_ISSUED if inquirer else Reason.NOT_LINKED_AT_PROVIDER
        return Reason.SUSPENDED if self.dead or self.today in self.suspended else None


DAYS = st.integers(-4, 8)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(LinkChange), DAYS),
        st.tuples(st.just("days pass"), st.integers(1, 5)),
        st.sampled_from([("link", 0), ("link under a new record code", 0), ("died", 0), ("lives", 0)]),
    ),
    max_size=18,
)


class Played:
    """The same on the real tables."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self.codes: list[tuple[int, int]] = []

    async def begin(self) -> None:
        for table in ("link", "link_history", "death", "alias"):
            await self.connection.execute(f"DELETE FROM {table}")
        await life_store.add_aliases(self.connection, {NEW_CODE: PERSON}, day_begins(FIRST))
        await store.link_people(self.connection, OTHER, [PERSON], key_index=1, now=day_begins(FIRST))

    async def link(self, person: IdCode, today: int) -> None:
        (stands,) = await life_store.standing(self.connection, [person])
        linked = await store.link_people(self.connection, OWN, [stands], key_index=1, now=moment(today))
        code = (linked[stands].key_index, linked[stands].generation)
        if code not in self.codes:
            self.codes.append(code)

    async def change(self, what: LinkChange, day: int, today: int) -> Reason | None:
        (held,) = (await life_store.hold_links(self.connection, OWN, [PERSON])).values()
        try:
            days = held.days.changed(
                what, on=FIRST + timedelta(days=day), now=moment(today), generation=held.generation
            )
        except Refusal as refusal:
            return refusal.reason
        await life_store.set_days(self.connection, OWN, {PERSON: days})
        return None

    async def towards(self, today: int, *, inquirer: bool) -> list[Reason | None]:
        """What each code that was ever issued is told, the newest last."""
        wanted = [(PERSON, OWN), (PERSON, OTHER)]
        found = (await store.links(self.connection, wanted, moment(today)))[PERSON]
        caller, provider = (OWN, OTHER) if inquirer else (OTHER, OWN)
        serial = Serial(SERIAL.value.replace(OWN.value, caller.value))
        told = []
        for code in self.codes if inquirer else [(1, 1)]:
            try:
                decide_person(serial, caller=caller, provider=provider, issued=code, links=found)
                told.append(None)
            except Refusal as refusal:
                told.append(refusal.reason)
        return told


def moment(day: int) -> Any:
    return day_begins(FIRST + timedelta(days=day)) + NOON


async def play(connection: Any, steps: list[tuple[Any, int]]) -> None:
    model, played = Model(), Played(connection)
    await played.begin()
    await played.link(PERSON, 0)
    for what, days in steps:
        if isinstance(what, LinkChange):
            day = max(0, model.today + days)
            assert await played.change(what, day, model.today) == model.change(what, day), (what, day)
        elif what == "days pass":
            model.today += days
        elif what in {"died", "lives"}:
            model.dead = what == "died"
            await life_store.note_deaths(connection, {PERSON: model.dead}, moment(model.today))
        else:
            model.link()
            await played.link(NEW_CODE if what != "link" else PERSON, model.today)
        told = await played.towards(model.today, inquirer=True)
        assert told[-1] == model.towards(inquirer=True), (what, days)
        assert set(told[:-1]) <= {Reason.CODE_NOT_ISSUED}
        # The other end is dead too where the person is: of that one nothing else is told.
        provider = model.towards(inquirer=False)
        assert await played.towards(model.today, inquirer=False) == [Reason.SUSPENDED if model.dead else provider]
    rows = await connection.fetch("SELECT generation, linked_at, unlinked_at FROM link_history ORDER BY generation")
    assert [(row["generation"], row["linked_at"], row["unlinked_at"]) for row in rows] == [
        (generation, moment(linked), day_begins(FIRST + timedelta(days=unlinked)))
        for generation, linked, unlinked in model.closed
    ]


@pytest.fixture
def run(tenant_dsn: str) -> Any:
    with asyncio.Runner() as runner:
        database = runner.run(Database.open(tenant_dsn, max_size=1))
        parts = (("core", "migrations"), ("rotation", "rotation_sql"))
        files = (read_migrations("nakadachi.core", part=part, folder=folder) for part, folder in parts)
        runner.run(migrate(database, *files))

        async def whole(steps: list[tuple[Any, int]]) -> None:
            async with database.acquire() as connection:
                await play(connection, steps)

        def played(steps: list[tuple[Any, int]]) -> None:
            runner.run(whole(steps))

        yield played
        runner.run(database.close())


def test_whatever_happens_to_a_link_its_state_is_that_of_its_days(run: Any) -> None:
    settings(max_examples=60)(given(STEPS)(run))()
