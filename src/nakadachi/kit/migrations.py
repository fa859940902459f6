"""Brings a schema to the version that the code knows: SQL files, forward only, each once. It knows only its own tables.

A part of the program (core, ledger, outbox …) keeps its files in `migrations/NNNN_name.sql` beside its code. What was
applied is remembered with the file's SHA-256, so that a file edited later is noticed. Time is the database's own here:
two machines' clocks must not decide which of them holds the lease.
"""

from __future__ import annotations

import asyncio
import hashlib
import importlib.resources
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncpg

from nakadachi.kit.database import Connection, Database
from nakadachi.kit.entropy import Entropy, SystemEntropy

_FILE = re.compile(r"([0-9]{4})_[a-z0-9_]+\.sql")
_LEASE_SECONDS = 15.0
_POLL_SECONDS = 0.1

_TABLES = """
CREATE TABLE IF NOT EXISTS schema_version (
    part text NOT NULL,
    number integer NOT NULL,
    name text NOT NULL,
    digest text NOT NULL,
    applied_at timestamptz NOT NULL,
    PRIMARY KEY (part, number)
);
CREATE TABLE IF NOT EXISTS migration_lease (
    id integer PRIMARY KEY,
    holder text NOT NULL,
    until timestamptz NOT NULL
);
"""


class SchemaError(Exception):
    """The schema and the code do not fit, or the files are not in order; the text says which and what to do."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One SQL file: its number from 1, its name, its text, and the SHA-256 of its bytes in hexadecimal."""

    number: int
    name: str
    sql: str
    digest: str


@dataclass(frozen=True, slots=True)
class Migrations:
    """All files of one part, numbered 1, 2, 3 without a gap."""

    part: str
    steps: tuple[Migration, ...]


@dataclass(frozen=True, slots=True)
class Applied:
    """What the database remembers of one file."""

    number: int
    name: str
    digest: str


def read_migrations(package: str, *, part: str | None = None, folder: str = "migrations") -> Migrations:
    """The files in the directory `folder` of `package` (such as "nakadachi.core"); `part` is its last name.

    Raises SchemaError for a file whose name is not `NNNN_name.sql`, and for a number that is missing or given twice.
    """
    part = part or package.rpartition(".")[2]
    steps = []
    for file in importlib.resources.files(package).joinpath(folder).iterdir():
        match = _FILE.fullmatch(file.name)
        if match:
            raw = file.read_bytes()
            steps.append(Migration(int(match[1]), file.name, raw.decode(), hashlib.sha256(raw).hexdigest()))
        elif not file.name.startswith(("__", ".")):
            raise SchemaError(f"{part}: {folder}/{file.name} is not named NNNN_name.sql (four digits, a-z, 0-9, _)")
    steps.sort(key=lambda step: (step.number, step.name))
    for expected, step in enumerate(steps, start=1):
        if step.number != expected:
            raise SchemaError(f"{part}: expected migration {expected:04}, found {step.name}: numbers run 0001, 0002, …")
    return Migrations(part, tuple(steps))


def pending(known: Migrations, applied: Sequence[Applied]) -> tuple[Migration, ...]:
    """The files still to apply, in order. Raises SchemaError where the schema is not one that `known` leads to."""
    for row, step in zip(sorted(applied, key=lambda row: row.number), known.steps, strict=False):
        if (row.number, row.digest) != (step.number, step.digest):
            raise SchemaError(
                f"{known.part}: {step.name} is not the file that was applied as {row.name}: an applied migration is "
                "never edited; restore it and put the change into a new file"
            )
    if len(applied) > len(known.steps):
        raise SchemaError(
            f"{known.part}: the schema is too new: it is at {len(applied):04}, this program knows "
            f"{len(known.steps):04} at most; start a newer version of the program"
        )
    return known.steps[len(applied) :]


