"""変更通知: tell the organisations that subscribed that something changed for people of theirs, never what (C17).

One packet per organisation is under way at a time: what happens meanwhile goes together in the next.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nakadachi.core import change_store, life_store
from nakadachi.core.codes import Meaning
from nakadachi.core.own_codes import read_codes, read_own
from nakadachi.kit.author import Enclosure
from nakadachi.refusal import Reason, Refusal
from nakadachi.telegrams.codec import encode_json
from nakadachi.telegrams.envelope import ITEMS_LIMIT, Lane
from nakadachi.telegrams.link import ChangesSubscribed, NotifyChanges, Scope, SubscribeChanges
from nakadachi.terms import NodeName, Role

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nakadachi.core.parts import Core
    from nakadachi.kit.unit import Asked, Heard, Reply, Unit
    from nakadachi.telegrams.envelope import Verified
    from nakadachi.terms import OrganisationCode

MOST_TOLD = 100
"""Organisations told in one turn."""
MOST_DELETED = 5000


async def subscribe(core: Core, unit: Unit, asked: Sequence[Asked[SubscribeChanges]]) -> list[Reply]:
    """変更通知の登録 (C17): whose changes an organisation wants, and from which number on."""
    replies: list[Reply] = []
    for one in asked:
        organisation, header = one.header.author.organisation, one.header
        try:
            outcomes = await _list(core, unit, one)
            following = await change_store.subscribe(unit.connection, organisation, header.scope, header.after)
        except Refusal as refusal:
            replies.append(refusal)
            continue
        if header.scope is not Scope.LISTED:
            await change_store.forget_list(unit.connection, organisation)
        answer = core.author.answer(ChangesSubscribed, one.telegram, following=following, outcomes=tuple(outcomes))
        replies.append(answer)
    return replies


async def _list(core: Core, unit: Unit, one: Asked[SubscribeChanges]) -> list[Reason | None]:
    """The people named in it, where some are: each must have that code now. Raises Refusal."""
    organisation, header = one.header.author.organisation, one.header
    if not header.parts:
        return []
    if header.scope is not Scope.LISTED:
        raise Refusal(Reason.BAD_FORMAT, "people are named only where those listed are wanted")
    read = await read_own(core, unit.connection, read_codes(one.telegram), organisation)
    links = await life_store.hold_links(
        unit.connection, organisation, {code.id_code for code in read if code is not None}
    )
    issued = [
        code is not None and (link := links.get(code.id_code)) is not None and link.honours(code) for code in read
    ]
    listed = [code.id_code for code, good in zip(read, issued, strict=True) if code is not None and good]
    await change_store.list_people(unit.connection, organisation, listed)
    return [None if good else Reason.CODE_NOT_ISSUED for good in issued]


async def tell(core: Core, unit: Unit, turns: Sequence[None]) -> list[int]:
    """変更通知の送信: a packet for every organisation that has something to be told. Returns how many events go."""
    told = 0
    for organisation in await change_store.to_tell(unit.connection, most=MOST_TOLD):
        events = await change_store.next_events(unit.connection, organisation, most=ITEMS_LIMIT)
        if not events:
            await change_store.nothing_left(unit.connection, organisation)
            continue
        telegram = await _notify(core, unit, organisation, events)
        to = NodeName.of(Role.INTERFACE, organisation)
        unit.send(telegram, to=to, url=core.edition.peers.url(to))
        await change_store.under_way(unit.connection, organisation, events[-1].number, telegram.header.id)
        told += len(events)
    return [told] * len(turns)


async def _notify(
    core: Core, unit: Unit, organisation: OrganisationCode, events: Sequence[change_store.Event]
) -> Verified[NotifyChanges]:
    meant = [Meaning(organisation, one.person, one.key_index, one.generation) for one in events]
    codes = [code.value for code in await core.scheme.issue(unit.connection, meant)]
    return core.author.write(
        NotifyChanges,
        to=NodeName.of(Role.INTERMEDIATE, organisation),
        parts=[Enclosure("link codes", encode_json(codes), personal=True)],
        lane=Lane.BULK,
        first=events[0].number,
        at=tuple(one.at for one in events),
    )


async def hear_noted(_core: Core, unit: Unit, heard: Sequence[Heard[NotifyChanges]]) -> None:
    """変更通知の到達: the next packet may go. Who refused one sees the gap and asks again."""
    await change_store.arrived(unit.connection, [one.sent[0].header.id for one in heard])


async def forget_old(core: Core, unit: Unit, turns: Sequence[None]) -> list[int]:
    """変更通知の削除: events are kept for their period only (L1). Returns how many were deleted."""
    than = unit.now - core.times.changes
    return [await change_store.delete_older(unit.connection, than, most=MOST_DELETED)] * len(turns)


async def continue_numbers(core: Core, unit: Unit, turns: Sequence[None]) -> list[bool]:
    """番号の引継ぎ: after a restoration, numbers that may have been given in the lost time are not given again."""
    restored = await change_store.continue_numbers(unit.connection, {core.log.origin, *core.others})
    return [restored] * len(turns)
