"""Which systems a sample country has, where they listen, and what their tenants are called. Pure."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nakadachi.law.masters import OrganisationKind
from nakadachi.terms import NodeName, OrganisationCode, Role

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nakadachi.law.lawbook import Lawbook

ORIGIN, SECOND_ORIGIN = "core.sample.nakadachi/1", "core.sample.nakadachi/2"
"""The log of the core; and that of its second instance, where it has one."""
CORE_DOCUMENTS, COMMISSION_DOCUMENTS = "core.sample.nakadachi/documents", "commission.sample.nakadachi/documents"
WITNESS = "commission.sample.nakadachi/witness"
DESK = "desk"
"""The name of every organisation's existing system."""
TWINS = frozenset({Role.CORE, Role.INTERFACE, Role.INTERMEDIATE})
"""The roles that run twice in a country of twins."""


@dataclass(frozen=True, slots=True)
class Instance:
    """One process of a system: its name among the system's instances (empty where it is alone), its own port."""

    name: str
    port: int

    @property
    def url(self) -> str:
        """Where it listens itself."""
        return f"https://127.0.0.1:{self.port}"

    @property
    def config(self) -> str:
        """Its configuration file in the system's folder."""
        return "config.toml" if self.name in {"", "1"} else f"config-{self.name}.toml"


@dataclass(frozen=True, slots=True)
class Place:
    """One system: its name and port on this machine, and the name of its database tenant.

    `twins` are the ports of its two instances; then a proxy listens on `port`, which is the one the directory names.
    """

    name: NodeName
    port: int
    twins: tuple[int, ...] = ()

    @property
    def instances(self) -> tuple[Instance, ...]:
        """The processes it runs as."""
        if not self.twins:
            return (Instance("", self.port),)
        return tuple(Instance(str(number), port) for number, port in enumerate(self.twins, start=1))

    @property
    def url(self) -> str:
        """Where it is reached."""
        return f"https://127.0.0.1:{self.port}"

    @property
    def tenant(self) -> str:
        """Its schema and user in PostgreSQL."""
        return f"{self.name.role.value}_{self.name.organisation.value}"

    @property
    def folder(self) -> str:
        """Its folder below the country's."""
        return f"{self.name.role.value}-{self.name.organisation.value}"


@dataclass(frozen=True, slots=True)
class Plan:
    """A country: core, Commission and registry organisation first, then two systems for each organisation."""

    places: tuple[Place, ...]
    organisations: tuple[OrganisationCode, ...]
    pages_port: int

    @property
    def pages(self) -> str:
        """Where the Commission's pages are, on this machine alone: there a browser needs no certificate to trust."""
        return f"http://localhost:{self.pages_port}"

    def place(self, name: NodeName) -> Place:
        """The place of a system. Raises KeyError."""
        for place in self.places:
            if place.name == name:
                return place
        raise KeyError(name.value)

    def of(self, role: Role, organisation: OrganisationCode | None = None) -> Place:
        """The place of a role, of one organisation or of whoever has it. Raises KeyError."""
        for place in self.places:
            if place.name.role is role and organisation in (None, place.name.organisation):
                return place
        raise KeyError(role.value)


def plan(lawbook: Lawbook, organisations: Sequence[OrganisationCode], *, port: int, twins: bool = False) -> Plan:
    """The country of these organisations, its systems on ports from `port` on, after them those of `twins`, and the
    last for the Commission's pages.
    """
    kinds = {one.kind: one.code for one in lawbook.masters.organisations}
    names = [
        NodeName.of(Role.CORE, kinds[OrganisationKind.OPERATOR]),
        NodeName.of(Role.COMMISSION, kinds[OrganisationKind.COMMISSION]),
        NodeName.of(Role.REGISTRY, kinds[OrganisationKind.REGISTRY]),
    ]
    for organisation in organisations:
        names += [NodeName.of(Role.INTERFACE, organisation), NodeName.of(Role.INTERMEDIATE, organisation)]
    after = itertools.count(port + len(names))
    places = tuple(
        Place(name, port + offset, (next(after), next(after)) if twins and name.role in TWINS else ())
        for offset, name in enumerate(names)
    )
    return Plan(places, tuple(organisations), next(after))
