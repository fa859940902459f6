"""既存システム接続: the HTTPS door for the organisation's own systems and the command line (M7); never for other nodes.

The client certificate must be that of an existing system of this organisation, named in the configuration.
"""

from __future__ import annotations

import asyncio
import re
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any, BinaryIO

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from nakadachi.intermediate import desk, ending_store, exchange_store, issuance_store, store
from nakadachi.intermediate.bulk import at_once, in_bulk
from nakadachi.intermediate.existing_life import FILES as LIFE_FILES
from nakadachi.intermediate.existing_life import LifeDoor
from nakadachi.intermediate.files.inquiries import inquiries
from nakadachi.intermediate.files.people import people
from nakadachi.intermediate.files.provisions import ProvisionLine, protections, provisions
from nakadachi.intermediate.files.provisions_xml import provisions_xml
from nakadachi.intermediate.files.reading import LineReader, Reject, read_all_or_rejects
from nakadachi.intermediate.files.results import Form, Result, ResultWriter
from nakadachi.intermediate.files.standard import hold_to_standard
from nakadachi.intermediate.link_doors import LinkDoors, reject_words, rejected, words_of
from nakadachi.intermediate.options import bad_option, mend
from nakadachi.kit.lanes import Busy
from nakadachi.kit.log import logger
from nakadachi.kit.streams import Streamed, spool
from nakadachi.kit.web.door import later, peer_of, problem
from nakadachi.ledger.records import Circumstance
from nakadachi.refusal import Reason, Refusal
from nakadachi.terms import Serial

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence

    from starlette.requests import Request

    from nakadachi.intermediate.parts import Intermediate
    from nakadachi.intermediate.serials import Serials
    from nakadachi.kit.server import System

FILE_LIMIT = 2 * 1024**3
INQUIRIES_LIMIT = 256 * 1024**2
"""Bytes of an inquiry file, over a million lines: what its lines ask is remembered, so that none asks twice."""
CHUNK_LINES = 500
MOST_REJECTS = 1000
MOST_HELD = 1000
_REQUEST_KEY = re.compile(r'"[A-Za-z0-9-]{8,64}"')
FILES = LIFE_FILES | {f"/existing/{kind}" for kind in ("people", "provisions", "protections", "link", "inquiries")}
ORDERS = "/existing/orders/"
"""Paths that take files, and how others begin that do."""


