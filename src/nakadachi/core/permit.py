"""許可: decide, keep, answer with the proof (hop 3; C4, C9, design 2.3, 2.4)."""

from __future__ import annotations

import hmac
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from nakadachi import __version__
from nakadachi.core import link_keys, rules, store
from nakadachi.core.openings import Secrets, open_secrets
from nakadachi.core.store import Exchange
from nakadachi.crypto.commitment import SALT_BYTES, commit
from nakadachi.kit.author import Enclosure
from nakadachi.ledger import records
from nakadachi.ledger.permits import INQUIRER_CODE, OVERSIGHT_TAG, PERSON_TAG, PROVIDER_CODE, entry_of
from nakadachi.ledger.records import Circumstance, Event, Record
from nakadachi.ledger.tree import leaf_hash
from nakadachi.refusal import Reason, Refusal
from nakadachi.telegrams.codec import decode_json, encode_json
from nakadachi.telegrams.envelope import Envelope, Lane, Outcome, Verified
from nakadachi.telegrams.inquiry import Noted
from nakadachi.telegrams.permit import (
    Basis,
    Commitments,
    Opening,
    Permit,
    PermitContent,
    PermitGranted,
    PrefixRefused,
    RefusalContent,
    RequestPermit,
    Route,
)
from nakadachi.terms import LinkCode, NodeName, Role, Serial

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nakadachi.core.codes import IdCode
    from nakadachi.core.parts import Core
    from nakadachi.core.rules import Allowed, Link
    from nakadachi.kit.unit import Asked, Reply, Unit
    from nakadachi.ledger.log import Place
    from nakadachi.terms import OrganisationCode

VERSION = 1


class _Origin(msgspec.Struct):
    """The one thing asked of any leaf's content."""

    origin: str


@dataclass(frozen=True, slots=True)
class Request:
    """One item of a permit request: the serial, L_A, and the person it names (None where it is no code of ours)."""

    telegram: Verified[RequestPermit]
    serial: Serial
    code: LinkCode
    person: IdCode | None
    issued: tuple[int, int]


async def request_permits(core: Core, unit: Unit, asked: Sequence[Asked[RequestPermit]]) -> list[Reply]:
    """情報照会許可依頼 → 情報提供許可証 (source 003 6.4 ③); the answer is made by `grant`, once the log has the
    entry.
    """
    # (1) Who is meant, and where are they linked?
    replies: list[Reply] = []
    parties = {end for one in asked for end in (one.header.author.organisation, one.header.prefix.provider)}
    keys = await link_keys.learn(core, unit.connection, parties)
    requests: list[Request] = []
    for one in asked:
        try:
            if one.known:
                raise Refusal(Reason.OUT_OF_TURN, "a permit was asked for before under one of these serials")
            items = unit.each(range(len(one.header.serials)))
            requests += [_read(core, one.telegram, place) async for place in items]
        except Refusal as refusal:
            replies.append(refusal)
            continue
        replies.append(None)
    people = await store.links(unit.connection, [one.person for one in requests if one.person is not None])
    known = rules.Known(people, keys, *await _not_operating(core, unit))
    # (2) Does the law allow it today, and for this person?
    decided = [(one.telegram.header.id, _decide(core, unit, one, known)) async for one in unit.each(requests)]
    # (3) Keep decision, record and pending entry before anything is said.
    due_at = unit.now + core.times.answer + core.times.settle
    await store.keep_decided(unit.connection, decided, unit.now, due_at)
    await records.keep(unit.connection, [_record(unit, *pair) for pair in zip(requests, decided, strict=True)])
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
        outcomes.append(Outcome(serial=one.serial, refused=one.refused))
        if one.refused is None:
            parts += _granted(core, one, place, item)
    return core.author.answer(PermitGranted, telegram, parts=parts, outcomes=tuple(outcomes)).envelope


async def note_prefix_refused(core: Core, unit: Unit, asked: Sequence[Asked[PrefixRefused]]) -> list[Reply]:
    """照会拒否通知: an inquirer's own interface system said no; the core keeps the record (C13)."""
    kept = [
        Record(
            serial, Event.REFUSED, one.header.refused_at, one.header.prefix, Circumstance(staff=one.header.staff),
            reason=one.header.reason,
        )
        for one in asked
        for serial in one.header.serials
        if serial.issuer == one.header.author.organisation
    ]  # fmt: skip
    await records.keep(unit.connection, kept)
    return [core.author.answer(Noted, one.telegram) for one in asked]


def _read(core: Core, telegram: Verified[RequestPermit], place: int) -> Request:
    header = telegram.header
    if header.serials[place].issuer != header.author.organisation:
        raise Refusal(Reason.OUT_OF_TURN, "the serial is another organisation's")
    code = decode_json(telegram.part("link code", place), LinkCode)
    try:
        person, key_index, generation = core.scheme.read(code, header.author.organisation)
    except Refusal:
        return Request(telegram, header.serials[place], code, None, (0, 0))
    return Request(telegram, header.serials[place], code, person, (key_index, generation))


