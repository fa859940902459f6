"""Link codes that a wrong hand asks for, or sends: nobody is linked, nothing is set."""

from __future__ import annotations

import pytest
import pytest_asyncio

from nakadachi.kit.author import Enclosure
from nakadachi.refusal import Reason
from nakadachi.telegrams.code import IssueLinkCode, LinkCodeIssued, LinkCodeKept, LinkCodeRequested, RequestLinkCode
from nakadachi.telegrams.codec import decode_envelope, encode_json
from nakadachi.telegrams.envelope import Envelope, Verified
from nakadachi.terms import Role
from tests.invented import AOBA, TSUBAKI
from tests.story.issuing import (
    at_the_core,
    first_people,
    issue_of,
    part,
    request_of,
)
from tests.story.people import RAN
from tests.world import Land

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def outcome(new_land: Land) -> dict[str, tuple[str, str]]:
    return await first_people(new_land)


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
