"""The door: who may come in, how much is read, and what one is told; over real TLS on the loopback."""

import asyncio
import json
import socket
import ssl
from dataclasses import replace
from datetime import UTC, date, datetime
from types import SimpleNamespace

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from nakadachi import __version__
from nakadachi.country.pki import issue, new_authority
from nakadachi.crypto.signing import SigningKey
from nakadachi.kit.client import MEDIA_TYPE
from nakadachi.kit.database import DatabaseAway
from nakadachi.kit.lanes import Busy, Lanes, Limits
from nakadachi.kit.metrics import CONTENT_TYPE
from nakadachi.kit.peers import Peers
from nakadachi.kit.tls import HEALTH_HOST, client_context, existing_host, node_host, read_certificate
from nakadachi.kit.web import (
    STATUS,
    Listening,
    PortTaken,
    WebServer,
    application,
    peer_of,
    problem,
    read_body,
)
from nakadachi.law.directory import Directory, Node
from nakadachi.refusal import Reason, Refusal
from nakadachi.telegrams.codec import FRAME_LIMIT, encode_frame
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


async def test_a_listed_node_gets_the_systems_answer(door):
    status, headers, answer = await ask(door)
    assert (status, answer, headers["content-type"]) == (200, encode_frame([ANSWER]), MEDIA_TYPE)
    assert door.received == [(b"frame", INTERFACE)]
    assert "server" not in headers


async def test_a_refused_frame_gets_a_problem_in_both_languages_without_the_detail(door):
    status, headers, answer = await ask(door, b"no telegram")
    assert (status, headers["content-type"]) == (400, "application/problem+json")
    assert json.loads(answer) == {
        "type": "BAD_FORMAT",
        "title": "The format is not right",
        "title_ja": "書式が正しくありません",
        "status": 400,
    }


@pytest.mark.parametrize(("system", "type_"), [("desk", "ROLE_NOT_ALLOWED"), ("stranger", "NOT_ADDRESSED_HERE")])
async def test_without_the_certificate_of_a_listed_node_nobody_comes_in(door, system, type_):
    status, _, answer = await ask(door, system=system)
    assert (status, json.loads(answer)["type"]) == (403, type_)
    assert door.received == []


async def test_a_certificate_revoked_while_connected_stops_at_the_next_request(door):
    connection = await connect(door)
    assert (await ask(door, connection=connection))[0] == 200
    own = ssl.PEM_cert_to_DER_cert((door.certificates / "interface" / "tls.crt").read_text())
    door.system.peers.replace(directory_of(f"{read_certificate(own).serial:x}"))
    status, _, answer = await ask(door, connection=connection)
    assert (status, json.loads(answer)["type"]) == (403, "ROLE_NOT_ALLOWED")
    connection[1].close()


async def test_without_a_certificate_or_with_one_of_another_authority_there_is_no_connection(door):
    bare = ssl.create_default_context(cafile=door.certificates / "authority.crt")
    folder = door.certificates / "other-interface"
    foreign = client_context(folder / "tls.crt", folder / "tls.key", door.certificates / "authority.crt")
    for context in (bare, foreign):
        with pytest.raises((ssl.SSLError, ConnectionError, asyncio.IncompleteReadError)):
            await ask(door, connection=await connect(door, context=context))
    assert door.received == []


async def test_an_older_tls_is_refused(door):
    context = context_of(door, "interface")
    context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await connect(door, context=context)


async def test_what_is_announced_too_large_is_refused_unread(door):
    status, _, answer = await ask(door, b"", head=f"Content-Length: {FRAME_LIMIT + 1}")
    assert (status, json.loads(answer)["type"]) == (413, "TOO_LARGE")
    assert json.loads(answer)["title_ja"] == "大きさの上限を超えています"


