"""監視: what nodes tell of their own state and of others' acts, and what the core distributes (C16, C18, I9, I13)."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec

from nakadachi.refusal import Reason
from nakadachi.telegrams.envelope import ITEMS_LIMIT, Answer, Moment, Telegram, VersionNumber
from nakadachi.terms import NodeName, Serial

Software = Annotated[str, msgspec.Meta(pattern=r"^[0-9A-Za-z.+-]{1,64}\Z")]
"""The version of a system's program; whether it is one that may talk is for the directory to say (L9)."""

Count = Annotated[int, msgspec.Meta(ge=0, le=2**62)]
"""Something counted; every database can keep it."""
Days = Annotated[int, msgspec.Meta(ge=-10_000_000, le=10_000_000)]
"""Days from now, negative where they have passed."""
CheckpointNote = Annotated[str, msgspec.Meta(min_length=1, max_length=2000)]
"""A checkpoint as a signed note (C2SP tlog-checkpoint)."""
Instance = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9._-]{0,40}\Z")]
"""The name of one of a system's instances; empty where it runs alone."""


class Operation(StrEnum):
    """稼働状況: started or stopped (source 003 6.5 ①(c)); between the two, that it still runs (C18)."""

    STARTED = "started"
    STOPPED = "stopped"
    RUNNING = "running"


class Check(StrEnum):
    """点検項目: what a system looks at to say whether it is fit for work."""

    DATABASE = "database"
    OUTBOX = "outbox"
    CERTIFICATE = "certificate"
    CLOCK = "clock"
    EDITION = "edition"
    LEASE = "lease"
    HEAD = "head"
    PROGRAM = "program"


