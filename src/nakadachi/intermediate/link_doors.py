"""付番の窓口: the paths on which existing systems have people linked and links re-checked (M1, L5, M7)."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

from starlette.responses import JSONResponse, Response

from nakadachi.intermediate import issuance_store, link_order_store, linking, store
from nakadachi.intermediate.files.people import PersonLine, people
from nakadachi.intermediate.files.reading import LineReader, Reject, read_all_or_rejects
from nakadachi.intermediate.options import ORDER
from nakadachi.kit.streams import spool
from nakadachi.refusal import Reason, Refusal
from nakadachi.telegrams.code import Hit

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from starlette.requests import Request
    from starlette.routing import Route

    from nakadachi.intermediate.link_order_store import Progress, Unlinked
    from nakadachi.intermediate.parts import Intermediate
    from nakadachi.intermediate.serials import Serials
    from nakadachi.kit.database import Connection
    from nakadachi.kit.server import System

    MakeRoute = Callable[[str, Callable[[Request], Awaitable[Response]], str], Route]

FILE_LIMIT = 2 * 1024**3
CHUNK_LINES, CHUNK_BYTES = 1000, 1024 * 1024
MOST_REJECTS = 1000
PAGE = 1000
"""Entries of one answer; the next ones are asked for."""
_MENDS = {
    Hit.NONE: "4情報と異動を確認して直してください / Check the four items, and whether the person moved",
    Hit.SEVERAL: "個人番号を付けてください / Add the Individual Number",
    Hit.DIFFERENT: "個人番号と4情報を書類で確認してください / Check number and four items against a document",
}
_AGAIN = "もう一度付番してください / Have it linked once more"
_OTHERWISE = "理由を解消してから付番し直してください / Remove the reason, then have it linked once more"


@dataclass(frozen=True, slots=True)
class LinkDoors:
    """Linking and re-checking, as existing systems ask for it."""

    system: System[Intermediate]
    serials: Serials
    orders: linking.LinkOrders

    def routes(self, make: MakeRoute) -> list[Route]:
        """The paths; `make` closes each to everybody but the organisation's existing systems."""
        return [
            make("/existing/link", self.link, "POST"),
            make("/existing/orders/{name}", self.order, "POST"),
            make("/existing/orders/{name}", self.progress, "GET"),
            make("/existing/orders/{name}/unlinked", self.unlinked, "GET"),
            make("/existing/rechecks/{name}", self.recheck, "POST"),
            make("/existing/rechecks/{name}/findings", self.findings, "GET"),
        ]

    async def link(self, request: Request) -> Response:
        """符号付番: issue link codes for the people of a people file and wait; one answer line per person (M1)."""
        with tempfile.TemporaryFile() as file:
            await spool(request, file, FILE_LIMIT)
            reading = await asyncio.to_thread(read_all_or_rejects, people(LineReader(file)), limit=MOST_REJECTS)
        if not reading.loadable:
            return rejected(reading.rejects, reading.count)
        outcome = await linking.link(self.system, self.serials, [one.addressee for one in reading.lines])
        lines = [
            {"line": one.line, "outcome": outcome[one.addressee][0], "hit": outcome[one.addressee][1] or ""}
            for one in reading.lines
        ]
        return JSONResponse({"lines": lines})

    async def order(self, request: Request) -> Response:
        """付番の注文: load a people file and have all its people linked; sent again, it is the same order (M1).

        Good lines are taken, bad ones are kept for the reject list. Nothing is kept of a file that breaks off.
        """
        name = _name(request)
        with tempfile.TemporaryFile() as file:
            await spool(request, file, FILE_LIMIT)
            digest = await asyncio.to_thread(_digest, file)
            async with self.system.lanes.behind(), self.system.database.transaction() as connection:
                if await link_order_store.begin(connection, name, self._now(), digest=digest):
                    await self._load(connection, name, file)
        found = await self._progress(name)
        if found.digest != digest:
            raise Refusal(Reason.ALREADY_USED, "an order of that name has another file")
        self.orders.wake()
        return JSONResponse(_words(found))

    async def progress(self, request: Request) -> Response:
        """進捗: how an order stands, and for whom it waits where it cannot go on now."""
        found = await self._progress(_name(request))
        return JSONResponse(_words(found) | {"waits": await self.orders.waits_for(found)})

    async def unlinked(self, request: Request) -> Response:
        """差戻し一覧: lines of an order's file that led to no code, from the one after `after` on."""
        name, after = _name(request), _number(request.query_params.get("after", "0"))
        async with self.system.database.acquire() as connection:
            found = await link_order_store.unlinked(connection, name, after, PAGE)
        return JSONResponse([_why(one) for one in found])

    async def recheck(self, request: Request) -> Response:
        """再確認の注文: all links are held against what register and core say now; sent again, it goes on (L5)."""
        name = _name(request)
        async with self.system.lanes.behind(), self.system.database.transaction() as connection:
            await link_order_store.begin(connection, name, self._now())
        found = await self._progress(name)
        if not found.checking:
            raise Refusal(Reason.ALREADY_USED, "an order of that name links people")
        self.orders.wake()
        return JSONResponse(_words(found))

    async def findings(self, request: Request) -> Response:
        """再確認の結果: what an order found wrong with links."""
        async with self.system.database.acquire() as connection:
            found = await issuance_store.findings(connection, most=FILE_LIMIT, order=_name(request))
        return JSONResponse([words_of(one) for one in found])

    async def _load(self, connection: Connection, name: str, file: BinaryIO) -> None:
        """The people of a file and the lines of its order, in one transaction."""
        lines = people(LineReader(file))
        taken = turned_away = 0
        while chunk := await asyncio.to_thread(_next, lines):
            good = [one for one in chunk if isinstance(one, PersonLine)]
            bad = [one for one in chunk if isinstance(one, Reject)]
            if good:
                await store.load_people(connection, good, self._now())
                await link_order_store.add_lines(connection, name, good)
            if bad:
                await link_order_store.add_rejects(connection, name, bad)
            taken, turned_away = taken + len(good), turned_away + len(bad)
            await self.system.lanes.give_way()
        await link_order_store.loaded(connection, name, taken, turned_away)

    async def _progress(self, name: str) -> Progress:
        async with self.system.database.acquire() as connection:
            found = await link_order_store.progress(connection, name)
        if found is None:
            raise Refusal(Reason.BAD_FORMAT, "no order of that name")
        return found

    def _now(self) -> Any:
        return self.system.author.clock.now()