async def test_what_turns_out_too_large_is_cut_off(door):
    chunk = bytes(1 << 20)
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for _ in range(FRAME_LIMIT // len(chunk) + 1))
    status, _, answer = await ask(door, chunks + b"0\r\n\r\n", head="Transfer-Encoding: chunked")
    assert (status, json.loads(answer)["type"]) == (413, "TOO_LARGE")
    assert door.received == []


async def test_what_is_just_within_the_limit_is_read(door):
    assert (await ask(door, bytes(FRAME_LIMIT)))[0] == 200
    assert len(door.received[0][0]) == FRAME_LIMIT


async def test_health_says_what_the_node_is_and_how_it_fares(door):
    status, _, answer = await ask(door, b"", path="/livez", method="GET")
    assert (status, json.loads(answer)) == (
        200,
        {"node": CORE.value, "version": __version__, "now": NOW.isoformat()},
    )
    for path in ("/readyz", "/status"):
        assert json.loads((await ask(door, b"", path=path, method="GET", system="core"))[2])["名"] == "仲立ち"


async def test_a_node_that_is_not_ready_is_alive_and_says_why(door):
    door.health.fit = False
    assert (await ask(door, b"", path="/livez", method="GET"))[0] == 200
    assert (await ask(door, b"", path="/status", method="GET", system="core"))[0] == 200
    status, _, answer = await ask(door, b"", path="/readyz", method="GET", system="core")
    assert (status, json.loads(answer)["ready"]) == (503, False)


@pytest.mark.parametrize("path", ["/metrics", "/status", "/readyz"])
async def test_how_a_system_fares_is_for_its_own_organisation_and_the_core(door, path):
    """The core's own certificate reads here; the city's does at the city's door, and at no other."""
    status, headers, answer = await ask(door, b"", path=path, method="GET", system="core")
    assert status == 200
    assert path != "/metrics" or (headers["content-type"], answer) == (CONTENT_TYPE, b"nakadachi_check 1.0")
    for stranger in ("interface", "desk", "stranger"):
        status, headers, _ = await ask(door, b"", path=path, method="GET", system=stranger)
        assert (status, headers["content-type"]) == (403, "application/problem+json")
    door.system.name = INTERFACE
    for reader in ("core", "interface", "desk"):
        assert (await ask(door, b"", path=path, method="GET", system=reader))[0] == 200


async def test_what_stands_in_front_reads_whether_an_instance_takes_work_and_nothing_else(door):
    for fit, expected in ((True, 200), (False, 503)):
        door.health.fit = fit
        status, _, answer = await ask(door, b"", path="/readyz", method="GET", system="health")
        assert (status, answer) == (expected, b"")
    for path in ("/status", "/metrics"):
        assert (await ask(door, b"", path=path, method="GET", system="health"))[0] == 403
    assert (await ask(door, b"frame", system="health"))[0] == 403
    der = ssl.PEM_cert_to_DER_cert((door.certificates / "health" / "tls.crt").read_text())
    door.system.peers.replace(directory_of(f"{read_certificate(der).serial:x}"))
    assert (await ask(door, b"", path="/readyz", method="GET", system="health"))[0] == 403


@pytest.mark.parametrize("system", ["interface", "desk"])
async def test_a_revoked_certificate_reads_no_metrics(door, system):
    door.system.name = INTERFACE
    der = ssl.PEM_cert_to_DER_cert((door.certificates / system / "tls.crt").read_text())
    door.system.peers.replace(directory_of(f"{read_certificate(der).serial:x}"))
    assert (await ask(door, b"", path="/metrics", method="GET", system=system))[0] == 403


async def test_a_request_without_a_telegram_is_counted_by_its_reason(door):
    await ask(door, b"no telegram")
    await ask(door, system="desk")
    assert door.refused == [Reason.BAD_FORMAT, Reason.ROLE_NOT_ALLOWED]


async def test_a_systems_own_routes_see_who_is_there(door):
    assert (await ask(door, b"", path="/whoami", method="GET"))[2] == f"{INTERFACE} None".encode()
    seen = (await ask(door, b"", path="/whoami", method="GET", system="desk"))[2]
    assert seen == f"None {('desk', CITY)}".encode()


async def test_while_the_database_is_away_nothing_is_answered_and_one_may_ask_again(door):
    status, headers, body = await ask(door, b"no database")
    assert (status, headers["retry-after"]) == (503, "1")
    assert "database is away" in json.loads(body)["title"]
    assert (await ask(door))[0] == 200


async def test_a_taken_port_is_said_to_be_taken(door):
    second = WebServer(application(door.system, health=door.health), listening(door.certificates, door.port))
    with pytest.raises(PortTaken, match=f"127.0.0.1:{door.port}"):
        await second.run_until_started(asyncio.create_task)


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_a_problem_document(reason):
    answer = problem(Refusal(reason, "for our own log"))
    told = json.loads(answer.body)
    assert told == {
        "type": reason.value,
        "title": reason.english,
        "title_ja": reason.japanese,
        "status": STATUS.get(reason, 400),
    }
    assert answer.status_code == told["status"]


@pytest.mark.parametrize("said", ["²", "-1", "", "x", "1e9"])
async def test_a_length_that_is_none_does_not_count(said):
    async def stream():
        yield b"body"

    request = SimpleNamespace(headers={"content-length": said}, stream=stream)
    assert await read_body(request, 4) == b"body"
    with pytest.raises(Refusal) as refused:
        await read_body(request, 3)
    assert refused.value.reason is Reason.TOO_LARGE


async def test_a_flood_is_turned_away_with_the_time_to_come_again(door):
    door.system.lanes = Lanes(Limits(requests=4))
    inside, most, go = 0, 0, asyncio.Event()

    async def receive(_raw, _hop):
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        await go.wait()
        inside -= 1
        return [ANSWER]

    door.system.receive = receive
    flood = [asyncio.create_task(ask(door)) for _ in range(20)]
    turned_away = []
    for answer in asyncio.as_completed(flood):
        turned_away.append(await answer)
        if len(turned_away) == 16:
            break
    go.set()
    answers = await asyncio.gather(*flood)
    assert most == 4
    assert sorted(status for status, _, _ in answers) == [200] * 4 + [503] * 16
    status, headers, body = turned_away[0]
    assert (status, headers["retry-after"], headers["content-type"]) == (503, "2", "application/problem+json")
    words = json.loads(body)
    assert "2秒後" in words["title_ja"]
    assert "Try again in 2 seconds" in words["title"]
    assert door.system.lanes.words()["degraded"]


async def test_a_system_that_has_no_place_for_a_kind_says_later_and_not_no(door):
    async def receive(_raw, _hop):
        raise Busy("requests of this kind", 9)

    door.system.receive = receive
    status, headers, _ = await ask(door)
    assert (status, headers["retry-after"]) == (503, "9")


async def test_a_body_that_does_not_come_gives_its_place_back(door, monkeypatch):
    monkeypatch.setattr("nakadachi.kit.web.BODY_SECONDS", 0.05)
    reader, writer = await connect(door)
    writer.write(b"POST /telegrams HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf")
    said = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
    assert b" 408 " in said
    assert door.system.lanes.words()["requests_inside"] == 0
    writer.close()


async def test_there_is_a_bound_on_connections(certificates):
    few = replace(listening(certificates, free_port()), connections=7)
    assert WebServer(Starlette(), few).config.limit_concurrency == 7
