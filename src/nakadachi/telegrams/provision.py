"""情報提供: the telegrams of hops 6 and 7 (design 2; source 003 6.4 ⑤)."""

from __future__ import annotations

from typing import Annotated

import msgspec

from nakadachi.refusal import Reason
from nakadachi.telegrams.envelope import ITEMS_LIMIT, Answer, Moment, Outcome, Telegram
from nakadachi.telegrams.inquiry import Completions
from nakadachi.terms import ItemCode, Prefix, Serial


class ProvisionStatement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """提供文: what the provider states of one exchange (design 2.6).

    `leaf_hash` is the permit's; `body` the SHA-256 of the sealed body, or nothing where the provider refuses, with the
    reason.
    """

    serial: Serial
    leaf_hash: bytes
    provided_at: Moment
    body: bytes = b""
    refused: Reason | None = None


class Provide(Telegram, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """情報提供電文: the provider's signed statements.

    Per item that is answered the part `body`, sealed for the one-time key of its inquiry statement.
    """

    prefix: Prefix
    statements: Annotated[tuple[ProvisionStatement, ...], msgspec.Meta(min_length=1, max_length=ITEMS_LIMIT)]

    @property
    def exchanges(self) -> tuple[Serial, ...]:
        """See Telegram."""
        return tuple(statement.serial for statement in self.statements)


class ProvisionReceived(Answer, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """情報提供受領通知: the inquirer opened the body and found the person asked for, or refuses it with a reason."""

    outcomes: tuple[Outcome, ...]


class ProvisionCompleted(Telegram, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """情報提供完了通知: the provider's word that exchanges ended."""

    completions: Completions

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

    def __repr__(self) -> str:
        """Without the value."""
        return f"ProvidedItem({self.item})"


class Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """提供本体: what is provided, inside the seal only.

    Serial and subject, as the provider's row has it, are repeated, so that the inquirer's program finds a crossed
    answer before anyone sees it (L6).
    """

    serial: Serial
    subject: dict[str, str]
    items: tuple[ProvidedItem, ...]

    def __repr__(self) -> str:
        """Without the subject and the values."""
        return f"Body({self.serial}, {len(self.items)} items)"
