"""A country of its own for each test, played by hand."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from nakadachi.kit.postgres import PostgresServer
from tests.machine.machine import AnyOrder
from tests.machine.run import Tally


@pytest.fixture(autouse=True)
def _leavings() -> Iterator[None]:
    """A killed node closes nothing, as a killed process would not. What it left is collected here, so that no later
    test is told of it.
    """
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture
def machine(postgres: PostgresServer, open_directory: Path) -> Iterator[AnyOrder]:
    """A machine whose steps the test takes itself; at the end all must come to rest and every promise be kept."""
    AnyOrder.server, AnyOrder.directory, AnyOrder.tally = postgres, open_directory, Tally()
    machine = AnyOrder()
    machine.found(seed=1)
    yield machine
    machine.teardown()
