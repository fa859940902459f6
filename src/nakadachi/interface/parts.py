"""What a handler of the interface system may touch."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from nakadachi.telegrams.envelope import Lane

if TYPE_CHECKING:
    from nakadachi.kit.author import Author
    from nakadachi.ledger.edition import Edition
    from nakadachi.ledger.heads import Heads


@dataclass(frozen=True, slots=True)
class Interface:
    """The interface system's parts: its hand, the edition in use, the cosigned heads it saw, the grace after
    answer-by; how long a request may wait for its permit; when an exchange is over by this side's own clock.
    """

    author: Author
    edition: Edition
    heads: Heads
    grace: timedelta = timedelta(minutes=10)
    accept: timedelta = timedelta(seconds=10)
    permit: timedelta = timedelta(seconds=70)
    permit_bulk: timedelta = timedelta(hours=24)
    forget_after: timedelta = timedelta(hours=1)

    def permit_within(self, lane: Lane) -> timedelta:
        """How long a request of this lane may wait for its permit."""
        return self.permit_bulk if lane is Lane.BULK else self.permit
