"""監視: law book and directory pass through and are held here too; word of the own server's state passes to the
core.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nakadachi import __version__
from nakadachi.kit.unit import Forward
from nakadachi.ledger.edition import DIRECTORY, LAWBOOK
from nakadachi.refusal import Refusal
from nakadachi.telegrams.oversight import ReportOperation
from nakadachi.terms import NodeName, Role

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nakadachi.interface.parts import Interface
    from nakadachi.kit.unit import Asked, Reply, Unit
    from nakadachi.telegrams.oversight import DistributeEdition, Operation


async def hold_edition(interface: Interface, unit: Unit, asked: Sequence[Asked[DistributeEdition]]) -> list[Reply]:
    """プレフィックス情報配布・更新 (source 003 6.4 ⑥): hold the newer pair, pass it to the own server (I13)."""
    own = NodeName.of(Role.INTERMEDIATE, interface.author.name.organisation)
    replies: list[Reply] = []
    for one in asked:
        try:
            interface.edition.use(one.telegram.part(LAWBOOK), one.telegram.part(DIRECTORY))
        except Refusal as refusal:
            replies.append(refusal)
            continue
        await interface.edition.keep(unit.connection, unit.now)
        replies.append(Forward(own, interface.edition.peers.url(own)))
    return replies


async def relay_operation(interface: Interface, _unit: Unit, asked: Sequence[Asked[ReportOperation]]) -> list[Reply]:
    """稼働状況通知の中継 (I9)."""
    core = interface.edition.peers.core()
    return [Forward(core, interface.edition.peers.url(core)) for _ in asked]


async def report_operation(interface: Interface, unit: Unit, operations: Sequence[Operation]) -> list[None]:
    """稼働状況通知: tell the core that we started or stopped."""
    core = interface.edition.peers.core()
    for operation in operations:
        telegram = interface.author.write(
            ReportOperation,
            to=core,
            operation=operation,
            at=unit.now,
            software=__version__,
            lawbook=interface.edition.lawbook.version,
            directory=interface.edition.directory.version,
            instance=interface.instance,
        )
        unit.send(telegram, to=core, url=interface.edition.peers.url(core))
    return [None] * len(operations)
