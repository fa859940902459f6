"""検証者・窓口・台帳の側: the service as another system sees it, over HTTPS with that system's own certificate.

A verifier asks for the state of one certificate at a time, or fetches the list that it would stand in; what comes back
is verified before it counts. Nothing but the certificate's serial number leaves the verifier.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
import msgspec

from nakadachi.kit.clock import Clock, SystemClock
from nakadachi.kit.entropy import Entropy, SystemEntropy
from nakadachi.kit.tls import client_context
from nakadachi.neighbours.jpki import ocsp, words
from nakadachi.neighbours.jpki.faults import Fault, NotAccepted, NotDone, Objection
from nakadachi.neighbours.jpki.jpki_store import hexed
from nakadachi.neighbours.jpki.lists import LIST_LIMIT, RevocationList, read_list
from nakadachi.neighbours.jpki.reading import HolderCertificate
from nakadachi.neighbours.jpki.rules import Holder, ResidentChange
from nakadachi.neighbours.jpki.verifying import Accepted, Anchors, Answered, Freshness, require_issued, verify
from nakadachi.refusal import Refusal
from nakadachi.telegrams.codec import decode_json

C = TypeVar("C", bound=HolderCertificate)
W = TypeVar("W", bound=words.Words)

CONNECT_SECONDS = 3.0
ANSWER_SECONDS = 10.0
NONCE_BYTES = 32
"""RFC 9654, 2.1."""
_ADDRESS = re.compile(r"https://[^/?#\s]+/?")


class JpkiError(Exception):
    """The service gave no answer that can be used; the text is for a person, in both languages."""


@dataclass(frozen=True, slots=True)
class ClientConfig:
    """公的個人認証サービスへの接続: its address, and the certificate that is shown to it."""

    server: str = field(metadata={"doc": "address of the service", "example": "https://127.0.0.1:7480"})
    certificate: Path = field(metadata={"doc": "TLS certificate of this client (PEM)", "example": "counter.crt"})
    key: Path = field(metadata={"doc": "its private key (PEM)", "example": "counter.key"})
    authority: Path = field(
        metadata={"doc": "certificates of the authority that issued the service's own (PEM)", "example": "ca.crt"}
    )
    host: str = field(
        default="", metadata={"doc": "DNS name in the service's TLS certificate, where it is not that of the address"}
    )

    def __post_init__(self) -> None:
        if not _ADDRESS.fullmatch(self.server):
            raise ValueError(f"server: {self.server!r} is not https://address:port")


class JpkiClient:
    """A client of the service. What it may ask is the service's to say."""

    def __init__(self, config: ClientConfig, session: aiohttp.ClientSession, *, clock: Clock, entropy: Entropy) -> None:
        self._config, self._session, self._clock, self._entropy = config, session, clock, entropy

    # What a verifier asks

    async def anchors(self) -> Anchors:
        """信頼点: the authorities' certificates. A verifier that does not want to trust this connection for them brings
        its own. Raises JpkiError.
        """
        try:
            return Anchors.from_pem(await self._whole("GET", "authorities"))
        except ValueError as wrong:
            raise JpkiError(f"認証局の証明書を読み取れません / {wrong}") from None

    async def check(self, certificate: C, anchors: Anchors) -> Accepted[C]:
        """証明書の検証 now, with the responder's own word on it. Raises NotAccepted with the fault."""
        now = self._clock.now()
        issuer = require_issued(certificate, now, anchors)
        nonce = self._entropy.bytes(NONCE_BYTES)
        der = await self._status("POST", "ocsp", ocsp.write_question(certificate, issuer, nonce))
        return verify(certificate, self._clock.now(), anchors, Answered(der, nonce))

    async def check_by_list(
        self, certificate: C, anchors: Anchors, *, freshness: Freshness | None = None
    ) -> Accepted[C]:
        """証明書の検証 now, with the list of its municipality, fetched anew. Raises NotAccepted with the fault."""
        require_issued(certificate, self._clock.now(), anchors)
        known = await self.revocations(certificate)
        return verify(certificate, self._clock.now(), anchors, known, freshness)

    async def revocations(self, certificate: HolderCertificate) -> RevocationList:
        """失効リスト of a certificate's municipality, not verified yet; it serves until its next update.

        Raises NotAccepted(STATUS_AWAY, STATUS_WRONG).
        """
        raw = await self._status("GET", f"lists/{certificate.list_name}")
        try:
            return read_list(raw)
        except Refusal as refused:
            raise NotAccepted(Fault.STATUS_WRONG, refused.detail) from None

    async def linkage(self, certificate: HolderCertificate) -> words.LinkageWords:
        """証明書の対応関係, as serial numbers in hexadecimal. Raises NotDone(NOT_FOUND), JpkiError."""
        asked = words.SerialWords(certificate.kind, hexed(certificate.serial))
        return await self._ask("linkage", asked, words.LinkageWords)

    # What the register and the card issuer tell

    async def resident_changed(self, changes: Sequence[ResidentChange]) -> int:
        """異動の通知; see changes.ChangeListener. Raises JpkiError."""
        told = 0
        for start in range(0, len(changes), words.CHANGES_LIMIT):
            some = changes[start : start + words.CHANGES_LIMIT]
            asked = words.ChangesWords(
                tuple(words.ChangeWords(one.event, one.holder.value, one.change, one.at) for one in some)
            )
            told += (await self._ask("changes", asked, words.DoneWords)).count
        return told

    # What a counter asks

    async def issue(self, application: words.IssueWords) -> words.CertificateWords:
        """発行・更新. Raises NotDone with the objection, JpkiError."""
        return await self._ask("issue", application, words.CertificateWords)

    async def revoke(self, one: words.SerialWords) -> words.CertificateWords:
        """失効. Raises NotDone, JpkiError."""
        return await self._ask("revoke", one, words.CertificateWords)

    async def suspend(self, one: words.SerialWords) -> words.CertificateWords:
        """一時停止. Raises NotDone, JpkiError."""
        return await self._ask("suspend", one, words.CertificateWords)

    async def resume(self, one: words.SerialWords) -> words.CertificateWords:
        """一時停止の解除. Raises NotDone, JpkiError."""
        return await self._ask("resume", one, words.CertificateWords)

    async def certificates(self, holder: Holder) -> tuple[words.CertificateWords, ...]:
        """All certificates of a holder, the newest first. Raises JpkiError."""
        return (await self._ask("certificates", words.HolderWords(holder.value), words.CertificatesWords)).certificates

    async def publish(self) -> int:
        """失効リストの即時発行: how many were issued. Raises JpkiError."""
        return read_words(await self._whole("POST", "publish"), words.DoneWords).count

    async def status(self) -> words.StatusWords:
        """発行状況. Raises JpkiError."""
        return read_words(await self._whole("GET", "status"), words.StatusWords)

    async def _ask(self, path: str, asked: words.Words, kind: type[W]) -> W:
        return read_words(await self._whole("POST", path, words.encode(asked)), kind)

    async def _status(self, method: str, path: str, body: bytes | None = None) -> bytes:
        """What is known of a certificate's state. Raises NotAccepted(STATUS_AWAY)."""
        try:
            return await self._whole(method, path, body)
        except (JpkiError, NotDone) as wrong:
            raise NotAccepted(Fault.STATUS_AWAY, str(wrong)) from None

    async def _whole(self, method: str, path: str, body: bytes | None = None) -> bytes:
        url = f"{self._config.server.rstrip('/')}/{path}"
        try:
            async with self._session.request(
                method, url, data=body, server_hostname=self._config.host or None, allow_redirects=False
            ) as answer:
                raw = await _limited(answer)
                if answer.status == HTTPStatus.OK:
                    return raw
        except (aiohttp.ClientError, TimeoutError, OSError) as wrong:
            raise JpkiError(
                "公的個人認証サービスに接続できません /"
                f" no connection to {self._config.server} ({type(wrong).__name__}); is it running,"
                " and is its certificate of the authority that the configuration names?"
            ) from None
        raise refusal_of(answer.status, raw)


