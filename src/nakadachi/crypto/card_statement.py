"""利用者証明の署名対象: what a card signs for a site, bound to the site's origin and to its challenge (P2).

Whoever passes a challenge on from another origin gets a statement that names the origin it was asked from, which the
card's agent reads from the browser and not from the page: the true site refuses it.

The bytes are JSON in one spelling, beginning with a type of their own, so that they cannot be taken for anything else
that an authentication key may sign (TLS begins with 64 spaces, RFC 8446 4.4.3).
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from nakadachi.refusal import Reason, Refusal

TYPE = "nakadachi.card.authentication.v1"
LIMIT = 4096
"""Bytes of a statement at the most."""
LEAST_CHALLENGE, MOST_CHALLENGE = 16, 64
NONCE_BYTES = 16
LIFE = timedelta(minutes=2)
"""How old a statement may be: both clocks may be off by as much."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One authentication. `origin` as browsers write it; `challenge` is the site's, `nonce` the agent's own; `at` UTC,
    to the second; `certificate` is the SHA-256 of the authentication certificate (DER).
    """

    origin: str
    challenge: bytes = field(repr=False)
    nonce: bytes = field(repr=False)
    at: datetime
    certificate: bytes = field(repr=False)


class _Form(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The JSON, its members in this order; bytes in standard base64."""

    type: str
    origin: str
    challenge: bytes
    nonce: bytes
    at: str
    certificate: bytes


_DECODER = msgspec.json.Decoder(_Form)


def write(statement: Statement) -> bytes:
    """The bytes that the card signs (RSASSA-PKCS1-v1_5 with SHA-256)."""
    at = statement.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return msgspec.json.encode(
        _Form(TYPE, statement.origin, statement.challenge, statement.nonce, at, statement.certificate)
    )


def read(raw: bytes) -> Statement:
    """A statement of bytes in the one spelling. Raises Refusal(BAD_FORMAT)."""
    try:
        form = _DECODER.decode(raw[: LIMIT + 1])
        at = datetime.strptime(form.at, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except (msgspec.DecodeError, ValueError, RecursionError):
        raise Refusal(Reason.BAD_FORMAT, "no statement of a card") from None
    made = Statement(form.origin, form.challenge, form.nonce, at, form.certificate)
    sizes = LEAST_CHALLENGE <= len(made.challenge) <= MOST_CHALLENGE
    if form.type != TYPE or not sizes or len(made.nonce) != NONCE_BYTES or write(made) != raw:
        raise Refusal(Reason.BAD_FORMAT, "no statement of a card in its one spelling")
    return made


def verify(raw: bytes, signature: bytes, certificate: bytes, *, origin: str, challenge: bytes, now: datetime) -> None:
    """利用者証明の検証: that the key of `certificate` (DER) signed, just now, `challenge` for `origin`.

    Whether the certificate is good is another question (JPKI), and so is whether the challenge was ours and is fresh:
    the caller draws each at random and takes it once. Raises Refusal: BAD_FORMAT, NOT_ADDRESSED_HERE (another origin),
    OUT_OF_TURN (another challenge or certificate), TIMED_OUT, BAD_SIGNATURE.
    """
    # (1) Is it for us? A phishing site's is not.
    statement = read(raw)
    if statement.origin != origin:
        raise Refusal(Reason.NOT_ADDRESSED_HERE, "signed for another origin")
    # (2) Is it the answer to our question, by the certificate that is shown?
    if not hmac.compare_digest(statement.challenge, challenge):
        raise Refusal(Reason.OUT_OF_TURN, "signed another challenge")
    if statement.certificate != sha256(certificate).digest():
        raise Refusal(Reason.OUT_OF_TURN, "signed with another certificate")
    # (3) Is it of now?
    if abs(now - statement.at) > LIFE:
        raise Refusal(Reason.TIMED_OUT, "signed at another time")
    # (4) Did that key sign it?
    try:
        _key(certificate).verify(signature, raw, padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        raise Refusal(Reason.BAD_SIGNATURE, "the card's signature does not fit") from None


def _key(certificate: bytes) -> rsa.RSAPublicKey:
    try:
        key = x509.load_der_x509_certificate(certificate).public_key()
    except (ValueError, UnsupportedAlgorithm):
        raise Refusal(Reason.BAD_FORMAT, "no certificate of a card") from None
    if not isinstance(key, rsa.RSAPublicKey):
        raise Refusal(Reason.BAD_FORMAT, "the key of a card is RSA")
    return key
