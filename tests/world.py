"""A small country for the stories: core, Commission, registry organisation and three organisations in this process.

TLS and PostgreSQL are real. All people are invented by hand, for these tests alone.
"""

from __future__ import annotations

import asyncio
import io
import itertools
import json
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import aiohttp
from cryptography import x509

from nakadachi.country.founding import Founding, found
from nakadachi.country.plan import DESK, Place, Plan, plan
from nakadachi.country.running import Country
from nakadachi.kit.author import Author
from nakadachi.kit.postgres import PostgresServer
from nakadachi.kit.tls import client_context, node_host
from nakadachi.law import lawbook
from nakadachi.node import World
from nakadachi.refusal import Reason
from nakadachi.service import Service
from nakadachi.telegrams.codec import decode_frame, encode_frame
from nakadachi.telegrams.envelope import Envelope, Received, Refused
from nakadachi.terms import NodeName, OrganisationCode, Role, Serial
from tests.asked import CARE as CARE
from tests.asked import CARE_STEP as CARE_STEP
from tests.asked import DEPARTMENT as DEPARTMENT
from tests.asked import OPERATOR as OPERATOR
from tests.asked import TAX as TAX
from tests.asked import TAX_ITEMS as TAX_ITEMS
from tests.asked import Told as Told
from tests.asked import inquiry_line as inquiry_line
from tests.asked import told as told
from tests.invented import AOBA, PENSION, TSUBAKI, Person
from tests.lines import csv_of, write_residents
from tests.tap import MovableClock, Tap, Tenants, all_that_is_logged, free_ports, to_the_first, turns_on_demand

PORTAL = NodeName("portal:9911000000000001")
RESTLESS = frozenset({"outbox", "word", "log_cosigned", "log_tree", "witnessed", "migration_lease"})
"""Tables with leases, times of the last cosignature, and what is on its way."""

_COUNTRIES = itertools.count(1)


