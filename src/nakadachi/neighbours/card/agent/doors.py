"""ページへの窓口 `/v1/`: what a page of an allowed origin may ask; a secret never passes here, in either direction."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from hashlib import sha256

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from nakadachi.crypto.card_statement import LEAST_CHALLENGE, MOST_CHALLENGE
from nakadachi.neighbours.card.agent.parts import Agent, text_of, trouble_words
from nakadachi.neighbours.card.agent.sessions import Away, Kind, Order, Session, State, Why
from nakadachi.neighbours.card.entries import can_be_shown
from nakadachi.neighbours.card.texts import CardError

BODY_LIMIT = 512 * 1024
TITLE_LIMIT = 200
WATCH_SECONDS = 0.3
EVENTS_BEAT = 10.0
"""Seconds after which an event stream says that it lives."""


class Wanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """依頼の本文. `challenge` 16 to 64 bytes; a document as text, or its SHA-256; all bytes in standard base64."""

    kind: Kind
    challenge: bytes = b""
    title: str = ""
    document: str | None = None
    digest: bytes = b""

    def __repr__(self) -> str:
        """Its kind alone."""
        return f"Wanted({self.kind.value})"


_LINES = {ord(one): None for one in "\n\r\t"}
"""What a document may hold beside what can be shown."""
_DECODER = msgspec.json.Decoder(Wanted)


def read_order(raw: bytes) -> dict[str, object]:
    """The body of an order as the fields of one. Raises Away, which tells nothing of what it holds."""
    try:
        wanted = _DECODER.decode(raw)
    except (msgspec.DecodeError, ValueError, RecursionError):  # ValueError: a text that is not UTF-8
        raise Away(400, "依頼の形式が違います", "the order is not of the documented form") from None
    made: dict[str, object] = {"kind": wanted.kind}
    if wanted.kind is Kind.AUTHENTICATE:
        if not LEAST_CHALLENGE <= len(wanted.challenge) <= MOST_CHALLENGE:
            raise Away(400, "チャレンジは16〜64バイトです", "a challenge has 16 to 64 bytes")
        made["challenge"] = wanted.challenge
    elif wanted.kind is Kind.SIGN_DOCUMENT:
        if not 0 < len(wanted.title) <= TITLE_LIMIT or not can_be_shown(wanted.title):
            raise Away(400, "文書名は1〜200文字です", "a title has 1 to 200 printable characters")
        if (wanted.document is None) == (not wanted.digest) or len(wanted.digest) not in {0, 32}:
            raise Away(400, "文書かそのSHA-256の一方を送ってください", "send a document or its SHA-256, one of them")
        if not can_be_shown((wanted.document or "").translate(_LINES)):
            raise Away(400, "文書に表示できない文字があります", "the document holds what cannot be shown")
        digest = wanted.digest or sha256((wanted.document or "").encode()).digest()
        made |= {"title": wanted.title, "document": wanted.document, "digest": digest}
    return made


def routes(agent: Agent) -> list[BaseRoute]:
    """Every path of the door, bound to an agent."""
    paths: dict[str, dict[str, Callable[[Agent, Request], Awaitable[Response]]]] = {
        "/v1/sessions": {"POST": _begin},
        "/v1/session": {"GET": _session, "DELETE": _leave},
        "/v1/status": {"GET": _status},
        "/v1/certificates/authentication": {"GET": _authentication},
        "/v1/orders": {"POST": _order},
        "/v1/orders/{name}": {"GET": _result, "DELETE": _withdraw},
        "/v1/events": {"GET": _events},
    }
    return [
        Route(path, _bound(agent, work), methods=[method])
        for path, methods in paths.items()
        for method, work in methods.items()
    ]


def _bound(
    agent: Agent, work: Callable[[Agent, Request], Awaitable[Response]]
) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        agent.watch()
        try:
            return await work(agent, request)
        except Away as away:
            return _problem(away.status, {"title": away.english, "title_ja": away.japanese})
        except CardError as wrong:
            return _problem(409, trouble_words(wrong))

    return answer


def _problem(status: int, words: dict[str, object]) -> Response:
    body = {"type": "about:blank", "status": status, **words}
    return JSONResponse(body, status_code=status, media_type="application/problem+json")


def _token(request: Request) -> tuple[str, str]:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return (token if scheme.lower() == "bearer" else ""), request.headers.get("origin", "")


async def _begin(agent: Agent, request: Request) -> Response:
    """POST /v1/sessions: ask for leave; the person types `check` into the agent's own page."""
    session, token = agent.sessions.begin(request.headers["origin"])
    return JSONResponse({"session": token, "check": session.check, "state": session.state.value}, status_code=201)


