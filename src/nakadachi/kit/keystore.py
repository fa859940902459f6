"""Secret keys at rest: what a system asks of its key store, and the default one (design 3, N1; decision 0027).

Monthly keys wrap what is to be destroyed with its month: destroying the key destroys the month everywhere. TLS keys
are not here: they stay files, which the TLS library reads.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from nakadachi.kit.clock import SystemClock
from nakadachi.kit.key_error import KeyStoreError as KeyStoreError
from nakadachi.kit.key_error import MonthDestroyedError as MonthDestroyedError
from nakadachi.kit.key_folder import NONCE_BYTES as NONCE_BYTES
from nakadachi.kit.key_folder import SECRET_BYTES, FolderKeyStore
from nakadachi.kit.key_folder import Wrapper as Wrapper
from nakadachi.kit.key_journal import Act, Journal, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from nakadachi.crypto.signing import Signer
    from nakadachi.kit.entropy import Entropy
    from nakadachi.kit.officers import Officer


class KeyStore(Protocol):
    """Where a system's secrets live. Names are words such as `signing-2`; every method raises KeyStoreError."""

    def put(self, name: str, secret: bytes) -> None:
        """Keep a secret that comes from outside; an existing one is never overwritten."""

    def make(self, name: str) -> None:
        """Make a new key where it is to live: a signing key for `signing…`, else a secret of 32 bytes."""

    def names(self, kind: str) -> list[str]:
        """The keys of a kind, the first and those that came after it: `kind`, `kind-2`, `kind-3` …"""

    def everything(self) -> dict[str, str]:
        """Every key's name, and where and how it lies."""

    def has(self, name: str) -> bool:
        """Whether there is such a key."""

    def secret(self, name: str) -> bytes:
        """A secret by name; not of one that never leaves its token."""

    def signer(self, name: str) -> Signer:
        """What signs with a P-256 key, wherever that lies. Raises ValueError too, where it is none."""

    def mac(self, name: str) -> Callable[[bytes], bytes]:
        """HMAC-SHA-256 under a secret, wherever that lies."""

    def month(self, moment: datetime) -> Wrapper:
        """The wrapper under the key of the month (Japan's calendar), made at its first use."""

    def months(self, name: str) -> Wrapper:
        """The wrapper of a month by its name (`2026-11`). Raises MonthDestroyedError once it is destroyed."""


class UnlockSealer:
    """Seals under a key (AES-256-GCM) that is derived from the content of a file, `unlock`."""

    where = "file"

    def __init__(self, secret: bytes, entropy: Entropy) -> None:
        self._cipher = AESGCM(HKDF(SHA256(), SECRET_BYTES, salt=None, info=b"nakadachi key store").derive(secret))
        self._entropy = entropy

    def seal(self, name: str, secret: bytes) -> bytes:
        """See Sealer."""
        nonce = self._entropy.bytes(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, secret, name.encode())

    def open(self, name: str, sealed: bytes) -> bytes:
        """See Sealer."""
        try:
            return self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], name.encode())
        except InvalidTag:
            raise ValueError(name) from None

    def drop(self, name: str, sealed: bytes) -> None:
        """All files are under one key: nothing seals one alone."""


class FileKeyStore(FolderKeyStore):
    """Keys as files, each encrypted under the key-encryption key read from `unlock`."""

    def __init__(
        self,
        folder: Path,
        unlock: Path,
        entropy: Entropy,
        *,
        journal: Journal | None = None,
        officers: Sequence[Officer] = (),
    ) -> None:
        given, journal = journal, journal or Journal(folder, SystemClock())
        try:
            secret = unlock.read_bytes()
        except OSError as wrong:
            msg = f"{unlock}: the key that unlocks the key store cannot be read ({wrong.strerror})"
            with suppress(KeyStoreError):
                if given is None:  # whoever gave one notes it in there
                    journal.note(Act.OPEN, "*", Outcome.FAILED, msg)
            raise KeyStoreError(msg) from None
        super().__init__(folder, UnlockSealer(secret, entropy), entropy, journal, officers=officers)
