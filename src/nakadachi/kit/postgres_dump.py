"""One tenant's schema out of PostgreSQL and into it again, by PostgreSQL's own tools, as a stream of bytes (I15, N2).

It goes out as of one moment, and in whole or not at all: what was there before is dropped in the same transaction. It
never knows what a tenant stores.
"""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nakadachi.kit.database import Connection, Database
from nakadachi.kit.postgres_files import PostgresError
from nakadachi.kit.postgres_tools import Address, Tool, find_tool, running

PIECE_BYTES = 1 << 18
Ask = Callable[[Connection], Awaitable[dict[str, Any]]]

_DROP_ALL = """
DO $all$
DECLARE one record;
BEGIN
  FOR one IN SELECT c.oid::regclass AS name, c.relkind AS kind FROM pg_class c
      WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype IN ('a', 'i') AND c.relkind = 'S')
      ORDER BY c.relkind = 'S' LOOP
    IF EXISTS (SELECT FROM pg_class WHERE oid = one.name) THEN
      EXECUTE format('DROP %s %s CASCADE', CASE one.kind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW'
        WHEN 'S' THEN 'SEQUENCE' WHEN 'f' THEN 'FOREIGN TABLE' ELSE 'TABLE' END, one.name);
    END IF;
  END LOOP;
  FOR one IN SELECT p.oid::regprocedure AS name FROM pg_proc p
      WHERE p.pronamespace = current_schema()::regnamespace LOOP
    IF EXISTS (SELECT FROM pg_proc WHERE oid = one.name) THEN
      EXECUTE format('DROP ROUTINE %s CASCADE', one.name);
    END IF;
  END LOOP;
  FOR one IN SELECT t.oid::regtype AS name FROM pg_type t
      WHERE t.typnamespace = current_schema()::regnamespace AND t.typrelid = 0 AND t.typelem = 0 LOOP
    IF EXISTS (SELECT FROM pg_type WHERE oid = one.name) THEN
      EXECUTE format('DROP TYPE %s CASCADE', one.name);
    END IF;
  END LOOP;
END
$all$;
"""


@dataclass(frozen=True, slots=True)
class Moment:
    """One moment of a schema, held open: its snapshot's name, and what was asked of it."""

    snapshot: str
    schema: str
    major: int
    facts: dict[str, Any]


