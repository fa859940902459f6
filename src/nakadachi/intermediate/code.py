"""符号付番: ask the registry organisation for people's link codes, set or compare those that come (C7, M1, L1, L5)."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

from nakadachi.intermediate import issuance_store, store
from nakadachi.intermediate.issuance_store import Found, Gone, Packet
from nakadachi.intermediate.link_rules import LinkFinding, OwnRow, finding_of_code, finding_of_hit
from nakadachi.kit.author import Enclosure
from nakadachi.refusal import Reason, Refusal
from nakadachi.telegrams.code import ISSUANCE_LIVES, LinkCodeIssued, LinkCodeKept, LinkCodeRequested, RequestLinkCode
from nakadachi.telegrams.codec import encode_json
from nakadachi.telegrams.envelope import ITEMS_LIMIT, Lane
from nakadachi.telegrams.lists import CODES, NUMBERS, PEOPLE, texts
from nakadachi.terms import LinkCode, Role, crockford

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nakadachi.intermediate.parts import Intermediate
    from nakadachi.intermediate.subjects import FourItems, IndividualNumber
    from nakadachi.kit.unit import Asked, GivenUp, Heard, Reply, Unit
    from nakadachi.telegrams.code import Hit

MOST_PEOPLE = ITEMS_LIMIT
"""People of one request."""
IN_HAND = timedelta(minutes=10)
"""So long a person is not asked for again while a matching number is on its way."""
GRACE = timedelta(hours=1)
"""After what lives anywhere has ended, our own matching numbers go too: until then an answer may be on its way."""
MOST_PURGED = 5000
Refusals = list[tuple[str, Reason, "Hit | None"]]


async def request_codes(intermediate: Intermediate, unit: Unit, packets: Sequence[Packet]) -> list[int]:
    """符号付番依頼: matching numbers and one request for each packet; returns how many people each asks for.

    Left out: who has a code already (of a check: who has none), and who is being asked for by another packet.
    """
    asked_for = []
    async for packet in unit.each(packets):
        known = await store.described(unit.connection, packet.people, linked=packet.checking)
        busy = await issuance_store.under_way(unit.connection, list(known), unit.now - IN_HAND)
        people = {one: described for one, described in known.items() if one not in busy}
        entropy = intermediate.author.entropy
        numbers = [crockford(int.from_bytes(entropy.bytes(16), "big"), length=26) for _ in people]
        await issuance_store.begin(unit.connection, packet, numbers, list(people), unit.now)
        if people:
            _send(intermediate, unit, packet, numbers, [_words(*described) for described in people.values()])
        asked_for.append(len(people))
    return asked_for


def requested_matters(heard: Heard[RequestLinkCode]) -> bool:
    """Whether an answer changes anything: where all were found, the codes are on their way."""
    answer = heard.answers[0].header
    return not isinstance(answer, LinkCodeRequested) or any(answer.outcomes)


async def hear_requested(_intermediate: Intermediate, unit: Unit, heard: Sequence[Heard[RequestLinkCode]]) -> None:
    """付番依頼の結果: for whom not exactly one resident was found, the clerk gets the reason; or it is a finding."""
    refused: Refusals = []
    for one in heard:
        numbers, answer = _numbers(one), one.answers[0].header
        if isinstance(answer, LinkCodeRequested) and len(answer.outcomes) == len(numbers):
            hits = answer.hits if len(answer.hits) == len(numbers) else (None,) * len(numbers)
            told = zip(numbers, answer.outcomes, hits, strict=True)
            refused += [(number, why, hit) for number, why, hit in told if why is not None]
        else:
            refused += [(number, getattr(answer, "reason", Reason.INTERNAL), None) for number in numbers]
    await _refuse(unit, refused, "refused")


async def purge_unsent(_intermediate: Intermediate, unit: Unit, given_up: Sequence[GivenUp[RequestLinkCode]]) -> None:
    """符号付番依頼の期限切れ: the registry organisation was not there in time; the matching numbers go (L1)."""
    await _refuse(
        unit, [(number, Reason.TIMED_OUT, None) for one in given_up for number in _numbers(one)], "unanswered"
    )


async def purge_unanswered(_intermediate: Intermediate, unit: Unit, _: Sequence[None]) -> list[int]:
    """突合番号の期限切れ: numbers that no code came for in time go, and the clerk is told (L1). How many there were."""
    before = unit.now - ISSUANCE_LIVES - GRACE
    return [await issuance_store.purge_older(unit.connection, before, MOST_PURGED, unit.now)]


async def set_codes(intermediate: Intermediate, unit: Unit, asked: Sequence[Asked[LinkCodeIssued]]) -> list[Reply]:
    """符号通知: each code is tied to the person whose matching number came with it, or held against the one they have;
    the numbers are purged (L1). A code that another addressee number holds is a finding and is not set (L5).
    """
    replies: list[Reply] = []
    async for one in unit.each(asked):
        try:
            numbers, codes = _read(one)
        except (ValueError, Refusal):
            replies.append(Refusal(Reason.BAD_FORMAT, "a link code or matching number has not its form"))
            continue
        gone = await issuance_store.take(unit.connection, numbers)
        wrong = await _tie(unit, [(each, codes[each.place]) for each in gone])
        known = {each.place for each in gone}
        outcomes = tuple(
            Reason.ALREADY_USED if place in wrong else None if place in known else Reason.OUT_OF_TURN
            for place in range(len(numbers))
        )
        replies.append(intermediate.author.answer(LinkCodeKept, one.telegram, outcomes=outcomes))
    return replies


async def _tie(unit: Unit, told: Sequence[tuple[Gone, str]]) -> set[int]:
    """Set or compare codes; returns the places of those that could not be set."""
    owns = await issuance_store.own_rows(unit.connection, [gone.addressee for gone, _ in told])
    holders = await issuance_store.holders(unit.connection, {code for _, code in told if code})
    found, fit, refused = [], [], []
    for gone, code in told:
        own = owns.get(gone.addressee, OwnRow(""))
        holder = holders.setdefault(code, gone.addressee) if code else gone.addressee
        kind = finding_of_code(own, code, elsewhere=holder != gone.addressee)
        if not gone.checking and not code:
            kind = LinkFinding.CODE_NOT_STANDING
        if kind is None:
            fit.append((gone, code))
        else:
            found.append(Found(gone.addressee, kind, unit.now, gone.serial, gone.order))
            refused += [] if gone.checking else [gone]
    new = [(gone.addressee, code) for gone, code in fit if not gone.checking]
    if new:
        await issuance_store.set_codes(unit.connection, new, unit.now)
    if checked := [gone.addressee for gone, _ in fit if gone.checking]:
        await issuance_store.no_findings(unit.connection, checked)
    await issuance_store.keep_findings(unit.connection, found)
    if refused:
        await issuance_store.refuse(unit.connection, [(gone, Reason.ALREADY_USED, None) for gone in refused])
    unset = {gone.place for gone in refused}
    await issuance_store.purge(unit.connection, Counter(gone.serial for gone in refused), "refused", unit.now)
    for checking, ending in ((False, "set"), (True, "checked")):
        ended = Counter(one.serial for one, _ in told if one.checking is checking and one.place not in unset)
        await issuance_store.purge(unit.connection, ended, ending, unit.now)
    return unset


async def _refuse(unit: Unit, refused: Refusals, ending: str) -> None:
    """No code for these: their numbers go (L1); what was to be checked is a finding where the register says so (L5)."""
    gone = await issuance_store.take(unit.connection, [number for number, _, _ in refused])
    why = [(one, *refused[one.place][1:]) for one in gone]
    if new := [one for one in why if not one[0].checking]:
        await issuance_store.refuse(unit.connection, new)
    await issuance_store.keep_findings(
        unit.connection,
        [
            Found(one.addressee, finding_of_hit(hit), unit.now, one.serial, one.order)
            for one, reason, hit in why
            if one.checking and reason is Reason.NOT_REGISTERED
        ],
    )
    await issuance_store.purge(unit.connection, Counter(one.serial for one in gone), ending, unit.now)


def _numbers(one: Heard[RequestLinkCode] | GivenUp[RequestLinkCode]) -> list[str]:
    """The matching numbers of a request of ours, in whichever form it was written."""
    return texts(one.sent[0], NUMBERS, range(one.sent[0].header.count))


def _send(
    intermediate: Intermediate, unit: Unit, packet: Packet, numbers: Sequence[str], people: Sequence[dict[str, str]]
) -> None:
    registry = intermediate.edition.peers.the(Role.REGISTRY)
    parts = [
        Enclosure(NUMBERS, encode_json(numbers), personal=True),
        Enclosure(PEOPLE, encode_json(people), personal=True),
    ]
    said = {"serial": packet.serial, "check": packet.checking, "count": len(people)}
    telegram = intermediate.author.write(RequestLinkCode, to=registry, parts=parts, lane=Lane.BULK, **said)
    url = intermediate.edition.peers.url(registry)
    unit.send(telegram, to=registry, url=url, until=unit.now + ISSUANCE_LIVES)


def _words(items: FourItems, individual: IndividualNumber | None) -> dict[str, str]:
    """A person as the registry organisation is asked: by the four items, and the Individual Number where there is one
    (L5).
    """
    words = {
        "name": items.name,
        "address": items.address,
        "sex": str(int(items.sex)),
        "born": items.born.isoformat(),
    }
    return words if individual is None else words | {"individual_number": individual.value}


def _read(one: Asked[LinkCodeIssued]) -> tuple[list[str], list[str]]:
    """Matching numbers and codes. Raises Refusal, ValueError."""
    items = range(one.header.count)
    codes = texts(one.telegram, CODES, items)
    for code in codes:
        if code:
            LinkCode(code)
    return texts(one.telegram, NUMBERS, items), codes
