"""How a country fares: each system's own word, what the core was told, and what is said of one that is not well."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from nakadachi.country.overview import Row, ask_core, ask_each, complaints
from nakadachi.health.reporter import Reporter
from nakadachi.kit.client import Unreachable
from nakadachi.kit.kernel_clock import KernelClock
from nakadachi.kit.postgres import PostgresServer
from nakadachi.kit.tls import client_context
from nakadachi.telegrams.envelope import Received
from nakadachi.telegrams.inquiry import Noted
from nakadachi.telegrams.oversight import Check, Operation, ReportOperation
from nakadachi.terms import NodeName, Role
from tests.faring import told
from tests.invented import AOBA, TSUBAKI
from tests.world import Land, a_country, reason_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

SYNCHRONISED = KernelClock(synchronised=True, offset_seconds=0.0, error_seconds=0.001)
PERIOD = timedelta(minutes=5)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def well(postgres: PostgresServer, open_directory: Path) -> AsyncIterator[Land]:
    """A country whose clocks are kept right."""
    async with a_country(postgres, open_directory, ()) as land:
        for service in land.country.services.values():
            service.node.health.kernel = lambda: SYNCHRONISED
        yield land


@pytest_asyncio.fixture(loop_scope="module")
async def land(well: Land) -> AsyncIterator[Land]:
    """The same country; whatever a story did to its clock is undone, and everybody has said anew that they run."""
    for service in well.country.services.values():
        service.node.health.kernel = lambda: SYNCHRONISED
    yield well
    well.clock.ahead = timedelta(0)


def context(land: Land) -> Any:
    folder = land.country.folder / land.plan.of(Role.CORE).folder
    return client_context(folder / "tls.crt", folder / "tls.key", land.country.folder / "authority.crt")


async def each(land: Land) -> list[Row]:
    """Every system's own word."""
    return await ask_each(context(land), land.plan, land.clock)


async def by_the_core(land: Land) -> dict[str, Row]:
    """What all told the core."""
    rows = await ask_core(context(land), land.plan.of(Role.CORE), land.clock)
    return {row["node"]: row for row in rows}


def wrong(rows: list[Row]) -> dict[str, list[str]]:
    """What is said of systems in English."""
    found: dict[str, list[str]] = {}
    for one in complaints(rows):
        found.setdefault(one.node, []).append(f"{'wrong' if one.wrong else 'watch'}: {one.english}")
    return found


async def say(land: Land, name: NodeName) -> None:
    """A system says now that it runs."""
    service = land.service(name)
    await Reporter(service.system, service.node.health, PERIOD).say()


async def plain_word(
    land: Land, name: NodeName, to: NodeName, operation: Operation, by: NodeName, *, ahead: timedelta = timedelta(0)
) -> Received:
    """A word without a condition, as a system of an older version writes it, handed over by `by`: its answer."""
    words = {"at": land.clock.now() + ahead, "software": "0.1.0", "lawbook": 1, "directory": 1}
    telegram = land.author(name).write(ReportOperation, to=to, operation=operation, **words)
    (answer,) = await land.hand(by, to, telegram.envelope)
    return answer


async def restart(land: Land, name: NodeName) -> None:
    """A stopped system is started again, and says so."""
    service = await land.country.start_one(land.plan.place(name), land.world)
    service.node.health.kernel = lambda: SYNCHRONISED
    await service.announce()


async def test_a_country_that_fares_well_has_nothing_to_complain_of(land: Land) -> None:
    await land.quiet(cosigned=True)
    rows = await each(land)
    assert [row["node"] for row in rows] == [place.name.value for place in land.plan.places]
    assert {row["state"] for row in rows} == {"running"}
    assert all(row["ready"] for row in rows)
    assert complaints(rows) == []
    assert {one["check"] for row in rows for one in row["checks"]} == {check.value for check in Check}
    for row in rows:
        assert abs(row["clock_offset_seconds"]) <= row["clock_offset_within_seconds"] + 0.5
    core = next(row for row in rows if row["node"].startswith("core"))
    assert core["cosigned_size"] == core["log_size"]
    assert core["cosigned_at"]


