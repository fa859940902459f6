"""The door for this machine alone: health and metrics without a certificate, and nothing else."""

import asyncio
from datetime import UTC, datetime

import aiohttp
import pytest

from nakadachi.kit.config import ConfigError
from nakadachi.kit.listening import Loopback, WebServer, loopback
from nakadachi.kit.web.door import local_application
from nakadachi.terms import NodeName
from tests.faring import Faring
from tests.tap import free_ports

CORE = NodeName("core:9910000000000001")


async def test_this_machine_reads_health_and_metrics_without_a_certificate_and_nothing_else():
    health, port = Faring(CORE, datetime.now(UTC)), free_ports(1)
    server = WebServer(local_application(health), Loopback("127.0.0.1", port))
    task = await server.run_until_started(asyncio.create_task)
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
            for path, status in (("/livez", 200), ("/readyz", 200), ("/metrics", 200), ("/status", 404)):
                async with session.get(path) as answer:
                    assert answer.status == status, path
            async with session.post("/telegrams", data=b"") as answer:
                assert answer.status == 404
            health.fit = False
            async with session.get("/readyz") as answer:
                assert answer.status == 503
    finally:
        server.should_exit = True
        await task


@pytest.mark.parametrize(
    ("told", "where"),
    [("127.0.0.1:9464", Loopback("127.0.0.1", 9464)), ("[::1]:9464", Loopback("::1", 9464))],
)
def test_a_loopback_address_is_taken(told, where):
    assert loopback(told) == where


@pytest.mark.parametrize(
    "told", ["0.0.0.0:9464", "192.0.2.1:9464", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:99999", "x:1"]
)
def test_what_others_could_reach_is_refused_with_what_to_write(told):
    with pytest.raises(ConfigError, match=r"write a loopback address and a port, such as 127\.0\.0\.1:9464"):
        loopback(told)
