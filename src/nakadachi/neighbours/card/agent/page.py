"""エージェント自身の画面 `/a/<secret>/`: where the person confirms a page and enters a PIN; it needs no script."""

from __future__ import annotations

import hmac
import unicodedata
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from nakadachi.neighbours.card.agent.doors import body_of
from nakadachi.neighbours.card.agent.guard import OWN
from nakadachi.neighbours.card.agent.parts import Agent, fulfil, secret_of
from nakadachi.neighbours.card.agent.sessions import Away, Kind, State, Why
from nakadachi.neighbours.card.pin import Secret
from nakadachi.neighbours.card.texts import CardError, tries_english, tries_japanese

_HERE = Path(__file__).parent
_SHOWN_CHARACTERS = 20_000


@dataclass(frozen=True, slots=True)
class Told:
    """お知らせ: what came of the last step; `bad` where it did not work."""

    japanese: str
    english: str
    bad: bool = False
    reference: str = ""


_KINDS = {
    Kind.AUTHENTICATE: ("このサイトにログインする", "Sign in to this site"),
    Kind.READ_SIGNATURE_CERTIFICATE: (
        "署名用電子証明書（氏名・住所・生年月日・性別を含む）をこのサイトに渡す",
        "Give this site the signature certificate (it holds your name, address, date of birth and sex)",
    ),
    Kind.SIGN_DOCUMENT: ("文書に電子署名する", "Sign a document"),
}


class Page:
    """The page of one agent."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self._base = f"{OWN}{agent.doors.secret}/"
        self._told: Told | None = None
        environment = Environment(
            loader=FileSystemLoader(_HERE / "templates"), autoescape=True, undefined=StrictUndefined
        )
        self._template = environment.get_template("agent.html")

    def routes(self) -> list[BaseRoute]:
        """Every path of the page."""
        posts: dict[str, Callable[[dict[str, str], Request], Awaitable[Told]]] = {
            "confirm": self._confirm,
            "refuse": self._refuse,
            "end": self._end,
            "orders/{name}": self._decide,
        }
        return [
            Route(self._base, self._show, methods=["GET"]),
            Route(f"{self._base}style.css", lambda _: FileResponse(_HERE / "static" / "agent.css"), methods=["GET"]),
            Route(f"{self._base}agent.js", lambda _: FileResponse(_HERE / "static" / "agent.js"), methods=["GET"]),
            Route(f"{self._base}waiting", self._waiting, methods=["GET"]),
            *(Route(self._base + path, self._posted(work), methods=["POST"]) for path, work in posts.items()),
        ]

    async def _show(self, _: Request) -> Response:
        agent = self._agent
        agent.watch()
        tries: dict[Secret, int | None] = {}
        absent = ""
        try:
            tries = await agent.tries()
        except CardError as wrong:
            absent = f"{wrong.trouble.japanese}。{wrong.trouble.next_japanese}。"
        told, self._told = self._told, None
        shown = self._template.render(
            base=self._base,
            token=agent.form_token,
            told=told,
            absent=absent,
            tries=tries,
            waiting=agent.sessions.list(State.WAITING),
            active=agent.sessions.list(State.ACTIVE),
            orders=self._orders(tries),
            mark=self._mark(),
        )
        return HTMLResponse(shown)

    def _orders(self, tries: dict[Secret, int | None]) -> list[dict[str, object]]:
        found: list[dict[str, object]] = []
        for session in self._agent.sessions.list(State.ACTIVE):
            for order in session.orders.values():
                if order.state is State.WAITING:
                    secret = secret_of(order.kind)
                    text = order.document
                    found.append(
                        {
                            "name": order.name,
                            "origin": session.origin,
                            "words": _KINDS[order.kind],
                            "title": order.title,
                            "document": text if text is None else text[:_SHOWN_CHARACTERS],
                            "cut": text is not None and len(text) > _SHOWN_CHARACTERS,
                            "digest": order.digest.hex(),
                            "rule": secret.rule,
                            "is_pin": secret is not Secret.SIGNATURE,
                            "left": tries.get(secret),
                        }
                    )
        return found

    def _mark(self) -> str:
        """What waits for the person, as a text that changes when it does; no secret."""
        sessions = self._agent.sessions
        orders = [
            one.name
            for each in sessions.list(State.ACTIVE)
            for one in each.orders.values()
            if one.state is State.WAITING
        ]
        return "-".join(
            [
                *(one.name for one in sessions.list(State.WAITING)),
                "+",
                *orders,
                "+",
                *(one.name for one in sessions.list(State.ACTIVE)),
            ]
        )

    async def _waiting(self, _: Request) -> Response:
        """For the page's own script: whether there is something new to look at."""
        self._agent.watch()
        return Response(self._mark(), media_type="text/plain")

    def _posted(
        self, work: Callable[[dict[str, str], Request], Awaitable[Told]]
    ) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            self._agent.watch()
            try:
                fields = read_form(await body_of(request))
                if not hmac.compare_digest(fields.get("token", "").encode(), self._agent.form_token.encode()):
                    raise Away(403, "画面を開き直してください", "open this page again")
                self._told = await work(fields, request)
            except Away as away:
                self._told = Told(away.japanese, away.english, bad=True)
            except CardError as wrong:
                trouble = wrong.trouble
                self._told = Told(
                    f"{trouble.japanese}{tries_japanese(wrong.left)}。{trouble.next_japanese}。",
                    f"{trouble.english}{tries_english(wrong.left)}. {trouble.next_english}.",
                    bad=True,
                    reference=trouble.reference,
                )
            return RedirectResponse(self._base, status_code=303)

        return answer

    async def _confirm(self, fields: dict[str, str], _: Request) -> Told:
        session = self._agent.sessions.confirm(_plain(fields.get("check", "")))
        if session is None:
            return Told(
                "確認番号が違うため、待っていた接続をすべて断りました。サイトの画面からやり直してください。",
                "The check number was wrong: every session that waited was refused. Begin again on the site.",
                bad=True,
            )
        return Told(f"{session.origin} の接続を許可しました。", f"{session.origin} may use the card.")

    async def _refuse(self, _fields: dict[str, str], _: Request) -> Told:
        self._agent.sessions.refuse_waiting()
        return Told("接続を断りました。", "The sessions were refused.")

    async def _end(self, _fields: dict[str, str], _: Request) -> Told:
        self._agent.sessions.end_all(Why.STOPPED)
        return Told("すべての接続を終えました。", "All sessions have ended.")

    async def _decide(self, fields: dict[str, str], request: Request) -> Told:
        session, order = self._agent.sessions.waiting_order(request.path_params["name"])
        if fields.get("decision") != "allow":
            order.state, order.why = State.FAILED, Why.REFUSED
            return Told("依頼を断りました。", "The request was refused.")
        await fulfil(self._agent, session, order, _plain(fields.get("secret", "")))
        return Told("行いました。サイトの画面に戻ってください。", "Done. Go back to the site.")


def read_form(raw: bytes) -> dict[str, str]:
    """The fields of a form (application/x-www-form-urlencoded), each once. Raises Away."""
    try:
        fields = parse_qs(raw.decode(), keep_blank_values=True, strict_parsing=True, max_num_fields=8, errors="strict")
    except ValueError:
        raise Away(400, "画面を開き直してください", "open this page again") from None
    return {name: values[0] for name, values in fields.items() if len(values) == 1}


def _plain(text: str) -> str:
    """What a person typed, as a card takes it: full width and lower case are no reason to lose a try."""
    return unicodedata.normalize("NFKC", text).strip().upper()
