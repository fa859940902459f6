"""How an organisation gets its link code for a person, and what is gone on every side afterwards."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
import pytest_asyncio

from nakadachi.kit.author import Enclosure
from nakadachi.telegrams.catalogue import HOPS
from nakadachi.telegrams.code import IssueLinkCode, LinkCodeIssued, LinkCodeKept, RequestLinkCode
from nakadachi.telegrams.codec import decode_envelope
from nakadachi.telegrams.envelope import Received, Verified
from nakadachi.terms import NodeName, Role
from tests.invented import AOBA, TSUBAKI
from tests.story.people import AKI, HANA, NOBODY, SUMI
from tests.tap import Flight
from tests.world import Land

pytestmark = pytest.mark.asyncio(loop_scope="module")

STORY = (HANA, SUMI, AKI, NOBODY)


def part(received: Received, name: str, item: int = 0) -> bytes:
    return Verified(received.header, received.envelope).part(name, item)


def listed(received: Received, name: str) -> list[Any]:
    return list(json.loads(part(received, name)))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def outcome(new_land: Land) -> dict[str, str]:
    """Tsubaki links Hana by her Individual Number, the others by the four items: the outcome per addressee."""
    lines = [HANA.line(TSUBAKI), *(one.line(TSUBAKI, number="") for one in (SUMI, AKI, NOBODY))]
    outcome = await new_land.register(TSUBAKI, *lines)
    await new_land.quiet()
    return outcome


@pytest.fixture
def legs(new_land: Land, outcome: dict[str, str]) -> dict[type, list[tuple[Flight, Received, Received]]]:
    assert outcome
    return {kind: new_land.tap.legs(kind) for kind in (RequestLinkCode, IssueLinkCode, LinkCodeIssued)}


def servers(land: Land) -> tuple[NodeName, NodeName, NodeName, NodeName]:
    own = land.name(Role.INTERMEDIATE, TSUBAKI), land.name(Role.INTERFACE, TSUBAKI)
    return (*own, land.name(Role.REGISTRY), land.name(Role.CORE))


async def test_exactly_one_resident_is_linked_and_none_or_several_are_told_as_a_reason(outcome: dict[str, str]) -> None:
    assert outcome == {
        HANA.at(TSUBAKI): "linked",
        SUMI.at(TSUBAKI): "linked",
        AKI.at(TSUBAKI): "NOT_REGISTERED",
        NOBODY.at(TSUBAKI): "NOT_REGISTERED",
    }


async def test_a_code_goes_from_the_registry_to_the_core_to_the_organisation(
    new_land: Land, legs: dict[type, list[tuple[Flight, Received, Received]]]
) -> None:
    server, interface, registry, core = servers(new_land)
    ways = {kind: [(flight.sender, flight.to) for flight, _, _ in ways] for kind, ways in legs.items()}
    assert ways == {
        RequestLinkCode: [(server, registry)],
        IssueLinkCode: [(registry, core)],
        LinkCodeIssued: [(core, interface), (interface, server)],
    }
    for kind, taken in legs.items():
        assert {type(answer.header) for _, _, answer in taken} == {HOPS[kind][0].answer}
    assert len({asked.envelope for _, asked, _ in legs[LinkCodeIssued]}) == 1


async def test_the_core_gets_the_organisations_own_request_without_the_people_in_it(
    legs: dict[type, list[tuple[Flight, Received, Received]]],
) -> None:
    request, issue = legs[RequestLinkCode][0][1], legs[IssueLinkCode][0][1]
    enclosed = decode_envelope(part(issue, "request"))
    assert enclosed.envelope.jws == request.envelope.jws
    described = enclosed.header.parts
    assert {one.name for one, content in zip(described, enclosed.envelope.parts, strict=True) if content is None} == {
        "people"
    }
    assert set(listed(issue, "resident record codes")) == {HANA.code, SUMI.code}


async def test_the_four_items_are_always_sent_and_an_individual_number_where_there_is_one(
    legs: dict[type, list[tuple[Flight, Received, Received]]],
) -> None:
    people = listed(legs[RequestLinkCode][0][1], "people")
    assert all({"address", "born", "name", "sex"} <= set(one) for one in people)
    assert [one["individual_number"] for one in people if "individual_number" in one] == [HANA.number]


async def test_the_request_stands_under_a_serial_of_its_organisation_and_each_side_keeps_it(
    new_land: Land, legs: dict[type, list[tuple[Flight, Received, Received]]]
) -> None:
    request = legs[RequestLinkCode][0][1].header
    assert isinstance(request, RequestLinkCode)
    assert request.serial is not None
    assert request.serial.issuer == TSUBAKI
    server, interface, registry, core = servers(new_land)
    kept = ((server, "issuance_packet"), (interface, "exchange"), (registry, "issuance"), (core, "issuance"))
    for node, table in kept:
        rows = await new_land.rows(node, f"SELECT serial FROM {table} WHERE serial = $1", request.serial.value)
        assert len(rows) == 1, node


async def test_the_code_is_tied_to_the_person_whose_matching_number_came_with_it(
    new_land: Land, legs: dict[type, list[tuple[Flight, Received, Received]]]
) -> None:
    server = servers(new_land)[0]
    rows = await new_land.rows(server, "SELECT addressee, link_code, linked_at FROM person WHERE link_code IS NOT NULL")
    request, issued = legs[RequestLinkCode][0][1], legs[LinkCodeIssued][0][1]
    asked = dict(zip(listed(request, "matching numbers"), listed(request, "people"), strict=True))
    by_code = {row["link_code"]: row for row in rows}
    for code, number in zip(listed(issued, "link codes"), listed(issued, "matching numbers"), strict=True):
        person = HANA if "individual_number" in asked[number] else SUMI
        assert by_code[code]["addressee"].endswith(person.at(TSUBAKI))
        assert abs((by_code[code]["linked_at"] - datetime.now(UTC)).total_seconds()) < 60


async def test_the_matching_numbers_are_gone_on_every_side_and_the_purge_is_on_record(
    new_land: Land, legs: dict[type, list[tuple[Flight, Received, Received]]]
) -> None:
    numbers = listed(legs[RequestLinkCode][0][1], "matching numbers")
    assert len(numbers) == len(STORY)
    for node, tables in (await new_land.states()).items():
        text = json.dumps(tables)
        assert not [number for number in numbers if number in text or number.encode().hex() in text], node
    assert await new_land.rows(servers(new_land)[0], "SELECT * FROM issuance") == []
    server, _, registry, core = servers(new_land)
    purged = await new_land.rows(server, "SELECT count, ending, serial IS NOT NULL AS under FROM purge ORDER BY ending")
    assert [tuple(row.values()) for row in purged] == [(2, "refused", True), (2, "set", True)]
    for node, people, ending in ((registry, 4, "passed on"), (core, 2, "kept")):
        (row,) = await new_land.rows(node, "SELECT people, ending, purged_at FROM issuance")
        assert (row["people"], row["ending"]) == (people, ending), node
        assert row["purged_at"] is not None


async def test_the_individual_number_is_erased_once_the_code_is_set(new_land: Land, outcome: dict[str, str]) -> None:
    assert outcome
    rows = await new_land.rows(servers(new_land)[0], "SELECT individual_number FROM person")
    assert {row["individual_number"] for row in rows} == {None}


async def test_the_same_person_has_another_code_at_another_organisation(
    new_land: Land, outcome: dict[str, str]
) -> None:
    assert outcome
    assert await new_land.register(AOBA, HANA.line(AOBA)) == {HANA.at(AOBA): "linked"}
    codes = [
        (
            await new_land.rows(
                new_land.name(Role.INTERMEDIATE, one),
                "SELECT link_code FROM person WHERE addressee LIKE $1",
                f"%{HANA.at(one)}",
            )
        )[0]
        for one in (TSUBAKI, AOBA)
    ]
    assert codes[0] != codes[1]
    assert await new_land.rows(servers(new_land)[3], "SELECT count(DISTINCT id_code), count(*) AS links FROM link") == [
        {"count": 2, "links": 3}
    ]


async def test_asking_again_for_somebody_linked_asks_nobody(new_land: Land, outcome: dict[str, str]) -> None:
    assert outcome
    before = len(new_land.tap.flights)
    assert await new_land.register(TSUBAKI, HANA.line(TSUBAKI)) == {HANA.at(TSUBAKI): "linked"}
    assert len(new_land.tap.legs(RequestLinkCode)) <= 2
    assert [one for one in new_land.tap.flights[before:] if not one.path] == []


async def test_a_code_issued_twice_is_kept_once_and_the_second_is_told_so(
    new_land: Land, outcome: dict[str, str]
) -> None:
    """The core sends the same codes in a telegram of its own: their matching numbers are unknown by now."""
    assert outcome
    server, interface, _, core = servers(new_land)
    issued = new_land.tap.legs(LinkCodeIssued)[0][1]
    author = new_land.author(core)
    parts = [Enclosure(name, part(issued, name), personal=True) for name in ("link codes", "matching numbers")]
    again = author.write(LinkCodeIssued, to=server, parts=parts, count=2)
    (answer,) = await new_land.hand(core, interface, again.envelope)
    assert isinstance(answer.header, LinkCodeKept)
    assert [reason and reason.value for reason in answer.header.outcomes] == ["OUT_OF_TURN"] * 2
