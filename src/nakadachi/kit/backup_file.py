"""The file of a backup: a head that anybody may read, and a content that only the holders of a key can (I15, N2).

    nakadachi backup 1 LF || length of the head (4 bytes) || head (JSON) || chunks

The head says whose backup it is and holds the file's own key, wrapped for everybody who may open it. The content is cut
into chunks of 1 MiB, each AES-256-GCM under a key that is derived from the file's key and the digest of the head, with
the chunk's number and whether it is the last one as nonce (the STREAM construction of Hoang, Reyhanitabar, Rogaway and
Vizár, 2015). So nothing can be changed, left out, put in another order or cut off unseen, and memory stays small. Files
are written beside their place and put there whole, after fsync. What the content is, it does not know.
"""

from __future__ import annotations

import base64
import contextlib
import errno
import fcntl
import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Protocol

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from nakadachi.kit.entropy import Entropy

SUFFIX, DRAFT_SUFFIX = ".backup", ".part"
CHUNK_BYTES = 1 << 20
TAG_BYTES = 16
KEY_BYTES = 32
_NAME = b"nakadachi backup "
_VERSION = b"1"
_LONGEST_LINE = 64
_LONGEST_HEAD = 1 << 20


class BackupError(Exception):
    """A backup cannot be made, read or trusted; the text says which, why and what to do, and holds no key."""


class Closer(Protocol):
    """Wraps the key of a file for one who may open it."""

    @property
    def name(self) -> str:
        """Whose it is."""

    def wrap(self, key: bytes) -> bytes:
        """The wrapped key."""


class Opener(Protocol):
    """Unwraps what the closer of the same name wrapped."""

    @property
    def name(self) -> str:
        """Whose it is."""

    def unwrap(self, wrapped: bytes) -> bytes:
        """The key. Raises ValueError where it was wrapped for somebody else, or changed."""


