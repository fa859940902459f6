"""Link codes for many: what the register says of each, orders that go on, and what a wrong hand cannot get."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from nakadachi.intermediate import code, issuance_store
from nakadachi.intermediate.subjects import AddresseeNumber
from nakadachi.kit.author import Enclosure
from nakadachi.refusal import Reason
from nakadachi.telegrams.code import IssueLinkCode, LinkCodeIssued, LinkCodeKept, LinkCodeRequested, RequestLinkCode
from nakadachi.telegrams.codec import decode_envelope, encode_envelope, encode_json
from nakadachi.telegrams.envelope import Envelope, Received, Verified
from nakadachi.terms import LinkCode, OrganisationCode, Role, Serial, crockford
from tests.invented import AOBA, PENSION, TSUBAKI, invent
from tests.lines import csv_of
from tests.story.people import AKI, HANA, KENJI, MIYO, NOBODY, OTHER_AKI, RAN, SUMI, TARO
from tests.world import Land, reason_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

WAITS = 600
TWICE = invent("見本 重", "ミホン ジュウ", "見本県見本市柏町1番", "1960-01-02")
"""No resident; only their addressee numbers are used, for a second row of somebody else."""


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


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def outcome(new_land: Land) -> dict[str, tuple[str, str]]:
    lines = [
        HANA.line(TSUBAKI),
        SUMI.line(TSUBAKI, number=""),
        AKI.line(TSUBAKI),
        OTHER_AKI.line(TSUBAKI, number=""),
        NOBODY.line(TSUBAKI, number=""),
        TARO.line(TSUBAKI, number=KENJI.number),
    ]
    found = await linked(new_land, *lines)
    await new_land.quiet()
    return found


async def test_all_that_was_given_must_fit_one_resident_and_else_it_is_said_how_many_did(
    outcome: dict[str, tuple[str, str]],
) -> None:
    assert outcome == {
        HANA.at(TSUBAKI): ("linked", ""),
        SUMI.at(TSUBAKI): ("linked", ""),
        AKI.at(TSUBAKI): ("linked", ""),  # two have these items, one of them this number
        OTHER_AKI.at(TSUBAKI): ("NOT_REGISTERED", "several"),
        NOBODY.at(TSUBAKI): ("NOT_REGISTERED", "none"),
        TARO.at(TSUBAKI): ("NOT_REGISTERED", "different"),
    }


async def test_the_answer_says_how_many_fit_and_not_who(new_land: Land, outcome: dict[str, tuple[str, str]]) -> None:
    assert outcome
    _, _, answer = new_land.tap.legs(RequestLinkCode)[0]
    assert isinstance(answer.header, LinkCodeRequested)
    assert sorted(answer.header.hits) == ["different", "none", "one", "one", "one", "several"]
    assert answer.header.parts == ()


async def test_an_order_links_a_file_and_lists_the_lines_that_led_to_no_code(
    new_land: Land, outcome: dict[str, tuple[str, str]]
) -> None:
    assert outcome
    bad = ("not a number", "見本 誤", "", "見本県", "1", "19990101", "")
    lines = [HANA.line(AOBA), bad, MIYO.line(AOBA), NOBODY.line(AOBA)]
    status, text = await new_land.desk(AOBA, "POST", "orders/first", csv_of(lines))
    assert status == 200, text
    totals = await ended(new_land, "first", AOBA)
    assert totals == {
        "name": "first", "checking": False, "people": 3, "rejected": 1, "done": 2, "refused": 1, "unanswered": 0,
        "ended": True,
    }  # fmt: skip
    _, text = await new_land.desk(AOBA, "GET", "orders/first/unlinked")
    wrong, nobody = json.loads(text)
    assert (wrong["line"], wrong["column"], nobody["line"]) == (2, 1, 4)
    assert nobody["reason_ja"] == "該当者なし"
    assert nobody["reason_en"] == "no resident fits"
    assert " / " in nobody["mend"]
    assert json.loads((await new_land.desk(AOBA, "GET", "orders/first/unlinked", after="2"))[1]) == [nobody]


async def test_an_order_sent_again_asks_nobody_and_has_the_same_totals(
    new_land: Land, outcome: dict[str, tuple[str, str]]
) -> None:
    assert outcome
    body = csv_of([HANA.line(PENSION), SUMI.line(PENSION)])
    for _ in range(2):
        assert (await new_land.desk(PENSION, "POST", "orders/again", body))[0] == 200
        first = await ended(new_land, "again", PENSION)
        assert (first["people"], first["done"]) == (2, 2)
    server = new_land.name(Role.INTERMEDIATE, PENSION)
    assert len([one for one, _, _ in new_land.tap.legs(RequestLinkCode) if one.sender == server]) == 1


async def test_a_name_stands_for_one_file(new_land: Land, outcome: dict[str, tuple[str, str]]) -> None:
    assert outcome
    status, text = await new_land.desk(AOBA, "POST", "orders/one-file", csv_of([HANA.line(AOBA)]))
    assert status == 200, text
    status, text = await new_land.desk(AOBA, "POST", "orders/one-file", csv_of([MIYO.line(AOBA)]))
    assert status >= 400
    assert json.loads(text)["type"] == "ALREADY_USED"


async def test_an_order_goes_on_where_it_was_when_its_server_starts_again(
    new_land: Land, outcome: dict[str, tuple[str, str]]
) -> None:
    assert outcome
    server, registry = new_land.name(Role.INTERMEDIATE, AOBA), new_land.name(Role.REGISTRY)
    new_land.tap.down.add(registry)
    status, text = await new_land.desk(AOBA, "POST", "orders/stopped", csv_of([TARO.line(AOBA), KENJI.line(AOBA)]))
    assert status == 200, text
    await new_land.country.stop_one(server)
    new_land.tap.down.discard(registry)
    service = await new_land.country.start_one(new_land.plan.place(server), new_land.world)
    await service.announce()
    totals = await ended(new_land, "stopped", AOBA)
    assert (totals["people"], totals["done"], totals["refused"], totals["unanswered"]) == (2, 2, 0, 0)


# What a wrong hand cannot get


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


async def test_the_registry_gets_codes_for_a_request_once(new_land: Land, outcome: dict[str, tuple[str, str]]) -> None:
    assert outcome
    issued = new_land.tap.legs(IssueLinkCode)[0][1]
    enclosed = decode_envelope(Verified(issued.header, issued.envelope).part("request"))
    again = issue_of(new_land, Verified(enclosed.header, enclosed.envelope), [RAN.code], (0,))
    assert await at_the_core(new_land, again) is Reason.ALREADY_USED
    await new_land.quiet()


@pytest.mark.parametrize(
    ("numbers", "codes", "found"),
    [
        (["0" * 26], ["12345678901"], (1,)),
        (["0" * 26], ["1234567890"], (0,)),
        (["0" * 26], ["12345678901", "12345678902"], (0,)),
        (["0" * 26] * 2, ["12345678901"], (0,)),
        (["U" * 26], ["12345678901"], (0,)),
        (["0" * 26, "1" * 26], ["12345678901", "12345678902"], (0, 0)),
    ],
)
async def test_what_does_not_fit_together_is_refused_and_links_nobody(
    new_land: Land, outcome: dict[str, tuple[str, str]], numbers: list[str], codes: list[str], found: tuple[int, ...]
) -> None:
    assert outcome
    core = new_land.name(Role.CORE)
    before = await new_land.rows(core, "SELECT count(*) FROM link")
    envelope = issue_of(new_land, request_of(new_land, numbers, TSUBAKI), codes, found)
    assert await at_the_core(new_land, envelope) is Reason.BAD_FORMAT
    assert await new_land.rows(core, "SELECT count(*) FROM link") == before


async def test_a_request_under_another_organisations_serial_is_refused(
    new_land: Land, outcome: dict[str, tuple[str, str]]
) -> None:
    assert outcome
    envelope = issue_of(new_land, request_of(new_land, ["0" * 26], AOBA), ["12345678901"], (0,))
    assert await at_the_core(new_land, envelope) is Reason.BAD_FORMAT


async def test_matching_numbers_that_the_organisation_did_not_sign_are_refused(
    new_land: Land, outcome: dict[str, tuple[str, str]]
) -> None:
    """The registry organisation exchanges the numbers of a request: their digest is in what was signed."""
    assert outcome
    request = request_of(new_land, ["0" * 26], TSUBAKI)
    other = request_of(new_land, ["1" * 26], TSUBAKI)
    forged = Verified(request.header, Envelope(request.envelope.jws, (other.envelope.parts[0], None)))
    assert await at_the_core(new_land, issue_of(new_land, forged, ["12345678901"], (0,))) is Reason.BAD_FORMAT


async def test_a_code_for_one_organisation_is_set_at_no_other(
    new_land: Land, outcome: dict[str, tuple[str, str]]
) -> None:
    """The core sends Tsubaki's codes and matching numbers to Aoba: nobody there waits for them."""
    assert outcome
    core, interface = new_land.name(Role.CORE), new_land.name(Role.INTERFACE, AOBA)
    issued = new_land.tap.legs(LinkCodeIssued)[0][1]
    parts = [
        Enclosure(name, encode_json(part(issued, name)), personal=True) for name in ("link codes", "matching numbers")
    ]
    count = len(part(issued, "link codes"))
    server = new_land.name(Role.INTERMEDIATE, AOBA)
    stray = new_land.author(core).write(LinkCodeIssued, to=server, parts=parts, count=count)
    (answer,) = await new_land.hand(core, interface, stray.envelope)
    assert isinstance(answer.header, LinkCodeKept)
    assert set(answer.header.outcomes) == {Reason.OUT_OF_TURN}


