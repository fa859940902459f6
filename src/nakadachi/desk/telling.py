"""What a refusal of the door or a broken connection means for the person at the desk, and what they can do about it."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Protocol

import aiohttp
import msgspec

if TYPE_CHECKING:
    from pathlib import Path

    from nakadachi.terms import NodeName

CONNECT_SECONDS = 5.0


class Desk(Protocol):
    """The configuration that the texts point to."""

    @property
    def server(self) -> str:
        """Where the server is."""

    @property
    def node(self) -> NodeName:
        """Which one it is."""

    @property
    def certificate(self) -> Path:
        """What the desk shows."""

    @property
    def authority(self) -> Path:
        """Whose certificates it believes."""


def said(config: Desk, status: int, body: bytes) -> str:
    """What a refusal of the door means for the person at the desk."""
    try:
        problem: Any = msgspec.json.decode(body)
        words = f"{problem['title_ja']} / {problem['title']}"
        if "detail" in problem:
            words += f" ({problem['detail_ja']} / {problem['detail']})"
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, KeyError, TypeError):
        words = ""
    if status == HTTPStatus.FORBIDDEN:
        return (
            f"{config.server} does not admit this desk ({words or 'status 403'}): is {config.certificate} the"
            " certificate of an existing system of this organisation, not revoked, and named under `existing` in the"
            " server's configuration?"
        )
    if words:
        return f"refused by {config.server}: {words}"
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        return f"{config.server} takes nothing in at the moment; try again later"
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return f"{config.server} failed (status {status}); its log says why"
    return f"{config.server} answered with status {status}; is it an intermediate server of the same version?"


def why(config: Desk, wrong: Exception, seconds: float) -> str:
    """What a broken connection means for the person at the desk."""
    server = config.server
    if isinstance(wrong, aiohttp.ClientConnectorCertificateError):
        return (
            f"{server} shows a certificate that is not that of {config.node} from {config.authority}"
            f" ({_verification(wrong)}): check `server`, `node` and `authority` in the desk's configuration"
        )
    if isinstance(wrong, aiohttp.ClientConnectorError) and not isinstance(wrong, aiohttp.ClientSSLError):
        return f"{server} cannot be reached ({wrong.strerror or 'no answer'}): is it running, and is `server` right?"
    if isinstance(wrong, aiohttp.ConnectionTimeoutError):
        return f"{server} cannot be reached (no connection in {CONNECT_SECONDS:g} seconds): is `server` right?"
    if isinstance(wrong, TimeoutError):
        return f"{server} said nothing for {seconds:g} seconds"
    if isinstance(wrong, aiohttp.ClientOSError | aiohttp.ServerDisconnectedError):
        # TLS 1.3 tells a client only afterwards that its certificate will not do.
        return (
            f"{server} ended the connection: it is stopping, or it does not accept {config.certificate}; does that come"
            " from the authority that the server knows?"
        )
    return f"the connection with {server} broke ({type(wrong).__name__})"


def _verification(wrong: aiohttp.ClientConnectorCertificateError) -> str:
    inner = wrong.certificate_error
    return str(getattr(inner, "verify_message", "")) or type(inner).__name__
