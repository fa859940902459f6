"""A country of its own for each module of stories."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from nakadachi.kit.postgres import PostgresServer
from nakadachi.terms import NodeName
from tests.invented import TSUBAKI
from tests.story.pair import Pair, second_instances
from tests.story.people import EVERYBODY, HANA, settle
from tests.story.play import Permitted, Play, good
from tests.world import Land, a_country

ON_BOTH_SCHEMES = {"test_life_of_a_code", "test_life_of_an_inquiry"}
"""Stories that are told once for each way to make link codes."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Tell some stories on both schemes; the second telling is a slow one."""
    if "scheme" in metafunc.fixturenames and metafunc.module.__name__.rpartition(".")[2] in ON_BOTH_SCHEMES:
        both = ["reversible", pytest.param("table", marks=pytest.mark.slow)]
        metafunc.parametrize("scheme", both, indirect=True, scope="module")


@pytest.fixture(scope="module")
def scheme(request: pytest.FixtureRequest) -> str:
    """How link codes are made."""
    return str(getattr(request, "param", "reversible"))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def new_land(postgres: PostgresServer, open_directory: Path, scheme: str) -> AsyncIterator[Land]:
    """A country that just came up: nobody is registered anywhere but at the registry organisation."""
    async with a_country(postgres, open_directory, EVERYBODY, scheme=scheme) as land:
        yield land


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def land(new_land: Land) -> Land:
    """A country in which the people of the stories are registered and linked."""
    await settle(new_land)
    return new_land


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def play(land: Land) -> AsyncIterator[Play]:
    """All hands; and when all is over: what was accepted before is still there, and a good inquiry is answered."""
    first = await land.ask(HANA.at(TSUBAKI))
    await land.quiet()
    kept = {name: await records(land, name) for name in land.country.services}
    yield Play(land)
    assert first.serial is not None
    assert await land.read(first.serial) == first
    for name, rows in kept.items():
        assert rows <= await records(land, name), name
    good(await land.ask(HANA.at(TSUBAKI)))
    assert "telegram.failed" not in land.log.getvalue().decode()
    assert "Traceback" not in land.log.getvalue().decode()


@pytest_asyncio.fixture(loop_scope="module")
async def permitted(play: Play) -> Permitted:
    """A new exchange about Hana that has its permit."""
    return await play.permitted()


async def records(land: Land, name: NodeName) -> set[tuple[str, str]]:
    """The events that a node keeps on record."""
    return {(row["serial"], row["event"]) for row in await land.rows(name, "SELECT serial, event FROM record")}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def twin_land(postgres: PostgresServer, open_directory: Path) -> AsyncIterator[Pair]:
    """A country of which core, interface systems and intermediate servers run twice."""
    async with a_country(postgres, open_directory, EVERYBODY, twins=True) as land, second_instances(land) as pair:
        await settle(land)
        await land.quiet()
        yield pair
        log = land.log.getvalue().decode()
        assert "telegram.failed" not in log
        assert "Traceback" not in log


@pytest.fixture
def pair(twin_land: Pair) -> Pair:
    """Both instances of everything; all goes to the first ones again."""
    twin_land.to_second.clear()
    twin_land.gates.clear()
    return twin_land


@pytest.fixture
def hands(pair: Pair) -> Play:
    """The hands of the nodes that run twice."""
    return Play(pair.land)
