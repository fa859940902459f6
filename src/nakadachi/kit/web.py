"""The door of a system: HTTPS with client certificates, the path for telegrams, health, and a server without signals.

The peer's certificate is read once per connection and looked up in the directory at every request.
"""

from __future__ import annotations

import asyncio
import functools
import json
import socket
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from nakadachi import __version__
from nakadachi.kit.client import MEDIA_TYPE
from nakadachi.kit.database import DatabaseAway
from nakadachi.kit.log import logger
from nakadachi.kit.tls import PeerCertificate, read_certificate, server_context
from nakadachi.refusal import Reason, Refusal
from nakadachi.telegrams.codec import FRAME_LIMIT, encode_frame

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence
    from pathlib import Path

    from nakadachi.kit.server import System

STATUS = {
    Reason.TOO_LARGE: 413,
    Reason.ROLE_NOT_ALLOWED: 403,
    Reason.NOT_ADDRESSED_HERE: 403,
    Reason.INTERNAL: 500,
}
"""The HTTP status of a refusal that has no telegram to answer; 400 for all others."""


class PeerCertificateProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol, with what the client's certificate says in the scope's extensions."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # narrower in the stub
        """Read the certificate once, for all requests of the connection."""
        super().connection_made(transport)
        tls = transport.get_extra_info("ssl_object")
        if tls is not None:
            peer = read_certificate(tls.getpeercert(binary_form=True))
            self.app = functools.partial(_with_peer, self.app, peer)


async def _with_peer(app: Any, peer: PeerCertificate, scope: dict[str, Any], receive: Any, send: Any) -> None:
    scope["nakadachi.peer"] = peer
    await app(scope, receive, send)


def peer_of(request: Request) -> PeerCertificate | None:
    """What the client's certificate says."""
    peer: PeerCertificate | None = request.scope.get("nakadachi.peer")
    return peer


def problem(refusal: Refusal) -> Response:
    """A refusal as the body of an HTTP answer, in both languages (RFC 9457)."""
    reason = refusal.reason
    status = STATUS.get(reason, 400)
    body = {"type": reason.value, "title": reason.english, "title_ja": reason.japanese, "status": status}
    return JSONResponse(body, status_code=status, media_type="application/problem+json")


async def read_body(request: Request, limit: int) -> bytes:
    """The body, refused unread where it is said to be larger than `limit` bytes, and cut off where it turns out to be.

    Raises Refusal(TOO_LARGE).
    """
    said = request.headers.get("content-length", "0")
    if said.isdecimal() and int(said) > limit:
        raise Refusal(Reason.TOO_LARGE, f"{said} bytes announced, at most {limit}")
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise Refusal(Reason.TOO_LARGE, f"more than {limit} bytes")
        chunks.append(chunk)
    return b"".join(chunks)


def application(
    system: System[Any], *, ready: Callable[[], Awaitable[dict[str, Any]]], routes: Sequence[BaseRoute] = ()
) -> Starlette:
    """A system's HTTP application: `/telegrams`, `/livez`, `/readyz`, `/status`, and the routes it adds.

    While the database is away, requests get 503: nothing was decided, and they may be sent again.
    """

    async def telegrams(request: Request) -> Response:
        try:
            hop = system.peers.admit(peer_of(request))
            answers = await system.receive(await read_body(request, FRAME_LIMIT), hop)
        except Refusal as refusal:
            return problem(refusal)
        return Response(encode_frame(answers), media_type=MEDIA_TYPE)

    async def away(_request: Request, wrong: Exception) -> Response:
        logger().warning("database.away", node=system.name.value, detail=str(wrong))
        return Response(status_code=503, headers={"Retry-After": "1"})

    async def live(_request: Request) -> Response:
        return JSONResponse({"node": system.name.value, "version": __version__})

    async def status(_request: Request) -> Response:
        return Response(json.dumps(await ready(), ensure_ascii=False), media_type="application/json")

    return Starlette(
        routes=[
            Route("/telegrams", telegrams, methods=["POST"]),
            Route("/livez", live),
            Route("/readyz", status),
            Route("/status", status),
            *routes,
        ],
        exception_handlers={DatabaseAway: away},
    )


@dataclass(frozen=True, slots=True)
class Listening:
    """Where a system listens, and with which certificate; `authority` is who must have issued the client's."""

    host: str
    port: int
    certificate: Path
    key: Path
    authority: Path


class PortTaken(Exception):  # noqa: N818  a state of the world
    """The address cannot be listened on; the message says which and why."""


class WebServer(uvicorn.Server):
    """A uvicorn server that leaves signals to whoever runs it, so that many live in one process."""

    def __init__(self, app: Starlette, listening: Listening) -> None:
        config = uvicorn.Config(
            app,
            host=listening.host,
            port=listening.port,
            http=PeerCertificateProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=3,
            backlog=1024,
        )
        config.load()
        config.ssl = server_context(listening.certificate, listening.key, listening.authority)
        super().__init__(config)
        self._where = f"{listening.host}:{listening.port}"

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Nothing: the process's owner handles SIGINT and SIGTERM once."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen. Raises PortTaken, where uvicorn would end the process and with it every other system in it."""
        try:
            await super().startup(sockets)
        except SystemExit as end:
            raise PortTaken(f"{self._where}: cannot listen there ({end.__context__})") from None

    async def run_until_started(self, spawn: Callable[[Any], asyncio.Task[Any]]) -> asyncio.Task[Any]:
        """Serve in a task of its own; returns once it listens. Raises PortTaken."""
        task = spawn(self.serve())
        while not self.started:
            if task.done():
                await task
                raise PortTaken(f"{self._where}: the server ended before it listened")
            await asyncio.sleep(0.005)
        return task
