"""見本の認証局 in a folder: certificates of the JPKI stand-in's profile without its service, for tests and demos.

Its certificates say SAMPLE, and nobody but whoever holds the folder takes them for good. A network asks the service of
`neighbours.jpki` in its place (`jpki_desk`).
"""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from nakadachi.kit.clock import Clock
from nakadachi.kit.entropy import Entropy
from nakadachi.neighbours.card.certifier import Certified, Holder, Standing, Why
from nakadachi.neighbours.card.pin import Secret
from nakadachi.neighbours.card.texts import CardError, Trouble
from nakadachi.neighbours.jpki.authority import Authority, Order, found, issue_authentication, issue_signature
from nakadachi.neighbours.jpki.faults import Fault, NotAccepted
from nakadachi.neighbours.jpki.items import Birth, FourItems, Text
from nakadachi.neighbours.jpki.profile import Algorithm, Kind, Municipality, PublicKey
from nakadachi.neighbours.jpki.reading import read_certificate, read_request
from nakadachi.neighbours.jpki.rules import end_of, valid_until
from nakadachi.neighbours.jpki.verifying import Anchors, require_issued
from nakadachi.refusal import Refusal
from nakadachi.terms import crockford, japan_day

KINDS = {Secret.AUTHENTICATION: Kind.AUTHENTICATION, Secret.SIGNATURE: Kind.SIGNATURE}
_STATES = msgspec.json.Decoder(dict[str, str])


class SampleAuthority:
    """Both authorities, their keys and what they revoked, in one folder. Not for two processes at a time."""

    def __init__(self, folder: Path, clock: Clock, entropy: Entropy) -> None:
        """Open the folder, or found both authorities in it. Raises CardError."""
        self._folder, self._clock, self._entropy = folder, clock, entropy
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._authorities = {kind: self._authority(kind) for kind in Kind}
        except (OSError, ValueError) as wrong:
            raise CardError(Trouble.UNREADABLE, f"{folder}: no sample authority ({type(wrong).__name__})") from None

    @property
    def anchors(self) -> Anchors:
        """信頼点: both authorities' certificates."""
        return Anchors([one.certificate for one in self._authorities.values()])

    async def certify(self, secret: Secret, request: bytes, holder: Holder, *, renew: bool) -> Certified:
        """See Certifier."""
        del renew  # it keeps no list of whom it issued to
        authority = self._authorities[KINDS[secret]]
        try:
            key = read_request(request)
            made = self._issued(authority, key, holder)
        except (Refusal, ValueError) as wrong:
            raise CardError(Trouble.NOT_VALID, str(wrong)) from None
        return Certified(
            made.public_bytes(Encoding.DER),
            authority.certificate.public_bytes(Encoding.DER),
            f"{made.serial_number:x}",
        )

    async def revoke(self, secret: Secret, serial: str, why: Why) -> None:
        """See Certifier."""
        states = self._states()
        if states.get(_name(secret, serial)) in {None, Standing.HELD.value}:
            state = Standing.HELD if why is Why.HELD else Standing.REVOKED
            self._keep({**states, _name(secret, serial): state.value})

    async def lift(self, secret: Secret, serial: str) -> None:
        """See Certifier."""
        states = self._states()
        if states.get(_name(secret, serial)) == Standing.HELD.value:
            del states[_name(secret, serial)]
            self._keep(states)

    async def judge(self, secret: Secret, certificate: bytes) -> Standing:
        """See Certifier."""
        try:
            read = read_certificate(KINDS[secret], certificate)
            require_issued(read, self._clock.now(), self.anchors)
        except NotAccepted as wrong:
            late = wrong.fault in {Fault.EXPIRED, Fault.NOT_YET_VALID}
            return Standing.EXPIRED if late else Standing.UNKNOWN
        except Refusal:
            return Standing.UNKNOWN
        return Standing(self._states().get(_name(secret, f"{read.serial:x}"), Standing.GOOD.value))

    def _issued(self, authority: Authority, key: PublicKey, holder: Holder) -> x509.Certificate:
        now = self._clock.now().replace(microsecond=0)
        born = Birth.of(holder.entries.born)
        place = Municipality.of(holder.place, holder.prefecture, holder.city)
        # Of the same key, always the same number: a request that comes again gets the same certificate.
        public = sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()
        order = Order(
            int.from_bytes(public[:16], "big") | 1 << 128,
            crockford(int.from_bytes(public[16:26], "big"), length=16),
            place,
            now,
            end_of(valid_until(born, japan_day(now))),
        )
        if authority.kind is Kind.AUTHENTICATION:
            return issue_authentication(authority, key, order)
        entries = holder.entries
        items = FourItems(Text.of(entries.name), Text.of(entries.address), entries.sex, born)
        return issue_signature(authority, key, order, items)

    def _authority(self, kind: Kind) -> Authority:
        key_file, certificate_file = (self._folder / f"{kind}.{ending}" for ending in ("key.pem", "pem"))
        if certificate_file.exists():
            key = load_pem_private_key(key_file.read_bytes(), None, unsafe_skip_rsa_key_validation=True)
            return Authority(kind, x509.load_pem_x509_certificate(certificate_file.read_bytes()), key)  # type: ignore[arg-type]  # as founded
        fresh = Algorithm.RSA_2048.new_key()
        serial = int.from_bytes(self._entropy.bytes(16), "big") | 1 << 128
        made = found(kind, fresh, serial=serial, now=self._clock.now().replace(microsecond=0))
        with os.fdopen(os.open(key_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(fresh.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        certificate_file.write_bytes(made.certificate.public_bytes(Encoding.PEM))
        return made

    def _states(self) -> dict[str, str]:
        path = self._folder / "states.json"
        try:
            return _STATES.decode(path.read_bytes()) if path.exists() else {}
        except (OSError, msgspec.DecodeError):
            raise CardError(Trouble.UNREADABLE, f"{path}: cannot be read") from None

    def _keep(self, states: dict[str, str]) -> None:
        fresh = self._folder / "states.json.new"
        fresh.write_bytes(msgspec.json.encode(states))
        fresh.replace(self._folder / "states.json")


def _name(secret: Secret, serial: str) -> str:
    return f"{secret.value} {serial}"
