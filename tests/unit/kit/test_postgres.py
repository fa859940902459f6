"""PostgreSQL for all systems: tenants are kept apart, and no password is told."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator

import asyncpg
import pytest

from nakadachi.kit.entropy import SeededEntropy, SystemEntropy
from nakadachi.kit.postgres import EmbeddedPostgres, GivenPostgres, PostgresError, choose


@pytest.fixture
def number(postgres) -> Iterator[str]:
    """A tenant's name that no other test uses."""
    name = f"kit_{os.getpid()}_{time.monotonic_ns()}"
    yield name
    asyncio.run(postgres.drop_tenant(name))


async def test_a_tenant_has_a_schema_and_a_user_named_alike(ask, postgres, number):
    dsn = await postgres.create_tenant(number)
    assert await ask(dsn, "SELECT current_user::text") == number
    assert await ask(dsn, "SELECT current_schema()::text") == number
    await ask(dsn, "CREATE TABLE code (n integer)")
    assert await ask(dsn, "SELECT schemaname::text FROM pg_tables WHERE tablename = 'code'") == number


async def test_a_tenant_asked_for_twice_is_the_same_tenant(ask, postgres, number):
    first = await postgres.create_tenant(number)
    await ask(first, "CREATE TABLE code (n integer)")
    assert await postgres.create_tenant(number) == first
    assert await ask(first, "SELECT count(*) FROM code") == 0


async def test_a_tenant_made_by_several_at_once_is_made_once(ask, postgres, number):
    made = await asyncio.gather(*(postgres.create_tenant(number) for _ in range(4)))
    assert len(set(made)) == 1
    assert await ask(made[0], "SELECT 1") == 1


async def test_a_tenant_can_neither_read_nor_enter_what_is_anothers(ask, postgres, number, tenant_dsn):
    own = await postgres.create_tenant(number)
    await ask(own, "CREATE TABLE code (n integer)")
    for query in (f"SELECT count(*) FROM {number}.code", f"CREATE TABLE {number}.mine (n integer)"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await ask(tenant_dsn, query)


async def test_a_tenant_has_no_place_outside_its_schema(ask, tenant_dsn):
    for query in ("CREATE TABLE public.stray (n integer)", "CREATE SCHEMA stray", "CREATE ROLE stray"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await ask(tenant_dsn, query)


async def test_a_dropped_tenant_is_gone_with_its_data_even_while_it_is_connected(ask, postgres, number):
    connection = await asyncpg.connect(await postgres.create_tenant(number))
    await connection.execute("CREATE TABLE code (n integer)")
    await postgres.drop_tenant(number)
    assert await ask(postgres.admin_dsn(), "SELECT count(*) FROM pg_roles WHERE rolname = $1", number) == 0
    assert await ask(postgres.admin_dsn(), "SELECT count(*) FROM pg_namespace WHERE nspname = $1", number) == 0
    connection.terminate()
    await postgres.drop_tenant(number)


@pytest.mark.parametrize("name", ["", "A", "1a", "a-b", 'a"; DROP', "public", "pg_x", "postgres", "a" * 64])
async def test_a_name_that_is_no_plain_word_is_refused(postgres, name):
    with pytest.raises(ValueError, match="no tenant's name"):
        await postgres.create_tenant(name)


async def test_nobody_comes_in_without_the_password(ask, postgres, number):
    await postgres.create_tenant(number)
    with pytest.raises(asyncpg.InvalidPasswordError):
        await ask(postgres.dsn(user=number, password="guessed"), "SELECT 1")


async def test_passwords_lie_in_files_that_only_we_can_read(open_directory, postgres, number):
    dsn = await postgres.create_tenant(number)
    file = open_directory / "session/postgres/secrets" / number
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.read_text() in dsn


async def test_the_server_is_set_up_as_the_network_needs_it(ask, postgres):
    if isinstance(postgres, GivenPostgres):
        pytest.skip("DATABASE_URL names a server that is set up by others")
    for setting, value in {
        "listen_addresses": "",
        "fsync": "on",
        "synchronous_commit": "on",
        "server_encoding": "UTF8",
        "TimeZone": "UTC",
        "unix_socket_permissions": "0700",
        "max_connections": "200",
    }.items():
        assert await ask(postgres.admin_dsn(), "SELECT current_setting($1)", setting) == value


async def test_a_schema_that_belongs_to_another_is_not_taken_over(ask, postgres, number):
    await ask(postgres.admin_dsn(), f"CREATE SCHEMA {number}")
    with pytest.raises(PostgresError, match=f"schema {number} belongs to"):
        await postgres.create_tenant(number)


def test_before_the_start_there_is_no_address(tmp_path):
    with pytest.raises(PostgresError, match="not been started"):
        EmbeddedPostgres(tmp_path).dsn(user="a", password="b")


def test_database_url_goes_before_the_embedded_server(tmp_path):
    url = "postgresql://boss:secret@db.example:5433/country?sslmode=require"
    given = choose(tmp_path, environment={"DATABASE_URL": url})
    assert given.admin_dsn() == url
    expected = "postgresql://core:p%40ss@db.example:5433/country?sslmode=require"
    assert given.dsn(user="core", password="p@ss") == expected


def test_a_database_url_of_another_kind_is_refused_without_repeating_it(tmp_path):
    with pytest.raises(PostgresError, match="must read postgresql://") as caught:
        choose(tmp_path, environment={"DATABASE_URL": "mysql://boss:secret@db/x"})
    assert "secret" not in str(caught.value)


async def test_a_database_that_cannot_be_reached_is_told_without_its_password(tmp_path):
    url = f"postgresql://boss:secret@/x?host={tmp_path}"
    with pytest.raises(PostgresError, match="cannot be reached") as caught:
        await choose(tmp_path, environment={"DATABASE_URL": url}).start()
    assert "secret" not in str(caught.value)


async def test_a_given_server_keeps_tenants_as_the_embedded_one_does(ask, postgres, number, tmp_path):
    given = GivenPostgres(postgres.admin_dsn(), tmp_path / "secrets", entropy=SystemEntropy())
    await given.start()
    dsn = await given.create_tenant(number)
    assert await ask(dsn, "SELECT current_schema()::text") == number
    await given.drop_tenant(number)
    await given.stop()


def test_one_seed_gives_one_verifier(tmp_path):
    servers = [EmbeddedPostgres(tmp_path, entropy=SeededEntropy(5)) for _ in range(2)]
    one, other = (server._verifier("x") for server in servers)
    assert one == other
    assert one.startswith("SCRAM-SHA-256$4096:")
