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
