"""The interface system (インターフェイスシステム): one per organisation; relays and checks form, keeps no content.

Wiring only: configuration to parts to handlers. The start fails unless the handlers are those of the catalogue.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from nakadachi.health.reporter import Reporter
from nakadachi.health.watch import seen_heads
from nakadachi.interface import closing, code, inquiry, link, oversight, permit, provision, store
from nakadachi.interface.parts import Interface
from nakadachi.kit.every import Every
from nakadachi.kit.unit import Handler
from nakadachi.kit.web.door import application
from nakadachi.ledger.findings import find
from nakadachi.node import NodeConfig, WitnessConfig, World, open_node, system_of
from nakadachi.service import Service
from nakadachi.telegrams.closing import AskState, Close
from nakadachi.telegrams.code import LinkCodeIssued
from nakadachi.telegrams.envelope import Telegram
from nakadachi.telegrams.inquiry import Inquire, InquireAt, InquiryCompleted
from nakadachi.telegrams.link import ChangeLinks, NotifyChanges, ReplaceLinkCodes, SubscribeChanges
from nakadachi.telegrams.oversight import DistributeEdition, ReportFinding, ReportOperation
from nakadachi.telegrams.permit import CheckPrefix, IssueSerial, RequestPermit
from nakadachi.telegrams.provision import Provide, ProvisionCompleted
from nakadachi.telegrams.trail import AskTrail, HandOverTrail

HANDLERS: dict[type[Telegram], Handler] = {
    IssueSerial: Handler(permit.issue_serials),
    CheckPrefix: Handler(permit.check_prefix),
    RequestPermit: Handler(permit.relay_permit_request),
    Inquire: Handler(inquiry.relay_inquiry),
    InquireAt: Handler(inquiry.relay_inquiry_at),
    Provide: Handler(provision.relay_provision),
    ProvisionCompleted: Handler(closing.relay_completed),
    InquiryCompleted: Handler(closing.relay_completed),
    Close: Handler(closing.relay_close),
    AskState: Handler(closing.relay_question),
    LinkCodeIssued: Handler(code.relay_link_codes),
    ChangeLinks: Handler(link.relay_to_core),
    SubscribeChanges: Handler(link.relay_to_core),
    NotifyChanges: Handler(link.relay_to_own),
    ReplaceLinkCodes: Handler(code.relay_replaced),
    DistributeEdition: Handler(oversight.hold_edition),
    ReportOperation: Handler(oversight.relay_operation),
    ReportFinding: Handler(oversight.relay_to_commission),
    HandOverTrail: Handler(oversight.relay_to_commission),
    AskTrail: Handler(link.relay_to_own),
}
HEADS_SECONDS = 5.0
"""How often the Commission is told of new trees."""
OVERDUE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class InterfaceConfig:
    """An interface system's configuration."""

    node: NodeConfig
    witness: WitnessConfig = field(default_factory=WitnessConfig)


async def build(config: InterfaceConfig, world: World) -> Service:
    """The interface system, ready to start. Raises what `open_node` raises."""
    node = await open_node(
        config.node,
        world,
        ("nakadachi.interface", "interface", "migrations"),
        ("nakadachi.ledger", "heads", "heads_sql"),
        whole=config,
    )
    interface = Interface(author=node.author, edition=node.edition, heads=config.witness.heads())
    system = system_of(node, interface, handlers=HANDLERS, hears={}, known=store.exchanges, find=find)
    seen_heads(node.health, interface.heads)
    reporter = Reporter(system, node.health, config.node.report_every, config.node.instance)
    overdue = Every(OVERDUE_SECONDS, lambda: system.in_bulk(closing.close_overdue, [None]), node=system.name)
    heads = Every(HEADS_SECONDS, lambda: system.in_bulk(oversight.report_heads, [None]), node=system.name)
    return Service(
        node,
        system,
        application(system, health=node.health),
        ready=(reporter.start, overdue.start, heads.start),
        ends=(heads.stop, overdue.stop, reporter.stop),
    )
