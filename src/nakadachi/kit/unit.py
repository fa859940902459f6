"""What a handler is given and what it may give back.

A handler gets all telegrams of its kind that wait, decides each, writes inside one transaction, and returns one
reply per
telegram. It never sends: what is to go out is handed to the unit and goes after the commit.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar

from nakadachi.kit.database import Connection
from nakadachi.refusal import Refusal
from nakadachi.telegrams.catalogue import HOPS, Wait
from nakadachi.telegrams.codec import encode_frame
from nakadachi.telegrams.envelope import Answer, Envelope, Lane, Telegram, Verified
from nakadachi.terms import NodeName, Serial, TelegramId

P = TypeVar("P")
T = TypeVar("T", bound=Telegram)
X = TypeVar("X")


@dataclass(frozen=True, slots=True)
class Forward:
    """Relay: pass the author's bytes unchanged to the next node on the path; after `until` nobody wants them."""

    to: NodeName
    url: str
    until: datetime | None = None


Reply = Verified[Any] | Refusal | Forward | None
"""An answer; a refusal of the whole telegram; to be relayed; or None: the handler's `finish` answers after the
commit."""


@dataclass(frozen=True, slots=True)
class Asked(Generic[T]):
    """One telegram before its handler, in turn, and the exchanges it belongs to as they are known here."""

    telegram: Verified[T]
    known: Mapping[Serial, Any]

    @property
    def header(self) -> T:
        """The telegram's header."""
        return self.telegram.header


@dataclass(frozen=True, slots=True)
class Heard(Generic[T]):
    """What we sent in one request, and what came back for each telegram of it."""

    sent: tuple[Verified[Any], ...]
    answers: tuple[Verified[Answer], ...]


@dataclass(frozen=True, slots=True)
class GivenUp(Generic[T]):
    """What we sent in one request, and will send no more: its deadline passed or its attempts are used up."""

    sent: tuple[Verified[Any], ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """One request to be sent: kept in the outbox until a final answer is in, or it is given up after `until`."""

    id: TelegramId
    to: NodeName
    url: str
    frame: bytes
    lane: Lane
    wait: Wait
    until: datetime | None = None
    telegrams: tuple[Verified[Any], ...] = ()


@dataclass(slots=True)
class Unit:
    """One transaction: its connection, its time, and what is to be sent once it is committed.

    `pause` is called between items of bulk work; None for interactive work, which waits for nobody.
    """

    connection: Connection
    now: datetime
    outgoing: list[Entry] = field(default_factory=list)
    after_commit: list[Callable[[], None]] = field(default_factory=list)
    pause: Callable[[], Awaitable[None]] | None = None

    def each(self, items: Iterable[X]) -> AsyncIterator[X]:
        """Items whose handling takes time, one after the other; bulk work lets interactive work pass between them."""
        return _Each(iter(items), self.pause)

    def send(self, *telegrams: Verified[Any], to: NodeName, url: str, until: datetime | None = None) -> None:
        """Send these telegrams in one request to `to` after the commit; kept until answered, or given up after
        `until`.
        """
        self.outgoing.append(entry_of(telegrams, to, url, until))

    def then(self, tell: Callable[[], None]) -> None:
        """Run `tell` after the commit: a wake-up, nothing that may be lost."""
        self.after_commit.append(tell)


class _Each(Generic[X]):
    """An iterator and not a generator, since a handler may leave it half-way by a refusal."""

    __slots__ = ("_items", "_pause")

    def __init__(self, items: Iterator[X], pause: Callable[[], Awaitable[None]] | None) -> None:
        self._items, self._pause = items, pause

    def __aiter__(self) -> AsyncIterator[X]:
        return self

    async def __anext__(self) -> X:
        if self._pause is not None:
            await self._pause()
        for item in self._items:
            return item
        raise StopAsyncIteration


def entry_of(telegrams: Sequence[Verified[Any]], to: NodeName, url: str, until: datetime | None = None) -> Entry:
    """The outbox entry of one request."""
    first = telegrams[0].header
    frame = encode_frame([telegram.envelope for telegram in telegrams])
    return Entry(first.id, to, url, frame, first.lane, HOPS[type(first)][0].wait, until, tuple(telegrams))


Keep = Callable[[Any, Unit, Sequence[Asked[Any]]], Awaitable[Sequence[Reply]]]
Finish = Callable[[Any, Verified[Any]], Awaitable[Envelope | None]]


@dataclass(frozen=True, slots=True)
class Handler:
    """How a system handles one kind of telegram: `keep` inside the transaction; `finish` after the commit, safe to
    repeat, for those whose answer is made then.
    """

    keep: Keep
    finish: Finish | None = None


@dataclass(frozen=True, slots=True)
class Hear:
    """How a system takes the answer to what it sent: `keep` inside a transaction, for those answers that `matters` says
    change anything (None: all of them); `give_up` where none came and it is sent no more.
    """

    keep: Callable[[Any, Unit, Sequence[Heard[Any]]], Awaitable[None]]
    matters: Callable[[Heard[Any]], bool] | None = None
    give_up: Callable[[Any, Unit, Sequence[GivenUp[Any]]], Awaitable[None]] | None = None
