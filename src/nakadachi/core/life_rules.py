"""What becomes of links and people. Pure: everything weighed is an argument, also the day (C8)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nakadachi.refusal import Reason, Refusal

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from nakadachi.core.codes import IdCode
    from nakadachi.telegrams.link import ResidentChange


@dataclass(frozen=True, slots=True)
class Reported:
    """異動: one change as the registry organisation told it; `now` is the ID code of the new resident record code."""

    change: ResidentChange
    person: IdCode
    now: IdCode | None = None


def decide_alias(
    person: IdCode, now: IdCode, *, aliases: Mapping[IdCode, IdCode], known: Collection[IdCode]
) -> IdCode | None:
    """住民票コードの変更: the ID code that stands for the new code; None where it does so already.

    `aliases` lead to what stands in one step; `known` are the ID codes that somebody is known by.
    Raises Refusal(ALREADY_USED) where the new code is another person's.
    """
    stands = aliases.get(person, person)
    if aliases.get(now, now) == stands:
        return None
    if now in aliases or now in known:
        raise Refusal(Reason.ALREADY_USED, "the new resident record code is another person's")
    return stands


LEAP = 1 << 32
"""More events than an organisation is told in the time between two backups."""
LAST_NUMBER = 2**53 - 1


def number_after_loss(number: int) -> int:
    """番号の引継ぎ: the number after which events are numbered where some that were given after `number` are lost.

    Raises Refusal(OUT_OF_TURN) beyond the largest number.
    """
    leapt = (number // LEAP + 1) * LEAP
    if leapt >= LAST_NUMBER:
        raise Refusal(Reason.OUT_OF_TURN, "no such number was ever given")
    return leapt
