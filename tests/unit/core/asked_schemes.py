"""A scheme over a database of its own, and how the tests ask it."""

from nakadachi.core.codes import Scheme, link_key
from nakadachi.kit.database import Database
from nakadachi.kit.migrations import migrate, read_migrations
from nakadachi.refusal import Reason, Refusal
from nakadachi.terms import OrganisationCode

MASTER = bytes(range(32))
A, B = (OrganisationCode(f"990100000000000{number}") for number in (1, 2))
FIRST_BYTE = {Scheme.REVERSIBLE: 2, Scheme.TABLE: 3}


def keys_of(organisation, key_index):
    if key_index > 3:
        raise LookupError(key_index)
    return link_key(MASTER, organisation, key_index)


async def new_database(dsn):
    database = await Database.open(dsn, max_size=4)
    core = read_migrations("nakadachi.core", part="core", folder="migrations")
    await migrate(database, core, read_migrations("nakadachi.core", part="codes", folder="codes_sql"))
    return database


class Asked:
    def __init__(self, scheme, database, kind):
        self.scheme, self.database, self.kind = scheme, database, kind

    async def issue(self, *wanted):
        async with self.database.transaction() as connection:
            return await self.scheme.issue(connection, wanted)

    async def read(self, *shown):
        async with self.database.transaction() as connection:
            return await self.scheme.read(connection, shown)

    async def refuses(self, organisation, code):
        (answer,) = await self.read((organisation, code))
        assert isinstance(answer, Refusal)
        assert code.value not in str(answer)
        return answer.reason is Reason.CODE_NOT_ISSUED


def shown(wanted, codes):
    return [(one.organisation, code) for one, code in zip(wanted, codes, strict=True)]
