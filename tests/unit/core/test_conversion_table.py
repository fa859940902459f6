"""The conversion table alone, and that a network keeps the scheme of its founding (C5)."""

import asyncio
import random
from contextlib import asynccontextmanager

import asyncpg
import pytest

from nakadachi.core.codes import IdCode, Meaning, ReversibleScheme, Scheme
from nakadachi.core.schemes import TableScheme, open_scheme
from nakadachi.kit.config import ConfigError
from nakadachi.kit.database import Database
from nakadachi.kit.entropy import SeededEntropy, SystemEntropy
from nakadachi.kit.migrations import migrate, read_migrations
from tests.unit.core.asked_schemes import A, Asked, keys_of, new_database, shown


@asynccontextmanager
async def tables(dsn):
    database = await new_database(dsn)
    yield database
    await database.close()


async def test_two_instances_at_once_give_one_code(tenant_dsn):
    """The second one waits for the first, whose codes it then gives."""
    wanted = [Meaning(A, IdCode(bytes((number,)) * 10), 1, 1) for number in range(40)]
    async with tables(tenant_dsn) as database:

        async def instance(seed):
            mixed = random.Random(seed).sample(wanted, len(wanted))
            async with database.transaction() as connection:
                codes = await TableScheme(SeededEntropy(seed)).issue(connection, mixed)
                await asyncio.sleep(0.05)
            return dict(zip(mixed, codes, strict=True))

        first, *others = await asyncio.gather(*(instance(seed) for seed in range(4)))
        assert others == [first] * 3
        async with database.acquire() as connection:
            for table in ("code_table", "code_of_person"):
                assert await connection.fetchval(f"SELECT count(*) FROM {table}") == len(wanted)


async def test_a_code_whose_link_was_not_kept_after_all_is_not_kept_either(tenant_dsn):
    one = Meaning(A, IdCode(bytes(10)), 1, 1)
    async with tables(tenant_dsn) as database:
        scheme, codes = TableScheme(SeededEntropy(1)), []

        async def fails():
            async with database.transaction() as connection:
                codes.extend(await scheme.issue(connection, [one]))
                raise RuntimeError("the link could not be kept")

        with pytest.raises(RuntimeError, match="the link"):
            await fails()
        assert await Asked(scheme, database, Scheme.TABLE).refuses(A, codes[0])


async def test_a_transaction_that_cannot_see_the_others_gives_no_code_rather_than_a_second(tenant_dsn):
    one, another = (Meaning(A, IdCode(bytes((number,)) * 10), 1, 1) for number in (1, 2))
    async with tables(tenant_dsn) as database:
        scheme = TableScheme(SeededEntropy(1))

        async def blind():
            async with database.transaction(isolation="repeatable_read") as connection:
                await scheme.issue(connection, [another])
                async with database.transaction() as other:
                    await scheme.issue(other, [one])
                await scheme.issue(connection, [one])

        with pytest.raises(asyncpg.SerializationError):
            await blind()


async def test_both_tables_work_when_they_are_divided_by_hash(tenant_dsn):
    """A partitioned table refuses unique keys without its own column, as a distributed one does (design 4)."""
    wanted = [Meaning(A, IdCode(bytes((number,)) * 10), 1, 1) for number in range(64)]
    async with tables(tenant_dsn) as database:
        async with database.acquire() as connection:
            for table, column in (("code_table", "code"), ("code_of_person", "id_code")):
                await connection.execute(
                    f"ALTER TABLE {table} RENAME TO whole;"
                    f"CREATE TABLE {table} (LIKE whole INCLUDING ALL) PARTITION BY HASH ({column});"
                    f"DROP TABLE whole"
                )
                for rest in range(4):
                    values = f"FOR VALUES WITH (MODULUS 4, REMAINDER {rest})"
                    await connection.execute(f"CREATE TABLE {table}_{rest} PARTITION OF {table} {values}")
        asked = Asked(TableScheme(SeededEntropy(1)), database, Scheme.TABLE)
        codes = await asked.issue(*wanted)
        assert await asked.issue(*reversed(wanted)) == codes[::-1]
        assert await asked.read(*shown(wanted, codes)) == wanted
        async with database.acquire() as connection:
            assert await connection.fetchval("SELECT count(DISTINCT tableoid) FROM code_table") == 4


# The founding


async def test_a_core_refuses_another_scheme_than_its_founding(tenant_dsn):
    async with tables(tenant_dsn) as database:
        founded = await open_scheme(Scheme.TABLE, database, keys_of, SystemEntropy())
        assert isinstance(founded, TableScheme)
        assert isinstance(await open_scheme(Scheme.TABLE, database, keys_of, SystemEntropy()), TableScheme)
        with pytest.raises(ConfigError) as refused:
            await open_scheme(Scheme.REVERSIBLE, database, keys_of, SystemEntropy())
        said = str(refused.value)
        assert said.startswith('scheme = "reversible": this network was founded with link codes of the scheme "table"')
        assert 'write scheme = "table" into the core\'s configuration' in said


async def test_a_core_from_before_there_was_a_choice_is_reversible(tenant_dsn):
    database = await Database.open(tenant_dsn, max_size=1)
    await migrate(database, read_migrations("nakadachi.core", part="core", folder="migrations"))
    async with database.acquire() as connection:
        await connection.execute(
            "INSERT INTO link (id_code, organisation, key_index, generation, linked_at)"
            " VALUES ('\\x00010203040506070809', '9901000000000001', 1, 1, now())"
        )
    await database.close()
    async with tables(tenant_dsn) as database:
        with pytest.raises(ConfigError, match='founded with link codes of the scheme "reversible"'):
            await open_scheme(Scheme.TABLE, database, keys_of, SystemEntropy())
        assert isinstance(await open_scheme(Scheme.REVERSIBLE, database, keys_of, SystemEntropy()), ReversibleScheme)
