"""The door of a system: who comes in, the path for telegrams, and how the system fares.

The peer's certificate is looked up in the directory at every request.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, Protocol

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from nakadachi import __version__
from nakadachi.kit.client import MEDIA_TYPE, VERSION_HEADER
from nakadachi.kit.database import DatabaseAway
from nakadachi.kit.lanes import Busy
from nakadachi.kit.log import logger
from nakadachi.kit.metrics import CONTENT_TYPE
from nakadachi.kit.tls import PeerCertificate
from nakadachi.refusal import Reason, Refusal
from nakadachi.telegrams.codec import FRAME_LIMIT, encode_frame
from nakadachi.terms import NodeName, Role

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from datetime import datetime

    from nakadachi.kit.server import System

STATUS = {
    Reason.TOO_LARGE: 413,
    Reason.ROLE_NOT_ALLOWED: 403,
    Reason.NOT_ADDRESSED_HERE: 403,
    Reason.VERSION_TOO_OLD: 426,
    Reason.INTERNAL: 500,
}
"""The HTTP status of a refusal that has no telegram to answer; 400 for all others."""
BEFORE_THE_HEADER = "0.1.0"
"""The version of a peer that does not name its own: the last one that did not."""


BODY_SECONDS = 10.0
"""How long a request's body may take to come: a slow one must not hold its place."""


def peer_of(request: Request) -> PeerCertificate | None:
    """What the client's certificate says."""
    peer: PeerCertificate | None = request.scope.get("nakadachi.peer")
    return peer


def problem(refusal: Refusal, japanese: str = "", english: str = "") -> Response:
    """A refusal as the body of an HTTP answer, in both languages (RFC 9457); the texts say what to mend."""
    reason = refusal.reason
    status = STATUS.get(reason, 400)
    body = {"type": reason.value, "title": reason.english, "title_ja": reason.japanese, "status": status}
    if japanese:
        body |= {"detail": english, "detail_ja": japanese}
    return JSONResponse(body, status_code=status, media_type="application/problem+json")


def later(busy: Busy) -> Response:
    """混雑: nothing was taken in, and when to come again, in both languages (RFC 9110 15.6.4, RFC 9457)."""
    return unavailable(busy.seconds, "Too much at a time; nothing was taken in", "混み合っているため受け付けていません")


def unavailable(seconds: int, english: str, japanese: str) -> Response:
    """Not now: why, and when to come again (RFC 9110 15.6.4)."""
    body = {
        "type": "about:blank",
        "title": f"{english}. Try again in {seconds} seconds",
        "title_ja": f"{japanese}。{seconds}秒後に再度お試しください",
        "status": 503,
    }
    headers = {"Retry-After": str(seconds)}
    return JSONResponse(body, status_code=503, media_type="application/problem+json", headers=headers)


def announced(request: Request, limit: int) -> int:
    """How many bytes a request's body may have: what it says, or `limit` where it says nothing."""
    said = request.headers.get("content-length", "")
    return min(int(said), limit) if said.isdecimal() else limit


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


class Watched(Protocol):
    """What a door shows of how its system fares."""

    @property
    def name(self) -> NodeName:
        """The node."""
        ...

    def now(self) -> datetime:
        """The time here."""
        ...

    async def readiness(self) -> tuple[bool, dict[str, Any]]:
        """Whether it is fit for work, and why not."""
        ...

    async def stands(self) -> bool:
        """Whether work may come to this process, or had better go to another instance of its system."""
        ...

    async def status(self) -> dict[str, Any]:
        """All that it says of itself."""
        ...

    async def exposition(self) -> bytes:
        """Its metrics as text."""
        ...


