"""A newer law book and directory reach every organisation; older and badly signed ones are refused everywhere."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date

import pytest

from nakadachi.core.oversight import distribute_edition
from nakadachi.crypto.notes import NoteSigner
from nakadachi.kit.author import Enclosure
from nakadachi.law.whitelist import Whitelist
from nakadachi.ledger.edition import DIRECTORY, LAWBOOK, sign_document
from nakadachi.refusal import Reason, Refusal
from nakadachi.telegrams.oversight import DistributeEdition, EditionHeld
from nakadachi.terms import NodeName, Role
from tests.invented import AOBA, PENSION, TSUBAKI
from tests.story.editions import Notes, distribute, edition, new_directory, signers
from tests.story.people import HANA
from tests.world import CARE, TAX, Land, reason_of

pytestmark = pytest.mark.asyncio(loop_scope="module")


def takers(land: Land) -> list[NodeName]:
    """Those that a new edition is distributed to, and the core: everybody."""
    return list(land.country.services)


async def versions(land: Land) -> set[tuple[int, int]]:
    """The versions in use, as the systems say of themselves."""
    return {(status["lawbook"], status["directory"]) for status in [await land.status(name) for name in takers(land)]}


async def test_a_newer_pair_goes_from_the_core_to_every_interface_and_server(land: Land) -> None:
    ((law, listed),) = await versions(land)
    assert await distribute(land, edition(land, law=1, listed=1)) == len(land.plan.organisations) + 2
    assert await versions(land) == {(law + 1, listed + 1)}
    core = land.name(Role.CORE)
    for to in (land.name(Role.COMMISSION), land.name(Role.REGISTRY)):
        ((flight, _, answer),) = [leg for leg in land.tap.legs(DistributeEdition) if leg[1].header.to == to]
        assert (flight.sender, flight.to, type(answer.header)) == (core, to, EditionHeld)
    for organisation in land.plan.organisations:
        interface, server = land.name(Role.INTERFACE, organisation), land.name(Role.INTERMEDIATE, organisation)
        legs = [leg for leg in land.tap.legs(DistributeEdition) if leg[1].header.to == server]
        assert [(flight.sender, flight.to) for flight, _, _ in legs] == [(core, interface), (interface, server)]
        assert {type(answer.header) for _, _, answer in legs} == {EditionHeld}
        assert {answer.header.author for _, _, answer in legs} == {server}


async def test_only_one_of_the_two_may_be_newer(land: Land) -> None:
    ((law, listed),) = await versions(land)
    await distribute(land, edition(land, law=2))
    await distribute(land, edition(land, listed=1))
    assert await versions(land) == {(law + 2, listed + 1)}


async def refusal(land: Land, notes: Notes) -> Reason:
    """Why the core does not take a pair; nobody uses it."""
    before = await versions(land)
    with pytest.raises(Refusal) as refused:
        await distribute(land, notes)
    assert await versions(land) == before
    return refused.value.reason


@pytest.mark.parametrize("older", ["law", "listed"])
async def test_an_older_document_is_refused(land: Land, older: str) -> None:
    assert await refusal(land, edition(land, **{older: -1})) is Reason.VERSION_TOO_OLD


async def test_a_document_needs_both_signatures(land: Land) -> None:
    core, commission = signers(land)
    for alone in (core, commission):
        assert await refusal(land, edition(land, alone, law=1)) is Reason.BAD_SIGNATURE
        assert await refusal(land, edition(land, alone, listed=1)) is Reason.BAD_SIGNATURE


async def test_another_key_of_the_same_name_does_not_sign_for_the_commission(land: Land) -> None:
    core, commission = signers(land)
    stranger = NoteSigner.from_seed(commission.name, bytes(range(32)))
    assert await refusal(land, edition(land, core, stranger, law=1)) is Reason.BAD_SIGNATURE


async def test_two_documents_of_one_version_are_refused(land: Land) -> None:
    now = land.service(land.name(Role.CORE)).node.edition
    other = replace(now.lawbook, effective=date(2020, 1, 1))
    notes = (sign_document(other.to_bytes(), *signers(land)), now.notes[DIRECTORY])
    assert await refusal(land, notes) is Reason.BAD_SIGNATURE


@pytest.mark.parametrize("what", ["older", "core-alone", "nonsense"])
async def test_each_system_judges_for_itself_what_the_core_hands_it(land: Land, what: str) -> None:
    """The core's real key distributes what an honest core would not."""
    core, _ = signers(land)
    lawbook, directory = (b"no note", b"at all")
    if what != "nonsense":
        lawbook, directory = edition(land, law=-1) if what == "older" else edition(land, core, law=1)
    reasons = {"older": Reason.VERSION_TOO_OLD, "core-alone": Reason.BAD_SIGNATURE, "nonsense": Reason.BAD_FORMAT}
    name, interface, server = land.name(Role.CORE), land.name(Role.INTERFACE, AOBA), land.name(Role.INTERMEDIATE, AOBA)
    parts = [Enclosure(LAWBOOK, lawbook), Enclosure(DIRECTORY, directory)]
    telegram = land.author(name).write(DistributeEdition, to=server, parts=parts, lawbook=99, directory=99)
    before = await versions(land)
    for sender, to in ((interface, server), (name, interface)):
        (answer,) = await land.hand(sender, to, telegram.envelope)
        assert reason_of(answer) is reasons[what]
    assert await versions(land) == before