def rejected(rejects: Any, count: int) -> Response:
    """The answer to a file of which nothing was taken."""
    body = {"loaded": 0, "rejected": count, "rejects": [reject_words(one) for one in rejects]}
    return JSONResponse(body, status_code=422)


def reject_words(one: Reject) -> dict[str, Any]:
    """A reject as the existing system is told of it."""
    return {
        "line": one.line,
        "column": one.column,
        "reason_ja": one.reason_ja,
        "reason_en": one.reason_en,
        "mend": one.mend,
    }


def words_of(one: issuance_store.Found) -> dict[str, Any]:
    """A finding about a link as the existing system is told of it: whose row, what, what to do."""
    return {
        "serial": one.serial or "",
        "kind": one.kind.value,
        "at": one.at.isoformat(),
        "addressee": one.addressee,
        "reason_ja": one.kind.japanese,
        "reason_en": one.kind.english,
        "mend": one.kind.mend,
    }


def _words(one: Progress) -> dict[str, Any]:
    return {
        "name": one.name,
        "checking": one.checking,
        "people": one.people,
        "rejected": one.rejected,
        "done": one.done,
        "refused": one.refused,
        "unanswered": one.unanswered,
        "ended": one.ended_at is not None,
    }


def _why(one: Unlinked) -> dict[str, Any]:
    if one.reject is not None:
        return reject_words(one.reject)
    reason = Reason(one.reason) if one.reason else None
    hit = Hit(one.hit) if one.hit else None
    shown = hit or reason
    return {
        "line": one.line,
        "column": 0,
        "reason_ja": shown.japanese if shown else "まだ回答がありません",
        "reason_en": shown.english if shown else "no answer yet",
        "mend": _MENDS.get(hit, _OTHERWISE) if hit else _OTHERWISE if reason else _AGAIN,
    }


def _next(lines: Iterator[PersonLine | Reject]) -> list[PersonLine | Reject]:
    return list(itertools.islice(lines, CHUNK_LINES))


def _digest(file: BinaryIO) -> bytes:
    file.seek(0)
    digest = hashlib.sha256()
    while chunk := file.read(CHUNK_BYTES):
        digest.update(chunk)
    file.seek(0)
    return digest.digest()


def _name(request: Request) -> str:
    name: str = request.path_params["name"]
    if not name or not ORDER.fullmatch(name):
        raise Refusal(Reason.BAD_FORMAT, "an order's name is 1 to 64 letters, digits, dots, hyphens and underscores")
    return name


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise Refusal(Reason.BAD_FORMAT, "after is the number of a line")
    return int(text)
