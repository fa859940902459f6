"""A key store whose keys live in, or are sealed by, a PKCS#11 token (HSM); SoftHSM2 is the one it is tested with (N1).

Inside, never to leave it: the keys that sign telegrams, and the core's ID key (where officers guard that, it enters the
token at each start). Everything else is a file sealed by a key of the token (AES-256-GCM), each month by its own:
a copy of a destroyed month's file opens nowhere. Decision 0027 says what is where, and why.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pkcs11
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
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
from pkcs11.util.ec import encode_ec_public_key, encode_named_curve_parameters

from nakadachi.crypto.signing import Signer, SigningKey, VerifyKey
from nakadachi.kit.key_error import KeyStoreError
from nakadachi.kit.key_folder import ID_KEY, MONTH, NONCE_BYTES, FolderKeyStore, is_signing
from nakadachi.kit.key_journal import Act, Journal
from nakadachi.kit.officers import Officer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from nakadachi.kit.entropy import Entropy

SEAL = "seal"
"""The token's key that seals what has none of its own."""
_P256 = encode_named_curve_parameters("secp256r1")
_VERSION, _ID_BYTES, _TAG_BITS = b"\x01", 16, 128
_KEPT = {Attribute.TOKEN: True, Attribute.PRIVATE: True, Attribute.SENSITIVE: True, Attribute.EXTRACTABLE: False}
"""On the token, for whoever has its PIN, and never to be read by anybody."""
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
            self._token.session.generate_key(KeyType.AES, 256, id=key_id, label=label, store=True, template=_KEPT)
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


@dataclass(frozen=True, slots=True)
class TokenSigner:
    """Signs inside the token; the nonces of its signatures are the token's own."""

    public: VerifyKey
    token: Token = field(repr=False)
    _key: Any = field(repr=False, compare=False)

    def sign(self, message: bytes) -> bytes:
        """See Signer."""
        with self.token.answering():
            signature: bytes = self._key.sign(hashlib.sha256(message).digest(), mechanism=Mechanism.ECDSA)
        return signature


