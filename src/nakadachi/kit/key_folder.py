"""A key store as a folder: one file per key, sealed under a key from elsewhere; what is done is in the journal.

Where the key that seals the files comes from, a `Sealer` says: a file in `keystore`, a token in `hsm`.
"""

from __future__ import annotations

import hmac
import re
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from nakadachi.crypto.signing import Signer, SigningKey
from nakadachi.kit.key_error import KeyStoreError, MonthDestroyedError
from nakadachi.kit.key_files import overwrite, write_new
from nakadachi.kit.key_journal import Act, Journal, Outcome
from nakadachi.kit.officers import Officer, guard, is_guarded, open_guarded
from nakadachi.terms import japan_day

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from nakadachi.kit.entropy import Entropy

NONCE_BYTES = 12
SECRET_BYTES = 32
MONTH = "month-"
_NAME = re.compile(r"[a-z][a-z0-9-]{0,63}")
ID_KEY = "id-key"
"""The key that officers guard as soon as a store has some."""


class Sealer(Protocol):
    """What a key file is sealed under."""

    where: str

    def seal(self, name: str, secret: bytes) -> bytes:
        """The content of a key's file."""

    def open(self, name: str, sealed: bytes) -> bytes:
        """The secret again. Raises ValueError where it does not open."""

    def drop(self, name: str, sealed: bytes) -> None:
        """Destroy what seals this file alone, where there is such a thing."""


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


