"""What a handler of the core may touch."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from nakadachi.core.key_rules import FIRST_MASTER
from nakadachi.kit.waiters import Waiters

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from nakadachi.core.codes import LinkCodeScheme
    from nakadachi.core.store import Exchange
    from nakadachi.kit.author import Author
    from nakadachi.kit.keystore import KeyStore
    from nakadachi.ledger.edition import Edition
    from nakadachi.ledger.log import Log, Place
    from nakadachi.ledger.other_log import OtherLog
    from nakadachi.telegrams.envelope import Envelope
    from nakadachi.terms import OrganisationCode, TelegramId


LOOK_SECONDS = 0.05
"""How often a permit that waits for its cosignature looks for it."""


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
    """Wake-ups inside this process: what was just decided, that a cosignature is waited for, who waits for an
    acceptance.
    """

    decided: dict[TelegramId, tuple[Exchange, ...]] = field(default_factory=dict)
    uncosigned: asyncio.Event = field(default_factory=asyncio.Event)
    accepted: Waiters[TelegramId, Envelope] = field(default_factory=Waiters)


@dataclass(frozen=True, slots=True)
class Rotating:
    """How keys of link codes are replaced (C6): the secret that new ones are derived from, and how long after the last
    confirmation the former one is retired (None: by command only). `masters` is what `link_keys.learn` found.
    """

    master: str = FIRST_MASTER
    retire: timedelta | None = timedelta(hours=25)
    masters: dict[tuple[OrganisationCode, int], str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Core:
    """The core's parts. `suite` is the seal suite that permits name, `head` the newest cosigned checkpoint of our own
    log; `recall` reads what a permit request led to, outside a transaction of ours; `others` are the logs of this
    core's other instances, by origin. `cosigned`, where permits wait for the Commission (decision 0031), gives the
    newest cosigned checkpoint of an origin.
    """

    author: Author
    edition: Edition
    scheme: LinkCodeScheme
    keys: KeyStore
    log: Log
    times: Times
    suite: str
    recall: Callable[[TelegramId], Awaitable[tuple[Exchange, ...]]]
    rotating: Rotating = field(default_factory=Rotating)
    waiting: Waiting = field(default_factory=Waiting)
    head: list[str] = field(default_factory=lambda: [""])
    others: Mapping[str, OtherLog] = field(default_factory=dict)
    cosigned: Callable[[str], Awaitable[str]] | None = None

    def may_write(self, origin: str) -> bool:
        """Whether a log of this name is written here or by another instance of this core: its entries get a place."""
        return origin == self.log.origin or origin in self.others

    async def place(self, origin: str, entry: bytes) -> Place | None:
        """The place of an entry in the log of the instance that decided; None where it has none in time."""
        other = self.others.get(origin)
        place = await (other or self.log).place(entry, self.times.place_seconds)
        if place is None or self.cosigned is None:
            return place
        return await self._covered(place, other.log if other else self.log, self.cosigned)

    async def _covered(self, place: Place, log: Log, cosigned: Callable[[str], Awaitable[str]]) -> Place | None:
        """The same place in a tree that the Commission cosigned; None where it cosigns none that holds it in time."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self.times.place_seconds
        while loop.time() < deadline:
            self.waiting.uncosigned.set()
            note = await cosigned(log.origin)
            size = int(note.split("\n", 2)[1]) if note else 0
            if size > place.index:
                return await log.place_in(place.index, size, note)
            await asyncio.sleep(LOOK_SECONDS)
        return None
