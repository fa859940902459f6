"""How an organisation's key is replaced while exchanges go on: both codes are honoured, then the former is not (C6)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio

from nakadachi.intermediate.rotation import FORMER_KEPT, forget
from nakadachi.kit.author import Enclosure
from nakadachi.refusal import Reason
from nakadachi.telegrams.code import LinkCodeKept
from nakadachi.telegrams.codec import encode_json
from nakadachi.telegrams.envelope import Lane, Received
from nakadachi.telegrams.inquiry import InquiryAccepted
from nakadachi.telegrams.link import ReplaceLinkCodes
from nakadachi.telegrams.permit import PermitGranted
from nakadachi.terms import LinkCode, OrganisationCode
from tests.invented import AOBA, PENSION, TSUBAKI
from tests.story.people import HANA, KENJI, RAN, SUMI, TARO
from tests.story.play import Play, good, outcomes
from tests.story.rotating import confirmed, held_up, keys, order, states, until
from tests.world import Land

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def rested(play: Play) -> AsyncIterator[None]:
    """Every story begins with no rotation under way."""
    yield
    for organisation in (TSUBAKI, AOBA, PENSION):
        if "next" in (await states(play.land, organisation)).values():
            await confirmed(play.land, organisation)
            await order(play.land, organisation, retire=True)
        await settled(play.land, organisation)


async def asked_with(play: Play, code: LinkCode) -> list[Reason | None]:
    """How the core judges a request for a permit that names somebody by this code of Tsubaki's."""
    serial = await play.serial()
    await play.check_prefix(serial)
    (answer,) = await play.land.hand(play.server, play.interface, play.request_permit(serial, code).envelope)
    assert isinstance(answer.header, PermitGranted), answer.header
    return outcomes(answer)


async def handed(play: Play, former: list[str], fresh: list[str], count: int | None = None) -> Received:
    """What Tsubaki's server says to codes that the core would replace."""
    parts = [
        Enclosure(name, encode_json(codes), personal=True)
        for name, codes in (("former codes", former), ("link codes", fresh))
    ]
    count = len(former) if count is None else count
    telegram = play.write(play.core, ReplaceLinkCodes, play.server, parts=parts, lane=Lane.BULK, count=count)
    (answer,) = await play.land.hand(play.core, play.interface, telegram.envelope)
    return answer


async def test_everybody_gets_the_code_of_the_next_key_while_both_are_honoured_and_exchanges_go_on(play: Play) -> None:
    land = play.land
    former, index = await play.code(TSUBAKI), max(await keys(land, TSUBAKI)) + 1
    async with held_up(land) as go:
        begun = await order(land, TSUBAKI)
        assert (begun["status"], begun["key_index"]) == (200, index)
        good(await land.ask(HANA.at(TSUBAKI)))
        found = await states(land, TSUBAKI)
        assert (found[index - 1], found[index]) == ("current", "next")
        go.set()
        await confirmed(land, TSUBAKI)
    fresh = await play.code(TSUBAKI)
    assert fresh != former
    for code in (former, fresh):
        assert await asked_with(play, code) == [None]
    good(await land.ask(HANA.at(TSUBAKI)))
    row = (await keys(land, TSUBAKI))[index]
    assert row["total"] == row["replaced"] == begun["people"] > 0


async def test_the_former_code_is_not_issued_any_more_once_its_key_is_retired(play: Play) -> None:
    land = play.land
    former = await play.code(TSUBAKI)
    index = (await order(land, TSUBAKI))["key_index"]
    await confirmed(land, TSUBAKI)
    assert await asked_with(play, former) == [None]
    assert (await order(land, TSUBAKI, retire=True))["status"] == 200
    found = await states(land, TSUBAKI)
    assert (found[index - 1], found[index]) == ("retired", "current")
    assert await asked_with(play, former) == [Reason.CODE_NOT_ISSUED]
    good(await land.ask(HANA.at(TSUBAKI)))
    assert (await order(land, TSUBAKI, retire=True))["trouble"] == "nothing-to-retire"


