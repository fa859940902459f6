"""What all tests share: one PostgreSQL for the run, a tenant for each test that asks, and hypothesis profiles."""

from __future__ import annotations

import asyncio
import itertools
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from nakadachi.kit.postgres import PostgresServer, choose

# Derandomized: a test that fails, fails for everybody. `search` is for looking further by hand:
# HYPOTHESIS_PROFILE=search make test
settings.register_profile(
    "default",
    derandomize=True,
    max_examples=50,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("ci", settings.get_profile("default"), max_examples=200, print_blob=True)
settings.register_profile("search", settings.get_profile("default"), derandomize=False, max_examples=5000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "default"))

_NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def open_directory() -> Iterator[Path]:
    """A directory that other users may enter too (as root, the server runs as one); pytest's own ones are closed."""
    directory = Path(tempfile.mkdtemp(prefix="nakadachi-test-"))
    directory.chmod(0o711)
    yield directory
    shutil.rmtree(directory)


@pytest.fixture(scope="session")
def postgres(open_directory: Path) -> Iterator[PostgresServer]:
    """A running PostgreSQL: the one of DATABASE_URL, else an embedded one."""
    server = choose(open_directory / "session")
    asyncio.run(server.start())
    yield server
    asyncio.run(server.stop())


@pytest.fixture
async def tenant_dsn(postgres: PostgresServer) -> AsyncIterator[str]:
    """The address of an empty schema with a user of its own; gone after the test."""
    name = f"test_{os.getpid()}_{next(_NUMBERS)}"
    yield await postgres.create_tenant(name)
    await postgres.drop_tenant(name)
