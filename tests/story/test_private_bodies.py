"""A private body takes part by the same procedures as everybody, and asks by a table of its own (R7, C7)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from nakadachi import __version__
from nakadachi.kit.client import MEDIA_TYPE, VERSION_HEADER
from nakadachi.kit.postgres import PostgresServer
from nakadachi.law.lawbook import PRIVATE_SINCE
from nakadachi.refusal import Reason
from nakadachi.telegrams.code import IssueLinkCode, LinkCodeIssued, RequestLinkCode
from nakadachi.telegrams.codec import decode_frame, decode_json, encode_frame
from nakadachi.telegrams.envelope import Telegram, Verified
from nakadachi.telegrams.inquiry import Inquire
from nakadachi.telegrams.permit import (
    IssueSerial,
    Permit,
    PermitContent,
    PermitGranted,
    PrefixRefused,
    RequestPermit,
    SerialUse,
)
from nakadachi.terms import AffairCode, InfoNameCode, NodeName, OrganisationCode, Prefix, ProcedureCode, Role
from tests.invented import AOBA, PENSION, TSUBAKI, Person
from tests.story.people import EVERYBODY, HANA, KENJI, SUMI, settle
from tests.story.play import Play
from tests.story.private_bodies import (
    CLAIMS,
    CLAIMS_STEP,
    CONTRACT,
    CONTRACTS,
    DAYS,
    MIRAI,
    RESIDENT,
    insured,
    law,
    settle_insured,
)
from tests.world import CARE, CARE_STEP, Land, Told, a_country, inquiry_line, told

pytestmark = pytest.mark.asyncio(loop_scope="module")

PUBLIC_ROW = {"affair": CARE, "procedure": CARE_STEP, "information": RESIDENT}
"""What the public bodies' table lets municipalities ask, of the very information that the company may ask for."""
PRIVATE_ROW = {"affair": CLAIMS, "procedure": CLAIMS_STEP, "information": RESIDENT}
"""What the private bodies' table lets companies ask."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def land(
    postgres: PostgresServer, open_directory: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Land]:
    """A country with a private body, everybody registered and linked where they are known."""
    book = law(tmp_path_factory.mktemp("law") / "book")
    async with a_country(postgres, open_directory, EVERYBODY, law=book) as land:
        await settle(land)
        assert set((await settle_insured(land)).values()) == {"linked"}
        await land.quiet()
        yield land
        assert "telegram.failed" not in land.log.getvalue().decode()


async def ask(
    land: Land, organisation: OrganisationCode, addressee: str, provider: OrganisationCode, **what: str
) -> Told:
    """An organisation's existing system asks one inquiry and waits for what it is told."""
    line = inquiry_line(addressee, provider, inquirer=organisation.value, **what)
    query = {"lane": "interactive", "terminal": "T-1", "purpose": "claim review", "case_number": "CLAIM-7"}
    status, text = await land.desk(organisation, "POST", "inquiries", line.encode(), **query)
    assert status == 200, text
    return told(text)


def ways(land: Land, kind: type[Telegram], server: NodeName) -> list[tuple[str, str, str]]:
    """Between which roles a server's own telegrams of a kind went, or those to it, and how they were answered."""
    return [
        (flight.sender.role.value, flight.to.role.value, type(answer.header).__name__)
        for flight, asked, answer in land.tap.legs(kind)
        if server in {asked.header.author, asked.header.to}
    ]


async def test_a_private_body_gets_its_codes_by_the_same_procedure_as_a_public_one(land: Land) -> None:
    private, public = (land.name(Role.INTERMEDIATE, one) for one in (MIRAI, PENSION))
    assert ways(land, RequestLinkCode, private) == [("intermediate", "registry", "LinkCodeRequested")]
    for kind in (RequestLinkCode, LinkCodeIssued):
        assert ways(land, kind, private) == ways(land, kind, public)
    assert len({flight.sender for flight, _, _ in land.tap.legs(IssueLinkCode)}) == 1
    rows = await land.rows(land.name(Role.CORE), "SELECT organisation, ending FROM issuance")
    assert {row["organisation"] for row in rows} == {one.value for one in (TSUBAKI, AOBA, PENSION, MIRAI)}
    assert {row["ending"] for row in rows} == {"kept"}


async def test_its_code_for_a_person_is_no_other_organisations(land: Land) -> None:
    play = Play(land)
    codes = [await play.code(one, insured(HANA)) for one in (TSUBAKI, AOBA, PENSION, MIRAI)]
    assert len({code.value for code in codes}) == len(codes)


