"""変更通知: keep by addressee number that something changed, notice what is missing, ask for it again (C17)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nakadachi.intermediate import change_store, life_store
from nakadachi.intermediate.files.changes import Change
from nakadachi.intermediate.rules import take_changes
from nakadachi.kit.author import Enclosure
from nakadachi.kit.log import logger
from nakadachi.refusal import Reason, Refusal
from nakadachi.telegrams.codec import decode_json, encode_json
from nakadachi.telegrams.envelope import ITEMS_LIMIT, Lane
from nakadachi.telegrams.inquiry import Noted
from nakadachi.telegrams.link import ChangesSubscribed, Scope, SubscribeChanges
from nakadachi.terms import LinkCode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nakadachi.intermediate.parts import Intermediate
    from nakadachi.intermediate.subjects import AddresseeNumber
    from nakadachi.kit.unit import Asked, Heard, Reply, Unit
    from nakadachi.telegrams.link import NotifyChanges

MOST_DELETED = 5000


@dataclass(frozen=True, slots=True)
class Wish:
    """Whose changes are wanted from now on; with `LISTED` those of these people too, beside those listed before."""

    scope: Scope
    addressees: tuple[AddresseeNumber, ...] = field(default=(), repr=False)


async def subscribe(intermediate: Intermediate, unit: Unit, wishes: Sequence[Wish]) -> list[int]:
    """変更通知の登録 (C17): tell the core. Returns for each how many of the people have a code and are listed."""
    counts = []
    for wish in wishes:
        held = await change_store.subscription(unit.connection, hold=True)
        links = await life_store.links(unit.connection, wish.addressees)
        if wish.scope is Scope.LISTED:
            await life_store.mark_listed(unit.connection, links, listed=True)
        else:
            await life_store.forget_listed(unit.connection)
        await _tell(intermediate, unit, wish.scope, [one.code for one in links.values()], held.last)
        counts.append(len(links))
    return counts


async def renew(intermediate: Intermediate, unit: Unit, turns: Sequence[None]) -> list[None]:
    """変更通知の再登録: after a start and once a day all is told again, since either side may have been restored."""
    held = await change_store.subscription(unit.connection, hold=True)
    if held.scope is not Scope.NONE:
        codes = await life_store.listed_codes(unit.connection) if held.scope is Scope.LISTED else []
        await _tell(intermediate, unit, held.scope, codes, held.last)
    return [None] * len(turns)


async def _tell(
    intermediate: Intermediate, unit: Unit, scope: Scope, codes: Sequence[LinkCode], after: int | None
) -> None:
    own, core = intermediate.interface, intermediate.edition.peers.core()
    for start in range(0, max(1, len(codes)), ITEMS_LIMIT):
        texts = [code.value for code in codes[start : start + ITEMS_LIMIT]]
        parts = [Enclosure("link codes", encode_json(texts), personal=True)] if texts else []
        telegram = intermediate.author.write(
            SubscribeChanges, to=core, parts=parts, lane=Lane.BULK, scope=scope, after=after
        )
        unit.send(telegram, to=own, url=intermediate.edition.peers.url(own))
        await change_store.subscribe(unit.connection, scope, telegram.header.id)


async def hear_subscribed(intermediate: Intermediate, unit: Unit, heard: Sequence[Heard[SubscribeChanges]]) -> None:
    """変更通知の登録済み: what follows those we have; where it is not the next, those between are lost, and said so."""
    for one in heard:
        sent, answer = one.sent[0], one.answers[0].header
        if isinstance(answer, ChangesSubscribed):
            held = await change_store.subscription(unit.connection, hold=True)
            if held.last is None or answer.following > held.last + 1:
                before = answer.following - 1
                lost = [Change(before, None, unit.now, unit.now)] if held.last is not None else []
                if lost:
                    logger().warning("changes.lost", node=intermediate.author.name.value)
                await change_store.keep(unit.connection, lost, before)
            if any(answer.outcomes):
                codes = _codes(sent.part("link codes"))
                refused = [code for code, why in zip(codes, answer.outcomes, strict=False) if why and code]
                gone = await life_store.addressees_of(unit.connection, refused)
                await life_store.mark_listed(unit.connection, gone.values(), listed=False)
    await change_store.answered(unit.connection, [one.sent[0].header.id for one in heard])


async def keep_changes(intermediate: Intermediate, unit: Unit, asked: Sequence[Asked[NotifyChanges]]) -> list[Reply]:
    """変更通知 (C17): kept in the order of their numbers; behind a gap nothing is, but asked for again."""
    replies: list[Reply] = []
    for one in asked:
        header = one.header
        try:
            codes = _codes(one.telegram.part("link codes"))
            if len(codes) != len(header.at):
                raise Refusal(Reason.BAD_FORMAT, "one link code for each time")
        except Refusal as refusal:
            replies.append(refusal)
            continue
        held = await change_store.subscription(unit.connection, hold=True)
        known = take_changes(held.last, header.first, len(codes))
        if known is None:
            await _tell(intermediate, unit, held.scope, [], held.last)
        elif known < len(codes):
            people = await life_store.addressees_of(unit.connection, [code for code in codes[known:] if code])
            changes = [
                Change(header.first + place, people[code], header.at[place], unit.now)
                for place, code in enumerate(codes)
                if place >= known and code in people
            ]
            await change_store.keep(unit.connection, changes, header.first + len(codes) - 1)
        replies.append(intermediate.author.answer(Noted, one.telegram))
    return replies


async def forget_old(intermediate: Intermediate, unit: Unit, turns: Sequence[None]) -> list[int]:
    """変更通知の削除: events are kept for their period only (L1). Returns how many were deleted."""
    than = unit.now - intermediate.times.changes
    return [await change_store.delete_older(unit.connection, than, most=MOST_DELETED)] * len(turns)


def _codes(raw: bytes) -> list[LinkCode | None]:
    texts: tuple[str, ...] = decode_json(raw, tuple[str, ...])
    return [_code(text) for text in texts]


def _code(text: str) -> LinkCode | None:
    try:
        return LinkCode(text)
    except ValueError:
        return None
