"""A key is replaced while clerks ask on, and the holder's server is killed half way: nobody is unreachable (C6)."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import signal
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from nakadachi.telegrams.envelope import Lane
from nakadachi.terms import LinkCode, OrganisationCode, Role
from tests.e2e.errands import ENDED, Errands, patiently
from tests.e2e.realm import Realm, a_realm, lines_at
from tests.invented import AOBA, TSUBAKI, invent
from tests.lines import csv_of
from tests.story.people import VALUES

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

PEOPLE = [invent("見本 続", "ミホン ツヅク", f"見本県見本市楡町{number}番", "1988-07-06") for number in range(1, 241)]
CLERKS = 3
MIDDLE_TRIES = 3000
FOUNDED = 1
"""The index of the key that everybody's code is of when it begins."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def realm(open_directory: Path) -> AsyncIterator[Realm]:
    directory = Path(tempfile.mkdtemp(dir=open_directory))
    directory.chmod(0o711)
    async with a_realm(directory, PEOPLE) as one:
        for organisation in (TSUBAKI, AOBA):
            file = lines_at(organisation, PEOPLE)
            for path in ("people", "link"):
                status, text = await one.land.desk(organisation, "POST", path, file)
                assert status == HTTPStatus.OK, text
            assert text.count('"linked"') == len(PEOPLE)
        lines = [
            (f"R{place}", person.at(AOBA), item[:16], item, "1", "20250615", "", value, "", "0", "20250615090000")
            for person in PEOPLE
            for place, (item, value) in enumerate(VALUES.items())
        ]
        status, text = await one.land.desk(AOBA, "POST", "provisions", csv_of(lines))
        assert status == HTTPStatus.OK, text
        yield one


@asynccontextmanager
async def clerks(realm: Realm) -> AsyncIterator[Errands]:
    """Tsubaki's clerks ask about one after the other for the time of the block; then each knows how it ended."""
    errands, over, supply = Errands(realm), asyncio.Event(), itertools.cycle(PEOPLE)

    async def asks() -> None:
        while not over.is_set():
            await errands.ask([next(supply)])

    async with asyncio.TaskGroup() as group:
        for _ in range(CLERKS):
            group.create_task(asks())
        try:
            yield errands
        finally:
            over.set()


async def order(realm: Realm, organisation: OrganisationCode, **how: bool) -> tuple[int, dict[str, Any]]:
    """What the core says to an order of its operator's."""
    core = realm.land.name(Role.CORE)
    body = json.dumps({"organisation": organisation.value} | how).encode()
    status, said = await realm.land.send(core, core, body, "/keys/orders")
    return status, json.loads(said)


async def key(realm: Realm, organisation: OrganisationCode, index: int) -> dict[str, Any]:
    """A key of link codes as the core's operator sees it."""
    rows = json.loads(await realm.get(realm.land.name(Role.CORE), "/keys"))
    (row,) = [one for one in rows if (one["organisation"], one["key_index"]) == (organisation.value, index)]
    return dict(row)


async def key_indexes(realm: Realm, organisation: OrganisationCode) -> dict[int, int]:
    """How many people the holder asks about by a code of each key. The index stands in the code's second and third
    byte (docs/codes.md).
    """
    server = realm.land.name(Role.INTERMEDIATE, organisation)
    held = await realm.rows(server, "SELECT DISTINCT link_code FROM person WHERE link_code IS NOT NULL")
    found: dict[int, int] = {}
    for row in held:
        index = int.from_bytes(LinkCode(row["link_code"]).to_bytes()[1:3], "big")
        found[index] = found.get(index, 0) + 1
    return found


async def some_more(errands: Errands) -> None:
    """Wait until each clerk was told something more."""
    before = len(errands.told)

    async def told() -> bool:
        return len(errands.told) >= before + CLERKS

    await patiently(told)


async def killed_in_the_middle(realm: Realm, organisation: OrganisationCode, index: int) -> None:
    """SIGKILL for the holder's server once some have the new code and some have not; its keeper starts it again."""
    name, before = realm.land.name(Role.INTERMEDIATE, organisation), realm.restarts
    for _ in range(MIDDLE_TRIES):
        if (row := await key(realm, organisation, index))["replaced"]:
            break
        await asyncio.sleep(0.01)
    os.kill(realm.processes.running[name.value].pid, signal.SIGKILL)
    assert 0 < row["replaced"] < len(PEOPLE)
    assert (await key(realm, organisation, index))["confirmed_at"] is None

    async def again() -> bool:
        return realm.restarts > before

    await patiently(again)


@pytest.mark.parametrize("organisation", [TSUBAKI, AOBA], ids=["the inquirer's", "the provider's"])
async def test_a_key_is_replaced_and_retired_while_clerks_ask_and_the_holders_server_is_killed(
    realm: Realm, organisation: OrganisationCode
) -> None:
    async with clerks(realm) as errands:
        await some_more(errands)
        status, begun = await order(realm, organisation)
        index = FOUNDED + 1
        assert (status, begun) == (200, {"organisation": organisation.value, "key_index": index, "people": len(PEOPLE)})
        await killed_in_the_middle(realm, organisation, index)
        await some_more(errands)

        async def confirmed() -> bool:
            return (await key(realm, organisation, index))["confirmed_at"] is not None

        await patiently(confirmed)
        assert await key_indexes(realm, organisation) == {index: len(PEOPLE)}
        assert (await key(realm, organisation, index))["replaced"] == len(PEOPLE)
        await some_more(errands)

    async with clerks(realm) as after:
        status, retired = await order(realm, organisation, retire=True)
        assert (status, retired["people"]) == (200, 0), retired
        assert [(await key(realm, organisation, one))["state"] for one in (FOUNDED, index)] == ["retired", "current"]
        await after.ask(PEOPLE[::6], Lane.BULK)
    assert {one.reason for one in errands.told + after.told if one.status in ENDED} == {""}, "all were answered"
    assert len({one.serial for one in after.told if one.status == "answered"}) >= len(PEOPLE[::6])
    await realm.quiet()
