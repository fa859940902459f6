"""符号付番: from a resident record code to an organisation's link code (C1, C2, C7, L1, L5).

The resident record code is seen only here, only now, and is not kept. The four items never arrive.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nakadachi.core import issuance_store, life_store, link_keys, store
from nakadachi.core.codes import IdCode, Meaning, id_codes_by
from nakadachi.core.issuance_store import Served
from nakadachi.kit.author import Enclosure
from nakadachi.refusal import Reason, Refusal
from nakadachi.telegrams.code import ISSUANCE_LIVES, IssueLinkCode, LinkCodeIssued, LinkCodeKept, RequestLinkCode
from nakadachi.telegrams.codec import decode_envelope, encode_json
from nakadachi.telegrams.inquiry import Noted
from nakadachi.telegrams.lists import CODES, FORMER, NUMBERS, RECORD_CODES, has_lists, need_numbers, texts
from nakadachi.terms import NodeName, Role

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nakadachi.core.parts import Core
    from nakadachi.kit.unit import Asked, GivenUp, Heard, Reply, Unit
    from nakadachi.telegrams.envelope import Verified

REQUESTERS = frozenset({Role.INTERMEDIATE, Role.PORTAL})


@dataclass(frozen=True, slots=True)
class Wanted:
    """What one telegram of the registry organisation asks for: whose codes, and the matching numbers to return."""

    request: Verified[RequestLinkCode]
    people: list[IdCode]
    matching: list[str]

    @property
    def requester(self) -> NodeName:
        """Who asked, and alone gets the codes."""
        return self.request.header.author


async def issue_link_codes(core: Core, unit: Unit, asked: Sequence[Asked[IssueLinkCode]]) -> list[Reply]:
    """符号生成依頼 (source 002; Act art. 21-2): link the people, send their codes to the organisation that asked.

    A request to check creates nothing: the codes that stand are told, the empty text where there is none (L5).
    """
    replies: list[Reply] = []
    async for one in unit.each(asked):
        try:
            wanted = _read(core, unit, one)
            header = wanted.request.header
            served = Served(header.id, header.serial, header.author.organisation, len(wanted.people), header.check)
            if await issuance_store.was_served(unit.connection, served):
                raise Refusal(Reason.ALREADY_USED, "the request, or its serial, was served before")
        except Refusal as refusal:
            replies.append(refusal)
            continue
        issued = _issued(core, one, wanted, await _codes(core, unit, wanted))
        await issuance_store.serve(unit.connection, served, issued.header.id, unit.now)
        to = _next(wanted.requester)
        unit.send(issued, to=to, url=core.edition.peers.url(to), until=header.made_at + ISSUANCE_LIVES)
        replies.append(core.author.answer(Noted, one.telegram))
    return replies


async def hear_kept(_core: Core, unit: Unit, heard: Sequence[Heard[LinkCodeIssued]]) -> None:
    """符号登録済み: the codes arrived, or were refused as a whole; then the matching numbers are gone here (L1)."""
    kept = [one.sent[0].header.id for one in heard if isinstance(one.answers[0].header, LinkCodeKept)]
    refused = [one.sent[0].header.id for one in heard if not isinstance(one.answers[0].header, LinkCodeKept)]
    for issued, ending in ((kept, "kept"), (refused, "refused")):
        if issued:
            await issuance_store.purged(unit.connection, issued, ending, unit.now)


async def purge_unanswered(_core: Core, unit: Unit, given_up: Sequence[GivenUp[LinkCodeIssued]]) -> None:
    """符号通知の期限切れ: nobody took the codes in time; with the telegram its matching numbers go (L1)."""
    issued = [one.sent[0].header.id for one in given_up]
    await issuance_store.purged(unit.connection, issued, "unanswered", unit.now)


async def _codes(core: Core, unit: Unit, wanted: Wanted) -> list[str]:
    """The link codes of these people, in their order."""
    organisation = wanted.requester.organisation
    people = await life_store.standing(unit.connection, wanted.people)
    if wanted.request.header.check:
        await link_keys.learn(core, unit.connection, [organisation])
        links = await store.links_at(unit.connection, organisation, people, unit.now)
    else:
        key_index = (await link_keys.issuing(core, unit.connection, [organisation]))[organisation]
        links = await store.link_people(unit.connection, organisation, people, key_index=key_index, now=unit.now)
    meant = {
        person: Meaning(organisation, person, link.key_index, link.generation)
        for person, link in links.items()
        if not link.unlinked
    }
    codes = dict(zip(meant, await core.scheme.issue(unit.connection, list(meant.values())), strict=True))
    return [codes[person].value if person in codes else "" for person in people]


def _issued(core: Core, one: Asked[IssueLinkCode], wanted: Wanted, codes: Sequence[str]) -> Verified[LinkCodeIssued]:
    if has_lists(wanted.request.header):
        parts = [
            Enclosure(CODES, encode_json(codes), personal=True),
            Enclosure(NUMBERS, encode_json(wanted.matching), personal=True),
        ]
    else:
        parts = [
            Enclosure(FORMER[name], content, item=item, personal=True)
            for item, (code, matching) in enumerate(zip(codes, wanted.matching, strict=True))
            for name, content in ((CODES, encode_json(code)), (NUMBERS, matching.encode()))
        ]
    return core.author.write(LinkCodeIssued, to=wanted.requester, parts=parts, lane=one.header.lane, count=len(codes))


def _next(requester: NodeName) -> NodeName:
    """Where the codes go: to the own interface system of an organisation, to the portal itself."""
    if requester.role is Role.PORTAL:
        return requester
    return NodeName.of(Role.INTERFACE, requester.organisation)


def _read(core: Core, unit: Unit, one: Asked[IssueLinkCode]) -> Wanted:
    """The registry's word, held against the request as the organisation signed it. Raises Refusal."""
    request = core.edition.peers.verify(decode_envelope(one.telegram.part("request")))
    header, found = request.header, one.header.found
    if not isinstance(header, RequestLinkCode) or header.author.role not in REQUESTERS:
        raise Refusal(Reason.BAD_FORMAT, "the enclosed telegram is no request for link codes")
    if header.serial is not None and header.serial.issuer != header.author.organisation:
        raise Refusal(Reason.BAD_FORMAT, "the request stands under a serial of another organisation")
    if unit.now > header.made_at + ISSUANCE_LIVES:
        raise Refusal(Reason.TIMED_OUT, "the request is older than its matching numbers may be")
    if len(set(found)) != len(found) or any(item >= header.count for item in found):
        raise Refusal(Reason.BAD_FORMAT, "an item found is not of the request, or stands there twice")
    try:
        people = id_codes_by(core.keys.mac("id-key"), texts(one.telegram, RECORD_CODES, found))
    except ValueError:
        raise Refusal(Reason.BAD_FORMAT, "a resident record code has not its form") from None
    matching = texts(request, NUMBERS, range(header.count))
    need_numbers(matching)
    return Wanted(request, people, [matching[item] for item in found])
