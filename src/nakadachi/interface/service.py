"""The interface system (インターフェイスシステム): one per organisation; relays and checks form, keeps no content.

Wiring only: configuration to parts to handlers. The start fails unless the handlers are those of the catalogue.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from nakadachi.interface import code, inquiry, oversight, permit, provision, store
from nakadachi.interface.parts import Interface
from nakadachi.kit.unit import Handler
from nakadachi.kit.web import application
from nakadachi.node import NodeConfig, Service, WitnessConfig, World, open_node, status, system_of
from nakadachi.telegrams.code import LinkCodeIssued
from nakadachi.telegrams.envelope import Telegram
from nakadachi.telegrams.inquiry import Inquire, InquireAt, InquiryCompleted
from nakadachi.telegrams.oversight import DistributeEdition, Operation, ReportOperation
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
}


@dataclass(frozen=True, slots=True)
class InterfaceConfig:
    """An interface system's configuration."""

    node: NodeConfig
    witness: WitnessConfig = field(default_factory=WitnessConfig)


async def build(config: InterfaceConfig, world: World) -> Service:
    """The interface system, ready to start. Raises what `open_node` raises."""
    node = await open_node(config.node, world, ("nakadachi.interface", "interface", "migrations"))
    heads, instance = config.witness.heads(), config.node.instance
    interface = Interface(author=node.author, edition=node.edition, heads=heads, instance=instance)
    system = system_of(node, interface, handlers=HANDLERS, hears={}, known=store.exchanges)

    async def ready() -> dict[str, Any]:
        return await status(node)

    async def report(operation: Operation) -> None:
        await system.together(oversight.report_operation, operation)

    return Service(
        node,
        system,
        application(system, ready=ready),
        ready=(lambda: report(Operation.STARTED),),
        ends=(lambda: report(Operation.STOPPED),),
    )
