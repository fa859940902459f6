"""What an outsider needs to check the core's logs: cosigned heads, tiles, bundles of entries (C2SP tlog-tiles), proofs.

A log stands below `/log/<origin>/`, its origin as it is, each part percent-encoded.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from nakadachi.core import store
from nakadachi.kit.web.door import problem, read_body
from nakadachi.ledger import log_store
from nakadachi.ledger.proofs import MOST_ASKED_BYTES, answer_consistency
from nakadachi.ledger.tiles import read_file, read_tile_path
from nakadachi.refusal import Refusal

if TYPE_CHECKING:
    from starlette.requests import Request

    from nakadachi.core.parts import Core
    from nakadachi.kit.database import Database

FOR_EVER = {"Cache-Control": "public, max-age=604800, immutable"}
"""A tile of one width never changes, nor does a bundle."""
NOT_LONG = {"Cache-Control": "no-cache"}


@dataclass(frozen=True, slots=True)
class _Logs:
    """The core's logs as an outsider may see them; those that a restore closed, too."""

    core: Core
    database: Database

    async def checkpoint(self, request: Request) -> Response:
        """The newest head that the Commission cosigned; where there is none yet, the newest that the log signed."""
        note = await self._head(request.path_params["origin"])
        return _nothing() if note is None else PlainTextResponse(note, headers=NOT_LONG)

    async def _head(self, origin: str) -> str | None:
        own = self.core.log
        if origin == own.origin:
            return self.core.head[0] or own.checkpoint
        async with self.database.acquire() as connection:
            kept = await store.newest_cosigned(connection, origin)
        if kept is not None:
            return kept[1]
        if (other := self.core.others.get(origin)) is None:
            return None
        await other.log.follow()
        return other.log.checkpoint or None

    async def tile(self, request: Request) -> Response:
        """A tile or a bundle, whole or of the width that is asked for; 404 beyond the tree."""
        path = read_tile_path(request.path_params["place"])
        if path is None:
            return _nothing()
        async with self.database.acquire() as connection:
            file = await read_file(connection, request.path_params["origin"], path)
        if file is None:
            return _nothing()
        return Response(file, media_type="application/octet-stream", headers=FOR_EVER)

    async def origins(self, _request: Request) -> Response:
        async with self.database.acquire() as connection:
            kept = await log_store.origins(connection)
        names = sorted({self.core.log.origin, *self.core.others, *kept})
        return PlainTextResponse("".join(f"{origin}\n" for origin in names), headers=NOT_LONG)

    async def consistency(self, request: Request) -> Response:
        try:
            asked = await read_body(request, MOST_ASKED_BYTES)
            async with self.database.acquire() as connection:
                return PlainTextResponse(await answer_consistency(connection, asked))
        except Refusal as refusal:
            return problem(refusal)


def log_routes(core: Core, database: Database) -> list[Route]:
    """`/log/<origin>/checkpoint`, `/log/<origin>/tile/…`, `/log/origins`, and `/log/consistency`."""
    logs = _Logs(core, database)
    return [
        Route("/log/origins", logs.origins),
        Route("/log/consistency", logs.consistency, methods=["POST"]),
        Route("/log/{origin:path}/checkpoint", logs.checkpoint),
        Route("/log/{origin:path}/tile/{place:path}", logs.tile),
    ]


def _nothing() -> Response:
    return PlainTextResponse("there is no such log here, or it has not grown so far\n", 404, headers=NOT_LONG)
