"""証跡の検査: what is wrong in one entry by itself, and what the core's decision in it says. Pure (A1, A2)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from nakadachi.commission.evidence import Field
from nakadachi.crypto.commitment import check_opening
from nakadachi.ledger.permits import OVERSIGHT_TAG, entry_of
from nakadachi.ledger.tree import leaf_hash
from nakadachi.refusal import Refusal
from nakadachi.telegrams.codec import check_moments, decode_json
from nakadachi.telegrams.permit import LogContent, PermitContent, RefusalContent
from nakadachi.telegrams.trail import Event
from nakadachi.terms import NodeName, Role

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from nakadachi.telegrams.trail import Decision, TrailEntry

TAG_BYTES = 32


@dataclass(frozen=True, slots=True)
class Examined:
    """What an entry's decision says, as far as there is one, and the fields in which the entry is wrong by itself."""

    faults: frozenset[Field] = frozenset()
    origin: str | None = None
    issued_at: datetime | None = None
    accept_by: datetime | None = None
    answer_by: datetime | None = None


def examine(author: NodeName, entry: TrailEntry) -> Examined:
    """証跡の検査: the core's decision must be its leaf's content and open the oversight tag; ends show none."""
    if author.role is not Role.CORE:
        return Examined()
    if entry.decision is None:
        lacking = entry.leaf is not None or entry.event is Event.PERMITTED
        return Examined(frozenset({Field.LEAF}) if lacking else frozenset())
    try:
        content: PermitContent | RefusalContent = decode_json(entry.decision.content, LogContent)
        check_moments(entry.decision.content)
    except Refusal:
        return Examined(frozenset({Field.LEAF}))
    if not content.origin.isprintable():
        return Examined(frozenset({Field.LEAF}))
    faults = frozenset(_faults(entry, entry.decision, content))
    if isinstance(content, RefusalContent):
        return Examined(faults, content.origin, content.refused_at)
    return Examined(faults, content.origin, content.issued_at, content.accept_by, content.answer_by)


def _faults(entry: TrailEntry, decision: Decision, content: PermitContent | RefusalContent) -> Iterator[Field]:
    if leaf_hash(entry_of(decision.content)) != entry.leaf:
        yield Field.LEAF
    if content.serial != entry.serial:
        yield Field.SERIAL
    if entry.prefix not in (content.prefix, replace(content.prefix, items=())):  # 0.1.0 kept what was asked for
        yield Field.PREFIX
    permit = isinstance(content, PermitContent)
    if entry.event is not (Event.PERMITTED if permit else Event.REFUSED):
        yield Field.ENDING
    if isinstance(content, RefusalContent) and content.reason is not entry.reason:
        yield Field.REASON
    if entry.at != (content.issued_at if isinstance(content, PermitContent) else content.refused_at):
        yield Field.TIME
    if not _opens(decision, content):
        yield Field.TAG


def _opens(decision: Decision, content: PermitContent | RefusalContent) -> bool:
    permit = isinstance(content, PermitContent)
    if decision.tag is None or decision.salt is None or (permit and len(decision.tag) != TAG_BYTES):
        return False
    committed = content.commitments.oversight_tag if isinstance(content, PermitContent) else content.oversight_tag
    try:
        check_opening(committed, OVERSIGHT_TAG, decision.tag, decision.salt)
    except Refusal:
        return False
    return True