async def test_whoever_asks_in_the_former_form_is_answered_in_it(
    new_land: Land, outcome: dict[str, tuple[str, str]]
) -> None:
    assert outcome
    server, registry = new_land.name(Role.INTERMEDIATE, AOBA), new_land.name(Role.REGISTRY)
    parts = [
        Enclosure("matching number", b"0" * 26, personal=True),
        Enclosure("person", encode_json({"individual_number": RAN.number}), personal=True),
    ]
    request = new_land.author(server).write(RequestLinkCode, to=registry, parts=parts, count=1)
    (answer,) = await new_land.hand(server, registry, request.envelope)
    assert isinstance(answer.header, LinkCodeRequested)
    assert (answer.header.outcomes, answer.header.hits) == ((None,), ())
    await new_land.quiet()
    for kind in (IssueLinkCode, LinkCodeIssued):
        names = {one.name for one in new_land.tap.legs(kind)[-1][1].header.parts}
        assert names in ({"request", "resident record code"}, {"link code", "matching number"})


# Findings


async def recheck(land: Land, name: str, at: OrganisationCode = TSUBAKI) -> tuple[dict[str, Any], dict[str, str]]:
    """A re-check of all links: its totals, and the kind of what was found per addressee number."""
    assert (await land.desk(at, "POST", f"rechecks/{name}"))[0] == 200
    totals = await ended(land, name, at)
    _, text = await land.desk(at, "GET", f"rechecks/{name}/findings")
    return totals, {one["addressee"].lstrip("0"): one["kind"] for one in json.loads(text)}


