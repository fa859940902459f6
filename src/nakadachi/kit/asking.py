"""Asks a node how it fares, as an operator does: over its door, with a certificate of the network."""

from __future__ import annotations

import json
import ssl
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import aiohttp

from nakadachi.kit.client import CONNECT_SECONDS
from nakadachi.kit.tls import node_host

if TYPE_CHECKING:
    from nakadachi.kit.clock import Clock
    from nakadachi.terms import NodeName

ANSWER_SECONDS = 5.0
"""Longer than the node itself waits for its database."""


ORDER_SECONDS = 60.0
"""How long an order may take: people are counted."""


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
