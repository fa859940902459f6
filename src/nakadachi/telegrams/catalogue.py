"""The catalogue: every telegram of the network, in the order of life. Read this first.

One line: the telegram, who authors it, the path it takes, the answer that comes back along it, and what must precede it
for its serial. Routing, caller checks, process-state control, the drawing in the docs, the start-up check and the
tests' checklist are derived from this table, never written beside it (design 2.1).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from nakadachi.telegrams.closing import AskState, Close, StateTold
from nakadachi.telegrams.code import IssueLinkCode, LinkCodeIssued, LinkCodeKept, LinkCodeRequested, RequestLinkCode
from nakadachi.telegrams.envelope import Answer, Pending, Refused, Telegram
from nakadachi.telegrams.inquiry import Inquire, InquireAt, InquiryAccepted, InquiryCompleted, Noted
from nakadachi.telegrams.link import (
    ChangeLinks,
    ChangesSubscribed,
    LinksChanged,
    NotifyChanges,
    ReplaceLinkCodes,
    ReportResidentChanges,
    SubscribeChanges,
)
from nakadachi.telegrams.oversight import DistributeEdition, EditionHeld, ReportFinding, ReportHeads, ReportOperation
from nakadachi.telegrams.permit import (
    CheckPrefix,
    IssueSerial,
    PermitGranted,
    PrefixAccepted,
    PrefixRefused,
    RequestPermit,
    SerialIssued,
)
from nakadachi.telegrams.provision import Provide, ProvisionCompleted, ProvisionReceived
from nakadachi.telegrams.trail import AskTrail, HandOverTrail, TrailKept
from nakadachi.terms import Role

Stop = str
"""A place on a path: a role, with `A` the inquirer's side and `B` the provider's."""

MS_A, IF_A, CORE, IF_B, MS_B = "intermediate A", "interface A", "core", "interface B", "intermediate B"
COMMISSION, REGISTRY, PORTAL, MS, IF = "commission", "registry", "portal", "intermediate", "interface"


class Wait(StrEnum):
    """待ち: what its author waits for, which decides how often it is sent again (source 003 6.5 ①(b)).

    `PERMIT`, `ACCEPTANCE` and `COMPLETION` are the source's cases; a `NOTICE` is never given up.
    """

    PERMIT = "permit"
    ACCEPTANCE = "acceptance"
    COMPLETION = "completion"
    NOTICE = "notice"


def role_at(stop: Stop) -> Role:
    """The role of the system at a stop."""
    return Role(stop.partition(" ")[0])


@dataclass(frozen=True, slots=True)
class Hop:
    """One line of the catalogue. `number` is the hop of design section 2, None for telegrams outside the inquiry.

    `answered_by` is who signs the answer where that is not the addressee: it is carried back from further on.
    `wait` is what its author waits for.
    """

    number: int | None
    telegram: type[Telegram]
    path: tuple[Stop, ...]
    answer: type[Answer]
    after: frozenset[type[Telegram]] = frozenset()
    answered_by: Stop | None = None
    wait: Wait = Wait.NOTICE

    @property
    def author(self) -> Role:
        """The role that signs it."""
        return role_at(self.path[0])

    @property
    def addressee(self) -> Role:
        """The role at the end of its path, which answers."""
        return role_at(self.path[-1])


CATALOGUE = (
    Hop(1, IssueSerial, (MS_A, IF_A), SerialIssued),
    Hop(2, CheckPrefix, (MS_A, IF_A), PrefixAccepted, after=frozenset({IssueSerial, Close}), wait=Wait.PERMIT),
    Hop(3, RequestPermit, (MS_A, IF_A, CORE), PermitGranted, after=frozenset({CheckPrefix, Close}), wait=Wait.PERMIT),
    Hop(
        4,
        Inquire,
        (MS_A, IF_A, CORE),
        InquiryAccepted,
        after=frozenset({RequestPermit, Close}),
        answered_by=MS_B,
        wait=Wait.ACCEPTANCE,
    ),
    Hop(5, InquireAt, (CORE, IF_B, MS_B), InquiryAccepted, after=frozenset({Inquire}), wait=Wait.ACCEPTANCE),
    Hop(
        6,
        Provide,
        (MS_B, IF_B, IF_A, MS_A),
        ProvisionReceived,
        after=frozenset({Inquire, InquireAt, Close}),
        wait=Wait.COMPLETION,
    ),
    Hop(
        7,
        ProvisionCompleted,
        (MS_B, IF_B, CORE),
        Noted,
        after=frozenset({InquireAt, Provide, InquiryCompleted, Close}),
    ),
    Hop(
        8,
        InquiryCompleted,
        (MS_A, IF_A, CORE),
        Noted,
        after=frozenset({RequestPermit, Inquire, InquireAt, Provide, ProvisionCompleted, Close}),
    ),
    Hop(None, Close, (MS, IF, CORE), Noted),
    Hop(None, Close, (CORE, IF, MS), Noted),
    Hop(None, AskState, (MS, IF, CORE), StateTold, wait=Wait.COMPLETION),
    Hop(None, AskState, (CORE, IF, MS), StateTold, wait=Wait.COMPLETION),
    Hop(None, PrefixRefused, (IF_A, CORE), Noted),
    Hop(None, PrefixRefused, (IF_A, COMMISSION), Noted),
    Hop(None, RequestLinkCode, (MS, REGISTRY), LinkCodeRequested),
    Hop(None, RequestLinkCode, (PORTAL, REGISTRY), LinkCodeRequested),
    Hop(None, IssueLinkCode, (REGISTRY, CORE), Noted),
    Hop(None, LinkCodeIssued, (CORE, IF, MS), LinkCodeKept),
    Hop(None, ReplaceLinkCodes, (CORE, IF, MS), LinkCodeKept),
    Hop(None, LinkCodeIssued, (CORE, PORTAL), LinkCodeKept),
    Hop(None, ChangeLinks, (MS, IF, CORE), LinksChanged),
    Hop(None, ReportResidentChanges, (REGISTRY, CORE), Noted),
    Hop(None, SubscribeChanges, (MS, IF, CORE), ChangesSubscribed),
    Hop(None, NotifyChanges, (CORE, IF, MS), Noted),
    Hop(None, DistributeEdition, (CORE, IF, MS), EditionHeld),
    Hop(None, DistributeEdition, (CORE, COMMISSION), EditionHeld),
    Hop(None, DistributeEdition, (CORE, REGISTRY), EditionHeld),
    Hop(None, ReportOperation, (MS, IF, CORE), Noted),
    Hop(None, ReportOperation, (IF, CORE), Noted),
    Hop(None, ReportOperation, (IF, MS), Noted),
    Hop(None, ReportOperation, (COMMISSION, CORE), Noted),
    Hop(None, ReportOperation, (REGISTRY, CORE), Noted),
    Hop(None, ReportFinding, (MS, IF, COMMISSION), Noted),
    Hop(None, ReportFinding, (IF, COMMISSION), Noted),
    Hop(None, ReportFinding, (CORE, COMMISSION), Noted),
    Hop(None, ReportHeads, (IF, COMMISSION), Noted),
    Hop(None, HandOverTrail, (MS, IF, COMMISSION), TrailKept),
    Hop(None, HandOverTrail, (CORE, COMMISSION), TrailKept),
    Hop(None, AskTrail, (COMMISSION, IF, MS), Noted),
    Hop(None, AskTrail, (COMMISSION, CORE), Noted),
)
"""Every hop. `after` empty: the telegram opens something and needs no state."""

HOPS: dict[type[Telegram], tuple[Hop, ...]] = {
    kind: tuple(hop for hop in CATALOGUE if hop.telegram is kind) for kind in {hop.telegram for hop in CATALOGUE}
}

TELEGRAMS = (
    IssueSerial
    | SerialIssued
    | CheckPrefix
    | PrefixAccepted
    | PrefixRefused
    | RequestPermit
    | PermitGranted
    | Inquire
    | InquireAt
    | InquiryAccepted
    | InquiryCompleted
    | Provide
    | ProvisionReceived
    | ProvisionCompleted
    | Close
    | AskState
    | StateTold
    | Noted
    | RequestLinkCode
    | LinkCodeRequested
    | IssueLinkCode
    | LinkCodeIssued
    | LinkCodeKept
    | ReplaceLinkCodes
    | ChangeLinks
    | LinksChanged
    | ReportResidentChanges
    | SubscribeChanges
    | ChangesSubscribed
    | NotifyChanges
    | DistributeEdition
    | EditionHeld
    | ReportOperation
    | ReportFinding
    | ReportHeads
    | HandOverTrail
    | TrailKept
    | AskTrail
    | Refused
    | Pending
)
"""All headers the codec knows; a test checks that the catalogue and this union agree."""


def received_by(role: Role) -> frozenset[type[Telegram]]:
    """The telegrams that reach a system of this role, as addressee or relay."""
    return frozenset(hop.telegram for hop in CATALOGUE for stop in hop.path[1:] if role_at(stop) is role)