@dataclass(frozen=True, slots=True)
class Existing:
    """The door's parts: the system behind it, its serials, and the names of the existing systems that may enter."""

    system: System[Intermediate]
    serials: Serials
    allowed: tuple[str, ...]
    links: LinkDoors

    def routes(self) -> list[Route]:
        """All paths, each closed to everybody but the organisation's existing systems."""
        return [
            self._route("/existing/people", self.load_people, "POST"),
            self._route("/existing/provisions", self.load_provisions, "POST"),
            self._route("/existing/protections", self.load_protections, "POST"),
            self._route("/existing/inquiries", self.inquire, "POST"),
            self._route("/existing/inquiries/{serial}", self.read, "GET"),
            self._route("/existing/inquiries/{serial}/cancel", self.cancel, "POST"),
            self._route("/existing/held", self.held, "GET"),
            self._route("/existing/held/{serial}/{decision}", self.settle, "POST"),
            self._route("/existing/findings", self.findings, "GET"),
            *LifeDoor(self.system).routes(self._route),
            *self.links.routes(self._route),
        ]

    def _route(self, path: str, handle: Callable[[Request], Awaitable[Response]], method: str) -> Route:
        async def guarded(request: Request) -> Response:
            peer = peer_of(request)
            own = self.system.name.organisation
            named = peer.existing if peer else None
            try:
                if peer is None or named is None or named[1] != own or named[0] not in self.allowed:
                    raise Refusal(Reason.ROLE_NOT_ALLOWED, "no existing system of this organisation")
                if self.system.peers.directory.is_revoked(peer.serial):
                    raise Refusal(Reason.ROLE_NOT_ALLOWED, "the certificate is revoked")
                if bad := bad_option(request.query_params):
                    return problem(Refusal(Reason.BAD_FORMAT, "an option"), *mend(bad))
                what, most = self._place(request)
                with ExitStack() as held:
                    held.enter_context(self.system.lanes.place(what, most))
                    answer = await handle(request)
                    if isinstance(answer, Streamed):
                        # It is worked on as long as its results are read.
                        answer.held.enter_context(held.pop_all())
                    return answer
            except Refusal as refusal:
                return problem(refusal)
            except Busy as busy:
                logger().info("request.turned_away", node=self.system.name.value, detail=str(busy))
                return later(busy)
            except TimeoutError:
                return Response(status_code=408)

        return Route(path, guarded, methods=[method])

    async def load_people(self, request: Request) -> Response:
        """宛名の登録: a people file, whole or not at all."""

        async def load(connection: Any, lines: Sequence[Any]) -> None:
            await store.load_people(connection, lines, self.system.author.clock.now())

        return await self._load(request, lambda file: people(LineReader(file)), load)

    async def load_provisions(self, request: Request) -> Response:
        """副本登録: a replica file, CSV or (`form=xml`) XML, whole or not at all (M4)."""
        xml = request.query_params.get("form") == "xml"
        masters = self.system.parts.edition.lawbook.masters

        def read(file: BinaryIO) -> Iterator[ProvisionLine | Reject]:
            return hold_to_standard(provisions_xml(file) if xml else provisions(LineReader(file)), masters)

        return await self._load(request, read, store.load_provisions)

    async def load_protections(self, request: Request) -> Response:
        """保護区分の登録: a file of markings, whole or not at all (L10)."""
        return await self._load(request, lambda file: protections(LineReader(file)), store.load_protections)

    async def inquire(self, request: Request) -> Response:
        """大量照会: an inquiry file to one result per line, in order, as each is known (M2).

        With `order`, a name of the existing system's own, the file may be sent again after its results broke off: lines
        that were asked are not asked again, and their results are told. A request with an `Idempotency-Key` may be sent
        again too where its connection broke, under the same key; where it names an order, that is what counts.
        """
        key = _request_key(request)
        with ExitStack() as held:
            file = held.enter_context(tempfile.TemporaryFile())
            await spool(request, file, INQUIRIES_LIMIT)
            work = at_once if _interactive(request) else in_bulk
            results = work(self.system, self.serials, inquiries(LineReader(file)), request.query_params, request=key)
            return Streamed(results, _words, held.pop_all())

    async def read(self, request: Request) -> Response:
        """照会結果: what became of one inquiry, by its serial."""
        serial = _serial(request)
        found = await self.system.together(desk.read_inquiries, serial)
        return Response(_words(desk.result_of(1, serial, found)), media_type="application/x-ndjson")

    async def cancel(self, request: Request) -> Response:
        """照会の取消: the answer to an inquiry is no longer wanted; the provider is told (M2)."""
        serial = _serial(request)
        refusal = await desk.cancel(self.system, serial, _circumstance(request.query_params, "staff"))
        if refusal is not None:
            raise refusal
        return JSONResponse({"serial": serial.value, "decision": "cancel"})

    async def held(self, _request: Request) -> Response:
        """保留一覧: what waits for our staff, the oldest first (M3)."""
        async with self.system.database.acquire() as connection:
            waiting = await exchange_store.held(connection, most=MOST_HELD)
        masters = self.system.parts.edition.lawbook.masters
        return JSONResponse(
            [
                {
                    "serial": one.serial.value,
                    "inquirer": one.prefix.inquirer.value,
                    "inquirer_name": masters.organisation(one.prefix.inquirer).name_ja,
                    "affair": masters.affair(one.prefix.affair).name_ja,
                    "information": masters.information(one.prefix.information).name_ja,
                    "asked_at": one.asked_at.isoformat(),
                    "answer_by": one.answer_by.isoformat(),
                }
                for one in waiting
            ]
        )

    async def settle(self, request: Request) -> Response:
        """職員の判断: `answer` or `refuse` what was held back."""
        serial, decision = _serial(request), request.path_params["decision"]
        if decision not in {"answer", "refuse"}:
            raise Refusal(Reason.BAD_FORMAT, "a held exchange is answered or refused")
        refuse = _reason(request.query_params) if decision == "refuse" else None
        refusal = await desk.settle(self.system, serial, refuse, _circumstance(request.query_params, "staff"))
        if refusal is not None:
            raise refusal
        return JSONResponse({"serial": serial.value, "decision": decision})

    async def findings(self, _request: Request) -> Response:
        """確認事項: what staff should look at, the newest first."""
        async with self.system.database.acquire() as connection:
            found = await ending_store.findings(connection, most=MOST_HELD)
            wrong = await issuance_store.findings(connection, most=MOST_HELD)
        words = [{"serial": one.value, "kind": kind, "at": at.isoformat()} for one, kind, at in found]
        words += [words_of(one) for one in wrong]
        return JSONResponse(sorted(words, key=lambda one: one["at"], reverse=True)[:MOST_HELD])

    async def _load(
        self,
        request: Request,
        read: Callable[[BinaryIO], Iterator[Any]],
        load: Callable[[Any, Sequence[Any]], Awaitable[None]],
    ) -> Response:
        """One file in one transaction: nothing is half loaded unless good lines alone were asked for."""
        good = request.query_params.get("accept_good_lines") == "1"
        with tempfile.TemporaryFile() as file:
            await spool(request, file, FILE_LIMIT)
            reading = await asyncio.to_thread(
                read_all_or_rejects, read(file), limit=MOST_REJECTS, accept_good_lines=good
            )
        if not reading.loadable:
            return rejected(reading.rejects, reading.count)
        lanes = self.system.lanes
        async with lanes.behind(), self.system.database.transaction() as connection:
            for start in range(0, len(reading.lines), CHUNK_LINES):
                await load(connection, reading.lines[start : start + CHUNK_LINES])
                await lanes.give_way()
        return JSONResponse(
            {
                "loaded": len(reading.lines),
                "rejected": reading.count,
                "rejects": [reject_words(one) for one in reading.rejects],
            }
        )

    def _place(self, request: Request) -> tuple[str, int]:
        """Where a request counts: files are few and long, all else is many and short."""
        limits = self.system.lanes.limits
        path = request.url.path
        if request.method == "GET" and path == "/existing/changes":
            return "readers of changes", limits.interactive
        takes_a_file = path in FILES or path.startswith(ORDERS)
        if request.method == "POST" and takes_a_file and not _interactive(request):
            return "files", limits.files
        return "requests of existing systems", limits.interactive


