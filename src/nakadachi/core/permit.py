"""許可: decide, keep, answer with the proof (hop 3; C4, C9, design 2.3, 2.4)."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec

from nakadachi import __version__
from nakadachi.core import deciding, link_keys, rules, store
from nakadachi.core.deciding import Request
from nakadachi.core.openings import open_secrets
from nakadachi.core.store import Exchange
from nakadachi.kit.author import Enclosure
from nakadachi.ledger import trails
from nakadachi.ledger.permits import entry_of
from nakadachi.ledger.records import Circumstance, Event, Record
from nakadachi.ledger.tree import leaf_hash
from nakadachi.refusal import Reason, Refusal
from nakadachi.telegrams.codec import decode_json, encode_json
from nakadachi.telegrams.envelope import Envelope, Outcome, Verified
from nakadachi.telegrams.inquiry import Ending, Noted
from nakadachi.telegrams.permit import LogContent, Opening, Permit, PermitGranted, PrefixRefused, RequestPermit
from nakadachi.terms import LinkCode, NodeName

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nakadachi.core.parts import Core
    from nakadachi.kit.unit import Asked, Reply, Unit
    from nakadachi.ledger.log import Place


class _Origin(msgspec.Struct):
    """The one thing asked of any leaf's content."""

    origin: str


async def request_permits(core: Core, unit: Unit, asked: Sequence[Asked[RequestPermit]]) -> list[Reply]:
    """情報照会許可依頼 → 情報提供許可証 (source 003 6.4 ③); the answer is made by `grant`, once the log has the
    entry.
    """
    # (1) Who is meant, and where are they linked?
    replies: list[Reply] = []
    shown: list[Request] = []
    for one in asked:
        try:
            if one.known:
                raise Refusal(Reason.OUT_OF_TURN, "a permit was asked for before under one of these serials")
            items = unit.each(range(len(one.header.serials)))
            shown += [_shown(one.telegram, place) async for place in items]
        except Refusal as refusal:
            replies.append(refusal)
            continue
        replies.append(None)
    parties = {end for one in asked for end in (one.header.author.organisation, one.header.prefix.provider)}
    keys = await link_keys.learn(core, unit.connection, parties)
    requests = await _read(core, unit, shown)
    named = [pair for one in requests for pair in one.links]
    people = await store.links(unit.connection, named, unit.now)
    known = rules.Known(people, keys, *await _not_operating(core, unit))
    # (2) Does the law allow it today, and for this person?
    decided = await deciding.decide(core, unit, requests, known)
    # (3) Keep decision, record and pending entry before anything is said.
    due_at = unit.now + core.times.answer + core.times.settle
    await store.keep_decided(unit.connection, decided, unit.now, due_at)
    await trails.keep(unit.connection, [_record(unit, *pair) for pair in zip(requests, decided, strict=True)])
    entries = [entry_of(exchange.content) for _, exchange in decided]
    await core.log.append(unit.connection, entries)
    by_request: dict[Any, list[Exchange]] = defaultdict(list)
    for request, exchange in decided:
        by_request[request].append(exchange)
    unit.then(lambda: core.waiting.decided.update((one, tuple(its)) for one, its in by_request.items()))
    unit.then(lambda: core.log.expect(entries))
    return replies


