from __future__ import annotations

import os
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio

from nakadachi.kit import backup_file, postgres_dump
from nakadachi.kit.backup import Subject, file_name, listing, prune, restore, take, verify
from nakadachi.kit.backup_file import SUFFIX, BackupError
from nakadachi.kit.backup_keys import own_key
from nakadachi.kit.backup_schedule import Schedule, clock_time, span
from nakadachi.kit.clock import FixedClock
from nakadachi.kit.database import Database
from nakadachi.kit.entropy import SeededEntropy
from nakadachi.kit.keystore import FileKeyStore
from nakadachi.kit.migrations import migrate, read_migrations
from nakadachi.kit.postgres_files import PostgresError

ENTROPY = SeededEntropy(6)
TENANT = f"backup_{os.getpid()}"
TABLES = """
CREATE TABLE thing (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, words text[] NOT NULL, raw bytea NOT NULL);
INSERT INTO thing (words, raw) SELECT ARRAY['仲立ち', n::text, E'a\\nb\\\\.'], sha256(n::text::bytea)
  FROM generate_series(1, 5000) n;
CREATE TYPE mood AS ENUM ('good', 'bad');
CREATE VIEW things AS SELECT id FROM thing;
CREATE FUNCTION feels(mood) RETURNS text LANGUAGE sql AS 'SELECT $1::text';
CREATE TABLE child (id bigint REFERENCES thing);
"""


async def nothing(_connection):
    """Nothing to add to the head."""
    return {"asked": 1}


@pytest.fixture
def own(tmp_path):
    (tmp_path / "keys").mkdir()
    (tmp_path / "unlock").write_text("secret")
    return own_key(FileKeyStore(tmp_path / "keys", tmp_path / "unlock", ENTROPY), ENTROPY)


@pytest_asyncio.fixture
async def subject(postgres):
    """A tenant with something in it."""
    dsn = await postgres.create_tenant(TENANT)
    subject = Subject("core:9910000000000001", dsn, FixedClock(datetime(2026, 11, 21, 1, 2, 3, tzinfo=UTC)), ENTROPY)
    database = await Database.open(dsn)
    await migrate(database, read_migrations("nakadachi.kit", part="messages", folder="sql"))
    await database.close()
    await do(subject, TABLES)
    yield subject
    await postgres.drop_tenant(TENANT)


async def do(subject, sql):
    database = await Database.open(subject.dsn, max_size=1)
    async with database.acquire() as connection:
        await connection.execute(sql)
    await database.close()


async def ask(subject, query):
    database = await Database.open(subject.dsn, max_size=1)
    async with database.acquire() as connection:
        found = await connection.fetchval(query)
    await database.close()
    return found


async def state(subject):
    return await ask(subject, "SELECT md5(string_agg(t::text, '|' ORDER BY id)) FROM thing t")


async def test_a_schema_comes_back_as_it_was_at_one_moment(subject, own, tmp_path):
    before = await state(subject)
    path = await take(subject, tmp_path / "to", [own], nothing)
    assert path.name == "core-9910000000000001-20261121T010203.000000Z.backup"
    facts = verify(path, [own])
    assert (facts["node"], facts["schema"], facts["migrations"]) == (subject.node, TENANT, {"messages": 3})
    assert facts["asked"] == 1
    await do(subject, "DELETE FROM thing WHERE id > 7; CREATE TABLE later (id int); CREATE SEQUENCE loose")
    await restore(subject, path, [own], replace=True, after="CREATE TABLE after AS SELECT 7 AS seven;")
    assert await state(subject) == before
    assert await ask(subject, "SELECT to_regclass('later')") is None
    assert await ask(subject, "SELECT to_regclass('loose')") is None
    assert await ask(subject, "SELECT seven FROM after") == 7
    await do(subject, "INSERT INTO thing (words, raw) VALUES ('{new}', '')")
    assert await ask(subject, "SELECT max(id) FROM thing") == 5001
    assert await ask(subject, "SELECT tableowner FROM pg_tables WHERE tablename = 'thing'") == TENANT


async def test_an_empty_schema_takes_a_backup_without_asking(subject, own, tmp_path, postgres):
    before = await state(subject)
    path = await take(subject, tmp_path / "to", [own], nothing)
    await postgres.drop_tenant(TENANT)
    fresh = replace(subject, dsn=await postgres.create_tenant(TENANT))
    await restore(fresh, path, [own])
    assert await state(fresh) == before


async def test_what_a_restore_would_destroy_is_told_and_kept(subject, own, tmp_path):
    path = await take(subject, tmp_path / "to", [own], nothing)
    with pytest.raises(BackupError, match=r"is not empty; .*thing \(5000\).*--replace all of it is destroyed"):
        await restore(subject, path, [own])
    assert await ask(subject, "SELECT count(*) FROM thing") == 5000


async def test_a_bad_file_destroys_nothing(subject, own, tmp_path):
    path = await take(subject, tmp_path / "to", [own], nothing)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(BackupError, match="cut short"):
        await restore(subject, path, [own], replace=True)
    assert await ask(subject, "SELECT count(*) FROM thing") == 5000


async def test_a_restore_that_fails_half_way_changes_nothing(subject, own, tmp_path):
    path = await take(subject, tmp_path / "to", [own], nothing)
    await do(subject, "DELETE FROM thing WHERE id > 7")
    before = await state(subject)
    with pytest.raises(PostgresError, match=r"nothing was changed|psql failed") as told:
        await restore(subject, path, [own], replace=True, after="SELECT 1 / 0;")
    assert "division by zero" in str(told.value)
    assert await state(subject) == before


