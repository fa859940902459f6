"""Sealing from end to end (HPKE, RFC 9180): only the holder of a private key reads; never knows what it seals.

Reachable only from `intermediate` and `portal`: what lies between them carries and cannot read (design 2.6).
Chance for each seal comes from the library's own generator; HPKE takes none from outside.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec, mlkem, x25519
from cryptography.hazmat.primitives.hpke import (
    AEAD,
    KDF,
    KEM,
    MLKEM768X25519PrivateKey,
    MLKEM768X25519PublicKey,
    MLKEM1024P384PrivateKey,
    MLKEM1024P384PublicKey,
    Suite,
)
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from nakadachi.refusal import Reason, Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

PrivateKey = MLKEM768X25519PrivateKey | MLKEM1024P384PrivateKey | ec.EllipticCurvePrivateKey
PublicKey = MLKEM768X25519PublicKey | MLKEM1024P384PublicKey | ec.EllipticCurvePublicKey

VERSION = 1
SEED_BYTES = 32
_INFO = b"nakadachi/sealed/v1\0"
_MLKEM_SEED = 64
_MLKEM768_PUBLIC = 1184
_MLKEM1024_PUBLIC = 1568
_LEAF_BYTES = 32
_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


class SealSuite(StrEnum):
    """暗号スイート: how bodies are sealed (design 2.6). The values are those of the permit and the directory.

    `default` X-Wing (ML-KEM-768 + X25519), secure if either holds; `strict` ML-KEM-1024 + P-384, every part on the
    government's recommended list; `p256` DHKEM(P-256), without protection against quantum computers.
    """

    DEFAULT = "default"
    STRICT = "strict"
    P256 = "p256"


@dataclass(frozen=True, slots=True)
class PrivateSeal:
    """復号鍵: a private key of a suite and its public half as bytes (1,216, 1,665 or 65 by suite)."""

    suite: SealSuite
    public_bytes: bytes
    handle: PrivateKey = field(repr=False, compare=False)


def new_private(suite: SealSuite, seed: bytes) -> PrivateSeal:
    """The private key of a stored 32-byte seed; the same seed gives the same key.

    `default` and `strict` expand the seed by SHAKE256 (X-Wing; concrete hybrid KEMs of the CFRG); `p256` takes it as
    the input of DeriveKeyPair (RFC 9180 7.1.3). Raises ValueError for another length.
    """
    if len(seed) != SEED_BYTES:
        msg = f"a seal's seed has {SEED_BYTES} bytes, not {len(seed)}"
        raise ValueError(msg)
    key, public = _KINDS[suite].derive(seed)
    return PrivateSeal(suite, public, key)


def seal(suite: SealSuite, public: bytes, plaintext: bytes, info: bytes) -> bytes:
    """Seal for the holder of `public`: version (1) || suite (1) || encapsulated key || AES-256-GCM ciphertext.

    `info` binds the place of use (`body_info`, `subject_info`). Raises Refusal(BAD_FORMAT) where `public` is no public
    key of the suite.
    """
    kind = _KINDS[suite]
    if len(public) != kind.public_size:
        raise Refusal(
            Reason.BAD_FORMAT, f"a seal key of {len(public)} bytes, suite {suite.value} has {kind.public_size}"
        )
    head = bytes((VERSION, kind.number))
    try:
        return head + kind.suite.encrypt(plaintext, kind.load(public), _INFO + head + info)
    except ValueError:
        raise Refusal(Reason.BAD_FORMAT, f"a seal key is not one of suite {suite.value}") from None


def unseal(private: PrivateSeal, sealed: bytes, info: bytes) -> bytes:
    """Open what was sealed for `private` with the same `info`; total.

    Raises Refusal(BAD_FORMAT), and says nothing of the cause, where it was altered, or sealed for another key or place.
    """
    kind = _KINDS[private.suite]
    head = bytes((VERSION, kind.number))
    if sealed[:2] != head:
        raise Refusal(Reason.BAD_FORMAT, f"not sealed in version {VERSION}, suite {private.suite.value}")
    try:
        return kind.suite.decrypt(sealed[2:], private.handle, _INFO + head + info)
    except (InvalidTag, ValueError):
        raise Refusal(Reason.BAD_FORMAT, "what is sealed does not open with this key at this place") from None


def body_info(leaf_hash: bytes, serial: str) -> bytes:
    """The place of a body: leaf hash of the permit (32 bytes) and exchange serial (design 2.6)."""
    return _place(b"body", leaf_hash, serial)


def subject_info(leaf_hash: bytes, serial: str) -> bytes:
    """The place of a subject check: leaf hash of the permit (32 bytes) and exchange serial (design 2.7)."""
    return _place(b"subject", leaf_hash, serial)


def _place(what: bytes, leaf_hash: bytes, serial: str) -> bytes:
    if len(leaf_hash) != _LEAF_BYTES:
        msg = f"a leaf hash has {_LEAF_BYTES} bytes, not {len(leaf_hash)}"
        raise ValueError(msg)
    return what + b"\0" + leaf_hash + serial.encode()


def _derive_xwing(seed: bytes) -> tuple[PrivateKey, bytes]:
    expanded = hashlib.shake_256(seed).digest(_MLKEM_SEED + 32)
    post = mlkem.MLKEM768PrivateKey.from_seed_bytes(expanded[:_MLKEM_SEED])
    classic = x25519.X25519PrivateKey.from_private_bytes(expanded[_MLKEM_SEED:])
    public = post.public_key().public_bytes_raw() + classic.public_key().public_bytes_raw()
    return MLKEM768X25519PrivateKey(post, classic), public


def _load_xwing(public: bytes) -> PublicKey:
    return MLKEM768X25519PublicKey(
        mlkem.MLKEM768PublicKey.from_public_bytes(public[:_MLKEM768_PUBLIC]),
        x25519.X25519PublicKey.from_public_bytes(public[_MLKEM768_PUBLIC:]),
    )


def _derive_strict(seed: bytes) -> tuple[PrivateKey, bytes]:
    expanded = hashlib.shake_256(seed).digest(_MLKEM_SEED + 48)
    post = mlkem.MLKEM1024PrivateKey.from_seed_bytes(expanded[:_MLKEM_SEED])
    # The scalar is outside the curve's order once in 2^192 seeds; the library then raises ValueError.
    classic = ec.derive_private_key(int.from_bytes(expanded[_MLKEM_SEED:], "big"), ec.SECP384R1())
    return MLKEM1024P384PrivateKey(post, classic), post.public_key().public_bytes_raw() + _point(classic)


def _load_strict(public: bytes) -> PublicKey:
    return MLKEM1024P384PublicKey(
        mlkem.MLKEM1024PublicKey.from_public_bytes(public[:_MLKEM1024_PUBLIC]),
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP384R1(), public[_MLKEM1024_PUBLIC:]),
    )


def _derive_p256(seed: bytes) -> tuple[PrivateKey, bytes]:
    """DeriveKeyPair of DHKEM(P-256, HKDF-SHA256), KEM identifier 0x0010 (RFC 9180 7.1.3)."""
    suite_id = b"HPKE-v1KEM\x00\x10"
    secret = hmac.digest(b"", suite_id + b"dkp_prk" + seed, "sha256")
    candidates = (
        int.from_bytes(hmac.digest(secret, b"\x00\x20" + suite_id + b"candidate" + bytes((count, 1)), "sha256"), "big")
        for count in range(256)
    )
    key = ec.derive_private_key(next(scalar for scalar in candidates if 0 < scalar < _P256_ORDER), ec.SECP256R1())
    return key, _point(key)


def _load_p256(public: bytes) -> PublicKey:
    return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), public)


def _point(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


@dataclass(frozen=True, slots=True)
class _Kind:
    """One suite: its byte on the wire, its HPKE suite, its public keys' size, and how keys are made and read."""

    number: int
    suite: Suite
    public_size: int
    derive: Callable[[bytes], tuple[PrivateKey, bytes]]
    load: Callable[[bytes], PublicKey]


_KINDS = {
    SealSuite.DEFAULT: _Kind(
        1, Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM), 1216, _derive_xwing, _load_xwing
    ),
    SealSuite.STRICT: _Kind(
        2, Suite(KEM.MLKEM1024_P384, KDF.HKDF_SHA384, AEAD.AES_256_GCM), 1665, _derive_strict, _load_strict
    ),
    SealSuite.P256: _Kind(3, Suite(KEM.P256, KDF.HKDF_SHA256, AEAD.AES_256_GCM), 65, _derive_p256, _load_p256),
}