async def grant(core: Core, telegram: Verified[RequestPermit]) -> Envelope | None:
    """After the commit: wait for the places in the log, then answer. Safe to repeat: the same leaves are proven
    again.
    """
    decided = core.waiting.decided.pop(telegram.header.id, None)
    if decided is None:
        # Another request may have the same number; what it led to is its own author's.
        place_of = {serial: place for place, serial in enumerate(telegram.header.serials)}
        recalled = [one for one in await core.recall(telegram.header.id) if one.serial in place_of]
        decided = tuple(sorted(recalled, key=lambda one: place_of[one.serial]))
    outcomes: list[Outcome] = []
    parts: list[Enclosure] = []
    for item, one in enumerate(decided):
        origin = _origin(one)
        place = await core.place(origin, entry_of(one.content))
        if place is None and not core.may_write(origin):
            outcomes.append(Outcome(serial=one.serial, refused=Reason.CANCELLED))
            continue
        if place is None:
            core.log.forget([entry_of(other.content) for other in decided])
            return None
        try:
            parts += _granted(core, one, place, item) if one.refused is None else ()
        except Refusal as refusal:
            outcomes.append(Outcome(serial=one.serial, refused=refusal.reason))
            continue
        outcomes.append(Outcome(serial=one.serial, refused=one.refused))
    return core.author.answer(PermitGranted, telegram, parts=parts, outcomes=tuple(outcomes)).envelope


async def note_prefix_refused(core: Core, unit: Unit, asked: Sequence[Asked[PrefixRefused]]) -> list[Reply]:
    """照会拒否通知: an inquirer's own interface system said no; the core keeps the record (C13)."""
    kept = [
        Record(
            serial, Event.REFUSED, one.header.refused_at, one.header.prefix, Circumstance(staff=one.header.staff),
            reason=one.header.reason, ending=Ending.REFUSED,
        )
        for one in asked
        for serial in one.header.serials
        if serial.issuer == one.header.author.organisation
    ]  # fmt: skip
    await trails.keep(unit.connection, kept)
    return [core.author.answer(Noted, one.telegram) for one in asked]


def _shown(telegram: Verified[RequestPermit], place: int) -> Request:
    header = telegram.header
    if header.serials[place].issuer != header.author.organisation:
        raise Refusal(Reason.OUT_OF_TURN, "the serial is another organisation's")
    return Request(telegram, header.serials[place], decode_json(telegram.part("link code", place), LinkCode))


async def _read(core: Core, unit: Unit, shown: Sequence[Request]) -> list[Request]:
    """The requests with the people whom their codes name."""
    read = await core.scheme.read(
        unit.connection, [(one.telegram.header.author.organisation, one.code) for one in shown]
    )
    return [
        one
        if isinstance(found, Refusal)
        else replace(one, person=found.id_code, issued=(found.key_index, found.generation))
        for one, found in zip(shown, read, strict=True)
    ]


async def _not_operating(core: Core, unit: Unit) -> tuple[frozenset[NodeName], frozenset[NodeName]]:
    """Who said that it stopped, and whose last word names a version below the directory's minimum."""
    others = await store.of_other_versions(unit.connection, __version__)
    old = frozenset(node for node, software in others.items() if core.edition.directory.is_too_old(software))
    return await store.stopped(unit.connection), old


def _record(unit: Unit, request: Request, decided: tuple[Any, Exchange]) -> Record:
    one = decided[1]
    event = Event.REFUSED if one.refused else Event.PERMITTED
    by = Circumstance(staff=request.telegram.header.staff)
    leaf = leaf_hash(entry_of(one.content))
    # The prefix as decided: a permit names the items.
    prefix = decode_json(one.content, LogContent).prefix
    ending = Ending.REFUSED if one.refused else None
    return Record(
        one.serial, event, unit.now, prefix, by, reason=one.refused, leaf=leaf, requested_at=unit.now, ending=ending
    )


def _origin(one: Exchange) -> str:
    """The log that the decision names. In one that is no log of this core any more, nothing gets a place any more."""
    return msgspec.json.decode(one.content, type=_Origin).origin


def _granted(core: Core, one: Exchange, place: Place, item: int) -> list[Enclosure]:
    permit = Permit(content=one.content, index=place.index, path=place.path, checkpoint=place.checkpoint)
    opening = Opening(salt=open_secrets(core, one).inquirer_salt)
    return [
        Enclosure("permit", encode_json(permit), item=item),
        Enclosure("opening", encode_json(opening), item=item, personal=True),
    ]
