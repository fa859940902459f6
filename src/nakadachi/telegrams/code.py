"""符号付番: the telegrams that give an organisation its link code for a person (C7, L1; Act art. 21-2)."""

from __future__ import annotations

from nakadachi.refusal import Reason
from nakadachi.telegrams.envelope import Answer, Count, Place, Telegram


class RequestLinkCode(Telegram, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """符号付番依頼: for `count` people.

    Per item the personal parts `matching number` (its text) and `person` (the four items or an Individual Number, in a
    form the wire does not know). A person goes to the registry organisation and no further.
    """

    count: Count


class LinkCodeRequested(Answer, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """符号付番依頼の受付: per person None where exactly one resident was found, else the reason."""

    outcomes: tuple[Reason | None, ...]


class IssueLinkCode(Telegram, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """符号生成依頼: the people `found`, by their items in the request.

    Part `request` is the organisation's signed RequestLinkCode, its `person` parts taken off; per person found the
    personal part `resident record code` (its text), of the item in the request.
    """

    found: tuple[Place, ...]


class LinkCodeIssued(Telegram, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """符号通知: for `count` people.

    Per item the personal parts `link code` (JSON text) and `matching number` (its text).
    """

    count: Count


class LinkCodeKept(Answer, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """符号登録済み: per person None where the code was set, else the reason. The matching numbers are gone."""

    outcomes: tuple[Reason | None, ...]
