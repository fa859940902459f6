"""A schema goes forward, file by file, each once, whoever asks; and a program that does not know it does not start."""

from __future__ import annotations

import asyncio
import hashlib
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nakadachi.kit.database import Database
from nakadachi.kit.migrations import (
    Applied,
    Migration,
    Migrations,
    SchemaError,
    migrate,
    pending,
    read_migrations,
    require_schema,
)


@pytest.fixture
async def database(tenant_dsn: str) -> AsyncIterator[Database]:
    opened = await Database.open(tenant_dsn, max_size=4)
    yield opened
    await opened.close()


def step(number: int, sql: str) -> Migration:
    return Migration(number, f"{number:04}_step.sql", sql, hashlib.sha256(sql.encode()).hexdigest())


def part(*sql: str, name: str = "core") -> Migrations:
    return Migrations(name, tuple(step(number, text) for number, text in enumerate(sql, start=1)))


CODE = "CREATE TABLE code (n integer NOT NULL); INSERT INTO code VALUES (1);"
MORE = "INSERT INTO code VALUES (2);"


async def count(database: Database, table: str = "code") -> int:
    async with database.acquire() as connection:
        return int(await connection.fetchval(f"SELECT count(*) FROM {table}"))


async def test_files_are_applied_in_order_and_each_once(database):
    await migrate(database, part(CODE))
    await migrate(database, part(CODE, MORE))
    await migrate(database, part(CODE, MORE))
    assert await count(database) == 2
    async with database.acquire() as connection:
        rows = await connection.fetch("SELECT part, number, name, digest FROM schema_version ORDER BY number")
    assert [tuple(row) for row in rows] == [
        ("core", 1, "0001_step.sql", hashlib.sha256(CODE.encode()).hexdigest()),
        ("core", 2, "0002_step.sql", hashlib.sha256(MORE.encode()).hexdigest()),
    ]


async def test_parts_share_a_schema_and_count_for_themselves(database):
    ledger = part("CREATE TABLE leaf (n integer)", name="ledger")
    await migrate(database, ledger, part(CODE, MORE))
    await require_schema(database, ledger, part(CODE, MORE))
    assert await count(database, "schema_version") == 3


async def test_a_file_that_fails_has_no_effect_and_those_before_it_stay(database):
    with pytest.raises(asyncpg.UndefinedTableError):
        await migrate(database, part(CODE, "INSERT INTO code VALUES (3); INSERT INTO absent VALUES (1);"))
    assert await count(database) == 1
    await migrate(database, part(CODE, MORE))
    assert await count(database) == 2


async def test_a_file_edited_after_it_was_applied_stops_the_start(database):
    await migrate(database, part(CODE))
    for attempt in (migrate, require_schema):
        with pytest.raises(SchemaError, match=r"core: 0001_step\.sql is not the file that was applied"):
            await attempt(database, part(CODE + " "))


async def test_a_schema_newer_than_the_program_stops_the_start(database):
    await migrate(database, part(CODE, MORE))
    for attempt in (migrate, require_schema):
        with pytest.raises(SchemaError, match="too new: it is at 0002, this program knows 0001 at most"):
            await attempt(database, part(CODE))


async def test_a_schema_older_than_the_program_is_refused_by_whoever_may_not_migrate(database):
    with pytest.raises(SchemaError, match="has not been migrated yet"):
        await require_schema(database, part(CODE))
    await migrate(database, part(CODE))
    with pytest.raises(SchemaError, match=r"too old: 0002_step\.sql has not been applied"):
        await require_schema(database, part(CODE, MORE))


async def test_many_that_migrate_at_once_apply_each_file_once(tenant_dsn, database):
    others = [await Database.open(tenant_dsn, max_size=1) for _ in range(4)]
    slow = part(CODE, "SELECT pg_sleep(0.2)", MORE)
    await asyncio.gather(*(migrate(one, slow) for one in others))
    for one in others:
        await one.close()
    assert await count(database) == 2
    assert await count(database, "schema_version") == 3


