"""What every telegram has in common: a header its author signs once, and parts that can be taken off.

The header (JSON, ES256, JWS compact) holds each part's digest; a personal part's digest is salted, so that the part
can be destroyed without touching the evidence (design 2.2). Relays pass the author's bytes unchanged.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Generic, TypeVar

import msgspec

from nakadachi.crypto.signing import Unverified
from nakadachi.refusal import Reason, Refusal
from nakadachi.terms import NodeName, Serial, TelegramId

SALT_BYTES = 32
ITEMS_LIMIT = 1000
"""Exchanges of one telegram (design 2.9)."""

Moment = Annotated[datetime, msgspec.Meta(tz=True)]
"""A moment with its offset from UTC; one without is refused at the door, not compared later."""
Count = Annotated[int, msgspec.Meta(ge=0, le=ITEMS_LIMIT)]
"""How many exchanges or people a telegram is about (design 2.9)."""
Place = Annotated[int, msgspec.Meta(ge=0, le=ITEMS_LIMIT - 1)]
"""Which of them, from 0."""
VersionNumber = Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]
"""The version of a law book or a directory: a number that every database and every JSON reader can keep."""
Pseudonym = Annotated[str, msgspec.Meta(pattern=r"^[0-9A-Za-z._:-]{1,64}\Z")]
"""A member of staff as the network may know them (design 2.10): a text that every database and log can keep."""
SuiteName = Annotated[str, msgspec.Meta(pattern=r"^(default|strict|p256)\Z")]
"""The name of a seal suite (design 2.6); one that nobody has a key of is refused where it is read."""
Serials = Annotated[tuple[Serial, ...], msgspec.Meta(min_length=1, max_length=ITEMS_LIMIT)]
"""The exchanges of a telegram, one item each."""


class Lane(StrEnum):
    """処理区分: the queue a telegram travels in; bulk can never starve the interactive one (design 2.9)."""

    INTERACTIVE = "interactive"
    BULK = "bulk"


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """部分: one detachable part, as the header names it.

    `digest` is the SHA-256 of its bytes, a personal part's salt included; `size` counts them; `item` is the exchange or
    person it belongs to, from 0.
    """

    name: Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z ]{0,39}\Z")]
    digest: bytes
    size: Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]
    item: Place = 0
    personal: bool = False


class Telegram(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="telegram"
):
    """電文: the signed header of one telegram. `to` is the addressee at the end of its path, `made_at` is UTC."""

    id: TelegramId
    author: NodeName
    to: NodeName
    made_at: Moment
    lane: Lane = Lane.INTERACTIVE
    parts: tuple[Part, ...] = ()

    @property
    def exchanges(self) -> tuple[Serial, ...]:
        """The serials this telegram belongs to; empty for one that opens or concerns none."""
        return ()


class Answer(Telegram, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """応答: the header of an answer; `answers` is the telegram it answers."""

    answers: TelegramId


class Outcome(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """結果: what became of one exchange of a telegram: done, or refused with a reason."""

    serial: Serial
    refused: Reason | None = None


class Refused(Answer, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """拒否: the telegram as a whole is refused; nothing of it took effect at its author's side of the refuser."""

    reason: Reason


class Pending(Answer, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """保留: kept by a relay and on its way, no final answer yet; never stored, the telegram may be sent again."""


class Envelope(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """封筒: what travels: the signed header and its parts in the header's order; None where a part was taken off.

    A personal part starts with its 32-byte salt.
    """

    jws: bytes
    parts: tuple[bytes | None, ...] = ()

    def __repr__(self) -> str:
        """Its size only: parts may name a person."""
        return f"Envelope({len(self.jws)} bytes, {len(self.parts)} parts)"


T_co = TypeVar("T_co", bound=Telegram, covariant=True)


@dataclass(frozen=True, slots=True)
class Received:
    """A telegram of the right form, its signature not yet checked."""

    header: Telegram
    envelope: Envelope
    compact: Unverified


@dataclass(frozen=True, slots=True)
class Verified(Generic[T_co]):
    """A telegram whose author's signature and whose parts were checked."""

    header: T_co
    envelope: Envelope
    _places: dict[tuple[str, int], int] = field(default_factory=dict, init=False, repr=False, compare=False)

    def part(self, name: str, item: int = 0) -> bytes:
        """The content of a part, without its salt. Raises Refusal(BAD_FORMAT) where it is lacking."""
        if not self._places:
            self._places.update({(one.name, one.item): place for place, one in enumerate(self.header.parts)})
        place = self._places.get((name, item))
        content = None if place is None else self.envelope.parts[place]
        if place is None or content is None:
            raise Refusal(Reason.BAD_FORMAT, f"part {name}/{item} is lacking")
        return content[SALT_BYTES:] if self.header.parts[place].personal else content
