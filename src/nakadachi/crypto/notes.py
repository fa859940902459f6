"""Signed notes: a text for people and programs with the signatures of several under it; never knows what it means.

Format: C2SP signed-note (Ed25519, type 0x01) and C2SP tlog-cosignature v1 (timestamped Ed25519, type 0x04).
Checkpoints, the law book and the directory travel in it; a signed document is one line of JSON as the text.
A cosigner's key is used for nothing else: a cosignature does not name its cosigner.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING

from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey as Ed25519Key
from nacl.signing import VerifyKey as Ed25519Public

from nakadachi.refusal import Reason, Refusal

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

KEY_BYTES = 32
MAX_SIGNATURES = 64
MAX_NOTE = 16 * 1024 * 1024
_ID_BYTES = 4
_TIME_BYTES = 8
_SIGNATURE_BYTES = 64
_TIME_LIMIT = 1 << 63
_NAME = re.compile(r"[^\s+]+")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
_LINE = re.compile(r"— ([^\s+]+) ([A-Za-z0-9+/]+={0,2})")


class NoteKind(IntEnum):
    """署名の種別: the type byte of a note signature (C2SP signed-note)."""

    SIGNATURE = 0x01
    COSIGNATURE = 0x04


@dataclass(frozen=True, slots=True)
class NoteVerifier:
    """検証鍵: a named Ed25519 public key (32 bytes) for one kind of note signature."""

    name: str
    kind: NoteKind
    public: bytes
    key_id: bytes = field(init=False)

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name) or _CONTROL.search(self.name):
            msg = f"{self.name[:80]!r} is not a name for a note's key: no spaces, no plus sign, not empty"
            raise ValueError(msg)
        if len(self.public) != KEY_BYTES:
            msg = f"the note key of {self.name} has {len(self.public)} bytes, not {KEY_BYTES}"
            raise ValueError(msg)
        named = self.name.encode() + b"\n" + bytes((self.kind,)) + self.public
        object.__setattr__(self, "key_id", hashlib.sha256(named).digest()[:_ID_BYTES])

    @classmethod
    def from_vkey(cls, vkey: str) -> NoteVerifier:
        """Read `<name>+<key id, 8 hex digits>+<base64 of type || key>`. Raises Refusal(BAD_FORMAT)."""
        name, _, rest = vkey.partition("+")
        key_id, _, encoded = rest.partition("+")
        raw = _from_base64(encoded)
        try:
            verifier = cls(name, NoteKind(raw[0]), raw[1:])
        except (IndexError, ValueError):
            raise Refusal(Reason.BAD_FORMAT, "a note key is not name+id+key of a known type") from None
        if verifier.key_id.hex() != key_id:
            raise Refusal(Reason.BAD_FORMAT, f"the id in the note key of {name} does not fit the key")
        return verifier

    @property
    def vkey(self) -> str:
        """The key as text, as `from_vkey` reads it."""
        return f"{self.name}+{self.key_id.hex()}+{_to_base64(bytes((self.kind,)) + self.public)}"


@dataclass(frozen=True, slots=True)
class NoteSigner:
    """署名者: a named Ed25519 private key for one kind of note signature."""

    verifier: NoteVerifier
    _key: Ed25519Key = field(repr=False, compare=False)

    @classmethod
    def from_seed(cls, name: str, seed: bytes, kind: NoteKind = NoteKind.SIGNATURE) -> NoteSigner:
        """The signer of a stored 32-byte seed (RFC 8032). Raises ValueError for another length or an unfit name."""
        if len(seed) != KEY_BYTES:
            msg = f"the seed of the note key {name} has {len(seed)} bytes, not {KEY_BYTES}"
            raise ValueError(msg)
        key = Ed25519Key(seed)
        return cls(NoteVerifier(name, kind, bytes(key.verify_key)), key)

    @property
    def name(self) -> str:
        """The name in its signature lines."""
        return self.verifier.name

    def line(self, text: str, at: int | None = None) -> str:
        """The signature line for a note's text; `at` is a cosignature's time (seconds since 1970), else None.

        Raises ValueError where a cosignature has no time from 0 to 2^63 - 1, or a signature has one.
        """
        if (at is None) is not (self.verifier.kind is NoteKind.SIGNATURE) or not 0 <= (at or 0) < _TIME_LIMIT:
            msg = f"a cosignature takes a time in seconds since 1970 and a signature takes none ({self.name})"
            raise ValueError(msg)
        if at is None:
            signature = self._key.sign(text.encode()).signature
        else:
            signature = at.to_bytes(_TIME_BYTES, "big") + self._key.sign(_cosigned(text, at)).signature
        return f"— {self.name} {_to_base64(self.verifier.key_id + signature)}\n"


@dataclass(frozen=True, slots=True)
class NoteSignature:
    """検証済みの署名: a signature that was checked: whose, of which kind, and when for a cosignature."""

    name: str
    kind: NoteKind
    at: int | None


@dataclass(frozen=True, slots=True)
class Note:
    """署名付き文書: a text whose signatures were checked. `text` ends with a newline."""

    text: str
    signatures: tuple[NoteSignature, ...]

    @property
    def signed_by(self) -> frozenset[str]:
        """The names of all whose signature was checked."""
        return frozenset(signature.name for signature in self.signatures)

    def cosigned_at(self, name: str) -> int | None:
        """When `name` cosigned, in seconds since 1970, the latest if twice; None where it did not."""
        return max((each.at for each in self.signatures if each.name == name and each.at is not None), default=None)


def sign_note(text: str, *signers: NoteSigner) -> bytes:
    """A note with the signatures of `signers` (kind SIGNATURE) in their order.

    `text` ends with a newline and holds no other control character. Raises ValueError for another text or no signer.
    """
    if not signers or not text.endswith("\n") or _CONTROL.search(text):
        msg = "a note has a signer, and a text that ends with a newline and holds no other control character"
        raise ValueError(msg)
    return (text + "\n" + "".join(signer.line(text) for signer in signers)).encode()


def add_signature(note: bytes, signer: NoteSigner, *, at: int | None = None) -> bytes:
    """The note with one signature more; those already there are neither checked nor changed.

    For a cosignature `at` is its time (seconds since 1970). Raises Refusal(BAD_FORMAT) where it is no note.
    """
    text, _ = _split(note)
    return note + signer.line(text, at).encode()


def note_text(note: bytes) -> str:
    """The text of a note whose signatures are NOT checked: only to find out which verifiers to take.

    Raises Refusal(BAD_FORMAT).
    """
    return _split(note)[0]


def open_note(note: bytes, verifiers: Iterable[NoteVerifier], required: Collection[str]) -> Note:
    """Read a note and check its signatures; total.

    Signatures of keys not among `verifiers` are passed over; every one of a known key must verify. `required` are the
    names that must have signed, at least one; a name may have several keys among the verifiers (rotation).
    Raises Refusal(BAD_FORMAT), Refusal(TOO_LARGE), Refusal(BAD_SIGNATURE), or ValueError where `required` is empty.
    """
    if not required:
        msg = "a note is opened for at least one required name"
        raise ValueError(msg)
    known = {(verifier.name, verifier.key_id): verifier for verifier in verifiers}
    text, lines = _split(note)
    checked = []
    for name, raw in lines:
        verifier = known.get((name, raw[:_ID_BYTES]))
        if verifier is not None:
            checked.append(_check(text, verifier, raw[_ID_BYTES:]))
    opened = Note(text, tuple(dict.fromkeys(checked)))
    lacking = sorted(set(required) - opened.signed_by)
    if lacking:
        raise Refusal(Reason.BAD_SIGNATURE, f"the note lacks the signature of {', '.join(lacking)}")
    return opened


def _check(text: str, verifier: NoteVerifier, raw: bytes) -> NoteSignature:
    at, message = None, text.encode()
    if verifier.kind is NoteKind.COSIGNATURE:
        at, raw = int.from_bytes(raw[:_TIME_BYTES], "big"), raw[_TIME_BYTES:]
        message = _cosigned(text, at)
    if len(raw) != _SIGNATURE_BYTES or (at or 0) >= _TIME_LIMIT:
        raise Refusal(Reason.BAD_FORMAT, f"the note's signature of {verifier.name} has not the form of its type")
    try:
        Ed25519Public(verifier.public).verify(message, raw)
    except BadSignatureError:
        raise Refusal(Reason.BAD_SIGNATURE, f"the note's signature of {verifier.name} does not verify") from None
    return NoteSignature(verifier.name, verifier.kind, at)


def _cosigned(text: str, at: int) -> bytes:
    return f"cosignature/v1\ntime {at}\n{text}".encode()


def _split(note: bytes) -> tuple[str, list[tuple[str, bytes]]]:
    """A note's text and its signature lines as (name, key id || signature)."""
    if len(note) > MAX_NOTE:
        raise Refusal(Reason.TOO_LARGE, f"a note of {len(note)} bytes, at most {MAX_NOTE}")
    try:
        whole = note.decode()
    except UnicodeDecodeError:
        raise Refusal(Reason.BAD_FORMAT, "a note is not UTF-8") from None
    if _CONTROL.search(whole):
        raise Refusal(Reason.BAD_FORMAT, "a note holds a control character")
    text, blank, below = whole.rpartition("\n\n")
    if not blank or not below.endswith("\n"):
        raise Refusal(Reason.BAD_FORMAT, "a note has no signature lines under a blank line")
    lines = below[:-1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise Refusal(Reason.BAD_FORMAT, f"a note with {len(lines)} signatures, at most {MAX_SIGNATURES}")
    return text + "\n", [_read_line(line) for line in lines]


def _read_line(line: str) -> tuple[str, bytes]:
    form = _LINE.fullmatch(line)
    if form is None:
        raise Refusal(Reason.BAD_FORMAT, "a note's signature line is not `— name base64`")
    raw = _from_base64(form[2])
    if len(raw) <= _ID_BYTES:
        raise Refusal(Reason.BAD_FORMAT, f"the note's signature of {form[1][:80]} is too short")
    return form[1], raw


def _to_base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _from_base64(text: str) -> bytes:
    """Strict standard base64: what does not encode back to the very same text is refused."""
    try:
        raw = binascii.a2b_base64(text)
    except ValueError:
        raise Refusal(Reason.BAD_FORMAT, "a note holds what is not base64") from None
    if _to_base64(raw) != text:
        raise Refusal(Reason.BAD_FORMAT, "a note holds what is not strict base64")
    return raw
