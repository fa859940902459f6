"""A small site with pages of its own, asked as a browser asks: no network between, a real database under it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from nakadachi.kit.clock import FixedClock
from nakadachi.kit.database import Database
from nakadachi.kit.entropy import SeededEntropy
from nakadachi.kit.migrations import migrate
from nakadachi.kit.web import operation_store, operator, staff
from nakadachi.kit.web.ground import About, Bound
from nakadachi.kit.web.listing import Listing
from nakadachi.kit.web.pages import Act, Done, Invalid, Page, Refused, View, Visit
from nakadachi.kit.web.people import Entrance
from nakadachi.kit.web.session import Stage
from nakadachi.kit.web.site import Site
from nakadachi.kit.web.staff import PagesConfig, Staff
from nakadachi.kit.web.text import Text
from nakadachi.terms import NodeName

NOON = datetime(2026, 11, 29, 3, 0, tzinfo=UTC)
ORIGIN = "http://localhost:7480"
ROLES = {"reader": Text("閲覧者", "Reader"), "keeper": Text("管理者", "Keeper")}
STAFF = Staff(ROLES, administrators=frozenset({"keeper"}), auditors=frozenset({"keeper"}))
READER = frozenset({"reader"})
CONFIG = PagesConfig("127.0.0.1:7480", ORIGIN)


@dataclass
class Drawer:
    """The parts of the small site: what lies in it, and what is shown of it."""

    secret: str = "seven letters of the council"
    template: str = "letters.html"


async def _letters(drawer: Drawer, visit: Visit) -> View:
    return View({"secret": drawer.secret, "asked": visit.query.get("q", "")}, "letter 7", template=drawer.template)


async def _list(_drawer: Drawer, _visit: Visit) -> Listing:
    return Listing(Text("手紙", "Letters"), [Text("題", "Title")], [("=1+1",), ("plain",)], Text("なし", "None"))


async def _note(connection: Any, _drawer: Drawer, visit: Visit) -> Done | Refused:
    """Keeps a key, whatever comes of it: whether it is still there afterwards tells what became of the transaction."""
    await connection.execute(
        "INSERT INTO page_key VALUES ($1, 'nobody', 'x', $1, 0, now())", visit.form["how"].encode()
    )
    if visit.form["how"] == "invalid":
        raise Invalid(how=Text("直してください", "mend this"))
    if visit.form["how"] == "refused":
        return Refused({"": Text("できません", "cannot be done")}, "tried")
    return Done("/letters", "noted")


LETTERS = Page(
    "letters", "/letters", Text("手紙", "Letters"), _letters, "letters.html", READER,
    {"note": Act(_note, Text("記しました", "Noted"))}, export=_list, menu=True,
)  # fmt: skip
LIVE = Page("live", "/letters/live", Text("今", "Now"), _letters, "letters.html", READER, live=True)


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: list[tuple[str, str]]
    body: str

    def header(self, name: str) -> str:
        return next((value for key, value in self.headers if key == name), "")

    @property
    def cookies(self) -> dict[str, str]:
        lines = [value for key, value in self.headers if key == "set-cookie"]
        return {line.split("=", 1)[0]: line.split("=", 1)[1].split(";")[0] for line in lines}

    @property
    def token(self) -> str:
        found = re.search(r'name="csrf" value="([^"]+)"', self.body)
        return found[1] if found else ""


@dataclass
class Asked:
    """The site, and one browser's cookies."""

    site: Site
    people: Entrance
    clock: FixedClock
    drawer: Drawer
    cookies: dict[str, str] = field(default_factory=dict)

    async def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> Answer:
        """One request; the browser keeps what it is given."""
        path, _, query = path.partition("?")
        given = {"host": "localhost:7480"} | {name.replace("_", "-"): value for name, value in headers.items()}
        if self.cookies:
            given["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http",
            "path": path, "raw_path": path.encode(), "query_string": query.encode(), "root_path": "",
            "headers": [(name.encode(), value.encode("latin-1")) for name, value in given.items()],
            "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 7480),
        }  # fmt: skip
        sent: list[Any] = []

        async def receive() -> Mapping[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        await self.site.application()(scope, receive, send)
        headers_sent = [(name.decode(), value.decode("latin-1")) for name, value in sent[0]["headers"]]
        content = b"".join(one.get("body", b"") for one in sent[1:])
        answer = Answer(sent[0]["status"], headers_sent, content.decode())
        self.cookies |= answer.cookies
        return answer

    async def get(self, path: str, **headers: str) -> Answer:
        return await self.ask("GET", path, **headers)

    async def post(self, path: str, fields: Mapping[str, str], **headers: str) -> Answer:
        """A form as a page of this site sends it, unless the headers say otherwise."""
        own = {"content-type": "application/x-www-form-urlencoded", "sec-fetch-site": "same-origin", "origin": ORIGIN}
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.ask("POST", path, urlencode(fields).encode(), **(own | told))

    async def come_in(self, name: str, role: str, stage: Stage = Stage.IN) -> None:
        """A user of that role stands inside, without the way there."""
        async with self.people.database.acquire() as connection:
            if not await connection.fetchval("SELECT 1 FROM page_user WHERE name = $1", name):
                await operator.add(self.people, name, role)
        async with self.people.database.transaction() as connection:
            cookie = await self.people.sessions.begin(connection, name, stage, "")
        self.cookies["__Host-drawer"] = cookie

    async def log(self) -> list[tuple[str, str, str, str]]:
        """The operation log, the operator's own rows apart: who, what, on which page, about what."""
        async with self.people.database.acquire() as connection:
            rows = await operation_store.after(connection, 0, most=1000)
        of = [one.operation for one in rows if one.operation.name != "(operator)"]
        return [(one.name, one.action.value, one.page, one.about) for one in of]


@asynccontextmanager
async def asked(dsn: str, folder: Path, *more: Page[Any], config: PagesConfig = CONFIG) -> AsyncIterator[Asked]:
    templates = folder / "templates"
    templates.mkdir()
    page = '{% extends "layout.html" %}{% block content %}<h1>x</h1><p>{{ secret }}</p><p>{{ asked }}</p>{% endblock %}'
    (templates / "letters.html").write_text(page)
    (templates / "wants.html").write_text('{% extends "layout.html" %}{% block content %}{{ lacking }}{% endblock %}')
    about = About("drawer", Text("引き出し", "Drawer"), templates, ROLES)
    clock, drawer = FixedClock(NOON), Drawer()
    database = await Database.open(dsn, max_size=4)
    try:
        await migrate(database, staff.migrations())
        node = NodeName("commission:9910000000000002")
        foundation = staff.Foundation(node, database, clock, SeededEntropy(7))
        own = [Bound(one, drawer) for one in (LETTERS, LIVE, *more)]
        site = staff.site(about, STAFF, foundation, config, own)
        yield Asked(site, staff.people(about, foundation, config), clock, drawer)
    finally:
        await database.close()
