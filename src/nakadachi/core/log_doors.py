"""What an outsider needs to check the core's logs: newest cosigned heads, all entries (hex, one a line), proofs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from nakadachi.core import store
from nakadachi.kit.web.door import problem, read_body
from nakadachi.ledger.proofs import MOST_ASKED_BYTES, answer_consistency
from nakadachi.refusal import Refusal

if TYPE_CHECKING:
    from starlette.requests import Request

    from nakadachi.core.parts import Core
    from nakadachi.kit.database import Database
    from nakadachi.ledger.log import Log


@dataclass(frozen=True, slots=True)
class _Logs:
    """The core's logs as an outsider may see them."""

    core: Core
    database: Database

    def asked(self, request: Request) -> Log | None:
        """The log that `?origin=` names; without it that of the instance that is asked."""
        own = self.core.log
        origin = request.query_params.get("origin", own.origin)
        other = self.core.others.get(origin)
        return other.log if other else own if origin == own.origin else None

    async def checkpoint(self, request: Request) -> Response:
        log = self.asked(request)
        if log is None:
            return _unknown()
        if log is self.core.log:
            return PlainTextResponse(self.core.head[0] or log.checkpoint)
        async with self.database.acquire() as connection:
            kept = await store.newest_cosigned(connection, log.origin)
        if kept is None:
            await log.follow()
        return PlainTextResponse(kept[1] if kept else log.checkpoint)

    async def entries(self, request: Request) -> Response:
        log = self.asked(request)
        if log is None:
            return _unknown()
        return PlainTextResponse("".join(f"{entry.hex()}\n" for entry in await log.entries()))

    async def origins(self, _request: Request) -> Response:
        names = sorted((self.core.log.origin, *self.core.others))
        return PlainTextResponse("".join(f"{origin}\n" for origin in names))

    async def consistency(self, request: Request) -> Response:
        try:
            asked = await read_body(request, MOST_ASKED_BYTES)
            async with self.database.acquire() as connection:
                return PlainTextResponse(await answer_consistency(connection, asked))
        except Refusal as refusal:
            return problem(refusal)


def log_routes(core: Core, database: Database) -> list[Route]:
    """`/log/checkpoint` and `/log/entries`, `/log/origins`, and `/log/consistency`.

    `?origin=` names one of several logs of this core; without it, it is the log of the instance that is asked.
    """
    logs = _Logs(core, database)
    return [
        Route("/log/checkpoint", logs.checkpoint),
        Route("/log/entries", logs.entries),
        Route("/log/origins", logs.origins),
        Route("/log/consistency", logs.consistency, methods=["POST"]),
    ]


def _unknown() -> Response:
    return PlainTextResponse("this core has no log of that name\n", 404)
