"""監視: law book and directory pass through and are held here too; word of the own server's state passes to the
core.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nakadachi.kit.unit import Forward
from nakadachi.ledger import head_store
from nakadachi.ledger.edition import DIRECTORY, LAWBOOK
from nakadachi.ledger.findings import report
from nakadachi.refusal import Refusal
from nakadachi.telegrams.envelope import ITEMS_LIMIT, Lane
from nakadachi.telegrams.oversight import FindingKind, ReportHeads
from nakadachi.telegrams.suspicion import Suspicion, findings_of
from nakadachi.terms import NodeName, Role

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nakadachi.interface.parts import Interface
    from nakadachi.kit.unit import Asked, Reply, Unit
    from nakadachi.telegrams.oversight import DistributeEdition, ReportFinding, ReportOperation


async def hold_edition(interface: Interface, unit: Unit, asked: Sequence[Asked[DistributeEdition]]) -> list[Reply]:
    """プレフィックス情報配布・更新 (source 003 6.4 ⑥): hold the newer pair, pass it to the own server (I13)."""
    own = NodeName.of(Role.INTERMEDIATE, interface.author.name.organisation)
    replies: list[Reply] = []
    for one in asked:
        try:
            interface.edition.use(one.telegram.part(LAWBOOK), one.telegram.part(DIRECTORY))
        except Refusal as refusal:
            stale = Suspicion(FindingKind.EDITION_STALE, refusal.reason, refusal.detail)
            report(interface, unit, findings_of(one.header, stale, about=one.header.author, at=unit.now))
            replies.append(stale)
            continue
        await interface.edition.keep(unit.connection, unit.now)
        interface.edition.tell(interface.author.name)
        replies.append(Forward(own, interface.edition.peers.url(own)))
    return replies


async def relay_operation(interface: Interface, _unit: Unit, asked: Sequence[Asked[ReportOperation]]) -> list[Reply]:
    """稼働状況通知の中継 (I9)."""
    core = interface.edition.peers.core()
    return [Forward(core, interface.edition.peers.url(core)) for _ in asked]


async def relay_finding(interface: Interface, _unit: Unit, asked: Sequence[Asked[ReportFinding]]) -> list[Reply]:
    """確認事項通知の中継: the own server's word to the Commission passes through; nothing of it is kept here."""
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
