"""The core system (コアシステム): knows codes and who asked whom; never a body, an Individual Number, or a name.

Wiring only: configuration to parts to handlers. The start fails unless the handlers are those of the catalogue.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from nakadachi.core import closing, code, inquiry, oversight, permit, store
from nakadachi.core.codes import ReversibleScheme, link_key
from nakadachi.core.parts import Core, Times
from nakadachi.core.witnessing import Witnessing
from nakadachi.crypto.notes import NoteSigner
from nakadachi.kit.rounds import Rounds
from nakadachi.kit.unit import Handler, Hear
from nakadachi.kit.web import application
from nakadachi.ledger.log import LEASE, Log
from nakadachi.node import Node, NodeConfig, Service, World, open_node, read_file, status, system_of
from nakadachi.telegrams.closing import AskState, Close
from nakadachi.telegrams.code import IssueLinkCode
from nakadachi.telegrams.envelope import Telegram
from nakadachi.telegrams.inquiry import Inquire, InquireAt, InquiryCompleted
from nakadachi.telegrams.oversight import ReportOperation
from nakadachi.telegrams.permit import PrefixRefused, RequestPermit
from nakadachi.telegrams.provision import ProvisionCompleted

if TYPE_CHECKING:
    from starlette.requests import Request

    from nakadachi.core.store import Exchange
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
    ReportOperation: Handler(oversight.note_operation),
}
HEARS: dict[type[Telegram], Hear] = {
    InquireAt: Hear(inquiry.hear_acceptance, give_up=closing.no_acceptance),
    AskState: Hear(closing.hear_state),
}
OVERDUE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class CoreConfig:
    """The core's configuration."""

    node: NodeConfig
    origin: str = field(metadata={"doc": "name of this core's log", "example": "core.example/2026-1"})
    suite: str = field(default="default", metadata={"doc": "seal suite that permits name: default, strict or p256"})


async def build(config: CoreConfig, world: World) -> Service:
    """The core, ready to start. Raises what `open_node` raises."""
    node = await open_node(
        config.node, world, ("nakadachi.ledger", "log", "log_sql"), ("nakadachi.core", "core", "migrations")
    )
    core = _parts(config, node, world)
    system = system_of(node, core, handlers=HANDLERS, hears=HEARS, known=store.exchanges)
    witnessing = Witnessing(core, node.database, node.wire)
    overdue = Rounds(system, closing.ask_overdue, OVERDUE_SECONDS)

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
        application(system, ready=ready, routes=_log_routes(core)),
        begins=(lambda: core.log.start(patience=LEASE * 1.5),),
        reloads=(reload,),
        ready=(witnessing.start, distribute, overdue.start),
        ends=(overdue.stop, witnessing.stop, core.log.stop),
    )


def _parts(config: CoreConfig, node: Node, world: World) -> Core:
    log = Log(
        origin=config.origin,
        signer=NoteSigner.from_seed(config.origin, node.keys.secret("log")),
        database=node.database,
        clock=world.clock,
        holder=world.entropy.bytes(12).hex(),
    )
    master = node.keys.secret("link-master")

    def key_of(organisation: OrganisationCode, key_index: int) -> bytes:
        if key_index != code.KEY_INDEX:
            raise LookupError(f"no key index {key_index}")
        return link_key(master, organisation, key_index)

    async def recall(request: TelegramId) -> tuple[Exchange, ...]:
        async with node.database.acquire() as connection:
            return await store.exchanges_of_request(connection, request)

    return Core(
        author=node.author,
        edition=node.edition,
        scheme=ReversibleScheme(key_of),
        keys=node.keys,
        log=log,
        times=Times(),
        suite=config.suite,
        recall=recall,
    )


def _log_routes(core: Core) -> list[Route]:
    """What an outsider needs to check the log: the newest cosigned checkpoint, and all entries (hex, one a line)."""

    async def checkpoint(_request: Request) -> Response:
        return PlainTextResponse(core.head[0] or core.log.checkpoint)

    async def entries(_request: Request) -> Response:
        return PlainTextResponse("".join(f"{entry.hex()}\n" for entry in await core.log.entries()))

    return [Route("/log/checkpoint", checkpoint), Route("/log/entries", entries)]
