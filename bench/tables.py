"""The core's tables of codes, made as large as a benchmark asks: the core's real schema, filled and grown by SQL.

Person `n` has the first ten bytes of SHA-256 of `n` as ID code and is linked at ten organisations, as people of a
country are at their municipality, insurers and offices; so a code can be made for any of them without a list of them.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from nakadachi.core.codes import IdCode, Meaning
from nakadachi.kit.database import Database
from nakadachi.kit.migrations import migrate, read_migrations
from nakadachi.kit.postgres import embedded
from nakadachi.terms import OrganisationCode

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import datetime

ORGANISATIONS = tuple(OrganisationCode(f"99010000000000{number:02}") for number in range(10))
KEY_INDEX, GENERATION = 1, 1
BUFFERS = "4GB"
"""Shared memory of PostgreSQL: about a sixth of the machine, as a core's own server would have more than enough of."""
PARTS = (("core", "migrations"), ("codes", "codes_sql"), ("rotation", "rotation_sql"))
KEYS = {
    "link": "id_code, organisation",
    "code_of_person": "id_code, organisation, key_index, generation",
    "code_table": "code",
}
_ID_CODE = "substr(sha256(int8send(n)), 1, 10)"
_CODE = "substr(sha256(int8send(n) || int8send(o)), 1, 16)"
_PLACE = "'99010000000000' || lpad(o::text, 2, '0')"
_EACH = "FROM generate_series($1::bigint, $2::bigint) n, generate_series(0, 9) o"
FILLED = {
    "link": f"INSERT INTO link (id_code, organisation, key_index, generation, linked_at)"
    f" SELECT {_ID_CODE}, {_PLACE}, 1, 1, now() {_EACH}",
    "code_of_person": f"INSERT INTO code_of_person (id_code, organisation, key_index, generation, code)"
    f" SELECT {_ID_CODE}, {_PLACE}, 1, 1, {_CODE} {_EACH}",
    "code_table": f"INSERT INTO code_table (id_code, organisation, key_index, generation, code)"
    f" SELECT {_ID_CODE}, {_PLACE}, 1, 1, {_CODE} {_EACH}",
}


def id_code(person: int) -> IdCode:
    """The ID code of person `n`."""
    return IdCode(sha256(person.to_bytes(8, "big")).digest()[:10])


def meaning(person: int, organisation: OrganisationCode) -> Meaning:
    """What the code of person `n` at an organisation stands for."""
    return Meaning(organisation, id_code(person), KEY_INDEX, GENERATION)


@dataclass(frozen=True, slots=True)
class CoreTables:
    """A core's database, and its address for other processes."""

    database: Database
    dsn: str


@asynccontextmanager
async def a_core() -> AsyncIterator[CoreTables]:
    """An empty core's database with PostgreSQL of its own, with memory for its tables. All of it is removed."""
    state = Path(tempfile.mkdtemp(prefix="nakadachi-bench-"))
    state.chmod(0o711)
    try:
        async with embedded(state, buffers=BUFFERS) as server:
            dsn = await server.create_tenant("bench_codes")
            database = await Database.open(dsn, max_size=1)
            try:
                steps = [read_migrations("nakadachi.core", part=part, folder=folder) for part, folder in PARTS]
                await migrate(database, *steps)
                yield CoreTables(database, dsn)
            finally:
                await database.close()
    finally:
        shutil.rmtree(state)


async def grow(core: CoreTables, former: int, people: int, tables: tuple[str, ...]) -> None:
    """From `former` people to `people`. The key is made anew afterwards, as one is after a large load."""
    begun = time.perf_counter()
    async with core.database.acquire() as connection:
        for table in tables:
            await connection.execute(f"ALTER TABLE {table} DROP CONSTRAINT {table}_pkey")
            await connection.execute(FILLED[table], former, people - 1)
            await connection.execute(f"ALTER TABLE {table} ADD PRIMARY KEY ({KEYS[table]})")
            await connection.execute(f"VACUUM (ANALYZE) {table}")
    print(f"{people} people: grown in {time.perf_counter() - begun:.1f} s", file=sys.stderr, flush=True)


async def size_of(core: CoreTables, table: str) -> tuple[int, int]:
    """What the rows of a table and its index take on the disk, in bytes."""
    async with core.database.acquire() as connection:
        row = await connection.fetchrow("SELECT pg_table_size($1::regclass), pg_indexes_size($1::regclass)", table)
    return int(row[0]), int(row[1])


async def forget_strangers(core: CoreTables, linked_at: datetime) -> None:
    """Remove whoever was issued a code by a measurement."""
    async with core.database.acquire() as connection:
        await connection.execute(
            "WITH gone AS (DELETE FROM link WHERE linked_at = $1 RETURNING id_code),"
            " codes AS (DELETE FROM code_of_person USING gone WHERE code_of_person.id_code = gone.id_code"
            " RETURNING code)"
            " DELETE FROM code_table USING codes WHERE code_table.code = codes.code",
            linked_at,
        )
