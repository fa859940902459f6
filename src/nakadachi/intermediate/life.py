"""符号の状態: an organisation unlinks, suspends and resumes its own people; this server's own state follows (C8)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nakadachi.intermediate import life_store
from nakadachi.kit.author import Enclosure
from nakadachi.refusal import Reason, Refusal
from nakadachi.telegrams.codec import encode_json
from nakadachi.telegrams.envelope import Lane
from nakadachi.telegrams.link import ChangeLinks, LinksChanged

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from nakadachi.intermediate.parts import Intermediate
    from nakadachi.intermediate.subjects import AddresseeNumber
    from nakadachi.kit.unit import Heard, Unit
    from nakadachi.telegrams.link import LinkChange
    from nakadachi.telegrams.standing import LinkDays

MOST_PEOPLE = 1000


@dataclass(frozen=True, slots=True)
class Wish:
    """What an existing system wants done of whose links, from which day on."""

    change: LinkChange
    on: date
    addressees: tuple[AddresseeNumber, ...] = field(repr=False)


async def change_links(
    intermediate: Intermediate, unit: Unit, wishes: Sequence[Wish]
) -> list[dict[AddresseeNumber, Reason]]:
    """符号状態変更: ask the core. Returns for each wish those of whom it is not asked, and why."""
    return [await _ask(intermediate, unit, wish) for wish in wishes]


async def _ask(intermediate: Intermediate, unit: Unit, wish: Wish) -> dict[AddresseeNumber, Reason]:
    links = await life_store.links(unit.connection, wish.addressees)
    known = await life_store.known(unit.connection, wish.addressees)
    wanted = [links[one] for one in dict.fromkeys(wish.addressees) if one in links]
    for start in range(0, len(wanted), MOST_PEOPLE):
        some = wanted[start : start + MOST_PEOPLE]
        codes = Enclosure("link codes", encode_json([one.code.value for one in some]), personal=True)
        telegram = intermediate.author.write(
            ChangeLinks,
            to=intermediate.edition.peers.core(),
            parts=[codes],
            lane=Lane.BULK,
            count=len(some),
            change=wish.change,
            on=wish.on,
        )
        asked = [life_store.Asked(one.addressee, wish.change, wish.on) for one in some]
        await life_store.ask(unit.connection, telegram.header.id, asked, unit.now)
        own = intermediate.interface
        unit.send(telegram, to=own, url=intermediate.edition.peers.url(own))
    lacking = {one: Reason.CODE_NOT_ISSUED for one in wish.addressees if one in known and one not in links}
    return lacking | {one: Reason.UNKNOWN_ADDRESSEE for one in wish.addressees if one not in known}


async def hear_changed(_intermediate: Intermediate, unit: Unit, heard: Sequence[Heard[ChangeLinks]]) -> None:
    """符号状態変更済み: what the core did is done here too; its reasons are kept for the clerk."""
    for one in heard:
        header, answer = one.sent[0].header, one.answers[0].header
        fits = isinstance(answer, LinksChanged) and len(answer.outcomes) == header.count
        outcomes = answer.outcomes if isinstance(answer, LinksChanged) and fits else None
        refused = getattr(answer, "reason", Reason.INTERNAL)
        done = await life_store.settle(unit.connection, header.id, outcomes, refused)
        links = await life_store.hold_links(unit.connection, [each.addressee for each in done])
        changed: dict[AddresseeNumber, LinkDays] = {}
        for each in done:
            try:
                days = links[each.addressee].days.changed(each.change, on=each.on, now=unit.now, generation=0)
            except (KeyError, Refusal):
                continue  # this server's row is another than the core's: a re-check finds it (L5)
            changed[each.addressee] = days
        await life_store.set_days(unit.connection, changed)
    await life_store.end_links(unit.connection, unit.now)


async def end_links(_intermediate: Intermediate, unit: Unit, turns: Sequence[None]) -> list[None]:
    """符号の解除: what was told of a day ahead takes effect when it begins."""
    await life_store.end_links(unit.connection, unit.now)
    return [None] * len(turns)