def application(system: System[Any], *, health: Watched, routes: Sequence[BaseRoute] = ()) -> Starlette:
    """A system's HTTP application: `/telegrams`, `/livez`, `/readyz`, `/status`, `/metrics`, and the routes it adds.

    While the database is away, requests get 503: nothing was decided, and they may be sent again.
    """
    telegrams = _telegrams(system)

    async def away(_request: Request, wrong: Exception) -> Response:
        logger().warning("database.away", node=system.name.value, detail=str(wrong))
        return unavailable(1, "The database is away for the moment", "データベースに一時的に接続できません")

    async def live(_request: Request) -> Response:
        return _alive(health)

    async def status(_request: Request) -> Response:
        return _json(await health.status() | system.lanes.words())

    async def metrics(_request: Request) -> Response:
        return await _metrics(health)

    return Starlette(
        routes=[
            Route("/telegrams", telegrams, methods=["POST"]),
            Route("/livez", live),
            Route("/readyz", _unless_health(system, health, _readable(system, _readyz(health)))),
            Route("/status", _readable(system, status)),
            Route("/metrics", _readable(system, metrics)),
            *routes,
        ],
        exception_handlers={DatabaseAway: away},
    )


def _telegrams(system: System[Any]) -> Callable[[Request], Awaitable[Response]]:
    async def telegrams(request: Request) -> Response:
        try:
            hop = system.peers.admit(peer_of(request))
            system.peers.directory.require_version(request.headers.get(VERSION_HEADER, BEFORE_THE_HEADER))
            with system.lanes.door(announced(request, FRAME_LIMIT)):
                async with asyncio.timeout(BODY_SECONDS):
                    raw = await read_body(request, FRAME_LIMIT)
                answers = await system.receive(raw, hop)
        except Refusal as refusal:
            system.metrics.request_refused(refusal.reason)
            return problem(refusal)
        except Busy as busy:
            logger().info("request.turned_away", node=system.name.value, detail=str(busy))
            return later(busy)
        except TimeoutError:
            return Response(status_code=408)
        return Response(encode_frame(answers), media_type=MEDIA_TYPE)

    return telegrams


def local_application(health: Watched) -> Starlette:
    """What this machine may see without a certificate: `/livez`, `/readyz`, `/metrics`."""

    async def live(_request: Request) -> Response:
        return _alive(health)

    async def metrics(_request: Request) -> Response:
        return await _metrics(health)

    return Starlette(routes=[Route("/livez", live), Route("/readyz", _readyz(health)), Route("/metrics", metrics)])


def admit_reader(system: System[Any], certificate: PeerCertificate | None) -> None:
    """Pass whoever may read how a system fares: nodes and existing systems of its own organisation, and the core.

    Raises Refusal(ROLE_NOT_ALLOWED, NOT_ADDRESSED_HERE).
    """
    if certificate is not None and certificate.existing is not None:
        organisation, core = certificate.existing[1], False
        if system.peers.directory.is_revoked(certificate.serial):
            raise Refusal(Reason.ROLE_NOT_ALLOWED, "the certificate is revoked")
    else:
        name = system.peers.admit(certificate)
        organisation, core = name.organisation, name.role is Role.CORE
    if organisation != system.name.organisation and not core:
        raise Refusal(Reason.ROLE_NOT_ALLOWED, "how a system fares is for its own organisation and the core")


def _alive(health: Watched) -> Response:
    """The process answers; its time, by which the asker compares clocks."""
    return JSONResponse({"node": health.name.value, "version": __version__, "now": health.now().isoformat()})


def _readable(system: System[Any], show: Callable[[Request], Awaitable[Response]]) -> Callable[..., Any]:
    async def guarded(request: Request) -> Response:
        try:
            admit_reader(system, peer_of(request))
        except Refusal as refusal:
            return problem(refusal)
        return await show(request)

    return guarded


def _unless_health(system: System[Any], health: Watched, show: Callable[..., Any]) -> Callable[..., Any]:
    """What stands in front of several instances is told by the status alone whether this one takes work (N3)."""

    async def guarded(request: Request) -> Response:
        peer = peer_of(request)
        if peer is None or not peer.health or system.peers.directory.is_revoked(peer.serial):
            answer: Response = await show(request)
            return answer
        return Response(status_code=200 if await health.stands() else 503)

    return guarded


async def _metrics(health: Watched) -> Response:
    return Response(await health.exposition(), headers={"content-type": CONTENT_TYPE})


def _readyz(health: Watched) -> Callable[[Request], Awaitable[Response]]:
    async def ready(_request: Request) -> Response:
        fit, words = await health.readiness()
        return _json(words, 200 if fit else 503)

    return ready


def _json(words: dict[str, Any], status: int = 200) -> Response:
    return Response(json.dumps(words, ensure_ascii=False), status, media_type="application/json")
