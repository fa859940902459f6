"""符号の管理: the telegrams by which a link code lives on after its issuance (C6, C8, C17).

An organisation speaks of its own people by their link codes, the registry organisation by resident record codes, the
core to an organisation by that organisation's link codes. What changed about a person never travels, only that it did.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated

import msgspec

from nakadachi.refusal import Reason
from nakadachi.telegrams.envelope import ITEMS_LIMIT, Answer, Count, Moment, Telegram

Number = Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]
"""The running number of a change event at one organisation, from 1; 0 stands before the first."""


class LinkChange(StrEnum):
    """符号状態の変更: what becomes of a link. A new link after an unlinking is a new issuance."""

    UNLINK = "unlink"
    SUSPEND = "suspend"
    RESUME = "resume"


class ChangeLinks(Telegram, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """符号状態変更: an organisation unlinks, suspends or resumes `count` of its own people, from `on` (day in Japan).

    Personal part `link codes`: a JSON list of their texts, one per item.
    """

    count: Count
    change: LinkChange
    on: date


class LinksChanged(Answer, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """符号状態変更済み: per person None where it is done or was so before, else the reason."""

    outcomes: tuple[Reason | None, ...]


class ReplaceLinkCodes(Telegram, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """符号更新: for `count` people the code under a new key of the organisation in the place of the former one (C6).

    Personal parts `former codes` and `link codes`: JSON lists of texts in one order. Answered by LinkCodeKept; both
    codes are honoured until the former key is retired.
    """

    count: Count


class ResidentChange(StrEnum):
    """異動の種類: what the core has to act on. `ITEMS` stands for everything else: a move, a name, a number."""

    ITEMS = "items"
    CODE = "code"
    DEATH = "death"
    DEATH_UNDONE = "death-undone"


class ReportResidentChanges(Telegram, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """住民異動通知: that something changed for residents; never what it was changed to, but for their record codes.

    Per item the kind. Personal part `resident record codes`: a JSON list of texts, one per item; `new resident record
    codes`: a list of the same length, the empty text where the code did not change.
    """

    changes: Annotated[tuple[ResidentChange, ...], msgspec.Meta(min_length=1, max_length=ITEMS_LIMIT)]


class Scope(StrEnum):
    """通知の範囲: whose changes an organisation is told."""

    ALL = "all"
    LISTED = "listed"
    NONE = "none"


class SubscribeChanges(Telegram, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """変更通知の登録: whose changes we want from now on, and to be told again what came after number `after` (C17).

    `after` None: only what comes from now on. Personal part `link codes` (JSON list of texts), only with `LISTED`:
    added to those listed before. `ALL` and `NONE` forget the list.
    """

    scope: Scope
    after: Number | None = None


class ChangesSubscribed(Answer, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """変更通知の登録済み: `following` is the number of the first event that comes after those the subscriber has.

    Where it is not the next one, those between are lost: deleted by their period, or with a core that had to be
    restored. Per link code listed None where it is, else the reason.
    """

    following: Annotated[int, msgspec.Meta(ge=1, le=2**53 - 1)]
    outcomes: tuple[Reason | None, ...] = ()


class NotifyChanges(Telegram, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """変更通知: something changed for people of the addressee: numbers `first`, `first` + 1 …, one per time in `at`.

    Personal part `link codes`: a JSON list of texts, one per item. What changed is not said (C17).
    """

    first: Annotated[int, msgspec.Meta(ge=1, le=2**53 - 1)]
    at: Annotated[tuple[Moment, ...], msgspec.Meta(min_length=1, max_length=ITEMS_LIMIT)]
