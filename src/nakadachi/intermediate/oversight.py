"""監視: the law book and directory in use, and what the own interface system says of its operation (I9, I13)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nakadachi.intermediate import ending_store, store
from nakadachi.intermediate.findings import find
from nakadachi.ledger.holding import hold
from nakadachi.telegrams.closing import Close
from nakadachi.telegrams.envelope import Lane
from nakadachi.telegrams.inquiry import InquiryCompleted, Noted
from nakadachi.telegrams.provision import ProvisionCompleted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nakadachi.intermediate.parts import Intermediate
    from nakadachi.kit.unit import Asked, Reply, Unit
    from nakadachi.telegrams.envelope import Telegram
    from nakadachi.telegrams.oversight import DistributeEdition, ReportOperation

MOST_COMPLETIONS = 200
"""Endings of one telegram. They travel in the bulk lane, since nobody waits for them."""


async def hold_edition(
    intermediate: Intermediate, unit: Unit, asked: Sequence[Asked[DistributeEdition]]
) -> list[Reply]:
    """プレフィックス情報の受信 (C16, I13): use the newer pair, refuse an older or badly signed one."""
    return await hold(intermediate, unit, asked, tell=find)


async def note_interface(
    intermediate: Intermediate, unit: Unit, asked: Sequence[Asked[ReportOperation]]
) -> list[Reply]:
    """起動通知・停止通知 of the own interface system (I9): keep the newest, for whoever operates this server."""
    for one in asked:
        await store.note_interface(unit.connection, one.header, unit.now)
    return [intermediate.author.answer(Noted, one.telegram) for one in asked]


async def tell_completions(intermediate: Intermediate, unit: Unit, turns: Sequence[None]) -> list[int]:
    """完了通知, 中止通知: what ended since the last turn, many in one telegram of each kind (hops 7 and 8).

    Returns how many.
    """
    told = 0
    endings: tuple[tuple[type[Telegram], str], ...] = (
        (ProvisionCompleted, "completions"),
        (InquiryCompleted, "completions"),
        (Close, "closings"),
    )
    for kind, field in endings:
        completions = await ending_store.take_completions(unit.connection, kind.__name__, MOST_COMPLETIONS)
        if completions:
            fields: dict[str, Any] = {field: tuple(completions)}
            telegram = intermediate.author.write(kind, to=intermediate.edition.peers.core(), lane=Lane.BULK, **fields)
            unit.send(telegram, to=intermediate.interface, url=intermediate.edition.peers.url(intermediate.interface))
        told += len(completions)
    return [told] * len(turns)
