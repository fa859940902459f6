"""Asking a node how it fares: what it says, how far its clock is off, and in our own words why it says nothing."""

import asyncio
import socket
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from starlette.applications import Starlette
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route

from nakadachi.country.pki import issue, new_authority
from nakadachi.kit import asking
from nakadachi.kit.asking import Silent, ask
from nakadachi.kit.clock import SystemClock
from nakadachi.kit.listening import Listening, WebServer
from nakadachi.kit.tls import client_context, node_host
from nakadachi.terms import NodeName
from tests.tap import free_ports

CORE, OTHER = NodeName("core:9910000000000001"), NodeName("core:9910000000000002")
NOW = datetime.now(UTC)
AHEAD = timedelta(seconds=100)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The core's certificate and its authority's."""
    made = tmp_path_factory.mktemp("pki")
    authority = new_authority("authority", NOW)
    (made / "authority.crt").write_bytes(authority.certificate.public_bytes(Encoding.PEM))
    issue(authority, node_host(CORE), made, NOW, server=True)
    return made


@pytest.fixture
def context(folder):
    return client_context(folder / "tls.crt", folder / "tls.key", folder / "authority.crt")


@pytest.fixture
async def url(folder):
    """A node whose clock is ahead; it answers well, with an error, and with what is no JSON."""

    async def live(_request):
        return JSONResponse({"now": (datetime.now(UTC) + AHEAD).isoformat()})

    async def well(_request):
        return JSONResponse({"backlog": 3})

    async def broken(_request):
        return PlainTextResponse("no", 500)

    async def odd(_request):
        return PlainTextResponse("what is this")

    paths = {"/livez": live, "/status": well, "/broken": broken, "/odd": odd}
    port = free_ports(1)
    listening = Listening("127.0.0.1", port, folder / "tls.crt", folder / "tls.key", folder / "authority.crt")
    server = WebServer(Starlette(routes=[Route(path, one) for path, one in paths.items()]), listening)
    task = await server.run_until_started(asyncio.create_task)
    yield f"https://127.0.0.1:{port}"
    server.should_exit = True
    await task


async def test_a_node_says_how_it_fares_and_its_clock_is_compared(url, context):
    answered = await ask(context, CORE, url, "/status", SystemClock())
    assert answered.words == {"backlog": 3}
    assert abs(answered.offset_seconds - AHEAD.total_seconds()) <= answered.within_seconds + 0.001
    assert answered.within_seconds >= 0


@pytest.mark.parametrize(
    ("path", "why"), [("/broken", "answers /broken with status 500"), ("/odd", "answers /odd with what is no word")]
)
async def test_an_answer_that_is_none_is_told_as_what_it_is(url, context, path, why):
    with pytest.raises(Silent, match=why) as silent:
        await ask(context, CORE, url, path, SystemClock())
    assert not silent.value.stopped


async def test_a_certificate_of_another_node_is_not_taken(url, context):
    with pytest.raises(Silent, match="TLS: ") as silent:
        await ask(context, OTHER, url, "/status", SystemClock())
    assert not silent.value.stopped


async def test_where_nothing_listens_a_node_is_stopped(context):
    with pytest.raises(Silent, match="nothing listens there") as silent:
        await ask(context, CORE, f"https://127.0.0.1:{free_ports(1)}", "/status", SystemClock())
    assert silent.value.stopped


async def test_one_that_takes_the_connection_and_says_nothing_is_not_stopped(context, monkeypatch):
    monkeypatch.setattr(asking, "ANSWER_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"https://127.0.0.1:{listening.getsockname()[1]}"
        with pytest.raises(Silent, match="no answer within") as silent:
            await ask(context, CORE, url, "/status", SystemClock())
    assert not silent.value.stopped
