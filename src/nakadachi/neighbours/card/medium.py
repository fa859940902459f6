"""Where a software card lives: one file, encrypted under a key that lies elsewhere; what is written is there for good.

A write is on disk before it returns: a kill gives no try back. Whoever holds an older copy of the file and its key
holds an older counter: that a file cannot prevent, and a chip can (docs/neighbours/card.md).
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from argon2.low_level import Type, hash_secret_raw
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from nakadachi.kit.entropy import Entropy
from nakadachi.kit.keystore import NONCE_BYTES
from nakadachi.neighbours.card.state import CardState, decode_state, encode_state
from nakadachi.neighbours.card.texts import CardError, Trouble

MARK = b"nakadachi card 1\n"
SALT_BYTES = 16
LARGEST = 1 << 20
MEMORY_KIB, ROUNDS, LANES = 19_456, 2, 1
"""Argon2id as OWASP gives it: 19 MiB, two rounds, one lane. It is on no list of N1; SECURITY.md names it."""


class Medium:
    """カードの媒体: reads and replaces a card's content; several processes may use one card, one at a time."""

    def __init__(self, path: Path, secret: bytes, entropy: Entropy) -> None:
        """`secret` is the transport secret: 32 random bytes, or what a person chose."""
        self.path = path
        self._secret = secret
        self._entropy = entropy
        self._keys: dict[bytes, AESGCM] = {}

    @property
    def is_there(self) -> bool:
        """Whether the card is in its reader: its file is where it was put."""
        return self.path.is_file()

    def create(self, state: CardState) -> None:
        """Write a new card. Raises CardError where there is one already."""
        with self._locked():
            if self.path.exists():
                raise CardError(Trouble.UNREADABLE, f"{self.path}: there is a card already")
            self._write(state, self._entropy.bytes(SALT_BYTES))

    def read(self) -> CardState:
        """What the card holds. Raises CardError."""
        return self._read()[0]

    @contextmanager
    def turn(self) -> Iterator[Turn]:
        """Hold the card alone for one command. Raises CardError."""
        with self._locked():
            state, salt = self._read()
            yield Turn(self, state, salt)

    def _read(self) -> tuple[CardState, bytes]:
        try:
            with self.path.open("rb") as file:
                raw = file.read(LARGEST + 1)
        except FileNotFoundError:
            raise CardError(Trouble.ABSENT, str(self.path)) from None
        except OSError as wrong:
            raise CardError(Trouble.UNREADABLE, f"{self.path}: {wrong.strerror}") from None
        return self.open_content(raw)

    def open_content(self, raw: bytes) -> tuple[CardState, bytes]:
        """The content of a file's bytes, and its salt. Raises CardError."""
        head = len(MARK) + SALT_BYTES
        if not raw.startswith(MARK) or not head + NONCE_BYTES + 16 <= len(raw) <= LARGEST:
            raise CardError(Trouble.UNREADABLE, f"{self.path}: is no card")
        salt, nonce = raw[len(MARK) : head], raw[head : head + NONCE_BYTES]
        try:
            content = self._cipher(salt).decrypt(nonce, raw[head + NONCE_BYTES :], raw[:head])
        except InvalidTag:
            raise CardError(Trouble.UNREADABLE, f"{self.path}: another key, or altered") from None
        return decode_state(content), salt

    def closed_content(self, state: CardState, salt: bytes) -> bytes:
        """A file's bytes."""
        nonce = self._entropy.bytes(NONCE_BYTES)
        head = MARK + salt
        return head + nonce + self._cipher(salt).encrypt(nonce, encode_state(state), head)

    def _cipher(self, salt: bytes) -> AESGCM:
        if salt not in self._keys:
            key = hash_secret_raw(self._secret, salt, ROUNDS, MEMORY_KIB, LANES, 32, Type.ID)
            self._keys = {salt: AESGCM(key)}
        return self._keys[salt]

    def _write(self, state: CardState, salt: bytes) -> None:
        content = self.closed_content(state, salt)
        try:
            handle, name = tempfile.mkstemp(dir=self.path.parent, prefix=".", suffix=".new")
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(self.path)
            folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as wrong:
            raise CardError(Trouble.UNREADABLE, f"{self.path}: cannot be written ({wrong.strerror})") from None

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One process at a time, by a lock file beside the card: the card's own file is replaced at every write."""
        beside = self.path.with_name(f".{self.path.name}.lock")
        try:
            handle = os.open(beside, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as wrong:
            raise CardError(Trouble.ABSENT, f"{self.path}: {wrong.strerror}") from None
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)


class Turn:
    """One command's hold on a card: what it holds, and how to change it for good."""

    def __init__(self, medium: Medium, state: CardState, salt: bytes) -> None:
        self.state = state
        self._medium, self._salt = medium, salt

    def keep(self, state: CardState) -> None:
        """Replace the content; on disk when this returns. Raises CardError, also where the card is gone."""
        if not self._medium.is_there:
            raise CardError(Trouble.ABSENT, str(self._medium.path))
        self._medium._write(state, self._salt)  # noqa: SLF001  the two are one
        self.state = state
