"""符号付番: the telegrams that give an organisation its link code for a person (C7, L1, L5; Act art. 21-2).

Two forms: `matching numbers`, `people`, `resident record codes` and `link codes` as one personal part each (JSON lists
in one order), or one part per person as version 0.1.0 writes them. Who asks in one form is answered in it.
"""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

from nakadachi.refusal import Reason
from nakadachi.telegrams.envelope import Answer, Count, Place, Telegram
from nakadachi.terms import Serial

ISSUANCE_LIVES = timedelta(days=1)
"""How long after a request its matching numbers live anywhere: then they are purged, answered or not (L1)."""


class Hit(StrEnum):
    """照合結果: how many residents fit all that was given of a person; never who (L5).

    `DIFFERENT`: the Individual Number and the four items are not of one person.
    """

    ONE = "one"
    NONE = "none"
    SEVERAL = "several"
    DIFFERENT = "different"

    @property
    def japanese(self) -> str:
        """What a clerk is told, in Japanese."""
        return _HITS[self][0]

    @property
    def english(self) -> str:
        """What a clerk is told, in English."""
        return _HITS[self][1]


_HITS = {
    Hit.ONE: ("一人に該当", "exactly one resident"),
    Hit.NONE: ("該当者なし", "no resident fits"),
    Hit.SEVERAL: ("複数人に該当", "several residents fit"),
    Hit.DIFFERENT: ("個人番号と4情報が同じ人のものではない", "number and four items are not of one person"),
}


class RequestLinkCode(Telegram, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """符号付番依頼: for `count` people, under a serial of the organisation's (I1).

    Personal parts `matching numbers` and `people`: JSON lists, one entry per person; or per item `matching number` and
    `person`. A person is the four items, and the Individual Number where there is one, in a form the wire does not
    know; it goes to the registry organisation and no further. With `check` nothing is created: the code that stands is
    asked for (L5).
    """

    count: Count
    serial: Serial | None = None
    check: bool = False


class LinkCodeRequested(Answer, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """符号付番依頼の受付: per person None where exactly one resident was found, else the reason; `hits` says more."""

    outcomes: tuple[Reason | None, ...]
    hits: tuple[Hit, ...] = ()


class IssueLinkCode(Telegram, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """符号生成依頼: the people `found`, by their items in the request.

    Part `request` is the organisation's signed RequestLinkCode, its people taken off; the personal part `resident
    record codes` is a JSON list in the order of `found`, or `resident record code` per person found.
    """

    found: tuple[Place, ...]


class LinkCodeIssued(Telegram, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """符号通知: for `count` people.

    Personal parts `link codes` and `matching numbers`: JSON lists in one order; or per item `link code` (JSON text) and
    `matching number`. The empty text answers a check where no code stands.
    """

    count: Count


class LinkCodeKept(Answer, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """符号登録済み: per person None where the code was set, else the reason. The matching numbers are gone."""

    outcomes: tuple[Reason | None, ...]
