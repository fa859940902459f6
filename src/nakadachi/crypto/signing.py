"""Signatures of authors: ES256 in JWS compact form; never knows what it signs, nor whether a key may be used.

The protected header is exactly `{"alg":"ES256","kid":"<kid>"}`: one spelling, nothing to negotiate (RFC 7515, 7518).
Nonces are deterministic (RFC 6979), so a failing source of randomness cannot give a key away.
ECDSA lets anybody turn a signature into a second one that verifies too, so the identity of a telegram is never taken
from its signature's bytes.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Protocol

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from nakadachi.refusal import Reason, Refusal

HEADER_START = b'{"alg":"ES256","kid":"'
HEADER_END = b'"}'
KID = re.compile(rb"[A-Za-z0-9:._/-]{1,128}")
DEFAULT_LIMIT = 128 * 1024
_SCALAR_BYTES = 32
_SIGN = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
_VERIFY = ec.ECDSA(hashes.SHA256())
_STANDARD = bytes.maketrans(b"-_", b"+/")


@dataclass(frozen=True, slots=True)
class VerifyKey:
    """署名検証鍵: a P-256 public key; `spki` is its SubjectPublicKeyInfo (DER) in standard base64."""

    spki: str
    handle: ec.EllipticCurvePublicKey = field(repr=False, compare=False)

    @classmethod
    def from_spki(cls, spki: str) -> VerifyKey:
        """Read the directory's text of a key. Raises Refusal(BAD_FORMAT) for any other text, form or curve."""
        try:
            key = serialization.load_der_public_key(binascii.a2b_base64(spki.encode(), strict_mode=True))
        except (ValueError, UnsupportedAlgorithm):
            raise Refusal(Reason.BAD_FORMAT, "a signing key is not a SubjectPublicKeyInfo in base64") from None
        if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
            raise Refusal(Reason.BAD_FORMAT, "a signing key is not of the curve P-256")
        if _spki_text(key) != spki:
            raise Refusal(Reason.BAD_FORMAT, "a signing key is not written in its one canonical form")
        return cls(spki, key)


class Signer(Protocol):
    """署名する者: signs as an author, wherever its private key lies."""

    @property
    def public(self) -> VerifyKey:
        """The key that verifies what it signs."""

    def sign(self, message: bytes) -> bytes:
        """The ES256 signature of a message: r || s, 64 bytes."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """署名鍵: a P-256 private key of an author, in memory."""

    public: VerifyKey
    handle: ec.EllipticCurvePrivateKey = field(repr=False, compare=False)

    @classmethod
    def generate(cls) -> SigningKey:
        """A new key from the operating system's entropy. For setting up a node; never inside a decision."""
        return cls._of(ec.generate_private_key(ec.SECP256R1()))

    @classmethod
    def from_scalar(cls, scalar: int) -> SigningKey:
        """The key of a known private scalar (1 to the order of P-256 less one). Raises ValueError outside of it."""
        return cls._of(ec.derive_private_key(scalar, ec.SECP256R1()))

    @classmethod
    def from_pem(cls, pem: bytes) -> SigningKey:
        """Read an unencrypted PKCS#8 PEM. Raises ValueError where it is not one of a P-256 key."""
        try:
            key = serialization.load_pem_private_key(pem, password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            msg = "a signing key is not an unencrypted PKCS#8 PEM; write it anew with the node's set-up command"
            raise ValueError(msg) from None
        if not (isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1)):
            msg = "a signing key is not of the curve P-256; write it anew with the node's set-up command"
            raise ValueError(msg)  # noqa: TRY004  the text is wrong, not a type
        return cls._of(key)

    def to_pem(self) -> bytes:
        """The key as an unencrypted PKCS#8 PEM; the key store encrypts it at rest."""
        return self.handle.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    @classmethod
    def _of(cls, key: ec.EllipticCurvePrivateKey) -> SigningKey:
        public = key.public_key()
        return cls(VerifyKey(_spki_text(public), public), key)

    def sign(self, message: bytes) -> bytes:
        """The ES256 signature of a message: r || s, 64 bytes."""
        r, s = decode_dss_signature(self.handle.sign(message, _SIGN))
        return r.to_bytes(_SCALAR_BYTES, "big") + s.to_bytes(_SCALAR_BYTES, "big")


