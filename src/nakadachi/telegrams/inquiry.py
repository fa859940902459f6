"""情報照会: the telegrams of hops 4, 5 and 8 (design 2; source 003 6.4 ④)."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec

from nakadachi.refusal import Reason
from nakadachi.telegrams.envelope import ITEMS_LIMIT, Answer, Moment, Outcome, Pseudonym, Serials, SuiteName, Telegram
from nakadachi.terms import Prefix, Serial


class InquiryStatement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """照会文: what the inquirer states of one exchange (design 2.6).

    `leaf_hash` is the permit's, `body_key` the one-time public key of the suite, raw, `subject_check` the SHA-256 of
    the sealed subject check; the deadlines are the permit's.
    """

    serial: Serial
    leaf_hash: bytes
    suite: SuiteName
    body_key: bytes
    subject_check: bytes
    accept_by: Moment
    answer_by: Moment


class Inquire(Telegram, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """情報照会電文: the inquirer's signed statements.

    Per item the parts `permit` (JSON of Permit, as the core gave it) and `subject check` (sealed for the provider).
    """

    prefix: Prefix
    statements: Annotated[tuple[InquiryStatement, ...], msgspec.Meta(min_length=1, max_length=ITEMS_LIMIT)]
    staff: Pseudonym

    @property
    def exchanges(self) -> tuple[Serial, ...]:
        """See Telegram."""
        return tuple(statement.serial for statement in self.statements)


class InquireAt(Telegram, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """情報照会電文 (コアシステム発): the inquiry on its way to the provider, issued anew by the core.

    Part `statement` is the Inquire envelope as its author signed it, part `cosigned head` the newest checkpoint with
    the Commission's cosignature; per item the personal part `link code` (JSON of Opening: L_B and its salt).
    """

    prefix: Prefix
    serials: Serials

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
    ended_at: Moment
    reason: Reason | None = None


Completions = Annotated[tuple[Completion, ...], msgspec.Meta(min_length=1, max_length=ITEMS_LIMIT)]
"""The exchanges that one telegram says ended."""


class InquiryCompleted(Telegram, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """情報照会完了通知: the inquirer's word that exchanges ended."""

    completions: Completions

    @property
    def exchanges(self) -> tuple[Serial, ...]:
        """See Telegram."""
        return tuple(completion.serial for completion in self.completions)


class Noted(Answer, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """記録済み: the notice is kept; per serial an outcome where one could not be."""

    outcomes: tuple[Outcome, ...] = ()
