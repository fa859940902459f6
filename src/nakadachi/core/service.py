"""The core system (コアシステム): knows codes and who asked whom; never a body, an Individual Number, or a name.

Wiring only: configuration to parts to handlers. The start fails unless the handlers are those of the catalogue.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from nakadachi.core import closing, code, inquiry, life, oversight, permit, store
from nakadachi.core.codes import LinkCodeScheme, Scheme, link_key
from nakadachi.core.log_doors import log_routes
from nakadachi.core.parts import Core, Times, Waiting
from nakadachi.core.schemes import open_scheme
from nakadachi.core.witnessing import Witnessing
from nakadachi.crypto.notes import NoteSigner
from nakadachi.health import checks
from nakadachi.health.reading import HeadsRead
from nakadachi.kit import inbox
from nakadachi.kit.config import ConfigError
from nakadachi.kit.every import Every
from nakadachi.kit.unit import Handler, Hear
from nakadachi.kit.waiters import Waiters
from nakadachi.kit.web import application, peer_of, problem
from nakadachi.ledger.findings import find
from nakadachi.ledger.log import LEASE, SHORT_LEASE, Log
from nakadachi.ledger.other_log import OtherLog
from nakadachi.node import Node, NodeConfig, WitnessConfig, World, open_node, read_file, system_of
from nakadachi.refusal import Reason, Refusal
from nakadachi.service import Service
from nakadachi.telegrams.closing import AskState, Close
from nakadachi.telegrams.code import IssueLinkCode, LinkCodeIssued
from nakadachi.telegrams.codec import decode_envelope
from nakadachi.telegrams.envelope import Telegram
from nakadachi.telegrams.inquiry import Inquire, InquireAt, InquiryCompleted
from nakadachi.telegrams.link import ReportResidentChanges
from nakadachi.telegrams.oversight import ReportOperation
from nakadachi.telegrams.permit import PrefixRefused, RequestPermit
from nakadachi.telegrams.provision import ProvisionCompleted
from nakadachi.terms import Role

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request

    from nakadachi.core.store import Exchange
    from nakadachi.kit.database import Database
    from nakadachi.kit.server import System
    from nakadachi.telegrams.envelope import Envelope
    from nakadachi.terms import OrganisationCode, TelegramId

HANDLERS: dict[type[Telegram], Handler] = {
    RequestPermit: Handler(permit.request_permits, permit.grant),
    Inquire: Handler(inquiry.inquire, inquiry.acceptance),
    InquiryCompleted: Handler(inquiry.note_completed),
    ProvisionCompleted: Handler(inquiry.note_completed),
    Close: Handler(closing.close),
    AskState: Handler(closing.tell_state),
    PrefixRefused: Handler(permit.note_prefix_refused),
    IssueLinkCode: Handler(code.issue_link_codes),
    ReportResidentChanges: Handler(life.note_resident_changes),
    ReportOperation: Handler(oversight.note_operation),
}
HEARS: dict[type[Telegram], Hear] = {
    InquireAt: Hear(inquiry.hear_acceptance, give_up=closing.no_acceptance),
    AskState: Hear(closing.hear_state),
    LinkCodeIssued: Hear(code.hear_kept, give_up=code.purge_unanswered),
}
SCHEMA = (
    ("nakadachi.ledger", "log", "log_sql"),
    ("nakadachi.core", "core", "migrations"),
    ("nakadachi.core", "codes", "codes_sql"),
    ("nakadachi.core", "issuance", "issuance_sql"),
)
OVERDUE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class OtherLogConfig:
    """The log of another instance of this core."""

    origin: str = field(metadata={"doc": "name of its log", "example": "core.example/2026-2"})
    key: str = field(metadata={"doc": "its signing key in the key store", "example": "log-2"})


@dataclass(frozen=True, slots=True)
class CoreConfig:
    """The core's configuration."""

    node: NodeConfig
    origin: str = field(metadata={"doc": "name of this core's log", "example": "core.example/2026-1"})
    log_key: str = field(default="log", metadata={"doc": "key of the key store that signs this log"})
    others: tuple[OtherLogConfig, ...] = field(
        default=(), metadata={"doc": "logs of the other instances of this core, on the same database and key store"}
    )
    suite: str = field(default="default", metadata={"doc": "seal suite that permits name: default, strict or p256"})
    permits_wait: bool = field(
        default=False, metadata={"doc": "whether a permit waits until the Commission has cosigned the tree it is in"}
    )
    scheme: Scheme = field(
        default=Scheme.REVERSIBLE,
        metadata={"doc": "how link codes are made: reversible or table; chosen at the founding, for good"},
    )