async def lease_for(database: Database, holder: str, until: str) -> None:
    async with database.acquire() as connection:
        await connection.execute("DELETE FROM migration_lease")
        await connection.execute(f"INSERT INTO migration_lease VALUES (1, $1, now() + interval '{until}')", holder)


async def test_a_lease_that_is_held_is_waited_for_only_so_long(database):
    await migrate(database, part(CODE))
    await lease_for(database, "another", "1 hour")
    with pytest.raises(SchemaError, match="another process has been migrating"):
        await migrate(database, part(CODE, MORE), patience=0.2)
    assert await count(database) == 1


async def test_the_lease_of_a_process_that_died_runs_out(database):
    await migrate(database, part(CODE))
    await lease_for(database, "dead", "0.3 seconds")
    await migrate(database, part(CODE, MORE), patience=5)
    assert await count(database) == 2


async def test_whoever_has_lost_the_lease_writes_nothing_more(database):
    steal = "UPDATE migration_lease SET holder = 'another'"
    with pytest.raises(SchemaError, match="took over"):
        await migrate(database, part(CODE, steal))
    assert await count(database, "schema_version") == 1


async def test_the_first_start_of_two_programs_at_the_same_moment_is_safe(tenant_dsn):
    others = [await Database.open(tenant_dsn, max_size=1) for _ in range(4)]
    await asyncio.gather(*(migrate(one) for one in others))
    assert await count(others[0], "schema_version") == 0
    for one in others:
        await one.close()


@given(known=st.integers(0, 5), applied=st.integers(0, 5))
def test_what_is_pending_is_what_comes_after_what_was_applied(known, applied):
    files = part(*[f"SELECT {number}" for number in range(known)])
    rows = [Applied(one.number, one.name, one.digest) for one in part(*[f"SELECT {n}" for n in range(applied)]).steps]
    if applied > known:
        with pytest.raises(SchemaError, match="too new"):
            pending(files, rows)
    else:
        assert pending(files, list(reversed(rows))) == files.steps[applied:]


def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **files: str) -> str:
    name = f"sample_{tmp_path.name}"
    folder = tmp_path / name / "migrations"
    folder.mkdir(parents=True)
    (tmp_path / name / "__init__.py").touch()
    for file, text in files.items():
        (folder / file.replace("_sql", ".sql")).write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, name, raising=False)
    return name


def test_files_are_read_from_the_package_with_their_digests(tmp_path, monkeypatch):
    name = package(tmp_path, monkeypatch, **{"0002_more_sql": MORE, "0001_code_sql": CODE, "__init__.py": ""})
    read = read_migrations(name, part="core")
    assert [(one.number, one.name, one.sql) for one in read.steps] == [
        (1, "0001_code.sql", CODE),
        (2, "0002_more.sql", MORE),
    ]
    assert read.steps[0].digest == hashlib.sha256(CODE.encode()).hexdigest()
    assert read_migrations(name).part == name


@pytest.mark.parametrize(
    ("files", "told"),
    [
        (["0001_a_sql", "0003_b_sql"], r"expected migration 0002, found 0003_b\.sql"),
        (["0001_a_sql", "0001_b_sql"], r"expected migration 0002, found 0001_b\.sql"),
        (["0000_a_sql"], r"expected migration 0001, found 0000_a\.sql"),
        (["1_a_sql"], r"migrations/1_a\.sql is not named"),
        (["0001_a.txt"], r"migrations/0001_a\.txt is not named"),
    ],
)
def test_files_that_are_not_numbered_in_order_are_refused(tmp_path, monkeypatch, files, told):
    name = package(tmp_path, monkeypatch, **dict.fromkeys(files, "SELECT 1"))
    with pytest.raises(SchemaError, match=told):
        read_migrations(name)
