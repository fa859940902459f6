"""What those who operate the core ask and order at its door: how systems fare, the keys of link codes (C6, C18).

Only the core's own certificate opens it; the view of all systems is for the Commission too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from nakadachi.core import link_key_store, oversight, rotation
from nakadachi.core.key_rules import FIRST_INDEX, Trouble
from nakadachi.kit.web.door import peer_of, problem, read_body
from nakadachi.refusal import Reason, Refusal
from nakadachi.terms import OrganisationCode, Role

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from starlette.requests import Request

    from nakadachi.core.parts import Core
    from nakadachi.kit.server import System
    from nakadachi.node import Node

ORDER_BYTES = 4096


class _Ordered(msgspec.Struct, forbid_unknown_fields=True):
    """An order as it comes in: JSON."""

    organisation: OrganisationCode
    emergency: bool = False
    retire: bool = False
    anyway: bool = False


@dataclass(frozen=True, slots=True)
class _Doors:
    """The core as those see it who operate it."""

    system: System[Core]
    node: Node

    def admit(self, request: Request, *others: Role) -> None:
        """Let the core's own operators pass. Raises Refusal(ROLE_NOT_ALLOWED)."""
        peer = self.system.peers.admit(peer_of(request))
        if peer != self.system.name and peer.role not in others:
            raise Refusal(Reason.ROLE_NOT_ALLOWED, "this door is for those who operate the core")

    async def operation(self, request: Request) -> Response:
        """稼働状況の一覧 (C18)."""
        try:
            self.admit(request, Role.COMMISSION)
        except Refusal as refusal:
            return problem(refusal)
        async with self.node.database.acquire() as connection:
            others = await oversight.collected(self.system.parts, connection)
        return JSONResponse([await self.node.health.status() | {"state": "running"}, *others])

    async def keys(self, request: Request) -> Response:
        """符号鍵の一覧: every key of every organisation that has people, and how far its replacement is (C6)."""
        try:
            self.admit(request)
        except Refusal as refusal:
            return problem(refusal)
        async with self.node.database.acquire() as connection:
            lines = await link_key_store.key_lines(connection)
        holders = self.system.parts.edition.directory.of_role(Role.INTERMEDIATE)
        return JSONResponse(_listed([one.name.organisation for one in holders], lines))

    async def order(self, request: Request) -> Response:
        """鍵更新の指示: begin a rotation, or retire the former key (C6)."""
        try:
            self.admit(request)
            ordered = msgspec.json.decode(await read_body(request, ORDER_BYTES), type=_Ordered, dec_hook=_code)
        except Refusal as refusal:
            return problem(refusal)
        except (msgspec.ValidationError, msgspec.DecodeError, ValueError):
            return problem(
                Refusal(Reason.BAD_FORMAT, "an order names an organisation by its 16 digits, and little else")
            )
        order = rotation.Order(ordered.organisation, ordered.emergency, ordered.retire, ordered.anyway)
        done = await self.system.together(rotation.carry_out, order)
        words = {"organisation": done.organisation.value, "key_index": done.key_index, "people": done.people}
        if done.trouble is None:
            return JSONResponse(words)
        status = 404 if done.trouble is Trouble.UNKNOWN_ORGANISATION else 409
        return JSONResponse(words | {"trouble": done.trouble.value}, status)


def operator_routes(system: System[Core], node: Node) -> list[Route]:
    """`/operation`, `/keys`, and `POST /keys/orders`."""
    doors = _Doors(system, node)
    return [
        Route("/operation", doors.operation),
        Route("/keys", doors.keys),
        Route("/keys/orders", doors.order, methods=["POST"]),
    ]


def _listed(holders: Sequence[OrganisationCode], lines: Sequence[link_key_store.KeyLine]) -> list[dict[str, Any]]:
    """One row a key; whoever never replaced one has the first, of which nothing is written down."""
    written = {line.organisation for line in lines}
    first = [
        {"organisation": one.value, "key_index": FIRST_INDEX, "state": "current", "emergency": False}
        for one in holders
        if one not in written
    ]
    return sorted([*first, *map(_row, lines)], key=lambda row: (row["organisation"], row["key_index"]))


def _row(line: link_key_store.KeyLine) -> dict[str, Any]:
    return {
        "organisation": line.organisation.value,
        "key_index": line.key.key_index,
        "state": line.key.state.value,
        "master": line.key.master,
        "emergency": line.emergency,
        "compromised": line.key.compromised,
        "created_at": _at(line.created_at),
        "retired_at": _at(line.retired_at),
        "total": line.total,
        "replaced": line.replaced,
        "confirmed_at": _at(line.confirmed_at),
        "finished_at": _at(line.finished_at),
    }


def _at(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _code(kind: type, value: object) -> object:
    if kind is OrganisationCode and isinstance(value, str):
        return OrganisationCode(value)
    raise ValueError(value)
