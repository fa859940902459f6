"""符号鍵の更新: replace an organisation's key while exchanges go on: start, send, hear, retire (C6, decision 0025).

A person's former code is honoured until the new one is confirmed and the former key retired. After a compromise the
former key names nobody any more on an inquirer's behalf, from the first moment.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from nakadachi import __version__
from nakadachi.core import link_key_store, link_keys, rotation_store, store
from nakadachi.core.codes import Meaning, link_key
from nakadachi.core.key_rules import (
    SPEAKS_SINCE,
    KeyState,
    LinkKey,
    Rotation,
    Step,
    Trouble,
    may_start,
    next_step,
    pace_of,
)
from nakadachi.kit.author import Enclosure
from nakadachi.kit.keystore import KeyStoreError
from nakadachi.kit.log import logger
from nakadachi.law.directory import is_older
from nakadachi.telegrams.code import LinkCodeKept
from nakadachi.telegrams.codec import encode_json
from nakadachi.telegrams.envelope import Lane
from nakadachi.telegrams.link import ReplaceLinkCodes
from nakadachi.terms import NodeName, OrganisationCode, Role

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nakadachi.core.parts import Core
    from nakadachi.kit.database import Connection
    from nakadachi.kit.unit import Heard, Unit

MOST_AT_ONCE = 20
"""Rotations that one turn looks after."""
OTHER_END = timedelta(seconds=30)
"""How long until we look again whether the other end is there, and of a version that knows the telegram."""


@dataclass(frozen=True, slots=True)
class Order:
    """更新の指示: what an operator asks for: a new key for an organisation, after a compromise or as a routine; or,
    with `retire`, the end of the former one, with `anyway` even where people are left.
    """

    organisation: OrganisationCode
    emergency: bool = False
    retire: bool = False
    anyway: bool = False


@dataclass(frozen=True, slots=True)
class Done:
    """What came of an order: the key index in question and how many people it is about; or the trouble with it."""

    organisation: OrganisationCode
    key_index: int = 0
    people: int = 0
    trouble: Trouble | None = None


async def carry_out(core: Core, unit: Unit, orders: Sequence[Order]) -> list[Done]:
    """操作者の指示: begin a rotation, or retire the former key."""
    done = []
    for order in orders:
        if core.edition.directory.find(NodeName.of(Role.INTERMEDIATE, order.organisation)) is None:
            done.append(Done(order.organisation, trouble=Trouble.UNKNOWN_ORGANISATION))
            continue
        # The rotation first, then the keys, as the worker does.
        await rotation_store.locked(unit.connection, [order.organisation])
        keys = await link_key_store.lock_keys(unit.connection, order.organisation)
        running = await rotation_store.running(unit.connection, order.organisation)
        if order.retire:
            done.append(await _retire_by_command(unit, order, running))
            continue
        trouble = may_start(keys, emergency=order.emergency, running=running)
        key = LinkKey(max(keys) + 1, KeyState.NEXT, core.rotating.master)
        trouble = trouble or _no_key(core, order.organisation, key)
        done.append(Done(order.organisation, max(keys), trouble=trouble) if trouble else await _start(unit, order, key))
    return done


async def _start(unit: Unit, order: Order, key: LinkKey) -> Done:
    organisation, emergency = order.organisation, order.emergency
    await link_key_store.add_key(unit.connection, organisation, key, unit.now, emergency=emergency)
    total = await rotation_store.begin(unit.connection, organisation, key.key_index, unit.now, emergency=emergency)
    unit.then(partial(_tell, "rotation.started", organisation, key.key_index, total))
    return Done(organisation, key.key_index, total)


def _no_key(core: Core, organisation: OrganisationCode, key: LinkKey) -> Trouble | None:
    """Whether the key can be made: the secret it is derived from is there, and is one."""
    try:
        link_key(core.keys.secret(key.master), organisation, key.key_index)
    except (KeyStoreError, ValueError):
        return Trouble.NO_MASTER
    return None


async def _retire_by_command(unit: Unit, order: Order, running: Rotation | None) -> Done:
    if running is None:
        return Done(order.organisation, trouble=Trouble.NOTHING_TO_RETIRE)
    left = await rotation_store.left(unit.connection, running, unit.now)
    if left and not order.anyway:
        return Done(order.organisation, running.key_index, left, Trouble.PEOPLE_LEFT)
    await _end(unit, running)
    return Done(order.organisation, running.key_index, left)


# The worker


async def go_on(core: Core, unit: Unit, turns: Sequence[None]) -> list[int]:
    """更新の続行: every rotation is taken a step further, from where it stands in the database; what another instance
    of this core works on is left to it. Returns how many were looked at.
    """
    due = await rotation_store.due(unit.connection, unit.now, most=MOST_AT_ONCE)
    for rotation in due:
        await _advance(core, unit, rotation)
    return [len(due)] * len(turns)


async def hear_kept(core: Core, unit: Unit, heard: Sequence[Heard[ReplaceLinkCodes]]) -> None:
    """符号登録済み: the holder has the new codes, person by person; whose code it did not take stays with the former
    one and is sent the new one again in the next sweep.
    """
    organisations = sorted({one.sent[0].header.to.organisation for one in heard}, key=lambda one: one.value)
    rotations = await rotation_store.locked(unit.connection, organisations)
    sent = await rotation_store.take_sent(unit.connection, [one.sent[0].header.id for one in heard])
    for one in heard:
        if one.sent[0].header.id not in sent:
            continue
        organisation, key_index, people = sent[one.sent[0].header.id]
        answer = one.answers[0].header
        if not isinstance(answer, LinkCodeKept) or len(answer.outcomes) != len(people):
            logger().warning("rotation.refused", peer=organisation.value, index=key_index, count=len(people))
            continue
        kept = [person for person, outcome in zip(people, answer.outcomes, strict=True) if outcome is None]
        await rotation_store.confirm(unit.connection, organisation, key_index, kept)
    for rotation in rotations:
        await _advance(core, unit, rotation)


async def _advance(core: Core, unit: Unit, rotation: Rotation) -> None:
    """Do what is to be done now, until something has to be waited for."""
    if not await _can_be_told(core, unit.connection, rotation.organisation):
        await rotation_store.look_again(unit.connection, rotation, unit.now + OTHER_END)
        return
    pace = pace_of(emergency=rotation.emergency, retire=core.rotating.retire)
    going: Rotation | None = rotation
    while going is not None:
        sent = await rotation_store.under_way(unit.connection, going.organisation)
        step = next_step(going, sent, pace=pace, now=unit.now)
        if step is Step.WAIT:
            return
        if step is Step.SEND:
            going = await _send(core, unit, going, most=pace.people)
        elif step is Step.COUNT:
            going = await _count(unit, going, again=pace.again, retire=pace.retire)
        else:
            await _retire(unit, going, again=pace.again)
            return


async def _send(core: Core, unit: Unit, rotation: Rotation, *, most: int) -> Rotation:
    """The next people's codes, former and new, in one telegram."""
    people = await rotation_store.people_after(unit.connection, rotation, unit.now, most=most)
    if not people:
        await rotation_store.note_swept(unit.connection, rotation)
        return replace(rotation, swept=True)
    organisation = rotation.organisation
    await link_keys.learn(core, unit.connection, [organisation])
    former, fresh = (
        [Meaning(organisation, one.id_code, key_index or one.key_index, one.generation) for one in people]
        for key_index in (None, rotation.key_index)
    )
    codes = [code.value for code in await core.scheme.issue(unit.connection, [*former, *fresh])]
    parts = [
        Enclosure("former codes", encode_json(codes[: len(people)]), personal=True),
        Enclosure("link codes", encode_json(codes[len(people) :]), personal=True),
    ]
    holder, way = (NodeName.of(role, organisation) for role in (Role.INTERMEDIATE, Role.INTERFACE))
    telegram = core.author.write(ReplaceLinkCodes, to=holder, parts=parts, lane=Lane.BULK, count=len(people))
    unit.send(telegram, to=way, url=core.edition.peers.url(way))
    await rotation_store.note_sent(unit.connection, rotation, telegram.header.id, people)
    return replace(rotation, cursor=people[-1].id_code.value)