@pytest.mark.parametrize("after", [3, 60_000])
async def test_a_backup_that_breaks_off_while_it_is_put_back_changes_nothing(subject, own, tmp_path, after):
    path = await take(subject, tmp_path / "to", [own], nothing)
    await do(subject, "DELETE FROM thing WHERE id > 7")
    before, raw = await state(subject), b"".join(backup_file.read(path, [own]))
    assert len(raw) > after

    def pieces():
        yield raw[:after]
        time.sleep(0.5)  # what was sent so far is done by now
        raise BackupError("it breaks off")

    with pytest.raises(BackupError, match="breaks off"):
        postgres_dump.put_back(postgres_dump.Address(subject.dsn, ""), TENANT, pieces())
    assert await state(subject) == before


async def test_a_system_that_runs_is_not_restored(subject, own, tmp_path):
    path = await take(subject, tmp_path / "to", [own], nothing)
    database = await Database.open(subject.dsn, min_size=2, max_size=2)
    with pytest.raises(BackupError, match=r"2 connections of core:\S+ are open: stop the system"):
        await restore(subject, path, [own], replace=True)
    await database.close()


async def test_another_systems_backup_is_not_taken(subject, own, tmp_path):
    path = await take(subject, tmp_path / "to", [own], nothing)
    with pytest.raises(BackupError, match="is a backup of core:9910000000000001, not of core:9910000000000002"):
        await restore(replace(subject, node="core:9910000000000002"), path, [own], replace=True)


async def test_an_empty_schema_gives_no_backup(subject, own, tmp_path):
    await do(subject, "DROP TABLE schema_version")
    with pytest.raises(PostgresError, match="the schema is empty"):
        await take(subject, tmp_path / "to", [own], nothing)
    assert not (tmp_path / "to").exists()


async def test_a_dump_that_fails_gives_no_backup(subject, own, tmp_path, monkeypatch):
    monkeypatch.setattr(
        postgres_dump,
        "find_tool",
        lambda _name, *, at_least, _find=postgres_dump.find_tool: _find("vacuumdb", at_least=at_least),
    )
    with pytest.raises(PostgresError, match="vacuumdb failed"):
        await take(subject, tmp_path / "to", [own], nothing)
    assert list((tmp_path / "to").iterdir()) == []


async def test_old_backups_go_only_once_the_new_one_is_seen_to_be_good(subject, own, tmp_path):
    paths = []
    for _ in range(4):
        paths.append(await take(subject, tmp_path / "to", [own], nothing))
        subject.clock.advance(timedelta(hours=1))
    (tmp_path / "to" / f"x{SUFFIX}").write_bytes(b"what is this?")
    good = paths[3].read_bytes()
    paths[3].write_bytes(good[:-1])
    with pytest.raises(BackupError, match="cut short"):
        prune(tmp_path / "to", paths[3], [own], keep=1)
    assert [one.path for one in listing(tmp_path / "to", subject.node)] == paths
    paths[3].write_bytes(good)
    assert prune(tmp_path / "to", paths[3], [own], keep=2) == paths[:2]
    assert prune(tmp_path / "to", paths[3], [own], keep=0) == [paths[2]]
    assert [(one.path.name, bool(one.wrong)) for one in listing(tmp_path / "to")] == [
        (f"x{SUFFIX}", True),
        (paths[3].name, False),
    ]


def test_a_folder_that_is_not_there_is_told(tmp_path):
    with pytest.raises(BackupError, match="is no folder"):
        listing(tmp_path / "none")


def test_names_sort_by_time():
    moments = [datetime(2026, 11, 21, tzinfo=UTC) + timedelta(seconds=n * 0.75) for n in range(9)]
    names = [file_name("core:9910000000000001", moment) for moment in moments]
    assert names == sorted(set(names))


NOON = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("schedule", "last", "due"),
    [
        (Schedule(span("24h")), None, NOON),
        (Schedule(span("90m")), NOON, NOON + timedelta(minutes=90)),
        (Schedule(span("7d")), NOON, NOON + timedelta(days=7)),
        (Schedule(span("1d"), clock_time("12:30")), NOON, NOON + timedelta(minutes=30)),
        (Schedule(span("1d"), clock_time("12:00")), NOON, NOON + timedelta(days=1)),
        (Schedule(span("1d"), clock_time("11:59")), NOON, NOON + timedelta(days=1, minutes=-1)),
    ],
)
def test_the_next_backup_is_due_a_span_after_the_last_or_at_its_time_of_day(schedule, last, due):
    assert schedule.due(last, NOON) == due


def test_what_failed_is_tried_again_soon():
    assert Schedule(span("24h")).again(NOON) == NOON + timedelta(minutes=5)
    assert Schedule(span("30s")).again(NOON) == NOON + timedelta(seconds=30)


@pytest.mark.parametrize("text", ["", "24", "h", "0h", "-1h", "1w", "24:00", "7:30", "07:60"])
def test_no_other_span_and_no_other_time_is_taken(text):
    with pytest.raises(ValueError, match="is no span"):
        span(text)
    with pytest.raises(ValueError, match="is no time of day"):
        clock_time(text)
