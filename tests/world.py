"""A small country for the stories: core, Commission, registry organisation and three organisations in this process, over real
TLS and PostgreSQL, with a tap on every wire.

All people are invented by hand, for these tests alone.
"""

from __future__ import annotations

import asyncio
import csv
import io
import itertools
import json
import logging
import os
import socket
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import aiohttp
import asyncpg
import structlog
from cryptography import x509

from nakadachi.country.founding import Founding, found
from nakadachi.country.plan import DESK, Plan, plan
from nakadachi.country.running import Country
from nakadachi.kit.author import Author
from nakadachi.kit.client import HttpWire, Wire
from nakadachi.kit.log import configure
from nakadachi.kit.postgres import PostgresServer
from nakadachi.kit.tls import client_context, node_host
from nakadachi.law import lawbook
from nakadachi.neighbours.numbers import individual_check_digit
from nakadachi.node import Service, World
from nakadachi.refusal import Reason
from nakadachi.telegrams.codec import decode_frame, encode_frame
from nakadachi.telegrams.envelope import Envelope, Pending, Received, Refused, Telegram
from nakadachi.terms import NodeName, OrganisationCode, Role, Serial

TSUBAKI, AOBA, PENSION = (
    OrganisationCode("9901000000000003"),
    OrganisationCode("9901000000000001"),
    OrganisationCode("9903000000000001"),
)
"""The inquirer of the stories, the provider, and an organisation that has nothing to do with them."""
CARE, CARE_STEP = "JM99000000940000", "JT99000000940001"
TAX = "TM99000000000002"
TAX_ITEMS = tuple(f"{TAX}-{number:04}" for number in (1, 2, 3, 4, 6, 9, 10))
"""What the sample law lets Tsubaki ask of Aoba for long-term care."""

RESTLESS = frozenset({"outbox", "log_cosigned", "log_tree", "witnessed", "migration_lease"})
"""Tables with leases, times of the last cosignature, and what is on its way."""

_COUNTRIES = itertools.count(1)


@dataclass(frozen=True)
class Person:
    """An invented person: as the registry organisation has them, and their addressee numbers here and there."""

    code: str
    number: str
    name: str
    kana: str
    address: str
    sex: str
    born: str
    addressees: dict[str, str]

    def at(self, organisation: OrganisationCode) -> str:
        """The addressee number at an organisation."""
        return self.addressees[organisation.value]

    def line(self, organisation: OrganisationCode, **other: str) -> tuple[str, ...]:
        """Their line in the organisation's people file; `other` says what stands differently in it."""
        own = {name: getattr(self, name) for name in ("name", "kana", "address", "sex", "born", "number")} | other
        return (self.at(organisation), *own.values())


_BODIES = itertools.count(31)


def invent(name: str, kana: str, address: str, born: str, *, sex: str = "2") -> Person:
    """A new person with numbers nobody else in the country has."""
    count = next(_BODIES)
    body = f"71{count * 7919 % 10**9:09}"
    numbers = {one.value: f"{place}{count * 15485863 % 10**9:09}" for place, one in enumerate((TSUBAKI, AOBA, PENSION), 4)}
    return Person(f"8{count * 104729 % 10**10:010}", body + individual_check_digit(body), name, kana, address, sex, born, numbers)


@dataclass(slots=True)
class Flight:
    """One request on the wire, and the answer it got (None: none came). `path` is "" for telegrams."""

    sender: NodeName
    to: NodeName
    request: bytes
    answer: bytes | None = None
    path: str = ""

    @property
    def telegrams(self) -> list[Received]:
        """What was asked."""
        return [] if self.path else decode_frame(self.request)

    @property
    def answers(self) -> list[Received]:
        """What came back."""
        return [] if self.path or self.answer is None else decode_frame(self.answer)

    @property
    def pairs(self) -> Iterator[tuple[Received, Received]]:
        """Each telegram with its final answer."""
        for asked, answer in zip(self.telegrams, self.answers, strict=False):
            if not isinstance(answer.header, Pending):
                yield asked, answer


