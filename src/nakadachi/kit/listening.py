"""Where a system listens: HTTPS with client certificates, or this machine alone; a server that leaves signals alone.

The peer's certificate is read once per connection.
"""

from __future__ import annotations

import asyncio
import functools
import socket
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Protocol

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from nakadachi.kit.config import ConfigError
from nakadachi.kit.lanes import Limits
from nakadachi.kit.tls import PeerCertificate, browser_context, read_certificate, server_context

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from starlette.applications import Starlette


class PeerCertificateProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol, with what the client's certificate says in the scope's extensions."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # narrower in the stub
        """Read the certificate once, for all requests of the connection."""
        super().connection_made(transport)
        tls = transport.get_extra_info("ssl_object")
        if tls is not None:
            peer = read_certificate(tls.getpeercert(binary_form=True))
            self.app = functools.partial(_with_peer, self.app, peer)


async def _with_peer(app: Any, peer: PeerCertificate | None, scope: dict[str, Any], receive: Any, send: Any) -> None:
    scope["nakadachi.peer"] = peer
    await app(scope, receive, send)


@dataclass(frozen=True, slots=True)
class Listening:
    """Where a system listens, and with which certificate; `authority` is who must have issued the client's."""

    host: str
    port: int
    certificate: Path
    key: Path
    authority: Path
    connections: int = Limits().connections


@dataclass(frozen=True, slots=True)
class Loopback:
    """Where a system listens for this machine alone, without TLS."""

    host: str
    port: int
    connections: int = Limits().connections


@dataclass(frozen=True, slots=True)
class Browsers:
    """Where a system listens for people: over TLS, asking for no certificate of theirs, or on this machine alone."""

    host: str
    port: int
    certificate: Path | None = None
    key: Path | None = None
    connections: int = Limits().connections


class Certified(Protocol):
    """Where a node's certificate lies, as its configuration says."""

    @property
    def certificate(self) -> Path:
        """Its TLS certificate."""
        ...

    @property
    def key(self) -> Path:
        """The certificate's private key."""
        ...

    @property
    def authority(self) -> Path:
        """Who must have issued a client's certificate."""
        ...


def https(listen: str, files: Certified, connections: int) -> Listening:
    """Where a node listens. Raises ConfigError where `listen` is not address:port."""
    host, _, port = listen.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise ConfigError(f"listen = {listen!r}: write address:port, such as 127.0.0.1:7443")
    return Listening(host, int(port), files.certificate, files.key, files.authority, connections)


def loopback(metrics: str) -> Loopback:
    """Where a node shows its metrics without TLS. Raises ConfigError where `metrics` is no loopback address:port."""
    host, _, port = metrics.rpartition(":")
    host = host.strip("[]")
    try:
        inside = ip_address(host).is_loopback
    except ValueError:
        inside = False
    if not inside or not port.isdigit() or not 0 < int(port) < 65536:
        raise ConfigError(f"metrics = {metrics!r}: write a loopback address and a port, such as 127.0.0.1:9464")
    return Loopback(host, int(port))


def browsers(listen: str, certificate: Path | None, key: Path | None) -> Browsers:
    """Where a system listens for people. Raises ConfigError: without a certificate only this machine may come."""
    host, _, port = listen.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise ConfigError(f"pages.listen = {listen!r}: write address:port, such as 127.0.0.1:7480")
    if (certificate is None) != (key is None):
        raise ConfigError("pages.certificate and pages.key: set both or neither")
    try:
        inside = ip_address(host.strip("[]")).is_loopback
    except ValueError:
        inside = False
    if certificate is None and not inside:
        raise ConfigError(f"pages.listen = {listen!r}: without a certificate it must be a loopback address")
    return Browsers(host.strip("[]"), int(port), certificate, key)


class PortTaken(Exception):  # noqa: N818  a state of the world
    """The address cannot be listened on; the message says which and why."""


class WebServer(uvicorn.Server):
    """A uvicorn server that leaves signals to whoever runs it, so that many live in one process."""

    def __init__(self, app: Starlette, listening: Listening | Loopback | Browsers) -> None:
        config = uvicorn.Config(
            app,
            host=listening.host,
            port=listening.port,
            http=PeerCertificateProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=3,
            backlog=1024,
            limit_concurrency=listening.connections,
        )
        config.load()
        if isinstance(listening, Listening):
            config.ssl = server_context(listening.certificate, listening.key, listening.authority)
        elif isinstance(listening, Browsers) and listening.certificate and listening.key:
            config.ssl = browser_context(listening.certificate, listening.key)
        super().__init__(config)
        self._where = f"{listening.host}:{listening.port}"

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Nothing: the process's owner handles SIGINT and SIGTERM once."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen. Raises PortTaken, where uvicorn would end the process and with it every other system in it."""
        try:
            await super().startup(sockets)
        except SystemExit as end:
            raise PortTaken(f"{self._where}: cannot listen there ({end.__context__})") from None

    async def run_until_started(self, spawn: Callable[[Any], asyncio.Task[Any]]) -> asyncio.Task[Any]:
        """Serve in a task of its own; returns once it listens. Raises PortTaken."""
        task = spawn(self.serve())
        while not self.started:
            if task.done():
                await task
                raise PortTaken(f"{self._where}: the server ended before it listened")
            await asyncio.sleep(0.005)
        return task
