"""A node's health over a real database, its certificate and clock set by hand."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace

import pytest

from nakadachi.health.watch import Health
from nakadachi.kit.clock import FixedClock
from nakadachi.kit.database import Database
from nakadachi.kit.kernel_clock import KernelClock
from nakadachi.kit.metrics import Metrics
from nakadachi.kit.migrations import migrate, read_migrations
from nakadachi.terms import NodeName

NOW = datetime(2026, 4, 1, 9, tzinfo=UTC)
NODE = NodeName("interface:9901000000000001")
DAY = date(2026, 4, 1)


@pytest.fixture
async def database(tenant_dsn) -> AsyncIterator[Database]:
    opened = await Database.open(tenant_dsn, min_size=1, max_size=3)
    parts = (("nakadachi.kit", "messages"), ("nakadachi.ledger", "ledger"), ("nakadachi.health", "health"))
    await migrate(opened, *(read_migrations(package, part=part, folder="sql") for package, part in parts))
    yield opened
    await opened.close()


@pytest.fixture
def health(database) -> Health:
    documents = SimpleNamespace(
        lawbook=SimpleNamespace(version=3, effective=DAY),
        directory=SimpleNamespace(minimum_peer_version="0.1.0", version=4, effective=DAY),
    )
    return Health(
        NODE,
        FixedClock(NOW),
        database,
        documents,
        Metrics(NODE),
        NOW + timedelta(days=100),
        lambda: KernelClock(synchronised=True, offset_seconds=0.0, error_seconds=0.001),
    )
