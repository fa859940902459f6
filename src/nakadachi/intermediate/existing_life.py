"""既存システム接続: the paths about links and changes (C8, C17; M7). Who may enter is the door's business."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncGenerator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, TypeVar

from starlette.responses import JSONResponse, Response

from nakadachi.intermediate import change_store, changes, desk_life, life, life_store
from nakadachi.intermediate.files.addressees import addressees
from nakadachi.intermediate.files.changes import HEADER, change_line, change_words
from nakadachi.intermediate.files.reading import LineReader, Reading, read_all_or_rejects
from nakadachi.intermediate.link_doors import rejected
from nakadachi.kit.streams import Streamed, spool
from nakadachi.refusal import Reason, Refusal
from nakadachi.telegrams.link import LinkChange, Scope
from nakadachi.telegrams.standing import day_begins
from nakadachi.terms import japan_day

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.routing import Route

    from nakadachi.intermediate.files.addressees import AddresseeLine
    from nakadachi.intermediate.link_doors import MakeRoute
    from nakadachi.intermediate.parts import Intermediate
    from nakadachi.kit.server import System

E = TypeVar("E", LinkChange, Scope)

FILE_LIMIT = 64 * 1024**2
MOST_REJECTS = 1000
MOST_SHOWN = 1000
MOST_WAIT_SECONDS = 30.0
FILES = frozenset({"/existing/links/change", "/existing/links/state", "/existing/changes/subscription"})
"""Paths that take files."""


@dataclass(frozen=True, slots=True)
class LifeDoor:
    """The part of the door that is about links and changes."""

    system: System[Intermediate]

    def routes(self, make: MakeRoute) -> list[Route]:
        """The paths; `make` closes each to everybody but the organisation's existing systems."""
        return [
            make("/existing/links/change", self.change_links, "POST"),
            make("/existing/links/state", self.links_of, "POST"),
            make("/existing/links", self.special_links, "GET"),
            make("/existing/changes/subscription", self.subscribe, "POST"),
            make("/existing/changes/subscription", self.subscription, "GET"),
            make("/existing/changes", self.changes, "GET"),
        ]

    async def change_links(self, request: Request) -> Response:
        """符号状態変更: unlink, suspend or resume the people of a list; one answer line per person (C8)."""
        change, on = _word(request, "change", LinkChange), self._day(request, "on")
        reading = await self._people(request)
        if not reading.loadable:
            return rejected(reading.rejects, reading.count)
        wish = life.Wish(change, on, tuple(one.addressee for one in reading.lines))
        outcome = await desk_life.change_links(self.system, wish)
        return JSONResponse({"lines": [{"line": one.line, "outcome": outcome[one.addressee]} for one in reading.lines]})

    async def links_of(self, request: Request) -> Response:
        """符号の状態: how the links of the people of a list stand, with their days."""
        reading = await self._people(request)
        if not reading.loadable:
            return rejected(reading.rejects, reading.count)
        asked, now = [one.addressee for one in reading.lines], self.system.author.clock.now()
        async with self.system.database.acquire() as connection:
            found = await life_store.links(connection, asked)
            known = await life_store.known(connection, asked)
        none = {one: "none" if one in known else Reason.UNKNOWN_ADDRESSEE.value for one in asked}
        return JSONResponse(
            [
                desk_life.link_words(found[one], now) if one in found else {"addressee": one.value, "state": none[one]}
                for one in asked
            ]
        )

    async def special_links(self, _request: Request) -> Response:
        """停止・解除一覧: the links that are, were or will be suspended or over."""
        now = self.system.author.clock.now()
        async with self.system.database.acquire() as connection:
            found = await life_store.special_links(connection, most=MOST_SHOWN)
        return JSONResponse([desk_life.link_words(one, now) for one in found])

    async def subscribe(self, request: Request) -> Response:
        """変更通知の登録: whose changes are wanted; with `listed` those of a list, beside those listed before (C17)."""
        scope = _word(request, "scope", Scope)
        wish = changes.Wish(scope)
        if scope is Scope.LISTED:
            reading = await self._people(request)
            if not reading.loadable:
                return rejected(reading.rejects, reading.count)
            wish = changes.Wish(scope, tuple(one.addressee for one in reading.lines))
        return JSONResponse(await desk_life.subscribe(self.system, wish))

    async def subscription(self, _request: Request) -> Response:
        """変更通知の登録状況: whose changes are wanted, and the number up to which events are here."""
        async with self.system.database.acquire() as connection:
            held = await change_store.subscription(connection)
        outcome = "pending" if held.waiting else "done"
        return JSONResponse({"scope": held.scope.value, "last": held.last or 0, "outcome": outcome})

    async def changes(self, request: Request) -> Response:
        """変更通知: what came after a number, waited for up to `wait` seconds; or all of a day, as CSV."""
        options = request.query_params
        if "day" in options:
            day = self._day(request, "day")
            if day > japan_day(self.system.author.clock.now()):
                raise Refusal(Reason.BAD_FORMAT, "a day that has not begun")
            return Streamed(self._of_day(day), bytes, ExitStack())
        after, seconds = _number(options.get("after", "0")), _number(options.get("wait", "0"))
        found, deleted = await desk_life.follow(
            self.system.database, after, most=MOST_SHOWN, seconds=min(seconds, MOST_WAIT_SECONDS)
        )
        lines = [] if deleted is None else [{"number": deleted, "addressee": None}]
        return JSONResponse({"changes": lines + [change_words(one) for one in found]})

    async def _of_day(self, day: date) -> AsyncGenerator[bytes, None]:
        yield HEADER
        begin, end = day_begins(day), day_begins(day + timedelta(days=1))
        async with self.system.database.acquire() as connection:
            async for one in change_store.changes_between(connection, begin, end):
                yield change_line(one)

    async def _people(self, request: Request) -> Reading[AddresseeLine]:
        with tempfile.TemporaryFile() as file:
            await spool(request, file, FILE_LIMIT)
            return await asyncio.to_thread(read_all_or_rejects, addressees(LineReader(file)), limit=MOST_REJECTS)

    def _day(self, request: Request, name: str) -> date:
        """A day of a request; today in Japan where none is said. Raises Refusal."""
        said = request.query_params.get(name)
        if said is None:
            return japan_day(self.system.author.clock.now())
        try:
            return date.fromisoformat(said)
        except ValueError:
            raise Refusal(Reason.BAD_FORMAT, f"{name} is no day YYYY-MM-DD") from None


def _word(request: Request, name: str, kind: type[E]) -> E:
    try:
        return kind(request.query_params.get(name, ""))
    except ValueError:
        raise Refusal(Reason.BAD_FORMAT, f"{name} is one of {', '.join(kind)}") from None


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 16):
        raise Refusal(Reason.BAD_FORMAT, "a number of digits")
    return int(text)
