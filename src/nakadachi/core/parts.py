"""What a handler of the core may touch."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from nakadachi.kit.waiters import Waiters

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from nakadachi.core.codes import LinkCodeScheme
    from nakadachi.core.store import Exchange
    from nakadachi.kit.author import Author
    from nakadachi.kit.keystore import KeyStore
    from nakadachi.ledger.edition import Edition
    from nakadachi.ledger.log import Log
    from nakadachi.telegrams.envelope import Envelope
    from nakadachi.terms import TelegramId


@dataclass(frozen=True, slots=True)
class Times:
    """Deadlines of an exchange (design, fixed values), and when the core stops waiting for its ends.

    `accept_grace` after accept-by an inquiry is sent no more; `settle` after answer-by the ends are asked how the
    exchange ended, and after as long again it is unknown.
    """

    accept_interactive: timedelta = timedelta(seconds=60)
    accept_bulk: timedelta = timedelta(hours=24)
    answer: timedelta = timedelta(days=10)
    accept_grace: timedelta = timedelta(seconds=5)
    settle: timedelta = timedelta(days=1)
    acceptance_seconds: float = 7.0
    place_seconds: float = 5.0


@dataclass(frozen=True, slots=True)
class Waiting:
    """Wake-ups inside this process: what was just decided, and who waits for an acceptance."""

    decided: dict[TelegramId, tuple[Exchange, ...]] = field(default_factory=dict)
    accepted: Waiters[TelegramId, Envelope] = field(default_factory=Waiters)


@dataclass(frozen=True, slots=True)
class Core:
    """The core's parts. `suite` is the seal suite that permits name, `head` the newest cosigned checkpoint;
    `recall` reads what a permit request led to, outside a transaction of ours.
    """

    author: Author
    edition: Edition
    scheme: LinkCodeScheme
    keys: KeyStore
    log: Log
    times: Times
    suite: str
    recall: Callable[[TelegramId], Awaitable[tuple[Exchange, ...]]]
    waiting: Waiting = field(default_factory=Waiting)
    head: list[str] = field(default_factory=lambda: [""])
