"""Which pages the Commission has, who sees them, and how far a list reaches."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nakadachi.commission import store, view_store
from nakadachi.commission.pages import PAGES
from nakadachi.commission.pages.findings import cursor
from nakadachi.commission.pages.overview import per_hour
from nakadachi.commission.pages.parts import ROLES, STAFF, WATCHERS
from nakadachi.commission.service import SCHEMAS
from nakadachi.commission.view_store import Wanted, name_of
from nakadachi.kit.database import Database
from nakadachi.kit.migrations import migrate, read_migrations
from nakadachi.kit.web import operation_pages, user_pages
from nakadachi.refusal import Reason
from nakadachi.telegrams.oversight import Finding, FindingKind
from nakadachi.terms import NodeName, Serial, crockford
from tests.e2e.test_pages_in_a_browser import KEPT, SEEN

NOON = datetime(2026, 11, 29, 3, tzinfo=UTC)
CORE, IF_A, IF_B = (
    NodeName("core:9910000000000001"),
    NodeName("interface:9901000000000001"),
    NodeName("interface:9902000000000002"),
)
ASKER = "9901000000000001"


@pytest.fixture
async def database(tenant_dsn):
    one = await Database.open(tenant_dsn, max_size=2)
    await migrate(one, *(read_migrations(package, part=part, folder=folder) for package, part, folder in SCHEMAS))
    yield one
    await one.close()


def serial(number):
    return Serial(f"{ASKER}-{crockford(number, length=26)}")


def test_who_administers_users_sees_no_evidence_and_who_sees_evidence_administers_nobody():
    assert STAFF.administrators.isdisjoint(WATCHERS)
    assert STAFF.auditors <= WATCHERS
    assert STAFF.administrators | WATCHERS == set(ROLES)
    assert {one.name for one in PAGES if one.seen_by != WATCHERS} == set()


def test_only_what_shows_counts_alone_goes_without_a_row_in_the_log():
    assert [one.name for one in PAGES if one.live or not one.logged] == ["overview-live"]


def test_a_browser_looks_at_every_page():
    pages = (*PAGES, *user_pages.pages(STAFF.administrators), *operation_pages.pages(STAFF.auditors))
    wanted = {one.path.replace("{name}", "mori") for one in pages if not one.live}
    assert wanted <= {*SEEN, *KEPT}


async def test_a_list_of_findings_goes_through_all_of_them_once_also_within_one_moment(database):
    async with database.transaction() as connection:
        for number in range(23):
            one = Finding(kind=FindingKind.PERMIT_REUSED, at=NOON, serial=serial(number + 1), about=CORE)
            await store.keep_findings(connection, IF_A, [one], NOON + timedelta(seconds=number // 10))
        seen, before = [], None
        while found := await view_store.findings(connection, Wanted(), before=before, most=4):
            seen += [name_of(one) for one in found]
            before = (found[-1].kept_at, name_of(found[-1]))
    assert len(seen) == len(set(seen)) == 23
    assert all(
        f"PERMIT_REUSED|{serial(number + 1).value}" in name
        for number, name in zip(range(22, 19, -1), seen, strict=False)
    )


@given(
    st.one_of(
        st.text(max_size=40),
        st.datetimes().map(str),
        st.sampled_from(["0001-01-01T00:00+14:00", "9999-12-31T23:59-12:00"]),
    )
)
def test_any_text_is_a_place_in_a_list_or_its_beginning(text):
    place = cursor({"at": text, "name": "x"})
    assert place is None or place[0].tzinfo is UTC


async def test_findings_are_found_by_kind_and_by_part_of_a_name(database):
    async with database.transaction() as connection:
        one = Finding(kind=FindingKind.HEAD_FORKED, at=NOON, about=CORE)
        other = Finding(kind=FindingKind.LAW_DIFFERS, at=NOON, about=IF_B)
        await store.keep_findings(connection, IF_A, [one, other], NOON)
        kinds = []
        for wanted in (Wanted("HEAD_FORKED"), Wanted(node="9902"), Wanted(node="interface:9901"), Wanted(node="%")):
            found = await view_store.findings(connection, wanted, before=None, most=9)
            kinds.append(sorted(each.finding.kind.value for each in found))
        day = found_day = (await view_store.findings(connection, Wanted(), before=None, most=1))[0].day
        named = await view_store.finding(connection, (IF_A.value, "HEAD_FORKED", "", CORE.value, found_day))
        nothing = await view_store.finding(connection, (IF_B.value, "HEAD_FORKED", "", CORE.value, day))
    assert kinds == [["HEAD_FORKED"], ["LAW_DIFFERS"], ["HEAD_FORKED", "LAW_DIFFERS"], []]
    assert named.finding == one
    assert nothing is None


async def test_a_list_of_refusals_goes_through_all_of_them_and_counts_by_the_hour(database):
    async with database.transaction() as connection:
        for number in range(9):
            await connection.execute(
                "INSERT INTO refused_inquiry VALUES ($1, $2, $2, 'JM99000000940000', $3, 'p', $4)",
                serial(number + 1).value,
                ASKER,
                (Reason.NOT_IN_TABLE if number % 3 else Reason.NO_ASSESSMENT).value,
                NOON - timedelta(minutes=20 * number),
            )
        seen, before = [], None
        while found := await view_store.refusals(connection, reason="", before=before, most=2):
            seen += [one.serial for one in found]
            before = (found[-1].refused_at, found[-1].serial.value)
        some = await view_store.refusals(connection, reason="NO_ASSESSMENT", before=None, most=9)
        counts = await view_store.refusals_per_hour(connection, NOON - timedelta(hours=23))
    assert seen == [serial(number + 1) for number in range(9)]
    assert len(some) == 3
    series = per_hour(counts, NOON)
    assert [count for _, count in series.bars][-4:] == [2, 3, 3, 1]
    assert (len(series.bars), series.most, series.bars[-1][0]) == (24, 3, "12:00")
