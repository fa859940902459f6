"""The hand of one node: writes and signs the telegrams it authors, with time and chance from its two sources."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, cast

from nakadachi.kit.entropy import uuid7_text
from nakadachi.refusal import Reason, Refusal
from nakadachi.telegrams.codec import describe_part, write
from nakadachi.telegrams.envelope import SALT_BYTES, Refused, Telegram, Verified
from nakadachi.terms import NodeName, TelegramId

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nakadachi.crypto.signing import Signer
    from nakadachi.kit.clock import Clock
    from nakadachi.kit.entropy import Entropy

T = TypeVar("T", bound=Telegram)


@dataclass(frozen=True, slots=True)
class Enclosure:
    """One part to be: its name, content, the item it belongs to, and whether it is personal (then it gets a salt)."""

    name: str
    content: bytes
    item: int = 0
    personal: bool = False


@dataclass(frozen=True, slots=True)
class Author:
    """A node that signs: its name, what signs for it, its clock and entropy."""

    name: NodeName
    key: Signer
    clock: Clock
    entropy: Entropy

    def write(self, kind: type[T], *, to: NodeName, parts: Sequence[Enclosure] = (), **fields: Any) -> Verified[T]:
        """A new telegram of `kind` to the node at the end of its path; `fields` are those the kind adds."""
        contents = tuple(
            self.entropy.bytes(SALT_BYTES) + part.content if part.personal else part.content for part in parts
        )
        described = tuple(
            describe_part(part.name, content, item=part.item, personal=part.personal)
            for part, content in zip(parts, contents, strict=True)
        )
        header = kind(
            id=TelegramId(uuid7_text(self.clock, self.entropy)),
            author=self.name,
            to=to,
            made_at=self.clock.now(),
            parts=described,
            **fields,
        )
        return cast("Verified[T]", write(header, contents, self.key))

    def answer(
        self, kind: type[T], telegram: Verified[Any], *, parts: Sequence[Enclosure] = (), **fields: Any
    ) -> Verified[T]:
        """An answer to `telegram`, in its lane, to its author."""
        header = telegram.header
        return self.write(kind, to=header.author, parts=parts, answers=header.id, lane=header.lane, **fields)

    def refuse(self, telegram: Verified[Any] | Telegram, refusal: Refusal) -> Verified[Refused]:
        """The signed refusal of a whole telegram; the refusal's detail stays here."""
        header = telegram if isinstance(telegram, Telegram) else telegram.header
        reason = refusal.reason if isinstance(refusal, Refusal) else Reason.INTERNAL
        return self.write(Refused, to=header.author, answers=header.id, lane=header.lane, reason=reason)