async def links(land: Land) -> list[dict[str, Any]]:
    core = land.name(Role.CORE)
    return await land.rows(core, "SELECT id_code, organisation, generation, linked_at FROM link ORDER BY 1, 2")


async def test_a_recheck_of_right_links_finds_nothing_and_creates_nothing(
    new_land: Land, outcome: dict[str, tuple[str, str]]
) -> None:
    assert outcome
    before = await links(new_land)
    # Aki's number went when her code was set, and no four items tell her from the other one.
    totals, found = await recheck(new_land, "right")
    assert (totals["people"], totals["done"], totals["refused"]) == (3, 2, 1)
    assert found == {AKI.at(TSUBAKI): "SEVERAL_FOUND"}
    assert await links(new_land) == before


async def test_a_person_under_two_addressee_numbers_is_a_finding_and_gets_no_second_code(
    new_land: Land, outcome: dict[str, tuple[str, str]]
) -> None:
    assert outcome
    second = HANA.line(TSUBAKI)[1:]
    assert await linked(new_land, (TWICE.at(TSUBAKI), *second)) == {TWICE.at(TSUBAKI): ("ALREADY_USED", "")}
    _, text = await new_land.desk(TSUBAKI, "GET", "findings")
    found = [one for one in json.loads(text) if one["kind"] == "TWO_ADDRESSEES"]
    assert [one["addressee"].lstrip("0") for one in found] == [TWICE.at(TSUBAKI)]
    server = new_land.name(Role.INTERMEDIATE, TSUBAKI)
    rows = await new_land.rows(server, "SELECT link_code FROM person WHERE addressee LIKE $1", f"%{TWICE.at(TSUBAKI)}")
    assert rows == [{"link_code": None}]