@dataclass
class Land:
    """The country as a story uses it."""

    country: Country
    tap: Tap
    clock: MovableClock
    log: io.BytesIO
    world: World
    _sessions: dict[Path, aiohttp.ClientSession] = field(default_factory=dict)

    @property
    def plan(self) -> Plan:
        """Which systems there are, and where."""
        return self.country.plan

    def name(self, role: Role, organisation: OrganisationCode | None = None) -> NodeName:
        """The node of a role, of one organisation or of whoever has it."""
        return self.plan.of(role, organisation).name

    def service(self, name: NodeName) -> Service:
        """A running system."""
        return self.country.services[name]

    def author(self, name: NodeName) -> Author:
        """A node's own signing hand."""
        return self.service(name).node.author

    def certificate(self, name: NodeName) -> str:
        """The serial number of a node's certificate, as the directory writes it."""
        pem = (self.country.folder / self.plan.place(name).folder / "tls.crt").read_bytes()
        return f"{x509.load_pem_x509_certificate(pem).serial_number:x}"

    async def rows(self, name: NodeName, query: str, *values: Any) -> list[dict[str, Any]]:
        """What a query finds in a running node's own schema."""
        async with self.service(name).node.database.acquire() as connection:
            return [dict(row) for row in await connection.fetch(query, *values)]

    async def tables(self, name: NodeName) -> list[str]:
        """The tables of a node's schema."""
        rows = await self.rows(
            name, "SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema() ORDER BY 1"
        )
        return [row["table_name"] for row in rows]

    async def state(self, name: NodeName) -> dict[str, list[str]]:
        """All that a node keeps, table by table, but for what tells only of passing time."""
        tables = [table for table in await self.tables(name) if table not in RESTLESS]
        return {
            table: [row["row"] for row in await self.rows(name, f"SELECT t::text AS row FROM {table} t ORDER BY 1")]
            for table in tables
        }

    async def states(self) -> dict[str, dict[str, list[str]]]:
        """The state of every node that runs."""
        return {name.value: await self.state(name) for name in self.country.services}

    async def quiet(self, *, cosigned: bool = False) -> None:
        """Wait until nothing is on its way any more, and if asked until the Commission has cosigned the whole log."""
        waiting: dict[str, int] = {}
        for _ in range(2500):  # what waited a while pauses for as long again
            waiting = await self._waiting(list(self.country.services))
            # What passed from a node not yet looked at to one looked at before is seen from the other end.
            waiting = waiting or await self._waiting(list(self.country.services)[::-1])
            status = await self.status(self.name(Role.CORE))
            if not waiting and (not cosigned or status["cosigned_size"] == status["log_size"]):
                return
            await asyncio.sleep(0.02)
        raise AssertionError(f"the country does not come to rest: {waiting}")

    async def _waiting(self, names: Sequence[NodeName]) -> dict[str, int]:
        return {name.value: count for name in names if (count := await self._waits(name))}

    async def _waits(self, name: NodeName) -> int:
        """How much a node has still to send; what it knows to be delivered goes with its next transaction: this one.

        One statement counts all: between two, an event could become a telegram and be in neither.
        """
        service = self.service(name)
        also = {Role.INTERMEDIATE: "completion", Role.CORE: "subscription WHERE sent < last"}.get(name.role)
        more = f" + (SELECT count(*) FROM {also})" if also else ""
        async with service.node.database.transaction() as connection:
            await service.system.sender.drop_done(connection)
            waiting: int = await connection.fetchval(f"SELECT (SELECT count(*) FROM outbox){more}")
            return waiting

    # The doors

    async def desk(
        self, organisation: OrganisationCode, method: str, path: str, body: bytes = b"", /, **query: str
    ) -> tuple[int, str]:
        """A request of the organisation's existing system to its intermediate server: status and text."""
        folder = self.country.folder / f"{DESK}-{organisation.value}"
        place = self.plan.of(Role.INTERMEDIATE, organisation)
        async with self._session(folder).request(
            method,
            f"{place.instances[0].url}/existing/{path}",
            data=body,
            params=query,
            server_hostname=node_host(place.name),
        ) as response:
            return response.status, await response.text()

    async def send(
        self, sender: NodeName, to: NodeName, body: Any, path: str = "/telegrams", **more: Any
    ) -> tuple[int, bytes]:
        """Any bytes to a node's door, with the certificate of `sender`: status and body of the answer."""
        place = self.plan.place(to)
        session = self._session(self.country.folder / self.plan.place(sender).folder)
        url = place.instances[0].url + path
        async with session.post(url, data=body, server_hostname=node_host(to), **more) as response:
            return response.status, await response.read()

    async def hand(self, sender: NodeName, to: NodeName, *envelopes: Envelope) -> list[Received]:
        """Telegrams to a node's door, with the certificate of `sender`: the answers. Fails where there are none."""
        status, body = await self.send(sender, to, encode_frame(list(envelopes)))
        assert status == 200, body
        return decode_frame(body)

    async def status(self, name: NodeName) -> dict[str, Any]:
        """What a system says of itself."""
        place = self.plan.place(name)
        session = self._session(self.country.folder / self.plan.of(Role.CORE).folder)
        async with session.get(f"{place.instances[0].url}/status", server_hostname=node_host(name)) as response:
            return cast("dict[str, Any]", await response.json())

    def _session(self, folder: Path) -> aiohttp.ClientSession:
        if folder not in self._sessions:
            context = client_context(folder / "tls.crt", folder / "tls.key", self.country.folder / "authority.crt")
            self._sessions[folder] = aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context))
        return self._sessions[folder]

    async def close(self) -> None:
        """Leave all doors."""
        for session in self._sessions.values():
            await session.close()

    # What existing systems do

    async def register(
        self, organisation: OrganisationCode, *lines: Sequence[str], link: bool = True
    ) -> dict[str, str]:
        """Load people files' lines and have the people linked: the outcome per addressee number."""
        body = csv_of(lines)
        status, text = await self.desk(organisation, "POST", "people", body)
        assert status == 200, text
        if not link:
            return {}
        status, text = await self.desk(organisation, "POST", "link", body)
        assert status == 200, text
        return {lines[one["line"] - 1][0]: one["outcome"] for one in json.loads(text)["lines"]}

    async def hold(self, organisation: OrganisationCode, addressee: str, values: dict[str, str]) -> None:
        """Load item values of a person into the organisation's provision database."""
        lines = [
            (f"R{place}", addressee, item[:16], item, "1", "20250615", "", value, "", "0", "20250615090000")
            for place, (item, value) in enumerate(values.items())
        ]
        status, text = await self.desk(organisation, "POST", "provisions", csv_of(lines))
        assert status == 200, text

    async def protect(self, organisation: OrganisationCode, addressee: str) -> None:
        """Mark a person: everything about them is for staff to decide."""
        status, text = await self.desk(
            organisation, "POST", "protections", csv_of([(addressee, "*", "0", "1", "20991231")])
        )
        assert status == 200, text

    async def ask(self, addressee: str, provider: OrganisationCode = AOBA, /, **other: str) -> Told:
        """Tsubaki's existing system asks one inquiry and waits for what it is told. `other`: see `inquiry_line`."""
        query = {
            "lane": other.pop("lane", "interactive"), "terminal": "T-07", "purpose": "benefit review",
            "case_number": "CASE-2026-0815",
        }  # fmt: skip
        line = inquiry_line(addressee, provider, **other)
        status, text = await self.desk(TSUBAKI, "POST", "inquiries", line.encode(), **query)
        assert status == 200, text
        return told(text)

    async def read(self, serial: Serial) -> Told:
        """What became of an inquiry of Tsubaki's."""
        status, text = await self.desk(TSUBAKI, "GET", f"inquiries/{serial.value}")
        assert status == 200, text
        return told(text)


def reason_of(answer: Received) -> Reason | None:
    """Why a telegram as a whole was refused; None where it was not."""
    return answer.header.reason if isinstance(answer.header, Refused) else None


@asynccontextmanager
async def a_country(
    postgres: PostgresServer,
    directory: Path,
    residents: Sequence[Person],
    *,
    suite: str = "default",
    scheme: str = "reversible",
    twins: bool = False,
    covered: bool = False,
    portal: bool = False,
    law: lawbook.Lawbook | None = None,
) -> AsyncIterator[Land]:
    """A country up for the time of the block, logged in `Land.log`; of `twins` the first; a `portal` is not run."""
    tenant = f"land_{os.getpid()}_{next(_COUNTRIES)}"
    folder = directory / tenant
    folder.mkdir()
    write_residents(folder / "residents.csv", residents)
    tap, clock, book = Tap(), MovableClock(), law or lawbook.sample()
    world, private = World(clock=clock, wire=tap.wire), book.masters.private_bodies
    places = plan(book, (TSUBAKI, AOBA, PENSION, *private), port=free_ports(24 if twins else 13), twins=twins)
    founded = replace(places, places=(*places.places, Place(PORTAL, places.pages_port + 1))) if portal else places
    with all_that_is_logged() as log:
        server = cast("PostgresServer", Tenants(postgres, tenant))
        await found(Founding(folder, founded, book, server, world, suite, covered, scheme))
        country = Country(folder, places)
        land = Land(country, tap, clock, log, world)
        if twins:
            tap.steer = to_the_first(places)
        try:
            with turns_on_demand():
                await country.start(world)
            yield land
        finally:
            await land.close()
            await country.stop()
    for place in founded.places:
        await postgres.drop_tenant(f"{tenant}_{place.tenant}")
