"""情報提供許可証の検査: what both the provider's interface system and its intermediate server check of a permit (design 2.3).

Pure: the directory, the law book, the time and the place are arguments. Single use is the store's business (a unique key).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nakadachi.crypto.commitment import check_opening, digest
from nakadachi.crypto.notes import NoteVerifier
from nakadachi.ledger.checkpoint import open_checkpoint
from nakadachi.ledger.tree import check_inclusion, leaf_hash
from nakadachi.refusal import Reason, Refusal
from nakadachi.telegrams.codec import decode_json
from nakadachi.telegrams.permit import LogContent, Opening, Permit, PermitContent
from nakadachi.terms import japan_day

if TYPE_CHECKING:
    from datetime import datetime

    from nakadachi.law.directory import Directory
    from nakadachi.law.lawbook import Lawbook
    from nakadachi.telegrams.inquiry import InquiryStatement
    from nakadachi.terms import LinkCode, OrganisationCode, Prefix

INQUIRER_CODE, PROVIDER_CODE = "inquirer code", "provider code"
PERSON_TAG, OVERSIGHT_TAG = "person tag", "oversight tag"
"""Labels of the four commitments."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A permit whose log, path and signature hold: its content, its place in the log, its leaf hash."""

    content: PermitContent
    index: int
    leaf_hash: bytes


def entry_of(content: bytes) -> bytes:
    """The entry of the log that stands for a permit or refusal: the SHA-256 of its content, which only the parties see."""
    return digest(content)


def check_permit(raw: bytes, directory: Directory) -> Checked:
    """A permit's bytes to what it says: a leaf of a log that the directory lists, in a tree that the log signed.

    Raises Refusal(BAD_FORMAT, PERMIT_INVALID).
    """
    permit = decode_json(raw, Permit)
    content = decode_json(permit.content, LogContent)
    if not isinstance(content, PermitContent):
        raise Refusal(Reason.PERMIT_INVALID, "it is a refusal")
    key = NoteVerifier.from_vkey(directory.log_key(content.origin))
    checkpoint = open_checkpoint(permit.checkpoint.encode(), (key,), content.origin).checkpoint
    leaf = leaf_hash(entry_of(permit.content))
    check_inclusion(leaf, permit.index, checkpoint.size, permit.path, checkpoint.root)
    return Checked(content, permit.index, leaf)


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
    if now > content.accept_by:
        raise Refusal(Reason.PERMIT_EXPIRED, f"accept-by was {content.accept_by.isoformat()}")


def check_law(content: PermitContent, lawbook: Lawbook) -> None:
    """The own copy of the legal table allows what the permit allows, on the day it was issued.

    Raises Refusal(NOT_IN_TABLE).
    """
    lawbook.whitelist.allows(content.prefix, japan_day(content.issued_at))


def check_code(commitment: bytes, label: str, code: LinkCode, opening: Opening) -> None:
    """A link code is the one committed to. Raises Refusal(PERMIT_INVALID)."""
    check_opening(commitment, label, code.value.encode(), opening.salt)