async def _not_operating(core: Core, unit: Unit) -> tuple[frozenset[NodeName], frozenset[NodeName]]:
    """Who said that it stopped, and whose last word names a version below the directory's minimum."""
    others = await store.of_other_versions(unit.connection, __version__)
    old = frozenset(node for node, software in others.items() if core.edition.directory.is_too_old(software))
    return await store.stopped(unit.connection), old


def _decide(
    core: Core,
    unit: Unit,
    request: Request,
    known: rules.Known,
) -> Exchange:
    header = request.telegram.header
    fresh = Secrets(
        inquirer_salt=core.author.entropy.bytes(SALT_BYTES),
        provider_salt=core.author.entropy.bytes(SALT_BYTES),
        person_salt=core.author.entropy.bytes(SALT_BYTES),
        oversight_salt=core.author.entropy.bytes(SALT_BYTES),
        inquirer_code=request.code.value,
    )
    try:
        allowed = rules.decide_law(
            header.prefix, caller=header.author.organisation, lawbook=core.edition.lawbook, now=unit.now
        )
        rules.require_operating(allowed.prefix, known.stopped, known.too_old)
        if request.person is None:
            raise Refusal(Reason.CODE_NOT_ISSUED, "L_A is not a code of this network and organisation")
        provider = rules.decide_person(
            request.serial,
            caller=header.author.organisation,
            provider=allowed.prefix.provider,
            issued=request.issued,
            links=known.people[request.person],
            keys=known.keys[header.author.organisation],
        )
    except Refusal as refusal:
        return _refused(core, unit, request, refusal.reason, fresh)
    return _permitted(core, unit, request, (allowed, request.person, provider), fresh)


def _permitted(
    core: Core, unit: Unit, request: Request, decided: tuple[Allowed, IdCode, Link], fresh: Secrets
) -> Exchange:
    """The permit's content, with L_B converted here, once, and the four commitments (design 2.3)."""
    allowed, person, provider = decided
    code = core.scheme.issue(person, allowed.prefix.provider, provider.key_index, provider.generation)
    kept = msgspec.structs.replace(fresh, provider_code=code.value)
    content = PermitContent(
        version=VERSION,
        origin=core.log.origin,
        issuer=core.author.name.organisation,
        prefix=allowed.prefix,
        serial=request.serial,
        issued_at=unit.now,
        accept_by=unit.now + _accept_within(core, request.telegram.header.lane),
        answer_by=unit.now + core.times.answer,
        legal_row=allowed.row,
        lawbook=core.edition.lawbook.version,
        assessments=allowed.assessments,
        basis=Basis(allowed.basis),
        route=_route(core, allowed.prefix.inquirer),
        suite=core.suite,
        commitments=Commitments(
            inquirer_code=commit(INQUIRER_CODE, request.code.value.encode(), kept.inquirer_salt),
            provider_code=commit(PROVIDER_CODE, code.value.encode(), kept.provider_salt),
            person_tag=commit(PERSON_TAG, _tag(core, "person-tag", person), kept.person_salt),
            oversight_tag=commit(OVERSIGHT_TAG, _tag(core, "oversight-tag", person), kept.oversight_salt),
        ),
    )
    return _exchange(core, unit, request.serial, (encode_json(content), None), kept)


def _refused(core: Core, unit: Unit, request: Request, reason: Reason, secrets: Secrets) -> Exchange:
    person = _tag(core, "oversight-tag", request.person) if request.person is not None else b""
    content = RefusalContent(
        version=VERSION,
        origin=core.log.origin,
        issuer=core.author.name.organisation,
        prefix=request.telegram.header.prefix,
        serial=request.serial,
        refused_at=unit.now,
        reason=reason,
        lawbook=core.edition.lawbook.version,
        oversight_tag=commit(OVERSIGHT_TAG, person, secrets.oversight_salt),
    )
    return _exchange(core, unit, request.serial, (encode_json(content), reason), secrets)


def _exchange(
    core: Core, unit: Unit, serial: Serial, judged: tuple[bytes, Reason | None], secrets: Secrets
) -> Exchange:
    month = core.keys.month(unit.now)
    wrapped = month.wrap(encode_json(secrets), serial.value)
    return Exchange(serial, RequestPermit.__name__, *judged, month.name, wrapped)


def _accept_within(core: Core, lane: Lane) -> Any:
    return core.times.accept_bulk if lane is Lane.BULK else core.times.accept_interactive


def _route(core: Core, inquirer: OrganisationCode) -> Route:
    node = NodeName.of(Role.INTERFACE, inquirer)
    return Route(node=node, url=core.edition.peers.url(node))


def _tag(core: Core, key: str, person: IdCode) -> bytes:
    """人タグ: names a person to the holder of the opening only (design 2.12)."""
    return hmac.digest(core.keys.secret(key), person.value, "sha256")


def _record(unit: Unit, request: Request, decided: tuple[Any, Exchange]) -> Record:
    one = decided[1]
    event = Event.REFUSED if one.refused else Event.PERMITTED
    by = Circumstance(staff=request.telegram.header.staff)
    leaf = leaf_hash(entry_of(one.content))
    return Record(one.serial, event, unit.now, request.telegram.header.prefix, by, reason=one.refused, leaf=leaf)


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
