"""Checkpoints: what a log says of itself at one size (C2SP tlog-checkpoint). Pure; never knows what a leaf is.

The log signs with a key whose name is the origin. Extension lines are refused: nobody could audit them.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nakadachi.crypto.notes import Note, NoteKind, NoteSignature, NoteSigner, NoteVerifier, open_note, sign_note
from nakadachi.refusal import Reason, Refusal

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

HASH_BYTES = 32
_ORIGIN = re.compile(r"[^\s+\x00-\x1f]{1,200}")
_TEXT = re.compile(r"([^\s+\x00-\x1f]{1,200})\n(0|[1-9][0-9]{0,17})\n([A-Za-z0-9+/]{43}=)\n")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """チェックポイント: the log `origin` has `size` leaves and this `root` (32 bytes).

    The origin is 1 to 200 characters without spaces or plus signs. Raises ValueError for other values.
    """

    origin: str
    size: int
    root: bytes

    def __post_init__(self) -> None:
        if not _ORIGIN.fullmatch(self.origin) or not 0 <= self.size < 10**18 or len(self.root) != HASH_BYTES:
            msg = f"no checkpoint: origin {self.origin[:80]!r}, size {self.size}, root of {len(self.root)} bytes"
            raise ValueError(msg)

    def text(self) -> str:
        """The three lines: origin, size in decimal, root in standard base64."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"

    @classmethod
    def parse(cls, text: str) -> Checkpoint:
        """Read the three lines, in their one spelling; total. Raises Refusal(BAD_FORMAT)."""
        form = _TEXT.fullmatch(text)
        if form is None:
            raise Refusal(Reason.BAD_FORMAT, "a checkpoint is not origin, size and root, one line each")
        checkpoint = cls(form[1], int(form[2]), base64.b64decode(form[3]))
        if checkpoint.text() != text:
            raise Refusal(Reason.BAD_FORMAT, "a checkpoint's root is not strict base64")
        return checkpoint


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """署名済みチェックポイント: a checkpoint whose signatures were checked, and the note that carried it."""

    checkpoint: Checkpoint
    note: Note


def sign_checkpoint(checkpoint: Checkpoint, signer: NoteSigner) -> bytes:
    """The signed note of a checkpoint. Raises ValueError where the signer is not named like the origin."""
    if signer.name != checkpoint.origin:
        msg = f"{signer.name} cannot sign for the log {checkpoint.origin}"
        raise ValueError(msg)
    return sign_note(checkpoint.text(), signer)


def open_checkpoint(
    note: bytes, verifiers: Iterable[NoteVerifier], origin: str, *, cosigners: Collection[str] = ()
) -> SignedCheckpoint:
    """Read a checkpoint of the log `origin`: signed by the log itself and cosigned by all of `cosigners`; total.

    Raises Refusal(BAD_FORMAT), Refusal(TOO_LARGE), Refusal(BAD_SIGNATURE).
    """
    opened = open_note(note, verifiers, {origin, *cosigners})
    if NoteSignature(origin, NoteKind.SIGNATURE, None) not in opened.signatures:
        raise Refusal(Reason.BAD_SIGNATURE, f"the checkpoint lacks the signature of the log {origin} itself")
    checkpoint = Checkpoint.parse(opened.text)
    if checkpoint.origin != origin:
        raise Refusal(Reason.BAD_FORMAT, f"a checkpoint of another log than {origin}")
    lacking = sorted(name for name in cosigners if opened.cosigned_at(name) is None)
    if lacking:
        raise Refusal(Reason.BAD_SIGNATURE, f"the checkpoint lacks the cosignature of {', '.join(lacking)}")
    return SignedCheckpoint(checkpoint, opened)
