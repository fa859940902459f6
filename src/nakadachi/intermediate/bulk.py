"""Files of inquiries: in bulk (大量照会) in telegrams of many exchanges, or each line by itself where somebody waits;
results in the order of the file (M2, design 2.9).
"""

from __future__ import annotations

import asyncio
import itertools
from contextlib import aclosing
from typing import TYPE_CHECKING

from nakadachi.intermediate import desk
from nakadachi.intermediate.files.inquiries import InquiryLine
from nakadachi.intermediate.files.results import Result, Status
from nakadachi.kit.log import logger
from nakadachi.ledger.records import Circumstance
from nakadachi.refusal import Reason
from nakadachi.telegrams.envelope import Lane

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable, Mapping

    from nakadachi.intermediate.files.reading import Reject
    from nakadachi.intermediate.parts import Intermediate
    from nakadachi.intermediate.serials import Serials
    from nakadachi.kit.server import System

    Lines = Iterable[InquiryLine | Reject]
    Waiting = tuple[InquiryLine, Circumstance, asyncio.Future[Result]]
    RequestKey = tuple[str, str]

PACKET = 50
"""Lines of one telegram. It may carry 1,000, but what a node does without a pause grows with it, and beyond some tens
of lines nothing is gained: signatures and commits are shared by then.
"""
UNDER_WAY, BESIDE = 4, 1
"""Telegrams of one file that are under way at a time: by itself, and beside interactive work."""
LONGEST_REST_SECONDS = 2.0
"""Beside interactive work a file rests after each telegram for as long as that took, and not longer than this: every
other moment belongs to whoever waits at a counter.
"""
WINDOW = 2000
"""Lines of one file that are read and not told yet."""


AT_ONCE = 64
"""Interactive inquiries of one file that are under way at a time."""


async def in_bulk(
    system: System[Intermediate],
    serials: Serials,
    lines: Lines,
    said: Mapping[str, str],
    *,
    request: RequestKey | None = None,
) -> AsyncGenerator[Result, None]:
    """大量照会: one result per line, in order, as each is known. `said`: what the existing system says of all lines;
    `request`: its name and the key of its request, see `desk.ask`.
    """
    packets = _Packets(system, serials, said, request)
    async with aclosing(packets.results(lines)) as results:
        async for result in results:
            yield result


async def at_once(
    system: System[Intermediate],
    serials: Serials,
    lines: Lines,
    said: Mapping[str, str],
    *,
    request: RequestKey | None = None,
) -> AsyncGenerator[Result, None]:
    """即時照会: the same, each line by itself in the interactive lane."""
    under_way: list[asyncio.Task[Result]] = []
    try:
        for line in lines:
            under_way.append(asyncio.create_task(_one(system, serials, line, said, request)))
            if len(under_way) >= AT_ONCE:
                yield await under_way.pop(0)
        while under_way:
            yield await under_way.pop(0)
    finally:
        for task in under_way:
            task.cancel()


async def _one(
    system: System[Intermediate],
    serials: Serials,
    line: InquiryLine | Reject,
    said: Mapping[str, str],
    request: RequestKey | None,
) -> Result:
    if not isinstance(line, InquiryLine):
        return Result.rejected(line)
    return await desk.ask(system, serials, line, by=_by(line, said), lane=Lane.INTERACTIVE, request=request)


def _by(line: InquiryLine, said: Mapping[str, str]) -> Circumstance:
    return Circumstance(
        staff=line.operator,
        department=line.department,
        terminal=said.get("terminal", ""),
        purpose=said.get("purpose", ""),
        case_number=said.get("case_number", ""),
        withheld=line.non_disclosure > 0,
    )


class _Packets:
    """One file on its way: reads it as far as there is room, and gives the results back in its order."""

    def __init__(
        self, system: System[Intermediate], serials: Serials, said: Mapping[str, str], request: RequestKey | None
    ) -> None:
        self._system, self._serials, self._said, self._request = system, serials, said, request
        self._order: asyncio.Queue[asyncio.Future[Result] | None] = asyncio.Queue()
        self._room = asyncio.Semaphore(WINDOW)
        self._groups: dict[object, list[Waiting]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._took = 0.0

    async def results(self, lines: Lines) -> AsyncGenerator[Result, None]:
        """One result per line, in order, as each is known. What was begun goes on where the reader leaves."""
        reading = asyncio.create_task(self._read(lines))
        try:
            while (result := await self._order.get()) is not None:
                yield await result
                self._room.release()
            await reading
        finally:
            for task in (reading, *self._tasks):
                task.cancel()
            await asyncio.gather(reading, *self._tasks, return_exceptions=True)

    async def _read(self, lines: Lines) -> None:
        pause = self._system.lanes.pace()
        try:
            for line in lines:
                await pause()
                if self._room.locked():
                    # The oldest line may be in a telegram that is not full: nothing moves until that goes.
                    await self._send_all()
                await self._room.acquire()
                future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
                self._order.put_nowait(future)
                if isinstance(line, InquiryLine):
                    await self._put(line, future)
                else:
                    future.set_result(Result.rejected(line))
            await self._send_all()
        except Exception as wrong:  # noqa: BLE001  whoever waits for a line that was not sent gets it
            for _, _, future in itertools.chain.from_iterable(self._groups.values()):
                future.set_exception(wrong)
        finally:
            self._order.put_nowait(None)

    async def _put(self, line: InquiryLine, future: asyncio.Future[Result]) -> None:
        key = (desk.prefix_of(line), line.operator)
        group = self._groups.setdefault(key, [])
        group.append((line, _by(line, self._said), future))
        if len(group) >= PACKET:
            await self._send(self._groups.pop(key))

    async def _send_all(self) -> None:
        groups, self._groups = list(self._groups.values()), {}
        for group in groups:
            await self._send(group)

    async def _send(self, group: list[Waiting]) -> None:
        while len(self._tasks) >= (BESIDE if self._system.lanes.shared else UNDER_WAY):
            await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
        if self._system.lanes.shared:
            await asyncio.sleep(min(self._took, LONGEST_REST_SECONDS))
        task = asyncio.create_task(self._ask(group))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _ask(self, group: list[Waiting]) -> None:
        begun = asyncio.get_running_loop().time()
        try:
            asked = [(line, by) for line, by, _ in group]
            order = self._said.get("order", "")
            results = await desk.ask_many(self._system, self._serials, asked, order=order, request=self._request)
        except Exception:  # noqa: BLE001  the other lines of the file have nothing to do with it
            logger().exception("bulk.failed", node=self._system.name.value, count=len(group))
            results = [Result.without_answer(line.line, Status.UNKNOWN, Reason.INTERNAL) for line, _, _ in group]
        self._took = asyncio.get_running_loop().time() - begun
        for (_, _, future), result in zip(group, results, strict=True):
            if not future.done():
                future.set_result(result)
