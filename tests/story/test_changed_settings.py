"""A system whose settings somebody changed says so, until its operator accepts them (N5)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from nakadachi.country.overview import ask_each, complaints
from nakadachi.kit.postgres import PostgresServer
from nakadachi.kit.tls import client_context
from nakadachi.terms import Role
from tests.invented import TSUBAKI
from tests.world import Land, a_country

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def land(postgres: PostgresServer, open_directory: Path) -> AsyncIterator[Land]:
    async with a_country(postgres, open_directory, ()) as founded:
        yield founded


async def restart(land: Land, *, accept: bool = False) -> None:
    place = land.plan.of(Role.INTERFACE, TSUBAKI)
    await land.country.stop_one(place.name)
    await (await land.country.start_one(place, replace(land.world, accept=accept))).announce()


async def said_of_the_program(land: Land) -> list[str]:
    """What is said in English of whom, wherever a program or its settings changed."""
    folder = land.country.folder / land.plan.of(Role.CORE).folder
    context = client_context(folder / "tls.crt", folder / "tls.key", land.country.folder / "authority.crt")
    rows = await ask_each(context, land.plan, land.clock)
    return [f"{one.node} {one.english}" for one in complaints(rows) if "accepted" in one.english]


async def test_changed_settings_are_told_until_they_are_accepted_or_taken_back(land: Land) -> None:
    place = land.plan.of(Role.INTERFACE, TSUBAKI)
    file = land.country.folder / place.folder / place.instances[0].config
    former = file.read_text(encoding="utf-8")
    await restart(land)
    assert await said_of_the_program(land) == []
    file.write_text(former.replace("[node]", "[node]\nconnections = 5", 1), encoding="utf-8")
    await restart(land)
    (said,) = await said_of_the_program(land)
    assert said.startswith(place.name.value)
    assert "the settings changed since" in said
    file.write_text(former, encoding="utf-8")
    await restart(land)
    assert await said_of_the_program(land) == []
    file.write_text(former.replace("[node]", "[node]\nconnections = 5", 1), encoding="utf-8")
    await restart(land, accept=True)
    assert await said_of_the_program(land) == []
