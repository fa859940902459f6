"""The embedded PostgreSQL as a process: it starts anywhere, keeps its data, and is never left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nakadachi.kit import postgres_files, postgres_process
from nakadachi.kit.postgres import EmbeddedPostgres, PostgresError, embedded

PARENT = """
import asyncio, sys
from pathlib import Path
from nakadachi.kit.postgres import EmbeddedPostgres
async def main():
    server = EmbeddedPostgres(Path(sys.argv[1]))
    await server.start()
    print(server._running.server.pid, flush=True)
    await asyncio.sleep(600)
asyncio.run(main())
"""


def start_parent(state: Path) -> subprocess.Popen[str]:
    """A process that starts a server, prints the server's number, and waits to be killed."""
    command = [sys.executable, "-c", PARENT, str(state)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)


def runs(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def gone_within(process: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while runs(process) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not runs(process)


@pytest.mark.slow
async def test_data_and_passwords_stay_over_a_restart_in_a_path_with_spaces(ask, state):
    async with embedded(state, environment={}) as server:
        first = await server.create_tenant("kept")
        await ask(first, "CREATE TABLE IF NOT EXISTS code AS SELECT 7 AS n")
    async with embedded(state, environment={}) as server:
        again = await server.create_tenant("kept")
        assert again == first
        assert await ask(again, "SELECT n FROM code") == 7


@pytest.mark.slow
async def test_two_servers_run_side_by_side_and_neither_knows_the_others_tenants(ask, state, open_directory):
    other_state = open_directory / "other"
    async with embedded(state, environment={}) as one, embedded(other_state, environment={}) as other:
        await one.create_tenant("only_here")
        assert await ask(other.admin_dsn(), "SELECT count(*) FROM pg_roles WHERE rolname = 'only_here'") == 0


@pytest.mark.slow
async def test_a_second_server_on_the_same_directory_is_refused_and_says_who_holds_it(state):
    async with embedded(state, environment={}):
        with pytest.raises(PostgresError, match=rf"number {os.getpid()}\) already runs"):
            await EmbeddedPostgres(state).start()


@pytest.mark.slow
async def test_start_and_stop_may_be_said_twice(state):
    server = EmbeddedPostgres(state)
    await server.start()
    await server.start()
    assert server.alive
    await server.stop()
    await server.stop()
    assert not server.alive


@pytest.mark.slow
async def test_a_server_that_was_killed_starts_again_with_what_was_committed(ask, state):
    server = EmbeddedPostgres(state)
    await server.start()
    dsn = await server.create_tenant("killed")
    await ask(dsn, "CREATE TABLE IF NOT EXISTS code AS SELECT 9 AS n")
    os.kill(server._running.server.pid, signal.SIGKILL)
    server._running.server.wait()
    assert not server.alive
    await server.start()
    assert await ask(dsn, "SELECT n FROM code") == 9
    await server.stop()


@pytest.mark.slow
@pytest.mark.parametrize("whole_group", [False, True])
async def test_when_we_are_killed_no_server_is_left_and_the_next_one_starts(ask, state, whole_group):
    parent = start_parent(state)
    with parent:
        assert parent.stdout
        server = int(parent.stdout.readline())
        assert runs(server)
        (os.killpg if whole_group else os.kill)(parent.pid, signal.SIGKILL)
    async with embedded(state, environment={}) as after:  # waits for the one that is still going down
        assert await ask(after.admin_dsn(), "SELECT 1") == 1
    assert gone_within(server, 10)


@pytest.mark.slow
async def test_a_stale_file_that_names_a_living_stranger_does_not_stop_the_start(ask, state):
    async with embedded(state, environment={}):
        file = state / "postgres/data/postmaster.pid"
        text = file.read_text()
    stranger = "\n".join([str(os.getpid()), *text.splitlines()[1:]])
    file.write_text(stranger)
    sockets = postgres_files.prepare(state).sockets
    (sockets / ".s.PGSQL.5432.lock").write_text(stranger)
    async with embedded(state, environment={}) as server:
        assert await ask(server.admin_dsn(), "SELECT 1") == 1


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="only root hands the server to another user")
async def test_root_may_keep_its_state_where_nobody_may_enter(ask, open_directory, monkeypatch):
    monkeypatch.setattr(postgres_files, "ELSEWHERE", open_directory / "elsewhere")
    closed = open_directory / "closed"
    closed.mkdir(mode=0o700)
    for _ in range(2):
        async with embedded(closed, environment={}) as server:
            assert await ask(server.admin_dsn(), "SELECT 1") == 1
    assert (closed / "postgres").is_symlink()
    assert len(list((open_directory / "elsewhere").iterdir())) == 1


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="only root hands the server to another user")
async def test_binaries_that_the_account_cannot_reach_are_copied_with_their_libraries(open_directory):
    place = postgres_files.prepare(open_directory / "other")
    found = postgres_files.find_binaries(place)
    copied = postgres_files._copy(found.directory.parent, place)
    assert copied.is_relative_to(place.home)
    assert postgres_files._major(copied, place.account) == found.major


async def test_a_data_directory_of_another_version_is_refused_with_what_was_found(open_directory):
    place = postgres_files.prepare(open_directory / "old")
    place.data.mkdir()
    (place.data / "PG_VERSION").write_text("9\n")
    with pytest.raises(PostgresError, match=r"written by PostgreSQL 9, which is not here \(found: .*version"):
        postgres_files.find_binaries(place)


def test_a_place_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(PostgresError, match="cannot prepare"):
        postgres_files.prepare(tmp_path / "file")


def test_a_full_disk_is_told_as_one():
    assert "disk is full" in postgres_files.explain(OSError(28, "No space left on device"))


@pytest.mark.slow
async def test_a_server_that_cannot_start_is_told_with_its_own_words_and_holds_nothing(ask, open_directory):
    broken = open_directory / "other"
    async with embedded(broken, environment={}):
        pass
    settings = broken / "postgres/data/postgresql.auto.conf"
    text = settings.read_text()
    settings.write_text("no_such_setting_here = 1\n")
    with pytest.raises(PostgresError, match=r"did not start in .*exit code 1\): .*log: .*server\.log"):
        await EmbeddedPostgres(broken).start()
    settings.write_text(text)
    async with embedded(broken, environment={}) as server:
        assert await ask(server.admin_dsn(), "SELECT 1") == 1


@pytest.mark.slow
async def test_a_lost_administrators_password_is_told(open_directory):
    state = open_directory / "other"
    async with embedded(state, environment={}):
        pass
    file = state / "postgres/secrets/postgres"
    password = file.read_text()
    file.unlink()
    with pytest.raises(PostgresError, match="must hold the password that the data were made with"):
        await EmbeddedPostgres(state).start()
    file.write_text(password)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("x [1] PANIC:  could not write: No space left on device", "the disk is full: free some space and start again"),
        ("x [1] FATAL:  first\nx [1] FATAL:  second", "first (log: /l)"),
        ("something else", "something else (log: /l)"),
        ("", "it said nothing (log: /l)"),
    ],
)
def test_what_the_server_said_last_becomes_a_reason(said, told):
    account = postgres_files.Account(0, 0, switched=False)
    place = postgres_files.Place(*[Path("/h")] * 4, log=Path("/l"), account=account)
    assert postgres_process._reason(said, place) == told