async def test_a_provider_is_found_by_both_codes_and_by_the_one_it_confirmed_afterwards(play: Play) -> None:
    """A permit that names the former code is used after the provider has the new one."""
    land = play.land
    before = await play.permitted()
    assert before.opening.value == (await play.code(AOBA)).value
    async with held_up(land) as go:
        assert (await order(land, AOBA))["status"] == 200
        good(await land.ask(HANA.at(TSUBAKI)))
        assert (await play.permitted()).opening.value == before.opening.value
        go.set()
        await confirmed(land, AOBA)
    after = await play.permitted()
    assert after.opening.value == (await play.code(AOBA)).value != before.opening.value
    (answer,) = await land.hand(play.core, play.other_interface, play.inquire_at(before).envelope)
    assert isinstance(answer.header, InquiryAccepted)
    assert outcomes(answer) == [None]
    good(await land.ask(HANA.at(TSUBAKI)))


async def test_who_is_linked_meanwhile_gets_the_next_key_at_once_and_who_is_unlinked_is_left_alone(play: Play) -> None:
    land = play.land
    kenji = await play.code(TSUBAKI, KENJI)
    read = play.parts(play.core).scheme.read_one
    query = "SELECT key_index, unlinked_at FROM link WHERE id_code = $1 AND organisation = $2"
    person = read(kenji, TSUBAKI).id_code.value, TSUBAKI.value
    async with land.service(play.core).node.database.acquire() as connection:
        await connection.execute(
            "UPDATE link SET unlinked_at = now() WHERE id_code = $1 AND organisation = $2", *person
        )
    before = await land.rows(play.core, query, *person)
    async with held_up(land):
        begun = await order(land, TSUBAKI)
        assert (await land.register(TSUBAKI, RAN.line(TSUBAKI))) == {RAN.at(TSUBAKI): "linked"}
        assert read(await play.code(TSUBAKI, RAN), TSUBAKI).key_index == begun["key_index"]
        refused = await order(land, TSUBAKI, retire=True)
        assert (refused["status"], refused["trouble"]) == (409, "people-left")
        assert refused["people"] == begun["people"]
    await confirmed(land, TSUBAKI)
    assert await play.code(TSUBAKI, KENJI) == kenji
    assert await land.rows(play.core, query, *person) == before


async def test_a_second_rotation_waits_for_the_first_and_only_the_cores_own_operators_order_one(play: Play) -> None:
    land = play.land
    assert (await order(land, PENSION))["status"] == 200
    again = await order(land, PENSION)
    assert (again["status"], again["trouble"]) == (409, "under-way")
    unknown = await order(land, "9999999999999999")
    assert (unknown["status"], unknown["trouble"]) == (404, "unknown-organisation")
    for stranger in (play.server, play.registry):
        refused = await order(land, TSUBAKI, by=stranger)
        assert (refused["status"], refused["type"]) == (403, "ROLE_NOT_ALLOWED")
    assert (await order(land, "Tsubaki"))["type"] == "BAD_FORMAT"
    await confirmed(land, PENSION)
    assert (await order(land, PENSION, retire=True))["status"] == 200


async def test_an_order_to_replace_codes_gives_nobody_the_code_of_another(play: Play) -> None:
    hana, sumi = await play.code(TSUBAKI, HANA), await play.code(TSUBAKI, SUMI)
    foreign = await play.code(AOBA)
    before = await play.land.rows(play.server, "SELECT addressee, link_code FROM person ORDER BY addressee")
    taken = await handed(play, [hana.value], [sumi.value])
    assert isinstance(taken.header, LinkCodeKept)
    assert taken.header.outcomes == (Reason.ALREADY_USED,)
    unknown = await handed(play, [foreign.value], [LinkCode.of_bytes(bytes(19)).value])
    assert isinstance(unknown.header, LinkCodeKept)
    assert unknown.header.outcomes == (Reason.CODE_NOT_ISSUED,)
    for former, fresh, count in (
        ([hana.value], [hana.value], None),
        ([hana.value, hana.value], [foreign.value, foreign.value], None),
        ([hana.value], [foreign.value], 2),
        (["hana"], [foreign.value], None),
    ):
        answer = await handed(play, former, fresh, count)
        assert answer.header.reason is Reason.BAD_FORMAT  # type: ignore[attr-defined]  # it is refused as a whole
    assert await play.land.rows(play.server, "SELECT addressee, link_code FROM person ORDER BY addressee") == before


