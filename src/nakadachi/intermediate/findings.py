"""確認事項: what we found is for our own staff to see, and for the Commission to know (L6, X4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nakadachi.intermediate import ending_store
from nakadachi.ledger.findings import report
from nakadachi.refusal import Reason
from nakadachi.telegrams.oversight import Finding, FindingKind
from nakadachi.telegrams.suspicion import findings_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from nakadachi.intermediate.parts import Intermediate
    from nakadachi.kit.unit import Unit
    from nakadachi.refusal import Refusal
    from nakadachi.telegrams.envelope import Telegram
    from nakadachi.terms import Serial


async def find(intermediate: Intermediate, unit: Unit, findings: Sequence[Finding]) -> list[None]:
    """確認事項の記録: keep for staff what is about an exchange, and report all of it to the Commission."""
    if findings:
        await ending_store.keep_findings(unit.connection, findings)
        report(intermediate, unit, findings)
    return [None] * len(findings)


async def suspect(intermediate: Intermediate, unit: Unit, header: Telegram, refusal: Refusal) -> None:
    """疑い: what a telegram that we refuse as a whole says of its author; nothing where honest nodes do so too."""
    if intermediate.heads.worth_telling(refusal, unit.now):
        await find(intermediate, unit, findings_of(header, refusal, about=header.author, at=unit.now))


async def find_mismatches(intermediate: Intermediate, unit: Unit, serials: Iterable[Serial]) -> None:
    """対象者の不一致: the two ends mean different people; whose row is wrong, neither can know (X4)."""
    kind, reason = FindingKind.SUBJECT_MISMATCH, Reason.SUBJECT_MISMATCH
    found = [Finding(kind=kind, at=unit.now, serial=serial, reason=reason) for serial in serials]
    await find(intermediate, unit, found)
