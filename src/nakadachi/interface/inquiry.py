"""情報照会: relay and form check on both sides (hops 4, 5, 8; I4, I6)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from nakadachi.interface import store
from nakadachi.interface.store import Exchange
from nakadachi.kit.unit import Forward
from nakadachi.ledger import records
from nakadachi.ledger.findings import suspect
from nakadachi.ledger.permits import Checked, check_inquiry, check_permit
from nakadachi.ledger.records import Circumstance, Event, Record
from nakadachi.refusal import Reason, Refusal
from nakadachi.telegrams.inquiry import Inquire, InquireAt
from nakadachi.telegrams.oversight import FindingKind
from nakadachi.telegrams.suspicion import Suspicion
from nakadachi.terms import NodeName, Role

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nakadachi.interface.parts import Interface
    from nakadachi.kit.unit import Asked, Reply, Unit
    from nakadachi.terms import Prefix

SHORTEST_KEY = 65
"""Bytes of the shortest one-time body key of any suite: an uncompressed P-256 point."""


async def relay_inquiry(interface: Interface, unit: Unit, asked: Sequence[Asked[Inquire]]) -> list[Reply]:
    """情報照会電文の中継, inquirer's side (source 003 6.4 ④(a)(f)): form check, then on to the core."""
    core = interface.edition.peers.core()
    replies: list[Reply] = []
    noted = []
    for one in asked:
        try:
            checked = await _check_form(interface, unit, one)
        except Refusal as refusal:
            suspect(interface, unit, one.header, refusal)
            replies.append(refusal)
            continue
        await interface.heads.remember(unit, checked)
        noted += [(permit.content.serial, permit.leaf_hash, permit.content.answer_by) for permit in checked]
        until = min(permit.content.accept_by for permit in checked) + interface.accept
        replies.append(Forward(core, interface.edition.peers.url(core), until))
    await store.note_permit(unit.connection, noted, unit.now)
    return replies


async def relay_inquiry_at(interface: Interface, unit: Unit, asked: Sequence[Asked[InquireAt]]) -> list[Reply]:
    """情報照会電文の中継, provider's side (④(b)(f), design 2.3): every check of the permit, then to the own server."""
    own = NodeName.of(Role.INTERMEDIATE, interface.author.name.organisation)
    replies: list[Reply] = []
    used, kept, noted = [], [], []
    for one in asked:
        try:
            asking = await _check_asking(interface, unit, one)
        except Refusal as refusal:
            suspect(interface, unit, one.header, refusal)
            replies.append(refusal)
            continue
        for item in asking:
            content = item.content
            used.append((content.origin, item.index, content.serial, content.answer_by))
            route = Forward(content.route.node, content.route.url)
            kept.append(Exchange(content.serial, "InquireAt", content.prefix, item.leaf_hash, content.answer_by, route))
            noted.append(
                Record(content.serial, Event.REQUESTED, unit.now, content.prefix, Circumstance(), leaf=item.leaf_hash)
            )
        until = min(item.content.accept_by for item in asking) + interface.accept
        replies.append(Forward(own, interface.edition.peers.url(own), until))
    await store.use_permits(unit.connection, used)
    await store.keep_asked(unit.connection, kept, unit.now)
    await records.keep(unit.connection, noted)
    return replies


async def _check_form(interface: Interface, unit: Unit, one: Asked[Inquire]) -> list[Checked]:
    """形式チェック: serial and prefix right, body key present, permit attached and valid (I4)."""
    checked = []
    async for item, statement in unit.each(enumerate(one.header.statements)):
        known = one.known[statement.serial]
        permit = check_permit(one.telegram.part("permit", item), interface.edition.directory)
        if permit.content.serial != statement.serial or permit.content.prefix != one.header.prefix:
            raise Refusal(Reason.PERMIT_INVALID, "the permit is of another serial or prefix")
        if known.closed is None and (known.prefix is None or not _covers(known.prefix, one.header.prefix)):
            raise Refusal(Reason.OUT_OF_TURN, "the prefix is not the one held for the serial")
        if len(statement.body_key) < SHORTEST_KEY:
            raise Refusal(Reason.BAD_FORMAT, "the one-time body key is lacking")
        if statement.leaf_hash != permit.leaf_hash:
            raise Refusal(Reason.PERMIT_INVALID, "the statement is of another permit")
        checked.append(permit)
    closed = [one.known[serial].closed for serial in one.header.exchanges]
    if closed[0] is not None and all(closed):
        raise Refusal(closed[0], "all its exchanges were closed before")
    return checked


def _covers(held: Prefix, permitted: Prefix) -> bool:
    """The held pair named these items, or none: then the permit names all that the row allows."""
    return permitted == held or (not held.items and replace(permitted, items=()) == held)


async def _check_asking(interface: Interface, unit: Unit, one: Asked[InquireAt]) -> list[Checked]:
    provider = interface.author.name.organisation
    asking = await check_inquiry(one.telegram, interface.edition, provider=provider, unit=unit)
    permits = [item.permit for item in asking]
    await interface.heads.remember(unit, permits)
    interface.heads.check(one.telegram.part("cosigned head"), permits, interface.edition.directory, unit.now)
    places = [(permit.content.origin, permit.index) for permit in permits]
    if len(set(places)) < len(places) or await store.permits_used(unit.connection, places):
        raise Suspicion(FindingKind.PERMIT_REUSED, Reason.ALREADY_USED, "the permit was used before")
    return permits
