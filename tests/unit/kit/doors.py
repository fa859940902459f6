"""A door over real TLS on the loopback: a system that answers every request, and whoever asks there."""

import asyncio
import socket
from datetime import UTC, date, datetime
from types import SimpleNamespace

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from starlette.responses import Response
from starlette.routing import Route

from nakadachi.country.pki import issue, new_authority
from nakadachi.crypto.signing import SigningKey
from nakadachi.kit.database import DatabaseAway
from nakadachi.kit.lanes import Lanes
from nakadachi.kit.listening import Listening, WebServer
from nakadachi.kit.peers import Peers
from nakadachi.kit.tls import HEALTH_HOST, client_context, existing_host, node_host
from nakadachi.kit.web.door import (
    application,
    peer_of,
)
from nakadachi.law.directory import Directory, Node
from nakadachi.refusal import Reason, Refusal
from nakadachi.telegrams.envelope import Envelope
from nakadachi.terms import NodeName, OrganisationCode, Role
from tests.faring import Faring

NOW = datetime.now(UTC)
CITY = OrganisationCode("9901000000000001")
CORE, INTERFACE, STRANGER = (
    NodeName("core:9910000000000001"),
    NodeName.of(Role.INTERFACE, CITY),
    NodeName.of(Role.PORTAL, CITY),
)
HOSTS = {
    "core": node_host(CORE),
    "interface": node_host(INTERFACE),
    "stranger": node_host(STRANGER),
    "desk": existing_host("desk", CITY),
    "health": HEALTH_HOST,
}
ANSWER = Envelope(b"answer")


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """A folder per system, and the authority's certificate."""
    folder = tmp_path_factory.mktemp("pki")
    for name in ("", "other-"):
        authority = new_authority(f"{name}authority", NOW)
        (folder / f"{name}authority.crt").write_bytes(authority.certificate.public_bytes(Encoding.PEM))
        for system, host in HOSTS.items():
            (folder / f"{name}{system}").mkdir()
            issue(authority, host, folder / f"{name}{system}", NOW, server=system == "core")
    return folder


def directory_of(*revoked):
    key = SigningKey.from_scalar(1).public.spki
    nodes = tuple(Node(name=name, url="https://127.0.0.1", signing_key=key) for name in (CORE, INTERFACE))
    return Directory(1 + len(revoked), date(2026, 4, 1), "0.1.0", nodes, revoked)


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def listening(certificates, port):
    core = certificates / "core"
    return Listening("127.0.0.1", port, core / "tls.crt", core / "tls.key", certificates / "authority.crt")


@pytest.fixture
async def door(certificates):
    """A system that answers every request with one envelope; `received` holds (body, hop)."""
    received = []

    async def receive(raw, hop):
        if raw == b"no telegram":
            raise Refusal(Reason.BAD_FORMAT, "for our own log")
        if raw == b"no database":
            raise DatabaseAway("for our own log")
        received.append((raw, hop))
        return [ANSWER]

    async def whoami(request):
        peer = peer_of(request)
        return Response(f"{peer.node} {peer.existing}")

    health = Faring(CORE, NOW)
    refused = []
    metrics = SimpleNamespace(request_refused=refused.append)
    system = SimpleNamespace(name=CORE, peers=Peers(directory_of()), receive=receive, metrics=metrics, lanes=Lanes())
    port = free_port()
    server = WebServer(
        application(system, health=health, routes=[Route("/whoami", whoami)]), listening(certificates, port)
    )
    task = await server.run_until_started(asyncio.create_task)
    yield SimpleNamespace(
        port=port, system=system, received=received, certificates=certificates, health=health, refused=refused
    )
    server.should_exit = True
    await task


def context_of(door, system):
    folder = door.certificates / system
    return client_context(folder / "tls.crt", folder / "tls.key", door.certificates / "authority.crt")


async def connect(door, system="interface", context=None):
    context = context or context_of(door, system)
    return await asyncio.open_connection("127.0.0.1", door.port, ssl=context, server_hostname=node_host(CORE))


async def ask(door, body=b"frame", *, system="interface", path="/telegrams", method="POST", head=None, connection=None):
    """One request to status, headers and body of its answer."""
    reader, writer = connection or await connect(door, system)
    head = f"Content-Length: {len(body)}" if head is None else head
    writer.write(f"{method} {path} HTTP/1.1\r\nHost: x\r\n{head}\r\n\r\n".encode() + body)
    await writer.drain()
    said = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)).decode("latin-1").split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in said[1:] if line)
    answer = await reader.readexactly(int(headers["content-length"]))
    if connection is None:
        writer.close()
    return int(said[0].split()[1]), headers, answer
