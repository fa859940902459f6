"""A site for people of a system's own: where it listens, the pages they enter by, and those about them. Wiring only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nakadachi.kit.config import ConfigError
from nakadachi.kit.listening import browsers
from nakadachi.kit.migrations import Migrations, read_migrations
from nakadachi.kit.web import entrance, key_pages, operation_pages, user_pages
from nakadachi.kit.web.ground import About, Bound, Ground
from nakadachi.kit.web.login import Passwords
from nakadachi.kit.web.people import Entrance
from nakadachi.kit.web.session import Limits, Sessions
from nakadachi.kit.web.site import Site

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from nakadachi.kit.clock import Clock
    from nakadachi.kit.database import Database
    from nakadachi.kit.entropy import Entropy
    from nakadachi.kit.listening import Browsers
    from nakadachi.kit.web.pages import Page
    from nakadachi.terms import NodeName

SCHEMA = ("nakadachi.kit.web", "pages", "sql")
"""The migrations of every system that has pages: package, part, folder."""


@dataclass(frozen=True, slots=True)
class PagesConfig:
    """Where a system's pages are, apart from the door of nodes; without a certificate for this machine alone."""

    listen: str = field(metadata={"doc": "address and port of the pages", "example": "127.0.0.1:7480"})
    origin: str = field(
        metadata={
            "doc": "how browsers address them, without a path; https, or http://localhost:port on this machine alone",
            "example": "https://pages.commission.example",
        }
    )
    certificate: Path | None = field(
        default=None, metadata={"doc": "certificate that browsers trust (PEM); without one http on a loopback address"}
    )
    key: Path | None = field(default=None, metadata={"doc": "its private key (PEM)"})
    idle: timedelta = field(
        default=Limits().idle, metadata={"doc": "how long a login lasts without a request, in seconds"}
    )
    longest: timedelta = field(default=Limits().longest, metadata={"doc": "how long a login lasts at most, in seconds"})


@dataclass(frozen=True, slots=True)
class Staff:
    """What a system says of its people: their roles, who administers them, who reads the operation log."""

    roles: Mapping[str, Any]
    administrators: frozenset[str]
    auditors: frozenset[str]


@dataclass(frozen=True, slots=True)
class Foundation:
    """What a node gives its pages."""

    node: NodeName
    database: Database
    clock: Clock
    entropy: Entropy


def migrations() -> Migrations:
    """The tables of users, sessions and the operation log."""
    package, part, folder = SCHEMA
    return read_migrations(package, part=part, folder=folder)


def people(about: About, foundation: Foundation, config: PagesConfig) -> Entrance:
    """What the pages about people may touch."""
    one = foundation
    sessions = Sessions(one.clock, one.entropy, Limits(config.idle, config.longest))
    return Entrance(
        about.title, about.roles, one.database, one.clock, one.entropy, sessions, Passwords(), config.origin
    )


def site(about: About, staff: Staff, foundation: Foundation, config: PagesConfig, own: Sequence[Bound]) -> Site:
    """The system's `own` pages with those by which its people enter, and those about them."""
    entering = people(about, foundation, config)
    common: list[Page[Any]] = [
        *user_pages.pages(staff.administrators), *operation_pages.pages(staff.auditors),
        key_pages.ACCOUNT, entrance.LOGIN, key_pages.LOGIN_KEY, key_pages.SETUP, entrance.LOGOUT,
    ]  # fmt: skip
    ground = Ground(foundation.node, foundation.database, foundation.clock, entering.sessions, config.origin)
    return Site(about, ground, [*own, *(Bound(page, entering) for page in common)])


def door(made: Site, config: PagesConfig) -> tuple[Starlette, Browsers]:
    """The site's application and where it listens. Raises ConfigError where address, origin and certificate differ.

    On a loopback address without a certificate a proxy of the same machine may end TLS for it.
    """
    where = browsers(config.listen, config.certificate, config.key)
    wanted = ("https://",) if where.certificate else ("https://", "http://localhost:")
    if not config.origin.startswith(wanted) or config.origin.count("/") != 2:
        shapes = " or ".join(f"{one}…" for one in wanted)
        raise ConfigError(f"pages.origin = {config.origin!r}: write {shapes}, as browsers show it, and no path")
    return made.application(), where
