"""Serials ahead of need: hop 1 asks for several at a time, so that an inquiry rarely waits for it (I1).

One that is never used does no harm: nothing was asked under it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from nakadachi.kit.client import Unreachable
from nakadachi.telegrams.envelope import Lane
from nakadachi.telegrams.permit import IssueSerial, SerialIssued, SerialUse

if TYPE_CHECKING:
    from nakadachi.intermediate.parts import Intermediate
    from nakadachi.kit.sender import Sender
    from nakadachi.terms import Serial

AHEAD = 32
PAUSES = (0.2, 0.5)
"""Between attempts: an instance of the interface system that just went must not end an inquiry that did not begin."""


class Serials:
    """The own interface system's serials, taken one by one."""

    def __init__(self, intermediate: Intermediate, sender: Sender, *, ahead: int = AHEAD) -> None:
        self._intermediate = intermediate
        self._sender = sender
        self._ahead = ahead
        self._ready: deque[Serial] = deque()
        self._asking = asyncio.Lock()

    async def take(self) -> Serial:
        """One serial, never given twice. Raises Unreachable, Refusal where the interface system gives none."""
        while not self._ready:
            async with self._asking:
                if not self._ready:
                    await self._ask()
        return self._ready.popleft()

    async def take_many(self, count: int, use: SerialUse = SerialUse.INQUIRY) -> tuple[Serial, ...]:
        """As many serials for bulk work (1 to 1,000), leaving alone what is kept ready. Raises Unreachable, Refusal."""
        return await self._issued(count, Lane.BULK, use)

    async def _ask(self) -> None:
        self._ready.extend(await self._issued(self._ahead, Lane.INTERACTIVE))

    async def _issued(self, count: int, lane: Lane, use: SerialUse = SerialUse.INQUIRY) -> tuple[Serial, ...]:
        own = self._intermediate.interface
        telegram = self._intermediate.author.write(IssueSerial, to=own, lane=lane, use=use, count=count)
        for pause in (*PAUSES, None):
            try:
                answer = await self._sender.ask(telegram, own, self._intermediate.edition.peers.url(own))
                break
            except Unreachable as wrong:
                # One that is full says when to come again; how long its caller has, its caller knows.
                if pause is None or wrong.retry_after is not None:
                    raise
            await asyncio.sleep(pause)
        return answer.header.serials if isinstance(answer.header, SerialIssued) else ()
