"""Asks a node how it fares, as an operator does: over its door, with a certificate of the network."""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import aiohttp

from nakadachi.kit.client import CONNECT_SECONDS, broke
from nakadachi.kit.tls import node_host

if TYPE_CHECKING:
    from nakadachi.kit.clock import Clock
    from nakadachi.terms import NodeName

ANSWER_SECONDS = 5.0
"""Longer than the node itself waits for its database."""


ORDER_SECONDS = 60.0
"""How long an order may take: people are counted."""
READERS = 8
"""Connections over which files are read at once."""


class Silent(Exception):  # noqa: N818  a state of the world
    """No answer: `stopped` where nothing listens there, else the text says what came in its place."""

    def __init__(self, why: str, *, stopped: bool = False) -> None:
        super().__init__(why)
        self.stopped = stopped


@dataclass(frozen=True, slots=True)
class Answered:
    """What a node said; how far its clock is ahead of ours, in seconds, and how much that may be wrong."""

    words: Any
    offset_seconds: float
    within_seconds: float


async def ask(context: ssl.SSLContext, name: NodeName, url: str, path: str, clock: Clock) -> Answered:
    """What a node says at `path`, as JSON. Raises Silent."""
    timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS, sock_connect=CONNECT_SECONDS)
    host = node_host(name)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context), timeout=timeout) as session:
        try:
            # The connection is made before the clocks are compared: a handshake would look like a slow answer.
            await _get(session, url, "/livez", host)
            asked_at = clock.now()
            alive = await _get(session, url, "/livez", host)
            half = (clock.now() - asked_at) / 2
            offset = datetime.fromisoformat(alive["now"]) - asked_at - half
            words = await _get(session, url, path, host)
        except (aiohttp.ClientError, OSError, TimeoutError) as wrong:
            raise _silent(wrong) from wrong
        except (ValueError, KeyError, TypeError):
            raise Silent(f"answers {path} with what is no word of a node") from None
    return Answered(words, offset.total_seconds(), half.total_seconds())


@dataclass(frozen=True, slots=True)
class Door:
    """A running node's door, for those who operate it: its certificate's owner, its name and its address."""

    context: ssl.SSLContext
    name: NodeName
    url: str

    async def get(self, path: str) -> Any:
        """What it says at `path`. Raises Silent."""
        async with self._session() as session:
            try:
                return await _get(session, self.url, path, node_host(self.name))
            except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as wrong:
                raise _silent(wrong) from wrong

    async def post(self, path: str, words: Any) -> Any:
        """What it says to `words`, whatever the status. Raises Silent."""
        async with self._session() as session:
            try:
                asked = session.post(self.url + path, json=words, server_hostname=node_host(self.name))
                async with asked as answer:
                    return json.loads(await answer.read())
            except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as wrong:
                raise _silent(wrong) from wrong

    def _session(self) -> aiohttp.ClientSession:
        timeout = aiohttp.ClientTimeout(total=ORDER_SECONDS, sock_connect=CONNECT_SECONDS)
        return aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=self.context), timeout=timeout)


MOST_FILE_BYTES = 17 * 1024 * 1024
"""Above the largest bundle of entries there can be (256 of 65,535 bytes)."""
Read = Callable[[str], Awaitable[bytes | None]]
"""A path -> the bytes there; None where nothing is. Raises Silent."""


@asynccontextmanager
async def reading(context: ssl.SSLContext, url: str, host: str | None) -> AsyncIterator[Read]:
    """Read files below `url`, over a few connections that stay open. `host` is the name that the other side's
    certificate must have, where that is not the one in `url`.
    """
    timeout = aiohttp.ClientTimeout(total=ORDER_SECONDS, sock_connect=CONNECT_SECONDS)
    connector = aiohttp.TCPConnector(ssl=context, limit=READERS)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout, auto_decompress=True) as session:

        async def once(path: str) -> bytes | None:
            async with session.get(f"{url}/{path}", server_hostname=host, allow_redirects=False) as answer:
                if answer.status == HTTPStatus.NOT_FOUND:
                    return None
                if answer.status != HTTPStatus.OK:
                    raise Silent(f"answers {path} with status {answer.status}")
                return await _limited(answer, path)

        async def read(path: str) -> bytes | None:
            try:
                try:
                    return await once(path)
                except aiohttp.ClientError as wrong:
                    if not broke(wrong):
                        raise
                    return await once(path)
            except (aiohttp.ClientError, OSError, TimeoutError) as wrong:
                raise _silent(wrong) from wrong

        yield read


async def _limited(answer: aiohttp.ClientResponse, path: str) -> bytes:
    found = bytearray()
    async for chunk in answer.content.iter_any():
        found += chunk
        if len(found) > MOST_FILE_BYTES:
            raise Silent(f"answers {path} with more than {MOST_FILE_BYTES} bytes")
    return bytes(found)


async def _get(session: aiohttp.ClientSession, url: str, path: str, host: str) -> Any:
    async with session.get(url + path, server_hostname=host) as answer:
        if answer.status != HTTPStatus.OK:
            raise Silent(f"answers {path} with status {answer.status}")
        return json.loads(await answer.read())


def _silent(wrong: Exception) -> Silent:
    """Why there is no answer, in words of our own."""
    if isinstance(wrong, aiohttp.ClientConnectorCertificateError | aiohttp.ClientConnectorSSLError | ssl.SSLError):
        return Silent(f"TLS: {type(wrong).__name__}; is its certificate this network's, and still valid?")
    if isinstance(wrong, aiohttp.ClientConnectorError) and isinstance(wrong.os_error, ConnectionRefusedError):
        return Silent("nothing listens there", stopped=True)
    if isinstance(wrong, TimeoutError):
        return Silent(f"no answer within {ANSWER_SECONDS:.0f} s")
    return Silent(type(wrong).__name__)
