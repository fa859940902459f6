"""疑い: which refusals tell of another's wrong act, and what finding they make (X1, L6). Pure."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from nakadachi.refusal import Reason, Refusal
from nakadachi.telegrams.oversight import Finding, FindingKind

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from nakadachi.telegrams.envelope import Telegram
    from nakadachi.terms import NodeName

KINDS = {
    Reason.BAD_FORMAT: FindingKind.TELEGRAM_ALTERED,
    Reason.BAD_SIGNATURE: FindingKind.SIGNATURE_INVALID,
    Reason.ROLE_NOT_ALLOWED: FindingKind.TELEGRAM_MISPLACED,
    Reason.NOT_ADDRESSED_HERE: FindingKind.TELEGRAM_MISPLACED,
    Reason.ALREADY_USED: FindingKind.NUMBER_REUSED,
    Reason.NOT_IN_TABLE: FindingKind.LAW_DIFFERS,
    Reason.PERMIT_INVALID: FindingKind.PERMIT_INVALID,
    Reason.PERMIT_EXPIRED: FindingKind.PERMIT_EXPIRED,
    Reason.NO_WITNESS: FindingKind.HEAD_INVALID,
}
"""What a refusal for one of these reasons tells, where nothing more is known. Others happen among honest nodes."""

PLACELESS = {FindingKind.HEAD_OLD, FindingKind.HEAD_IN_FUTURE, FindingKind.HEAD_INVALID, FindingKind.EDITION_STALE}
"""Findings that are about no exchange more than about another."""


class Suspicion(Refusal):
    """疑い: a refusal whose finding is known better than by its reason."""

    def __init__(self, kind: FindingKind, reason: Reason, detail: str = "") -> None:
        super().__init__(reason, detail)
        self.kind = kind


def kind_of(refusal: Refusal) -> FindingKind | None:
    """The finding that a refusal of another's act makes; None where honest nodes get such a refusal too."""
    return refusal.kind if isinstance(refusal, Suspicion) else KINDS.get(refusal.reason)


@contextmanager
def suspecting(kind: FindingKind) -> Iterator[None]:
    """A refusal raised in this block makes a finding of this kind. Raises Suspicion."""
    try:
        yield
    except Refusal as refusal:
        raise Suspicion(kind, refusal.reason, refusal.detail) from None


def findings_of(header: Telegram, refusal: Refusal, *, about: NodeName, at: datetime) -> tuple[Finding, ...]:
    """What to report of a telegram refused as a whole: a finding for each of its exchanges, one where it has none."""
    kind = kind_of(refusal)
    if kind is None:
        return ()
    serials = (() if kind in PLACELESS else header.exchanges) or (None,)
    return tuple(Finding(kind=kind, at=at, serial=serial, about=about, reason=refusal.reason) for serial in serials)