@dataclass(frozen=True, slots=True)
class Unverified:
    """未検証の署名付きデータ: of the right form, its signature not yet checked; `kid` is only what it claims."""

    kid: str
    payload: bytes = field(repr=False)
    signed: bytes = field(repr=False)
    signature: bytes = field(repr=False)


def sign_compact(key: Signer, payload: bytes, *, kid: str) -> bytes:
    """Sign as JWS compact: `b64url(header).b64url(payload).b64url(r || s)` (RFC 7515 7.1).

    `kid` names the author: 1 to 128 of `A-Z a-z 0-9 : . _ / -`. Raises ValueError for another one.
    """
    signed = _header(kid) + b"." + _encode(payload)
    return signed + b"." + _encode(key.sign(signed))


def read_compact(jws: bytes, *, limit: int = DEFAULT_LIMIT) -> Unverified:
    """Read a JWS compact of at most `limit` bytes; total. The signature is not checked here.

    Raises Refusal(TOO_LARGE), or Refusal(BAD_FORMAT) where it is not the one spelling that `sign_compact` writes:
    strict base64url without padding, the header's two members in their order, and a signature of 64 bytes.
    """
    if len(jws) > limit:
        raise Refusal(Reason.TOO_LARGE, f"signed data of {len(jws)} bytes, at most {limit}")
    segments = jws.split(b".", 3)
    if len(segments) != 3:
        raise Refusal(Reason.BAD_FORMAT, "signed data has not three segments")
    header, payload, signature = segments
    raw_signature = _decode(signature, "signature")
    if len(raw_signature) != 2 * _SCALAR_BYTES:
        raise Refusal(Reason.BAD_FORMAT, f"signature of {len(raw_signature)} bytes, not 64")
    kid = _read_header(_decode(header, "header"))
    return Unverified(kid, _decode(payload, "payload"), header + b"." + payload, raw_signature)


def verify(unverified: Unverified, key: VerifyKey) -> bytes:
    """Check the signature and give the payload. Raises Refusal(BAD_SIGNATURE)."""
    raw = unverified.signature
    r = int.from_bytes(raw[:_SCALAR_BYTES], "big")
    s = int.from_bytes(raw[_SCALAR_BYTES:], "big")
    try:
        key.handle.verify(encode_dss_signature(r, s), unverified.signed, _VERIFY)
    except InvalidSignature:
        raise Refusal(Reason.BAD_SIGNATURE, f"the signature is not one of {unverified.kid}'s key") from None
    return unverified.payload


def _read_header(header: bytes) -> str:
    kid = header[len(HEADER_START) : -len(HEADER_END)]
    if not KID.fullmatch(kid) or header != HEADER_START + kid + HEADER_END:
        raise Refusal(Reason.BAD_FORMAT, "header is not exactly alg ES256 and kid")
    return kid.decode()


@lru_cache(maxsize=4096)
def _header(kid: str) -> bytes:
    """The encoded header of a key name; a node signs under few names, so it is built once."""
    raw = kid.encode()
    if not KID.fullmatch(raw):
        msg = f"{kid[:80]!r} is not a key name ({KID.pattern.decode()})"
        raise ValueError(msg)
    return _encode(HEADER_START + raw + HEADER_END)


def _encode(raw: bytes) -> bytes:
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


def _decode(segment: bytes, what: str) -> bytes:
    """Strict base64url: what does not encode back to the very same bytes is refused."""
    try:
        raw = binascii.a2b_base64(segment.translate(_STANDARD) + b"=" * (-len(segment) % 4))
    except binascii.Error:
        raise Refusal(Reason.BAD_FORMAT, f"{what} is not base64url") from None
    if _encode(raw) != segment:
        raise Refusal(Reason.BAD_FORMAT, f"{what} is not strict base64url without padding")
    return raw


def _spki_text(key: ec.EllipticCurvePublicKey) -> str:
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(der).decode()