@pytest.mark.parametrize("to", [Role.COMMISSION, Role.REGISTRY])
async def test_a_revoked_certificate_stops_at_the_next_request_at_the_commission_and_at_the_registry(
    land: Land, to: Role
) -> None:
    sender, door = land.name(Role.INTERMEDIATE, PENSION), land.name(to)

    async def knock() -> tuple[int, str]:
        """No telegrams are in it, so that a good certificate is refused too, but for the form of what it sends."""
        status, body = await land.send(sender, door, b"")
        return status, json.loads(body)["type"]

    assert await knock() == (400, "BAD_FORMAT")
    await new_directory(land, revoked=(land.certificate(sender),))
    assert await knock() == (403, "ROLE_NOT_ALLOWED")
    await new_directory(land, revoked=())
    assert await knock() == (400, "BAD_FORMAT")


@pytest.mark.parametrize("role", [Role.COMMISSION, Role.REGISTRY])
async def test_commission_and_registry_judge_for_themselves_and_what_was_missed_comes_with_the_next_start(
    land: Land, role: Role
) -> None:
    name, core = land.name(role), land.name(Role.CORE)
    parts = [Enclosure(kind, note) for kind, note in zip((LAWBOOK, DIRECTORY), edition(land, law=-1), strict=True)]
    telegram = land.author(core).write(DistributeEdition, to=name, parts=parts, lawbook=99, directory=99)
    (answer,) = await land.hand(core, name, telegram.envelope)
    assert reason_of(answer) is Reason.VERSION_TOO_OLD
    if role is Role.COMMISSION:
        found = await land.rows(
            name, "SELECT kind FROM finding WHERE kind = 'EDITION_STALE' AND about = $1", core.value
        )
        assert found
    newer = edition(land, law=1)
    await land.country.stop_one(name)
    await land.service(core).system.together(distribute_edition, newer)
    service = await land.country.start_one(land.plan.place(name), land.world)
    await service.announce()
    await land.quiet()
    assert len(await versions(land)) == 1


async def test_what_a_newer_law_book_no_longer_lists_is_refused_from_then_on(land: Land) -> None:
    assert (await land.ask(HANA.at(TSUBAKI))).status in {"answered", "pending"}
    now = land.service(land.name(Role.CORE)).node.edition.lawbook
    rows = tuple(row for row in now.whitelist.rows if (row.affair.value, row.information.value) != (CARE, TAX))
    fewer = replace(now, version=now.version + 1, whitelist=Whitelist(now.whitelist.edition, rows, now.masters))
    notes = (sign_document(fewer.to_bytes(), *signers(land)), edition(land, listed=0)[1])
    await distribute(land, notes)
    told = await land.ask(HANA.at(TSUBAKI))
    assert (told.status, told.reason) == ("refused", "NOT_IN_TABLE")
    back = replace(now, version=now.version + 2)
    await distribute(land, (sign_document(back.to_bytes(), *signers(land)), notes[1]))
    assert (await land.ask(HANA.at(TSUBAKI))).status == "answered"


async def test_a_system_that_was_away_gets_the_edition_in_use_when_it_comes_back_and_keeps_it(land: Land) -> None:
    server = land.name(Role.INTERMEDIATE, AOBA)
    await land.country.stop_one(server)
    await distribute_while_away(land)
    ((law, _),) = {(one["lawbook"], one["directory"]) for one in [await land.status(land.name(Role.CORE))]}
    for again in (True, False):
        service = await land.country.start_one(land.plan.place(server), land.world)
        await service.announce()
        await land.quiet()
        assert (await land.status(server))["lawbook"] == law
        assert len(await versions(land)) == 1
        if again:
            await land.country.stop_one(server)


async def distribute_while_away(land: Land) -> None:
    """As `distribute`, without waiting for the one who is not there."""
    await land.service(land.name(Role.CORE)).system.together(distribute_edition, edition(land, law=1))
