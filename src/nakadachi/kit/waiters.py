"""Callers that wait for something another telegram will bring; whoever brings it tells them."""

from __future__ import annotations

import asyncio
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Waiters(Generic[K, V]):
    """A place to wait at, by key. Only a wake-up: what counts is in the database."""

    def __init__(self) -> None:
        self._futures: dict[K, asyncio.Future[V]] = {}

    def expect(self, key: K) -> None:
        """Open a place for `key`, so that a `tell` before the `wait` is not missed."""
        if key not in self._futures:
            self._futures[key] = asyncio.get_running_loop().create_future()

    def tell(self, key: K, value: V) -> None:
        """Give `value` to whoever waits for `key`; nothing where nobody does."""
        future = self._futures.get(key)
        if future is not None and not future.done():
            future.set_result(value)

    def forget(self, key: K) -> None:
        """Close the place."""
        self._futures.pop(key, None)

    async def wait(self, key: K, seconds: float) -> V | None:
        """The value, or None where no place is open or it does not come in `seconds`."""
        future = self._futures.get(key)
        if future is None:
            return None
        try:
            return await asyncio.wait_for(asyncio.shield(future), seconds)
        except TimeoutError:
            return None
        finally:
            self.forget(key)