class _Wrapped(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    key: str


class _Head(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    facts: dict[str, Any]
    keys: tuple[_Wrapped, ...]


@dataclass(slots=True)
class _Writer:
    """Takes the content, and writes it in chunks; the last one is written by `finish`."""

    file: IO[bytes]
    cipher: AESGCM
    size: int = 0
    _count: int = 0
    _rest: bytes = b""

    def write(self, content: bytes) -> None:
        """More of the content. Raises OSError."""
        self.size += len(content)
        waiting = memoryview(self._rest + content)
        while len(waiting) > CHUNK_BYTES:
            self._chunk(waiting[:CHUNK_BYTES], last=False)
            waiting = waiting[CHUNK_BYTES:]
        self._rest = bytes(waiting)

    def finish(self) -> None:
        """Write the last chunk. Raises OSError."""
        self._chunk(self._rest, last=True)

    def _chunk(self, content: bytes | memoryview, *, last: bool) -> None:
        self.file.write(self.cipher.encrypt(_nonce(self._count, last=last), content, None))
        self._count += 1


@contextmanager
def create(path: Path, facts: dict[str, Any], closers: Sequence[Closer], entropy: Entropy) -> Iterator[_Writer]:
    """A new backup at `path` for those of `closers`, written in the block: `write(content)`; whole or not there at all.

    `facts` go into the head, unencrypted. Raises BackupError where the disk is full, or there is such a file already;
    what the block raises leaves nothing behind.
    """
    draft = path.with_name(path.name + DRAFT_SUFFIX)
    key = entropy.bytes(KEY_BYTES)
    wrapped = tuple(_Wrapped(one.name, base64.b64encode(one.wrap(key)).decode()) for one in closers)
    head = msgspec.json.encode(_Head(facts, wrapped), order="sorted")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            fcntl.flock(file, fcntl.LOCK_SH)  # says that the draft is somebody's work: see clear_drafts
            file.write(_NAME + _VERSION + b"\n" + len(head).to_bytes(4, "big") + head)
            writer = _Writer(file, _content_cipher(key, head))
            yield writer
            writer.finish()
            file.flush()
            os.fsync(file.fileno())
        path.hardlink_to(draft)  # never over another backup
        draft.unlink()
        _fsync_folder(path.parent)
    except OSError as wrong:
        draft.unlink(missing_ok=True)
        raise BackupError(f"{path}: cannot be written: {_explain(wrong)}") from wrong
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def read_facts(path: Path) -> dict[str, Any]:
    """What the head says. Nobody vouches for it until the content was read to its end. Raises BackupError."""
    with _opened(path) as file:
        return _read_head(path, file)[0].facts


def read(path: Path, openers: Sequence[Opener]) -> Iterator[bytes]:
    """The content piece by piece, each one checked. Raises BackupError: what was given out before is then not whole."""
    with _opened(path) as file:
        head, raw = _read_head(path, file)
        cipher = _content_cipher(_unwrapped(path, head, openers), raw)
        count, chunk = 0, file.read(CHUNK_BYTES + TAG_BYTES)
        while True:
            following = file.read(CHUNK_BYTES + TAG_BYTES)
            try:
                yield cipher.decrypt(_nonce(count, last=not following), chunk, None)
            except (InvalidTag, ValueError):  # ValueError: not even a tag is left
                raise BackupError(
                    f"{path}: is cut short or was changed (chunk {count}): do not use it, take another backup"
                ) from None
            if not following:
                return
            count, chunk = count + 1, following


def check(path: Path, openers: Sequence[Opener]) -> int:
    """Read a backup to its end: how many bytes its content has. Raises BackupError where it is not whole."""
    return sum(len(piece) for piece in read(path, openers))


def clear_drafts(folder: Path) -> None:
    """Remove what interrupted backups left in `folder`; drafts that somebody writes now stay."""
    for draft in folder.glob(f"*{SUFFIX}{DRAFT_SUFFIX}"):
        with contextlib.suppress(OSError), draft.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            draft.unlink()


def _read_head(path: Path, file: IO[bytes]) -> tuple[_Head, bytes]:
    line = file.readline(_LONGEST_LINE)
    if not line.startswith(_NAME):
        raise BackupError(f"{path}: is no backup of nakadachi")
    if line != _NAME + _VERSION + b"\n":
        said = line.removeprefix(_NAME).strip().decode(errors="replace")
        raise BackupError(
            f"{path}: has format {said!r}, this program reads format {_VERSION.decode()}: use a newer one"
        )
    length = int.from_bytes(file.read(4), "big")
    raw = file.read(min(length, _LONGEST_HEAD))
    try:
        return msgspec.json.decode(raw, type=_Head), raw
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise BackupError(f"{path}: its head is cut short or was changed: take another backup") from None


def _unwrapped(path: Path, head: _Head, openers: Sequence[Opener]) -> bytes:
    for one in head.keys:
        for opener in openers:
            if one.name == opener.name:
                try:
                    return opener.unwrap(base64.b64decode(one.key, validate=True))
                except ValueError:
                    continue
    names = ", ".join(sorted({one.name for one in head.keys})) or "nobody"
    raise BackupError(f"{path}: does not open with the key given; it is closed for: {names}")


def _content_cipher(key: bytes, head: bytes) -> AESGCM:
    salt = hashlib.sha256(head).digest()
    return AESGCM(HKDF(SHA256(), KEY_BYTES, salt=salt, info=b"nakadachi backup content").derive(key))


def _nonce(count: int, *, last: bool) -> bytes:
    return count.to_bytes(11, "big") + bytes((last,))


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    try:
        with path.open("rb") as file:
            yield file
    except OSError as wrong:
        raise BackupError(f"{path}: cannot be read: {wrong.strerror}") from wrong


def _fsync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _explain(wrong: OSError) -> str:
    if wrong.errno in {errno.ENOSPC, errno.EDQUOT}:
        return "the disk is full: free some space; what was begun is removed"
    return wrong.strerror or str(wrong)
