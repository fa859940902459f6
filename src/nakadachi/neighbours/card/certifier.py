"""認証局への接続: what the counter and a verifier ask of JPKI; a small protocol, so that a real one can stand there."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from nakadachi.neighbours.card.entries import Entries
from nakadachi.neighbours.card.pin import Secret


@dataclass(frozen=True, slots=True)
class Holder:
    """カードの持ち主. `reference`: 32 hexadecimal digits by which the authority knows a person, and nobody else does;
    `place`: 地方公共団体コード of 6 digits, with `prefecture` and `city`; `number`: 個人番号, "" for none.
    """

    reference: str = field(repr=False)
    entries: Entries
    place: str
    prefecture: str
    city: str
    number: str = field(default="", repr=False)
    wants_signature: bool = True
    """No: under 15, or an adult ward."""


@dataclass(frozen=True, slots=True)
class Certified:
    """発行された電子証明書: its bytes and its authority's (DER), and its serial number as hex."""

    certificate: bytes = field(repr=False)
    authority: bytes = field(repr=False)
    serial: str


class Why(Enum):
    """失効の理由 towards the authority."""

    HELD = "held"
    CHANGED = "changed"
    LOST = "lost"
    ENDED = "ended"


class Standing(Enum):
    """電子証明書の有効性, as the authority's verifier says."""

    GOOD = "good"
    REVOKED = "revoked"
    HELD = "held"
    EXPIRED = "expired"
    UNKNOWN = "unknown"
    UNREACHABLE = "unreachable"


class Certifier(Protocol):
    """認証局. A certificate is named by its serial number; to revoke one twice is to revoke it once."""

    async def certify(self, secret: Secret, request: bytes, holder: Holder, *, renew: bool) -> Certified:
        """発行・更新 of the certificate of a secret's key, for a request (PKCS #10, DER) that the card signed.

        The same request again gives the same certificate; `renew`: it takes the place of one. Raises CardError.
        """
        ...

    async def revoke(self, secret: Secret, serial: str, why: Why) -> None:
        """失効, or 一時停止 where it is only held. Raises CardError."""
        ...

    async def lift(self, secret: Secret, serial: str) -> None:
        """一時停止の解除. Raises CardError."""
        ...

    async def judge(self, secret: Secret, certificate: bytes) -> Standing:
        """有効性確認: chain, time and revocation of the certificate of a secret's key (DER)."""
        ...
