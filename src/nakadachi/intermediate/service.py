"""The intermediate server (中間サーバー): the only one that knows both addressee numbers and link codes, and reads
bodies.

Wiring only: configuration to parts to handlers. The start fails unless the handlers are those of the catalogue.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from nakadachi.crypto.sealing import PrivateSeal, SealSuite, new_private
from nakadachi.health.reporter import Reporter
from nakadachi.health.watch import seen_heads
from nakadachi.intermediate import (
    changes,
    closing,
    code,
    exchange_store,
    inquiry,
    life,
    oversight,
    provision,
    receipt,
    rotation,
    store,
    trail,
)
from nakadachi.intermediate.day_files import DayFiles
from nakadachi.intermediate.existing import Existing
from nakadachi.intermediate.findings import find
from nakadachi.intermediate.link_doors import LinkDoors
from nakadachi.intermediate.linking import LinkOrders, RecheckConfig
from nakadachi.intermediate.parts import Intermediate, Times
from nakadachi.intermediate.rules import State
from nakadachi.intermediate.serials import AHEAD, Serials
from nakadachi.kit.every import Every
from nakadachi.kit.log import logger
from nakadachi.kit.server import System
from nakadachi.kit.unit import Handler, Hear
from nakadachi.kit.waiters import Waiters
from nakadachi.kit.web.door import application
from nakadachi.node import NodeConfig, WitnessConfig, World, open_node, system_of
from nakadachi.service import Service
from nakadachi.telegrams.closing import AskState, Close
from nakadachi.telegrams.code import LinkCodeIssued, RequestLinkCode
from nakadachi.telegrams.envelope import Telegram
from nakadachi.telegrams.inquiry import Inquire, InquireAt
from nakadachi.telegrams.link import ChangeLinks, NotifyChanges, ReplaceLinkCodes, SubscribeChanges
from nakadachi.telegrams.oversight import DistributeEdition, ReportOperation
from nakadachi.telegrams.permit import RequestPermit
from nakadachi.telegrams.provision import Provide
from nakadachi.telegrams.trail import AskTrail, HandOverTrail

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nakadachi.intermediate.exchange_store import Inquiry
    from nakadachi.kit.database import Connection, Database
    from nakadachi.kit.keystore import KeyStore
    from nakadachi.terms import Serial

HANDLERS: dict[type[Telegram], Handler] = {
    InquireAt: Handler(provision.accept_inquiry),
    Provide: Handler(receipt.receive_provision),
    Close: Handler(closing.close),
    AskState: Handler(closing.tell_state),
    LinkCodeIssued: Handler(code.set_codes),
    NotifyChanges: Handler(changes.keep_changes),
    ReplaceLinkCodes: Handler(rotation.replace_codes),
    DistributeEdition: Handler(oversight.hold_edition),
    ReportOperation: Handler(oversight.note_interface),
    AskTrail: Handler(trail.tell_again),
}
HEARS: dict[type[Telegram], Hear] = {
    RequestPermit: Hear(inquiry.hear_permits, give_up=closing.no_permit),
    Inquire: Hear(inquiry.hear_acceptance, inquiry.acceptance_matters, closing.no_acceptance),
    Provide: Hear(provision.hear_receipt, give_up=closing.no_receipt),
    AskState: Hear(closing.hear_state, give_up=closing.no_state),
    RequestLinkCode: Hear(code.hear_requested, code.requested_matters, code.purge_unsent),
    ChangeLinks: Hear(life.hear_changed),
    SubscribeChanges: Hear(changes.hear_subscribed),
    HandOverTrail: Hear(trail.hear_kept),
}
SCHEMA = (
    ("nakadachi.ledger", "trail", "trail_sql"),
    ("nakadachi.intermediate", "intermediate", "migrations"),
    ("nakadachi.intermediate", "orders", "orders_sql"),
    ("nakadachi.intermediate", "issuance", "issuance_sql"),
    ("nakadachi.intermediate", "rotation", "rotation_sql"),
)
OVERDUE_SECONDS = 1.0
PURGE_SECONDS = 60.0
FORGET_SECONDS = 60.0
FORGET_CODES_SECONDS = 3600.0
"""How often codes that were replaced long ago are looked for."""
RENEW_SECONDS = 86400.0
TURNS = (
    (OVERDUE_SECONDS, closing.close_overdue),
    (OVERDUE_SECONDS, life.end_links),
    (PURGE_SECONDS, code.purge_unanswered),
    (FORGET_SECONDS, changes.forget_old),
    (FORGET_CODES_SECONDS, rotation.forget),
    (RENEW_SECONDS, changes.renew),
)
"""What is looked at again and again."""
TRAIL_SECONDS = 1.0
"""How long records wait for company before they are handed over to the Commission."""
COMPLETIONS_SECONDS = 0.1
"""How long endings wait for company before the core is told."""


@dataclass(frozen=True, slots=True)
class IntermediateConfig:
    """An intermediate server's configuration."""

    node: NodeConfig
    existing: tuple[str, ...] = field(
        metadata={"doc": "names of the existing systems that may enter", "example": ["desk"]}
    )
    witness: WitnessConfig = field(default_factory=WitnessConfig)
    changes_kept: timedelta = field(
        default=timedelta(days=60), metadata={"doc": "how long change events are kept for existing systems, in seconds"}
    )
    changes_folder: Path | None = field(
        default=None, metadata={"doc": "folder for a file of each past day's changes; none is written without it"}
    )
    recheck: RecheckConfig = field(default_factory=RecheckConfig)
    serials_ahead: int = field(default=AHEAD, metadata={"doc": "serials asked for at a time, 1 to 1000"})