async def test_a_row_that_was_changed_to_another_person_or_to_nobody_is_found(
    new_land: Land, outcome: dict[str, tuple[str, str]]
) -> None:
    assert outcome
    new_land.clock.ahead += timedelta(seconds=5)
    await new_land.register(TSUBAKI, (HANA.at(TSUBAKI), *RAN.line(TSUBAKI, number="")[1:]), link=False)
    await new_land.register(TSUBAKI, SUMI.line(TSUBAKI, address="見本県見本市転居町1番", number=""), link=False)
    _, found = await recheck(new_land, "changed")
    assert found[HANA.at(TSUBAKI)] == "OWN_ROW_DIFFERS"
    assert found[SUMI.at(TSUBAKI)] == "NOBODY_FOUND"
    await new_land.register(TSUBAKI, HANA.line(TSUBAKI, number=""), SUMI.line(TSUBAKI, number=""), link=False)
    _, found = await recheck(new_land, "mended")
    assert HANA.at(TSUBAKI) not in found
    assert SUMI.at(TSUBAKI) not in found


async def test_a_code_that_is_another_one_than_we_hold_is_found(
    new_land: Land, outcome: dict[str, tuple[str, str]]
) -> None:
    assert outcome
    server = new_land.name(Role.INTERMEDIATE, AOBA)
    other = LinkCode.of_bytes(bytes(19)).value
    async with new_land.service(server).node.database.transaction() as connection:
        await connection.execute("UPDATE person SET link_code = $1 WHERE addressee LIKE $2", other, f"%{MIYO.at(AOBA)}")
    _, found = await recheck(new_land, "other-code", AOBA)
    assert found == {MIYO.at(AOBA): "CODE_CHANGED"}


async def test_matching_numbers_that_nobody_answers_are_purged_after_a_day_with_evidence(
    new_land: Land, outcome: dict[str, tuple[str, str]]
) -> None:
    assert outcome
    server, registry = new_land.name(Role.INTERMEDIATE, PENSION), new_land.name(Role.REGISTRY)
    new_land.tap.down.add(registry)
    body = csv_of([TARO.line(PENSION)])
    assert (await new_land.desk(PENSION, "POST", "orders/unanswered", body))[0] == 200
    for _ in range(WAITS):
        if await new_land.rows(server, "SELECT * FROM issuance"):
            break
        await asyncio.sleep(0.05)
    new_land.clock.ahead += timedelta(days=1, hours=2)
    for _ in range(WAITS):
        await new_land.service(server).system.in_bulk(code.purge_unanswered, [None])
        if not await new_land.rows(server, "SELECT * FROM issuance"):
            break
        await asyncio.sleep(0.1)
    totals = await ended(new_land, "unanswered", PENSION)
    assert (totals["people"], totals["done"]) == (1, 0)
    (row,) = await new_land.rows(server, "SELECT count, serial FROM purge WHERE ending = 'unanswered'")
    assert row["count"] == 1
    assert row["serial"] is not None
    async with new_land.service(server).node.database.acquire() as connection:
        refused = await issuance_store.refused(connection, [AddresseeNumber(TARO.at(PENSION))])
    assert [reason for reason, _ in refused.values()] == [Reason.TIMED_OUT]
    new_land.tap.down.discard(registry)
