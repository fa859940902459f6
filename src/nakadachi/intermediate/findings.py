"""確認事項: what we found is for our own staff to see, and for the Commission to know (L6, X4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nakadachi.intermediate import ending_store
from nakadachi.ledger.findings import report
from nakadachi.refusal import Reason
from nakadachi.telegrams.oversight import Finding, FindingKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from nakadachi.intermediate.parts import Intermediate
    from nakadachi.kit.unit import Unit
    from nakadachi.terms import Serial


async def find(intermediate: Intermediate, unit: Unit, findings: Sequence[Finding]) -> None:
    """確認事項の記録: keep for staff what is about an exchange, and report all of it to the Commission."""
    if findings:
        await ending_store.keep_findings(unit.connection, findings)
        report(intermediate, unit, findings)


async def find_mismatches(intermediate: Intermediate, unit: Unit, serials: Iterable[Serial]) -> None:
    """対象者の不一致: the two ends mean different people; whose row is wrong, neither can know (X4)."""
    kind, reason = FindingKind.SUBJECT_MISMATCH, Reason.SUBJECT_MISMATCH
    found = [Finding(kind=kind, at=unit.now, serial=serial, reason=reason) for serial in serials]
    await find(intermediate, unit, found)
