"""中止と状態確認: what ends an exchange that no answer ended, and the question how it stands (design 2, 2.8; I7)."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec

from nakadachi.refusal import Reason
from nakadachi.telegrams.envelope import ITEMS_LIMIT, Answer, Serials, Telegram
from nakadachi.telegrams.inquiry import Completions, Ending
from nakadachi.terms import Serial


class Close(Telegram, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """中止通知: these exchanges ended here without an answer: cancelled, timed out, or unknown.

    An end tells the core, and the core tells the other end.
    """

    closings: Completions

    @property
    def exchanges(self) -> tuple[Serial, ...]:
        """See Telegram."""
        return tuple(closing.serial for closing in self.closings)


class AskState(Telegram, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """状態確認: how do these exchanges stand with you?"""

    serials: Serials

    @property
    def exchanges(self) -> tuple[Serial, ...]:
        """See Telegram."""
        return self.serials


class Stage(StrEnum):
    """段階: how far an exchange came: not known here, under way, ended."""

    NOT_KNOWN = "not-known"
    UNDER_WAY = "under-way"
    ENDED = "ended"


class StandsAt(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """状態: how one exchange stands at whoever answers; `ending` and `reason` where it ended."""

    serial: Serial
    stage: Stage
    ending: Ending | None = None
    reason: Reason | None = None


class StateTold(Answer, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """状態回答: the answer to AskState, one entry per exchange."""

    states: Annotated[tuple[StandsAt, ...], msgspec.Meta(min_length=1, max_length=ITEMS_LIMIT)]