class FolderKeyStore:
    """Keys as files `<name>.key` in a folder, each sealed by `sealer`, some beside that guarded by officers."""

    def __init__(
        self, folder: Path, sealer: Sealer, entropy: Entropy, journal: Journal, *, officers: Sequence[Officer] = ()
    ) -> None:
        self.folder = folder
        self.journal = journal
        self.entropy = entropy
        self.sealer = sealer
        self.officers = tuple(officers)
        self._open: dict[str, bytes] = {}
        self._wrappers: dict[str, Wrapper] = {}

    def put(self, name: str, secret: bytes) -> None:
        """See KeyStore."""
        self._keep(name, secret, Act.IMPORT)

    def make(self, name: str) -> None:
        """See KeyStore."""
        made = SigningKey.generate().to_pem() if is_signing(name) else self.entropy.bytes(SECRET_BYTES)
        self._keep(name, made, Act.MAKE)

    def _keep(self, name: str, secret: bytes, act: Act) -> None:
        if not _NAME.fullmatch(name):
            msg = f"{name[:40]!r} names no key: a-z, 0-9 and -, beginning with a letter, at most 64"
            raise KeyStoreError(msg)
        sealed = self.sealer.seal(name, secret)
        guarded = name == ID_KEY and bool(self.officers)
        try:
            self.write(name, guard(sealed, self.officers, name, self.entropy) if guarded else sealed)
        except KeyStoreError:
            self.sealer.drop(name, sealed)
            raise
        self.journal.note(act, name)
        if guarded:
            self.journal.note(Act.GUARD, name, note="under " + ", ".join(one.name for one in self.officers))

    def write(self, name: str, content: bytes) -> None:
        """A key's file as it is to lie there, where there is none yet. Raises KeyStoreError."""
        path = self.path(name)
        try:
            write_new(path, content)
        except OSError as wrong:
            msg = f"{path}: the key cannot be kept ({wrong.strerror})"
            raise KeyStoreError(msg) from None

    def path(self, name: str) -> Path:
        """Where a key's file lies."""
        return self.folder / f"{name}.key"

    def names(self, kind: str) -> list[str]:
        """See KeyStore."""
        found = [name for name in self.everything() if name.startswith(kind)]
        numbered = [(int(one.removeprefix(f"{kind}-")), one) for one in found if _is_later(one, kind)]
        return [*([kind] if kind in found else []), *(name for _, name in sorted(numbered))]

    def everything(self) -> dict[str, str]:
        """See KeyStore."""
        found = {}
        for path in sorted(self.folder.glob("*.key")):
            guarded = " + officers" if is_guarded(self.raw(path.stem)) else ""
            found[path.stem] = self.sealer.where + guarded
        return found

    def has(self, name: str) -> bool:
        """See KeyStore."""
        return self.path(name).exists()

    def raw(self, name: str) -> bytes:
        """A key's file as it lies there. Raises KeyStoreError."""
        try:
            return self.path(name).read_bytes()
        except OSError as wrong:
            msg = f"{self.path(name)}: the key cannot be read ({wrong.strerror})"
            raise KeyStoreError(msg) from None

    def secret(self, name: str) -> bytes:
        """See KeyStore."""
        if name not in self._open:
            self._open[name] = self.unsealed(name)
        return self._open[name]

    def unsealed(self, name: str) -> bytes:
        """A secret from its file, which is noted. Raises KeyStoreError."""
        try:
            raw = self.raw(name)
            if is_guarded(raw):
                raw = open_guarded(raw, self.officers, name)
            secret = self.sealer.open(name, raw)
        except ValueError:
            wrong = f"{self.path(name)}: the key does not open; is the unlocking key the right one?"
            self.failed(name, wrong)
            raise KeyStoreError(wrong) from None
        except KeyStoreError as wrong:
            self.failed(name, str(wrong))
            raise
        self.journal.note(Act.USE, name)
        return secret

    def need_officers(self) -> None:
        """Before anything is begun: whether two officers of each guarded key are present. Raises KeyStoreError."""
        for path in sorted(self.folder.glob("*.key")):
            raw = self.raw(path.stem)
            if is_guarded(raw):
                try:
                    open_guarded(raw, self.officers, path.stem)
                except KeyStoreError as wrong:
                    self.failed(path.stem, str(wrong))
                    raise

    def failed(self, name: str, why: str, act: Act = Act.USE) -> None:
        """Note what did not open; that this cannot be noted is the smaller trouble."""
        with suppress(KeyStoreError):
            self.journal.note(act, name, Outcome.FAILED, why)

    def signer(self, name: str) -> Signer:
        """See KeyStore."""
        return SigningKey.from_pem(self.secret(name))

    def mac(self, name: str) -> Callable[[bytes], bytes]:
        """See KeyStore."""
        return partial(hmac.digest, self.secret(name), digest="sha256")

    def month(self, moment: datetime) -> Wrapper:
        """See KeyStore."""
        name = japan_day(moment).strftime("%Y-%m")
        if not self.has(MONTH + name):
            try:
                self.make(MONTH + name)
            except KeyStoreError:
                # Another process of this system may have been first; then its key is the month's.
                if not self.has(MONTH + name):
                    raise
        return self.months(name)

    def months(self, name: str) -> Wrapper:
        """See KeyStore."""
        self.forget_destroyed()
        if name not in self._wrappers:
            if not self.has(MONTH + name):
                msg = f"{self.path(MONTH + name)}: the key cannot be read: there is none, or it was destroyed"
                raise MonthDestroyedError(msg)
            self._wrappers[name] = Wrapper(name, self.secret(MONTH + name), self.entropy)
        return self._wrappers[name]

    def month_names(self) -> list[str]:
        """The months that have a key, the oldest first."""
        return sorted(path.stem.removeprefix(MONTH) for path in self.folder.glob(f"{MONTH}*.key"))

    def forget_destroyed(self) -> None:
        """Destroyed while we run: what we still remember of a month goes too."""
        for name in [name for name in self._wrappers if not self.has(MONTH + name)]:
            self._open.pop(MONTH + name, None)
            del self._wrappers[name]

    def destroy(self, name: str, why: str) -> None:
        """Destroy a key for good: in the token where it has a key there, and its file, overwritten first.

        Noted before and after, since nothing takes it back. Raises KeyStoreError.
        """
        raw = self.raw(name)
        self.journal.note(Act.DESTROY, name, Outcome.BEGUN, why)
        try:
            self.sealer.drop(name, raw)
            overwrite(self.path(name), len(raw), self.entropy)
            self.path(name).unlink()
        except (OSError, ValueError, KeyStoreError) as wrong:
            why_not = wrong.strerror if isinstance(wrong, OSError) else wrong
            msg = f"{self.path(name)}: the key cannot be destroyed ({why_not})"
            self.failed(name, msg, Act.DESTROY)
            raise KeyStoreError(msg) from None
        self._open.pop(name, None)
        self._wrappers.pop(name.removeprefix(MONTH), None)
        self.journal.note(Act.DESTROY, name, Outcome.DONE, why)


def is_signing(name: str) -> bool:
    """Whether a key of this name is a P-256 key of an author."""
    return name == "signing" or _is_later(name, "signing")


def _is_later(name: str, kind: str) -> bool:
    number = name.removeprefix(f"{kind}-")
    return number != name and number.isascii() and number.isdigit()