async def test_every_system_told_the_core_that_it_started_and_how_it_fares(land: Land) -> None:
    await land.quiet()
    rows = await by_the_core(land)
    assert set(rows) == {place.name.value for place in land.plan.places}
    assert {row["state"] for row in rows.values()} == {"running"}
    for name, row in rows.items():
        if not name.startswith("core"):
            assert row["certificate_days"] in range(380, 401)
            assert row["said_seconds"] < 60
            assert row["ready"]


async def test_the_word_that_a_system_runs_leaves_nothing_to_be_sent(land: Land) -> None:
    for name in land.country.services:
        if name.role is not Role.CORE:
            await say(land, name)
    legs = [leg for leg in land.tap.legs(ReportOperation) if leg[1].header.operation is Operation.RUNNING]
    assert {asked.header.author.role for _, asked, _ in legs} == set(Role) - {Role.CORE, Role.PORTAL}
    assert {type(answer.header) for _, _, answer in legs} == {Noted}
    await land.quiet()


async def test_a_word_that_nobody_takes_is_not_kept(land: Land) -> None:
    interface = land.service(land.name(Role.INTERFACE, TSUBAKI))
    before = await land.rows(interface.node.config.name, "SELECT id FROM outbox")
    place = land.plan.of(Role.CORE)
    await land.country.stop_one(place.name)
    with pytest.raises(Unreachable):
        await say(land, interface.node.config.name)
    assert await land.rows(interface.node.config.name, "SELECT id FROM outbox") == before
    await restart(land, place.name)
    await say(land, interface.node.config.name)


async def test_a_certificate_that_ends_soon_is_to_be_watched_and_one_that_ended_is_wrong(land: Land) -> None:
    name = land.name(Role.INTERMEDIATE, AOBA)
    health = land.service(name).node.health
    until = health.certificate_until
    try:
        health.certificate_until = land.clock.now() + timedelta(days=12, hours=1)
        (said,) = wrong(await each(land))[name.value]
        assert said.startswith("watch: certificate: 12 days left")
        assert (await told(land, name, "/readyz"))[0] == 200
        await say(land, name)
        row = (await by_the_core(land))[name.value]
        assert (row["certificate_days"], row["warnings"]) == (12, ["certificate"])
        health.certificate_until = land.clock.now() - timedelta(hours=1)
        (said,) = wrong(await each(land))[name.value]
        assert said.startswith("wrong: certificate: ended on")
        status, body = await told(land, name, "/readyz")
        assert (status, json.loads(body)["ready"]) == (503, False)
    finally:
        health.certificate_until = until
        await say(land, name)


async def test_a_clock_that_nothing_keeps_right_is_seen_from_the_core(land: Land) -> None:
    name = land.name(Role.INTERFACE, AOBA)
    land.service(name).node.health.kernel = lambda: KernelClock(
        synchronised=False, offset_seconds=0.0, error_seconds=16.0
    )
    assert wrong(await each(land)) == {
        name.value: ["watch: clock: not synchronised: run an NTP client (such as chrony)"]
    }
    await say(land, name)
    row = (await by_the_core(land))[name.value]
    assert (row["clock_synchronised"], row["clock_error_seconds"], row["warnings"]) == (False, 16.0, ["clock"])
    land.service(name).node.health.kernel = lambda: SYNCHRONISED
    await say(land, name)


@pytest.mark.parametrize(("seconds", "how"), [(3, "watch"), (-60, "wrong")])
async def test_a_clock_that_differs_from_the_askers_is_measured(land: Land, seconds: int, how: str) -> None:
    name = land.name(Role.REGISTRY)
    health = land.service(name).node.health
    kept = health.clock

    class Astray:
        def now(self) -> Any:
            return kept.now() + timedelta(seconds=seconds)

    health.clock = Astray()
    try:
        rows = await each(land)
    finally:
        health.clock = kept
    row = next(row for row in rows if row["node"] == name.value)
    assert row["clock_offset_seconds"] == pytest.approx(seconds, abs=0.9)
    (said,) = wrong(rows)[name.value]
    assert said.startswith(f"{how}: its clock differs from this machine's by {row['clock_offset_seconds']:+.1f} s")


