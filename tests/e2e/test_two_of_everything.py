"""Two of everything behind one address: an instance is killed and no caller sees it (N3): real processes, HAProxy."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from nakadachi.country.founding import CONFIG
from nakadachi.country.plan import ORIGIN, SECOND_ORIGIN
from nakadachi.desk.client import DeskClient
from nakadachi.intermediate.files.results import Result, Status
from nakadachi.kit.postgres import PostgresServer
from nakadachi.telegrams.codec import decode_json
from nakadachi.telegrams.permit import LogContent
from nakadachi.terms import NodeName, OrganisationCode, Role, Serial
from tests.invented import AOBA, TSUBAKI, invent
from tests.story.people import VALUES
from tests.twins import Twins, a_country_of_twins, need_haproxy

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]

PEOPLE = [invent(f"見本 {number}", "ミホン", "見本県見本市菫町1番", f"1971-02-{number + 1:02}") for number in range(20)]
SYSTEMS = [
    (Role.CORE, None),
    (Role.INTERFACE, TSUBAKI),
    (Role.INTERFACE, AOBA),
    (Role.INTERMEDIATE, TSUBAKI),
    (Role.INTERMEDIATE, AOBA),
]
SETTLES_TRIES = 900


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def twins(postgres: PostgresServer, open_directory: Path) -> AsyncIterator[Twins]:
    need_haproxy()
    async with a_country_of_twins(postgres, open_directory, PEOPLE) as running:
        for organisation in (TSUBAKI, AOBA):
            linked = await running.land.register(organisation, *(one.line(organisation) for one in PEOPLE))
            assert set(linked.values()) == {"linked"}
        for one in PEOPLE:
            await running.land.hold(AOBA, one.at(AOBA), VALUES)
        yield running


async def stream(twins: Twins, desk: DeskClient, over: asyncio.Event) -> list[list[Result]]:
    """Files of inquiries one after the other until it is over: an error of the client ends the test."""
    files = []
    while not over.is_set():
        files.append(await twins.ask(desk, PEOPLE))
        await asyncio.sleep(0.1)
    return files


async def answered(desk: DeskClient, result: Result) -> Result:
    """A result, waited for where the answer took longer than an immediate one."""
    assert result.serial is not None
    for _ in range(SETTLES_TRIES):
        if result.status is not Status.PENDING:
            return result
        await asyncio.sleep(0.1)
        result = await desk.result(result.serial)
    return result


@pytest.mark.parametrize(("role", "organisation"), SYSTEMS)
async def test_killing_one_instance_loses_no_exchange_and_shows_the_caller_no_error(
    twins: Twins, role: Role, organisation: OrganisationCode | None
) -> None:
    name, over = twins.land.name(role, organisation), asyncio.Event()
    async with twins.desk() as desk, twins.desk() as other:
        streams = [asyncio.create_task(stream(twins, client, over)) for client in (desk, other)]
        for instance in twins.place(name).instances:
            await asyncio.sleep(0.5)
            await twins.kill(name, instance)
            await asyncio.sleep(0.5)
            await twins.start(name, instance)
        over.set()
        for files in await asyncio.gather(*streams):
            for file in files:
                assert [one.line for one in file] == list(range(1, len(PEOPLE) + 1))
                for one in file:
                    settled = await answered(desk, one)
                    assert (settled.status, settled.reason) == (Status.ANSWERED, ""), settled.serial
                    assert {item.item.value: item.value for item in settled.items} == VALUES
                twins.answers += [one.serial for one in file if one.serial is not None]


async def at_rest(twins: Twins, names: list[NodeName]) -> None:
    """Until nothing is on its way any more: every end was told."""
    ended = "SELECT count(*) AS count FROM exchange WHERE provider_ended_at IS NULL OR inquirer_ended_at IS NULL"
    waiting: dict[str, int] = {}
    for _ in range(SETTLES_TRIES):
        waiting = {
            str(name): (await twins.rows(name, "SELECT count(*) AS count FROM outbox"))[0]["count"] for name in names
        }
        waiting["ends"] = (await twins.rows(twins.land.name(Role.CORE), ended))[0]["count"]
        if not any(waiting.values()):
            return
        await asyncio.sleep(0.2)
    pytest.fail(f"it does not come to rest: {waiting}")


async def test_each_inquiry_was_made_permitted_and_answered_once(twins: Twins) -> None:
    land = twins.land
    core, asking, answering, relaying = (
        land.name(Role.CORE),
        land.name(Role.INTERMEDIATE, TSUBAKI),
        land.name(Role.INTERMEDIATE, AOBA),
        land.name(Role.INTERFACE, AOBA),
    )
    await at_rest(twins, [core, asking, answering, relaying, land.name(Role.INTERFACE, TSUBAKI)])
    told = Counter(twins.answers)
    assert told
    assert set(told.values()) == {1}
    # No line of any file began a second inquiry, and none was permitted, used or answered twice.
    for name, table in ((asking, "inquiry"), (core, "exchange"), (answering, "asked"), (relaying, "permit_used")):
        serials = [Serial(row["serial"]) for row in await twins.rows(name, f"SELECT serial FROM {table}")]
        kept = Counter(serials)
        assert (kept - told, told - kept) == (Counter(), Counter()), (name, table)
    used = await twins.rows(relaying, "SELECT origin, index FROM permit_used")
    assert len({(row["origin"], row["index"]) for row in used}) == len(used)
    contents = await twins.rows(core, "SELECT content FROM exchange")
    origins = Counter(decode_json(bytes(row["content"]), LogContent).origin for row in contents)
    assert origins.keys() == {ORIGIN, SECOND_ORIGIN}
    entries = await twins.rows(core, "SELECT origin, count(*) AS count FROM log_entry GROUP BY origin")
    assert {row["origin"]: row["count"] for row in entries} == origins


async def test_the_log_of_each_core_verifies_from_outside_and_is_cosigned(twins: Twins, tmp_path: Path) -> None:
    """By the command as the Commission may run it, at the one address of both cores."""
    core, commission = twins.land.name(Role.CORE), twins.land.plan.of(Role.COMMISSION)
    config = twins.land.country.folder / commission.folder / CONFIG
    for origin in (ORIGIN, SECOND_ORIGIN):
        state = tmp_path / origin.replace("/", "-")
        checking = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "nakadachi", "ledger", "check", f"{twins.place(core).url}/log/{origin}"),
            *("--config", config, "--state", state),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await checking.communicate()
        assert checking.returncode == 0, said.decode()
        size = int(state.read_text().split("\n")[1])
        assert size > 0
        witnessed = await twins.rows(commission.name, "SELECT size FROM witnessed WHERE origin = $1", origin)
        assert witnessed == [{"size": size}]
