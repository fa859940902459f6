"""情報照会: the telegrams of hops 4, 5 and 8 (design 2; source 003 6.4 ④)."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from nakadachi.refusal import Reason
from nakadachi.telegrams.envelope import Answer, Outcome, Telegram
from nakadachi.terms import Prefix, Serial


class InquiryStatement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """照会文: what the inquirer states of one exchange: the permit's leaf hash, the one-time body key (raw public key of
    the suite), the SHA-256 of the sealed subject check, deadlines (design 2.6)."""

    serial: Serial
    leaf_hash: bytes
    suite: str
    body_key: bytes
    subject_check: bytes
    accept_by: datetime
    answer_by: datetime


class Inquire(Telegram, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """情報照会電文: the inquirer's signed statements. Per item the parts `permit` and `subject check` (sealed)."""

    prefix: Prefix
    statements: tuple[InquiryStatement, ...]
    staff: str

    @property
    def exchanges(self) -> tuple[Serial, ...]:
        """See Telegram."""
        return tuple(statement.serial for statement in self.statements)


class InquireAt(Telegram, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """情報照会電文 (コアシステム発): the only telegram the core issues anew. Part `statement` is the Inquire envelope as its
    author signed it; part `cosigned head` the newest checkpoint with the Commission's cosignature; per item the
    personal part `link code` (L_B with its opening)."""

    prefix: Prefix
    serials: tuple[Serial, ...]

    @property
    def exchanges(self) -> tuple[Serial, ...]:
        """See Telegram."""
        return self.serials


class Acceptance(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """受付の結果: accepted (held back for staff or not), or refused with a reason."""

    serial: Serial
    held: bool = False
    refused: Reason | None = None


class InquiryAccepted(Answer, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """情報照会受付完了: the provider's word per exchange, carried back along the path."""

    outcomes: tuple[Acceptance, ...]


class Ending(StrEnum):
    """終わり方: how an exchange ended."""

    ANSWERED = "answered"
    REFUSED = "refused"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed-out"
    UNKNOWN = "unknown"


class Completion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """完了: one exchange ended, how and when."""

    serial: Serial
    ending: Ending
    ended_at: datetime
    reason: Reason | None = None


class InquiryCompleted(Telegram, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """情報照会完了通知: the inquirer's word that exchanges ended."""

    completions: tuple[Completion, ...]

    @property
    def exchanges(self) -> tuple[Serial, ...]:
        """See Telegram."""
        return tuple(completion.serial for completion in self.completions)


class Noted(Answer, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """記録済み: the notice is kept; per serial an outcome where one could not be."""

    outcomes: tuple[Outcome, ...] = ()
