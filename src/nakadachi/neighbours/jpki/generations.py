"""鍵の世代: the authorities' keys and certificates, and who answers for each; keys stay in the key store.

A new generation is founded when the newest is four years old, as the real ones were in 2015, 2019 and 2023 (facts 5.1).
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)

from nakadachi.kit.keystore import KeyStoreError
from nakadachi.neighbours.jpki import jpki_store as store
from nakadachi.neighbours.jpki.authority import Authority, found, issue_responder
from nakadachi.neighbours.jpki.ocsp import Responder
from nakadachi.neighbours.jpki.profile import Algorithm, Kind, PrivateKey

if TYPE_CHECKING:
    from datetime import datetime

    from nakadachi.kit.clock import Clock
    from nakadachi.kit.database import Database
    from nakadachi.kit.entropy import Entropy
    from nakadachi.kit.keystore import FileKeyStore

GENERATION = timedelta(days=4 * 365 + 1)
RENEW_RESPONDER = timedelta(days=30)
"""A responder's certificate is replaced once it has less than this left."""
SERIAL_BYTES = 16


def new_serial(entropy: Entropy) -> int:
    """A serial number that nobody can foretell: 1 to 2^127 (RFC 5280, 4.1.2.2 allows 20 bytes)."""
    return (int.from_bytes(entropy.bytes(SERIAL_BYTES), "big") >> 1) + 1


def serialized(key: PrivateKey) -> bytes:
    """A private key for the key store: PKCS #8, DER; the store encrypts it."""
    return key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


class Generations:
    """All generations of both authorities, the oldest first."""

    def __init__(self, keys: FileKeyStore, clock: Clock, entropy: Entropy, algorithm: Algorithm) -> None:
        self._keys, self._clock, self._entropy, self._algorithm = keys, clock, entropy, algorithm
        self._by_kind: dict[Kind, list[Authority]] = {kind: [] for kind in Kind}
        self._responders: dict[bytes, Responder] = {}
        self._responder_key = algorithm.new_key()

    async def refresh(self, database: Database) -> None:
        """Read what there is, and found what is lacking; safe to repeat, and beside other instances.

        Raises KeyStoreError where a certificate's key is missing.
        """
        for kind in Kind:
            await self._read(database, kind)
            known = self._by_kind[kind]
            if not known or known[-1].certificate.not_valid_before_utc + GENERATION <= self._clock.now():
                await self._found(database, kind, len(known) + 1)
                await self._read(database, kind)

    def newest(self, kind: Kind) -> Authority:
        """The one that issues: of those that have begun, the newest; another instance's clock may be ahead of ours."""
        now = self._clock.now()
        begun = [one for one in self._by_kind[kind] if one.certificate.not_valid_before_utc <= now]
        return begun[-1] if begun else self._by_kind[kind][0]

    def every(self) -> list[Authority]:
        """All of both kinds."""
        return [one for kind in Kind for one in self._by_kind[kind]]

    def by_key(self, key_id: bytes) -> Authority:
        """The one with a key. Raises LookupError."""
        for one in self.every():
            if one.key_id == key_id:
                return one
        raise LookupError("no authority here has this key")

    def responder(self, authority: Authority) -> Responder:
        """Who answers for a generation: its certificate is made when it is first needed, and anew before its end."""
        now = self._clock.now()
        found = self._responders.get(authority.key_id)
        if found is None or not _serves(found.certificate, now):
            key = self._responder_key
            made = issue_responder(authority, key.public_key(), serial=new_serial(self._entropy), now=_second(now))
            found = self._responders[authority.key_id] = Responder(authority, made, key)
        return found

    def pem(self) -> bytes:
        """The certificates of all authorities: what a verifier trusts."""
        return b"".join(one.certificate.public_bytes(Encoding.PEM) for one in self.every())

    async def _read(self, database: Database, kind: Kind) -> None:
        async with database.acquire() as connection:
            rows = await store.authorities(connection, kind)
        known = self._by_kind[kind]
        for generation, der in rows[len(known) :]:
            certificate = x509.load_der_x509_certificate(der)
            authority = Authority(kind, certificate, self._key(kind, generation))
            if authority.key.public_key() != certificate.public_key():
                raise KeyStoreError(f"{_name(kind, generation)}: not the key of the authority's certificate")
            known.append(authority)

    async def _found(self, database: Database, kind: Kind, generation: int) -> None:
        name = _name(kind, generation)
        if not self._keys.has(name):
            try:
                self._keys.put(name, serialized(self._algorithm.new_key()))
            except KeyStoreError:
                # Another process of this service may have been first; then its key is the generation's.
                if not self._keys.has(name):
                    raise
        now = _second(self._clock.now())
        made = found(kind, self._key(kind, generation), serial=new_serial(self._entropy), now=now)
        async with database.transaction() as connection:
            der = made.certificate.public_bytes(Encoding.DER)
            await store.keep_authority(connection, kind, generation, made.key_id, der)

    def _key(self, kind: Kind, generation: int) -> PrivateKey:
        name = _name(kind, generation)
        try:
            key = load_der_private_key(self._keys.secret(name), None)
        except (ValueError, TypeError):
            raise KeyStoreError(f"{name}: not a private key") from None
        if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
            raise KeyStoreError(f"{name}: neither an RSA nor an elliptic curve key")
        return key


def _name(kind: Kind, generation: int) -> str:
    """The key's name in the key store."""
    return f"{kind.value}-authority" + (f"-{generation}" if generation > 1 else "")


def _serves(responder: x509.Certificate, now: datetime) -> bool:
    """Whether a responder's certificate has begun, and has enough time left."""
    return responder.not_valid_before_utc <= now <= responder.not_valid_after_utc - RENEW_RESPONDER


def _second(moment: datetime) -> datetime:
    """Certificates tell seconds only."""
    return moment.replace(microsecond=0)
