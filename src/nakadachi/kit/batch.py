"""Many callers, one transaction: items that wait at the same time are handled together, so that they share a commit.

Alone, an item is handled at once; under load the batch grows by itself (bounded). A batch that fails as a whole is
tried again item by item, so that one bad item harms no other.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

T = TypeVar("T")
R = TypeVar("R")


class Batcher(Generic[T, R]):
    """Hands what waits to `run`, at most `most` at a time, one batch after the other.

    `run` gets a list of items and returns as many results in the same order, or raises for all of them.
    """

    def __init__(self, run: Callable[[Sequence[T]], Awaitable[Sequence[R]]], *, most: int = 64) -> None:
        self._run = run
        self._most = most
        self._waiting: list[tuple[T, asyncio.Future[R]]] = []
        self._worker: asyncio.Task[None] | None = None

    async def submit(self, item: T) -> R:
        """The result for one item, after its batch. Raises what `run` raises for it alone."""
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._worker is None:
            self._worker = asyncio.create_task(self._work())
        return await future

    async def _work(self) -> None:
        try:
            while self._waiting:
                # Whatever else is ready in this turn of the loop joins the batch.
                await asyncio.sleep(0)
                batch, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
                await self._handle(batch)
        finally:
            self._worker = None

    async def _handle(self, batch: list[tuple[T, asyncio.Future[R]]]) -> None:
        try:
            results = await self._run([item for item, _ in batch])
            answered = list(zip(batch, results, strict=True))
        except asyncio.CancelledError:
            for _, future in (*batch, *self._waiting):
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
        for (_, future), result in answered:
            if not future.done():
                future.set_result(result)