async def build(config: CoreConfig, world: World) -> Service:
    """The core, ready to start. Raises what `open_node` raises, ConfigError for another scheme than the founding's."""
    node = await open_node(config.node, world, *SCHEMA)
    core = _parts(config, node, world, await _scheme(config, node, world))
    system = system_of(node, core, handlers=HANDLERS, hears=HEARS, known=store.exchanges, find=find)
    logs = [core.log, *(other.log for other in core.others.values())]
    witnessings = [Witnessing(core, node.database, node.wire, log) for log in logs]
    node.instances.each_turn(*(log.stand_in for log in logs[1:]))
    overdue = Every(OVERDUE_SECONDS, lambda: system.in_bulk(closing.ask_overdue, [None]), node=system.name)
    _watch(core, node)

    async def reload() -> None:
        notes = read_file(config.node.lawbook), read_file(config.node.directory)
        await system.together(oversight.distribute_edition, notes)

    async def distribute() -> None:
        await system.together(oversight.distribute_to_older, None)

    return Service(
        node,
        system,
        application(
            system, health=node.health, routes=[*log_routes(core, node.database), _operation_route(system, node)]
        ),
        begins=(lambda: core.log.start(patience=LEASE * 1.5),),
        reloads=(reload,),
        ready=(*(one.start for one in witnessings), distribute, overdue.start),
        ends=(overdue.stop, *(one.stop for one in witnessings), core.log.stop),
    )


def _watch(core: Core, node: Node) -> None:
    """What is looked at here beyond what every system looks at: the log's lease, and the newest cosigned head."""

    async def heads(connection: Any) -> HeadsRead:
        cosigned = int(core.head[0].split("\n")[1]) if core.head[0] else 0
        at = await store.newest_cosigned_at(connection, core.log.origin) if connection is not None else None
        return HeadsRead(core.log.size, cosigned, at)

    node.health.heads = heads
    node.health.judges = (
        lambda _reading: checks.lease(held=core.log.holds),
        lambda reading: checks.own_head(reading, WitnessConfig().lag),
    )


@dataclass(frozen=True, slots=True)
class _Kept:
    """What the core reads of its database outside a transaction of its handlers."""

    database: Database

    async def recall(self, request: TelegramId) -> tuple[Exchange, ...]:
        """The exchanges a permit request led to."""
        async with self.database.acquire() as connection:
            return await store.exchanges_of_request(connection, request)

    async def settled(self, requests: Sequence[TelegramId]) -> dict[TelegramId, Envelope]:
        """The final answers to these telegrams, as far as there are some."""
        async with self.database.acquire() as connection:
            found = await inbox.answers(connection, requests)
        return {request: decode_envelope(answer).envelope for request, answer in found.items()}

    async def cosigned(self, origin: str) -> str:
        """The newest cosigned checkpoint of an origin, empty where there is none."""
        async with self.database.acquire() as connection:
            kept = await store.newest_cosigned(connection, origin)
        return kept[1] if kept else ""


async def _scheme(config: CoreConfig, node: Node, world: World) -> LinkCodeScheme:
    master = node.keys.secret("link-master")

    def key_of(organisation: OrganisationCode, key_index: int) -> bytes:
        if key_index != store.FIRST_KEY_INDEX:
            raise LookupError(f"no key index {key_index}")
        return link_key(master, organisation, key_index)

    try:
        return await open_scheme(config.scheme, node.database, key_of, world.entropy)
    except ConfigError:
        await node.database.close()
        raise


def _parts(config: CoreConfig, node: Node, world: World, scheme: LinkCodeScheme) -> Core:
    def log(origin: str, key: str) -> Log:
        return Log(
            origin=origin,
            signer=NoteSigner.from_seed(origin, node.keys.secret(key)),
            database=node.database,
            clock=world.clock,
            holder=world.entropy.bytes(12).hex(),
            lease=SHORT_LEASE if config.others else LEASE,
        )

    node.keys.mac("id-key")  # the core starts only where it opens: under dual control, with two officers
    kept = _Kept(node.database)
    return Core(
        author=node.author,
        edition=node.edition,
        scheme=scheme,
        keys=node.keys,
        log=log(config.origin, config.log_key),
        times=Times(),
        suite=config.suite,
        recall=kept.recall,
        waiting=Waiting(accepted=Waiters(kept.settled if node.instances.several else None)),
        others={one.origin: OtherLog(log(one.origin, one.key)) for one in config.others},
        cosigned=kept.cosigned if config.permits_wait else None,
    )


def _operation_route(system: System[Core], node: Node) -> Route:
    """稼働状況の一覧 (C18) for those who operate the core, and for the Commission."""

    async def operation(request: Request) -> Response:
        try:
            peer = system.peers.admit(peer_of(request))
            if peer != system.name and peer.role is not Role.COMMISSION:
                raise Refusal(Reason.ROLE_NOT_ALLOWED, "the core's view is for the core and the Commission")
        except Refusal as refusal:
            return problem(refusal)
        async with node.database.acquire() as connection:
            others = await oversight.collected(system.parts, connection)
        return JSONResponse([await node.health.status() | {"state": "running"}, *others])

    return Route("/operation", operation)
