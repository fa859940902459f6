"""What happens at the register reaches the core as a change; the person is found by the new items from then on."""

from __future__ import annotations

import pytest

from nakadachi.kit.entropy import SeededEntropy
from nakadachi.neighbours.register import Done, apply_lines
from nakadachi.neighbours.registry import register_of
from nakadachi.neighbours.telling import Telling
from nakadachi.telegrams.link import ReportResidentChanges, ResidentChange
from nakadachi.terms import Role, japan_day
from tests.invented import TSUBAKI
from tests.story.people import HANA, RAN, SUMI, TARO
from tests.story.play import good
from tests.world import Land

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def report(land: Land, *lines: dict[str, str]) -> list[Done]:
    """Events at the register, applied, and told to the core."""
    service = land.service(land.name(Role.REGISTRY))
    node = service.node
    register = register_of(node.keys, SeededEntropy(3))
    now = node.author.clock.now()
    async with node.database.transaction() as connection:
        done = await apply_lines(register, connection, lines, now, japan_day(now))
    await Telling(service.system, register, 3600).turn()
    await land.quiet()
    return done


def line(event: str, kind: str, code: str, **says: str) -> dict[str, str]:
    return {"event": event, "kind": kind, "at": "2026-01-05", "code": code, **says}


def told(land: Land) -> list[tuple[ResidentChange, ...]]:
    return [one.header.changes for _, one, _ in land.tap.legs(ReportResidentChanges)]  # type: ignore[attr-defined]


async def test_a_death_at_the_register_suspends_and_its_undoing_resumes(land: Land) -> None:
    good(await land.ask(HANA.at(TSUBAKI)))
    assert [one.state for one in await report(land, line("1", "death", HANA.code))] == ["applied"]
    assert (await land.ask(HANA.at(TSUBAKI))).reason == "SUSPENDED"
    await report(land, line("2", "death-undone", HANA.code))
    good(await land.ask(HANA.at(TSUBAKI)))
    assert told(land)[-2:] == [(ResidentChange.DEATH,), (ResidentChange.DEATH_UNDONE,)]


async def test_what_is_reported_again_is_told_to_nobody_again(land: Land) -> None:
    before = len(told(land))
    assert [one.state for one in await report(land, line("1", "death", HANA.code))] == ["known"]
    assert len(told(land)) == before
    good(await land.ask(HANA.at(TSUBAKI)))


async def test_several_changes_go_in_one_telegram_that_says_no_item(land: Land) -> None:
    moves = [
        line(f"m{place}", "move", one.code, address="見本県見本市柳町99番") for place, one in enumerate((SUMI, TARO))
    ]
    await report(land, *moves)
    assert told(land)[-1] == (ResidentChange.ITEMS, ResidentChange.ITEMS)
    flight, received, _ = land.tap.legs(ReportResidentChanges)[-1]
    assert flight
    assert "柳町".encode() not in b"".join(part or b"" for part in received.envelope.parts)


async def test_under_a_new_record_code_the_person_and_their_link_stay(land: Land) -> None:
    new = "24727059608"
    assert [one.state for one in await report(land, line("c1", "code", HANA.code, new_code=new))] == ["applied"]
    good(await land.ask(HANA.at(TSUBAKI)))
    await report(land, line("c2", "death", new))
    assert (await land.ask(HANA.at(TSUBAKI))).reason == "SUSPENDED"
    await report(land, line("c3", "death-undone", new))
    good(await land.ask(HANA.at(TSUBAKI)))


async def test_a_former_number_links_nobody_and_the_items_after_a_move_do(land: Land) -> None:
    await report(
        land, line("n1", "number", RAN.code), line("n2", "move", RAN.code, address="見本県見本市柳町三丁目4番")
    )
    by_number = await land.register(TSUBAKI, RAN.line(TSUBAKI, name="見本 違", born="1901-01-01"))
    assert by_number == {RAN.at(TSUBAKI): "NOT_REGISTERED"}
    moved = await land.register(TSUBAKI, RAN.line(TSUBAKI, number="", address="見本県見本市柳町3-4"))
    assert moved == {RAN.at(TSUBAKI): "linked"}


async def test_nothing_of_a_person_at_the_register_is_in_a_log(land: Land) -> None:
    registry = land.name(Role.REGISTRY)
    rows = await land.rows(registry, "SELECT number FROM number_given UNION SELECT code FROM code_given")
    logged = land.log.getvalue().decode()
    assert not [row for row in rows if row["number"] in logged]
    assert "柳町" not in logged