@dataclass(slots=True)
class Tap:
    """Sees every request between systems, in the order sent."""

    flights: list[Flight] = field(default_factory=list)

    def wire(self, name: NodeName, context: Any) -> Wire:
        """A node's real wire, listened to."""
        return _Tapped(name, HttpWire(context), self)

    def legs(self, kind: type[Telegram], serial: Serial | None = None) -> list[tuple[Flight, Received, Received]]:
        """Requests that carried a telegram of a kind (about an exchange), each with that telegram and its final answer."""
        return [
            (flight, asked, answer)
            for flight in self.flights
            for asked, answer in flight.pairs
            if isinstance(asked.header, kind) and (serial is None or serial in asked.header.exchanges)
        ]


class _Tapped:
    def __init__(self, name: NodeName, wire: Wire, tap: Tap) -> None:
        self._name, self._wire, self._tap = name, wire, tap

    async def post(self, to: NodeName, url: str, body: bytes, *, seconds: float) -> bytes:
        flight = Flight(self._name, to, body)
        self._tap.flights.append(flight)
        flight.answer = await self._wire.post(to, url, body, seconds=seconds)
        return flight.answer

    async def request(self, to: NodeName, url: str, path: str, body: bytes) -> tuple[int, bytes]:
        flight = Flight(self._name, to, body, path=path)
        self._tap.flights.append(flight)
        status, flight.answer = await self._wire.request(to, url, path, body)
        return status, flight.answer

    async def close(self) -> None:
        await self._wire.close()


@dataclass(slots=True)
class MovableClock:
    """The machine's clock, which a story may put forward."""

    ahead: timedelta = timedelta(0)

    def now(self) -> datetime:
        """The moment in the country."""
        return datetime.now(UTC) + self.ahead


