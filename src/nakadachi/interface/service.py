"""The interface system (インターフェイスシステム): one per organisation; relays and checks form, keeps no content.

Wiring only: configuration to parts to handlers. The start fails unless the handlers are those of the catalogue.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from nakadachi.interface import code, inquiry, oversight, permit, provision, store
from nakadachi.interface.parts import Interface
from nakadachi.kit.every import Every
from nakadachi.kit.unit import Handler
from nakadachi.kit.web import application
from nakadachi.ledger.findings import find
from nakadachi.node import NodeConfig, Service, WitnessConfig, World, open_node, status, system_of
from nakadachi.telegrams.code import LinkCodeIssued
from nakadachi.telegrams.envelope import Telegram
from nakadachi.telegrams.inquiry import Inquire, InquireAt, InquiryCompleted
from nakadachi.telegrams.oversight import DistributeEdition, Operation, ReportFinding, ReportOperation
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
    LinkCodeIssued: Handler(code.relay_link_codes),
    DistributeEdition: Handler(oversight.hold_edition),
    ReportOperation: Handler(oversight.relay_operation),
    ReportFinding: Handler(oversight.relay_finding),
}
HEADS_SECONDS = 5.0
"""How often the Commission is told of new trees."""


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
    )
    interface = Interface(author=node.author, edition=node.edition, heads=config.witness.heads())
    system = system_of(node, interface, handlers=HANDLERS, hears={}, known=store.exchanges, find=find)

    async def ready() -> dict[str, Any]:
        return await status(node)

    async def report(operation: Operation) -> None:
        await system.together(oversight.report_operation, operation)

    heads = Every(HEADS_SECONDS, lambda: system.together(oversight.report_heads, None), node=system.name)
    return Service(
        node,
        system,
        application(system, ready=ready),
        ready=(lambda: report(Operation.STARTED), heads.start),
        ends=(heads.stop, lambda: report(Operation.STOPPED)),
    )
