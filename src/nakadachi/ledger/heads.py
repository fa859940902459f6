"""Heads as a node sees them: permits pass while a recent cosigned one exists (design 2.5, X1).

Every tree that a log signed is remembered, so that no two of one size pass, and told to the Commission.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING

from nakadachi.crypto.notes import NoteVerifier
from nakadachi.ledger import head_store
from nakadachi.ledger.checkpoint import SignedCheckpoint, open_checkpoint
from nakadachi.refusal import Reason, Refusal
from nakadachi.telegrams.oversight import FindingKind
from nakadachi.telegrams.suspicion import Suspicion, kind_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from nakadachi.kit.unit import Unit
    from nakadachi.law.directory import Directory
    from nakadachi.ledger.checkpoint import Checkpoint
    from nakadachi.ledger.permits import Checked

MOST_AHEAD = timedelta(minutes=1)
"""A cosignature further ahead of our clock than this was not made at the time it says, or our clock is wrong."""
MOST_TREES = 10_000
"""Trees remembered for comparison at once; the Commission compares those that fell out."""
AGAIN = timedelta(hours=1)
"""A stale or strange head is told of once in this time, not at every permit."""


class WhenStale(StrEnum):
    """What to do once no head is recent enough: refuse permits, or take them and warn."""

    REFUSE = "refuse"
    ACCEPT = "accept"


@dataclass(slots=True)
class Heads:
    """The newest cosigned head seen per origin, and the trees that logs signed. `lag` is the age from which the rule
    `when_stale` counts; `covered` where a permit's own tree must be one that the Commission cosigned (decision 0031).
    """

    lag: timedelta
    when_stale: WhenStale
    covered: bool = False
    _seen: dict[str, datetime] = field(default_factory=dict)
    _last: dict[str, bytes] = field(default_factory=dict)
    _trees: OrderedDict[tuple[str, int], bytes] = field(default_factory=OrderedDict)
    _kept: OrderedDict[Checkpoint, None] = field(default_factory=OrderedDict)
    _told: dict[FindingKind, datetime] = field(default_factory=dict)

    def check(self, note: bytes, permits: Sequence[Checked], directory: Directory, now: datetime) -> None:
        """Pass where these permits are of trees that fit all trees seen, and a recent cosigned head exists.

        `note` is the head that came with them, empty where none did. Raises Refusal(NO_WITNESS, PERMIT_INVALID).
        """
        for origin in dict.fromkeys(permit.checkpoint.origin for permit in permits):
            self.see(note, origin, directory, now)
            self.require_recent(origin, now)
        for permit in permits:
            self._require_same(permit.checkpoint)
            if self.covered:
                _cosigned(permit.note.encode(), permit.checkpoint.origin, directory)
            self._add(permit.checkpoint)

    def see(self, note: bytes, origin: str, directory: Directory, now: datetime) -> None:
        """Take note of a head. Raises Refusal(NO_WITNESS) where it is not one the Commission cosigned, or is from the
        future, and Refusal(PERMIT_INVALID) where its tree does not fit one seen before.
        """
        if not note or self._last.get(origin) == note:
            return
        head, seen = _cosigned(note, origin, directory)
        if seen > now + MOST_AHEAD:
            if self.when_stale is WhenStale.ACCEPT:
                return
            detail = f"the head was cosigned at {seen.isoformat()}, which is ahead of our clock"
            raise Suspicion(FindingKind.HEAD_IN_FUTURE, Reason.NO_WITNESS, detail)
        self._require_same(head.checkpoint)
        held = self._seen.get(origin)
        if held is None or seen >= held or held > now + MOST_AHEAD:
            self._seen[origin] = seen
            self._last[origin] = note
            self._add(head.checkpoint)

    def newest(self) -> tuple[int, datetime] | None:
        """Size and time of the newest head seen of any origin."""
        if not self._seen:
            return None
        origin = max(self._seen, key=self._seen.__getitem__)
        return int(self._last[origin].split(b"\n", 2)[1]), self._seen[origin]

    def require_recent(self, origin: str, now: datetime) -> None:
        """Pass where a recent head of this origin was seen (none from the future), or the rule lets permits pass.

        Raises Refusal(NO_WITNESS).
        """
        seen = self._seen.get(origin)
        if self.when_stale is WhenStale.ACCEPT or (seen is not None and -MOST_AHEAD <= now - seen <= self.lag):
            return
        detail = f"the newest cosigned head is of {seen.isoformat() if seen else 'never'}"
        raise Suspicion(FindingKind.HEAD_OLD, Reason.NO_WITNESS, detail)

    async def remember(self, unit: Unit, permits: Sequence[Checked]) -> None:
        """Keep the signed trees of these permits that were not seen before, to be told to the Commission: those that do
        not fit above all. A permit does not wait for it.
        """
        new = {permit.checkpoint: permit.note for permit in permits if permit.checkpoint not in self._kept}
        if new:
            await head_store.keep(unit.connection, new, unit.now)
            unit.then(partial(self._note_kept, new))

    def worth_telling(self, refusal: Refusal, now: datetime) -> bool:
        """Whether a refusal is news: what ails every permit of the hour is told once."""
        kind = kind_of(refusal)
        if kind not in {FindingKind.HEAD_OLD, FindingKind.HEAD_IN_FUTURE, FindingKind.HEAD_INVALID}:
            return True
        told = self._told.get(kind)
        if told is not None and abs(now - told) < AGAIN:
            return False
        self._told[kind] = now
        return True

    def _require_same(self, checkpoint: Checkpoint) -> None:
        known = self._trees.get((checkpoint.origin, checkpoint.size))
        if known is not None and known != checkpoint.root:
            detail = f"the log signed two trees of {checkpoint.size} leaves"
            raise Suspicion(FindingKind.HEAD_FORKED, Reason.PERMIT_INVALID, detail)

    def _add(self, checkpoint: Checkpoint) -> None:
        self._trees.setdefault((checkpoint.origin, checkpoint.size), checkpoint.root)
        if len(self._trees) > MOST_TREES:
            self._trees.popitem(last=False)

    def _note_kept(self, kept: Iterable[Checkpoint]) -> None:
        self._kept.update(dict.fromkeys(kept))
        while len(self._kept) > MOST_TREES:
            self._kept.popitem(last=False)


def _cosigned(note: bytes, origin: str, directory: Directory) -> tuple[SignedCheckpoint, datetime]:
    """A head and the oldest time at which a witness cosigned it. Raises Refusal(NO_WITNESS)."""
    witnesses = [NoteVerifier.from_vkey(key) for key in directory.witness_keys()]
    names = {one.name for one in witnesses}
    if not names:
        raise Refusal(Reason.NO_WITNESS, f"directory version {directory.version} lists no witness")
    try:
        log = NoteVerifier.from_vkey(directory.log_key(origin))
        head = open_checkpoint(note, [log, *witnesses], origin, cosigners=names)
    except Refusal as refusal:
        raise Refusal(Reason.NO_WITNESS, refusal.detail) from None
    try:
        return head, datetime.fromtimestamp(min(head.note.cosigned_at(name) or 0 for name in names), UTC)
    except (ValueError, OverflowError, OSError):
        raise Refusal(Reason.NO_WITNESS, f"the head of {origin} was cosigned beyond the calendar") from None
