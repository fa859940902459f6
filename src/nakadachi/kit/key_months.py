"""月の鍵: which months there are, and which may be destroyed. Pure: store, journal and day are arguments."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from nakadachi.kit.key_error import KeyStoreError
from nakadachi.kit.key_folder import MONTH
from nakadachi.kit.key_journal import Act, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date, datetime

    from nakadachi.kit.key_journal import Entry

KEPT_MONTHS = 7 * 12
"""How long records are kept after the month in which they were made (facts: seven years by order)."""
_MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")


@dataclass(frozen=True, slots=True)
class Month:
    """One month: until when it is to be kept (the first month in which it may go), and how it was destroyed, if it was.

    `wrapped` is how many things lie wrapped under it, where that was counted.
    """

    name: str
    kept_until: str
    may_go: bool
    destroyed_at: datetime | None = None
    by: str = ""
    why: str = ""
    wrapped: int | None = None


def months(
    present: Iterable[str], journal: Sequence[Entry], today: date, wrapped: Mapping[str, int] | None = None
) -> list[Month]:
    """Every month that has a key or is on record as destroyed, the oldest first; `today` is Japan's."""
    gone = {
        one.key.removeprefix(MONTH): one
        for one in journal
        if one.act is Act.DESTROY and one.outcome is Outcome.DONE and one.key.startswith(MONTH)
    }
    here = set(present)
    found = []
    for name in sorted(here | gone.keys()):
        entry = gone.get(name) if name not in here else None
        until = _plus(name, KEPT_MONTHS + 1)
        count = None if wrapped is None else wrapped.get(name, 0)
        one = Month(name, until, f"{today:%Y-%m}" >= until, wrapped=count)
        found.append(replace(one, destroyed_at=entry.at, by=entry.who, why=entry.note) if entry else one)
    return found


def require_destroyable(name: str, present: Iterable[str], today: date, forced_because: str) -> None:
    """Raises KeyStoreError: no such month, or one whose records are still to be kept and no reason to force it."""
    if not _MONTH.fullmatch(name):
        msg = f"{name[:20]!r} is no month: write it as 2019-03"
        raise KeyStoreError(msg)
    here = sorted(present)
    if name not in here:
        msg = (
            f"there is no key of {name}; there are: {', '.join(here) or 'none'}. `keys months` shows what was destroyed"
        )
        raise KeyStoreError(msg)
    until = _plus(name, KEPT_MONTHS + 1)
    if f"{today:%Y-%m}" < until and not forced_because.strip():
        msg = (
            f"{name} is to be kept until {until} (seven years): its exchanges could be opened for nobody any more."
            ' To destroy it all the same: --force "<why>"'
        )
        raise KeyStoreError(msg)


def _plus(name: str, count: int) -> str:
    year, month = divmod(int(name[:4]) * 12 + int(name[5:]) - 1 + count, 12)
    return f"{year:04}-{month + 1:02}"
