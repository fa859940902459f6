"""情報提供許可証の検査: what both systems of the provider check of a permit (design 2.3).

Pure: directory, law book, time and place are arguments. Single use is the store's business (a unique key).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from nakadachi.crypto.commitment import check_opening, digest
from nakadachi.crypto.notes import NoteVerifier
from nakadachi.ledger.checkpoint import Checkpoint, open_checkpoint
from nakadachi.ledger.tree import check_inclusion, leaf_hash
from nakadachi.refusal import Reason, Refusal
from nakadachi.telegrams.codec import check_moments, decode_envelope, decode_json
from nakadachi.telegrams.inquiry import Inquire
from nakadachi.telegrams.oversight import FindingKind
from nakadachi.telegrams.permit import LogContent, Opening, Permit, PermitContent
from nakadachi.telegrams.suspicion import Suspicion, suspecting
from nakadachi.terms import LinkCode, NodeName, Role, japan_day

if TYPE_CHECKING:
    from datetime import datetime

    from nakadachi.kit.unit import Unit
    from nakadachi.law.directory import Directory
    from nakadachi.law.lawbook import Lawbook
    from nakadachi.ledger.checkpoint import Checkpoint
    from nakadachi.ledger.edition import Edition
    from nakadachi.telegrams.envelope import Verified
    from nakadachi.telegrams.inquiry import InquireAt, InquiryStatement
    from nakadachi.terms import OrganisationCode, Prefix

INQUIRER_CODE, PROVIDER_CODE = "inquirer code", "provider code"
PERSON_TAG, OVERSIGHT_TAG = "person tag", "oversight tag"
"""Labels of the four commitments."""
MOST_AHEAD = timedelta(minutes=1)
"""How far another's clock may be ahead of ours."""
LONGEST_ACCEPTANCE = timedelta(hours=24)
"""From issue to accept-by at the most (design, fixed values)."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A permit whose log, path and signature hold: its content, its place in the log, its leaf hash, and the checkpoint
    with the note that the log signed.
    """

    content: PermitContent
    index: int
    leaf_hash: bytes
    checkpoint: Checkpoint
    note: str


def entry_of(content: bytes) -> bytes:
    """The entry of the log for a permit or refusal: the SHA-256 of its content, which only the parties see."""
    return digest(content)


def check_permit(raw: bytes, directory: Directory) -> Checked:
    """A permit's bytes to what it says: a leaf of a log that the directory lists, in a tree that the log signed.

    Raises Refusal(BAD_FORMAT, TOO_LARGE, BAD_SIGNATURE, PERMIT_INVALID).
    """
    with suspecting(FindingKind.PERMIT_INVALID):
        return _leaf(raw, directory)


def _leaf(raw: bytes, directory: Directory) -> Checked:
    permit: Permit = decode_json(raw, Permit)
    content: LogContent = decode_json(permit.content, LogContent)
    check_moments(permit.content)
    if not isinstance(content, PermitContent):
        raise Refusal(Reason.PERMIT_INVALID, "it is a refusal")
    checkpoint = _signed(permit.checkpoint, directory.log_key(content.origin), content.origin)
    leaf = leaf_hash(entry_of(permit.content))
    check_inclusion(leaf, permit.index, checkpoint.size, permit.path, checkpoint.root)
    return Checked(content, permit.index, leaf, checkpoint, permit.checkpoint)


@lru_cache(maxsize=256)
def _signed(note: str, vkey: str, origin: str) -> Checkpoint:
    """A checkpoint under its log's key. Permits of one batch have the same, so it is verified once; a refusal is not
    kept.
    """
    return open_checkpoint(note.encode(), (NoteVerifier.from_vkey(vkey),), origin).checkpoint


def check_use(
    checked: Checked, statement: InquiryStatement, prefix: Prefix, *, provider: OrganisationCode, now: datetime
) -> None:
    """The permit is for this provider, this statement of the inquirer, and now.

    Raises Refusal(PERMIT_INVALID, PERMIT_EXPIRED).
    """
    content = checked.content
    if content.prefix.provider != provider:
        raise Refusal(Reason.PERMIT_INVALID, "it is for another provider")
    if content.prefix != prefix:
        raise Refusal(Reason.PERMIT_INVALID, "it is for another prefix or other items")
    if statement.serial != content.serial or statement.leaf_hash != checked.leaf_hash:
        raise Refusal(Reason.PERMIT_INVALID, "the statement is of another exchange")
    if statement.suite != content.suite:
        raise Refusal(Reason.PERMIT_INVALID, "the statement names another seal suite")
    if (statement.accept_by, statement.answer_by) != (content.accept_by, content.answer_by):
        raise Refusal(Reason.PERMIT_INVALID, "the statement has other deadlines")
    if content.issued_at > now + MOST_AHEAD or content.accept_by - content.issued_at > LONGEST_ACCEPTANCE:
        # The day of issue decides which law holds, so it must be that of the exchange.
        raise Refusal(Reason.PERMIT_INVALID, "it was not issued at the time it says")
    if now > content.accept_by:
        raise Refusal(Reason.PERMIT_EXPIRED, f"accept-by was {content.accept_by.isoformat()}")


