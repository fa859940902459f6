"""Something of our own to be done again and again, in a transaction each time; it never ends by a mistake."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from nakadachi.kit.log import logger

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from nakadachi.kit.server import System


class Rounds:
    """Runs `step` on a system every `seconds`, the first time at once."""

    def __init__(
        self, system: System[Any], step: Callable[[Any, Any, Sequence[None]], Awaitable[Sequence[Any]]], seconds: float
    ) -> None:
        self._system = system
        self._step = step
        self._seconds = seconds
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin."""
        self._task = asyncio.create_task(self._work())

    async def stop(self) -> None:
        """End, between two rounds or in the middle of one: it is done again by the next process."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _work(self) -> None:
        while True:
            try:
                await self._system.together(self._step, None)
            except Exception:  # noqa: BLE001  the database may be away for a while
                logger().exception("round.failed", node=self._system.name.value)
            await asyncio.sleep(self._seconds)
