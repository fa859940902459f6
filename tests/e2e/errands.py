"""What makes telegrams travel while systems die: clients that ask again, and know when they are done."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import signal
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import TypeVar

from nakadachi.country.founding import _signer
from nakadachi.country.plan import COMMISSION_DOCUMENTS, CORE_DOCUMENTS
from nakadachi.ledger.edition import sign_document
from nakadachi.telegrams.envelope import Lane
from nakadachi.terms import Role, Serial
from tests.e2e.points import Story
from tests.e2e.realm import AWAY, Realm, lines_at
from tests.invented import AOBA, PENSION, TSUBAKI, Person, invent
from tests.world import TAX_ITEMS, Told, inquiry_line, told

T = TypeVar("T")

ENDED = frozenset({"answered", "refused", "cancelled"})
PATIENCE_SECONDS = 120.0
PAUSE_SECONDS = 0.3

KNOWN = [
    invent(f"見本 {name}", f"ミホン {kana}", f"見本県見本市椿町{number}番", f"19{70 + number}-02-03")
    for number, (name, kana) in enumerate((("一", "イチ"), ("二", "ニ"), ("三", "サン")), 1)
]
"""Known at both ends; each has values that nobody else has."""
WITHDRAWN, UNACCEPTED, UNRECEIVED, QUESTIONED, MIXED_UP = (
    invent(f"見本 {name}", f"ミホン {kana}", f"見本県見本市榎町{number}番", f"19{70 + number}-05-06")
    for number, (name, kana) in enumerate(
        (("四", "ヨン"), ("五", "ゴ"), ("六", "ロク"), ("七", "シチ"), ("八", "ハチ")), 1
    )
)
"""Each is asked about in one story alone (see otherwise.py); Aoba has another date of birth of the last."""
MARKED = (WITHDRAWN, UNRECEIVED, QUESTIONED)
"""Marked at Aoba: staff decide."""
EVERYBODY = [*KNOWN, WITHDRAWN, UNACCEPTED, UNRECEIVED, QUESTIONED, MIXED_UP]
NEWCOMERS = [invent("見本 新", "ミホン シン", f"見本県見本市梅町{number}番", "1999-01-02") for number in range(1, 400)]
"""Known nowhere yet: the Pensions have them linked, two at a time."""


def values_of(person: Person) -> dict[str, str]:
    """What Aoba holds of somebody."""
    own = EVERYBODY.index(person) + 1
    return {item: f"{own}92718{place:03}" for place, item in enumerate(TAX_ITEMS[:-1])} | {TAX_ITEMS[-1]: "1"}


@dataclass
class Errands:
    """The clients of a realm, and what they were told."""

    realm: Realm
    told: list[Told] = field(default_factory=list)
    linked: list[Person] = field(default_factory=list)
    checked: set[str] = field(default_factory=set)
    _newcomers: itertools.count[int] = field(default_factory=itertools.count)
    _edition: int = 1

    async def settle(self) -> None:
        """Register whom both ends know, and fill Aoba's provision database."""
        land, other = self.realm.land, {"born": "1950-01-01"}
        for organisation in (TSUBAKI, AOBA):
            linked = await land.register(organisation, *(one.line(organisation) for one in EVERYBODY))
            assert set(linked.values()) == {"linked"}
        await land.register(AOBA, MIXED_UP.line(AOBA, **other), link=False)
        for one in EVERYBODY:
            await land.hold(AOBA, one.at(AOBA), values_of(one))
        for one in MARKED:
            await land.protect(AOBA, one.at(AOBA))

    async def run(self, story: Story, lane: Lane) -> None:
        """One run of a story, to its end as its client sees it."""
        if story is Story.INQUIRY:
            await self.inquire(lane)
        elif story is Story.REFUSED:
            await self.inquire(lane, information="TM99000000000001")
        elif story is Story.LINKING:
            await self.link()
        elif story is Story.EDITION:
            await self.distribute()
        elif story is Story.OPERATION:
            await self.restart()
        elif story is Story.ROTATION:
            await self.rotate()
        else:
            raise LookupError(f"no errand has {story} told")

    async def inquire(self, lane: Lane, **other: str) -> None:
        """Tsubaki asks Aoba about everybody known: each by itself, or all in one file."""
        await self.ask(KNOWN if lane is Lane.BULK else KNOWN[:2], lane, **other)

    async def ask(self, people: Sequence[Person], lane: Lane = Lane.INTERACTIVE, **other: str) -> None:
        """Tsubaki asks Aoba about these people until it knows of each how it ended, or that staff decide."""
        groups = [people] if lane is Lane.BULK else [[one] for one in people]
        await asyncio.gather(*(patiently(lambda group=group: self._ask(group, lane, **other)) for group in groups))

    async def _ask(self, people: Sequence[Person], lane: Lane, **other: str) -> bool:
        """Ask once. Whether each line came to its end; what was cut off or not known to be kept is asked anew."""
        file = "".join(inquiry_line(one.at(TSUBAKI), AOBA, **other) for one in people)
        query = {"lane": lane.value, "purpose": "review", "terminal": "T-7", "case_number": "C-1"}
        status, text = await self.realm.land.desk(TSUBAKI, "POST", "inquiries", file.encode(), **query)
        lines = [told(line) for line in text.splitlines()] if status == 200 else []
        self.told += [one for one in lines if one.serial is not None]
        ends = [await self._end_of(one) for one in lines]
        return len(lines) == len(people) and all(ends)

    async def _end_of(self, one: Told) -> bool:
        """Read by serial until it ended or is held; False where it was never kept."""
        if one.status in ENDED or one.serial is None:
            return one.status in ENDED
        now = one

        async def ended() -> bool:
            nonlocal now
            now = await self.realm.land.read(one.serial)
            return now.status != "pending" or await self.is_held(one.serial)

        await patiently(ended)
        if now.status == "unknown":
            self.told.remove(one)
            return False
        self.told.append(now)
        return True

    async def link(self) -> None:
        """The Pensions register two people more and have link codes issued for them."""
        people = [NEWCOMERS[next(self._newcomers)] for _ in range(2)]
        file = lines_at(PENSION, people)

        async def done(path: str) -> bool:
            status, text = await self.realm.land.desk(PENSION, "POST", path, file)
            return status == 200 and (path == "people" or text.count('"linked"') == len(people))

        await patiently(lambda: done("people"))
        await patiently(lambda: done("link"))
        self.linked += people

    async def distribute(self) -> None:
        """A new law book comes into force: the core is told, and tells everybody."""
        realm, self._edition = self.realm, self._edition + 1
        book = replace(realm.founding.lawbook, version=realm.founding.lawbook.version + self._edition)
        names = ((Role.CORE, CORE_DOCUMENTS), (Role.COMMISSION, COMMISSION_DOCUMENTS))
        note = sign_document(book.to_bytes(), *(_signer(realm.founding, *name) for name in names))
        core = realm.land.plan.of(Role.CORE)
        (realm.folder / core.folder / "lawbook.note").write_bytes(note)

        async def held() -> bool:
            query = "SELECT 1 FROM edition WHERE kind = 'lawbook' AND version = $1"
            if not await realm.rows(core.name, query, book.version):
                await realm.land.status(core.name)  # one that only starts would end at the signal
                os.kill(realm.processes.running[core.name.value].pid, signal.SIGHUP)
                await asyncio.sleep(1)
                return False
            others = [one for one in realm.land.plan.places if one.name.role is not Role.CORE]
            return all([await realm.rows(one.name, query, book.version) for one in others])

        await patiently(held)

    async def restart(self) -> None:
        """The Pensions, the Commission and the registry organisation restart their systems."""
        realm = self.realm
        places = [realm.land.plan.of(role, PENSION) for role in (Role.INTERMEDIATE, Role.INTERFACE)]
        places += [realm.land.plan.of(role) for role in (Role.COMMISSION, Role.REGISTRY)]
        before = [realm.processes.running[place.name.value] for place in places]
        for process in before:
            with suppress(ProcessLookupError):
                process.terminate()

        async def started() -> bool:
            said = await realm.rows(
                realm.land.name(Role.CORE), "SELECT node FROM operation WHERE operation IN ('started', 'running')"
            )
            again = all(realm.processes.running[place.name.value] not in before for place in places)
            return again and {place.name.value for place in places} <= {row["node"] for row in said}

        await patiently(started)

    async def rotate(self) -> None:
        """Tsubaki's key is replaced; once all its people have their new codes, the former key is retired."""
        land, about = self.realm.land, {"organisation": TSUBAKI.value}
        core = land.name(Role.CORE)

        async def ordered(**how: bool) -> bool:
            status, said = await land.send(core, core, json.dumps(about | how).encode(), "/keys/orders")
            # What was ordered before, and its answer lost, is under way or done.
            return status == HTTPStatus.OK or json.loads(said).get("trouble") in {"under-way", "nothing-to-retire"}

        await patiently(ordered)
        await patiently(lambda: ordered(retire=True))

    async def is_held(self, serial: Serial) -> bool:
        """Whether an inquiry of Tsubaki's waits for Aoba's staff."""
        return bool(await self.inquiries("serial = $1 AND state = 'held'", serial.value))

    async def inquiries(self, which: str, *values: str) -> list[str]:
        """The serials of Tsubaki's inquiries of which this holds (SQL)."""
        server = self.realm.land.name(Role.INTERMEDIATE, TSUBAKI)
        found = await self.realm.rows(server, f"SELECT serial FROM inquiry WHERE {which} ORDER BY asked_at", *values)
        return [row["serial"] for row in found]


async def patiently(attempt: Callable[[], Awaitable[bool]], seconds: float = PATIENCE_SECONDS) -> None:
    """Try until it is done; whoever is away comes back. Raises TimeoutError."""
    last: object = None
    until = asyncio.get_running_loop().time() + seconds
    while asyncio.get_running_loop().time() < until:
        try:
            if await attempt():
                return
            last = "not done"
        except AWAY as wrong:
            last = wrong
        except AssertionError as wrong:
            last = wrong
        await asyncio.sleep(PAUSE_SECONDS)
    raise TimeoutError(f"not done after {seconds:g} seconds: {last!r}")
