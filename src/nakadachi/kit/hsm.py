"""A key store whose keys live in, or are sealed by, a PKCS#11 token (HSM); SoftHSM2 is the one it is tested with (N1).

Inside, never to leave it: the keys that sign telegrams, and the core's ID key (where officers guard that, it enters the
token at each start). Everything else is a file sealed by a key of the token (AES-256-GCM), each month by its own:
a copy of a destroyed month's file opens nowhere. Decision 0027 says what is where, and why.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pkcs11 import Attribute, KeyType, Mechanism, ObjectClass
from pkcs11.util.ec import encode_ec_public_key, encode_named_curve_parameters

from nakadachi.crypto.signing import Signer, SigningKey, VerifyKey
from nakadachi.kit.hsm_token import KEPT, Token, TokenSealer
from nakadachi.kit.hsm_token import open_token as open_token
from nakadachi.kit.key_error import KeyStoreError
from nakadachi.kit.key_folder import ID_KEY, FolderKeyStore, is_signing
from nakadachi.kit.key_journal import Act, Journal, Outcome
from nakadachi.kit.officers import Officer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from nakadachi.kit.entropy import Entropy

_P256 = encode_named_curve_parameters("secp256r1")


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
            curve.generate_keypair(id=name.encode(), label=name, store=True, private_template=KEPT)
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
        self._token.session.create_object(common | private | KEPT)
        octets = b"\x04" + bytes((len(point),)) + point  # PKCS#11 wants the point as a DER OCTET STRING
        public = {Attribute.CLASS: ObjectClass.PUBLIC_KEY, Attribute.EC_POINT: octets, Attribute.VERIFY: True}
        self._token.session.create_object(common | public)

    def _mac_object(self, name: str, secret: bytes, *, stored: bool) -> Any:
        kind = {Attribute.CLASS: ObjectClass.SECRET_KEY, Attribute.KEY_TYPE: KeyType.GENERIC_SECRET}
        about = {Attribute.LABEL: name, Attribute.VALUE: secret, Attribute.SIGN: True}
        return self._token.session.create_object(kind | about | KEPT | {Attribute.TOKEN: stored})

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

    def destroy(self, name: str, why: str) -> None:
        """Destroy a key for good, inside the token too. Raises KeyStoreError."""
        if self.path(name).exists():
            super().destroy(name, why)
            return
        kinds = (ObjectClass.PRIVATE_KEY, ObjectClass.PUBLIC_KEY) if is_signing(name) else ()
        found = [key for kind in kinds for key in self._token.find(kind, name)]
        found += self._stored_macs() if name == ID_KEY else []
        if not found:
            msg = f"{name}: neither {self.path(name)} nor the token {self._token.label!r} has this key"
            raise KeyStoreError(msg)
        self.journal.note(Act.DESTROY, name, Outcome.BEGUN, why)
        for key in found:
            with self._token.answering():
                key.destroy()
        self._macs.pop(name, None)
        self.journal.note(Act.DESTROY, name, Outcome.DONE, why)

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