async def test_a_stopped_system_is_said_to_be_stopped_by_itself_and_by_the_core(land: Land) -> None:
    name = land.name(Role.INTERMEDIATE, TSUBAKI)
    await land.country.stop_one(name)
    row = next(row for row in await each(land) if row["node"] == name.value)
    assert (row["state"], row["why"]) == ("stopped", "nothing listens there")
    assert wrong([row]) == {name.value: ["wrong: is stopped: start it"]}
    assert (await by_the_core(land))[name.value]["state"] == "stopped"
    await restart(land, name)
    await land.quiet()
    assert (await by_the_core(land))[name.value]["state"] == "running"


async def test_an_interface_system_tells_its_own_server_that_it_stopped_and_started(land: Land) -> None:
    name, server = land.name(Role.INTERFACE, TSUBAKI), land.name(Role.INTERMEDIATE, TSUBAKI)
    assert (await land.status(server))["interface"]["operation"] == "started"
    await land.country.stop_one(name)
    for _ in range(500):
        if (await land.status(server))["interface"]["operation"] == "stopped":
            break
        await asyncio.sleep(0.02)
    assert (await land.status(server))["interface"]["operation"] == "stopped"
    other = land.name(Role.INTERMEDIATE, AOBA)
    assert (await land.status(other))["interface"]["operation"] == "started"
    await restart(land, name)
    await land.quiet()
    assert (await land.status(server))["interface"]["operation"] == "started"


async def test_a_word_from_the_future_does_not_drown_those_that_follow(land: Land) -> None:
    """A clock that was ahead and is right again: otherwise the system would count as silent until that time."""
    name, core = land.name(Role.REGISTRY), land.name(Role.CORE)
    await plain_word(land, name, core, Operation.STOPPED, name, ahead=timedelta(days=9))
    assert (await by_the_core(land))[name.value]["state"] == "stopped"
    await say(land, name)
    assert (await by_the_core(land))[name.value]["state"] == "running"


async def test_one_that_says_nothing_for_three_periods_is_silent(land: Land) -> None:
    name = land.name(Role.INTERMEDIATE, AOBA)
    land.clock.ahead = 3 * PERIOD - timedelta(seconds=60)
    assert (await by_the_core(land))[name.value]["state"] == "running"
    land.clock.ahead = 3 * PERIOD + timedelta(seconds=60)
    for other in land.country.services:
        if other not in {name, land.name(Role.CORE)}:
            await say(land, other)
    rows = await by_the_core(land)
    assert {node: row["state"] for node, row in rows.items() if row["state"] != "running"} == {name.value: "silent"}
    assert [one.wrong for one in complaints([rows[name.value]])] == [True]


async def test_a_system_that_never_said_anything_is_told_of_as_unknown(land: Land) -> None:
    name, core = land.name(Role.INTERFACE, AOBA), land.name(Role.CORE)
    async with land.service(core).node.database.transaction() as connection:
        await connection.execute("DELETE FROM operation WHERE node = $1", name.value)
    row = (await by_the_core(land))[name.value]
    assert row == {"node": name.value, "state": "unknown"}
    assert wrong([row]) == {name.value: ["wrong: has never said that it runs: start it"]}
    await say(land, name)


async def test_a_word_without_a_condition_is_taken_and_never_counts_as_silent(land: Land) -> None:
    """What a system of an older version says."""
    name, core = land.name(Role.INTERFACE, AOBA), land.name(Role.CORE)
    answer = await plain_word(land, name, core, Operation.STARTED, name)
    assert isinstance(answer.header, Noted)
    land.clock.ahead = timedelta(days=1)
    row = (await by_the_core(land))[name.value]
    assert (row["state"], row.get("backlog")) == ("running", None)
    land.clock.ahead = timedelta(0)
    await say(land, name)


@pytest.mark.parametrize("role", [Role.INTERFACE, Role.INTERMEDIATE])
async def test_another_organisations_server_is_not_told(land: Land, role: Role) -> None:
    """The line interface to intermediate server is for one organisation."""
    sender, other = land.name(Role.INTERFACE, TSUBAKI), land.name(Role.INTERMEDIATE, AOBA)
    carrier = sender if role is Role.INTERFACE else land.name(Role.INTERFACE, AOBA)
    answer = await plain_word(land, sender, other, Operation.STOPPED, carrier)
    assert reason_of(answer) is not None
    assert (await land.status(other))["interface"]["operation"] == "started"
