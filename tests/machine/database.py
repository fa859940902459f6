"""A node's real database behind the machine's turnstile, whose commits can be made to fail as PostgreSQL's do."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from enum import StrEnum
from typing import Any, Self

import asyncpg

from nakadachi.kit.database import _SETTINGS, Connection, Database, _keep_as_it_is
from tests.machine.loop import VirtualLoop

CONNECTIONS = 10


class Trouble(StrEnum):
    """What a commit can meet."""

    DISK_FULL = "disk full"
    SERIALIZATION = "serialization failure"
    LOST_BEFORE = "connection lost before the commit"
    LOST_AFTER = "connection lost after the commit"


class Troubles:
    """What a node's next commits meet, and how often something was met; it outlives the node's restarts."""

    def __init__(self, met: Callable[[str], None]) -> None:
        self.next: deque[Trouble] = deque()
        self._met = met

    def take(self) -> Trouble | None:
        """What this commit meets."""
        if not self.next:
            return None
        trouble = self.next.popleft()
        self._met(trouble.value)
        return trouble


class MachineDatabase(Database):
    """One node's database: real, but a statement waits for its turn."""

    __slots__ = ("_free", "_loop", "_troubles", "dead")

    @classmethod
    async def enter(cls, dsn: str, troubles: Troubles, opened: set[asyncpg.Connection]) -> Self:
        """Connect to `dsn`; every connection is put into `opened`, even one whose opener is killed meanwhile."""
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        # What a crash of the machine would lose is not this test's question: the disk need not be waited for.
        settings = {**_SETTINGS, "synchronous_commit": "off"}

        class Noted(asyncpg.Connection):  # type: ignore[misc]  # the driver has no types
            __slots__ = ()

            def __init__(self, *given: Any) -> None:
                super().__init__(*given)
                opened.add(self)

        async def connect() -> Any:
            return await asyncpg.create_pool(
                dsn, min_size=1, max_size=CONNECTIONS, reset=_keep_as_it_is, server_settings=settings, timeout=600,
                max_inactive_connection_lifetime=0, connection_class=Noted,
            )  # fmt: skip

        self = cls(await loop.turnstile.passing(connect()))
        self._loop, self._troubles, self._free, self.dead = loop, troubles, asyncio.Semaphore(CONNECTIONS), False
        return self

    async def passing(self, call: Callable[..., Awaitable[Any]], *args: Any, **named: Any) -> Any:
        """A call of the driver, in its turn."""

        async def work() -> Any:
            if self.dead:
                raise asyncpg.ConnectionDoesNotExistError("the process that held this connection was killed")
            return await call(*args, **named)

        return await self._loop.turnstile.passing(work())

    async def close(self) -> None:
        """See Database."""
        await self.passing(self._pool.close)

    def kill(self) -> None:
        """The process is gone: its connections break, whatever they were doing."""
        self.dead = True
        self._pool.terminate()

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[Connection]:
        """See Database."""
        async with self._free:
            raw = await self.passing(self._pool.acquire)
            try:
                yield _Connection(raw, self)
            finally:
                if not self.dead:
                    await self._pool.release(raw)

    @asynccontextmanager
    async def transaction(self, *, isolation: str | None = None, readonly: bool = False) -> AsyncIterator[Connection]:
        """See Database."""
        async with self.acquire() as connection, connection.transaction(isolation=isolation, readonly=readonly):
            yield connection

    async def commit(self, raw: Any, transaction: Any) -> None:
        """Commit, or meet what the node's next commit meets."""
        match self._troubles.take():
            case None:
                await self.passing(transaction.commit)
            case Trouble.DISK_FULL:
                await self.passing(transaction.rollback)
                raise asyncpg.DiskFullError("could not extend file: No space left on device")
            case Trouble.SERIALIZATION:
                await self.passing(transaction.rollback)
                raise asyncpg.SerializationError("could not serialize access due to concurrent update")
            case lost:
                if lost is Trouble.LOST_AFTER:
                    await self.passing(transaction.commit)
                raw.terminate()
                raise asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation")


class _Connection:
    """A borrowed connection: every statement in its turn."""

    def __init__(self, raw: Any, database: MachineDatabase) -> None:
        self._raw, self._database = raw, database
        self._depth = 0

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._raw, name)
        if name == "is_in_transaction":
            return call

        async def passing(*args: Any, **named: Any) -> Any:
            return await self._database.passing(call, *args, **named)

        return passing

    @asynccontextmanager
    async def transaction(self, *, isolation: str | None = None, readonly: bool = False) -> AsyncIterator[Any]:
        transaction = self._raw.transaction(isolation=isolation, readonly=readonly)
        await self._database.passing(transaction.start)
        self._depth += 1
        try:
            yield transaction
        except BaseException:
            self._depth -= 1
            if not self._raw.is_closed():
                await self._database.passing(transaction.rollback)
            raise
        self._depth -= 1
        if self._depth:
            await self._database.passing(transaction.commit)
        else:
            await self._database.commit(self._raw, transaction)
