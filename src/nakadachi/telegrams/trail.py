"""証跡: what core and ends did in every exchange, handed over to the Commission as a numbered chain (C15, A1).

No code, no number, no name, no body: a person is a tag that the core opens, a member of staff a pseudonym, a case a
keyed digest.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec

from nakadachi.refusal import Reason
from nakadachi.telegrams.envelope import ITEMS_LIMIT, Answer, Moment, Pseudonym, Telegram
from nakadachi.telegrams.inquiry import Ending
from nakadachi.terms import Prefix, Serial

Number = Annotated[int, msgspec.Meta(ge=1, le=2**53 - 1)]
"""The running number of an entry at its author, from 1, without a gap."""
Index = Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]
"""A leaf's place in the log."""
Hash = Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]
"""A SHA-256 or a value under a key: 32 bytes."""
TEXT_LIMIT = 100
Text = Annotated[str, msgspec.Meta(max_length=TEXT_LIMIT, pattern=r"^[^\x00-\x1f\x7f]*\Z")]
"""A text of an organisation's own about its work, without control characters; never about a person."""
NOTHING_YET = bytes(32)
"""The running digest before the first entry."""


class Event(StrEnum):
    """記録の種類: asked for, permitted, provided or received, refused, closed without either."""

    REQUESTED = "requested"
    PERMITTED = "permitted"
    PROVIDED = "provided"
    RECEIVED = "received"
    REFUSED = "refused"
    CLOSED = "closed"


class Decision(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """判断の開示: what the core decided, byte for byte as its leaf commits to it, and what opens the oversight tag.

    `content` is the JSON of PermitContent or RefusalContent; `index` its place in the log, where it has one yet. `tag`
    (empty where the request named nobody) and `salt` open the fourth commitment; they are left out once their month's
    key is destroyed.
    """

    content: Annotated[bytes, msgspec.Meta(min_length=1, max_length=64 * 1024)]
    index: Index | None = None
    tag: Annotated[bytes, msgspec.Meta(min_length=0, max_length=32)] | None = None
    salt: Hash | None = None


class TrailEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """証跡: one event of one exchange, as its author has it on record (source 003 table 24, Act art. 23).

    `requested_at` and `provided_at` are the times of request and provision as far as they are known there, `leaf` the
    permit's leaf hash, `ending` how the exchange ended where this event ends it, `withheld` the mark of
    non-disclosure. From the ends: `staff` as a pseudonym, `case` the case number under the organisation's own key
    (left out where there is none). From the core: `decision`, with the event that decided.
    """

    serial: Serial
    event: Event
    at: Moment
    prefix: Prefix
    requested_at: Moment | None = None
    provided_at: Moment | None = None
    reason: Reason | None = None
    leaf: Hash | None = None
    ending: Ending | None = None
    withheld: bool = False
    staff: Pseudonym | None = None
    department: Text = ""
    terminal: Text = ""
    purpose: Text = ""
    case: Hash | None = None
    decision: Decision | None = None


class HandOverTrail(Telegram, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """証跡提供: the entries `first`, `first` + 1 … of its author, and the running digest before and after them.

    The digest after an entry is SHA-256 of the digest before it and the SHA-256 of the entry's JSON.
    """

    first: Number
    entries: Annotated[tuple[TrailEntry, ...], msgspec.Meta(min_length=1, max_length=ITEMS_LIMIT)]
    before: Hash
    after: Hash

    @property
    def last(self) -> int:
        """The number of the last entry."""
        return self.first + len(self.entries) - 1


class TrailKept(Answer, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """証跡受領: `following` is the number waited for next, `digest` the running digest before it.

    Where that is not the number behind those handed over, the author goes on from there. `contradicts` is the first
    number under which another entry was handed over before: that one stands, and both signed telegrams are kept.
    """

    following: Number
    digest: Hash
    contradicts: Number | None = None


class AskTrail(Telegram, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """証跡要求: the Commission wants the entries from number `first` on, once more or at last (A1)."""

    first: Number