def check_law(content: PermitContent, lawbook: Lawbook) -> None:
    """The own copy of the legal table allows what the permit allows, by the same row, on the day it was issued.

    Which version the core judged by does not matter: a row that ours does not have bears nothing.
    Raises Refusal(NOT_IN_TABLE).
    """
    row = lawbook.allows(content.prefix, japan_day(content.issued_at))
    if row.id != content.legal_row:
        detail = f"our law book {lawbook.version} bears it by row {row.id}, the permit (law book {content.lawbook}) by"
        raise Refusal(Reason.NOT_IN_TABLE, f"{detail} {content.legal_row[:20]!r}")


def check_code(commitment: bytes, label: str, code: LinkCode, opening: Opening) -> None:
    """A link code is the one committed to. Raises Refusal(PERMIT_INVALID)."""
    with suspecting(FindingKind.CODE_OPENING_WRONG):
        check_opening(commitment, label, code.value.encode(), opening.salt)


@dataclass(frozen=True, slots=True)
class Asking:
    """One item of an InquireAt that passed every check.

    The permit, the inquirer's statement, L_B, who asks, and the sealed subject check.
    """

    permit: Checked
    statement: InquiryStatement
    code: LinkCode
    inquirer: NodeName
    subject_check: bytes


async def check_inquiry(
    telegram: Verified[InquireAt], edition: Edition, *, provider: OrganisationCode, unit: Unit
) -> tuple[Asking, ...]:
    """Everything that the provider's two systems check of an inquiry before they act on it (design 2.3, I4).

    A's statement is checked against A's key in the directory, each permit as a leaf of the log, for this statement,
    this provider, now, by our own copy of the table, and L_B against its commitment.
    Raises Refusal(BAD_FORMAT, TOO_LARGE, BAD_SIGNATURE, PERMIT_INVALID, PERMIT_EXPIRED, NOT_IN_TABLE).
    """
    with suspecting(FindingKind.STATEMENT_FORGED):
        inquiry = _inquirers_own(telegram, edition)
    items = unit.each(range(len(inquiry.header.statements)))
    return tuple(
        [_check_item(telegram, inquiry, item, edition=edition, provider=provider, now=unit.now) async for item in items]
    )


def _inquirers_own(telegram: Verified[InquireAt], edition: Edition) -> Verified[Any]:
    enclosed = decode_envelope(telegram.part("statement"))
    inquiry = edition.peers.verify(enclosed)
    if not isinstance(inquiry.header, Inquire):
        raise Refusal(Reason.BAD_FORMAT, "the enclosed telegram is no inquiry")
    if inquiry.header.prefix != telegram.header.prefix or inquiry.header.exchanges != telegram.header.serials:
        raise Refusal(Reason.PERMIT_INVALID, "the enclosed statement is of other exchanges")
    if inquiry.header.author != NodeName.of(Role.INTERMEDIATE, inquiry.header.prefix.inquirer):
        raise Refusal(Reason.PERMIT_INVALID, "the enclosed statement is not the inquirer's")
    return inquiry


def _check_item(
    telegram: Verified[InquireAt],
    inquiry: Verified[Any],
    item: int,
    *,
    edition: Edition,
    provider: OrganisationCode,
    now: datetime,
) -> Asking:
    statement = inquiry.header.statements[item]
    permit = check_permit(inquiry.part("permit", item), edition.directory)
    check_use(permit, statement, inquiry.header.prefix, provider=provider, now=now)
    check_law(permit.content, edition.lawbook)
    opening: Opening = decode_json(telegram.part("link code", item), Opening)
    try:
        code = LinkCode(opening.value)
    except ValueError:
        detail = "what opens the provider's commitment is no link code"
        raise Suspicion(FindingKind.CODE_OPENING_WRONG, Reason.PERMIT_INVALID, detail) from None
    check_code(permit.content.commitments.provider_code, PROVIDER_CODE, code, opening)
    sealed = inquiry.part("subject check", item)
    if digest(sealed) != statement.subject_check:
        detail = "the sealed subject check is not the one stated"
        raise Suspicion(FindingKind.STATEMENT_FORGED, Reason.BAD_FORMAT, detail)
    return Asking(permit, statement, code, inquiry.header.author, sealed)
