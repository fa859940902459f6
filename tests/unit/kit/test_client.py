"""Send once: an answer of the right node, or the word that there is none."""

import asyncio
import socket
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from nakadachi.country.pki import issue, new_authority
from nakadachi.kit import client
from nakadachi.kit.client import MEDIA_TYPE, HttpWire, Unreachable
from nakadachi.kit.tls import client_context, node_host, server_context
from nakadachi.terms import NodeName

NOW = datetime.now(UTC)
CORE, INTERFACE = NodeName("core:9910000000000001"), NodeName("interface:9901000000000001")
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nanswer"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pki")
    authority = new_authority("authority", NOW)
    (folder / "authority.crt").write_bytes(authority.certificate.public_bytes(Encoding.PEM))
    for name, node in (("core", CORE), ("interface", INTERFACE)):
        (folder / name).mkdir()
        issue(authority, node_host(node), folder / name, NOW, server=True)
    return folder


def files_of(certificates, name):
    return certificates / name / "tls.crt", certificates / name / "tls.key", certificates / "authority.crt"


@pytest.fixture
async def core(certificates):
    """The core as raw bytes: what it answers is `answer`; `heard` are the requests, `connections` how many came."""
    told = SimpleNamespace(answer=OK, heard=[], connections=0, ends=False, breaks=0)

    async def talk(reader, writer):
        told.connections += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                told.heard.append((head, await reader.readexactly(length)))
                if told.breaks:
                    told.breaks -= 1
                    break
                if told.answer is None:
                    await asyncio.sleep(30)
                writer.write(told.answer)
                await writer.drain()
                if told.ends:
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0, ssl=server_context(*files_of(certificates, "core")))
    told.url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield told
    server.close()


@pytest.fixture
async def wire(certificates):
    opened = HttpWire(client_context(*files_of(certificates, "interface")))
    yield opened
    await opened.close()


async def test_a_frame_is_posted_and_its_answer_comes_back(core, wire):
    assert await wire.post(CORE, core.url, b"frame", seconds=5) == b"answer"
    ((head, body),) = core.heard
    assert head.startswith(b"POST /telegrams HTTP/1.1\r\n")
    assert f"Content-Type: {MEDIA_TYPE}".encode() in head
    assert body == b"frame"


async def test_a_connection_is_kept_and_used_again(core, wire):
    for _ in range(3):
        await wire.post(CORE, core.url, b"frame", seconds=5)
    assert core.connections == 1


async def test_another_protocols_request_gets_status_and_body(core, wire):
    core.answer = b"HTTP/1.1 409 Conflict\r\nContent-Length: 3\r\n\r\n17\n"
    assert await wire.request(CORE, core.url, "/add-checkpoint", b"old 0") == (409, b"17\n")
    assert core.heard[0][0].startswith(b"POST /add-checkpoint ")


@pytest.mark.parametrize("status", ["201 Created", "400 Bad Request", "403 Forbidden", "500 Oops"])
async def test_an_answer_of_another_status_is_none(core, wire, status):
    core.answer = f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode()
    with pytest.raises(Unreachable, match=f"{CORE} answered with status {status[:3]}"):
        await wire.post(CORE, core.url, b"frame", seconds=5)


@pytest.mark.parametrize(
    ("head", "seconds"),
    [("Retry-After: 7\r\n", 7.0), ("", None), ("Retry-After: Sat, 21 Nov 2026 10:00:00 GMT\r\n", None),
     ("Retry-After: -1\r\n", None), ("Retry-After: 99999999\r\n", 3600.0), ("Retry-After: 999999999\r\n", None)],
)  # fmt: skip
async def test_one_that_is_full_says_when_to_come_again(core, wire, head, seconds):
    core.answer = f"HTTP/1.1 503 Full\r\n{head}Content-Length: 0\r\n\r\n".encode()
    with pytest.raises(Unreachable, match=f"{CORE} takes nothing in") as unreachable:
        await wire.post(CORE, core.url, b"frame", seconds=5)
    assert unreachable.value.retry_after == seconds


async def test_we_are_not_sent_elsewhere(core, wire):
    core.answer = f"HTTP/1.1 307 Elsewhere\r\nLocation: {core.url}/x\r\nContent-Length: 0\r\n\r\n".encode()
    with pytest.raises(Unreachable, match="status 307"):
        await wire.post(CORE, core.url, b"frame", seconds=5)
    assert len(core.heard) == 1


async def test_another_node_at_the_address_is_not_spoken_to(core, wire):
    with pytest.raises(Unreachable, match=str(INTERFACE)):
        await wire.post(INTERFACE, core.url, b"frame", seconds=5)
    assert core.heard == []


async def test_no_answer_in_time_is_none(core, wire):
    core.answer = None
    with pytest.raises(Unreachable, match="TimeoutError"):
        await wire.post(CORE, core.url, b"frame", seconds=0.2)


async def test_nobody_there_is_said(wire):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(Unreachable, match="ClientConnectorError"):
            await wire.post(CORE, f"https://127.0.0.1:{taken.getsockname()[1]}", b"frame", seconds=2)
    with pytest.raises(Unreachable, match="InvalidUrl"):
        await wire.post(CORE, "no address", b"frame", seconds=2)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n" + bytes(1001),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"1f4\r\n" + bytes(500) + b"\r\n" + b"1f5\r\n" + bytes(501) + b"\r\n0\r\n\r\n",
    ],
    ids=["announced", "unannounced"],
)
async def test_an_answer_that_is_too_large_is_cut_off(core, wire, monkeypatch, answer):
    monkeypatch.setattr(client, "FRAME_LIMIT", 1000)
    core.answer = answer
    with pytest.raises(Unreachable, match=r"answered with .*100[01]? bytes|answered with more than 1000 bytes"):
        await wire.post(CORE, core.url, b"frame", seconds=5)


async def test_an_answer_in_chunks_within_the_limit_is_read(core, wire, monkeypatch):
    monkeypatch.setattr(client, "FRAME_LIMIT", 1000)
    core.answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3e8\r\n" + bytes(1000) + b"\r\n0\r\n\r\n"
    assert await wire.post(CORE, core.url, b"frame", seconds=5) == bytes(1000)


async def test_an_answer_that_breaks_off_is_none(core, wire):
    core.answer, core.ends = b"HTTP/1.1 200 OK\r\nContent-Length: 60\r\n\r\nanswer", True
    with pytest.raises(Unreachable, match="ClientPayloadError"):
        await wire.post(CORE, core.url, b"frame", seconds=5)


async def test_a_connection_that_breaks_is_tried_once_more_since_another_instance_may_be_there(core, wire):
    await wire.post(CORE, core.url, b"first", seconds=5)
    core.breaks = 1
    assert await wire.post(CORE, core.url, b"frame", seconds=5) == b"answer"
    assert [body for _, body in core.heard] == [b"first", b"frame", b"frame"]
    core.breaks = 2
    with pytest.raises(Unreachable, match="ServerDisconnectedError"):
        await wire.post(CORE, core.url, b"last", seconds=5)
    assert [body for _, body in core.heard[3:]] == [b"last", b"last"]


async def test_what_is_no_http_is_none(core, wire):
    core.answer = b"hello\r\n\r\n"
    with pytest.raises(Unreachable):
        await wire.post(CORE, core.url, b"frame", seconds=5)


async def test_a_wire_may_be_closed_twice_and_opens_again(core, wire):
    await wire.close()
    await wire.post(CORE, core.url, b"frame", seconds=5)
    await wire.close()
    await wire.close()
    assert await wire.post(CORE, core.url, b"frame", seconds=5) == b"answer"
