"""A node starts only where it is what it believes to be: its certificate, its neighbours, alone or one of several."""

import asyncio
import base64
from datetime import date

import pytest

from nakadachi.health import topology
from nakadachi.health.topology import require_alone, require_place, session_name
from nakadachi.kit.config import ConfigError
from nakadachi.kit.database import Database
from nakadachi.kit.tls import PeerCertificate
from nakadachi.law.directory import P256_SPKI, Directory, Node
from nakadachi.terms import NodeName

KEY = base64.b64encode(P256_SPKI + bytes(range(64))).decode()
SERVER, INTERFACE = NodeName("intermediate:9901000000000003"), NodeName("interface:9901000000000003")
CORE, COMMISSION = NodeName("core:9910000000000001"), NodeName("commission:9912000000000001")
CERTIFICATE = PeerCertificate(0xA1, SERVER, None)


def directory(*names, revoked=()):
    nodes = tuple(Node(name=name, url="https://node.example", signing_key=KEY) for name in names)
    return Directory(7, date(2026, 4, 1), "0.1.0", nodes, revoked)


WHOLE = directory(SERVER, INTERFACE, CORE, COMMISSION)


def test_a_node_in_its_place_starts():
    require_place(SERVER, WHOLE, CERTIFICATE)


@pytest.mark.parametrize(
    ("certificate", "held", "said"),
    [
        (None, WHOLE, "bound to no node"),
        (PeerCertificate(1, INTERFACE, None), WHOLE, f"bound to {INTERFACE}, and this node is {SERVER}"),
        (CERTIFICATE, directory(SERVER, INTERFACE, CORE, COMMISSION, revoked=("a1",)), "as revoked: renew it"),
        (CERTIFICATE, directory(SERVER, INTERFACE, COMMISSION), "version 7 lists no core"),
        (CERTIFICATE, directory(SERVER, INTERFACE, CORE), "version 7 lists no commission"),
        (CERTIFICATE, directory(SERVER, CORE, COMMISSION), f"does not list {INTERFACE}"),
    ],
)
def test_a_node_out_of_its_place_says_what_is_lacking(certificate, held, said):
    with pytest.raises(ConfigError, match=said):
        require_place(SERVER, held, certificate)


async def opened(dsn, instance, holder):
    return await Database.open(dsn, min_size=1, max_size=2, called=session_name(instance, holder))


@pytest.mark.parametrize(
    ("there", "comes", "said"),
    [
        ("", "", "configured to run alone"),
        ("", "1", "configured to run alone"),
        ("1", "", "the instance '1'"),
        ("1", "1", "the instance '1'"),
    ],
)
async def test_a_process_does_not_start_beside_one_that_does_not_know_of_it(
    tenant_dsn, monkeypatch, there, comes, said
):
    monkeypatch.setattr(topology, "ATTEMPTS", 2)
    first, second = await opened(tenant_dsn, there, "one"), await opened(tenant_dsn, comes, "two")
    try:
        with pytest.raises(ConfigError, match=said):
            await require_alone(second, session_name(comes, "two"))
    finally:
        await first.close()
        await second.close()


async def test_instances_of_different_names_start_beside_one_another(tenant_dsn):
    first, second = await opened(tenant_dsn, "1", "one"), await opened(tenant_dsn, "2", "two")
    await require_alone(second, session_name("2", "two"))
    await first.close()
    await second.close()


async def test_who_starts_again_waits_until_the_sessions_of_the_former_process_are_gone(tenant_dsn):
    first, second = await opened(tenant_dsn, "", "one"), await opened(tenant_dsn, "", "two")
    waiting = asyncio.create_task(require_alone(second, session_name("", "two")))
    await asyncio.sleep(0.7)
    assert not waiting.done()
    await first.close()
    await waiting
    await second.close()


async def test_what_else_is_connected_to_the_database_keeps_nobody_from_starting(tenant_dsn):
    other, own = await Database.open(tenant_dsn, max_size=1), await opened(tenant_dsn, "", "two")
    await require_alone(own, session_name("", "two"))
    await other.close()
    await own.close()
