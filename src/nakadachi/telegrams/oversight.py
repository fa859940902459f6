"""監視: what nodes tell the core of their own state and what the core distributes (C16, C18, I9, I13)."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec

from nakadachi.telegrams.envelope import Answer, Moment, Telegram, VersionNumber

Software = Annotated[str, msgspec.Meta(pattern=r"^[0-9A-Za-z.+-]{1,64}\Z")]
"""The version of a system's program; whether it is one that may talk is for the directory to say (L9)."""


class Operation(StrEnum):
    """稼働状況: started or stopped (source 003 6.5 ①(c))."""

    STARTED = "started"
    STOPPED = "stopped"


class ReportOperation(Telegram, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """稼働状況通知: this system started or stopped, and the versions it runs (L9)."""

    operation: Operation
    at: Moment
    software: Software
    lawbook: VersionNumber
    directory: VersionNumber


class DistributeEdition(Telegram, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """マスタ・プレフィックス情報配布: parts `lawbook` and `directory`, each a note signed by core and Commission."""

    lawbook: VersionNumber
    directory: VersionNumber


class EditionHeld(Answer, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """配布結果: the versions in use here now."""

    lawbook: VersionNumber
    directory: VersionNumber