class Completions:
    """Tells the core of endings, many at a time."""

    def __init__(self, system: System[Intermediate]) -> None:
        self._system = system
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin with what was left from before."""
        self._system.parts.ended.set()
        self._task = asyncio.create_task(self._work())

    async def stop(self) -> None:
        """End; what was not told stays kept for the next start."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def take_up(self, _connection: Connection) -> None:
        """Another instance went, perhaps before it told: look what is left."""
        self._system.parts.ended.set()

    async def _work(self) -> None:
        while True:
            await self._system.parts.ended.wait()
            await asyncio.sleep(COMPLETIONS_SECONDS)
            self._system.parts.ended.clear()
            try:
                (told,) = await self._system.in_bulk(oversight.tell_completions, [None])
                if told >= oversight.MOST_COMPLETIONS:
                    self._system.parts.ended.set()
            except Exception:  # noqa: BLE001  the database may be away for a while
                logger().exception("completions.wait", node=self._system.name.value)
                await asyncio.sleep(1)
                self._system.parts.ended.set()


async def _settled(database: Database, serials: Sequence[Serial]) -> dict[Serial, Inquiry]:
    """Those of our inquiries that are settled, whichever instance heard of it."""
    async with database.acquire() as connection:
        found = await exchange_store.inquiries(connection, serials)
    return {serial: inquiry for serial, inquiry in found.items() if inquiry.state is not State.ASKED}


def seal_keys(keys: KeyStore, suite: SealSuite) -> tuple[PrivateSeal, ...]:
    """All our keys of a suite, the newest first: others seal for the one their directory lists."""
    names = reversed(keys.names(f"seal-{suite.value}"))
    return tuple(new_private(suite, keys.secret(name)) for name in names)


async def _renew(system: System[Intermediate]) -> None:
    await system.in_bulk(changes.renew, [None])


def _turns(system: System[Intermediate], config: IntermediateConfig) -> list[Every]:
    steps = (*TURNS, (TRAIL_SECONDS, trail.hand_over))
    turns = [Every(seconds, partial(system.in_bulk, step, [None]), node=system.name) for seconds, step in steps]
    if config.changes_folder is not None:
        turns.append(Every(FORGET_SECONDS, DayFiles(system, config.changes_folder).write, node=system.name))
    return turns


async def build(config: IntermediateConfig, world: World) -> Service:
    """The intermediate server, ready to start. Raises what `open_node` raises."""
    node = await open_node(config.node, world, *SCHEMA, whole=config)
    intermediate = Intermediate(
        author=node.author,
        edition=node.edition,
        keys=node.keys,
        heads=config.witness.heads(),
        seals={suite.value: seal_keys(node.keys, suite) for suite in SealSuite},
        times=Times(changes=config.changes_kept),
        settled=Waiters(partial(_settled, node.database) if node.instances.several else None),
    )
    system = system_of(
        node,
        intermediate,
        handlers=HANDLERS,
        hears=HEARS,
        known=partial(exchange_store.exchanges, own=node.author.name.organisation),
        find=find,
    )
    serials = Serials(intermediate, system.sender, ahead=config.serials_ahead)
    orders = LinkOrders(system, serials, config.recheck)
    existing = Existing(system, serials, config.existing, LinkDoors(system, serials, orders))
    completions = Completions(system)
    node.instances.when_gone(completions.take_up)
    turns = _turns(system, config)
    renew = partial(_renew, system)
    seen_heads(node.health, intermediate.heads)
    node.health.more = store.interface_word
    reporter = Reporter(system, node.health, config.node.report_every, config.node.instance)

    return Service(
        node,
        system,
        application(system, health=node.health, routes=existing.routes()),
        ready=(reporter.start, completions.start, renew, *(turn.start for turn in turns), orders.start),
        ends=(orders.stop, *(turn.stop for turn in turns), completions.stop, reporter.stop),
    )
