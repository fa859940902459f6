"""Errands of exchanges that do not just end answered: cancelled, asked about, suspected, with trees compared.

Waiting for a deadline of days is not played: the test moves the deadline of the one row, in the system's own database,
and the system's own clockwork does the rest. Each story has a person of its own, of whom no other story asks.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus

from nakadachi.country.plan import Place
from nakadachi.telegrams.catalogue import Wait
from nakadachi.telegrams.codec import decode_frame
from nakadachi.telegrams.envelope import Lane
from nakadachi.terms import NodeName, OrganisationCode, Role, Serial
from tests.e2e.errands import MIXED_UP, QUESTIONED, UNACCEPTED, UNRECEIVED, WITHDRAWN, Errands, patiently
from tests.e2e.points import Story
from tests.invented import AOBA, PENSION, TSUBAKI, Person

STAFF = {"staff": "clerk-kikyou", "department": "TAX-DESK"}
AWAY_SECONDS = 20.0
"""How long a system stands still at the most, so that what waits for another has come to it."""


@dataclass
class Otherwise:
    """The errands beyond `Errands`. One system at a time stands still: two could wait for each other."""

    errands: Errands
    _still: asyncio.Lock = field(default_factory=asyncio.Lock)
    _hops: itertools.count[int] = field(default_factory=itertools.count)

    async def run(self, story: Story, lane: Lane) -> None:
        """One run of a story, to its end as its client sees it."""
        told = {
            Story.CANCELLED: self.cancel,
            Story.NOT_ACCEPTED: self.not_accepted,
            Story.NOT_RECEIVED: self.not_received,
            Story.QUESTIONED: self.question,
            Story.MISMATCH: self.mismatch,
            Story.SUSPICION: self.suspect,
            Story.HEADS: self.heads,
            Story.LINKS: self.change_links,
            Story.CHANGES: self.changes,
            Story.TRAILS: self.trails,
        }
        await (told[story]() if story in told else self.errands.run(story, lane))

    async def cancel(self) -> None:
        """Tsubaki cancels what Aoba's staff hold."""
        await self.errands.ask([WITHDRAWN])

        async def closed() -> bool:
            for serial in await self._open(WITHDRAWN, "held"):
                await self.errands.realm.land.desk(TSUBAKI, "POST", f"inquiries/{serial}/cancel", **STAFF)
            return not await self._open(WITHDRAWN)

        await patiently(closed)

    async def not_accepted(self) -> None:
        """Aoba's interface system stands still while Tsubaki asks; Tsubaki's deadline passes, and it asks the core."""
        inquirer, core = self._name(Role.INTERMEDIATE, TSUBAKI), self._name(Role.CORE)
        async with self._still:
            async with self._standing(self.errands.realm.land.plan.of(Role.INTERFACE, AOBA)):
                asking = asyncio.create_task(self.errands.ask([UNACCEPTED]))

                async def given_up() -> bool:
                    for serial in await self._open(UNACCEPTED):
                        known = "SELECT 1 FROM exchange WHERE serial = $1 AND inquired_at IS NOT NULL"
                        if await self.errands.realm.rows(core, known, serial):
                            return await self._give_up(inquirer, Wait.ACCEPTANCE, serial)
                    return False

                with suppress(TimeoutError):
                    await patiently(given_up, AWAY_SECONDS)
            await asking

    async def not_received(self) -> None:
        """Tsubaki's server stands still while Aoba provides; Aoba's deadline passes, and it asks the core."""
        provider, relay = self._name(Role.INTERMEDIATE, AOBA), self._name(Role.INTERFACE, TSUBAKI)
        await self.errands.ask([UNRECEIVED])
        held = await self._open(UNRECEIVED, "held")
        async with self._still, self._standing(self.errands.realm.land.plan.of(Role.INTERMEDIATE, TSUBAKI)):

            async def given_up() -> bool:
                for serial in held:
                    await self.errands.realm.land.desk(AOBA, "POST", f"held/{serial}/answer", **STAFF)
                # One given up before it left would rightly stay open at Tsubaki for days.
                passed = "SELECT serial FROM exchange WHERE serial = ANY($1::text[]) AND last = 'Provide'"
                if len(await self.errands.realm.rows(relay, passed, held)) < len(held):
                    return False
                return all([await self._give_up(provider, Wait.COMPLETION, serial) for serial in held])

            with suppress(TimeoutError):
                await patiently(given_up, AWAY_SECONDS)
        await self._decide(UNRECEIVED)

    async def question(self) -> None:
        """The core's patience is over while Aoba's staff hold an inquiry: it asks both ends."""
        core = self._name(Role.CORE)
        await self.errands.ask([QUESTIONED])
        serials = await self._open(QUESTIONED)

        async def questioned() -> bool:
            now = "UPDATE exchange SET due_at = now() WHERE serial = ANY($1::text[]) AND questioned_at IS NULL"
            await self.errands.realm.rows(core, f"{now} RETURNING serial", serials)
            asked = "SELECT 1 FROM exchange WHERE serial = ANY($1::text[]) AND questioned_at IS NOT NULL"
            return len(await self.errands.realm.rows(core, asked, serials)) == len(serials)

        await patiently(questioned)
        await self._decide(QUESTIONED)

    async def mismatch(self) -> None:
        """The two ends mean different people."""
        await self.errands.ask([MIXED_UP])

    async def suspect(self) -> None:
        """Somebody sends what is no telegram to the Pensions' interface system and to the core: both tell of it."""
        realm, commission = self.errands.realm, self._name(Role.COMMISSION)

        async def forgotten() -> bool:
            return not await realm.rows(commission, "DELETE FROM finding WHERE kind = 'TELEGRAM_ALTERED' RETURNING 1")

        await patiently(forgotten)
        doors = [self._name(Role.INTERFACE, PENSION), self._name(Role.CORE)]

        async def found() -> bool:
            others = [place.name for place in realm.land.plan.places if place.name not in doors]
            about = others[next(self._hops) % len(others)]
            for door in doors:
                status, _ = await realm.land.send(about, door, b"no telegram")
                assert status == 400
            query = "SELECT DISTINCT reporter FROM finding WHERE about = $1 AND kind = 'TELEGRAM_ALTERED'"
            told = await realm.rows(commission, query, about.value)
            return {row["reporter"] for row in told} == {door.value for door in doors}

        await patiently(found)

    async def heads(self) -> None:
        """An inquiry shows Tsubaki's interface system a tree, of which it tells the Commission."""
        await self.errands.inquire(Lane.INTERACTIVE)

        async def told() -> bool:
            name = self._name(Role.INTERFACE, TSUBAKI)
            return not await self.errands.realm.rows(name, "SELECT 1 FROM head_seen UNION ALL SELECT 1 FROM outbox")

        await patiently(told)

    async def change_links(self) -> None:
        """The Pensions suspend somebody and resume them."""
        if not self.errands.linked:
            await self.errands.link()
        body = self.errands.linked[0].at(PENSION).encode()
        for change in ("suspend", "resume"):

            async def done(change: str = change) -> bool:
                path = "links/change"
                status, text = await self.errands.realm.land.desk(PENSION, "POST", path, body, change=change)
                return status == 200 and '"done"' in text

            await patiently(done)

    async def changes(self) -> None:
        """The Pensions want to be told of changes, and somebody moves: the register has it, they are told."""
        realm = self.errands.realm
        if not self.errands.linked:
            await self.errands.link()
        person, server = self.errands.linked[-1], self._name(Role.INTERMEDIATE, PENSION)

        async def wanted() -> bool:
            _, text = await realm.land.desk(PENSION, "POST", "changes/subscription", scope="all")
            return '"done"' in text

        await patiently(wanted)
        numbers: list[int] = []

        async def moved() -> bool:
            if not numbers:
                last = await realm.rows(server, "SELECT coalesce(max(number), 0) AS number FROM change")
                numbers.append(last[0]["number"])
            event = "INSERT INTO change_untold (code, kind) VALUES ($1, 'items') RETURNING place"
            return bool(await realm.rows(self._name(Role.REGISTRY), event, person.code))

        await patiently(moved)

        async def told() -> bool:
            return bool(await realm.rows(server, "SELECT 1 FROM change WHERE number > $1", numbers[0]))

        await patiently(told)

    async def trails(self) -> None:
        """An inquiry is handed over by the core and by Tsubaki's server; the Commission asks both once more."""
        realm, commission = self.errands.realm, self._name(Role.COMMISSION)
        await self.errands.inquire(Lane.INTERACTIVE)
        for author in (self._name(Role.INTERMEDIATE, TSUBAKI), self._name(Role.CORE)):
            await patiently(partial(self._is_handed_over, author))
            wanted = json.dumps({"author": author.value, "first": 1}).encode()
            for lacking in (False, True):
                # Once more, and at last: what was handed over, and what the author believes it did.
                if lacking:
                    back = "UPDATE trail SET sent = 0 WHERE id = 1 AND under_way IS NULL RETURNING id"
                    await patiently(partial(self._done, author, back))

                async def asked(wanted: bytes = wanted) -> bool:
                    status, _ = await realm.land.send(commission, commission, wanted, "/trails/wanted")
                    return status == HTTPStatus.OK

                await patiently(asked)
                await patiently(partial(self._is_handed_over, author))

    async def _done(self, name: NodeName, query: str) -> bool:
        return bool(await self.errands.realm.rows(name, query))

    async def _is_handed_over(self, author: NodeName) -> bool:
        """Whether the Commission has all that an author gave numbers to, and the author knows."""
        commission = self._name(Role.COMMISSION)
        (own,) = await self.errands.realm.rows(author, "SELECT last, sent, under_way FROM trail")
        query = "SELECT next FROM trail_author WHERE author = $1"
        there = await self.errands.realm.rows(commission, query, author.value)
        asked = await self.errands.realm.rows(commission, "SELECT 1 FROM outbox")
        waits = await self.errands.realm.rows(author, "SELECT 1 FROM trail_pending")
        kept = bool(there) and there[0]["next"] == own["last"] + 1
        return kept and own["sent"] == own["last"] and not (own["under_way"] or waits or asked)

    # Steps

    def _name(self, role: Role, organisation: OrganisationCode | None = None) -> NodeName:
        return self.errands.realm.land.name(role, organisation)

    async def _open(self, person: Person, *states: str) -> list[str]:
        """Tsubaki's inquiries about a person that are in one of these states, or have not ended."""
        given = "', '".join(states or ("asked", "held"))
        return await self.errands.inquiries(f"addressee = $1 AND state IN ('{given}')", person.at(TSUBAKI).zfill(15))

    async def _decide(self, person: Person) -> None:
        """Aoba's staff have everything provided that is held about a person, until nothing is open."""

        async def decided() -> bool:
            for serial in await self._open(person, "held"):
                await self.errands.realm.land.desk(AOBA, "POST", f"held/{serial}/answer", **STAFF)
            return not await self._open(person)

        await patiently(decided)

    async def _give_up(self, name: NodeName, wait: Wait, serial: str) -> bool:
        """Move the deadline of what a system still sends about an exchange; whether it is given up by now."""
        waiting = await self.errands.realm.rows(name, "SELECT id, frame FROM outbox WHERE wait = $1", wait.value)
        for row in waiting:
            if any(Serial(serial) in one.header.exchanges for one in decode_frame(bytes(row["frame"]))):
                over = "UPDATE outbox SET until = now() WHERE id = $1 RETURNING id"
                await self.errands.realm.rows(name, over, row["id"])
                return False
        return True

    @asynccontextmanager
    async def _standing(self, place: Place) -> AsyncIterator[None]:
        """A system stands still as long as the block lasts."""
        pid = self.errands.realm.processes.running[place.name.value].pid
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
