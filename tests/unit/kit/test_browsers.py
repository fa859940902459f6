"""Where people's browsers come in: TLS without a certificate of theirs, or this machine alone."""

from __future__ import annotations

import asyncio
import ssl
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from nakadachi.country.pki import issue, new_authority
from nakadachi.kit.config import ConfigError
from nakadachi.kit.listening import Browsers, WebServer, browsers
from tests.tap import free_ports


async def test_a_browser_shows_no_certificate_and_speaks_tls_13(tmp_path):
    now = datetime.now(UTC)
    authority = new_authority("test authority", now)
    issue(authority, "pages.example", tmp_path, now, server=True)
    port = free_ports(1)
    app = Starlette(routes=[Route("/", lambda _: PlainTextResponse("here"))])
    server = WebServer(app, browsers(f"127.0.0.1:{port}", tmp_path / "tls.crt", tmp_path / "tls.key"))
    task = await server.run_until_started(asyncio.create_task)
    trust = ssl.create_default_context(cadata=authority.certificate.public_bytes(Encoding.PEM).decode())
    old = ssl.create_default_context(cadata=authority.certificate.public_bytes(Encoding.PEM).decode())
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    try:
        async with aiohttp.ClientSession() as session:
            how = {"server_hostname": "pages.example"}
            async with session.get(f"https://127.0.0.1:{port}/", ssl=trust, **how) as answer:
                assert await answer.text() == "here"
            with pytest.raises(aiohttp.ClientConnectorError):
                await session.get(f"https://127.0.0.1:{port}/", ssl=old, **how)
    finally:
        server.should_exit = True
        await task


@pytest.mark.parametrize(
    ("listen", "certificate", "key", "says"),
    [
        ("0.0.0.0:443", None, None, "without a certificate"),
        ("192.0.2.1:443", None, None, "without a certificate"),
        ("pages.example:443", None, None, "without a certificate"),
        ("127.0.0.1", None, None, "address:port"),
        ("127.0.0.1:0", None, None, "address:port"),
        ("127.0.0.1:443", Path("a"), None, "both or neither"),
    ],
)
def test_what_would_be_open_to_others_in_the_clear_is_refused(listen, certificate, key, says):
    with pytest.raises(ConfigError, match=says):
        browsers(listen, certificate, key)


def test_a_loopback_address_needs_no_certificate():
    assert browsers("[::1]:7480", None, None) == Browsers("::1", 7480)