async def _count(unit: Unit, rotation: Rotation, *, again: timedelta, retire: timedelta | None) -> Rotation | None:
    """Everybody's code was sent and answered: is anybody left?"""
    if await rotation_store.left(unit.connection, rotation, unit.now):
        await rotation_store.sweep_again(unit.connection, rotation, unit.now + again)
        return None
    retire_at = None if retire is None else unit.now + retire
    await rotation_store.note_confirmed(unit.connection, rotation, unit.now, retire_at)
    unit.then(partial(_tell, "rotation.confirmed", rotation.organisation, rotation.key_index, rotation.total))
    return replace(rotation, confirmed_at=unit.now)


async def _retire(unit: Unit, rotation: Rotation, *, again: timedelta) -> None:
    """Retire the former key, unless a code of it was issued while the rotation began."""
    await link_key_store.lock_keys(unit.connection, rotation.organisation)
    if await rotation_store.left(unit.connection, rotation, unit.now):
        await rotation_store.sweep_again(unit.connection, rotation, unit.now + again)
        return
    await _end(unit, rotation)


async def _end(unit: Unit, rotation: Rotation) -> None:
    await link_key_store.retire_keys(unit.connection, rotation.organisation, unit.now)
    await rotation_store.finish(unit.connection, rotation, unit.now)
    unit.then(partial(_tell, "rotation.finished", rotation.organisation, rotation.key_index, rotation.total))


async def _can_be_told(core: Core, connection: Connection, organisation: OrganisationCode) -> bool:
    """Whether both systems of an organisation are listed, and by their last word of a version that knows the telegram
    (decision 0021).
    """
    others = await store.of_other_versions(connection, __version__)
    nodes = [NodeName.of(role, organisation) for role in (Role.INTERFACE, Role.INTERMEDIATE)]
    listed = all(core.edition.directory.find(node) is not None for node in nodes)
    return listed and not any(node in others and is_older(others[node], SPEAKS_SINCE) for node in nodes)


def _tell(event: str, organisation: OrganisationCode, key_index: int, people: int) -> None:
    logger().info(event, peer=organisation.value, index=key_index, count=people)