class HsmKeyStore(FolderKeyStore):
    """A key store on a token and a folder of files that only this token opens."""

    def __init__(
        self, folder: Path, token: Token, entropy: Entropy, journal: Journal, *, officers: Sequence[Officer] = ()
    ) -> None:
        super().__init__(folder, TokenSealer(token, entropy), entropy, journal, officers=officers)
        self._token = token
        self._macs: dict[str, Callable[[bytes], bytes]] = {}

    def _inside(self, name: str) -> bool:
        """Whether a key of this name is to lie inside; one that officers guard has its file."""
        return is_signing(name) or (name == ID_KEY and not self.officers)

    def _keep(self, name: str, secret: bytes, act: Act) -> None:
        if not self._inside(name):
            super()._keep(name, secret, act)
            return
        self._need_new(name)
        with self._token.answering():
            if is_signing(name):
                self._import_signing(name, SigningKey.from_pem(secret))
            else:
                self._mac_object(name, secret, stored=True)
        self.journal.note(act, name, note="inside the token")

    def make(self, name: str) -> None:
        """See KeyStore."""
        if not is_signing(name):
            super().make(name)
            return
        self._need_new(name)
        with self._token.answering():
            curve = self._token.session.create_domain_parameters(KeyType.EC, {Attribute.EC_PARAMS: _P256}, local=True)
            curve.generate_keypair(id=name.encode(), label=name, store=True, private_template=_KEPT)
        self.journal.note(Act.MAKE, name, note="inside the token")

    def _need_new(self, name: str) -> None:
        if self.has(name):
            msg = (
                f"{name}: the token {self._token.label!r} or {self.folder} has a key of this name; none is overwritten"
            )
            raise KeyStoreError(msg)

    def _import_signing(self, name: str, key: SigningKey) -> None:
        point = key.public.handle.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        common = {Attribute.KEY_TYPE: KeyType.EC, Attribute.EC_PARAMS: _P256, Attribute.LABEL: name}
        common |= {Attribute.ID: name.encode(), Attribute.TOKEN: True}
        scalar = key.handle.private_numbers().private_value.to_bytes(32, "big")
        private = {Attribute.CLASS: ObjectClass.PRIVATE_KEY, Attribute.VALUE: scalar, Attribute.SIGN: True}
        self._token.session.create_object(common | private | _KEPT)
        octets = b"\x04" + bytes((len(point),)) + point  # PKCS#11 wants the point as a DER OCTET STRING
        public = {Attribute.CLASS: ObjectClass.PUBLIC_KEY, Attribute.EC_POINT: octets, Attribute.VERIFY: True}
        self._token.session.create_object(common | public)

    def _mac_object(self, name: str, secret: bytes, *, stored: bool) -> Any:
        kind = {Attribute.CLASS: ObjectClass.SECRET_KEY, Attribute.KEY_TYPE: KeyType.GENERIC_SECRET}
        about = {Attribute.LABEL: name, Attribute.VALUE: secret, Attribute.SIGN: True}
        return self._token.session.create_object(kind | about | _KEPT | {Attribute.TOKEN: stored})

    def everything(self) -> dict[str, str]:
        """See KeyStore."""
        inside = {key.label: "token" for key in self._private()}
        return super().everything() | inside

    def _private(self) -> Iterator[Any]:
        yield from self._token.find(ObjectClass.PRIVATE_KEY)
        yield from self._stored_macs()

    def _stored_macs(self) -> list[Any]:
        return [key for key in self._token.find(ObjectClass.SECRET_KEY, ID_KEY) if key[Attribute.TOKEN]]

    def has(self, name: str) -> bool:
        """See KeyStore."""
        if super().has(name):
            return True
        if is_signing(name):
            return bool(self._token.find(ObjectClass.PRIVATE_KEY, name))
        return name == ID_KEY and bool(self._stored_macs())

    def secret(self, name: str) -> bytes:
        """See KeyStore."""
        if not self.path(name).exists() and self.has(name):
            msg = f"{name}: lies inside the token {self._token.label!r}; it works there, and nobody reads it"
            raise KeyStoreError(msg)
        return super().secret(name)

    def signer(self, name: str) -> Signer:
        """See KeyStore."""
        try:
            with self._token.answering():
                private = self._token.session.get_key(ObjectClass.PRIVATE_KEY, label=name)
                public = self._token.session.get_key(ObjectClass.PUBLIC_KEY, label=name)
        except KeyStoreError:
            if self.has(name):
                raise
            msg = f"{name}: the token {self._token.label!r} has no such key"
            self.failed(name, msg)
            raise KeyStoreError(msg) from None
        spki = b64encode(encode_ec_public_key(public)).decode()
        self.journal.note(Act.USE, name, note="inside the token")
        return TokenSigner(VerifyKey.from_spki(spki), self._token, private)

    def mac(self, name: str) -> Callable[[bytes], bytes]:
        """See KeyStore."""
        if name != ID_KEY:
            return super().mac(name)
        if name not in self._macs:
            self._macs[name] = self._mac_inside(name)
        return self._macs[name]

    def _mac_inside(self, name: str) -> Callable[[bytes], bytes]:
        """The ID key's MAC inside the token; what officers guard goes there for as long as this process runs."""
        if self.path(name).exists():
            with self._token.answering():
                key = self._mac_object(name, self.unsealed(name), stored=False)
        else:
            found = self._stored_macs()
            if not found:
                msg = f"{name}: neither {self.path(name)} nor the token {self._token.label!r} has this key"
                self.failed(name, msg)
                raise KeyStoreError(msg)
            key = found[0]
            self.journal.note(Act.USE, name, note="inside the token")

        def of(message: bytes) -> bytes:
            with self._token.answering():
                made: bytes = key.sign(message, mechanism=Mechanism.SHA256_HMAC)
            return made

        return of
