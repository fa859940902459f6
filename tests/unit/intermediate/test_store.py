"""People, their codes and what is held of them: what is kept, replaced, and erased."""

import itertools
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import asyncpg
import pytest

from nakadachi.crypto.subject import Subject
from nakadachi.intermediate import issuance_store, store
from nakadachi.intermediate.files.people import PersonLine
from nakadachi.intermediate.files.provisions import ProtectionLine, ProvisionLine
from nakadachi.intermediate.issuance_store import Packet
from nakadachi.intermediate.link_rules import OwnRow
from nakadachi.intermediate.rules import Held, Protection
from nakadachi.intermediate.store import Person
from nakadachi.intermediate.subjects import AddresseeNumber, FourItems, IndividualNumber, Sex
from nakadachi.kit.database import Database
from nakadachi.kit.migrations import migrate, read_migrations
from nakadachi.refusal import Reason
from nakadachi.telegrams.code import Hit
from nakadachi.terms import InfoNameCode, ItemCode, LinkCode, MatchingNumber, Serial, crockford

NOW = datetime(2026, 4, 1, 1, tzinfo=UTC)
ONE, TWO = AddresseeNumber("900001"), AddresseeNumber("900002")
BORN = date(1990, 4, 1)
ITEMS = FourItems("見本 花子", "ミホン ハナコ", "見本市1-2-3", Sex.FEMALE, BORN)
NUMBER = IndividualNumber("123456789018")
FIRST, SECOND = (MatchingNumber(f"{number:026}") for number in (1, 2))
CODE, OTHER_CODE = (LinkCode.of_bytes(bytes((2, 0, 1)) + bytes((number,)) * 16) for number in (1, 2))
SERIALS = itertools.count(1)
TAX, RECORD = InfoNameCode("TM00000000000001"), InfoNameCode("TM00000000000002")
INCOME, YEAR = ItemCode(f"{TAX}-0001"), ItemCode(f"{TAX}-0002")


@pytest.fixture
async def connection(tenant_dsn):
    database = await Database.open(tenant_dsn, max_size=1)
    await migrate(
        database,
        read_migrations("nakadachi.intermediate"),
        read_migrations("nakadachi.intermediate", part="issuance", folder="issuance_sql"),
        read_migrations("nakadachi.intermediate", part="rotation", folder="rotation_sql"),
    )
    async with database.acquire() as opened:
        yield opened
    await database.close()


async def rows(connection, query):
    return [tuple(row) for row in await connection.fetch(query)]


def line(addressee=ONE, items=ITEMS, number=NUMBER):
    return PersonLine(1, addressee, items, number)


async def link(connection, addressee=ONE, number=FIRST, code=CODE):
    await begin(connection, (number, addressee))
    assert len(await issuance_store.take(connection, [number.value])) == 1
    await issuance_store.set_codes(connection, [(addressee.value, code.value)], NOW)


async def begin(connection, *numbers, checking=False):
    """A packet with these matching numbers; its serial."""
    serial = Serial(f"9901000000000001-{crockford(next(SERIALS), length=26)}")
    people = tuple(addressee for _, addressee in numbers)
    packet = Packet(serial, people, checking)
    await issuance_store.begin(connection, packet, [number.value for number, _ in numbers], people, NOW)
    return serial.value


async def test_a_person_is_found_by_number_and_waits_for_a_code(connection):
    await store.load_people(connection, [line()], NOW)
    person = Person(ONE, Subject(BORN, "2", "ミホン ハナコ"), None)
    assert await store.people_by_addressee(connection, [ONE, TWO]) == {ONE: person}
    assert await store.described(connection, [ONE, TWO]) == {ONE: (ITEMS, NUMBER)}
    assert await store.known_addressees(connection, [ONE, TWO]) == {ONE: False}


@pytest.mark.parametrize(
    ("sex", "compared"), [(Sex.MALE, "1"), (Sex.FEMALE, "2"), (Sex.NOT_KNOWN, None), (Sex.NOT_APPLICABLE, None)]
)
async def test_only_what_the_row_says_is_compared(connection, sex, compared):
    await store.load_people(connection, [line(items=replace(ITEMS, sex=sex, kana=""))], NOW)
    assert (await store.people_by_addressee(connection, [ONE]))[ONE].subject == Subject(BORN, compared, None)


async def test_a_person_loaded_again_has_the_new_items_and_keeps_the_code(connection):
    await store.load_people(connection, [line()], NOW)
    await link(connection)
    await store.load_people(connection, [line(items=replace(ITEMS, name="見本 華子"))], NOW)
    assert await connection.fetchval("SELECT name FROM person") == "見本 華子"
    assert (await store.people_by_addressee(connection, [ONE]))[ONE].link_code == CODE


async def test_an_individual_number_goes_once_the_code_is_set_and_does_not_come_back(connection):
    await store.load_people(connection, [line()], NOW)
    await link(connection)
    assert await connection.fetchval("SELECT individual_number FROM person") is None
    await store.load_people(connection, [line()], NOW)
    assert await connection.fetchval("SELECT individual_number FROM person") is None


