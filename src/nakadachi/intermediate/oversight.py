"""監視: the law book and directory in use, and the word that this system started or stopped (I9, I13)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nakadachi import __version__
from nakadachi.intermediate import exchange_store
from nakadachi.ledger.edition import DIRECTORY, LAWBOOK
from nakadachi.refusal import Refusal
from nakadachi.telegrams.inquiry import InquiryCompleted
from nakadachi.telegrams.oversight import DistributeEdition, EditionHeld, ReportOperation
from nakadachi.telegrams.provision import ProvisionCompleted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nakadachi.intermediate.parts import Intermediate
    from nakadachi.kit.unit import Asked, Reply, Unit
    from nakadachi.telegrams.oversight import Operation

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
        edition = intermediate.edition
        replies.append(
            intermediate.author.answer(
                EditionHeld, one.telegram, lawbook=edition.lawbook.version, directory=edition.directory.version
            )
        )
    return replies


async def report_operation(intermediate: Intermediate, unit: Unit, operations: Sequence[Operation]) -> list[None]:
    """稼働状況通知: tell the core, through the own interface system, that we started or stopped."""
    for operation in operations:
        telegram = intermediate.author.write(
            ReportOperation,
            to=intermediate.edition.peers.core(),
            operation=operation,
            at=unit.now,
            software=__version__,
            lawbook=intermediate.edition.lawbook.version,
            directory=intermediate.edition.directory.version,
            instance=intermediate.instance,
        )
        unit.send(telegram, to=intermediate.interface, url=intermediate.edition.peers.url(intermediate.interface))
    return [None] * len(operations)


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