def _interactive(request: Request) -> bool:
    return request.query_params.get("lane") == "interactive"


def _circumstance(options: Any, staff: str) -> Circumstance:
    names = ("department", "terminal", "purpose", "case_number")
    return Circumstance(staff=options.get("staff", staff), **{name: options.get(name, "") for name in names})


def _request_key(request: Request) -> tuple[str, str] | None:
    """The existing system and the number it gave its request; None where it gave none. Raises Refusal(BAD_FORMAT)."""
    given, peer = request.headers.get("idempotency-key"), peer_of(request)
    if given is None or peer is None or peer.existing is None:
        return None
    if not _REQUEST_KEY.fullmatch(given):
        raise Refusal(Reason.BAD_FORMAT, 'an Idempotency-Key is 8 to 64 of A-Z, a-z, 0-9, "-", in quotation marks')
    return peer.existing[0], given.strip('"')


def _serial(request: Request) -> Serial:
    try:
        return Serial(request.path_params["serial"])
    except ValueError:
        raise Refusal(Reason.BAD_FORMAT, "no serial") from None


def _reason(options: Any) -> Reason:
    try:
        return Reason(options.get("reason", Reason.WITHHELD.value))
    except ValueError:
        raise Refusal(Reason.BAD_FORMAT, "no reason of the closed list") from None


def _words(result: Result) -> bytes:
    buffer = BytesIO()
    with ResultWriter(buffer, Form.JSON_LINES) as writer:
        writer.write(result)
    return buffer.getvalue()
