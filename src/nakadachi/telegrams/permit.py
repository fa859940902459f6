"""許可: the telegrams of hops 1 to 3, and the permit itself (design 2, 2.3; source 003 6.4 ①–③)."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from nakadachi.refusal import Reason
from nakadachi.telegrams.envelope import (
    Answer,
    Count,
    Moment,
    Outcome,
    Pseudonym,
    Serials,
    SuiteName,
    Telegram,
    VersionNumber,
)
from nakadachi.terms import NodeName, OrganisationCode, Prefix, Serial


class SerialUse(StrEnum):
    """処理通番の用途: what a serial is issued for (source 003 6.4 ①: inquiry or link-code issuance)."""

    INQUIRY = "inquiry"
    ISSUANCE = "issuance"


class IssueSerial(Telegram, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """処理通番発番依頼: `count` serials (1 to 1,000), one per exchange to come."""

    use: SerialUse
    count: Count


class SerialIssued(Answer, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """処理通番通知: the serials, each used once."""

    serials: tuple[Serial, ...]


class CheckPrefix(Telegram, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """プレフィックス情報チェック依頼: may this be asked? The pair serial + prefix is held where it may (I2)."""

    prefix: Prefix
    serials: Serials
    staff: Pseudonym

    @property
    def exchanges(self) -> tuple[Serial, ...]:
        """See Telegram."""
        return self.serials


class PrefixAccepted(Answer, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """プレフィックス情報チェック結果通知: OK or NG per serial, and the version of the table that judged."""

    lawbook: VersionNumber
    outcomes: tuple[Outcome, ...]


class PrefixRefused(Telegram, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """照会拒否通知: an inquiry was refused at the inquirer's own interface system; the record of it (C13)."""

    prefix: Prefix
    serials: Serials
    reason: Reason
    staff: Pseudonym
    refused_at: Moment

    @property
    def exchanges(self) -> tuple[Serial, ...]:
        """See Telegram."""
        return self.serials


class RequestPermit(Telegram, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """情報照会許可依頼: one permit per serial; `staff` is a pseudonym (design 2.10).

    Per item the personal part `link code` (JSON text of L_A).
    """

    prefix: Prefix
    serials: Serials
    staff: Pseudonym

    @property
    def exchanges(self) -> tuple[Serial, ...]:
        """See Telegram."""
        return self.serials


class PermitGranted(Answer, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """情報照会許可通知: per serial a permit or a reason.

    Per item that is permitted the part `permit` (JSON of Permit) and the personal part `opening` (JSON of Opening: the
    salt of L_A's commitment).
    """

    outcomes: tuple[Outcome, ...]


class Basis(StrEnum):
    """根拠: why the exchange is allowed (design 2.3)."""

    LAW = "law"
    ORDINANCE = "ordinance"
    DISASTER = "disaster"
    CONSENT = "consent"
    OWN_INFORMATION = "own-information"


class Commitments(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """四つのコミットメント: 32 bytes each, under a salt of its own (design 2.3).

    The inquirer opens the first, the provider the second, the person the third, the Commission the fourth.
    """

    inquirer_code: bytes
    provider_code: bytes
    person_tag: bytes
    oversight_tag: bytes


class Route(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """通信経路: the way to the inquirer's interface system."""

    node: NodeName
    url: str


class PermitContent(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="permit", tag_field="kind"
):
    """許可証の内容: what the core allowed, once. Its SHA-256 is the entry of the log (design 2.3)."""

    version: int
    origin: str
    issuer: OrganisationCode
    prefix: Prefix
    serial: Serial
    issued_at: Moment
    accept_by: Moment
    answer_by: Moment
    legal_row: str
    lawbook: int
    assessments: tuple[str, ...]
    basis: Basis
    route: Route
    suite: SuiteName
    commitments: Commitments


class RefusalContent(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="refusal", tag_field="kind"
):
    """不許可の記録: what the core refused; a leaf of the log too (X7)."""

    version: int
    origin: str
    issuer: OrganisationCode
    prefix: Prefix
    serial: Serial
    refused_at: Moment
    reason: Reason
    lawbook: int
    oversight_tag: bytes


class Permit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """情報提供許可証: a leaf of the core's log with the proof that it is one.

    `content` is the JSON of PermitContent as logged, `index` its place, `path` the inclusion path (32 bytes each),
    `checkpoint` the signed note (C2SP tlog-checkpoint) whose tree holds it.
    """

    content: bytes
    index: int
    path: tuple[bytes, ...]
    checkpoint: str


class Opening(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """開示値: what opens one commitment of a permit: the 32-byte salt and, where the reader lacks it, the value."""

    salt: bytes
    value: str = ""

    def __repr__(self) -> str:
        """Nothing of it: the value may be a link code."""
        return "Opening(…)"


LogContent = PermitContent | RefusalContent
"""What an entry of the core's log stands for."""
