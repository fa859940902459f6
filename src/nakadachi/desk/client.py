"""The desk's connection to an intermediate server: its HTTPS door, with the certificate of an existing system (M7).

It knows the door's paths and no database. A file is sent only after the server has agreed to take it.
"""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any, BinaryIO

import aiohttp

from nakadachi.desk.answers import (
    DeskError,
    Finding,
    Linked,
    LinkOrder,
    Loaded,
    Waiting,
    read_answer,
    read_links,
    read_result,
)
from nakadachi.desk.telling import CONNECT_SECONDS, said, why
from nakadachi.intermediate.files.reading import Reject
from nakadachi.intermediate.files.results import Result
from nakadachi.kit.client import broke
from nakadachi.kit.entropy import SystemEntropy
from nakadachi.kit.tls import client_context, node_host
from nakadachi.terms import NodeName, Role, Serial

ANSWER_SECONDS = 60.0
STREAM_SECONDS = 600.0
LOAD_SECONDS = 3600.0
"""How long the server may be silent: at a question, between two results, while it checks and loads a whole file."""
GOODBYE_TRIES, GOODBYE_SECONDS = 100, 0.01
PAUSES = (0.1, 0.3, 1.0, 2.0, 4.0)
"""How long the desk waits before it asks again where the connection broke: behind the address may be another instance.
Where an answer had begun to come, it begins to count anew."""
AWAY_PAUSES = (1.0, 2.0, 5.0, 10.0, 20.0, 30.0)
"""How long an order is asked after where its server is away: it goes on by itself once it is back."""
CHUNK_BYTES = 64 * 1024
CLOSED = -1
"""What a closed socket says instead of its number."""
_ADDRESS = re.compile(r"https://[^/?#\s]+/?")


@dataclass(frozen=True, slots=True)
class DeskConfig:
    """業務端末の設定: which intermediate server the desk works with, and the certificate it shows."""

    server: str = field(metadata={"doc": "address of the intermediate server", "example": "https://127.0.0.1:7443"})
    node: NodeName = field(
        metadata={"doc": "the intermediate server's node name", "example": "intermediate:9901000000000003"}
    )
    certificate: Path = field(metadata={"doc": "TLS certificate of this existing system (PEM)", "example": "desk.crt"})
    key: Path = field(metadata={"doc": "its private key (PEM)", "example": "desk.key"})
    authority: Path = field(
        metadata={"doc": "certificates of the authority that issues nodes' certificates (PEM)", "example": "ca.crt"}
    )

    def __post_init__(self) -> None:
        if not _ADDRESS.fullmatch(self.server):
            raise ValueError(f"server: {self.server!r} is not https://address:port")
        if self.node.role is not Role.INTERMEDIATE:
            raise ValueError(f"node: {self.node} is no intermediate server; write intermediate:<organisation code>")


class BrokenConnection(DeskError):  # noqa: N818  a state of the world
    """The connection ended before the answer was whole: nothing is known of what was asked."""