async def test_a_number_that_is_no_longer_given_is_no_longer_kept(connection):
    await store.load_people(connection, [line()], NOW)
    await store.load_people(connection, [line(number=None)], NOW)
    assert (await store.described(connection, [ONE]))[ONE] == (ITEMS, None)


async def test_a_matching_number_is_purged_once_with_evidence_and_its_packet_ends(connection):
    await store.load_people(connection, [line(), line(TWO)], NOW)
    serial = await begin(connection, (FIRST, ONE), (SECOND, TWO))
    (gone,) = await issuance_store.take(connection, ["0" * 26, SECOND.value])
    assert (gone.place, gone.addressee, gone.serial, gone.order, gone.checking) == (1, TWO.value, serial, "", False)
    assert await issuance_store.take(connection, [SECOND.value]) == []
    await issuance_store.purge(connection, {serial: 1}, "set", NOW)
    assert await connection.fetchval("SELECT ended_at FROM issuance_packet") is None
    await issuance_store.take(connection, [FIRST.value])
    await issuance_store.purge(connection, {serial: 1}, "refused", NOW)
    assert await rows(connection, "SELECT done, refused, unanswered, ended_at FROM issuance_packet") == [(1, 1, 0, NOW)]
    assert await rows(connection, "SELECT at, count, serial, ending FROM purge ORDER BY ending") == [
        (NOW, 1, serial, "refused"),
        (NOW, 1, serial, "set"),
    ]
    assert await rows(connection, "SELECT * FROM issuance") == []


async def test_a_newer_request_makes_the_older_matching_number_void(connection):
    await store.load_people(connection, [line()], NOW)
    old = await begin(connection, (FIRST, ONE))
    assert await issuance_store.under_way(connection, [ONE, TWO], NOW - timedelta(minutes=1)) == {ONE}
    await begin(connection, (SECOND, ONE))
    assert await issuance_store.take(connection, [FIRST.value]) == []
    assert await rows(connection, "SELECT serial, ending FROM purge") == [(old, "superseded")]
    assert len(await issuance_store.take(connection, [SECOND.value])) == 1


async def test_numbers_that_nobody_answered_are_purged_after_their_time_and_the_clerk_is_told(connection):
    await store.load_people(connection, [line(), line(TWO)], NOW)
    serial = await begin(connection, (FIRST, ONE))
    checked = await begin(connection, (SECOND, TWO), checking=True)
    assert await issuance_store.purge_older(connection, NOW, 10, NOW) == 0
    assert await issuance_store.purge_older(connection, NOW + timedelta(seconds=1), 10, NOW) == 2
    assert await issuance_store.refused(connection, [ONE, TWO]) == {ONE: (Reason.TIMED_OUT, None)}
    assert set(await rows(connection, "SELECT serial, unanswered, ended_at FROM issuance_packet")) == {
        (serial, 1, NOW),
        (checked, 1, NOW),
    }
    assert await rows(connection, "SELECT * FROM issuance") == []


async def test_two_people_never_have_one_code(connection):
    await store.load_people(connection, [line(), line(TWO)], NOW)
    await link(connection)
    assert await issuance_store.holders(connection, [CODE.value, OTHER_CODE.value]) == {CODE.value: ONE.value}
    with pytest.raises(asyncpg.UniqueViolationError):
        await link(connection, TWO, SECOND, CODE)


async def test_a_refused_issuance_says_why_until_it_is_asked_for_again(connection):
    await store.load_people(connection, [line()], NOW)
    await begin(connection, (FIRST, ONE))
    (gone,) = await issuance_store.take(connection, [FIRST.value])
    await issuance_store.refuse(connection, [(gone, Reason.NOT_REGISTERED, Hit.SEVERAL)])
    assert await issuance_store.refused(connection, [ONE, TWO]) == {ONE: (Reason.NOT_REGISTERED, Hit.SEVERAL)}
    await begin(connection, (SECOND, ONE))
    assert await issuance_store.refused(connection, [ONE]) == {}


async def test_a_row_that_was_changed_since_it_was_linked_is_known_as_such(connection):
    await store.load_people(connection, [line(), line(TWO)], NOW)
    await link(connection)
    later = NOW + timedelta(days=1)
    await store.load_people(connection, [line()], later)
    assert await issuance_store.own_rows(connection, [ONE.value]) == {ONE.value: OwnRow(CODE.value)}
    await store.load_people(connection, [line(items=replace(ITEMS, address="見本市9"))], later)
    assert await issuance_store.own_rows(connection, [ONE.value, TWO.value]) == {
        ONE.value: OwnRow(CODE.value, changed_since=True),
        TWO.value: OwnRow(""),
    }


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
    await store.load_people(connection, [line(), line(TWO)], NOW)
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
