"""A system whose database is away for a while: nothing ends for that, and what was sent meanwhile is sent again."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from nakadachi.terms import NodeName, Role
from tests.invented import AOBA, TSUBAKI
from tests.story.people import HANA, VALUES
from tests.world import Land, Told

pytestmark = pytest.mark.asyncio(loop_scope="module")


class Gone:
    """A pool that finds nobody at the database's address."""

    async def acquire(self) -> Any:
        raise ConnectionRefusedError


@contextmanager
def away(land: Land, name: NodeName) -> Iterator[None]:
    """A system without its database for the time of the block."""
    database = land.service(name).node.database
    pool, database._pool = database._pool, Gone()
    try:
        yield
    finally:
        database._pool = pool


async def logged(land: Land, event: str, since: int) -> None:
    """Until somebody logs the event."""
    for _ in range(500):
        if event in land.log.getvalue()[since:].decode():
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"nobody said {event}")


def answered(told: Told) -> bool:
    return told.status == "answered" and told.items == {item: {"value": value} for item, value in VALUES.items()}


async def asked_while_away(land: Land, name: NodeName) -> Told:
    """An inquiry that runs into a system without its database, which comes back after that."""
    assert answered(await land.ask(HANA.at(TSUBAKI)))  # now serials are there ahead of need
    await land.quiet()
    since = len(land.log.getvalue())
    with away(land, name):
        asking = asyncio.create_task(land.ask(HANA.at(TSUBAKI)))
        await logged(land, "database.away", since)
    told = await asking
    if told.status == "pending":  # longer than an existing system waits
        await land.quiet()
        told = await land.read(told.serial)
    return told


@pytest.mark.parametrize(
    ("role", "organisation"),
    [(Role.INTERFACE, TSUBAKI), (Role.CORE, None), (Role.INTERFACE, AOBA), (Role.INTERMEDIATE, AOBA)],
)
async def test_an_inquiry_waits_for_a_database_on_its_way_and_is_answered(land, role, organisation):
    told = await asked_while_away(land, land.name(role, organisation))
    assert answered(told)
    await land.quiet()


async def test_who_could_not_look_what_is_to_be_sent_looks_again(land):
    name = land.name(Role.INTERMEDIATE, TSUBAKI)
    since = len(land.log.getvalue())
    with away(land, name):
        await logged(land, '"outbox.waits"', since)
    # What was not taken the first time is now the outbox's to send.
    assert answered(await asked_while_away(land, land.name(Role.INTERFACE, TSUBAKI)))


async def test_the_existing_system_is_given_the_serial_to_read_by_even_if_nothing_could_be_kept(land):
    with away(land, land.name(Role.INTERMEDIATE, TSUBAKI)):
        told = await land.ask(HANA.at(TSUBAKI))
    assert told.status == "unknown"
    assert told.serial is not None
    assert (await land.read(told.serial)).status == "unknown"
    assert answered(await land.ask(HANA.at(TSUBAKI)))