async def test_what_staff_decides_after_the_codes_were_replaced_still_ends_well(play: Play) -> None:
    """Held back before, answered after: on both sides the codes are others by then."""
    land = play.land
    held = await land.ask(TARO.at(TSUBAKI))
    assert held.status == "pending"
    assert held.serial is not None
    for organisation in (TSUBAKI, AOBA):
        assert (await order(land, organisation, emergency=True))["status"] == 200
    for organisation in (TSUBAKI, AOBA):
        await confirmed(land, organisation)
    status, text = await land.desk(AOBA, "POST", f"held/{held.serial}/answer", staff="clerk-kikyou")
    assert status in {200, 204}, text

    async def answered() -> bool:
        assert held.serial is not None
        return (await land.read(held.serial)).status == "answered"

    await until(answered)


async def test_after_a_compromise_the_former_key_names_nobody_for_the_inquirer_from_the_first_moment(
    play: Play,
) -> None:
    land = play.land
    former = await play.code(TSUBAKI)
    async with held_up(land) as go:
        assert (await order(land, TSUBAKI, emergency=True))["status"] == 200
        assert await asked_with(play, former) == [Reason.SUSPENDED]
        assert (await land.ask(HANA.at(TSUBAKI))).reason == "SUSPENDED"
        repeated = await order(land, TSUBAKI, emergency=True)
        assert (repeated["status"], repeated["trouble"]) == (409, "emergency-under-way")
        go.set()
        await settled(land, TSUBAKI)
    good(await land.ask(HANA.at(TSUBAKI)))
    assert await asked_with(play, former) == [Reason.CODE_NOT_ISSUED]
    found = await keys(land, TSUBAKI)
    assert found[max(found) - 1]["compromised"]


async def test_after_a_compromise_at_the_provider_its_people_stay_reachable(play: Play) -> None:
    land = play.land
    async with held_up(land) as go:
        assert (await order(land, AOBA, emergency=True))["status"] == 200
        good(await land.ask(HANA.at(TSUBAKI)))
        go.set()
        await settled(land, AOBA)
    good(await land.ask(HANA.at(TSUBAKI)))


async def test_an_emergency_overtakes_a_routine_and_the_overtaken_codes_are_not_honoured_either(play: Play) -> None:
    land = play.land
    first = await play.code(TSUBAKI)
    async with held_up(land) as go:
        routine = (await order(land, TSUBAKI))["key_index"]
        await until(lambda: land.rows(play.core, "SELECT 1 FROM rotation_sent"))
        emergency = (await order(land, TSUBAKI, emergency=True))["key_index"]
        assert emergency == routine + 1
        go.set()
        await settled(land, TSUBAKI)
    found = await states(land, TSUBAKI)
    assert {index: state for index, state in found.items() if index >= routine - 1} == {
        routine - 1: "retired", routine: "retired", emergency: "current",
    }  # fmt: skip
    assert play.parts(play.core).scheme.read_one(await play.code(TSUBAKI), TSUBAKI).key_index == emergency
    assert await asked_with(play, first) == [Reason.CODE_NOT_ISSUED]
    good(await land.ask(HANA.at(TSUBAKI)))


async def test_former_codes_are_forgotten_after_thirty_days(play: Play) -> None:
    land = play.land
    assert timedelta(days=1) < FORMER_KEPT, "a permit of the bulk lane lives for a day"
    system = land.service(play.server).system
    await order(land, TSUBAKI)
    await confirmed(land, TSUBAKI)
    former = await land.rows(play.server, "SELECT 1 FROM former_code")
    assert former
    assert await system.in_bulk(forget, [None]) == [0]
    async with land.service(play.server).node.database.acquire() as connection:
        await connection.execute("UPDATE former_code SET replaced_at = replaced_at - $1::interval", FORMER_KEPT)
    assert await system.in_bulk(forget, [None]) == [len(former)]
    assert await land.rows(play.server, "SELECT 1 FROM former_code") == []
    good(await land.ask(HANA.at(TSUBAKI)))


async def settled(land: Land, organisation: OrganisationCode) -> None:
    """Wait until one key is in use and all others are retired."""

    async def one_left() -> bool:
        return [state for state in (await states(land, organisation)).values() if state != "retired"] == ["current"]

    await until(one_left)
