"""The core system (コアシステム): knows codes and who asked whom; never a body, an Individual Number, or a name.

Wiring only: configuration to parts to handlers. The start fails unless the handlers are those of the catalogue.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from nakadachi.core import changes, closing, code, inquiry, life, oversight, permit, rotation, store, trail
from nakadachi.core.codes import LinkCodeScheme, Scheme, link_key
from nakadachi.core.key_rules import FIRST_INDEX, FIRST_MASTER
from nakadachi.core.log_doors import log_routes
from nakadachi.core.operator_doors import operator_routes
from nakadachi.core.parts import Core, Rotating, Times, Waiting
from nakadachi.core.schemes import open_scheme
from nakadachi.core.witnessing import Witnessing
from nakadachi.crypto.notes import NoteSigner
from nakadachi.health import checks
from nakadachi.health.reading import HeadsRead
from nakadachi.kit import inbox
from nakadachi.kit.config import ConfigError
from nakadachi.kit.every import Every
from nakadachi.kit.log import logger
from nakadachi.kit.unit import Handler, Hear
from nakadachi.kit.waiters import Waiters
from nakadachi.kit.web.door import application
from nakadachi.ledger.findings import find
from nakadachi.ledger.log import LEASE, SHORT_LEASE, Log
from nakadachi.ledger.other_log import OtherLog
from nakadachi.node import Node, NodeConfig, WitnessConfig, World, open_node, read_file, system_of
from nakadachi.refusal import Refusal
from nakadachi.service import Service
from nakadachi.telegrams.closing import AskState, Close
from nakadachi.telegrams.code import IssueLinkCode, LinkCodeIssued
from nakadachi.telegrams.codec import decode_envelope
from nakadachi.telegrams.envelope import Telegram
from nakadachi.telegrams.inquiry import Inquire, InquireAt, InquiryCompleted
from nakadachi.telegrams.link import (
    ChangeLinks,
    NotifyChanges,
    ReplaceLinkCodes,
    ReportResidentChanges,
    SubscribeChanges,
)
from nakadachi.telegrams.oversight import ReportOperation
from nakadachi.telegrams.permit import PrefixRefused, RequestPermit
from nakadachi.telegrams.provision import ProvisionCompleted
from nakadachi.telegrams.trail import AskTrail, HandOverTrail

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nakadachi.core.store import Exchange
    from nakadachi.kit.database import Database
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
    ChangeLinks: Handler(life.change_links),
    ReportResidentChanges: Handler(life.note_resident_changes),
    SubscribeChanges: Handler(changes.subscribe),
    ReportOperation: Handler(oversight.note_operation),
    AskTrail: Handler(trail.tell_again),
}
HEARS: dict[type[Telegram], Hear] = {
    InquireAt: Hear(inquiry.hear_acceptance, give_up=closing.no_acceptance),
    AskState: Hear(closing.hear_state),
    NotifyChanges: Hear(changes.hear_noted),
    ReplaceLinkCodes: Hear(rotation.hear_kept),
    LinkCodeIssued: Hear(code.hear_kept, give_up=code.purge_unanswered),
    HandOverTrail: Hear(trail.hear_kept),
}
SCHEMA = (
    ("nakadachi.ledger", "log", "log_sql"),
    ("nakadachi.ledger", "trail", "trail_sql"),
    ("nakadachi.core", "core", "migrations"),
    ("nakadachi.core", "codes", "codes_sql"),
    ("nakadachi.core", "issuance", "issuance_sql"),
    ("nakadachi.core", "rotation", "rotation_sql"),
)
OVERDUE_SECONDS = 5.0
CHANGES_SECONDS = 0.5
"""How long change events wait for company before an organisation is told."""
FORGET_SECONDS = 60.0
TRAIL_SECONDS = 1.0
"""How long records wait for company before they are handed over to the Commission."""
ROTATION_SECONDS = 1.0
"""How often a rotation is looked after that is not hurried on by what is heard."""
TURNS = (
    (OVERDUE_SECONDS, closing.ask_overdue),
    (CHANGES_SECONDS, changes.tell),
    (FORGET_SECONDS, changes.forget_old),
    (ROTATION_SECONDS, rotation.go_on),
)
"""What is looked at again and again."""


@dataclass(frozen=True, slots=True)
class OtherLogConfig:
    """The log of another instance of this core."""

    origin: str = field(metadata={"doc": "name of its log", "example": "core.example/2026-2"})
    key: str = field(metadata={"doc": "its signing key in the key store", "example": "log-2"})


@dataclass(frozen=True, slots=True)
class RotationConfig:
    """How keys of link codes are replaced (C6)."""

    master: str = field(
        default=FIRST_MASTER, metadata={"doc": "secret of the key store that new keys are derived from"}
    )
    retire_after: timedelta = field(
        default=timedelta(hours=25),
        metadata={"doc": "how long after the last new code is confirmed the former key is retired, in seconds"},
    )
    retire_by_command: bool = field(
        default=False, metadata={"doc": "whether a former key is retired by `core retire` only"}
    )


@dataclass(frozen=True, slots=True)
class CoreConfig:
    """The core's configuration."""

    node: NodeConfig
    origin: str = field(metadata={"doc": "name of this core's log", "example": "core.example/2026-1"})
    log_key: str = field(default="log", metadata={"doc": "key of the key store that signs this log"})
    others: tuple[OtherLogConfig, ...] = field(
        default=(), metadata={"doc": "logs of the other instances of this core, on the same database and key store"}
    )
    changes_kept: timedelta = field(
        default=timedelta(days=30), metadata={"doc": "how long change events are kept for who was away, in seconds"}
    )
    suite: str = field(default="default", metadata={"doc": "seal suite that permits name: default, strict or p256"})
    permits_wait: bool = field(
        default=False, metadata={"doc": "whether a permit waits until the Commission has cosigned the tree it is in"}
    )
    scheme: Scheme = field(
        default=Scheme.REVERSIBLE,
        metadata={"doc": "how link codes are made: reversible or table; chosen at the founding, for good"},
    )
    rotation: RotationConfig = field(default_factory=RotationConfig)


