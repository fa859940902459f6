"""What a site stands on, and what passes between it and a browser: cookie, language, form. It knows no page.

`__Host-` cookies go only over TLS (or stay on this machine), to this host alone, and no script reads them.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from nakadachi.kit.web import csrf, door, messages
from nakadachi.kit.web.pages import Page
from nakadachi.kit.web.text import Language, Text, read_language
from nakadachi.refusal import Refusal

if TYPE_CHECKING:
    from pathlib import Path

    from nakadachi.kit.clock import Clock
    from nakadachi.kit.database import Database
    from nakadachi.kit.web.session import Sessions
    from nakadachi.terms import NodeName

FORM_LIMIT = 64 * 1024
LANGUAGE_COOKIE = "__Host-language"
LANGUAGE_SECONDS = 400 * 86400
_COOKIE = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True)
class Ground:
    """What a site stands on: whose it is, its database, its clock, its sessions, and how browsers address it."""

    node: NodeName
    database: Database
    clock: Clock
    sessions: Sessions
    origin: str

    @property
    def host(self) -> str:
        """What browsers name in `Host`."""
        return urlsplit(self.origin).netloc

    @property
    def secure(self) -> bool:
        """Whether it is reached over TLS; else from this machine alone."""
        return self.origin.startswith("https:")


@dataclass(frozen=True, slots=True)
class About:
    """What a site is called, what its cookie is named for, where its templates lie, and what its roles are called."""

    short: str
    title: Text
    templates: Path
    roles: Mapping[str, Text]


@dataclass(frozen=True, slots=True)
class Bound:
    """A page with the parts that its functions get."""

    page: Page[Any]
    parts: Any


class Browsers:
    """What comes from the browsers of one site, and what they are given to keep."""

    def __init__(self, short: str, origin: str) -> None:
        self._cookie = f"__Host-{short}"
        self._origin = origin

    def cookie_of(self, request: Request) -> str:
        """The browser's cookie, as far as it is one that we could have given."""
        said = request.cookies.get(self._cookie, "")
        return said if _COOKIE.fullmatch(said) else ""

    def give(self, response: Response, cookie: str) -> None:
        """The browser keeps this cookie until it is closed; "" takes it away."""
        _set(response, self._cookie, cookie, None if cookie else 0)

    @staticmethod
    def give_language(response: Response, language: Language) -> None:
        """The browser keeps this choice."""
        _set(response, LANGUAGE_COOKIE, language.value, LANGUAGE_SECONDS)

    @staticmethod
    def language_of(request: Request) -> Language:
        """The choice it kept; Japanese where there is none."""
        return read_language(request.cookies.get(LANGUAGE_COOKIE))

    async def form(self, request: Request) -> dict[str, str]:
        """The fields of a form that a page of ours sent, each once. Raises Message."""
        if not csrf.own_page(request.headers, self._origin):
            raise messages.NOT_OURS
        try:
            async with asyncio.timeout(door.BODY_SECONDS):
                raw = await door.read_body(request, FORM_LIMIT)
            form = single(raw.decode())
        except (Refusal, TimeoutError, ClientDisconnect, ValueError):
            raise messages.BAD_FORM from None
        if not csrf.same_form(self.cookie_of(request), form.pop(csrf.FIELD, "")):
            raise messages.NOT_OURS
        return form


def _set(response: Response, name: str, value: str, seconds: int | None) -> None:
    response.set_cookie(name, value, max_age=seconds, path="/", secure=True, httponly=True, samesite="lax")


def with_query(path: str, query: Mapping[str, str]) -> str:
    """The address of a page as it was asked for, without what was said once."""
    kept = {name: value for name, value in query.items() if name != "told"}
    return f"{path}?{urlencode(kept)}" if kept else path


def single(encoded: str) -> dict[str, str]:
    """Fields that came once. Raises ValueError where there are too many or one is no text."""
    if "%00" in encoded:
        raise ValueError("a text with a zero byte")
    pairs = parse_qsl(encoded, keep_blank_values=True, max_num_fields=64, errors="strict")
    names = [name for name, _ in pairs]
    return {name: value for name, value in pairs if names.count(name) == 1}
