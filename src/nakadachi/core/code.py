"""符号付番: from a resident record code to an organisation's link code (C1, C2, C7, L1).

The resident record code is seen only here, only now, and is not kept. The four items never arrive.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nakadachi.core import link_keys, store
from nakadachi.core.codes import IdCode, id_code_of
from nakadachi.kit.author import Enclosure
from nakadachi.refusal import Reason, Refusal
from nakadachi.telegrams.code import IssueLinkCode, LinkCodeIssued, RequestLinkCode
from nakadachi.telegrams.codec import decode_envelope, encode_json
from nakadachi.telegrams.inquiry import Noted
from nakadachi.terms import NodeName, Role

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nakadachi.core.parts import Core
    from nakadachi.kit.unit import Asked, Reply, Unit


@dataclass(frozen=True, slots=True)
class Wanted:
    """What one telegram of the registry organisation asks for: whose codes, and the matching numbers to return."""

    requester: NodeName
    people: tuple[IdCode, ...]
    matching: tuple[bytes, ...]


async def issue_link_codes(core: Core, unit: Unit, asked: Sequence[Asked[IssueLinkCode]]) -> list[Reply]:
    """符号生成依頼 (source 002; Act art. 21-2): link the people, send their codes to the organisation that asked."""
    replies: list[Reply] = []
    read = [_wanted(core, one) for one in asked]
    organisations = {wanted.requester.organisation for wanted in read if isinstance(wanted, Wanted)}
    key_indexes = await link_keys.issuing(core, unit.connection, organisations)
    for one, wanted in zip(asked, read, strict=True):
        if isinstance(wanted, Refusal):
            replies.append(wanted)
            continue
        organisation = wanted.requester.organisation
        links = await store.link_people(
            unit.connection, organisation, wanted.people, key_index=key_indexes[organisation], now=unit.now
        )
        parts = []
        for item, (person, matching) in enumerate(zip(wanted.people, wanted.matching, strict=True)):
            code = core.scheme.issue(person, organisation, links[person].key_index, links[person].generation)
            parts.append(Enclosure("link code", encode_json(code), item=item, personal=True))
            parts.append(Enclosure("matching number", matching, item=item, personal=True))
        to = NodeName.of(Role.INTERFACE, organisation)
        issued = core.author.write(
            LinkCodeIssued, to=wanted.requester, parts=parts, lane=one.header.lane, count=len(wanted.people)
        )
        unit.send(issued, to=to, url=core.edition.peers.url(to))
        replies.append(core.author.answer(Noted, one.telegram))
    return replies


def _wanted(core: Core, one: Asked[IssueLinkCode]) -> Wanted | Refusal:
    try:
        return _read(core, one)
    except Refusal as refusal:
        return refusal


def _read(core: Core, one: Asked[IssueLinkCode]) -> Wanted:
    """The registry's word, held against the request as the organisation signed it. Raises Refusal."""
    enclosed = decode_envelope(one.telegram.part("request"))
    request = core.edition.peers.verify(enclosed)
    if not isinstance(request.header, RequestLinkCode) or request.header.author.role is not Role.INTERMEDIATE:
        raise Refusal(Reason.BAD_FORMAT, "the enclosed telegram is no request for link codes")
    key = core.keys.secret("id-key")
    try:
        people = tuple(
            id_code_of(key, one.telegram.part("resident record code", item).decode()) for item in one.header.found
        )
    except ValueError:
        raise Refusal(Reason.BAD_FORMAT, "a resident record code has not its form") from None
    matching = tuple(request.part("matching number", item) for item in one.header.found)
    return Wanted(request.header.author, people, matching)
