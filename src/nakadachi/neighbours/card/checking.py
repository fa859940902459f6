"""カードの確認: what a counter or a verifier learns of a card, point by point; it decides nothing and keeps nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from enum import Enum
from hashlib import sha256

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from nakadachi.kit.entropy import Entropy
from nakadachi.neighbours.card.certifier import Certifier, Standing
from nakadachi.neighbours.card.life import CardLife, Entry
from nakadachi.neighbours.card.pin import Secret
from nakadachi.neighbours.card.reader import Reader
from nakadachi.neighbours.card.texts import CardError, Trouble


class Outcome(Enum):
    """How one point came out."""

    GOOD = "○"
    BAD = "×"
    UNASKED = "–"


@dataclass(frozen=True, slots=True)
class Point:
    """確認項目: what was looked at, how it came out, and what was found; no personal item."""

    what: str
    outcome: Outcome
    found: str


_STANDINGS = {
    Standing.GOOD: (Outcome.GOOD, "有効 / good"),
    Standing.REVOKED: (Outcome.BAD, "失効 / revoked"),
    Standing.HELD: (Outcome.BAD, "一時停止 / held"),
    Standing.EXPIRED: (Outcome.BAD, "有効期間外 / outside its time"),
    Standing.UNKNOWN: (Outcome.BAD, "発行者を確認できません / not of this authority"),
    Standing.UNREACHABLE: (Outcome.UNASKED, "認証局に問い合わせていません / the authority was not asked"),
}


def tries(reader: Reader) -> Iterator[tuple[Secret, int | None]]:
    """The tries left of each secret, none of them spent. Raises CardError."""
    for secret in Secret:
        yield secret, reader.tries(secret)


def life_point(entry: Entry | None, today: date) -> Point:
    """カードの状態, as the issuer's register has it."""
    what = "カードの状態 / state of the card"
    if entry is None:
        return Point(what, Outcome.UNASKED, "カード管理簿がありません / no register was given")
    if entry.state is CardLife.ACTIVE and today > entry.until:
        return Point(what, Outcome.BAD, f"有効期限切れ / expired ({entry.until})")
    outcome = Outcome.GOOD if entry.state is CardLife.ACTIVE else Outcome.BAD
    return Point(what, outcome, f"{entry.state.words}（{entry.until}まで / until {entry.until}）")


async def standing_point(secret: Secret, certificate: bytes, certifier: Certifier | None) -> Point:
    """電子証明書の有効性, as its authority says."""
    standing = Standing.UNREACHABLE if certifier is None else await certifier.judge(secret, certificate)
    outcome, words = _STANDINGS[standing]
    return Point(_certificate(secret), outcome, words)


def issuer_point(secret: Secret, certificate: bytes, authority: bytes) -> Point:
    """発行者: whether the authority's certificate on the card signed the holder's; not whether it is to be trusted."""
    what = f"{_certificate(secret)}: 発行者の署名 / issuer's signature"
    try:
        x509.load_der_x509_certificate(certificate).verify_directly_issued_by(x509.load_der_x509_certificate(authority))
    except (ValueError, TypeError, InvalidSignature):
        return Point(what, Outcome.BAD, "一致しません / does not fit")
    return Point(what, Outcome.GOOD, "一致 / fits")


def possession_point(reader: Reader, secret: Secret, text: str, certificate: bytes, entropy: Entropy) -> Point:
    """秘密鍵の所持: the card signs what it could not foresee. Raises CardError where the secret is not taken."""
    what = f"{_certificate(secret)}: 秘密鍵 / private key"
    challenge = entropy.bytes(32)
    signature = reader.sign(secret, text, sha256(challenge).digest())
    if signed(certificate, signature, challenge):
        return Point(what, Outcome.GOOD, "カードが保持 / held by the card")
    return Point(what, Outcome.BAD, "電子証明書と一致しません / is not the certificate's")


def unasked_possession(secret: Secret) -> Point:
    """The private key was not asked for, since its secret was not entered."""
    what = f"{_certificate(secret)}: 秘密鍵 / private key"
    return Point(what, Outcome.UNASKED, f"{secret.rule.japanese}が必要です / needs the {secret.rule.english}")


def signed(certificate: bytes, signature: bytes, content: bytes) -> bool:
    """Whether a signature over `content` (RSASSA-PKCS1-v1_5, SHA-256) is by a certificate's key."""
    try:
        key = x509.load_der_x509_certificate(certificate).public_key()
    except ValueError:
        return False
    if not isinstance(key, rsa.RSAPublicKey):
        return False
    try:
        key.verify(signature, content, padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        return False
    return True


def require_good(points: list[Point]) -> None:
    """Raises CardError where a point came out bad."""
    bad = [one.what for one in points if one.outcome is Outcome.BAD]
    if bad:
        raise CardError(Trouble.NOT_VALID, "; ".join(bad))


def _certificate(secret: Secret) -> str:
    if secret is Secret.SIGNATURE:
        return "署名用電子証明書 / signature certificate"
    return "利用者証明用電子証明書 / authentication certificate"
