"""Callers that wait for something another telegram will bring; whoever brings it tells them.

Where a system runs as several instances, it may be brought to another one: then what takes longer than a moment is
looked for in the database too, all of it with one query, as long as somebody waits (decision 0016).
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Generic, TypeVar

from nakadachi.kit.log import logger

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

K = TypeVar("K")
V = TypeVar("V")

LOOK_SECONDS = 0.05
"""How long a caller waits before its key is looked for, and the pause between two looks."""


class Waiters(Generic[K, V]):
    """A place to wait at, by key. Only a wake-up: what counts is in the database.

    `look`, where there are other instances, finds those of some keys that were settled, wherever that was.
    """

    def __init__(self, look: Callable[[Sequence[K]], Awaitable[Mapping[K, V]]] | None = None) -> None:
        self._look = look
        self._futures: dict[K, asyncio.Future[V]] = {}
        self._waiting: Counter[K] = Counter()
        self._looking: asyncio.Task[None] | None = None

    def expect(self, key: K) -> None:
        """Open a place for `key`, so that a `tell` before the `wait` is not missed."""
        if key not in self._futures:
            self._futures[key] = asyncio.get_running_loop().create_future()

    def __contains__(self, key: K) -> bool:
        """Whether a place for `key` is open."""
        return key in self._futures

    def tell(self, key: K, value: V) -> None:
        """Give `value` to whoever waits for `key`; nothing where nobody does."""
        future = self._futures.get(key)
        if future is not None and not future.done():
            future.set_result(value)

    def forget(self, key: K) -> None:
        """Close the place, unless somebody waits there: the last one who does closes it."""
        if key not in self._waiting:
            self._futures.pop(key, None)

    async def wait(self, key: K, seconds: float) -> V | None:
        """The value, or None where no place is open or it does not come in `seconds`.

        With other instances a place is always open: whoever opened it may have done so there.
        """
        if self._look is not None:
            self.expect(key)
        future = self._futures.get(key)
        if future is None:
            return None
        self._begin_to_look(key)
        try:
            return await asyncio.wait_for(asyncio.shield(future), seconds)
        except TimeoutError:
            return None
        finally:
            self._waiting[key] -= 1
            if self._waiting[key] <= 0:
                del self._waiting[key]
                self.forget(key)

    def _begin_to_look(self, key: K) -> None:
        self._waiting[key] += 1
        if self._look is not None and self._looking is None:
            self._looking = asyncio.create_task(self._work(self._look))

    async def _work(self, look: Callable[[Sequence[K]], Awaitable[Mapping[K, V]]]) -> None:
        before: set[K] = set()
        try:
            while self._waiting:
                await asyncio.sleep(LOOK_SECONDS)
                patient = [key for key in self._waiting if key in before]
                before = set(self._waiting)
                if patient:
                    await self._tell_found(look, patient)
        finally:
            self._looking = None

    async def _tell_found(self, look: Callable[[Sequence[K]], Awaitable[Mapping[K, V]]], keys: Sequence[K]) -> None:
        try:
            found = await look(keys)
        except Exception:  # noqa: BLE001  the next look tries again, and whoever waits has a limit of its own
            logger().exception("look.failed")
            return
        for key, value in found.items():
            self.tell(key, value)
