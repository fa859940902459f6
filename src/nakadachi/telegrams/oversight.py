"""監視: what nodes tell the core of their own state and what the core distributes (C16, C18, I9, I13)."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec

from nakadachi.telegrams.envelope import Answer, Moment, Telegram

Count = Annotated[int, msgspec.Meta(ge=0, le=2**62)]
"""Something counted; every database can keep it."""
Days = Annotated[int, msgspec.Meta(ge=-10_000_000, le=10_000_000)]
"""Days from now, negative where they have passed."""


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
    """稼働状況通知: this system started, runs or stopped, the versions it runs (L9), and how it fares (C18)."""

    operation: Operation
    at: Moment
    software: str
    lawbook: int
    directory: int
    condition: Condition | None = None


class DistributeEdition(Telegram, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """マスタ・プレフィックス情報配布: parts `lawbook` and `directory`, each a note signed by core and Commission."""

    lawbook: int
    directory: int


class EditionHeld(Answer, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """配布結果: the versions in use here now."""

    lawbook: int
    directory: int