async def migrate(
    database: Database, *parts: Migrations, entropy: Entropy = SystemEntropy(), patience: float = 60.0
) -> None:
    """Apply what is pending of all `parts`, in the order given, each file in one transaction.

    Processes that migrate at once take turns; one waits up to `patience` seconds for the other. Raises SchemaError
    where schema and code do not fit or the wait is over, asyncpg.PostgresError where a file fails; that file then has
    had no effect.
    """
    holder = entropy.bytes(12).hex()
    async with database.acquire() as connection:
        await _make_tables(connection)
        if not await _all_pending(connection, parts):
            return
        async with _lease(connection, holder, patience):
            for part, step in await _all_pending(connection, parts):
                await _apply(connection, part, step, holder)


async def require_schema(database: Database, *parts: Migrations) -> None:
    """Refuse a schema that is not exactly what the code knows; changes nothing. Raises SchemaError."""
    async with database.acquire() as connection:
        try:
            waiting = await _all_pending(connection, parts)
        except asyncpg.UndefinedTableError:
            raise SchemaError("the schema is empty: it has not been migrated yet") from None
    if waiting:
        part, step = waiting[0]
        raise SchemaError(f"{part}: the schema is too old: {step.name} has not been applied; migrate first")


async def _make_tables(connection: Connection) -> None:
    if await connection.fetchval("SELECT to_regclass('migration_lease')") is not None:
        return
    try:
        await connection.execute(_TABLES)
    except (asyncpg.UniqueViolationError, asyncpg.DuplicateTableError, asyncpg.DuplicateObjectError):
        await connection.execute(_TABLES)  # another process made them at the same moment


async def _all_pending(connection: Connection, parts: Sequence[Migrations]) -> list[tuple[str, Migration]]:
    waiting = []
    for known in parts:
        rows = await connection.fetch(
            "SELECT number, name, digest FROM schema_version WHERE part = $1 ORDER BY number", known.part
        )
        applied = [Applied(row["number"], row["name"], row["digest"]) for row in rows]
        waiting += [(known.part, step) for step in pending(known, applied)]
    return waiting


@asynccontextmanager
async def _lease(connection: Connection, holder: str, patience: float) -> AsyncIterator[None]:
    """Hold the one lease of this schema for the block. Raises SchemaError where `patience` seconds do not free it."""
    waited = 0.0
    while not await connection.fetchval(
        "INSERT INTO migration_lease (id, holder, until) "
        "VALUES (1, $1, clock_timestamp() + $2 * interval '1 second') "
        "ON CONFLICT (id) DO UPDATE SET holder = excluded.holder, until = excluded.until "
        "WHERE migration_lease.until < clock_timestamp() RETURNING true",
        holder,
        _LEASE_SECONDS,
    ):
        if waited >= patience:
            raise SchemaError(f"another process has been migrating this schema for {patience:.0f} s; try again later")
        await asyncio.sleep(_POLL_SECONDS)
        waited += _POLL_SECONDS
    try:
        yield
    finally:
        await connection.execute(
            "UPDATE migration_lease SET until = clock_timestamp() - interval '1 second' WHERE holder = $1", holder
        )


async def _apply(connection: Connection, part: str, step: Migration, holder: str) -> None:
    async with connection.transaction():
        # The row stays locked until the commit: however long the file takes, nobody else can take the lease over.
        await _renew(connection, holder)
        await connection.execute(step.sql)
        await connection.execute(
            "INSERT INTO schema_version (part, number, name, digest, applied_at) VALUES ($1, $2, $3, $4, now())",
            part,
            step.number,
            step.name,
            step.digest,
        )
        await _renew(connection, holder)


async def _renew(connection: Connection, holder: str) -> None:
    renewed = await connection.execute(
        "UPDATE migration_lease SET until = clock_timestamp() + $2 * interval '1 second' WHERE id = 1 AND holder = $1",
        holder,
        _LEASE_SECONDS,
    )
    if renewed != "UPDATE 1":
        raise SchemaError("another process took over this migration (this one stood still too long); start again")
