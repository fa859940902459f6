"""What the stories of issuance share: people linked, orders followed, and telegrams made by hand."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from nakadachi.kit.author import Enclosure
from nakadachi.refusal import Reason
from nakadachi.telegrams.code import IssueLinkCode, RequestLinkCode
from nakadachi.telegrams.codec import encode_envelope, encode_json
from nakadachi.telegrams.envelope import Envelope, Received, Verified
from nakadachi.terms import OrganisationCode, Role, Serial, crockford
from tests.invented import TSUBAKI
from tests.lines import csv_of
from tests.story.people import AKI, HANA, KENJI, NOBODY, OTHER_AKI, SUMI, TARO
from tests.world import Land, reason_of

WAITS = 600


def part(received: Received, name: str) -> list[Any]:
    return list(json.loads(Verified(received.header, received.envelope).part(name)))


async def linked(land: Land, *lines: tuple[str, ...], at: OrganisationCode = TSUBAKI) -> dict[str, tuple[str, str]]:
    """Load and link people: outcome and hit per addressee number."""
    body = csv_of(lines)
    assert (await land.desk(at, "POST", "people", body))[0] == 200
    status, text = await land.desk(at, "POST", "link", body)
    assert status == 200, text
    return {lines[one["line"] - 1][0]: (one["outcome"], one["hit"]) for one in json.loads(text)["lines"]}


async def ended(land: Land, name: str, at: OrganisationCode = TSUBAKI) -> dict[str, Any]:
    """An order, once it has ended."""
    for _ in range(WAITS):
        status, text = await land.desk(at, "GET", f"orders/{name}")
        assert status == 200, text
        if (words := dict(json.loads(text)))["ended"]:
            return words
        await asyncio.sleep(0.05)
    raise AssertionError(f"the order does not end: {words}")


async def first_people(land: Land) -> dict[str, tuple[str, str]]:
    """Tsubaki asks for six people of every kind: outcome and hit per addressee number."""
    lines = [
        HANA.line(TSUBAKI),
        SUMI.line(TSUBAKI, number=""),
        AKI.line(TSUBAKI),
        OTHER_AKI.line(TSUBAKI, number=""),
        NOBODY.line(TSUBAKI, number=""),
        TARO.line(TSUBAKI, number=KENJI.number),
    ]
    found = await linked(land, *lines)
    await land.quiet()
    return found


def request_of(land: Land, numbers: list[str], organisation: OrganisationCode, **more: Any) -> Verified[Any]:
    """A request of Tsubaki's, under a serial of an organisation."""
    author = land.author(land.name(Role.INTERMEDIATE, TSUBAKI))
    serial = Serial(f"{organisation}-{crockford(int.from_bytes(author.entropy.bytes(15), 'big'), length=26)}")
    parts = [
        Enclosure("matching numbers", encode_json(numbers), personal=True),
        Enclosure("people", encode_json([{"name": "x"}] * len(numbers)), personal=True),
    ]
    registry = land.name(Role.REGISTRY)
    return author.write(RequestLinkCode, to=registry, parts=parts, count=len(numbers), serial=serial, **more)


def issue_of(land: Land, request: Verified[Any], codes: list[str], found: tuple[int, ...]) -> Envelope:
    """What the registry organisation makes of a request."""
    kept = Envelope(request.envelope.jws, (request.envelope.parts[0], None))
    parts = [
        Enclosure("request", encode_envelope(kept)),
        Enclosure("resident record codes", encode_json(codes), personal=True),
    ]
    author = land.author(land.name(Role.REGISTRY))
    return author.write(IssueLinkCode, to=land.name(Role.CORE), parts=parts, found=found).envelope


async def at_the_core(land: Land, envelope: Envelope) -> Reason | None:
    (answer,) = await land.hand(land.name(Role.REGISTRY), land.name(Role.CORE), envelope)
    return reason_of(answer)


async def recheck(land: Land, name: str, at: OrganisationCode = TSUBAKI) -> tuple[dict[str, Any], dict[str, str]]:
    """A re-check of all links: its totals, and the kind of what was found per addressee number."""
    assert (await land.desk(at, "POST", f"rechecks/{name}"))[0] == 200
    totals = await ended(land, name, at)
    _, text = await land.desk(at, "GET", f"rechecks/{name}/findings")
    return totals, {one["addressee"].lstrip("0"): one["kind"] for one in json.loads(text)}
