"""Many callers, one transaction: items that wait at the same time are handled together, so that they share a commit.

Alone, an item is handled at once; under load the batch grows by itself (bounded). A batch that fails as a whole is
tried again item by item, so that one bad item harms no other. Each lane has queues of its own, and bulk comes behind.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from nakadachi.telegrams.envelope import Lane

if TYPE_CHECKING:
    from nakadachi.kit.lanes import Lanes

T = TypeVar("T")
R = TypeVar("R")

Run = Callable[[Sequence[Any]], Awaitable[Sequence[Any]]]

MOST_TOGETHER = 64
"""Interactive items of one transaction."""
MOST_OF_BULK = 200
"""Exchanges of one transaction in the bulk lane, unless one item alone has more."""
MOST_WAITING = 4096
"""Items that wait in one queue. What fills it is bounded before it; this is the last wall."""


class Batcher(Generic[T, R]):
    """Hands what waits to `run`, items of weight `most` in all at a time (but always one), one batch after the other.

    `run` gets a list of items and returns as many results in the same order, or raises for all of them.
    """

    def __init__(self, run: Callable[[Sequence[T]], Awaitable[Sequence[R]]], *, most: int = MOST_TOGETHER) -> None:
        self._run = run
        self._most = most
        self._waiting: list[tuple[T, asyncio.Future[R], int]] = []
        self._worker: asyncio.Task[None] | None = None

    async def submit(self, item: T, weight: int = 1) -> R:
        """The result for one item, after its batch. Raises what `run` raises for it alone."""
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future, weight))
        if self._worker is None:
            self._worker = asyncio.create_task(self._work())
        return await future

    async def _work(self) -> None:
        try:
            while self._waiting:
                # Whatever else is ready in this turn of the loop joins the batch.
                await asyncio.sleep(0)
                count = self._count()
                batch, self._waiting = self._waiting[:count], self._waiting[count:]
                await self._handle(batch)
        finally:
            self._worker = None

    def _count(self) -> int:
        """How many of the waiting go together."""
        total = 0
        for count, (_, _, weight) in enumerate(self._waiting):
            total += weight
            if total > self._most and count:
                return count
        return len(self._waiting)

    async def _handle(self, batch: list[tuple[T, asyncio.Future[R], int]]) -> None:
        try:
            results = await self._run([item for item, _, _ in batch])
            answered = list(zip(batch, results, strict=True))
        except asyncio.CancelledError:
            for _, future, _ in (*batch, *self._waiting):
                future.cancel()
            self._waiting = []
            raise
        except Exception as wrong:  # noqa: BLE001  whoever waits gets it
            if len(batch) > 1:
                for one in batch:
                    await self._handle([one])
            elif not batch[0][1].done():
                batch[0][1].set_exception(wrong)
            return
        for (_, future, _), result in answered:
            if not future.done():
                future.set_result(result)


class Batches:
    """A system's queues, one for each lane and kind of work; `watched` sees the batches of each."""

    def __init__(self, lanes: Lanes, watched: Callable[[Run], Run] = lambda run: run) -> None:
        self._lanes = lanes
        self._watched = watched
        self._batchers: dict[object, Batcher[Any, Any]] = {}

    async def submit(
        self, lane: Lane, key: object, run: Callable[[Sequence[Any]], Awaitable[Sequence[Any]]], item: Any, weight: int
    ) -> Any:
        """The result for an item of `weight` exchanges, after its batch: interactive ones ahead, bulk ones behind.

        Raises Busy where too many wait, and what `run` raises for it alone.
        """
        with self._lanes.place(("waiting", lane, key), MOST_WAITING):
            if lane is Lane.INTERACTIVE:
                with self._lanes.ahead():
                    return await self._of((lane, key), run, MOST_TOGETHER).submit(item)

            async def run_behind(items: Sequence[Any]) -> Sequence[Any]:
                async with self._lanes.behind():
                    return await run(items)

            return await self._of((lane, key), run_behind, MOST_OF_BULK).submit(item, weight)

    def _of(
        self, key: object, run: Callable[[Sequence[Any]], Awaitable[Sequence[Any]]], most: int
    ) -> Batcher[Any, Any]:
        if key not in self._batchers:
            self._batchers[key] = Batcher(self._watched(run), most=most)
        return self._batchers[key]
