"""符号の更新: the organisation's people get the codes of another key, while exchanges go on (C6, decision 0025).

A person is found by the former code for a while longer: a permit that names it may be on its way.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from nakadachi.intermediate import rotation_store
from nakadachi.intermediate.rotation_store import Replacement
from nakadachi.refusal import Reason, Refusal
from nakadachi.telegrams.code import LinkCodeKept
from nakadachi.telegrams.codec import decode_json
from nakadachi.terms import LinkCode

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nakadachi.intermediate.parts import Intermediate
    from nakadachi.intermediate.subjects import AddresseeNumber
    from nakadachi.kit.unit import Asked, Reply, Unit
    from nakadachi.telegrams.link import ReplaceLinkCodes

FORMER_KEPT = timedelta(days=30)
"""How long somebody is found by a code that was replaced: far longer than a permit lives, and than a core is away."""


async def replace_codes(
    intermediate: Intermediate, unit: Unit, asked: Sequence[Asked[ReplaceLinkCodes]]
) -> list[Reply]:
    """符号更新: each person found by the former code, or by the new one already, is asked about by the new one from now
    on. Safe to repeat.
    """
    replies: list[Reply] = []
    for one in asked:
        try:
            pairs = _read(one)
        except Refusal as refusal:
            replies.append(refusal)
            continue
        known = await rotation_store.holders(unit.connection, [code for pair in pairs for code in pair])
        decided = [decide(former, fresh, known) for former, fresh in pairs]
        await rotation_store.replace_codes(
            unit.connection, [each for each in decided if isinstance(each, Replacement)], unit.now
        )
        outcomes = tuple(each if isinstance(each, Reason) else None for each in decided)
        replies.append(intermediate.author.answer(LinkCodeKept, one.telegram, outcomes=outcomes))
    return replies


def decide(
    former: LinkCode, fresh: LinkCode, known: Mapping[LinkCode, tuple[AddresseeNumber, LinkCode]]
) -> Replacement | Reason | None:
    """What becomes of one person's code: it is replaced; None where that was done before; or the reason why not.

    `known` says of a code whose it is or was, and which is theirs now. Nobody ever gets another person's code.
    """
    holder, taken = known.get(former), known.get(fresh)
    if taken is not None:
        return None if holder is None or holder[0] == taken[0] else Reason.ALREADY_USED
    if holder is None:
        return Reason.CODE_NOT_ISSUED
    return Replacement(holder[0], holder[1], fresh)


async def forget(_intermediate: Intermediate, unit: Unit, turns: Sequence[None]) -> list[int]:
    """Former codes that no permit can name any more are erased. Returns how many."""
    return [await rotation_store.forget_former(unit.connection, unit.now - FORMER_KEPT)] * len(turns)


def _read(one: Asked[ReplaceLinkCodes]) -> list[tuple[LinkCode, LinkCode]]:
    """Former and new code of each person. Raises Refusal(BAD_FORMAT)."""
    lists = [decode_json(one.telegram.part(name), tuple[LinkCode, ...]) for name in ("former codes", "link codes")]
    if any(len(codes) != one.header.count for codes in lists):
        raise Refusal(Reason.BAD_FORMAT, f"not {one.header.count} codes of each kind")
    if len({*lists[0], *lists[1]}) != 2 * one.header.count:
        raise Refusal(Reason.BAD_FORMAT, "a code stands there twice")
    return list(zip(*lists, strict=True))