@asynccontextmanager
async def moment(database: Database, ask: Ask) -> AsyncIterator[Moment]:
    """Hold one moment of the tenant's schema for the block, and what `ask` finds in it.

    Its facts name the schema, the server's version and the last migration of every part.
    """
    async with database.transaction(isolation="repeatable_read", readonly=True) as connection:
        snapshot = await connection.fetchval("SELECT pg_export_snapshot()")
        schema = await connection.fetchval("SELECT current_schema()")
        version = await connection.fetchval("SHOW server_version")
        number = int(await connection.fetchval("SHOW server_version_num"))
        facts = {"schema": schema, "postgresql": version, "migrations": await _migrations(connection)}
        yield Moment(snapshot, schema, number // 10000, facts | await ask(connection))


async def _migrations(connection: Connection) -> dict[str, int]:
    if await connection.fetchval("SELECT to_regclass('schema_version')") is None:
        raise PostgresError("the schema is empty: there is nothing to back up; start the system once")
    rows = await connection.fetch("SELECT part, max(number) AS number FROM schema_version GROUP BY part ORDER BY part")
    return {row["part"]: row["number"] for row in rows}


@contextmanager
def dumping(address: Address, at: Moment) -> Iterator[Iterator[bytes]]:
    """The schema at that moment, in pg_dump's custom format, piece by piece.

    Raises PostgresError where pg_dump fails, also after the last piece: what was read is then not whole.
    """
    command: list[str | Path] = [
        find_tool("pg_dump", at_least=at.major), "--format=custom", "--compress=gzip:1", "--no-owner",
        "--no-privileges", f'--schema="{at.schema}"', f"--snapshot={at.snapshot}", f"--dbname={address.url}",
    ]  # fmt: skip
    with running(command, address.environment) as tool:
        yield _pieces(tool)
        tool.require_done()


def _pieces(tool: Tool) -> Iterator[bytes]:
    while piece := tool.out.read(PIECE_BYTES):
        yield piece


async def schema_name(database: Database) -> str:
    """The tenant's schema. Raises PostgresError where its user has none."""
    async with database.acquire() as connection:
        name = await connection.fetchval("SELECT current_schema()")
    if name is None:
        raise PostgresError("the database's user has no schema of its own: make it first (see docs/operating.md)")
    return str(name)


async def contents(database: Database) -> dict[str, int]:
    """How many rows every table of the schema has; nothing for an empty schema."""
    async with database.acquire() as connection:
        rows = await connection.fetch(
            "SELECT c.oid::regclass::text AS name FROM pg_class c"
            " WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r' ORDER BY 1"
        )
        return {row["name"]: await connection.fetchval(f"SELECT count(*) FROM {row['name']}") for row in rows}  # noqa: S608  the database's own name of it


async def users(database: Database) -> int:
    """How many other connections the tenant's user has open."""
    async with database.acquire() as connection:
        return int(
            await connection.fetchval(
                "SELECT count(*) FROM pg_stat_activity WHERE usename = current_user AND pid <> pg_backend_pid()"
            )
        )


def require_whole(pieces: Iterable[bytes]) -> None:
    """Read a dump to its end and see that PostgreSQL's tools can. Raises PostgresError where they cannot."""
    with _script(pieces, ()) as script:
        while script.read(PIECE_BYTES):
            pass


def put_back(address: Address, schema: str, pieces: Iterable[bytes], *, after: str = "") -> None:
    """Put a dump in the place of all that the schema holds, in one transaction, with the SQL `after` at its end.

    Raises PostgresError; then nothing has changed.
    """
    command: list[str | Path] = [
        find_tool("psql", at_least=1), "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--set=VERBOSITY=terse",
        "--set=SHOW_CONTEXT=never", "--no-password", "--file=-", f"--dbname={address.url}",
    ]  # fmt: skip
    before = f'BEGIN;\nSET LOCAL client_min_messages = warning;\nSET search_path = "{schema}";\n{_DROP_ALL}'
    with running(command, address.environment, reads=True) as psql:
        # Whatever fails from here on, no COMMIT is ever sent: the server rolls back once the connection is gone.
        try:
            psql.into.write(before.encode())
            psql.into.flush()  # whoever is in the way is met before the work begins
            with _script(pieces, (f"--schema={schema}",)) as script:
                while piece := script.read(PIECE_BYTES):
                    psql.into.write(piece)
            psql.into.write(f'\nSET search_path = "{schema}";\n{after}\nCOMMIT;\n'.encode())
            psql.into.close()
        except BrokenPipeError:
            psql.process.wait()
            raise PostgresError(f"the database did not take the backup, nothing was changed: {psql.said()}") from None
        psql.out.read()
        psql.require_done()


@contextmanager
def _script(pieces: Iterable[bytes], options: tuple[str, ...]) -> Iterator[Any]:
    """A dump as SQL, to be read to its end. Raises what `pieces` raise, and PostgresError where pg_restore fails."""
    command: list[str | Path] = [
        find_tool("pg_restore", at_least=1), "--no-owner", "--no-privileges", "--exit-on-error", "--file=-", *options,
    ]  # fmt: skip
    wrong: list[BaseException] = []
    with running(command, {"LC_ALL": "C.UTF-8"}, reads=True) as tool:

        def feed() -> None:
            try:
                for piece in pieces:
                    tool.into.write(piece)
                tool.into.close()
            except BrokenPipeError:
                pass  # pg_restore says why
            except BaseException as error:  # noqa: BLE001  raised on the other side
                wrong.append(error)
                tool.process.kill()

        feeder = threading.Thread(target=feed)
        feeder.start()
        try:
            yield tool.out
        except BaseException:
            tool.process.kill()
            raise
        finally:
            feeder.join()
        if wrong:
            raise wrong[0]
        tool.require_done()
