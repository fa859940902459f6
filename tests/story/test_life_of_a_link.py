"""One link from its beginning to its end and over again: suspended, resumed, unlinked, linked anew (C3, C8)."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from nakadachi.kit.author import Enclosure
from nakadachi.refusal import Reason
from nakadachi.telegrams.codec import encode_json
from nakadachi.telegrams.link import ChangeLinks, LinkChange, LinksChanged
from nakadachi.terms import JAPAN, OrganisationCode, Role, japan_day
from tests.invented import AOBA, PENSION, TSUBAKI, Person
from tests.lines import csv_of
from tests.story.people import HANA, KENJI, RAN, SUMI, VALUES
from tests.story.play import Play, good, refused
from tests.story.registrar import id_code
from tests.world import Land, reason_of

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def change(land: Land, organisation: OrganisationCode, what: str, *people: Person, days: int = 0) -> list[str]:
    """What the desk is told of each person when it changes their links from so many days from today on."""
    on = (japan_day(land.clock.now()) + timedelta(days=days)).isoformat()
    body = csv_of([(one.at(organisation),) for one in people])
    status, text = await land.desk(organisation, "POST", "links/change", body, change=what, on=on)
    assert status == 200, text
    return [one["outcome"] for one in json.loads(text)["lines"]]


async def states(land: Land, organisation: OrganisationCode, *people: Person) -> list[dict[str, str]]:
    body = csv_of([(one.at(organisation),) for one in people])
    status, text = await land.desk(organisation, "POST", "links/state", body)
    assert status == 200, text
    found: list[dict[str, str]] = json.loads(text)
    return found


async def relink(land: Land, organisation: OrganisationCode, person: Person) -> str:
    return (await land.register(organisation, person.line(organisation)))[person.at(organisation)]


async def test_a_suspended_person_is_no_subject_of_an_inquiry_at_either_end_until_resumed(land: Land) -> None:
    for organisation in (TSUBAKI, AOBA):
        assert await change(land, organisation, "suspend", HANA) == ["done"]
        assert await change(land, organisation, "suspend", HANA) == ["done"]
        assert (await land.ask(HANA.at(TSUBAKI))).reason == "SUSPENDED"
        assert [one["state"] for one in await states(land, organisation, HANA)] == ["suspended"]
        assert await change(land, organisation, "resume", HANA) == ["done"]
        good(await land.ask(HANA.at(TSUBAKI)))


async def test_the_intermediate_servers_own_state_stops_it_before_the_core_is_asked(land: Land) -> None:
    server, core = land.name(Role.INTERMEDIATE, TSUBAKI), land.name(Role.CORE)
    await change(land, TSUBAKI, "suspend", HANA)
    before = await land.rows(core, "SELECT count(*) FROM exchange")
    told = await land.ask(HANA.at(TSUBAKI))
    assert told.serial is not None
    assert await land.rows(core, "SELECT count(*) FROM exchange") == before
    assert await land.rows(server, "SELECT reason FROM record WHERE serial = $1", told.serial.value) == [
        {"reason": "SUSPENDED"}
    ]
    await change(land, TSUBAKI, "resume", HANA)


async def test_who_was_unlinked_and_linked_again_has_a_new_code_and_the_old_one_is_dead(land: Land) -> None:
    play, core = Play(land), land.name(Role.CORE)
    old = await play.code(TSUBAKI, HANA)
    assert await change(land, TSUBAKI, "unlink", HANA) == ["done"]
    assert await change(land, TSUBAKI, "unlink", HANA) == ["done"]
    assert (await land.ask(HANA.at(TSUBAKI))).reason == "CODE_NOT_ISSUED"
    assert await change(land, TSUBAKI, "suspend", HANA) == ["CODE_NOT_ISSUED"]
    assert await change(land, TSUBAKI, "resume", HANA) == ["CODE_NOT_ISSUED"]
    assert await relink(land, TSUBAKI, HANA) == "linked"
    new = await play.code(TSUBAKI, HANA)
    assert new != old
    good(await land.ask(HANA.at(TSUBAKI)))
    # A server that still used the old code would be refused by the core.
    serial = await play.serial()
    await play.check_prefix(serial)
    (answer,) = await land.hand(play.server, play.interface, play.request_permit(serial, old).envelope)
    assert [one.refused for one in answer.header.outcomes] == [Reason.CODE_NOT_ISSUED]  # type: ignore[attr-defined]
    closed = await land.rows(core, "SELECT id_code, organisation, generation, linked_at, unlinked_at FROM link_history")
    assert [(one["id_code"], one["organisation"], one["generation"]) for one in closed] == [
        (id_code(land, HANA.code), TSUBAKI.value, 1)
    ]
    now = await land.rows(
        core, "SELECT generation, unlinked_at FROM link WHERE id_code = $1 AND organisation = $2",
        id_code(land, HANA.code), TSUBAKI.value,
    )  # fmt: skip
    assert now == [{"generation": 2, "unlinked_at": None}]


async def test_a_provider_that_unlinked_a_person_is_no_provider_of_them_until_it_links_them_again(land: Land) -> None:
    assert await change(land, AOBA, "unlink", HANA) == ["done"]
    assert (await land.ask(HANA.at(TSUBAKI))).reason == "NOT_LINKED_AT_PROVIDER"
    (state,) = await states(land, AOBA, HANA)
    today = japan_day(land.clock.now()).isoformat()
    assert (state["state"], state["unlinked"], state["suspended"]) == ("unlinked", today, "")
    assert await relink(land, AOBA, HANA) == "linked"
    good(await land.ask(HANA.at(TSUBAKI)))


async def test_what_was_permitted_before_ends_at_a_provider_that_unlinked_the_person_meanwhile(land: Land) -> None:
    play = Play(land)
    for what, reason in (("suspend", Reason.SUSPENDED), ("unlink", Reason.NOT_LINKED_AT_PROVIDER)):
        one = await play.permitted(HANA)
        await change(land, AOBA, what, HANA)
        (answer,) = await land.hand(play.server, play.interface, play.inquire(one).envelope)
        assert [each.refused for each in answer.header.outcomes] == [reason]  # type: ignore[attr-defined]
        await land.quiet()
        (ended,) = await land.rows(play.core, "SELECT ending FROM exchange WHERE serial = $1", one.serial.value)
        assert ended["ending"] == "refused"
        await change(land, AOBA, "resume", HANA)
    assert await relink(land, AOBA, HANA) == "linked"
    good(await land.ask(HANA.at(TSUBAKI)))


async def test_a_change_dated_ahead_takes_effect_on_its_day_in_japan(land: Land) -> None:
    assert await change(land, TSUBAKI, "suspend", HANA, days=2) == ["done"]
    assert await change(land, TSUBAKI, "resume", HANA, days=4) == ["done"]
    good(await land.ask(HANA.at(TSUBAKI)))
    midnight = land.clock.now().astimezone(JAPAN).replace(hour=0, minute=0, second=0, microsecond=0)
    began = land.clock.now()
    try:
        for day, wanted in ((2, "SUSPENDED"), (4, "")):
            land.clock.ahead = midnight + timedelta(days=day) - began - timedelta(seconds=30)
            before = (await states(land, TSUBAKI, HANA))[0]["state"]
            land.clock.ahead += timedelta(seconds=60)
            (state,) = await states(land, TSUBAKI, HANA)
            assert [before, state["state"]] == (["linked", "suspended"] if wanted else ["suspended", "linked"])
        assert state["resumed"] == japan_day(midnight + timedelta(days=4)).isoformat()
    finally:
        land.clock.ahead = timedelta(0)
    assert await change(land, TSUBAKI, "resume", HANA) == ["done"]
    assert (await states(land, TSUBAKI, HANA))[0]["suspended"] == ""


async def test_each_person_of_a_list_gets_an_answer_of_their_own(land: Land) -> None:
    today = japan_day(land.clock.now()).isoformat()
    people = csv_of([(SUMI.at(TSUBAKI),), (RAN.at(TSUBAKI),), ("499999999999",)])
    status, text = await land.desk(TSUBAKI, "POST", "links/change", people, change="suspend", on=today)
    assert status == 200, text
    assert [one["outcome"] for one in json.loads(text)["lines"]] == ["done", "CODE_NOT_ISSUED", "UNKNOWN_ADDRESSEE"]
    assert await change(land, TSUBAKI, "unlink", SUMI, days=-400) == ["OUT_OF_TURN"]
    assert [one["state"] for one in await states(land, TSUBAKI, SUMI, RAN)] == ["suspended", "none"]
    status, text = await land.desk(TSUBAKI, "GET", "links")
    assert SUMI.at(TSUBAKI) in {one["addressee"][-len(SUMI.at(TSUBAKI)) :] for one in json.loads(text)}
    assert await change(land, TSUBAKI, "resume", SUMI) == ["done"]


async def test_the_last_generation_is_not_unlinked_since_no_other_could_follow(land: Land) -> None:
    core, server = land.name(Role.CORE), land.name(Role.INTERMEDIATE, PENSION)
    scheme = land.service(core).system.parts.scheme
    person, play = id_code(land, HANA.code), Play(land)
    async with land.service(core).node.database.transaction() as connection:
        await connection.execute(
            "UPDATE link SET generation = 255 WHERE id_code = $1 AND organisation = $2", person, PENSION.value
        )
    async with land.service(core).node.database.transaction() as connection:
        (read,) = await scheme.read(connection, [(PENSION, await play.code(PENSION))])
        (code,) = await scheme.issue(connection, [read._replace(generation=255)])
    async with land.service(server).node.database.transaction() as connection:
        await connection.execute("UPDATE person SET link_code = $1", code.value)
    assert await change(land, PENSION, "unlink", HANA) == ["ALREADY_USED"]
    assert await change(land, PENSION, "suspend", HANA) == ["done"]
    assert await change(land, PENSION, "resume", HANA) == ["done"]


@pytest.mark.parametrize(
    ("query", "body"),
    [
        ({"change": "forget", "on": "2026-04-01"}, b"1\r\n"),
        ({"on": "2026-04-01"}, b"1\r\n"),
        ({"change": "unlink", "on": "2026-02-30"}, b"1\r\n"),
    ],
    ids=["unknown-change", "no-change", "no-day"],
)
async def test_a_request_that_says_no_change_or_no_day_is_refused(
    land: Land, query: dict[str, str], body: bytes
) -> None:
    status, text = await land.desk(TSUBAKI, "POST", "links/change", body, **query)
    assert (status, json.loads(text)["type"]) == (400, "BAD_FORMAT")


async def test_a_list_with_wrong_lines_changes_nothing_and_says_where(land: Land) -> None:
    body = csv_of([(HANA.at(TSUBAKI),), ("x",), (HANA.at(TSUBAKI),)])
    status, text = await land.desk(TSUBAKI, "POST", "links/change", body, change="unlink")
    assert status == 422
    assert [one["line"] for one in json.loads(text)["rejects"]] == [2, 3]
    good(await land.ask(HANA.at(TSUBAKI)))


async def test_an_organisation_changes_no_link_of_another_and_no_list_of_another_length_passes(land: Land) -> None:
    play = Play(land)
    foreign, own = await play.code(AOBA, HANA), await play.code(TSUBAKI, HANA)
    today = japan_day(land.clock.now())

    def telegram(codes: list[str], count: int):  # type: ignore[no-untyped-def]
        part = Enclosure("link codes", encode_json(codes), personal=True)
        fields = {"count": count, "change": LinkChange.UNLINK, "on": today}
        return play.write(play.server, ChangeLinks, play.core, parts=[part], **fields)

    forged = telegram([foreign.value, "no code", own.value[:-1] + ("0" if own.value[-1] != "0" else "1")], 3)
    (answer,) = await land.hand(play.server, play.interface, forged.envelope)
    assert isinstance(answer.header, LinksChanged)
    assert answer.header.outcomes == (Reason.CODE_NOT_ISSUED,) * 3
    assert await refused(play, play.server, play.interface, telegram([own.value], 2).envelope) is Reason.BAD_FORMAT
    good(await land.ask(HANA.at(TSUBAKI)))


async def test_the_state_of_a_link_is_changed_by_servers_only(land: Land) -> None:
    play = Play(land)
    part = Enclosure("link codes", encode_json([]), personal=True)
    fields = {"count": 0, "change": LinkChange.UNLINK, "on": japan_day(land.clock.now())}
    telegram = play.write(play.interface, ChangeLinks, play.core, parts=[part], **fields)
    (answer,) = await land.hand(play.interface, play.core, telegram.envelope)
    assert reason_of(answer) is Reason.ROLE_NOT_ALLOWED


async def test_what_happened_to_links_harmed_nobody_else(land: Land) -> None:
    assert (await land.ask(KENJI.at(TSUBAKI))).reason == "NOT_LINKED_AT_PROVIDER"
    assert (await land.ask(HANA.at(TSUBAKI))).items.keys() == VALUES.keys()
    assert "telegram.failed" not in land.log.getvalue().decode()
