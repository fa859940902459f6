"""What the registry organisation says of residents: deaths, changed record codes, and everything else (C8, C17)."""

from __future__ import annotations

import pytest

from nakadachi.refusal import Reason
from nakadachi.telegrams.link import ResidentChange
from nakadachi.telegrams.oversight import ReportFinding
from nakadachi.terms import Role
from tests.invented import PENSION, TSUBAKI
from tests.story.people import HANA, SUMI, TARO
from tests.story.play import good
from tests.story.registrar import changed, id_code, report
from tests.world import Land, reason_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

NEW, NEWER = "83000000001", "83000000002"


async def test_who_died_is_suspended_everywhere_until_that_is_undone(land: Land) -> None:
    good(await land.ask(HANA.at(TSUBAKI)))
    for _ in range(2):
        await changed(land, ResidentChange.DEATH, HANA.code)
        assert (await land.ask(HANA.at(TSUBAKI))).reason == "SUSPENDED"
    await changed(land, ResidentChange.DEATH_UNDONE, HANA.code)
    good(await land.ask(HANA.at(TSUBAKI)))


async def test_a_move_or_another_name_changes_nothing_at_the_core(land: Land) -> None:
    await land.quiet()
    before = await land.state(land.name(Role.CORE))
    await changed(land, ResidentChange.ITEMS, HANA.code)
    after = await land.state(land.name(Role.CORE))
    assert {table for table in after if after[table] != before[table]} == {"inbox"}


async def test_under_a_changed_record_code_a_person_is_the_same_and_stays_so_when_it_changes_again(land: Land) -> None:
    core = land.name(Role.CORE)
    links = await land.rows(core, "SELECT * FROM link ORDER BY id_code, organisation")
    await changed(land, ResidentChange.CODE, HANA.code, NEW)
    await changed(land, ResidentChange.CODE, HANA.code, NEW)
    await changed(land, ResidentChange.CODE, NEW, NEWER)
    kept = await land.rows(core, "SELECT id_code, stands FROM alias ORDER BY told_at")
    assert kept == [{"id_code": id_code(land, one), "stands": id_code(land, HANA.code)} for one in (NEW, NEWER)]
    assert await land.rows(core, "SELECT * FROM link ORDER BY id_code, organisation") == links
    good(await land.ask(HANA.at(TSUBAKI)))
    await changed(land, ResidentChange.DEATH, NEWER)
    assert (await land.ask(HANA.at(TSUBAKI))).reason == "SUSPENDED"
    await changed(land, ResidentChange.DEATH_UNDONE, NEW)
    good(await land.ask(HANA.at(TSUBAKI)))


async def test_a_record_code_of_somebody_else_is_passed_over_and_the_commission_is_told(land: Land) -> None:
    core, commission = land.name(Role.CORE), land.name(Role.COMMISSION)
    before = await land.rows(core, "SELECT * FROM alias")
    await changed(land, ResidentChange.CODE, TARO.code, SUMI.code)
    await land.quiet()
    assert await land.rows(core, "SELECT * FROM alias") == before
    assert [one.header.findings[0].kind for _, one, _ in land.tap.legs(ReportFinding)] == ["RECORD_CODE_TAKEN"]  # type: ignore[attr-defined]
    assert await land.rows(commission, "SELECT kind, reporter FROM finding") == [
        {"kind": "RECORD_CODE_TAKEN", "reporter": core.value}
    ]


@pytest.mark.parametrize(
    ("codes", "renamed"),
    [([], [""]), ([HANA.code], []), (["123"], [""]), ([HANA.code], [NEW]), ([HANA.code, SUMI.code], ["", ""])],
    ids=["no-code", "no-new", "no-form", "new-code-of-a-move", "one-too-many"],
)
async def test_a_report_that_does_not_fit_is_refused_as_a_whole(
    land: Land, codes: list[str], renamed: list[str]
) -> None:
    assert reason_of(await report(land, [ResidentChange.ITEMS], codes, renamed)) is Reason.BAD_FORMAT


async def test_only_the_registry_organisation_reports_residents(land: Land) -> None:
    other = land.name(Role.INTERFACE, PENSION)
    answer = await report(land, [ResidentChange.DEATH], [HANA.code], [""], author=other)
    assert reason_of(answer) is Reason.ROLE_NOT_ALLOWED