async def test_it_asks_what_its_table_lists_and_is_answered(land: Land) -> None:
    answer = await ask(land, MIRAI, insured(HANA).at(MIRAI), AOBA, **PRIVATE_ROW)
    assert (answer.status, answer.reason) == ("answered", "")
    assert answer.items == {item: {"value": value} for item, value in DAYS.items()}
    assert answer.serial is not None
    await land.quiet()
    for role, organisation in ((Role.CORE, None), (Role.INTERFACE, MIRAI), (Role.INTERFACE, AOBA)):
        query = "SELECT inquirer, provider, reason FROM record WHERE serial = $1"
        rows = await land.rows(land.name(role, organisation), query, answer.serial.value)
        assert {tuple(row.values()) for row in rows} == {(MIRAI.value, AOBA.value, None)}
    ((_, _, granted),) = [
        leg for leg in land.tap.legs(RequestPermit, answer.serial) if leg[0].to == land.name(Role.CORE)
    ]
    permit = decode_json(Verified(granted.header, granted.envelope).part("permit"), Permit)
    assert decode_json(permit.content, PermitContent).legal_row == "951.1"


@pytest.mark.parametrize(
    ("person", "reason"),
    [(KENJI, "NOT_LINKED_AT_PROVIDER"), (SUMI, "NOT_REGISTERED")],
    ids=["not linked", "nothing held"],
)
async def test_it_is_told_the_same_reasons_as_everybody(land: Land, person: Person, reason: str) -> None:
    private = await ask(land, MIRAI, insured(person).at(MIRAI), AOBA, **PRIVATE_ROW)
    public = await ask(land, TSUBAKI, person.at(TSUBAKI), AOBA, **PUBLIC_ROW)
    assert (private.status, private.reason) == (public.status, public.reason)
    assert (private.status, private.reason) == ("refused", reason)


ONLY_THE_OTHERS = pytest.mark.parametrize(
    ("inquirer", "what"), [(MIRAI, PUBLIC_ROW), (TSUBAKI, PRIVATE_ROW)], ids=["private", "public"]
)
"""Who asks what only the other table lists."""


@ONLY_THE_OTHERS
async def test_what_only_the_other_table_lists_stops_at_the_own_interface(
    land: Land, inquirer: OrganisationCode, what: dict[str, str]
) -> None:
    answer = await ask(land, inquirer, insured(HANA).at(inquirer), AOBA, **what)
    assert (answer.status, answer.reason, answer.items) == ("refused", "NOT_IN_TABLE", {})
    assert answer.serial is not None
    await land.quiet()
    assert {flight.to.role for flight, _, _ in land.tap.legs(PrefixRefused, answer.serial)} == {
        Role.CORE,
        Role.COMMISSION,
    }
    assert not land.tap.legs(Inquire, answer.serial)


async def hand(land: Land, sender: NodeName, to: NodeName, telegram: Verified[Any]) -> Any:
    """A telegram to a node's door from one of this version: the header of the answer."""
    headers = {"Content-Type": MEDIA_TYPE, VERSION_HEADER: __version__}
    status, body = await land.send(sender, to, encode_frame([telegram.envelope]), headers=headers)
    assert status == 200, body
    return decode_frame(body)[0].header


@ONLY_THE_OTHERS
async def test_the_core_refuses_it_too_where_an_interface_lets_it_through(
    land: Land, inquirer: OrganisationCode, what: dict[str, str]
) -> None:
    play = Play(land)
    server, interface = (land.name(role, inquirer) for role in (Role.INTERMEDIATE, Role.INTERFACE))
    parties = {"inquirer": inquirer, "provider": AOBA}
    kinds = {"affair": AffairCode, "procedure": ProcedureCode, "information": InfoNameCode}
    prefix = Prefix(**parties, **{name: kind(what[name]) for name, kind in kinds.items()})
    wanted = play.write(server, IssueSerial, interface, use=SerialUse.INQUIRY, count=1)
    (serial,) = (await hand(land, server, interface, wanted)).serials
    code = await play.code(inquirer, insured(HANA))
    answer = await hand(land, interface, play.core, play.request_permit(serial, code, prefix, server))
    assert isinstance(answer, PermitGranted)
    assert [one.refused for one in answer.outcomes] == [Reason.NOT_IN_TABLE]


async def test_a_public_body_asks_a_private_one_that_its_table_names(land: Land) -> None:
    what = {"affair": CARE, "procedure": CARE_STEP, "information": CONTRACTS}
    answer = await ask(land, TSUBAKI, HANA.at(TSUBAKI), MIRAI, **what)
    assert (answer.status, answer.items) == ("answered", {item: {"value": value} for item, value in CONTRACT.items()})


async def test_a_country_with_private_bodies_lets_no_node_in_that_cannot_read_its_law(land: Land) -> None:
    assert {land.service(name).node.edition.directory.minimum_peer_version for name in land.country.services} == {
        PRIVATE_SINCE
    }
