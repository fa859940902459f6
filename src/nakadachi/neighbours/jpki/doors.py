"""The doors of the service: what each kind of client may ask, and how it is answered; everything else is closed."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Awaitable, Callable
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from cryptography.x509.ocsp import OCSPResponseStatus
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from nakadachi import __version__
from nakadachi.kit.database import DatabaseAway
from nakadachi.kit.log import logger
from nakadachi.kit.tls import PeerCertificate
from nakadachi.kit.web.door import peer_of, problem, read_body, unavailable
from nakadachi.neighbours.jpki import counter, jpki_store, list_store, ocsp, words
from nakadachi.neighbours.jpki.changes import resident_changed
from nakadachi.neighbours.jpki.faults import NotDone, Objection
from nakadachi.neighbours.jpki.linking import linkage
from nakadachi.neighbours.jpki.profile import Kind
from nakadachi.neighbours.jpki.publishing import publish_due
from nakadachi.neighbours.jpki.responding import Given, Responding
from nakadachi.refusal import Reason, Refusal
from nakadachi.telegrams.codec import decode_json

if TYPE_CHECKING:
    from datetime import datetime

    from nakadachi.neighbours.jpki.config import Access
    from nakadachi.neighbours.jpki.jpki_store import Kept
    from nakadachi.neighbours.jpki.parts import Jpki

Page = Callable[[Request], Awaitable[Response]]
Allowed = Callable[[PeerCertificate | None], bool]
LIST_TYPE = "application/pkix-crl"


def application(jpki: Jpki, access: Access) -> Starlette:
    """The service's HTTP application."""
    responding = Responding(jpki)

    def known(peer: PeerCertificate | None) -> bool:
        return access.is_verifier(peer) or access.is_counter(peer) or access.is_register(peer)

    def reads_lists(peer: PeerCertificate | None) -> bool:
        return access.is_verifier(peer) or access.is_counter(peer)

    async def away(_request: Request, wrong: Exception) -> Response:
        logger().warning("database.away", detail=str(wrong))
        return unavailable(1, "The database is away for the moment", "データベースに一時的に接続できません")

    def closed(path: str, allowed: Allowed, act: Any, *methods: str) -> Route:
        return Route(path, _closed(allowed, _told(jpki, act)), methods=list(methods or ("POST",)))

    return Starlette(
        routes=[
            Route("/livez", _live(jpki)),
            Route("/readyz", _ready(jpki)),
            Route("/ocsp", _responder(jpki, responding, access), methods=["POST"]),
            Route("/ocsp/{request:path}", _responder(jpki, responding, access), methods=["GET"]),
            closed("/authorities", known, _authorities, "GET"),
            closed("/lists/{name}", reads_lists, _list, "GET"),
            closed("/linkage", access.may_link, _linkage),
            closed("/changes", access.is_register, _changes),
            closed("/issue", access.is_counter, _issue),
            closed("/revoke", access.is_counter, _revoke),
            closed("/suspend", access.is_counter, _suspend),
            closed("/resume", access.is_counter, _resume),
            closed("/certificates", access.is_counter, _certificates),
            closed("/publish", access.is_counter, _publish),
            closed("/status", access.is_counter, _status, "GET"),
        ],
        exception_handlers={DatabaseAway: away},
    )


def objected(objection: Objection) -> Response:
    """受付不可 as the body of an HTTP answer, in both languages (RFC 9457)."""
    status = 404 if objection is Objection.NOT_FOUND else 409
    body = {"type": objection.value, "title": objection.english, "title_ja": objection.japanese, "status": status}
    return JSONResponse(body, status, media_type="application/problem+json")


def _closed(allowed: Allowed, page: Page) -> Page:
    async def guarded(request: Request) -> Response:
        if not allowed(peer_of(request)):
            english = "This certificate is not named in the service's configuration for this request"
            return problem(
                Refusal(Reason.ROLE_NOT_ALLOWED, "not named"), "この証明書には、この要求が認められていません", english
            )
        return await page(request)

    return guarded


def _told(jpki: Jpki, act: Callable[[Jpki, Request], Awaitable[Response]]) -> Page:
    async def page(request: Request) -> Response:
        try:
            return await act(jpki, request)
        except Refusal as refusal:
            return problem(refusal, refusal.reason.japanese, refusal.detail)
        except NotDone as not_done:
            return objected(not_done.objection)

    return page


def _json(answer: Any, status: int = 200) -> Response:
    return Response(words.encode(answer), status, media_type="application/json")


def _live(jpki: Jpki) -> Page:
    async def live(_request: Request) -> Response:
        return JSONResponse({"service": "jpki", "version": __version__, "now": jpki.clock.now().isoformat()})

    return live


def _ready(jpki: Jpki) -> Page:
    async def ready(_request: Request) -> Response:
        await jpki.database.touch()
        return JSONResponse({"service": "jpki", "ready": True})

    return ready


