"""保持: a newer law book and directory that the core hands out are used from now on, at whichever system (C16, I13)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nakadachi.ledger.edition import DIRECTORY, LAWBOOK
from nakadachi.refusal import Refusal
from nakadachi.telegrams.oversight import EditionHeld, FindingKind
from nakadachi.telegrams.suspicion import Suspicion, findings_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from typing import Any

    from nakadachi.kit.unit import Asked, Reply, Unit
    from nakadachi.ledger.findings import Reporting
    from nakadachi.telegrams.oversight import DistributeEdition, Finding

    Tell = Callable[[Any, Unit, Sequence[Finding]], Awaitable[object]]


async def hold(
    parts: Reporting,
    unit: Unit,
    asked: Sequence[Asked[DistributeEdition]],
    *,
    tell: Tell | None,
    passed_on: Callable[[], Reply] | None = None,
) -> list[Reply]:
    """プレフィックス情報の受信: use the newer pair and keep it for the next start; refuse an older or badly signed one.

    `tell` takes the finding that such a refusal makes, None where the system has nobody to tell; `passed_on` is the
    reply of a relay, else the versions held are the answer.
    """
    replies: list[Reply] = []
    for one in asked:
        try:
            parts.edition.use(one.telegram.part(LAWBOOK), one.telegram.part(DIRECTORY))
        except Refusal as refusal:
            stale = Suspicion(FindingKind.EDITION_STALE, refusal.reason, refusal.detail)
            if tell is not None:
                await tell(parts, unit, findings_of(one.header, stale, about=one.header.author, at=unit.now))
            replies.append(stale)
            continue
        await parts.edition.keep(unit.connection, unit.now)
        parts.edition.tell(parts.author.name)
        replies.append(passed_on() if passed_on is not None else _held(parts, one))
    return replies


async def hold_untold(parts: Reporting, unit: Unit, asked: Sequence[Asked[DistributeEdition]]) -> list[Reply]:
    """As `hold`, at a system that reports no findings: what it refuses stands in its log."""
    return await hold(parts, unit, asked, tell=None)


def _held(parts: Reporting, one: Asked[DistributeEdition]) -> Reply:
    edition = parts.edition
    return parts.author.answer(
        EditionHeld, one.telegram, lawbook=edition.lawbook.version, directory=edition.directory.version
    )