@dataclass(frozen=True, slots=True)
class Told:
    """What an existing system was told of one inquiry."""

    status: str
    reason: str
    serial: Serial | None
    items: dict[str, dict[str, str]]


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
        """What a query finds in a node's own schema."""
        dsn = (self.country.folder / self.plan.place(name).folder / "database").read_text()
        connection = await asyncpg.connect(dsn)
        try:
            return [dict(row) for row in await connection.fetch(query, *values)]
        finally:
            await connection.close()

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

    async def quiet(self) -> None:
        """Wait until nothing is on its way any more and the Commission has cosigned the log as it is."""
        for _ in range(200):
            waiting = [await self._waits(name) for name in self.country.services]
            status = await self.status(self.name(Role.CORE))
            if not any(waiting) and f"\n{status['log_size']}\n" in status["cosigned"]:
                return
            await asyncio.sleep(0.05)
        raise AssertionError(f"the country does not come to rest: {waiting}, {status}")

    async def _waits(self, name: NodeName) -> int:
        query = "SELECT count(*) FROM outbox"
        if name.role is Role.INTERMEDIATE:
            query = "SELECT (SELECT count(*) FROM outbox) + (SELECT count(*) FROM completion) AS count"
        return int((await self.rows(name, query))[0]["count"])

    # The doors

    async def desk(
        self, organisation: OrganisationCode, method: str, path: str, body: bytes = b"", **query: str
    ) -> tuple[int, str]:
        """A request of the organisation's existing system to its intermediate server: status and text."""
        folder = self.country.folder / f"{DESK}-{organisation.value}"
        place = self.plan.of(Role.INTERMEDIATE, organisation)
        async with self._session(folder).request(
            method, f"{place.url}/existing/{path}", data=body, params=query, server_hostname=node_host(place.name)
        ) as response:
            return response.status, await response.text()

    async def send(self, sender: NodeName, to: NodeName, body: Any, path: str = "/telegrams") -> tuple[int, bytes]:
        """Any bytes to a node's door, with the certificate of `sender`: status and body of the answer."""
        place = self.plan.place(to)
        session = self._session(self.country.folder / self.plan.place(sender).folder)
        async with session.post(place.url + path, data=body, server_hostname=node_host(to)) as response:
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
        async with session.get(f"{place.url}/status", server_hostname=node_host(name)) as response:
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

    async def register(self, organisation: OrganisationCode, *lines: Sequence[str], link: bool = True) -> dict[str, str]:
        """Load people files' lines and have the people linked: the outcome per addressee number."""
        body = _csv(lines)
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
        status, text = await self.desk(organisation, "POST", "provisions", _csv(lines))
        assert status == 200, text

    async def protect(self, organisation: OrganisationCode, addressee: str) -> None:
        """Mark a person: everything about them is for staff to decide."""
        status, text = await self.desk(organisation, "POST", "protections", _csv([(addressee, "*", "0", "1", "20991231")]))
        assert status == 200, text

    async def ask(self, addressee: str, provider: OrganisationCode = AOBA, **other: str) -> Told:
        """Tsubaki's existing system asks one inquiry and waits for what it is told. `other`: see `inquiry_line`."""
        query = {
            "lane": "interactive", "terminal": "T-07", "purpose": "benefit review", "case_number": "CASE-2026-0815",
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


DEPARTMENT, OPERATOR = "CARE-DESK", "clerk-yamabuki"


def inquiry_line(addressee: str, provider: OrganisationCode, **other: str) -> str:
    """One line of an inquiry file; `affair`, `procedure`, `information`, `inquirer` where they are others than usual."""
    asked = {"inquirer": TSUBAKI.value, "affair": CARE, "procedure": CARE_STEP, "information": TAX} | other
    cells = (
        "01", addressee, addressee, "20260401090302000", DEPARTMENT, OPERATOR, asked["inquirer"], "0",
        asked["affair"], asked["procedure"], "", "", provider.value, asked["information"], "1", "1", "20250401", "20260331",
    )  # fmt: skip
    return ",".join(cells) + "\n"


def told(text: str) -> Told:
    """One line of results."""
    words = json.loads(text)
    return Told(words["status"], words["reason"], Serial(words["serial"]) if words["serial"] else None, words["items"])


def reason_of(answer: Received) -> Reason | None:
    """Why a telegram as a whole was refused; None where it was not."""
    return answer.header.reason if isinstance(answer.header, Refused) else None


def _csv(lines: Sequence[Sequence[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(lines)
    return text.getvalue().encode()


class _Tenants:
    """The session's PostgreSQL, with names of tenants that no other country has."""

    def __init__(self, server: PostgresServer, prefix: str) -> None:
        self._server, self._prefix = server, prefix

    async def create_tenant(self, name: str) -> str:
        return await self._server.create_tenant(f"{self._prefix}_{name}")


def free_ports(count: int) -> int:
    """The first of `count` ports in a row that nobody listens on."""
    for first in range(21000 + os.getpid() % 400 * 20, 32000, count):
        with ExitStack() as probes:
            try:
                for port in range(first, first + count):
                    probes.enter_context(closing(socket.socket())).bind(("127.0.0.1", port))
            except OSError:
                continue
            return first
    raise LookupError("no free ports")


@contextmanager
def all_that_is_logged() -> Iterator[io.BytesIO]:
    """Every event of every level, ours and the libraries', as long as the block lasts."""
    log = io.BytesIO()
    before, root = structlog.get_config(), logging.getLogger()
    handler, level = logging.StreamHandler(io.TextIOWrapper(log, "utf-8", write_through=True)), root.level
    configure("debug")
    structlog.configure(logger_factory=structlog.BytesLoggerFactory(log))
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield log
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
        handler.stream.detach()
        structlog.configure(**before)


@asynccontextmanager
async def a_country(
    postgres: PostgresServer, directory: Path, residents: Sequence[Person], *, suite: str = "default"
) -> AsyncIterator[Land]:
    """A country up for the time of the block, its log at the finest level in `Land.log`."""
    tenant = f"land_{os.getpid()}_{next(_COUNTRIES)}"
    folder = directory / tenant
    folder.mkdir()
    with (folder / "residents.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["code", "number", "name", "address", "sex", "born"])
        writer.writerows((one.code, one.number, one.name, one.address, one.sex, one.born) for one in residents)
    tap, clock = Tap(), MovableClock()
    world = World(clock=clock, wire=tap.wire)
    book = lawbook.sample()
    places = plan(book, (TSUBAKI, AOBA, PENSION), port=free_ports(9))
    with all_that_is_logged() as log:
        await found(Founding(folder, places, book, cast("PostgresServer", _Tenants(postgres, tenant)), world, suite))
        country = Country(folder, places)
        land = Land(country, tap, clock, log, world)
        try:
            await country.start(world)
            yield land
        finally:
            await land.close()
            await country.stop()
    for place in places.places:
        await postgres.drop_tenant(f"{tenant}_{place.tenant}")
