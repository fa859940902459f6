"""誰からの要求か: what a request's headers say of who sent it, before anything else looks at it. Pure.

Two doors: `/v1/` for pages of allowed origins, `/a/<secret>/` for the person at this machine.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

API, OWN = "/v1/", "/a/"
ORIGIN = re.compile(r"https://[a-z0-9.-]+(:[0-9]{1,5})?|http://(localhost|127\.0\.0\.1)(:[0-9]{1,5})?")
"""An origin that may be allowed, as browsers write it: https, or http on this machine."""
METHODS = "GET, POST, DELETE"
HEADERS = "authorization, content-type"
PREFLIGHT_SECONDS = "60"


class Turned(Exception):  # noqa: N818  an answer, not a fault
    """The request goes no further: an HTTP status and why, for whoever looks at the network in the browser."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status, self.why = status, why


@dataclass(frozen=True, slots=True)
class Doors:
    """What this agent answers to: its port, the allowed origins, and the secret part of its own page's address."""

    port: int
    origins: frozenset[str]
    secret: str = field(repr=False)

    @property
    def hosts(self) -> frozenset[str]:
        """Names under which it may be called; any other may have been pointed here (DNS rebinding)."""
        return frozenset({f"127.0.0.1:{self.port}", f"localhost:{self.port}"})

    @property
    def page(self) -> str:
        """The address of its own page."""
        return f"http://127.0.0.1:{self.port}{OWN}{self.secret}/"


def admit(doors: Doors, method: str, path: str, headers: Mapping[str, str]) -> None:
    """Let a request in, or raise Turned. `headers` by names in lower case."""
    # (1) Under its own name only.
    if headers.get("host", "") not in doors.hosts:
        raise Turned(421, "this agent is not called by that name (Host)")
    origin = headers.get("origin", "")
    # (2) A page: of an allowed origin. A browser sets Origin; no page can.
    if path.startswith(API):
        if origin not in doors.origins:
            raise Turned(403, "this origin is not allowed; start the agent with --origin to allow it")
        return
    # (3) The person's own page: by its secret address, and from itself.
    given = path.removeprefix(OWN).partition("/")[0] if path.startswith(OWN) else ""
    if not hmac.compare_digest(given.encode(), doors.secret.encode()):
        raise Turned(404, "there is nothing here")
    if headers.get("sec-fetch-site", "none") not in {"none", "same-origin"}:
        raise Turned(403, "the agent's own page is opened by a person")
    if method not in {"GET", "HEAD"} and origin not in {f"http://{host}" for host in doors.hosts}:
        raise Turned(403, "the agent's own page is used from itself (Origin)")


def cors(doors: Doors, headers: Mapping[str, str]) -> dict[str, str]:
    """What an answer tells the browser: which origin may read it, if any."""
    origin = headers.get("origin", "")
    if origin not in doors.origins:
        return {"vary": "Origin"}
    return {"access-control-allow-origin": origin, "vary": "Origin"}


def preflight(doors: Doors, headers: Mapping[str, str]) -> dict[str, str]:
    """The answer to OPTIONS, for an allowed origin.

    Private Network Access asks whether a page from outside may come in; its successor, Local Network Access, asks the
    person in the browser instead and ignores this header.
    """
    made = cors(doors, headers) | {
        "access-control-allow-methods": METHODS,
        "access-control-allow-headers": HEADERS,
        "access-control-max-age": PREFLIGHT_SECONDS,
    }
    if headers.get("access-control-request-private-network") == "true":
        made["access-control-allow-private-network"] = "true"
    return made
