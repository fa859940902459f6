"""People, their codes and what is held of them: what is kept, replaced, and erased."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import asyncpg
import pytest

from nakadachi.crypto.subject import Subject
from nakadachi.intermediate import store
from nakadachi.intermediate.files.people import PersonLine
from nakadachi.intermediate.files.provisions import ProtectionLine, ProvisionLine
from nakadachi.intermediate.rules import Held, Protection
from nakadachi.intermediate.store import Person
from nakadachi.intermediate.subjects import AddresseeNumber, FourItems, IndividualNumber, Sex
from nakadachi.kit.database import Database
from nakadachi.kit.migrations import migrate, read_migrations
from nakadachi.refusal import Reason
from nakadachi.terms import InfoNameCode, ItemCode, LinkCode, MatchingNumber

NOW = datetime(2026, 4, 1, 1, tzinfo=UTC)
ONE, TWO = AddresseeNumber("900001"), AddresseeNumber("900002")
BORN = date(1990, 4, 1)
ITEMS = FourItems("見本 花子", "ミホン ハナコ", "見本市1-2-3", Sex.FEMALE, BORN)
NUMBER = IndividualNumber("123456789018")
FIRST, SECOND = (MatchingNumber(f"{number:026}") for number in (1, 2))
CODE, OTHER_CODE = (LinkCode.of_bytes(bytes((2, 0, 1)) + bytes((number,)) * 16) for number in (1, 2))
TAX, RECORD = InfoNameCode("TM00000000000001"), InfoNameCode("TM00000000000002")
INCOME, YEAR = ItemCode(f"{TAX}-0001"), ItemCode(f"{TAX}-0002")


@pytest.fixture
async def connection(tenant_dsn):
    database = await Database.open(tenant_dsn, max_size=1)
    rotation = read_migrations("nakadachi.intermediate", part="rotation", folder="rotation_sql")
    await migrate(database, read_migrations("nakadachi.intermediate"), rotation)
    async with database.acquire() as opened:
        yield opened
    await database.close()


def line(addressee=ONE, items=ITEMS, number=NUMBER):
    return PersonLine(1, addressee, items, number)


async def link(connection, addressee=ONE, number=FIRST, code=CODE):
    await store.begin_issuance(connection, [(number, addressee)], NOW)
    return await store.set_codes(connection, [(number, code)], NOW)


async def test_a_person_is_found_by_number_and_waits_for_a_code(connection):
    await store.load_people(connection, [line()])
    person = Person(ONE, Subject(BORN, "2", "ミホン ハナコ"), None)
    assert await store.people_by_addressee(connection, [ONE, TWO]) == {ONE: person}
    assert await store.unlinked(connection, [ONE, TWO]) == {ONE: (ITEMS, NUMBER)}
    assert await store.known_addressees(connection, [ONE, TWO]) == {ONE: False}


@pytest.mark.parametrize(
    ("sex", "compared"), [(Sex.MALE, "1"), (Sex.FEMALE, "2"), (Sex.NOT_KNOWN, None), (Sex.NOT_APPLICABLE, None)]
)
async def test_only_what_the_row_says_is_compared(connection, sex, compared):
    await store.load_people(connection, [line(items=replace(ITEMS, sex=sex, kana=""))])
    assert (await store.people_by_addressee(connection, [ONE]))[ONE].subject == Subject(BORN, compared, None)


async def test_a_person_loaded_again_has_the_new_items_and_keeps_the_code(connection):
    await store.load_people(connection, [line()])
    await link(connection)
    await store.load_people(connection, [line(items=replace(ITEMS, name="見本 華子"))])
    assert await connection.fetchval("SELECT name FROM person") == "見本 華子"
    assert (await store.people_by_addressee(connection, [ONE]))[ONE].link_code == CODE


async def test_an_individual_number_goes_once_the_code_is_set_and_does_not_come_back(connection):
    await store.load_people(connection, [line()])
    await link(connection)
    assert await connection.fetchval("SELECT individual_number FROM person") is None
    await store.load_people(connection, [line()])
    assert await connection.fetchval("SELECT individual_number FROM person") is None


async def test_a_number_that_is_no_longer_given_is_no_longer_kept(connection):
    await store.load_people(connection, [line()])
    await store.load_people(connection, [line(number=None)])
    assert (await store.unlinked(connection, [ONE]))[ONE] == (ITEMS, None)


async def test_a_code_is_tied_to_the_person_of_its_matching_number_which_is_purged(connection):
    await store.load_people(connection, [line(), line(TWO)])
    await store.begin_issuance(connection, [(FIRST, ONE), (SECOND, TWO)], NOW)
    assert await store.set_codes(connection, [(SECOND, CODE)], NOW) == [True]
    people = await store.people_by_addressee(connection, [ONE, TWO])
    assert (people[ONE].link_code, people[TWO].link_code) == (None, CODE)
    assert await connection.fetch("SELECT matching_number FROM issuance") == [(FIRST.value,)]
    assert [tuple(row) for row in await connection.fetch("SELECT at, count FROM purge")] == [(NOW, 1)]
    assert await store.known_addressees(connection, [ONE, TWO]) == {ONE: False, TWO: True}
    assert list(await store.unlinked(connection, [ONE, TWO])) == [ONE]


async def test_a_matching_number_works_once_and_an_unknown_one_never(connection):
    await store.load_people(connection, [line()])
    await link(connection)
    assert await store.set_codes(connection, [(FIRST, OTHER_CODE), (SECOND, OTHER_CODE)], NOW) == [False, False]
    assert (await store.people_by_addressee(connection, [ONE]))[ONE].link_code == CODE


async def test_a_newer_request_makes_the_older_matching_number_void(connection):
    await store.load_people(connection, [line()])
    await store.begin_issuance(connection, [(FIRST, ONE)], NOW)
    await store.begin_issuance(connection, [(SECOND, ONE)], NOW)
    assert await store.set_codes(connection, [(FIRST, OTHER_CODE), (SECOND, CODE)], NOW) == [False, True]


async def test_two_people_never_have_one_code(connection):
    await store.load_people(connection, [line(), line(TWO)])
    await link(connection)
    with pytest.raises(asyncpg.UniqueViolationError):
        await link(connection, TWO, SECOND, CODE)


async def test_a_refused_issuance_says_why_until_it_is_asked_for_again(connection):
    await store.load_people(connection, [line()])
    await store.begin_issuance(connection, [(FIRST, ONE)], NOW)
    await store.refuse_issuance(connection, [(FIRST, Reason.NOT_REGISTERED), (SECOND, Reason.INTERNAL)])
    assert await store.issuance_refused(connection, [ONE, TWO]) == {ONE: Reason.NOT_REGISTERED}
    assert await store.set_codes(connection, [(FIRST, CODE)], NOW) == [False]
    await store.begin_issuance(connection, [(SECOND, ONE)], NOW)
    assert await store.issuance_refused(connection, [ONE]) == {}


async def mismatch(connection, index, addressee, reason, asked_at):
    await connection.execute(
        "INSERT INTO asked VALUES ($1, 'InquireAt', 'core/1', $2, $3, '', '', '', '', '', 'refused', $4, $5, $5)",
        str(index),
        index,
        addressee.value,
        reason,
        asked_at,
    )


async def test_a_person_is_found_by_code_with_the_mismatches_since_then(connection):
    await store.load_people(connection, [line(), line(TWO)])
    await link(connection)
    hours = [NOW + timedelta(hours=hour) for hour in range(4)]
    await mismatch(connection, 1, ONE, "SUBJECT_MISMATCH", hours[1])
    await mismatch(connection, 2, ONE, "SUBJECT_MISMATCH", hours[2])
    await mismatch(connection, 3, ONE, "SUBJECT_MISMATCH", hours[3])
    await mismatch(connection, 4, ONE, "WITHHELD", hours[3])
    await mismatch(connection, 5, TWO, "SUBJECT_MISMATCH", hours[3])
    found = await store.people_by_code(connection, [CODE, OTHER_CODE], hours[1])
    assert {code: (person.addressee, person.mismatches) for code, person in found.items()} == {CODE: (ONE, 2)}


def provision(addressee=ONE, item=INCOME, first=BORN, *, delete=False, value="1"):
    return ProvisionLine(1, "r1", addressee, TAX, item, 3, first, None, value, None, delete, NOW)


async def test_what_is_held_is_found_by_person_and_item(connection):
    await store.load_provisions(connection, [provision(), provision(item=YEAR), provision(TWO)])
    assert await store.provisions(connection, [ONE], [INCOME]) == {ONE: [Held(INCOME, 3, BORN, None, "1", None, NOW)]}
    assert await store.provisions(connection, [AddresseeNumber("7")], [INCOME]) == {AddresseeNumber("7"): []}


async def test_a_row_of_the_same_day_is_replaced_and_of_another_is_added(connection):
    await store.load_provisions(connection, [provision()])
    later = replace(provision(first=date(2026, 1, 1)), value=None, reason_of_null="not assessed")
    await store.load_provisions(connection, [provision(value="2"), later])
    held = (await store.provisions(connection, [ONE], [INCOME]))[ONE]
    assert {(one.publish_from, one.value, one.reason_of_null) for one in held} == {
        (BORN, "2", None),
        (date(2026, 1, 1), None, "not assessed"),
    }


async def test_a_deleted_row_is_gone_and_the_others_stay(connection):
    await store.load_provisions(connection, [provision(), provision(item=YEAR), provision(TWO)])
    await store.load_provisions(connection, [provision(delete=True)])
    held = await store.provisions(connection, [ONE, TWO], [INCOME, YEAR])
    assert ([one.item for one in held[ONE]], [one.item for one in held[TWO]]) == ([YEAR], [INCOME])


async def test_a_marking_of_protection_is_kept_per_information_and_replaced(connection):
    mark = ProtectionLine(1, ONE, TAX, self_information_allowed=False, withheld=True, until=BORN)
    await store.load_protections(connection, [mark, replace(mark, information=None, until=None)])
    await store.load_protections(connection, [replace(mark, withheld=False)])
    found = await store.protections(connection, [ONE, TWO])
    assert sorted(found[ONE], key=str) == sorted(
        [Protection(TAX, withheld=False, until=BORN), Protection(None, withheld=True, until=None)], key=str
    )
    assert found[TWO] == []
