"""認証局への接続: what the counter and a verifier ask of JPKI; a small protocol, so that a real one can stand there."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from enum import Enum
from typing import Protocol

from nakadachi.neighbours.card.entries import Entries


@dataclass(frozen=True, slots=True)
class Holder:
    """カードの持ち主, as the counter knows them: items, municipality (code of 6 digits), Individual Number ("" for none)."""

    entries: Entries
    municipality: str
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
    SUPERSEDED = "superseded"
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
    """署名用・利用者証明用の認証局. A certificate is named by its serial number; to revoke one twice is to revoke it once."""

    async def certify_authentication(self, public: bytes, holder: Holder, until: date) -> Certified:
        """利用者証明用電子証明書の発行 for a public key (SubjectPublicKeyInfo, DER). Raises CardError."""
        ...

    async def certify_signature(self, public: bytes, holder: Holder, until: date) -> Certified:
        """署名用電子証明書の発行. Raises CardError."""
        ...

    async def revoke(self, serial: str, why: Why) -> None:
        """失効, or 一時停止 where it is only held. Raises CardError."""
        ...

    async def lift(self, serial: str) -> None:
        """一時停止の解除. Raises CardError."""
        ...

    async def judge(self, certificate: bytes) -> Standing:
        """有効性確認: chain, time and revocation of a certificate (DER)."""
        ...
