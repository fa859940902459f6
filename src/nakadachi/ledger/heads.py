"""Cosigned heads as a node sees them: permits are taken while a recent one exists (design 2.5)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from nakadachi.crypto.notes import NoteVerifier
from nakadachi.ledger.checkpoint import open_checkpoint
from nakadachi.refusal import Reason, Refusal

if TYPE_CHECKING:
    from nakadachi.law.directory import Directory


class WhenStale(StrEnum):
    """What to do once no head is recent enough: refuse permits, or take them and warn."""

    REFUSE = "refuse"
    ACCEPT = "accept"


@dataclass(slots=True)
class Heads:
    """The newest cosigned head seen per origin. `lag` is the age from which the rule `when_stale` counts."""

    lag: timedelta
    when_stale: WhenStale
    _seen: dict[str, datetime] = field(default_factory=dict)
    _last: dict[str, bytes] = field(default_factory=dict)

    def see(self, note: bytes, origin: str, directory: Directory) -> None:
        """Take note of a head. Raises Refusal(NO_WITNESS) where it is not one the Commission cosigned."""
        if not note or self._last.get(origin) == note:
            return
        witnesses = [NoteVerifier.from_vkey(key) for key in directory.witness_keys()]
        names = {one.name for one in witnesses}
        if not names:
            raise Refusal(Reason.NO_WITNESS, f"directory version {directory.version} lists no witness")
        try:
            log = NoteVerifier.from_vkey(directory.log_key(origin))
            head = open_checkpoint(note, [log, *witnesses], origin, cosigners=names)
        except Refusal as refusal:
            raise Refusal(Reason.NO_WITNESS, refusal.detail) from None
        at = min(head.note.cosigned_at(name) or 0 for name in names)
        try:
            seen = datetime.fromtimestamp(at, UTC)
        except (ValueError, OverflowError, OSError):
            raise Refusal(Reason.NO_WITNESS, f"the head of {origin} was cosigned beyond the calendar") from None
        if origin not in self._seen or seen >= self._seen[origin]:
            self._seen[origin] = seen
            self._last[origin] = note

    def newest(self) -> tuple[int, datetime] | None:
        """Size and time of the newest head seen of any origin."""
        if not self._seen:
            return None
        origin = max(self._seen, key=self._seen.__getitem__)
        return int(self._last[origin].split(b"\n", 2)[1]), self._seen[origin]

    def require_recent(self, origin: str, now: datetime) -> None:
        """Pass where a recent head of this origin was seen, or the rule lets permits pass.

        Raises Refusal(NO_WITNESS).
        """
        seen = self._seen.get(origin)
        if self.when_stale is WhenStale.ACCEPT or (seen is not None and now - seen <= self.lag):
            return
        raise Refusal(Reason.NO_WITNESS, f"the newest cosigned head is of {seen.isoformat() if seen else 'never'}")