async def build(config: CoreConfig, world: World) -> Service:
    """The core, ready to start. Raises what `open_node` raises, ConfigError for another scheme than the founding's and
    for a law book or directory that it may not hand out.
    """
    node = await open_node(config.node, world, *SCHEMA, whole=config)
    await _require_readable(config, node)
    asked = config.rotation
    rotating = Rotating(asked.master, None if asked.retire_by_command else asked.retire_after)
    core = _parts(config, node, world, scheme=await _scheme(config, node, world, rotating), rotating=rotating)
    system = system_of(node, core, handlers=HANDLERS, hears=HEARS, known=store.exchanges, find=find)
    logs = [core.log, *(other.log for other in core.others.values())]
    witnessings = [Witnessing(core, node.database, node.wire, log) for log in logs]
    node.instances.each_turn(*(log.stand_in for log in logs[1:]))
    steps = (*TURNS, (TRAIL_SECONDS, trail.hand_over))
    turns = [Every(seconds, partial(system.in_bulk, step, [None]), node=system.name) for seconds, step in steps]
    _watch(core, node)

    async def reload() -> None:
        notes = read_file(config.node.lawbook), read_file(config.node.directory)
        await system.together(oversight.distribute_edition, notes)

    async def distribute() -> None:
        await system.together(oversight.distribute_to_older, None)

    async def number() -> None:
        if await system.together(changes.continue_numbers, None):
            logger().warning("changes.renumbered", node=system.name.value)

    return Service(
        node,
        system,
        application(
            system, health=node.health, routes=[*log_routes(core, node.database), *operator_routes(system, node)]
        ),
        begins=(lambda: core.log.start(patience=LEASE * 1.5), number),
        reloads=(reload,),
        ready=(*(one.start for one in witnessings), distribute, *(turn.start for turn in turns)),
        ends=(*(turn.stop for turn in turns), *(one.stop for one in witnessings), core.log.stop),
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


async def _require_readable(config: CoreConfig, node: Node) -> None:
    """Nodes of the directory's minimum version can read what this core sends to who was away (decision 0021)."""
    law, listed = node.edition.lawbook, node.edition.directory
    try:
        listed.require_readable()
        law.require_readable(listed.minimum_peer_version)
    except Refusal as refusal:
        await node.database.close()
        raise ConfigError(f"{config.node.lawbook} and {config.node.directory}: {refusal.detail}") from None


async def _scheme(config: CoreConfig, node: Node, world: World, rotating: Rotating) -> LinkCodeScheme:
    node.keys.secret(FIRST_MASTER)  # the core starts only where it opens

    def key_of(organisation: OrganisationCode, key_index: int) -> bytes:
        master = FIRST_MASTER if key_index == FIRST_INDEX else rotating.masters.get((organisation, key_index))
        if master is None:
            raise LookupError(f"no key index {key_index}")
        return link_key(node.keys.secret(master), organisation, key_index)

    try:
        return await open_scheme(config.scheme, node.database, key_of, world.entropy)
    except ConfigError:
        await node.database.close()
        raise


def _parts(config: CoreConfig, node: Node, world: World, *, scheme: LinkCodeScheme, rotating: Rotating) -> Core:
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
        times=Times(changes=config.changes_kept),
        suite=config.suite,
        rotating=rotating,
        recall=kept.recall,
        waiting=Waiting(accepted=Waiters(kept.settled if node.instances.several else None)),
        others={one.origin: OtherLog(log(one.origin, one.key)) for one in config.others},
        cosigned=kept.cosigned if config.permits_wait else None,
    )