def _responder(jpki: Jpki, responding: Responding, access: Access) -> Page:
    """RFC 6960, appendix A: the request in the body, or in the path as base64."""

    async def respond(request: Request) -> Response:
        if not access.is_verifier(peer_of(request)):
            return _answered(Given(ocsp.refuse(OCSPResponseStatus.UNAUTHORIZED)))
        if request.method == "POST":
            try:
                asked = await read_body(request, ocsp.REQUEST_LIMIT)
            except Refusal:
                asked = b""
            return _answered(await responding.answer(asked))
        try:
            asked = base64.b64decode(unquote(request.path_params["request"]), validate=True)
        except (binascii.Error, ValueError):
            asked = b""
        given = await responding.answer(asked)
        return _answered(given, now=jpki.second())

    return respond


def _answered(given: Given, *, now: datetime | None = None) -> Response:
    """An answer, with how long it may be kept: only by the asker itself, since only it may ask (RFC 5019, 6.2)."""
    headers = {"Cache-Control": "no-store"}
    if now is not None and given.made is not None and given.until is not None:
        left = int((given.until - now).total_seconds())
        headers = {
            "Cache-Control": f"max-age={left}, private, no-transform, must-revalidate",
            "Last-Modified": _http_date(given.made),
            "Expires": _http_date(given.until),
        }
    return Response(given.der, media_type=ocsp.CONTENT_TYPE_ANSWER, headers=headers)


def _http_date(moment: datetime) -> str:
    return format_datetime(moment, usegmt=True)


async def _authorities(jpki: Jpki, _request: Request) -> Response:
    return Response(jpki.generations.pem(), media_type="application/pem-certificate-chain")


async def _list(jpki: Jpki, request: Request) -> Response:
    async with jpki.database.acquire() as connection:
        found = await list_store.find(connection, request.path_params["name"])
    if found is None:
        return objected(Objection.NOT_FOUND)
    headers = {
        "Cache-Control": "private, no-cache",
        "ETag": f'"{found.number}"',
        "Last-Modified": _http_date(found.issued_at),
        "Expires": _http_date(found.next_update),
    }
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    return Response(found.der, media_type=LIST_TYPE, headers=headers)


async def _body(request: Request) -> bytes:
    return await read_body(request, words.BODY_LIMIT)


async def _linkage(jpki: Jpki, request: Request) -> Response:
    asked = decode_json(await _body(request), words.SerialWords)
    return _json(words.linkage_words(await linkage(jpki, asked.kind, words.read_serial(asked.serial))))


async def _changes(jpki: Jpki, request: Request) -> Response:
    return _json(words.DoneWords(await resident_changed(jpki, words.read_changes(await _body(request)))))


async def _issue(jpki: Jpki, request: Request) -> Response:
    application = words.read_application(await _body(request))
    return _json(words.certificate_words(await counter.issue(jpki, application)))


async def _revoke(jpki: Jpki, request: Request) -> Response:
    async def act(kind: Kind, serial: int, asked: words.SerialWords) -> Kept:
        return await counter.revoke(jpki, kind, serial, asked.reason)

    return await _changed(request, act)


async def _suspend(jpki: Jpki, request: Request) -> Response:
    async def act(kind: Kind, serial: int, _asked: words.SerialWords) -> Kept:
        return await counter.suspend(jpki, kind, serial)

    return await _changed(request, act)


async def _resume(jpki: Jpki, request: Request) -> Response:
    async def act(kind: Kind, serial: int, _asked: words.SerialWords) -> Kept:
        return await counter.resume(jpki, kind, serial)

    return await _changed(request, act)


async def _changed(request: Request, act: Callable[[Kind, int, words.SerialWords], Awaitable[Kept]]) -> Response:
    asked = decode_json(await _body(request), words.SerialWords)
    return _json(words.certificate_words(await act(asked.kind, words.read_serial(asked.serial), asked)))


async def _certificates(jpki: Jpki, request: Request) -> Response:
    found = await counter.certificates(jpki, words.read_holder(await _body(request)))
    return _json(words.CertificatesWords(tuple(map(words.certificate_words, found))))


async def _publish(jpki: Jpki, _request: Request) -> Response:
    return _json(words.DoneWords(await publish_due(jpki, at_once=True)))


async def _status(jpki: Jpki, _request: Request) -> Response:
    async with jpki.database.acquire() as connection:
        counts = await jpki_store.count(connection)
        lists = await list_store.every(connection)
    states: dict[str, dict[str, int]] = {kind.value: {} for kind in Kind}
    for (kind, state), many in sorted(counts.items()):
        states[kind.value][state] = many
    generations = {kind.value: sum(one.kind is kind for one in jpki.generations.every()) for kind in Kind}
    told = [
        words.ListWords(kind, place, one.name, one.number, one.issued_at, one.next_update) for kind, place, one in lists
    ]
    return _json(words.StatusWords(states, generations, tuple(told)))
