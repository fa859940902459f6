"""The Commission system (個人情報保護委員会システム): sees evidence, asks, never relays: the witness, the
cosigner, the keeper of the trails.

Wiring only: configuration to parts to handlers. The start fails unless the handlers are those of the catalogue.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from nakadachi.commission import heads, oversight, store, trail
from nakadachi.commission.operator_doors import operator_routes
from nakadachi.commission.pages import PAGES, Viewer
from nakadachi.commission.pages.parts import ABOUT, STAFF
from nakadachi.commission.pages.systems import Systems
from nakadachi.commission.parts import Commission
from nakadachi.crypto.notes import NoteKind, NoteSigner
from nakadachi.health.reporter import Reporter
from nakadachi.kit.every import Every
from nakadachi.kit.tls import client_context
from nakadachi.kit.unit import Handler
from nakadachi.kit.web import staff
from nakadachi.kit.web.door import application, peer_of, problem, read_body
from nakadachi.kit.web.ground import Bound
from nakadachi.kit.web.staff import PagesConfig
from nakadachi.node import NodeConfig, World, open_node, system_of
from nakadachi.refusal import Refusal
from nakadachi.service import Service
from nakadachi.telegrams.envelope import Telegram
from nakadachi.telegrams.oversight import DistributeEdition, ReportFinding, ReportHeads
from nakadachi.telegrams.permit import PrefixRefused
from nakadachi.telegrams.trail import HandOverTrail

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request

    from nakadachi.kit.listening import Browsers
    from nakadachi.kit.server import System
    from nakadachi.node import Node

HANDLERS: dict[type[Telegram], Handler] = {
    PrefixRefused: Handler(oversight.note_prefix_refused),
    ReportFinding: Handler(oversight.note_finding),
    ReportHeads: Handler(heads.note_heads),
    DistributeEdition: Handler(oversight.hold_edition),
    HandOverTrail: Handler(trail.keep_trails),
}
SCHEMAS = (
    ("nakadachi.commission", "commission", "migrations"),
    ("nakadachi.commission", "commission-pages", "pages_sql"),
    staff.SCHEMA,
)
"""Its migrations: package, part, folder."""
COMPARE_SECONDS = 5.0
"""How often the trees that nodes told of are compared with the log."""
RECONCILE_SECONDS = 5.0
"""How often exchanges are reconciled of which entries came, or whose time has come."""
MONTHS_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class CommissionConfig:
    """The Commission system's configuration."""

    node: NodeConfig
    cosigner: str = field(metadata={"doc": "name of the cosigning key", "example": "commission.example/witness"})
    pages: PagesConfig | None = field(
        default=None, metadata={"doc": "the pages for its people; without it there are none"}
    )


async def build(config: CommissionConfig, world: World) -> Service:
    """The Commission system, ready to start. Raises what `open_node` raises."""
    node = await open_node(config.node, world, *SCHEMAS, whole=config)
    cosigner = NoteSigner.from_seed(config.cosigner, node.keys.secret("witness"), NoteKind.COSIGNATURE)
    commission = Commission(node.author, cosigner, node.edition, node.database)
    system = system_of(node, commission, handlers=HANDLERS, hears={}, known=store.no_exchanges, find=oversight.find)
    node.health.heads = store.newest_witnessed
    reporter = Reporter(system, node.health, config.node.report_every)

    async def reconcile() -> None:
        while (await system.in_bulk(trail.reconcile_some, [None]))[0] == trail.MOST_AT_ONCE:
            pass

    async def make_months() -> None:
        await system.in_bulk(trail.make_months, [None])

    routes = [_witness_door(commission, system, node), *operator_routes(system)]
    turns = [
        Every(COMPARE_SECONDS, lambda: heads.compare_heads(commission, node.wire), node=system.name),
        Every(RECONCILE_SECONDS, reconcile, node=system.name),
        Every(MONTHS_SECONDS, make_months, node=system.name),
    ]
    context = client_context(config.node.certificate, config.node.key, config.node.authority)
    systems = Systems(node.edition, node.author.clock, context, node.config.name)
    return Service(
        node,
        system,
        application(system, health=node.health, routes=routes),
        ready=(make_months, reporter.start, *(turn.start for turn in turns)),
        ends=(*(turn.stop for turn in turns), reporter.stop, systems.stop),
        doors=_pages(config, node, Viewer(commission, systems), world),
    )


def _witness_door(commission: Commission, system: System[Commission], node: Node) -> Route:
    """The door for a log's heads (C2SP tlog-witness)."""

    async def add_checkpoint(request: Request) -> Response:
        try:
            system.peers.admit(peer_of(request))
            verdict = await oversight.add_checkpoint(commission, await read_body(request, oversight.MOST_BYTES))
        except Refusal as refusal:
            return problem(refusal)
        if verdict.status != HTTPStatus.OK:
            node.metrics.witness_refused(verdict.status)
        return PlainTextResponse(verdict.body, verdict.status)

    return Route("/add-checkpoint", add_checkpoint, methods=["POST"])


def _pages(
    config: CommissionConfig, node: Node, viewer: Viewer, world: World
) -> tuple[tuple[Starlette, Browsers], ...]:
    """The door for people; nodes come by another one, and neither opens to the other's keys."""
    if config.pages is None:
        return ()
    foundation = staff.Foundation(node.config.name, node.database, world.clock, world.entropy)
    site = staff.site(ABOUT, STAFF, foundation, config.pages, [Bound(page, viewer) for page in PAGES])
    return (staff.door(site, config.pages),)
