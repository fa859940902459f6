"""The core system (コアシステム): knows codes and who asked whom; never a body, an Individual Number, or a name.

Wiring only: configuration to parts to handlers. The start fails unless the handlers are those of the catalogue.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from nakadachi.core import code, inquiry, oversight, permit, store
from nakadachi.core.codes import ReversibleScheme, link_key
from nakadachi.core.parts import Core, Times, Waiting
from nakadachi.core.witnessing import Witnessing
from nakadachi.crypto.notes import NoteSigner
from nakadachi.kit import inbox
from nakadachi.kit.unit import Handler, Hear
from nakadachi.kit.waiters import Waiters
from nakadachi.kit.web import application
from nakadachi.ledger.log import LEASE, SHORT_LEASE, Log
from nakadachi.ledger.other_log import OtherLog
from nakadachi.node import Node, NodeConfig, Service, World, open_node, read_file, status, system_of
from nakadachi.telegrams.code import IssueLinkCode
from nakadachi.telegrams.codec import decode_envelope
from nakadachi.telegrams.envelope import Telegram
from nakadachi.telegrams.inquiry import Inquire, InquireAt, InquiryCompleted
from nakadachi.telegrams.oversight import ReportOperation
from nakadachi.telegrams.permit import PrefixRefused, RequestPermit
from nakadachi.telegrams.provision import ProvisionCompleted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request

    from nakadachi.core.store import Exchange
    from nakadachi.kit.database import Database
    from nakadachi.telegrams.envelope import Envelope
    from nakadachi.terms import OrganisationCode, TelegramId

HANDLERS: dict[type[Telegram], Handler] = {
    RequestPermit: Handler(permit.request_permits, permit.grant),
    Inquire: Handler(inquiry.inquire, inquiry.acceptance),
    InquiryCompleted: Handler(inquiry.note_completed),
    ProvisionCompleted: Handler(inquiry.note_completed),
    PrefixRefused: Handler(permit.note_prefix_refused),
    IssueLinkCode: Handler(code.issue_link_codes),
    ReportOperation: Handler(oversight.note_operation),
}
HEARS: dict[type[Telegram], Hear] = {InquireAt: Hear(inquiry.hear_acceptance)}


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
    log_key: str = field(default="log", metadata={"doc": "name of the log's signing key in the key store"})
    others: tuple[OtherLogConfig, ...] = field(
        default=(), metadata={"doc": "logs of the other instances of this core, on the same database and key store"}
    )
    suite: str = field(default="default", metadata={"doc": "seal suite that permits name: default, strict or p256"})


async def build(config: CoreConfig, world: World) -> Service:
    """The core, ready to start. Raises what `open_node` raises."""
    node = await open_node(
        config.node, world, ("nakadachi.ledger", "log", "log_sql"), ("nakadachi.core", "core", "migrations")
    )
    core = _parts(config, node, world)
    system = system_of(node, core, handlers=HANDLERS, hears=HEARS, known=store.exchanges)
    logs = [core.log, *(other.log for other in core.others.values())]
    witnessings = [Witnessing(core, node.database, node.wire, log) for log in logs]
    node.instances.each_turn(*(log.stand_in for log in logs[1:]))

    async def ready() -> dict[str, Any]:
        cosigned = int(core.head[0].split("\n")[1]) if core.head[0] else 0
        return await status(node, log_size=core.log.size, cosigned_size=cosigned)

    async def reload() -> None:
        notes = read_file(config.node.lawbook), read_file(config.node.directory)
        await system.together(oversight.distribute_edition, notes)

    async def distribute() -> None:
        await system.together(oversight.distribute_to_older, None)

    return Service(
        node,
        system,
        application(system, ready=ready, routes=_log_routes(core, node.database)),
        begins=(lambda: core.log.start(patience=LEASE * 1.5),),
        reloads=(reload,),
        ready=(*(one.start for one in witnessings), distribute),
        ends=(*(one.stop for one in witnessings), core.log.stop),
    )


def _parts(config: CoreConfig, node: Node, world: World) -> Core:
    def log(origin: str, key: str) -> Log:
        return Log(
            origin=origin,
            signer=NoteSigner.from_seed(origin, node.keys.secret(key)),
            database=node.database,
            clock=world.clock,
            holder=world.entropy.bytes(12).hex(),
            lease=SHORT_LEASE if config.others else LEASE,
        )

    master = node.keys.secret("link-master")

    def key_of(organisation: OrganisationCode, key_index: int) -> bytes:
        if key_index != code.KEY_INDEX:
            raise LookupError(f"no key index {key_index}")
        return link_key(master, organisation, key_index)

    async def recall(request: TelegramId) -> tuple[Exchange, ...]:
        async with node.database.acquire() as connection:
            return await store.exchanges_of_request(connection, request)

    async def settled(requests: Sequence[TelegramId]) -> dict[TelegramId, Envelope]:
        async with node.database.acquire() as connection:
            found = await inbox.answers(connection, requests)
        return {request: decode_envelope(answer).envelope for request, answer in found.items()}

    return Core(
        author=node.author,
        edition=node.edition,
        scheme=ReversibleScheme(key_of),
        keys=node.keys,
        log=log(config.origin, config.log_key),
        times=Times(),
        suite=config.suite,
        recall=recall,
        waiting=Waiting(accepted=Waiters(settled if node.instances.several else None)),
        others={one.origin: OtherLog(log(one.origin, one.key)) for one in config.others},
    )


def _log_routes(core: Core, database: Database) -> list[Route]:
    """What an outsider needs to check the log: the newest cosigned checkpoint, and all entries (hex, one a line).

    `?origin=` names one of several logs of this core; without it, it is the log of the instance that is asked.
    """

    def asked(request: Request) -> Log | None:
        origin = request.query_params.get("origin", core.log.origin)
        other = core.others.get(origin)
        return other.log if other else core.log if origin == core.log.origin else None

    async def checkpoint(request: Request) -> Response:
        log = asked(request)
        if log is None:
            return PlainTextResponse("this core has no log of that name\n", 404)
        head = core.head[0] if log is core.log else await newest(log.origin)
        if not head and log is not core.log:
            await log.follow()
        return PlainTextResponse(head or log.checkpoint)

    async def entries(request: Request) -> Response:
        log = asked(request)
        if log is None:
            return PlainTextResponse("this core has no log of that name\n", 404)
        return PlainTextResponse("".join(f"{entry.hex()}\n" for entry in await log.entries()))

    async def origins(_request: Request) -> Response:
        return PlainTextResponse("".join(f"{origin}\n" for origin in sorted((core.log.origin, *core.others))))

    async def newest(origin: str) -> str:
        async with database.acquire() as connection:
            kept = await store.newest_cosigned(connection, origin)
        return kept[1] if kept else ""

    return [Route("/log/checkpoint", checkpoint), Route("/log/entries", entries), Route("/log/origins", origins)]
