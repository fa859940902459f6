"""情報提供: the telegrams of hops 6 and 7 (design 2; source 003 6.4 ⑤)."""

from __future__ import annotations

from datetime import datetime

import msgspec

from nakadachi.refusal import Reason
from nakadachi.telegrams.envelope import Answer, Outcome, Telegram
from nakadachi.telegrams.inquiry import Completion
from nakadachi.terms import ItemCode, Prefix, Serial


class ProvisionStatement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """提供文: what the provider states of one exchange: the permit's leaf hash, the SHA-256 of the sealed body (empty
    where it refuses, with the reason), the time (design 2.6)."""

    serial: Serial
    leaf_hash: bytes
    provided_at: datetime
    body: bytes = b""
    refused: Reason | None = None


class Provide(Telegram, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """情報提供電文: the provider's signed statements; per item with a body the part `body` (sealed for the inquirer)."""

    prefix: Prefix
    statements: tuple[ProvisionStatement, ...]

    @property
    def exchanges(self) -> tuple[Serial, ...]:
        """See Telegram."""
        return tuple(statement.serial for statement in self.statements)


class ProvisionReceived(Answer, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """情報提供受領通知: the inquirer opened the body and found the person asked for, or refuses it with a reason."""

    outcomes: tuple[Outcome, ...]


class ProvisionCompleted(Telegram, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """情報提供完了通知: the provider's word that exchanges ended."""

    completions: tuple[Completion, ...]

    @property
    def exchanges(self) -> tuple[Serial, ...]:
        """See Telegram."""
        return tuple(completion.serial for completion in self.completions)


class ProvidedItem(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """提供項目: one item's value, or the reason why it is empty (facts 2.4), and when it was last updated."""

    item: ItemCode
    version: str
    updated_at: str
    value: str | None = None
    reason_of_null: str | None = None


class Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """提供本体, inside the seal only: the serial and the subject as the provider's row has it are repeated, so that the
    inquirer's program finds a crossed answer before anyone sees it (L6)."""

    serial: Serial
    subject: dict[str, str]
    items: tuple[ProvidedItem, ...]
