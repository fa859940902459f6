"""What the Commission's operators ask at its door: whose trails came how far, and what does not agree (A1, A2).

Only the Commission's own certificate opens it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from nakadachi.commission import reconciliation_store, trail, trail_store
from nakadachi.commission.evidence import side_of
from nakadachi.kit.web.door import peer_of, problem, read_body
from nakadachi.refusal import Reason, Refusal
from nakadachi.terms import NodeName, Role, Serial

if TYPE_CHECKING:
    from starlette.requests import Request

    from nakadachi.commission.evidence import Seen
    from nakadachi.commission.parts import Commission
    from nakadachi.commission.reconciliation_store import Judged
    from nakadachi.kit.server import System

ORDER_BYTES = 4096
MOST_SHOWN = 200


class _Wanted(msgspec.Struct, forbid_unknown_fields=True):
    """Whose trail is wanted, and from which number on: JSON."""

    author: NodeName
    first: int


@dataclass(frozen=True, slots=True)
class _Doors:
    """The Commission as those see it who operate it."""

    system: System[Commission]

    def admit(self, request: Request) -> None:
        """Let the Commission's own operators pass. Raises Refusal(ROLE_NOT_ALLOWED)."""
        if self.system.peers.admit(peer_of(request)) != self.system.name:
            raise Refusal(Reason.ROLE_NOT_ALLOWED, "this door is for those who operate the Commission system")

    async def trails(self, request: Request) -> Response:
        """証跡の受領状況 (A1): a row for every node that hands over, also for those of which nothing came."""
        try:
            self.admit(request)
        except Refusal as refusal:
            return problem(refusal)
        async with self.system.database.acquire() as connection:
            lines = {line.author: line for line in await trail_store.trails(connection)}
        directory = self.system.parts.edition.directory
        listed = [node.name for role in (Role.CORE, Role.INTERMEDIATE) for node in directory.of_role(role)]
        return JSONResponse([_line(name, lines.get(name)) for name in dict.fromkeys([*listed, *lines])])

    async def ask(self, request: Request) -> Response:
        """証跡要求 (A1)."""
        try:
            self.admit(request)
            wanted = msgspec.json.decode(await read_body(request, ORDER_BYTES), type=_Wanted, dec_hook=_name)
            if wanted.first < 1:
                raise Refusal(Reason.BAD_FORMAT, "entries are numbered from 1")
        except Refusal as refusal:
            return problem(refusal)
        except (msgspec.ValidationError, msgspec.DecodeError, ValueError):
            return problem(Refusal(Reason.BAD_FORMAT, "a request names a node and the number of an entry"))
        asked = await self.system.together(trail.ask_trail, (wanted.author, wanted.first))
        return JSONResponse({"asked": asked}, 200 if asked else 409)

    async def reconciliation(self, request: Request) -> Response:
        """突合の結果 (A2): counts by verdict and what does not agree; or one exchange, with its evidence."""
        try:
            self.admit(request)
            serials = [_serial(text) for text in request.query_params.getlist("serial")][:MOST_SHOWN]
        except Refusal as refusal:
            return problem(refusal)
        async with self.system.database.acquire() as connection:
            counts = await reconciliation_store.counts(connection)
            if serials:
                judged = await reconciliation_store.of_serials(connection, serials)
            else:
                judged = await reconciliation_store.disagreeing(connection, most=MOST_SHOWN)
            entries = await trail_store.entries_of(connection, [one.serial for one in judged])
        return JSONResponse({"counts": counts, "exchanges": [_exchange(one, entries[one.serial]) for one in judged]})


def operator_routes(system: System[Commission]) -> list[Route]:
    """`/trails`, `POST /trails/wanted`, `/reconciliation`."""
    doors = _Doors(system)
    return [
        Route("/trails", doors.trails),
        Route("/trails/wanted", doors.ask, methods=["POST"]),
        Route("/reconciliation", doors.reconciliation),
    ]


def _line(name: NodeName, line: trail_store.Line | None) -> dict[str, Any]:
    if line is None:
        return {"author": name.value, "entries": 0, "lacking": 0, "contradictions": 0, "heard_at": None}
    return {
        "author": name.value,
        "entries": line.following - 1,
        "lacking": line.lacking,
        "contradictions": line.contradictions,
        "heard_at": line.heard_at.isoformat(),
    }


def _exchange(one: Judged, entries: list[Seen]) -> dict[str, Any]:
    """How an exchange stands, and the entries that show it: each is a number in a trail that its author signed."""
    return {
        "serial": one.serial.value,
        "verdict": one.outcome.verdict.value,
        "troubles": [
            {"verdict": each.verdict.value, "side": each.side.value, "field": each.field}
            for each in one.outcome.troubles
        ],
        "judged_at": one.judged_at.isoformat() if one.judged_at else None,
        "entries": [
            {
                "author": each.author.value,
                "number": each.number,
                "side": side_of(each).value,
                "event": each.event.value,
                "at": each.at.isoformat(),
                "kept_at": each.kept_at.isoformat(),
                "reason": each.reason.value if each.reason else None,
                "ending": each.ending.value if each.ending else None,
            }
            for each in entries
        ],
    }


def _serial(text: str) -> Serial:
    try:
        return Serial(text)
    except ValueError:
        raise Refusal(Reason.BAD_FORMAT, "that is no serial") from None


def _name(kind: type, value: object) -> object:
    if kind is NodeName and isinstance(value, str):
        return NodeName(value)
    raise ValueError(value)