class DeskClient:
    """業務端末: asks one intermediate server. All methods raise DeskError with a text for the person at the desk."""

    def __init__(self, config: DeskConfig, session: aiohttp.ClientSession) -> None:
        self._config = config
        self._session = session

    async def load(self, kind: str, file: BinaryIO, *, accept_good_lines: bool = False, xml: bool = False) -> Loaded:
        """登録: load a file of `people`, `provisions` or `protections`, whole or not at all."""
        query = {"accept_good_lines": "1"} if accept_good_lines else {}
        if xml:
            query["form"] = "xml"
        _, raw = await self._whole("POST", kind, query=query, file=file, seconds=LOAD_SECONDS)
        return read_answer(raw, Loaded)

    async def link(self, file: BinaryIO) -> tuple[Linked, ...] | Loaded:
        """符号付番: issue link codes for a people file; Loaded with its rejects where the file was refused (M1)."""
        status, raw = await self._whole("POST", "link", file=file, seconds=LOAD_SECONDS)
        if status == HTTPStatus.UNPROCESSABLE_ENTITY:
            return read_answer(raw, Loaded)
        return read_links(raw)

    async def order_links(self, name: str, file: BinaryIO) -> LinkOrder:
        """付番の注文: register and link the people of a file; sent again under its name, it is the same order (M1)."""
        _, raw = await self._whole("POST", f"orders/{name}", file=file, seconds=LOAD_SECONDS)
        return read_answer(raw, LinkOrder)

    async def link_order(self, name: str) -> LinkOrder:
        """進捗: how an order stands; asked again for a while where the server is away."""
        for pause in (*AWAY_PAUSES, None):
            try:
                return read_answer((await self._whole("GET", f"orders/{name}"))[1], LinkOrder)
            except DeskError:
                if pause is None:
                    raise
                await asyncio.sleep(pause)
        raise AssertionError

    async def unlinked(self, name: str, after: int) -> tuple[Reject, ...]:
        """差戻し一覧: the next lines of an order's file, from the one after `after` on, that led to no code."""
        _, raw = await self._whole("GET", f"orders/{name}/unlinked", query={"after": str(after)})
        return read_answer(raw, tuple[Reject, ...])

    async def order_recheck(self, name: str) -> LinkOrder:
        """再確認の注文: hold all links against register and core; sent again under its name, it is the same (L5)."""
        return read_answer((await self._whole("POST", f"rechecks/{name}"))[1], LinkOrder)

    async def recheck_findings(self, name: str) -> tuple[Finding, ...]:
        """再確認の結果: what a re-check found, the newest first."""
        return read_answer((await self._whole("GET", f"rechecks/{name}/findings"))[1], tuple[Finding, ...])

    async def inquire(self, file: BinaryIO, query: Mapping[str, str]) -> AsyncGenerator[Result, None]:
        """大量照会: one result per line of an inquiry file, in order, as the server knows each (M2).

        It ends only where the server said that this was all. Where the connection breaks before, the file is sent
        again under the same number, which begins no inquiry anew (N3); DeskError once that does not help.
        """
        key, last = SystemEntropy().bytes(16).hex(), 0
        pauses = iter(PAUSES)
        while True:
            told = last
            try:
                async for result in self._results(file, query, key):
                    if result.line > told:
                        last, pauses = result.line, iter(PAUSES)
                        yield result
            except BrokenConnection:
                if (pause := next(pauses, None)) is None:
                    raise
                await asyncio.sleep(pause)
                file.seek(0)
            else:
                return

    async def _results(self, file: BinaryIO, query: Mapping[str, str], key: str) -> AsyncGenerator[Result, None]:
        headers = {"Idempotency-Key": f'"{key}"'}
        asking = self._ask("POST", "inquiries", query=query, file=file, seconds=STREAM_SECONDS, headers=headers)
        async with asking as answer:
            rest = b""
            async for chunk in answer.content.iter_any():
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    yield read_result(line)
            if rest:
                raise DeskError("the last result is cut off")

    async def pending(self) -> tuple[Waiting, ...]:
        """保留一覧: what waits for our staff, the oldest first (M3)."""
        return read_answer((await self._whole("GET", "held"))[1], tuple[Waiting, ...])

    async def settle(self, serial: Serial, decision: str, query: Mapping[str, str]) -> None:
        """職員の判断: `answer` or `refuse` what was held back."""
        async with self._ask("POST", f"held/{serial}/{decision}", query=query):
            pass

    async def cancel(self, serial: Serial, query: Mapping[str, str]) -> None:
        """照会の取消: the answer to an inquiry of ours is no longer wanted."""
        async with self._ask("POST", f"inquiries/{serial}/cancel", query=query):
            pass

    async def findings(self) -> tuple[Finding, ...]:
        """確認事項: what staff should look at, the newest first."""
        return read_answer((await self._whole("GET", "findings"))[1], tuple[Finding, ...])

    async def result(self, serial: Serial) -> Result:
        """照会結果: what became of one inquiry of ours."""
        return read_result((await self._whole("GET", f"inquiries/{serial}"))[1])

    async def _whole(self, method: str, path: str, *, file: BinaryIO | None = None, **more: Any) -> tuple[int, bytes]:
        """Status and body of an answer to what may be asked twice: asked again where the connection broke."""
        for pause in (*PAUSES, None):
            try:
                async with self._ask(method, path, file=file, **more) as answer:
                    return answer.status, await answer.read()
            except BrokenConnection:
                if pause is None:
                    raise
                await asyncio.sleep(pause)
                if file is not None:
                    file.seek(0)
        raise AssertionError

    @asynccontextmanager
    async def _ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        file: BinaryIO | None = None,
        seconds: float = ANSWER_SECONDS,
        headers: Mapping[str, str] | None = None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """An answer of the door: 200, or 422 for a file with rejects. All else is a DeskError, also while reading."""
        config = self._config
        try:
            async with self._session.request(
                method,
                f"{config.server.rstrip('/')}/existing/{path}",
                params=query,
                data=None if file is None else _chunks(file),
                headers=headers,
                expect100=file is not None,  # nothing personal is sent to a server that would not take it
                server_hostname=node_host(config.node),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=seconds),
                allow_redirects=False,
            ) as answer:
                if answer.status not in {HTTPStatus.OK, HTTPStatus.UNPROCESSABLE_ENTITY}:
                    raise DeskError(said(config, answer.status, await answer.read()))
                yield answer
        except (aiohttp.ClientError, OSError, TimeoutError) as wrong:
            kind = BrokenConnection if broke(wrong) else DeskError
            raise kind(why(config, wrong, seconds)) from None


async def _chunks(file: BinaryIO) -> AsyncGenerator[bytes, None]:
    """What a file holds from here on; it stays open, since it may have to be sent again."""
    while chunk := await asyncio.to_thread(file.read, CHUNK_BYTES):
        yield chunk


@asynccontextmanager
async def open_desk(config: DeskConfig) -> AsyncIterator[DeskClient]:
    """A client for as long as it is needed. Raises DeskError where the certificate cannot be used."""
    for path in (config.certificate, config.key, config.authority):
        try:
            path.open("rb").close()
        except OSError as wrong:
            raise DeskError(f"{path}: cannot be read ({wrong.strerror}); the desk's configuration names it") from None
    try:
        context = client_context(config.certificate, config.key, config.authority)
    except OSError as wrong:
        raise DeskError(
            f"{config.certificate}, {config.key} and {config.authority}: not a certificate, its key and an authority"
            f" in PEM ({wrong.strerror or type(wrong).__name__})"
        ) from None
    sockets: list[socket.socket] = []

    def new_socket(address: aiohttp.AddrInfoType) -> socket.socket:
        sockets.append(socket.socket(*address[:3]))
        return sockets[-1]

    connector = aiohttp.TCPConnector(ssl=context, socket_factory=new_socket)
    try:
        async with aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as session:
            yield DeskClient(config, session)
    finally:
        await _closed(sockets)


async def _closed(sockets: Sequence[socket.socket]) -> None:
    """Wait, but not long, until TLS has said goodbye where an exchange was not over; else the loop would end first."""
    for _ in range(GOODBYE_TRIES):
        if all(one.fileno() == CLOSED for one in sockets):
            return
        await asyncio.sleep(GOODBYE_SECONDS)
