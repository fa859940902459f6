"""監視: law book and directory pass through and are held here too; word of the own server's state passes to the
core.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nakadachi.kit.unit import Forward
from nakadachi.ledger import head_store
from nakadachi.ledger.findings import find
from nakadachi.ledger.holding import hold
from nakadachi.telegrams.envelope import ITEMS_LIMIT, Lane
from nakadachi.telegrams.oversight import ReportHeads
from nakadachi.terms import NodeName, Role

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nakadachi.interface.parts import Interface
    from nakadachi.kit.unit import Asked, Reply, Unit
    from nakadachi.telegrams.oversight import DistributeEdition, ReportFinding, ReportOperation
    from nakadachi.telegrams.trail import HandOverTrail


async def hold_edition(interface: Interface, unit: Unit, asked: Sequence[Asked[DistributeEdition]]) -> list[Reply]:
    """プレフィックス情報配布・更新 (source 003 6.4 ⑥): hold the newer pair, pass it to the own server (I13)."""
    own = NodeName.of(Role.INTERMEDIATE, interface.author.name.organisation)
    url = interface.edition.peers.url
    return await hold(interface, unit, asked, tell=find, passed_on=lambda: Forward(own, url(own)))


async def relay_operation(interface: Interface, _unit: Unit, asked: Sequence[Asked[ReportOperation]]) -> list[Reply]:
    """稼働状況通知の中継 (I9)."""
    core = interface.edition.peers.core()
    return [Forward(core, interface.edition.peers.url(core)) for _ in asked]


async def relay_to_commission(
    interface: Interface, _unit: Unit, asked: Sequence[Asked[ReportFinding | HandOverTrail]]
) -> list[Reply]:
    """確認事項通知・証跡提供の中継: the own server's word passes to the Commission; nothing of it stays here."""
    commission = interface.edition.peers.the(Role.COMMISSION)
    return [Forward(commission, interface.edition.peers.url(commission)) for _ in asked]


async def report_heads(interface: Interface, unit: Unit, turns: Sequence[None]) -> list[int]:
    """チェックポイント報告: tell the Commission of the trees that permits showed us since the last turn (X1).

    Returns how many. What is over the limit of one telegram waits for the next turn.
    """
    notes = await head_store.take(unit.connection, most=ITEMS_LIMIT)
    if notes:
        commission = interface.edition.peers.the(Role.COMMISSION)
        telegram = interface.author.write(ReportHeads, to=commission, lane=Lane.BULK, checkpoints=tuple(notes))
        unit.send(telegram, to=commission, url=interface.edition.peers.url(commission))
    return [len(notes)] * len(turns)
