"""The hands of those who operate the core's keys: orders, the view of all keys, and a telegram that is held up."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from nakadachi.kit.tls import node_host
from nakadachi.telegrams.link import ReplaceLinkCodes
from nakadachi.terms import NodeName, OrganisationCode, Role
from tests.tap import Flight
from tests.world import Land

Row = dict[str, Any]


async def order(land: Land, organisation: OrganisationCode | str, by: NodeName | None = None, **how: bool) -> Row:
    """What the core says to an order, given with its own certificate or that of `by`; its HTTP status is `status`."""
    core = land.name(Role.CORE)
    body = json.dumps({"organisation": str(organisation)} | how).encode()
    status, text = await land.send(by or core, core, body, "/keys/orders")
    return {"status": status} | json.loads(text)


async def keys(land: Land, organisation: OrganisationCode, by: NodeName | None = None) -> dict[int, Row]:
    """The keys of an organisation as the operator sees them, by index."""
    core = land.name(Role.CORE)
    folder = land.country.folder / land.plan.place(by or core).folder
    url = land.plan.place(core).instances[0].url + "/keys"
    async with land._session(folder).get(url, server_hostname=node_host(core)) as answer:
        assert answer.status == 200, await answer.text()
        rows = await answer.json()
    return {row["key_index"]: row for row in rows if row["organisation"] == organisation.value}


async def states(land: Land, organisation: OrganisationCode) -> dict[int, str]:
    """The state of each of its keys."""
    return {index: row["state"] for index, row in (await keys(land, organisation)).items()}


async def until(holds: Callable[[], Awaitable[Any]], tries: int = 800) -> Any:
    """What `holds` says once it says anything true."""
    for _ in range(tries):
        if found := await holds():
            return found
        await asyncio.sleep(0.05)
    raise AssertionError("it never came true")


async def confirmed(land: Land, organisation: OrganisationCode) -> None:
    """Wait until everybody's newest code is confirmed."""

    async def all_confirmed() -> bool:
        found = await keys(land, organisation)
        return found[max(found)]["confirmed_at"] is not None

    await until(all_confirmed)


@asynccontextmanager
async def held_up(land: Land) -> AsyncIterator[asyncio.Event]:
    """In this block no code is replaced: the telegrams wait on the wire, until the event is set or the block ends."""
    before, go = land.tap.steer, asyncio.Event()

    async def steer(flight: Flight, url: str) -> str:
        if any(isinstance(one.header, ReplaceLinkCodes) for one in flight.telegrams):
            await go.wait()
        return await before(flight, url) if before else url

    land.tap.steer = steer
    try:
        yield go
    finally:
        go.set()
        land.tap.steer = before
