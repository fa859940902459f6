"""A security key in software: WebAuthn's answers byte by byte (Level 3, 6.1 and 6.5), so that a test can bend each."""

from __future__ import annotations

import hashlib
import json
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


def text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")


@dataclass
class SoftKey:
    """One credential on P-256; `flags` say whether its owner was there and was verified."""

    host: str
    origin: str
    id: bytes = b"soft-key-00000001"
    flags: int = PRESENT | VERIFIED
    uses: int = 0
    private: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def _client(self, kind: str, challenge: bytes) -> bytes:
        said = {"type": kind, "challenge": text(challenge), "origin": self.origin, "crossOrigin": False}
        return json.dumps(said).encode()

    def _data(self, more: bytes = b"", flags: int = 0) -> bytes:
        host = hashlib.sha256(self.host.encode()).digest()
        return host + bytes([self.flags | flags]) + self.uses.to_bytes(4, "big") + more

    def made(self, challenge: bytes) -> str:
        """The answer to `navigator.credentials.create`."""
        numbers = self.private.public_key().public_numbers()
        cose = {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")}
        credential = bytes(16) + len(self.id).to_bytes(2, "big") + self.id + cbor2.dumps(cose)
        attested = {"fmt": "none", "attStmt": {}, "authData": self._data(credential, ATTESTED)}
        response = {
            "clientDataJSON": text(self._client("webauthn.create", challenge)),
            "attestationObject": text(cbor2.dumps(attested)),
        }
        return self._answer(response)

    def used(self, challenge: bytes) -> str:
        """The answer to `navigator.credentials.get`."""
        self.uses += 1
        data, client = self._data(), self._client("webauthn.get", challenge)
        signature = self.private.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        response = {"clientDataJSON": text(client), "authenticatorData": text(data), "signature": text(signature)}
        return self._answer(response)

    def _answer(self, response: dict[str, str]) -> str:
        return json.dumps({"id": text(self.id), "rawId": text(self.id), "type": "public-key", "response": response})
