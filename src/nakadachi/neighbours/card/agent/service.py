"""カードエージェントの配線: guards every request, listens on loopback alone, watches for the card's removal."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nakadachi.kit.clock import Clock
from nakadachi.kit.entropy import Entropy
from nakadachi.kit.listening import Loopback, WebServer
from nakadachi.neighbours.card.agent import doors, guard
from nakadachi.neighbours.card.agent.guard import API, ORIGIN, Doors, Turned
from nakadachi.neighbours.card.agent.page import Page
from nakadachi.neighbours.card.agent.parts import Agent
from nakadachi.neighbours.card.agent.sessions import Sessions, Why
from nakadachi.neighbours.card.card import Card
from nakadachi.neighbours.card.reader import Reader

PORT = 17480
ADDRESS = "127.0.0.1"
CONNECTIONS = 64
_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)
_HEADERS = {
    "content-security-policy": _POLICY,
    "x-frame-options": "DENY",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-store",
}


class Guarded:
    """Every request passes the guard before anything reads it; every answer gets the headers that protect it."""

    def __init__(self, app: ASGIApp, doors: Doors) -> None:
        self._app, self._doors = app, doors

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request (ASGI)."""
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        added = dict(_HEADERS)
        try:
            guard.admit(self._doors, scope["method"], scope["path"], headers)
        except Turned as turned:
            await _answer(PlainTextResponse(f"{turned.why}\n", turned.status, added), scope, receive, send)
            return
        if scope["path"].startswith(API):
            added |= guard.cors(self._doors, headers)
            if scope["method"] == "OPTIONS":
                added |= guard.preflight(self._doors, headers)
                await _answer(Response(status_code=204, headers=added), scope, receive, send)
                return
        await self._app(scope, receive, _with(added, send))


async def _answer(response: Response, scope: Scope, receive: Receive, send: Send) -> None:
    await response(scope, receive, send)


def _with(headers: dict[str, str], send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            own = {name for name, _ in message["headers"]}
            more = [(name.encode(), value.encode()) for name, value in headers.items() if name.encode() not in own]
            message["headers"] = [*message["headers"], *more]
        await send(message)

    return sending


def build(card: Card, *, port: int, origins: frozenset[str], clock: Clock, entropy: Entropy) -> Agent:
    """An agent for a card and the origins that may use it. Raises ValueError for an origin that is none."""
    for origin in origins:
        if ORIGIN.fullmatch(origin) is None:
            raise ValueError(f"{origin}: write an origin as browsers do, such as https://portal.example")
    return Agent(
        doors=Doors(port, origins, entropy.bytes(24).hex()),
        sessions=Sessions(clock, entropy),
        reader=Reader(card),
        present=lambda: card.medium.is_there,
        clock=clock,
        entropy=entropy,
        form_token=entropy.bytes(24).hex(),
    )


def application(agent: Agent) -> ASGIApp:
    """The agent as an ASGI application."""
    app = Starlette(routes=[*doors.routes(agent), *Page(agent).routes()])
    return Guarded(app, agent.doors)


class Running:
    """An agent that listens."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self._server = WebServer(application(agent), Loopback(ADDRESS, agent.doors.port, CONNECTIONS))  # type: ignore[arg-type]  # any ASGI application
        self._tasks: list[asyncio.Task[Any]] = []

    async def start(self) -> None:
        """Listen. Raises PortTaken."""
        self._tasks.append(await self._server.run_until_started(asyncio.create_task))
        self._tasks.append(asyncio.create_task(self._watch()))

    async def announce(self) -> None:
        """Nobody needs to be told."""

    async def reload(self) -> None:
        """Nothing is read again: who may come in was said at the start."""

    async def stop(self) -> None:
        """End every session and stop listening."""
        self._agent.sessions.end_all(Why.STOPPED)
        self._server.should_exit = True
        server, *others = self._tasks
        for one in others:
            one.cancel()
        await asyncio.gather(server, *others, return_exceptions=True)

    async def _watch(self) -> None:
        while True:
            self._agent.watch()
            await asyncio.sleep(doors.WATCH_SECONDS)