class Condition(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """健全性: how a system fares, in counts only (C18, L9).

    `next_seconds` says when the next word comes at the latest; `backlog` and `oldest_seconds` what waits to be sent;
    `cosigned_size` and `cosigned_at` the newest cosigned head seen; `clock_error_microseconds` the kernel's own
    estimate. What is left out is not known there.
    """

    next_seconds: Count
    certificate_days: Days
    warnings: tuple[Check, ...] = ()
    failures: tuple[Check, ...] = ()
    backlog: Count | None = None
    oldest_seconds: Count | None = None
    records: Count | None = None
    cosigned_size: Count | None = None
    cosigned_at: Moment | None = None
    clock_synchronised: bool | None = None
    clock_error_microseconds: Count | None = None


class ReportOperation(Telegram, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """稼働状況通知: this system started, runs or stopped, the versions it runs (L9), and how it fares (C18).

    `instance` names which one of a system that runs as several; such a system stopped when all of them did (N3).
    """

    operation: Operation
    at: Moment
    software: Software
    lawbook: VersionNumber
    directory: VersionNumber
    condition: Condition | None = None
    instance: Instance = ""

    @property
    def says_that_it_ends(self) -> bool:
        """Whether the whole system stops; one of several instances does not speak for the others."""
        return self.operation is Operation.STOPPED and not self.instance


class DistributeEdition(Telegram, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """マスタ・プレフィックス情報配布: parts `lawbook` and `directory`, each a note signed by core and Commission."""

    lawbook: VersionNumber
    directory: VersionNumber


class EditionHeld(Answer, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """配布結果: the versions in use here now."""

    lawbook: VersionNumber
    directory: VersionNumber


class FindingKind(StrEnum):
    """確認事項の種類: what a node found wrong in another's act. Closed: a new one needs a decision record.

    The texts are for people: the members of staff at either end and the Commission's officers.
    """

    SUBJECT_MISMATCH = "SUBJECT_MISMATCH"
    ANSWER_CROSSED = "ANSWER_CROSSED"
    ANSWER_AGAIN = "ANSWER_AGAIN"
    PERMIT_INVALID = "PERMIT_INVALID"
    PERMIT_EXPIRED = "PERMIT_EXPIRED"
    PERMIT_REUSED = "PERMIT_REUSED"
    CODE_OPENING_WRONG = "CODE_OPENING_WRONG"
    STATEMENT_FORGED = "STATEMENT_FORGED"
    LAW_DIFFERS = "LAW_DIFFERS"
    HEAD_FORKED = "HEAD_FORKED"
    HEAD_OLD = "HEAD_OLD"
    HEAD_IN_FUTURE = "HEAD_IN_FUTURE"
    HEAD_INVALID = "HEAD_INVALID"
    HEAD_UNPROVEN = "HEAD_UNPROVEN"
    EDITION_STALE = "EDITION_STALE"
    SIGNATURE_INVALID = "SIGNATURE_INVALID"
    TELEGRAM_ALTERED = "TELEGRAM_ALTERED"
    TELEGRAM_MISPLACED = "TELEGRAM_MISPLACED"
    NUMBER_REUSED = "NUMBER_REUSED"
    ANSWER_UNFIT = "ANSWER_UNFIT"
    ENDINGS_DIFFER = "ENDINGS_DIFFER"
    UNKNOWN_ENDING = "UNKNOWN_ENDING"
    RECORD_CODE_TAKEN = "RECORD_CODE_TAKEN"
    TRAIL_CONTRADICTS = "TRAIL_CONTRADICTS"
    TRAIL_MISSING = "TRAIL_MISSING"
    TRAIL_EXTRA = "TRAIL_EXTRA"
    TRAIL_DIFFERS = "TRAIL_DIFFERS"

    @property
    def japanese(self) -> str:
        """What people are told, in Japanese."""
        return _FINDINGS[self][0]

    @property
    def english(self) -> str:
        """What people are told, in English."""
        return _FINDINGS[self][1]


_FINDINGS = {
    FindingKind.SUBJECT_MISMATCH: ("対象者の不一致", "subject mismatch"),
    FindingKind.ANSWER_CROSSED: ("別の照会又は別人についての回答", "answer about another exchange or person"),
    FindingKind.ANSWER_AGAIN: ("終了した照会への回答", "answer to an exchange that has ended"),
    FindingKind.PERMIT_INVALID: ("無効な許可証", "permit not valid"),
    FindingKind.PERMIT_EXPIRED: ("期限切れの許可証", "permit expired"),
    FindingKind.PERMIT_REUSED: ("許可証の再使用", "permit used again"),
    FindingKind.CODE_OPENING_WRONG: ("許可証と異なる符号", "link code other than the permit's"),
    FindingKind.STATEMENT_FORGED: ("照会者のものでない照会文", "inquiry statement not the inquirer's"),
    FindingKind.LAW_DIFFERS: ("法定表の相違", "legal tables differ"),
    FindingKind.HEAD_FORKED: ("記録の分岐", "log forked"),
    FindingKind.HEAD_OLD: ("古いチェックポイント", "checkpoint too old"),
    FindingKind.HEAD_IN_FUTURE: ("未来の連署時刻", "cosignature from the future"),
    FindingKind.HEAD_INVALID: ("連署のないチェックポイント", "checkpoint without the cosignature"),
    FindingKind.HEAD_UNPROVEN: (
        "連署済みの記録に続くと示されないチェックポイント",
        "checkpoint not shown to be in the log",
    ),
    FindingKind.EDITION_STALE: ("古い又は署名の不正な配布文書", "documents distributed are older or badly signed"),
    FindingKind.SIGNATURE_INVALID: ("署名の不正", "signature not valid"),
    FindingKind.TELEGRAM_ALTERED: ("電文の改変", "telegram altered on its way"),
    FindingKind.TELEGRAM_MISPLACED: ("経路又は送信者の不正", "wrong sender or path"),
    FindingKind.NUMBER_REUSED: ("電文番号の再使用", "telegram number used again for other bytes"),
    FindingKind.ANSWER_UNFIT: ("対応しない応答", "answer to something else"),
    FindingKind.ENDINGS_DIFFER: ("両端で異なる結果", "the two ends say different endings"),
    FindingKind.UNKNOWN_ENDING: ("結果の確定しない照会", "exchange without a known ending"),
    FindingKind.RECORD_CODE_TAKEN: (
        "他人の住民票コードへの変更の通知",
        "change to a resident record code that is another person's",
    ),
    FindingKind.TRAIL_CONTRADICTS: ("同じ番号の異なる証跡", "two trails under one number"),
    FindingKind.TRAIL_MISSING: ("証跡の欠落", "trail missing"),
    FindingKind.TRAIL_EXTRA: ("余分な証跡", "trail of too many"),
    FindingKind.TRAIL_DIFFERS: ("証跡の不一致", "trails differ"),
}


class Finding(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """確認事項: one thing that somebody should look at; never a code, a number, a name, a body.

    `serial` is the exchange where it is about one, `about` the node whose act it is where that is known, `reason` what
    that node was told. No repeat of a finding within a day (Japan's) counts as another.
    """

    kind: FindingKind
    at: Moment
    serial: Serial | None = None
    about: NodeName | None = None
    reason: Reason | None = None


class ReportFinding(Telegram, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """確認事項通知: what this node found wrong in others' acts, to the Commission (X1, X4, L6)."""

    findings: Annotated[tuple[Finding, ...], msgspec.Meta(min_length=1, max_length=ITEMS_LIMIT)]


class ReportHeads(Telegram, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """チェックポイント報告: the trees that logs signed, as permits showed them to this node, each a note (X1).

    The Commission compares them with the log that it cosigned, so that no node can be shown a log of its own.
    """

    checkpoints: Annotated[tuple[CheckpointNote, ...], msgspec.Meta(min_length=1, max_length=ITEMS_LIMIT)]
