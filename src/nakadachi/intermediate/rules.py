"""The intermediate server's decisions. Pure: everything they weigh is an argument."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from nakadachi.crypto.subject import LEAST_COMPARED, Subject, normalise
from nakadachi.refusal import Reason, Refusal
from nakadachi.telegrams.closing import Stage, StandsAt
from nakadachi.telegrams.inquiry import Ending
from nakadachi.telegrams.provision import Body, ProvidedItem
from nakadachi.telegrams.standing import LinkState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nakadachi.terms import InfoNameCode, ItemCode, Serial


class State(StrEnum):
    """状態 of an exchange at either end."""

    ASKED = "asked"
    HELD = "held"
    ANSWERED = "answered"
    REFUSED = "refused"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed-out"
    UNKNOWN = "unknown"

    @property
    def is_open(self) -> bool:
        """Whether it may still be answered."""
        return self in (State.ASKED, State.HELD)

    @property
    def is_closed(self) -> bool:
        """Whether it ended without an answer and without a refusal, so that the other end has to be told."""
        return self in (State.CANCELLED, State.TIMED_OUT, State.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Held:
    """One item as the provision database has it."""

    item: ItemCode
    version: int
    publish_from: date
    publish_until: date | None
    value: str | None = field(repr=False)
    reason_of_null: str | None
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Protection:
    """A marking of protection; `information` None means all."""

    information: InfoNameCode | None
    withheld: bool
    until: date | None


def ending_of(reason: Reason | None) -> Ending:
    """終わり方: how an exchange ended whose answer was received, or refused with this reason."""
    if reason is None:
        return Ending.ANSWERED
    return {Reason.CANCELLED: Ending.CANCELLED, Reason.TIMED_OUT: Ending.TIMED_OUT}.get(reason, Ending.REFUSED)


def stands_at(serial: Serial, *, known: bool, ending: Ending | None, reason: Reason | None) -> StandsAt:
    """状態: how one exchange stands here, as it is told to whoever asks."""
    if not known:
        return StandsAt(serial=serial, stage=Stage.NOT_KNOWN)
    if ending is None:
        return StandsAt(serial=serial, stage=Stage.UNDER_WAY)
    return StandsAt(serial=serial, stage=Stage.ENDED, ending=ending, reason=reason)


def after_question(told: StandsAt, *, provider: bool) -> Ending | None:
    """状態回答の判断: how our side ends after what the core told; None where it goes on waiting.

    A provider asks only when its own deadline is over: what is still under way there is unknown to it. An inquirer
    asks when nobody told it of the acceptance: under way means that the answer may still come.
    """
    if told.stage is Stage.ENDED:
        return told.ending
    if provider:
        return Ending.UNKNOWN
    return None if told.stage is Stage.UNDER_WAY else Ending.TIMED_OUT


def must_hold(protections: Sequence[Protection], information: InfoNameCode, *, on: date) -> bool:
    """保留の判断: a marking in force keeps this information from an automatic answer; staff decide (M3, L10)."""
    return any(
        one.withheld and one.information in (None, information) and (one.until is None or on <= one.until)
        for one in protections
    )


def choose_items(held: Sequence[Held], wanted: Sequence[ItemCode], *, on: date) -> tuple[ProvidedItem, ...]:
    """提供項目の選択: of each item asked for, the row in force that day.

    Raises Refusal(NOT_REGISTERED) where there is none.
    """
    chosen: dict[str, Held] = {}
    for one in held:
        in_force = one.publish_from <= on and (one.publish_until is None or on <= one.publish_until)
        newest = one.item.value not in chosen or chosen[one.item.value].publish_from < one.publish_from
        if in_force and newest:
            chosen[one.item.value] = one
    items = tuple(
        ProvidedItem(
            item=item,
            version=str(chosen[item.value].version),
            updated_at=chosen[item.value].updated_at.isoformat(),
            value=chosen[item.value].value,
            reason_of_null=chosen[item.value].reason_of_null,
        )
        for item in wanted
        if item.value in chosen
    )
    if not items:
        raise Refusal(Reason.NOT_REGISTERED, "no row in force for any item asked for")
    return items


def subject_words(subject: Subject) -> dict[str, str]:
    """The subject as it stands inside the seal: the attributes our row has (L6)."""
    given = {
        "born": subject.born.isoformat() if subject.born else "",
        "sex": subject.sex or "",
        "kana": subject.kana or "",
    }
    return {name: value for name, value in given.items() if value}


def take_changes(last: int | None, first: int, count: int) -> int | None:
    """変更通知の受入れ: how many of `count` events from number `first` on are here already; None behind a gap.

    `last` is the number up to which all are here; None where none was told yet: then it begins with these.
    """
    if last is None:
        return 0
    if first > last + 1:
        return None
    return min(count, last + 1 - first)


def require_linked(state: LinkState) -> None:
    """符号の状態: nothing is provided of who is unlinked or suspended here. Raises Refusal (C8)."""
    if state is LinkState.UNLINKED:
        raise Refusal(Reason.NOT_LINKED_AT_PROVIDER, "the person was unlinked here")
    if state is LinkState.SUSPENDED:
        raise Refusal(Reason.SUSPENDED, "the person is suspended here")


def check_body(body: Body, serial: Serial, own: Subject) -> None:
    """対象者の確認: the answer is to this exchange, and about the person we asked for (L6).

    Raises Refusal(SUBJECT_MISMATCH).
    """
    if body.serial != serial:
        raise Refusal(Reason.SUBJECT_MISMATCH, "the body is of another exchange")
    ours = subject_words(own)
    compared = [name for name in ours if name in body.subject]
    same = [normalise(body.subject[name]) == normalise(ours[name]) for name in compared]
    if len(compared) < LEAST_COMPARED or not all(same):
        raise Refusal(Reason.SUBJECT_MISMATCH, "the body is about another person, or says too little of whom")
