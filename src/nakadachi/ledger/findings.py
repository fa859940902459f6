"""確認事項: what a node found wrong in another's act goes to the Commission, whichever system found it (X1, L6)."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Protocol

from nakadachi.telegrams.envelope import ITEMS_LIMIT
from nakadachi.telegrams.oversight import Finding, ReportFinding
from nakadachi.telegrams.suspicion import findings_of
from nakadachi.terms import NodeName, Role

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from nakadachi.kit.author import Author
    from nakadachi.kit.unit import Unit
    from nakadachi.ledger.edition import Edition
    from nakadachi.ledger.heads import Heads
    from nakadachi.refusal import Refusal
    from nakadachi.telegrams.envelope import Telegram


class Reporting(Protocol):
    """The parts of a system that can report: its hand and the edition in use."""

    @property
    def author(self) -> Author:
        """The node's hand."""

    @property
    def edition(self) -> Edition:
        """Law book and directory in use."""


class Watching(Reporting, Protocol):
    """The parts of a system that takes permits."""

    @property
    def heads(self) -> Heads:
        """The heads seen."""


def report(parts: Reporting, unit: Unit, findings: Iterable[Finding]) -> None:
    """確認事項通知: tell the Commission, after the commit and until it has noted it; nothing where there are none.

    An intermediate server's word goes through the interface system of its own organisation.
    """
    rest = iter(findings)
    peers, own = parts.edition.peers, parts.author.name
    while some := tuple(islice(rest, ITEMS_LIMIT)):
        commission = peers.the(Role.COMMISSION)
        through = NodeName.of(Role.INTERFACE, own.organisation) if own.role is Role.INTERMEDIATE else commission
        unit.send(parts.author.write(ReportFinding, to=commission, findings=some), to=through, url=peers.url(through))


def suspect(parts: Watching, unit: Unit, header: Telegram, refusal: Refusal) -> None:
    """疑い: report what a telegram refused as a whole says of its author; nothing where honest nodes do so too."""
    if parts.heads.worth_telling(refusal, unit.now):
        report(parts, unit, findings_of(header, refusal, about=header.author, at=unit.now))


async def find(parts: Reporting, unit: Unit, findings: Sequence[Finding]) -> list[None]:
    """確認事項の通知 as a step of its own, for what a node's door found."""
    report(parts, unit, findings)
    return [None] * len(findings)
