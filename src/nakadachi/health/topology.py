"""構成の確認: what a node holds against the directory, its certificate and its database before it starts (L9).

A build for one server, installed where there are several, once gave out other people's certificates: who runs as what
is therefore looked up, not assumed.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from nakadachi.kit.config import ConfigError
from nakadachi.terms import NodeName, Role

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nakadachi.kit.database import Database
    from nakadachi.kit.tls import PeerCertificate
    from nakadachi.law.directory import Directory

KIND = "nakadachi"
LONGEST_NAME = 30
"""Characters of an instance's name: with our own mark it must fit what PostgreSQL keeps of a session's name."""
ATTEMPTS, PAUSE_SECONDS = 40, 0.5
"""The sessions of a process that was killed, or whose machine went, are given so long to end; see `kit.database`."""


def session_name(instance: str, holder: str) -> str:
    """What a process calls its database sessions: its instance (empty where it runs alone), and itself."""
    return f"{KIND}/{instance[:LONGEST_NAME]}/{holder}"


def require_place(name: NodeName, directory: Directory, certificate: PeerCertificate | None) -> None:
    """The certificate is this node's and not revoked, and the directory lists whom the node cannot work without.

    Raises ConfigError.
    """
    if certificate is None or certificate.node != name:
        bound = certificate.node if certificate is not None else None
        raise ConfigError(
            f"the certificate is bound to {bound or 'no node'}, and this node is {name}: configure its own"
        )
    if directory.is_revoked(certificate.serial):
        raise ConfigError(f"directory version {directory.version} lists the certificate of {name} as revoked: renew it")
    for role in (Role.CORE, Role.COMMISSION):
        if not directory.of_role(role):
            raise ConfigError(
                f"directory version {directory.version} lists no {role.value}: {name} cannot work without it"
            )
    own = NodeName.of(Role.INTERFACE, name.organisation)
    if name.role is Role.INTERMEDIATE and directory.find(own) is None:
        raise ConfigError(
            f"directory version {directory.version} does not list {own}: {name} has no way to the network"
        )


def strangers(instance: str, others: Sequence[str]) -> list[str]:
    """Of the other processes on a database those that may not be there, by the names of their sessions.

    A process that runs alone bears no other; one of several bears those of other names.
    """
    found = []
    for session in others:
        _, _, rest = session.partition("/")
        other, _, _ = rest.rpartition("/")
        if not instance or not other or other == instance[:LONGEST_NAME]:
            found.append(other)
    return found


async def require_alone(database: Database, own: str) -> None:
    """No process works on this database that does not know of us: uniqueness comes from the database, not from what a
    process believes. `own` is what we call our sessions. Raises ConfigError.
    """
    instance = own.removeprefix(f"{KIND}/").rpartition("/")[0]
    found: list[str] = []
    for _ in range(ATTEMPTS):
        found = strangers(instance, [one for one in await database.sessions(f"{KIND}/") if one != own])
        if not found:
            return
        await asyncio.sleep(PAUSE_SECONDS)
    other = f"the instance {found[0]!r}" if found[0] else "one that is configured to run alone"
    raise ConfigError(
        f"another process of this system works on its database, {other}: stop it, or give each process an `instance`"
        " name of its own"
    )
