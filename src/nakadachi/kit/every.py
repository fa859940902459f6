"""A step taken again and again while a node runs. What fails is logged and tried at the next turn."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from nakadachi.kit.log import logger

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from nakadachi.terms import NodeName


class Every:
    """Takes a step every so many seconds, one after the other, until it is stopped."""

    def __init__(self, seconds: float, step: Callable[[], Awaitable[object]], *, node: NodeName) -> None:
        self._seconds = seconds
        self._step = step
        self._node = node
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin; the first turn comes after the first pause."""
        self._task = asyncio.create_task(self._work())

    async def stop(self) -> None:
        """End; a step under way is given up."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _work(self) -> None:
        while True:
            await asyncio.sleep(self._seconds)
            try:
                await self._step()
            except Exception:  # noqa: BLE001  the next turn tries again
                logger().exception("turn.failed", node=self._node.value)