async def _session(agent: Agent, request: Request) -> Response:
    """GET /v1/session: whether the page may use the card, and why not."""
    return JSONResponse(_words(agent.sessions.of_token(*_token(request))))


async def _leave(agent: Agent, request: Request) -> Response:
    """DELETE /v1/session: the page needs the card no more."""
    agent.sessions.of_token(*_token(request)).end(Why.LEFT, agent.clock.now())
    return Response(status_code=204)


async def _status(agent: Agent, request: Request) -> Response:
    """GET /v1/status: the tries left, without spending one; null: never set."""
    agent.sessions.active(*_token(request))
    tries = await agent.tries()
    return JSONResponse({"tries": {one.value: left for one, left in tries.items()}})


async def _authentication(agent: Agent, request: Request) -> Response:
    """GET /v1/certificates/authentication: readable without a PIN, with the person's leave."""
    agent.sessions.active(*_token(request))
    certificate, authority = await agent.at_card(agent.reader.authentication_certificate)
    return JSONResponse({"certificate": text_of(certificate), "authority": text_of(authority)})


async def _order(agent: Agent, request: Request) -> Response:
    """POST /v1/orders: ask for a signature or the signature certificate; the person decides in the agent's own page."""
    session = agent.sessions.active(*_token(request))
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise Away(415, "application/jsonで送ってください", "send application/json")
    order = agent.sessions.add(session, **read_order(await body_of(request)))  # type: ignore[arg-type]  # its fields
    return JSONResponse(_order_words(order), status_code=202)


async def _result(agent: Agent, request: Request) -> Response:
    """GET /v1/orders/<name>: how far it is, and what came of it."""
    return JSONResponse(_order_words(_own(agent.sessions.of_token(*_token(request)), request)))


async def _withdraw(agent: Agent, request: Request) -> Response:
    """DELETE /v1/orders/<name>: the page wants it no more; what came of it is forgotten."""
    session = agent.sessions.of_token(*_token(request))
    del session.orders[_own(session, request).name]
    return Response(status_code=204)


async def _events(agent: Agent, request: Request) -> Response:
    """GET /v1/events: server-sent events, one whenever the session or an order changes; the last says why it ended."""
    session = agent.sessions.of_token(*_token(request))
    return StreamingResponse(_changes(agent, session), media_type="text/event-stream")


async def _changes(agent: Agent, session: Session) -> AsyncGenerator[bytes, None]:
    told, silent = b"", 0.0
    while True:
        agent.watch()
        agent.sessions.tidy()
        now = msgspec.json.encode(_words(session))
        if now != told:
            told, silent = now, 0.0
            yield b"event: session\ndata: " + now + b"\n\n"
        if session.state is State.ENDED:
            return
        if silent >= EVENTS_BEAT:
            silent = 0.0
            yield b": \n\n"
        await asyncio.sleep(WATCH_SECONDS)
        silent += WATCH_SECONDS


def _own(session: Session, request: Request) -> Order:
    order = session.orders.get(request.path_params["name"])
    if order is None:
        raise Away(404, "依頼がありません", "there is no such order")
    return order


def _words(session: Session) -> dict[str, object]:
    return {
        "state": session.state.value,
        "why": session.why.value[1] if session.why else None,
        "why_ja": session.why.value[0] if session.why else None,
        "orders": {one.name: one.state.value for one in session.orders.values()},
    }


def _order_words(order: Order) -> dict[str, object]:
    return {
        "order": order.name,
        "kind": order.kind.value,
        "state": order.state.value,
        "why": order.why.value[1] if order.why else None,
        "why_ja": order.why.value[0] if order.why else None,
        "result": order.result,
    }


async def body_of(request: Request) -> bytes:
    """A request's body. Raises Away beyond the limit, and where it does not come in time."""
    body = b""
    try:
        async with asyncio.timeout(10):
            async for chunk in request.stream():
                body += chunk
                if len(body) > BODY_LIMIT:
                    raise Away(413, "依頼が大きすぎます", f"an order has at most {BODY_LIMIT} bytes")
    except (TimeoutError, ClientDisconnect):
        raise Away(408, "依頼が届きませんでした", "the order did not arrive") from None
    return body
