"""Secret keys at rest: one file per key, encrypted under a key-encryption key that comes from elsewhere (design 3, N1).

Monthly keys wrap what is to be destroyed with its month: destroying the file destroys the month everywhere.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from nakadachi.terms import japan_day

if TYPE_CHECKING:
    from datetime import datetime

    from nakadachi.kit.entropy import Entropy

NONCE_BYTES = 12


class KeyStoreError(Exception):
    """A key is missing or its file cannot be opened; the message names the file and what to do, never the key."""


class KeyStore(Protocol):
    """Where a system's secrets live."""

    def secret(self, name: str) -> bytes:
        """A secret by name. Raises KeyStoreError."""

    def month(self, moment: datetime) -> Wrapper:
        """The wrapper under the key of the month (Japan's calendar), made at its first use."""

    def months(self, name: str) -> Wrapper:
        """The wrapper of a month by its name (`2026-11`). Raises KeyStoreError once it is destroyed."""


class Wrapper:
    """Wraps personal parts under one month's key (AES-256-GCM); `name` is the month."""

    def __init__(self, name: str, key: bytes, entropy: Entropy) -> None:
        self.name = name
        self._cipher = AESGCM(key)
        self._entropy = entropy

    def wrap(self, content: bytes, bound_to: str) -> bytes:
        """`content` for keeping, bound to the name of what it belongs to."""
        nonce = self._entropy.bytes(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, content, bound_to.encode())

    def unwrap(self, wrapped: bytes, bound_to: str) -> bytes:
        """The content again. Raises KeyStoreError where it was changed or belongs elsewhere."""
        try:
            return self._cipher.decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], bound_to.encode())
        except (InvalidTag, ValueError):  # ValueError: cut so short that not even the nonce is left
            msg = f"a part wrapped in {self.name} does not open"
            raise KeyStoreError(msg) from None


class FileKeyStore:
    """Keys as files `<name>.key` in a folder, each encrypted under the key-encryption key read from `unlock`."""

    def __init__(self, folder: Path, unlock: Path, entropy: Entropy) -> None:
        self._folder = folder
        self._entropy = entropy
        try:
            secret = unlock.read_bytes()
        except OSError as wrong:
            msg = f"{unlock}: the key that unlocks the key store cannot be read ({wrong.strerror})"
            raise KeyStoreError(msg) from None
        key = HKDF(SHA256(), 32, salt=None, info=b"nakadachi key store").derive(secret)
        self._cipher = AESGCM(key)
        self._open: dict[str, bytes] = {}
        self._wrappers: dict[str, Wrapper] = {}

    def put(self, name: str, secret: bytes) -> None:
        """Keep a new secret; an existing one is never overwritten. Raises KeyStoreError."""
        path = self._folder / f"{name}.key"
        nonce = self._entropy.bytes(NONCE_BYTES)
        try:
            _write_new(path, nonce + self._cipher.encrypt(nonce, secret, name.encode()))
        except OSError as wrong:
            msg = f"{path}: the key cannot be kept ({wrong.strerror})"
            raise KeyStoreError(msg) from None

    def names(self, kind: str) -> list[str]:
        """The keys of a kind, the first and those that came after it: `kind`, `kind-2`, `kind-3` …"""
        found = [path.stem for path in self._folder.glob(f"{kind}*.key")]
        numbered = [(int(one.removeprefix(f"{kind}-")), one) for one in found if _is_later(one, kind)]
        return [*([kind] if kind in found else []), *(name for _, name in sorted(numbered))]

    def has(self, name: str) -> bool:
        """Whether there is such a key."""
        return (self._folder / f"{name}.key").exists()

    def secret(self, name: str) -> bytes:
        """See KeyStore."""
        if name not in self._open:
            path = self._folder / f"{name}.key"
            try:
                raw = path.read_bytes()
                self._open[name] = self._cipher.decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], name.encode())
            except OSError as wrong:
                msg = f"{path}: the key cannot be read ({wrong.strerror})"
                raise KeyStoreError(msg) from None
            except (InvalidTag, ValueError):  # ValueError: a file cut short
                msg = f"{path}: the key does not open; is the unlocking key the right one?"
                raise KeyStoreError(msg) from None
        return self._open[name]

    def month(self, moment: datetime) -> Wrapper:
        """See KeyStore."""
        name = japan_day(moment).strftime("%Y-%m")
        if not self.has(f"month-{name}"):
            try:
                self.put(f"month-{name}", self._entropy.bytes(32))
            except KeyStoreError:
                # Another process of this system may have been first; then its key is the month's.
                if not self.has(f"month-{name}"):
                    raise
        return self.months(name)

    def months(self, name: str) -> Wrapper:
        """See KeyStore."""
        if not self.has(f"month-{name}"):
            # Destroyed while we run: what we still remember of it goes too.
            self._open.pop(f"month-{name}", None)
            self._wrappers.pop(name, None)
        if name not in self._wrappers:
            self._wrappers[name] = Wrapper(name, self.secret(f"month-{name}"), self._entropy)
        return self._wrappers[name]


def _is_later(name: str, kind: str) -> bool:
    number = name.removeprefix(f"{kind}-")
    return number != name and number.isascii() and number.isdigit()


def _write_new(path: Path, content: bytes) -> None:
    """Write a file that is not there yet, whole or not at all, for its owner only. Raises OSError."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".new")
    fresh = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        path.hardlink_to(fresh)
    finally:
        fresh.unlink()
