"""The interface system (インターフェイスシステム): one per organisation; relays and checks form, keeps no content.

Wiring only: configuration to parts to handlers. The start fails unless the handlers are those of the catalogue.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from nakadachi.health.reporter import Reporter
from nakadachi.health.watch import seen_heads
from nakadachi.interface import closing, code, inquiry, oversight, permit, provision, store
from nakadachi.interface.parts import Interface
from nakadachi.kit.rounds import Rounds
from nakadachi.kit.unit import Handler
from nakadachi.kit.web import application
from nakadachi.node import NodeConfig, Service, WitnessConfig, World, open_node, system_of
from nakadachi.telegrams.closing import AskState, Close
from nakadachi.telegrams.code import LinkCodeIssued
from nakadachi.telegrams.envelope import Telegram
from nakadachi.telegrams.inquiry import Inquire, InquireAt, InquiryCompleted
from nakadachi.telegrams.oversight import DistributeEdition, ReportFinding, ReportOperation
from nakadachi.telegrams.permit import CheckPrefix, IssueSerial, RequestPermit
from nakadachi.telegrams.provision import Provide, ProvisionCompleted

HANDLERS: dict[type[Telegram], Handler] = {
    IssueSerial: Handler(permit.issue_serials),
    CheckPrefix: Handler(permit.check_prefix),
    RequestPermit: Handler(permit.relay_permit_request),
    Inquire: Handler(inquiry.relay_inquiry),
    InquireAt: Handler(inquiry.relay_inquiry_at),
    Provide: Handler(provision.relay_provision),
    ProvisionCompleted: Handler(provision.relay_completed),
    InquiryCompleted: Handler(inquiry.relay_completed),
    Close: Handler(closing.relay_close),
    AskState: Handler(closing.relay_question),
    LinkCodeIssued: Handler(code.relay_link_codes),
    DistributeEdition: Handler(oversight.hold_edition),
    ReportOperation: Handler(oversight.relay_operation),
    ReportFinding: Handler(oversight.relay_finding),
}
OVERDUE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class InterfaceConfig:
    """An interface system's configuration."""

    node: NodeConfig
    witness: WitnessConfig = field(default_factory=WitnessConfig)


async def build(config: InterfaceConfig, world: World) -> Service:
    """The interface system, ready to start. Raises what `open_node` raises."""
    node = await open_node(config.node, world, ("nakadachi.interface", "interface", "migrations"))
    interface = Interface(author=node.author, edition=node.edition, heads=config.witness.heads())
    system = system_of(node, interface, handlers=HANDLERS, hears={}, known=store.exchanges)
    seen_heads(node.health, interface.heads)
    reporter = Reporter(system, node.health, config.node.report_every)
    overdue = Rounds(system, closing.close_overdue, OVERDUE_SECONDS)
    return Service(
        node,
        system,
        application(system, health=node.health),
        ready=(reporter.start, overdue.start),
        ends=(overdue.stop, reporter.stop),
    )
