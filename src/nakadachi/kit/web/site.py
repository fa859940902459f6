"""The one path of every request for a page: (1) to us, (2) by whom, (3) whether they may, (4) the view or the act, (5)
its row in the operation log, (6) the answer. What a page is, `pages` says; this is what all have in common.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from nakadachi.kit.database import DatabaseAway
from nakadachi.kit.log import logger
from nakadachi.kit.web import csrf, messages, operations
from nakadachi.kit.web.ground import About, Bound, Browsers, Ground, single, with_query
from nakadachi.kit.web.listing import to_csv
from nakadachi.kit.web.login import TooMany
from nakadachi.kit.web.messages import Message
from nakadachi.kit.web.operations import Action, Operation
from nakadachi.kit.web.pages import Act, Done, Invalid, Page, Refused, View, Visit, local_path, may
from nakadachi.kit.web.render import HEADERS, KEPT, NEVER_KEPT, ONLY_TLS, Renderer
from nakadachi.kit.web.text import Text, read_language

if TYPE_CHECKING:
    from nakadachi.kit.web.session import Session


class Site:
    """The pages of one system."""

    def __init__(self, about: About, ground: Ground, pages: Sequence[Bound]) -> None:
        """Raises ValueError where a page is open to nobody, or two have one path: a page says who may see it."""
        paths = [one.page.path for one in pages]
        shut = [one.page.name for one in pages if not one.page.seen_by]
        if shut or len(set(paths)) != len(paths):
            raise ValueError(f"pages without seen_by: {shut}; paths: {sorted(paths)}")
        self._about = about
        self._ground = ground
        self._pages = pages
        self._renderer = Renderer(about.templates)
        self._browsers = Browsers(about.short, ground.origin)
        self._told = {
            f"{one.page.name}.{name}": act.told
            for one in pages
            for name, act in one.page.acts.items()
            if act.told is not None
        } | messages.TOLD

    def application(self) -> Starlette:
        """Its HTTP application."""
        routes = [Route("/static/{name}", self._static, methods=["GET"])]
        for one in self._pages:
            routes += self._routes(one)
        routes.append(Route("/", self._answering(self._home), methods=["GET"]))
        routes.append(Route("/language", self._answering(self._switch_language), methods=["POST"]))
        routes.append(Route("/{rest:path}", self._answering(self._no_page), methods=["GET", "POST"]))
        return Starlette(routes=routes)

    def _routes(self, one: Bound) -> list[Route]:
        page = one.page
        made = [Route(page.path, self._answering(lambda request: self._get(one, request)), methods=["GET"])]
        for name, act in page.acts.items():
            path = f"{page.path}/{name}" if name else page.path
            made.append(Route(path, self._answering(self._poster(one, name, act)), methods=["POST"]))
        if page.export is not None:
            path = f"{page.path}.csv"
            made.append(Route(path, self._answering(lambda request: self._export(one, request)), methods=["GET"]))
        return made

    def _answering(self, work: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
        """Whatever happens, an answer of ours with the headers of all."""

        async def answer(request: Request) -> Response:
            try:
                self._to_us(request)
                response = await work(request)
            except Message as message:
                response = self._show_message(request, message)
            except (DatabaseAway, TooMany):
                response = self._show_message(request, messages.AWAY)
            except Exception:  # noqa: BLE001  a fault of ours; the person is told so, the log has the place
                logger().exception("page.failed", node=self._ground.node.value)
                response = self._show_message(request, messages.FAULT)
            response.headers.update(HEADERS)
            if self._ground.secure:
                response.headers.update(ONLY_TLS)
            response.headers.setdefault("cache-control", NEVER_KEPT["cache-control"])
            return response

        return answer

    # (1) to us

    def _to_us(self, request: Request) -> None:
        """A name that is not ours leads here when somebody bends a name to this machine."""
        if request.headers.get("host") != self._ground.host:
            raise messages.elsewhere(self._ground.origin)

    # (2) by whom, (3) whether they may

    async def _visit(self, request: Request, page: Page[Any], allowed: frozenset[str]) -> Visit:
        cookie = self._browsers.cookie_of(request)
        user = None
        if cookie:
            async with self._ground.database.acquire() as connection:
                user = await self._ground.sessions.find(connection, cookie, touch=not page.live)
        if not may(allowed, user):
            await self._turn_away(request, page, user)
        return Visit(
            language=self._browsers.language_of(request),
            user=user,
            path={name: str(value) for name, value in request.path_params.items()},
            query=_query(request),
            cookie=cookie or self._ground.sessions.fresh(),
        )

    async def _turn_away(self, request: Request, page: Page[Any], user: Session | None) -> None:
        if page.live:
            raise messages.LIVE_ENDED
        if user is None or user.stage.value != "in":
            query = f"?{request.url.query}" if request.url.query else ""
            target = request.url.path + query if request.method == "GET" else "/"
            raise messages.Leads(
                f"/login?to={quote(target)}" + ("&told=expired" if self._browsers.cookie_of(request) else "")
            )
        await self._record(Action.DENIED, page, Visit(self._browsers.language_of(request), user), "")
        raise messages.DENIED

    # (4) the view or the act, (5) its row, (6) the answer

    async def _get(self, one: Bound, request: Request) -> Response:
        page = one.page
        visit = await self._visit(request, page, page.seen_by)
        view = await self._seen(one, visit)
        return self._show(page, visit, view, self._told.get(visit.query.get("told", "")))

    async def _seen(self, one: Bound, visit: Visit) -> View:
        """What the page has to show, with its row in the log: there is no other way to it."""
        view = await one.page.view(one.parts, visit)
        if one.page.logged and not one.page.live and visit.user is not None:
            await self._record(Action.VIEW, one.page, visit, view.about)
        return view

    async def _export(self, one: Bound, request: Request) -> Response:
        page = one.page
        visit = await self._visit(request, page, page.seen_by)
        if page.export is None:
            raise messages.NO_PAGE
        listing = await page.export(one.parts, visit)
        about = f"{listing.count} rows {request.url.query}".strip()
        await self._record(Action.EXPORT, page, visit, about)
        headers = {"content-disposition": f'attachment; filename="{page.name}.csv"'}
        return Response(to_csv(listing, visit.language), media_type="text/csv; charset=utf-8", headers=headers)

    def _poster(self, one: Bound, name: str, act: Act[Any]) -> Callable[[Request], Awaitable[Response]]:
        page = one.page

        async def post(request: Request) -> Response:
            form = await self._browsers.form(request)
            visit = replace(await self._visit(request, page, act.allowed or page.seen_by), form=form)
            try:
                if act.before is not None:
                    visit = replace(visit, prepared=await act.before(one.parts, visit))
                async with self._ground.database.transaction() as connection:
                    came = await act.do(connection, one.parts, visit)
                    if came.logged:
                        await operations.keep(connection, self._operation(page, visit, came, name))
            except Invalid as invalid:
                return await self._again(one, visit, invalid.errors)
            if isinstance(came, Refused):
                return await self._again(one, visit, came.errors)
            return self._finish(page, visit, came, f"{page.name}.{name}")

        return post

    async def _again(self, one: Bound, visit: Visit, errors: Mapping[str, Text]) -> Response:
        """The page once more, with what was typed and what to mend."""
        visit = replace(visit, errors=errors)
        view = await self._seen(one, visit)
        return self._show(one.page, visit, replace(view, status=HTTPStatus.UNPROCESSABLE_ENTITY), None)

    def _finish(self, page: Page[Any], visit: Visit, done: Done, told: str) -> Response:
        if done.view is not None:
            return self._show(page, visit, done.view, self._told.get(told))
        joint = "&" if "?" in done.to else "?"
        to = f"{done.to}{joint}told={quote(told)}" if told in self._told else done.to
        response = RedirectResponse(to, status_code=HTTPStatus.SEE_OTHER)
        if done.cookie is not None:
            self._browsers.give(response, done.cookie)
        return response

    def _show(self, page: Page[Any], visit: Visit, view: View, told: Text | None) -> Response:
        menu = [one.page for one in self._pages if one.page.menu and may(one.page.seen_by, visit.user)]
        here = page.path.format(**visit.path)
        words = {
            "site": self._about, "page": page, "menu": menu, "user": visit.user, "told": told,
            "csrf": csrf.form_token(visit.cookie), "here": here, "back": with_query(here, visit.query),
            "errors": visit.errors, "form": visit.form, "query": visit.query,
            "role": self._about.roles.get(visit.user.role) if visit.user else None,
        }  # fmt: skip
        shown = self._renderer.page(view.template or page.template, visit.language, words | dict(view.words))
        response = Response(shown, view.status, media_type="text/html; charset=utf-8")
        self._browsers.give(response, visit.cookie)
        return response

    def _show_message(self, request: Request, message: Message) -> Response:
        if message.leads_to:
            return RedirectResponse(message.leads_to, status_code=HTTPStatus.SEE_OTHER)
        language = self._browsers.language_of(request)
        words = {
            "site": self._about,
            "message": message,
            "menu": (),
            "user": None,
            "told": None,
            "csrf": "",
            "page": None,
        }
        shown = self._renderer.page(
            "message.html", language, words | {"errors": {}, "form": {}, "query": {}, "role": None}
        )
        return Response(shown, message.status, dict(message.headers), media_type="text/html; charset=utf-8")

    async def _record(self, action: Action, page: Page[Any], visit: Visit, about: str) -> None:
        """One row, committed before the answer goes out; where it cannot be kept, nothing is shown."""
        came = Done(about=about, action=action)
        async with self._ground.database.transaction() as connection:
            await operations.keep(connection, self._operation(page, visit, came, ""))

    def _operation(self, page: Page[Any], visit: Visit, came: Done | Refused, act: str) -> Operation:
        name, role = came.who or ((visit.user.name, visit.user.role) if visit.user else ("", ""))
        where = f"{page.name}/{act}" if act else page.name
        session = visit.user.short if visit.user else ""
        return Operation(self._ground.clock.now(), name, role, session, came.action, where, came.about)

    # What belongs to no page

    async def _switch_language(self, request: Request) -> Response:
        form = await self._browsers.form(request)
        response = RedirectResponse(local_path(form.get("back", "/")), status_code=HTTPStatus.SEE_OTHER)
        self._browsers.give_language(response, read_language(form.get("language")))
        return response

    async def _home(self, request: Request) -> Response:
        """To the first page that whoever comes may see."""
        cookie = self._browsers.cookie_of(request)
        async with self._ground.database.acquire() as connection:
            user = await self._ground.sessions.find(connection, cookie)
        seen = [one.page for one in self._pages if one.page.menu and may(one.page.seen_by, user)]
        query = f"?{request.url.query}" if request.url.query else ""
        return RedirectResponse((seen[0].path if seen else "/login") + query, status_code=HTTPStatus.SEE_OTHER)

    async def _no_page(self, _request: Request) -> Response:
        raise messages.NO_PAGE

    async def _static(self, request: Request) -> Response:
        file = self._renderer.files.get(request.path_params["name"])
        if file is None:
            return Response(status_code=404, headers=HEADERS)
        return Response(file.content, media_type=file.media, headers=HEADERS | KEPT)


def _query(request: Request) -> dict[str, str]:
    """What the address asks for; nothing where it is no text. A page needs none to be shown."""
    try:
        return single(request.url.query)
    except ValueError:
        return {}
