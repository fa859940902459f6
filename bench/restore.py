"""How long a node with a million records takes to be backed up, verified and restored; the goal is 60 s for a restore.

The node is an interface system with its real schema; its records are made by SQL, as a hundred municipalities would
fill it. In the same run: the bound, a bare COPY of the same rows from PostgreSQL's own binary format into a table of
the same columns, whose key is made afterwards, on the same server: no archive, no compression, no encryption.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree
from typing import Any

from bench import report
from nakadachi.kit.backup import Subject, restore, take, verify
from nakadachi.kit.backup_keys import own_key
from nakadachi.kit.clock import SystemClock
from nakadachi.kit.database import Database
from nakadachi.kit.entropy import SystemEntropy
from nakadachi.kit.keystore import FileKeyStore
from nakadachi.kit.migrations import migrate, read_migrations
from nakadachi.kit.postgres import embedded
from nakadachi.kit.postgres_tools import find_tool, read_address
from nakadachi.ledger import epochs

RECORDS = 1_000_000
GOAL_SECONDS = 60.0
NODE, TENANT = "interface:9901000000000003", "bench_restore"
PARTS = (
    ("nakadachi.kit", "messages", "sql"),
    ("nakadachi.ledger", "ledger", "sql"),
    ("nakadachi.interface", "interface", "migrations"),
)
MADE = """
INSERT INTO record (serial, event, at, inquirer, provider, affair, procedure, information, items, reason, leaf, staff,
  department, terminal, purpose, case_number, withheld)
SELECT '9901000000000003-' || upper(substr(md5(n::text), 1, 26)), 'requested', now() - n * interval '1 second',
  '9901000000000003', '9901000000000001', 'JM99000000940000', 'JT99000000940001', 'TM99000000000002',
  ARRAY['TM99000000000002-0001', 'TM99000000000002-0002', 'TM99000000000002-0003'], NULL, sha256(n::text::bytea),
  'st-' || md5((n % 500)::text), 'CARE-DESK', 'T-' || n % 90, 'benefit review', 'CASE-2026-' || n, false
FROM generate_series(1, $1::int) n
"""


@contextmanager
def timed(times: dict[str, float], name: str) -> Iterator[None]:
    """Note the seconds of the block."""
    begun = time.perf_counter()
    yield
    times[name] = time.perf_counter() - begun
    print(f"{name}: {times[name]:.1f} s", file=sys.stderr, flush=True)


async def measure(records: int = RECORDS) -> tuple[dict[str, float], dict[str, Any]]:
    """Seconds by step, and sizes. Everything it makes is removed."""
    state = Path(tempfile.mkdtemp(prefix="nakadachi-bench-"))
    state.chmod(0o711)
    times: dict[str, float] = {}
    try:
        async with embedded(state) as server:
            entropy = SystemEntropy()
            (state / "keys").mkdir()
            (state / "unlock").write_bytes(entropy.bytes(32))
            own = own_key(FileKeyStore(state / "keys", state / "unlock", entropy), entropy)
            subject = Subject(NODE, await server.create_tenant(TENANT), SystemClock(), entropy)
            await _fill(subject.dsn, records)
            before = await _digest(subject.dsn)
            with timed(times, "backup"):
                path = await take(subject, state / "backups", [own], epochs.facts)
            with timed(times, "verify"):
                await asyncio.to_thread(verify, path, [own])
            sizes: dict[str, Any] = {"backup_bytes": path.stat().st_size, "records": records}
            copied = state / "record.copy"
            _psql(subject.dsn, f"\\copy record TO '{copied}' (FORMAT binary)")
            sizes["copy_bytes"] = copied.stat().st_size
            await server.drop_tenant(TENANT)
            subject = Subject(NODE, await server.create_tenant(TENANT), SystemClock(), entropy)
            with timed(times, "restore"):
                await restore(subject, path, [own], after=epochs.CLOSING)
            if await _digest(subject.dsn) != before:
                raise RuntimeError("what came back is not what was backed up")
            await _execute(subject.dsn, "TRUNCATE record; CREATE TABLE bare (LIKE record)")
            with timed(times, "bare_copy"):
                _psql(subject.dsn, f"\\copy bare FROM '{copied}' (FORMAT binary)")
                await _execute(subject.dsn, "ALTER TABLE bare ADD PRIMARY KEY (serial, event)")
            await server.drop_tenant(TENANT)
    finally:
        rmtree(state)
    return times, sizes


async def _fill(dsn: str, records: int) -> None:
    database = await Database.open(dsn, max_size=1)
    await migrate(database, *(read_migrations(package, part=part, folder=folder) for package, part, folder in PARTS))
    async with database.acquire() as connection:
        await connection.execute(MADE, records)
    await database.close()


async def _digest(dsn: str) -> tuple[int, str]:
    """How many records there are, and a sum over all of them."""
    database = await Database.open(dsn, max_size=1)
    async with database.acquire() as connection:
        row = await connection.fetchrow(
            "SELECT count(*) AS n, sum(hashtextextended(record::text, 0))::text AS digest FROM record"
        )
    await database.close()
    return row["n"], row["digest"]


async def _execute(dsn: str, sql: str) -> None:
    database = await Database.open(dsn, max_size=1)
    async with database.acquire() as connection:
        await connection.execute(sql)
    await database.close()


def _psql(dsn: str, command: str) -> None:
    address = read_address(dsn)
    psql = find_tool("psql", at_least=1)
    subprocess.run([psql, "-X", "-q", "-c", command, address.url], check=True, env=address.environment)


def main() -> None:
    """Measure and write `results/restore.json`."""
    times, sizes = asyncio.run(measure())
    path = report.write(
        "restore",
        value=times["restore"],
        unit="seconds for the restore of one node with a million records, verified first, in one transaction",
        bound=times["bare_copy"],
        goal_seconds=GOAL_SECONDS,
        seconds={name: round(value, 2) for name, value in times.items()},
        **sizes,
    )
    ratio = times["restore"] / times["bare_copy"]
    print(f"{path}: restored in {times['restore']:.1f} s (goal {GOAL_SECONDS:.0f} s), {ratio:.2f} times a bare COPY")


if __name__ == "__main__":
    main()