async def _limited(answer: aiohttp.ClientResponse) -> bytes:
    chunks, size = [], 0
    async for chunk in answer.content.iter_any():
        size += len(chunk)
        if size > LIST_LIMIT:
            raise JpkiError(f"応答が大きすぎます / the answer has more than {LIST_LIMIT} bytes")
        chunks.append(chunk)
    return b"".join(chunks)


def read_words(raw: bytes, kind: type[W]) -> W:
    """The service's answer. Raises JpkiError where it is not what was expected."""
    try:
        return decode_json(raw, kind)
    except Refusal as refused:
        raise JpkiError(f"応答を読み取れません / the answer cannot be read ({refused.detail})") from None


def refusal_of(status: int, raw: bytes) -> Exception:
    """What a refusal says: an objection of the counter, or else words for a person."""
    try:
        said = msgspec.json.decode(raw, type=words.ProblemWords)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return JpkiError(f"応答を読み取れません / the service answered with status {status}")
    try:
        return NotDone(Objection(said.type))
    except ValueError:
        detail = f" ({said.detail})" if said.detail else ""
        return JpkiError(f"{said.title_ja} / {said.title}{detail}")


@asynccontextmanager
async def open_client(
    config: ClientConfig, *, clock: Clock | None = None, entropy: Entropy | None = None
) -> AsyncIterator[JpkiClient]:
    """Connect when first asked. Raises JpkiError where certificate and key cannot be used."""
    try:
        context = client_context(config.certificate, config.key, config.authority)
    except (OSError, ValueError) as wrong:
        raise JpkiError(
            f"証明書を読み込めません / {config.certificate}, {config.key}, {config.authority}: cannot be used ({wrong})"
        ) from None
    timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS, sock_connect=CONNECT_SECONDS)
    connector: Any = aiohttp.TCPConnector(ssl=context)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        yield JpkiClient(config, session, clock=clock or SystemClock(), entropy=entropy or SystemEntropy())
