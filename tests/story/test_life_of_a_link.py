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
from tests.story.people import HANA, RAN, SUMI, VALUES, KENJI
from tests.story.play import Play, good, refused
from tests.story.registrar import id_code
from tests.world import Land, reason_of

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def change(
    land: Land, organisation: OrganisationCode, what: str, *people: Person, days: int = 0
) -> list[str]:
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
