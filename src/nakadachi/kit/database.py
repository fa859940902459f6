"""A pool of PostgreSQL connections, transactions, and work that is done again where the database asks for it.

It holds no SQL: that stands in stores, the ledger and the outbox. No network call belongs inside a transaction (design
2, rule 8).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Protocol, Self, TypeVar
from urllib.parse import parse_qs, urlsplit

import asyncpg

T = TypeVar("T")

_ATTEMPTS = 5
_SETTINGS = {"plan_cache_mode": "force_generic_plan"}
"""Every statement here finds its rows by key: planning it anew for each set of values costs more than it runs."""
_SHORT_LIVED = {"tcp_keepalives_idle": "5", "tcp_keepalives_interval": "5", "tcp_keepalives_count": "2"}
"""Sessions whose machine is gone end within a quarter of a minute: who starts in its place looks for them."""
_FIRST_PAUSE_SECONDS = 0.01
_GOING = (asyncpg.PostgresConnectionError, asyncpg.AdminShutdownError, asyncpg.CrashShutdownError)
_NOT_THERE = (OSError, TimeoutError, asyncpg.CannotConnectNowError, asyncpg.TooManyConnectionsError, *_GOING)
"""What a server says, or does not say, that stops, starts, was killed, or is full; the next attempt may find it up."""


class DatabaseError(Exception):
    """The database cannot be used; the text says which, why and what to do, and holds no password."""


class DatabaseAway(DatabaseError):  # noqa: N818  a state of the world
    """The database is not there just now, or went in the middle: what was done last may be kept or not. Ask again."""


class Record(Protocol):
    """A row: its values by column name or by place."""

    def __getitem__(self, column: str | int, /) -> Any:
        """The value of one column. Raises KeyError or IndexError."""
        ...

    def keys(self) -> Iterator[str]:
        """The names of the columns, in order."""
        ...

    def values(self) -> Iterator[Any]:
        """The values, in order."""
        ...

    def items(self) -> Iterator[tuple[str, Any]]:
        """Names and values, in order."""
        ...


class Connection(Protocol):
    """What a store may ask of a connection (asyncpg's own, or one borrowed from the pool). Parameters are $1, $2, …

    All raise asyncpg.PostgresError where the database refuses; where it is gone, the block that gave the connection
    raises DatabaseAway.
    """

    async def execute(self, query: str, *args: object, timeout: float | None = None) -> str:
        """Run one statement (several, if there are no parameters). Returns the command's tag, such as `UPDATE 1`."""
        ...

    async def executemany(
        self, command: str, args: Iterable[Sequence[object]], *, timeout: float | None = None
    ) -> None:
        """Run one statement once for each tuple of parameters; all or none."""
        ...

    async def fetch(self, query: str, *args: object, timeout: float | None = None) -> list[Any]:
        """All rows (each a `Record`)."""
        ...

    async def fetchrow(self, query: str, *args: object, timeout: float | None = None) -> Any:
        """The first row (a `Record`), or None."""
        ...

    async def fetchval(self, query: str, *args: object, column: int = 0, timeout: float | None = None) -> Any:
        """One column of the first row, or None."""
        ...

    async def copy_records_to_table(
        self, table_name: str, *, records: Iterable[Sequence[object]], columns: Sequence[str] | None = None
    ) -> str:
        """Write many rows by COPY: the fastest way in (stack 3.3)."""
        ...

    def transaction(self, *, isolation: str | None = None, readonly: bool = False) -> AbstractAsyncContextManager[Any]:
        """A transaction, or a savepoint inside one."""
        ...

    def is_in_transaction(self) -> bool:
        """Whether a transaction is open."""
        ...


async def _keep_as_it_is(_connection: Any) -> None:
    """Nothing: no work of ours leaves anything in a session, and a reset would cost a round trip per transaction."""


class Database:
    """One tenant's database: a pool of connections that share its user and its schema."""

    __slots__ = ("_pool",)

    def __init__(self, pool: Any) -> None:
        """Wrap an open asyncpg pool; use `open`."""
        self._pool = pool

    @classmethod
    async def open(cls, dsn: str, *, min_size: int = 1, max_size: int = 10, called: str = "") -> Self:
        """Connect to `dsn` with `min_size` to `max_size` connections, whose sessions are `called` so, see `sessions`.

        Raises DatabaseError.
        """
        try:
            pool = await asyncpg.create_pool(
                dsn,
                min_size=min_size,
                max_size=max_size,
                timeout=10,
                reset=_keep_as_it_is,
                server_settings=_SETTINGS | ({"application_name": called, **_SHORT_LIVED} if called else {}),
            )
        except (OSError, TimeoutError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise DatabaseError(f"cannot open the database {_place(dsn)}: {_why(error)}") from error
        return cls(pool)

    async def close(self) -> None:
        """Wait until all connections are given back, then close them."""
        await self._pool.close()

    async def touch(self) -> None:
        """Whether it answers. Raises DatabaseAway where it does not."""
        async with self.acquire() as connection:
            await connection.fetchval("SELECT 1")

    async def sessions(self, kind: str) -> list[str]:
        """What the sessions of this database's user are called, of those whose names begin with `kind`."""
        async with self.acquire() as connection:
            rows = await connection.fetch(
                "SELECT DISTINCT application_name FROM pg_stat_activity"
                " WHERE usename = current_user AND datname = current_database() AND starts_with(application_name, $1)",
                kind,
            )
        return [row["application_name"] for row in rows]

    def connections(self) -> tuple[int, int, int]:
        """The pool's connections: in use, idle, and how many there may be."""
        idle = self._pool.get_idle_size()
        return self._pool.get_size() - idle, idle, self._pool.get_max_size()

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[Connection]:
        """A connection outside a transaction: every statement commits by itself. Raises DatabaseAway.

        After a restart of the database the pool finds its connections closed and opens new ones.
        """
        pool = self._pool
        try:
            connection = await pool.acquire()
        except _NOT_THERE as wrong:
            raise DatabaseAway(f"the database is away ({type(wrong).__name__})") from wrong
        try:
            yield connection
        except Exception as wrong:
            if _is_gone(connection) or isinstance(wrong, _GOING):
                raise DatabaseAway(f"the database went away ({type(wrong).__name__})") from wrong
            raise
        finally:
            await pool.release(connection)

    @asynccontextmanager
    async def transaction(self, *, isolation: str | None = None, readonly: bool = False) -> AsyncIterator[Connection]:
        """A connection inside a transaction: committed at the end of the block, rolled back where it raises.

        `isolation`: `read_committed` (PostgreSQL's default), `repeatable_read` or `serializable`. Raises DatabaseAway;
        where it does at the end of the block, the transaction may be kept or not.
        """
        async with self.acquire() as connection, connection.transaction(isolation=isolation, readonly=readonly):
            yield connection

    async def retrying(
        self,
        work: Callable[[Connection], Awaitable[T]],
        *,
        isolation: str | None = None,
        attempts: int = _ATTEMPTS,
    ) -> T:
        """Do `work` inside a transaction, whole and from its start again where transactions got in each other's way.

        `work` must do nothing but database work, since it may run several times. Raises what the last attempt raised.
        """

        async def once() -> T:
            async with self.transaction(isolation=isolation) as connection:
                return await work(connection)

        return await retrying(once, attempts=attempts)


async def retrying(work: Callable[[], Awaitable[T]], *, attempts: int = _ATTEMPTS, look_again: bool = False) -> T:
    """Do `work` again, up to `attempts` times in all, after a serialization failure (40001) or a deadlock (40P01).

    Distributed engines raise 40001 at any isolation level (stack 3.7). A unique violation (23505) is an answer and is
    not retried, but for work that asks to `look_again`: it looks first for what is there already, and another instance
    may have kept that between the look and the write. Raises what the last attempt raised.
    """
    again: tuple[type[Exception], ...] = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError)
    if look_again:
        again += (asyncpg.UniqueViolationError,)
    for attempt in range(attempts - 1):
        try:
            return await work()
        except again:
            await asyncio.sleep(_FIRST_PAUSE_SECONDS * 2**attempt)
    return await work()


def _is_gone(connection: Any) -> bool:
    """Whether a borrowed connection ended under its borrower."""
    try:
        return bool(connection.is_closed())
    except asyncpg.InterfaceError:
        return True  # the pool took it back when it ended


def _place(dsn: str) -> str:
    """Host and database of an address, without the user and the password."""
    try:
        parts = urlsplit(dsn)
        host = parts.netloc.rpartition("@")[2] or "".join(parse_qs(parts.query).get("host", []))
    except ValueError:
        return "(its address cannot be read)"
    return f"{parts.path.strip('/') or '(unnamed)'} at {host or '(no host)'}"


def _why(error: Exception) -> str:
    if isinstance(error, asyncpg.InvalidAuthorizationSpecificationError):
        return "user or password is wrong"
    if isinstance(error, asyncpg.InvalidCatalogNameError):
        return "there is no database of that name"
    if isinstance(error, asyncpg.TooManyConnectionsError):
        return "it has no connection left: lower max_size or raise max_connections"
    if isinstance(error, TimeoutError):
        return "no answer in time: is it running, and may this machine reach it?"
    if isinstance(error, OSError):
        return f"{error.strerror or type(error).__name__}: is it running, and may this machine reach it?"
    if isinstance(error, asyncpg.PostgresError):
        return str(error)
    return "its address cannot be read (expected postgresql://user:password@host:port/database)"
