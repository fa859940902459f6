"""A PKCS#11 token: opening it, asking it, and sealing key files under its keys; a PIN is never told.

What is wrong is told in words for whoever has to mend it, with the file, the setting or the device.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pkcs11
from pkcs11 import Attribute, GCMParams, KeyType, Mechanism, ObjectClass
from pkcs11.exceptions import (
    EncryptedDataInvalid,
    EncryptedDataLenRange,
    GeneralError,
    NoSuchToken,
    PinIncorrect,
    PinInvalid,
    PinLenRange,
    PinLocked,
    PKCS11Error,
    UserAlreadyLoggedIn,
)

from nakadachi.kit.key_error import KeyStoreError
from nakadachi.kit.key_folder import MONTH, NONCE_BYTES

if TYPE_CHECKING:
    from nakadachi.kit.entropy import Entropy

SEAL = "seal"
"""The token's key that seals what has none of its own."""
KEPT = {Attribute.TOKEN: True, Attribute.PRIVATE: True, Attribute.SENSITIVE: True, Attribute.EXTRACTABLE: False}
"""On the token, for whoever has its PIN, and never to be read by anybody."""
_VERSION, _ID_BYTES, _TAG_BITS = b"\x01", 16, 128
_NO_SUCH_TEXT = (EncryptedDataInvalid, EncryptedDataLenRange, GeneralError)
"""What modules say of a content that does not verify; SoftHSM says the general one."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token that was opened with its PIN: a session on it, for one thread."""

    label: str
    session: Any = field(repr=False)

    def find(self, kind: ObjectClass, label: str | None = None, key_id: bytes | None = None) -> list[Any]:
        """Its objects of a kind, by label or id. Raises KeyStoreError."""
        wanted: dict[Attribute, Any] = {Attribute.CLASS: kind}
        if label is not None:
            wanted[Attribute.LABEL] = label
        if key_id is not None:
            wanted[Attribute.ID] = key_id
        with self.answering():
            return list(self.session.get_objects(wanted))

    def answering(self) -> _Answering:
        """For a block in which the token is asked something."""
        return _Answering(self.label)


@dataclass(frozen=True, slots=True)
class _Answering:
    """Turns what a token says into words for whoever has to mend it."""

    label: str

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, wrong: BaseException | None, _trace: object) -> None:
        if isinstance(wrong, PKCS11Error):
            said = f"{type(wrong).__name__} {wrong}".strip()
            msg = f"the token {self.label!r} did not do what was asked ({said}); is it still there? Then start again"
            raise KeyStoreError(msg) from None


def open_token(module: Path, label: str, pin: Path) -> Token:
    """Open a token. Raises KeyStoreError: the module is missing, there is no such token, the PIN is not its PIN."""
    try:
        library = pkcs11.lib(str(module))
    except PKCS11Error:
        msg = (
            f"{module}: this PKCS#11 module cannot be loaded; node.key_store.module names it"
            " (SoftHSM on Debian: apt-get install softhsm2, then /usr/lib/softhsm/libsofthsm2.so)"
        )
        raise KeyStoreError(msg) from None
    try:
        words = pin.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as wrong:
        why = wrong.strerror if isinstance(wrong, OSError) else "it is not UTF-8"
        msg = f"{pin}: the file with the token's PIN cannot be read ({why}); node.key_store.pin names it"
        raise KeyStoreError(msg) from None
    try:
        token = library.get_token(token_label=label)
    except (NoSuchToken, PKCS11Error):
        msg = (
            f"{module}: has no token {label!r} (it has: {', '.join(_labels(library)) or 'none'}); node.key_store.token"
            " names it. Is the device plugged in, and does the module find its settings (SoftHSM: SOFTHSM2_CONF)?"
        )
        raise KeyStoreError(msg) from None
    return Token(label, _login(token, label, words, pin))


def _labels(library: Any) -> list[str]:
    with suppress(PKCS11Error):
        return [token.label for token in library.get_tokens() if token.label]
    return []


def _login(token: Any, label: str, words: str, pin: Path) -> Any:
    try:
        return token.open(rw=True, user_pin=words)
    except UserAlreadyLoggedIn:
        return token.open(rw=True)  # another key store of this process opened it with its PIN
    except (PinIncorrect, PinInvalid, PinLenRange):
        msg = f"{pin}: is not the PIN of the token {label!r}. After a few wrong ones many tokens lock themselves"
    except PinLocked:
        msg = f"the token {label!r} is locked after wrong PINs; its security officer unlocks it with the maker's tool"
    except PKCS11Error as wrong:
        msg = f"the token {label!r} cannot be opened ({type(wrong).__name__})"
    raise KeyStoreError(msg)


class TokenSealer:
    """Seals key files under AES keys that never leave the token: version, the key's id (16 bytes), nonce, content."""

    where = "file, sealed by the token"

    def __init__(self, token: Token, entropy: Entropy) -> None:
        self._token = token
        self._entropy = entropy

    def seal(self, name: str, secret: bytes) -> bytes:
        """See Sealer."""
        key_id = self._own(name) if name.startswith(MONTH) else self._common()
        key = self._key(key_id, name)
        nonce = self._entropy.bytes(NONCE_BYTES)
        with self._token.answering():
            sealed: bytes = key.encrypt(secret, mechanism=Mechanism.AES_GCM, mechanism_param=_gcm(nonce, name))
        return _VERSION + key_id + nonce + sealed

    def open(self, name: str, sealed: bytes) -> bytes:
        """See Sealer."""
        key_id, nonce, content = _parts(sealed)
        key = self._key(key_id, name)
        with self._token.answering():
            try:
                secret: bytes = key.decrypt(content, mechanism=Mechanism.AES_GCM, mechanism_param=_gcm(nonce, name))
            except _NO_SUCH_TEXT:
                raise ValueError(name) from None
        return secret

    def drop(self, name: str, sealed: bytes) -> None:
        """See Sealer."""
        if not name.startswith(MONTH):
            return
        for key in self._token.find(ObjectClass.SECRET_KEY, name, _parts(sealed)[0]):
            with self._token.answering():
                key.destroy()

    def _own(self, label: str) -> bytes:
        key_id = self._entropy.bytes(_ID_BYTES)
        with self._token.answering():
            self._token.session.generate_key(KeyType.AES, 256, id=key_id, label=label, store=True, template=KEPT)
        return key_id

    def _common(self) -> bytes:
        """The common key; where two processes made one each, the files of both open, since each names its own."""
        found = self._token.find(ObjectClass.SECRET_KEY, SEAL)
        return min((bytes(key[Attribute.ID]) for key in found), default=None) or self._own(SEAL)

    def _key(self, key_id: bytes, name: str) -> Any:
        found = self._token.find(ObjectClass.SECRET_KEY, key_id=key_id)
        if not found:
            msg = f"{name}: the token {self._token.label!r} has not the key that seals its file; is it the right token?"
            raise KeyStoreError(msg)
        return found[0]


def _gcm(nonce: bytes, name: str) -> GCMParams:
    return GCMParams(nonce, name.encode(), _TAG_BITS)


def _parts(sealed: bytes) -> tuple[bytes, bytes, bytes]:
    """Id, nonce and content of a sealed file. Raises ValueError."""
    at = len(_VERSION) + _ID_BYTES
    if not sealed.startswith(_VERSION) or len(sealed) < at + NONCE_BYTES + _TAG_BITS // 8:
        msg = "not sealed by a token"
        raise ValueError(msg)
    return sealed[len(_VERSION) : at], sealed[at : at + NONCE_BYTES], sealed[at + NONCE_BYTES :]
