"""Several instances of one system on one database: each says that it is there, and takes up what a gone one left (N3).

A system that runs alone has no name for its instance, keeps no row here and pays nothing. Time is the database's own:
two machines' clocks must not decide which of them is gone.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from nakadachi.kit.log import logger

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from nakadachi.kit.database import Connection, Database

TURN_SECONDS = 0.5
GONE_SECONDS = 2.5
"""An instance that did not say for so long that it is there, is gone."""


class Instances:
    """Our process among the instances of its system; `name` is the instance's, `holder` this process's alone.

    What is given to `each_turn` runs every half second; what is given to `when_gone` runs once whenever another
    instance went, in order or not, in the transaction that found it.
    """

    def __init__(self, database: Database, *, name: str, holder: str) -> None:
        self._database = database
        self._name = name
        self._holder = holder
        self._turns: list[Callable[[], Awaitable[None]]] = []
        self._gone: list[Callable[[Connection], Awaitable[None]]] = []
        self._task: asyncio.Task[None] | None = None

    @property
    def several(self) -> bool:
        """Whether there may be other instances."""
        return bool(self._name)

    def each_turn(self, *turns: Callable[[], Awaitable[None]]) -> None:
        """Look every half second for what another instance may have brought."""
        self._turns += turns

    def when_gone(self, *steps: Callable[[Connection], Awaitable[None]]) -> None:
        """Do these when another instance went."""
        self._gone += steps

    async def start(self) -> None:
        """Say that we are there, and go on."""
        if self.several:
            await self._turn()
            self._task = asyncio.create_task(self._work())

    async def stop(self) -> None:
        """Say that we go: another one takes up at once what we leave."""
        if self._task is None:
            return
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        async with self._database.acquire() as connection:
            await connection.execute(
                "UPDATE instance SET until = clock_timestamp() - interval '1 second' WHERE holder = $1", self._holder
            )

    async def _work(self) -> None:
        while True:
            await asyncio.sleep(TURN_SECONDS)
            for step in (self._turn, *self._turns):
                try:
                    await step()
                except Exception:  # noqa: BLE001  the database may be away for a while; the next turn tries again
                    logger().exception("instances.wait")

    async def _turn(self) -> None:
        async with self._database.transaction() as connection:
            lapsed = await self._renew(connection)
            for step in self._gone if lapsed else ():
                await step(connection)
        if lapsed:
            logger().warning("instance.gone", count=lapsed)

    async def _renew(self, connection: Connection) -> int:
        """Say that we are there; how many others are not any more. Each is found by one of those that are left."""
        await connection.execute(
            "INSERT INTO instance (holder, name, until) VALUES ($1, $2, clock_timestamp() + $3 * interval '1 second')"
            " ON CONFLICT (holder) DO UPDATE SET until = excluded.until",
            self._holder,
            self._name,
            GONE_SECONDS,
        )
        rows = await connection.fetch(
            "DELETE FROM instance WHERE holder IN (SELECT holder FROM instance WHERE until < clock_timestamp()"
            " AND holder <> $1 FOR UPDATE SKIP LOCKED) RETURNING holder",
            self._holder,
        )
        return len(rows)
