"""Send once: one request to one node over mutual TLS, its answer or the reason why there is none."""

from __future__ import annotations

import ssl
from http import HTTPStatus
from typing import Protocol

import aiohttp

from nakadachi import __version__
from nakadachi.kit.tls import node_host
from nakadachi.telegrams.codec import FRAME_LIMIT
from nakadachi.terms import NodeName

CONNECT_SECONDS = 2.0
MEDIA_TYPE = "application/vnd.nakadachi.telegrams+msgpack"
REQUEST_SECONDS = 5.0
LONGEST_RETRY_SECONDS = 3600.0
VERSION_HEADER = "Nakadachi-Version"
"""Names the software of whoever asks, so that one below the minimum is refused (L9)."""
_HEADERS = {"Content-Type": MEDIA_TYPE, VERSION_HEADER: __version__}


class Unreachable(Exception):  # noqa: N818  a state of the world, not a fault of ours
    """No answer: not connected, timed out, or not an answer of the network. Nothing is known of the other side.

    `connected` is False where there was not even a connection, so that nothing can have reached it. `retry_after`:
    seconds after which the other side, which was reached and took nothing in, wants to be asked again.
    """

    def __init__(self, text: str, retry_after: float | None = None, *, connected: bool = True) -> None:
        super().__init__(text)
        self.retry_after = retry_after
        self.connected = connected


class Wire(Protocol):
    """The network as a node sees it; a test may replace it."""

    async def post(self, to: NodeName, url: str, body: bytes, *, seconds: float) -> bytes:
        """The body of the answer to a frame of telegrams. Raises Unreachable."""
        ...

    async def request(self, to: NodeName, url: str, path: str, body: bytes) -> tuple[int, bytes]:
        """One request that is no telegram (a witness's protocol): status and body of the answer. Raises Unreachable."""
        ...

    async def close(self) -> None:
        """Give up all connections."""
        ...


class HttpWire:
    """The real wire: one pool of TLS connections per node, kept open (a handshake costs as much as 60 requests)."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        self._session: aiohttp.ClientSession | None = None

    async def post(self, to: NodeName, url: str, body: bytes, *, seconds: float) -> bytes:
        """See Wire. The other side must hold the certificate of `to`."""
        status, answer, retry_after = await self._send(to, f"{url}/telegrams", body, seconds)
        if status == HTTPStatus.SERVICE_UNAVAILABLE:
            raise Unreachable(f"{to} takes nothing in at the moment", read_retry_after(retry_after))
        if status != HTTPStatus.OK:
            raise Unreachable(f"{to} answered with status {status}")
        return answer

    async def request(self, to: NodeName, url: str, path: str, body: bytes) -> tuple[int, bytes]:
        """See Wire."""
        status, answer, _ = await self._send(to, url + path, body, REQUEST_SECONDS)
        return status, answer

    async def close(self) -> None:
        """See Wire."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _send(self, to: NodeName, url: str, body: bytes, seconds: float) -> tuple[int, bytes, str]:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, ssl=self._context, keepalive_timeout=60),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
            )
        try:
            try:
                return await self._once(self._session, to, url, body, seconds)
            except aiohttp.ClientError as wrong:
                # A connection that broke says nothing of the node: behind its address may be another instance. What is
                # sent twice takes effect once (design 2.8).
                if not broke(wrong):
                    raise
                return await self._once(self._session, to, url, body, seconds)
        except (aiohttp.ClientError, TimeoutError, ssl.SSLError, OSError) as wrong:
            refused = isinstance(wrong, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError)
            raise Unreachable(f"{to}: {type(wrong).__name__}", connected=not refused) from wrong

    @staticmethod
    async def _once(
        session: aiohttp.ClientSession, to: NodeName, url: str, body: bytes, seconds: float
    ) -> tuple[int, bytes, str]:
        async with session.post(
            url,
            data=body,
            server_hostname=node_host(to),
            headers=_HEADERS,
            timeout=aiohttp.ClientTimeout(total=seconds, sock_connect=CONNECT_SECONDS),
            allow_redirects=False,
        ) as response:
            return response.status, await _read(response, to), response.headers.get("Retry-After", "")


def read_retry_after(text: str) -> float | None:
    """The seconds of a Retry-After header (RFC 9110 10.2.3), at most an hour; None for none, and for a date."""
    return min(float(text), LONGEST_RETRY_SECONDS) if text.isascii() and text.isdecimal() and len(text) < 9 else None


def broke(wrong: Exception) -> bool:
    """Whether a connection that was there ended before the answer did; not one that was refused or never came."""
    if isinstance(wrong, aiohttp.ClientConnectorError):
        return isinstance(wrong.os_error, ConnectionResetError | ConnectionAbortedError | BrokenPipeError)
    return isinstance(wrong, aiohttp.ServerDisconnectedError | aiohttp.ClientPayloadError | aiohttp.ClientOSError)


async def _read(response: aiohttp.ClientResponse, to: NodeName) -> bytes:
    """The body, cut off where it is larger than any answer may be, whatever length was announced. Raises
    Unreachable.
    """
    if (response.content_length or 0) > FRAME_LIMIT:
        raise Unreachable(f"{to} answered with {response.content_length} bytes, at most {FRAME_LIMIT}")
    if response.content_length is not None:
        return await response.read()
    chunks, size = [], 0
    async for chunk in response.content.iter_any():
        size += len(chunk)
        if size > FRAME_LIMIT:
            raise Unreachable(f"{to} answered with more than {FRAME_LIMIT} bytes")
        chunks.append(chunk)
    return b"".join(chunks)
