"""符号付番: ask the registry organisation for people's link codes, and set those that come (C7, M1, L1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nakadachi.intermediate import store
from nakadachi.kit.author import Enclosure
from nakadachi.refusal import Reason, Refusal
from nakadachi.telegrams.code import LinkCodeIssued, LinkCodeKept, LinkCodeRequested, RequestLinkCode
from nakadachi.telegrams.codec import decode_json, encode_json
from nakadachi.telegrams.envelope import Lane
from nakadachi.terms import LinkCode, MatchingNumber, Role, crockford

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nakadachi.intermediate.parts import Intermediate
    from nakadachi.intermediate.subjects import AddresseeNumber, FourItems, IndividualNumber
    from nakadachi.kit.unit import Asked, Heard, Reply, Unit

MOST_PEOPLE = 200
"""People of one request: their parts must fit the header of the bulk lane."""


async def request_codes(
    intermediate: Intermediate, unit: Unit, wanted: Sequence[tuple[AddresseeNumber, ...]]
) -> list[int]:
    """符号付番依頼: a matching number for each person without a code, and the requests to the registry organisation.

    Each item is a tuple of addressee numbers; returns for each how many were asked for.
    """
    asked_for = []
    for addressees in wanted:
        people = list((await store.unlinked(unit.connection, addressees, unit.now)).items())
        for start in range(0, len(people), MOST_PEOPLE):
            await _request(intermediate, unit, people[start : start + MOST_PEOPLE])
        asked_for.append(len(people))
    return asked_for


def requested_matters(heard: Heard[RequestLinkCode]) -> bool:
    """Whether an answer changes anything: where all were found, the codes are on their way."""
    answer = heard.answers[0].header
    return not isinstance(answer, LinkCodeRequested) or any(answer.outcomes)


async def hear_requested(_intermediate: Intermediate, unit: Unit, heard: Sequence[Heard[RequestLinkCode]]) -> None:
    """付番依頼の結果: for whom none or several residents were found, the reason is kept for the clerk."""
    refused = []
    for one in heard:
        request, answer = one.sent[0], one.answers[0].header
        numbers = [
            MatchingNumber(request.part("matching number", item).decode()) for item in range(request.header.count)
        ]
        if isinstance(answer, LinkCodeRequested) and len(answer.outcomes) == len(numbers):
            refused += [(number, why) for number, why in zip(numbers, answer.outcomes, strict=True) if why is not None]
        else:
            refused += [(number, getattr(answer, "reason", Reason.INTERNAL)) for number in numbers]
    await store.refuse_issuance(unit.connection, refused)


async def set_codes(intermediate: Intermediate, unit: Unit, asked: Sequence[Asked[LinkCodeIssued]]) -> list[Reply]:
    """符号通知: each code is tied to the person whose matching number came with it; the numbers are purged (L1)."""
    replies: list[Reply] = []
    for one in asked:
        try:
            codes = [_read(one, item) for item in range(one.header.count)]
        except (ValueError, Refusal):
            replies.append(Refusal(Reason.BAD_FORMAT, "a link code or matching number has not its form"))
            continue
        done = await store.set_codes(unit.connection, codes, unit.now)
        outcomes = tuple(None if known else Reason.OUT_OF_TURN for known in done)
        replies.append(intermediate.author.answer(LinkCodeKept, one.telegram, outcomes=outcomes))
    return replies


async def _request(
    intermediate: Intermediate,
    unit: Unit,
    people: Sequence[tuple[AddresseeNumber, tuple[FourItems, IndividualNumber | None]]],
) -> None:
    registry = intermediate.edition.peers.the(Role.REGISTRY)
    numbers = []
    parts = []
    for item, (addressee, (items, individual)) in enumerate(people):
        number = MatchingNumber(crockford(int.from_bytes(intermediate.author.entropy.bytes(16), "big"), length=26))
        numbers.append((number, addressee))
        parts.append(Enclosure("matching number", number.value.encode(), item=item, personal=True))
        parts.append(Enclosure("person", encode_json(_words(items, individual)), item=item, personal=True))
    await store.begin_issuance(unit.connection, numbers, unit.now)
    telegram = intermediate.author.write(RequestLinkCode, to=registry, parts=parts, lane=Lane.BULK, count=len(people))
    unit.send(telegram, to=registry, url=intermediate.edition.peers.url(registry))


def _words(items: FourItems, individual: IndividualNumber | None) -> dict[str, str]:
    """A person as the registry organisation is asked: by the Individual Number where there is one, else the four
    items.
    """
    if individual is not None:
        return {"individual_number": individual.value}
    return {
        "name": items.name,
        "address": items.address,
        "sex": str(int(items.sex)),
        "born": items.born.isoformat(),
    }


def _read(one: Asked[LinkCodeIssued], item: int) -> tuple[MatchingNumber, LinkCode]:
    number = MatchingNumber(one.telegram.part("matching number", item).decode())
    return number, decode_json(one.telegram.part("link code", item), LinkCode)
