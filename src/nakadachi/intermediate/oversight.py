"""監視: the law book and directory in use, and what the own interface system says of its operation (I9, I13)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nakadachi.intermediate import exchange_store, store
from nakadachi.ledger.edition import DIRECTORY, LAWBOOK
from nakadachi.refusal import Refusal
from nakadachi.telegrams.inquiry import InquiryCompleted, Noted
from nakadachi.telegrams.oversight import EditionHeld
from nakadachi.telegrams.provision import ProvisionCompleted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nakadachi.intermediate.parts import Intermediate
    from nakadachi.kit.unit import Asked, Reply, Unit
    from nakadachi.telegrams.oversight import DistributeEdition, ReportOperation

MOST_COMPLETIONS = 500
"""Endings of one telegram: they must fit the header of the interactive lane."""


async def hold_edition(
    intermediate: Intermediate, unit: Unit, asked: Sequence[Asked[DistributeEdition]]
) -> list[Reply]:
    """プレフィックス情報の受信 (C16, I13): use the newer pair, refuse an older or badly signed one."""
    replies: list[Reply] = []
    for one in asked:
        try:
            intermediate.edition.use(one.telegram.part(LAWBOOK), one.telegram.part(DIRECTORY))
        except Refusal as refusal:
            replies.append(refusal)
            continue
        await intermediate.edition.keep(unit.connection, unit.now)
        intermediate.edition.tell(intermediate.author.name)
        edition = intermediate.edition
        replies.append(
            intermediate.author.answer(
                EditionHeld, one.telegram, lawbook=edition.lawbook.version, directory=edition.directory.version
            )
        )
    return replies


async def note_interface(
    intermediate: Intermediate, unit: Unit, asked: Sequence[Asked[ReportOperation]]
) -> list[Reply]:
    """起動通知・停止通知 of the own interface system (I9): keep the newest, for whoever operates this server."""
    for one in asked:
        await store.note_interface(unit.connection, one.header, unit.now)
    return [intermediate.author.answer(Noted, one.telegram) for one in asked]


async def tell_completions(intermediate: Intermediate, unit: Unit, turns: Sequence[None]) -> list[int]:
    """完了通知: what ended since the last turn, many in one telegram of each kind (hops 7 and 8). Returns how many."""
    told = 0
    for kind in (ProvisionCompleted, InquiryCompleted):
        completions = await exchange_store.take_completions(unit.connection, kind.__name__, MOST_COMPLETIONS)
        if completions:
            telegram = intermediate.author.write(
                kind, to=intermediate.edition.peers.core(), completions=tuple(completions)
            )
            unit.send(telegram, to=intermediate.interface, url=intermediate.edition.peers.url(intermediate.interface))
        told += len(completions)
    return [told] * len(turns)
