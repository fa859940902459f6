"""neighbours.register: events applied once each, with their history, their numbers and what the core is to be told."""

from datetime import UTC, date, datetime, timedelta

import asyncpg
import pytest

from nakadachi.kit.database import Database
from nakadachi.kit.entropy import SeededEntropy
from nakadachi.kit.migrations import migrate, read_migrations
from nakadachi.neighbours import event_store, registry_store
from nakadachi.neighbours.event_store import Untold
from nakadachi.neighbours.individual_numbers import IndividualNumbers
from nakadachi.neighbours.matching import Found, Sought, items_of
from nakadachi.neighbours.numbers import IndividualNumber, ResidentCodeFormula
from nakadachi.neighbours.register import Register, apply_due, apply_lines, take_packet
from nakadachi.neighbours.registry_store import Entry
from nakadachi.telegrams.link import ResidentChange

NOW, TODAY = datetime(2026, 5, 10, 3, tzinfo=UTC), date(2026, 5, 10)
HANA, TARO, NEW, NEWER = (ResidentCodeFormula().complete(f"{body:010}").value for body in range(1, 5))
KEY = bytes(range(32))
FIRST = IndividualNumbers(KEY).number(0).value


@pytest.fixture
async def database(tenant_dsn):
    opened = await Database.open(tenant_dsn, max_size=2)
    await migrate(opened, read_migrations("nakadachi.neighbours", part="registry"))
    async with opened.transaction() as connection:
        # Taro has the number that the register would give first: it came with him from elsewhere.
        people = [(HANA, "100000000001", "見本 花", "2"), (TARO, FIRST, "見本 太郎", "1")]
        entries = [Entry(code, number, name, "見本市1-1", int(sex), "1990-04-01") for code, number, name, sex in people]
        await registry_store.register(connection, entries)
    yield opened
    await opened.close()


@pytest.fixture
def register():
    return Register(IndividualNumbers(KEY), SeededEntropy(1))


def line(event, kind, at="2026-05-01", code=HANA, **says):
    return {"event": event, "kind": kind, "at": at, "code": code, **says}


BABY = {"name": "見本 芽", "kana": "ミホン メイ", "address": "見本市1-1", "sex": "2"}


async def play(register, database, *lines, today=TODAY):
    async with database.transaction() as connection:
        return [one.state for one in await apply_lines(register, connection, lines, NOW, today)]


async def untold(database):
    async with database.transaction() as connection:
        return await take_packet(connection)


async def history(database, code):
    async with database.acquire() as connection:
        return await event_store.history(connection, code)


async def numbers(database, code):
    async with database.acquire() as connection:
        return await event_store.numbers_of(connection, code)


async def match(database, sought):
    async with database.acquire() as connection:
        return (await registry_store.match(connection, [sought]))[0]


async def test_a_life_is_kept_as_it_went_and_the_core_is_told_that_something_changed(register, database):
    lines = [
        line("1", "birth", code=NEW, **BABY),
        line("2", "move", address="見本市2-2"),
        line("3", "name", name="例 花", kana="レイ ハナ"),
        line("4", "move-out"),
        line("5", "move-in", address="見本市3-3"),
        line("6", "code", new_code=NEWER),
        line("7", "number", code=NEWER),
        line("8", "death", code=NEWER),
        line("9", "death-undone", code=NEWER),
    ]
    assert await play(register, database, *lines) == ["applied"] * 9
    kept = await history(database, HANA)
    assert [one.kind for one in kept] == [each["kind"] for each in lines[1:]]
    assert kept[0].before == {"address": "見本市1-1"}
    assert kept[4].before == {"code": HANA}
    assert await untold(database) == [
        Untold(ResidentChange.ITEMS, HANA),
        Untold(ResidentChange.CODE, HANA, NEWER),
        Untold(ResidentChange.ITEMS, NEWER),
        Untold(ResidentChange.DEATH, NEWER),
        Untold(ResidentChange.DEATH_UNDONE, NEWER),
    ]
    assert await untold(database) == []


async def test_what_is_reported_again_has_no_effect_again(register, database):
    move = line("1", "move", address="見本市2-2")
    back = line("2", "move", address="見本市1-1")
    assert await play(register, database, move, move, back) == ["applied", "known", "applied"]
    assert await play(register, database, move) == ["known"]
    assert await play(register, database, move | {"address": "elsewhere"}) == ["wrong"]
    assert (await match(database, Sought(items=items_of("見本 花", "見本市1の1", "女", "平成2年4月1日")))).code == HANA


async def test_a_wrong_line_leaves_the_others_their_effect(register, database):
    lines = [line("1", "move", code=NEW, address="x"), line("2", "move", address="見本市2-2"), line("3", "marriage")]
    assert await play(register, database, *lines) == ["wrong", "applied", "wrong"]


async def test_a_change_of_number_makes_the_former_nobodys_for_ever(register, database):
    assert await play(register, database, line("1", "number")) == ["applied"]
    assert await play(register, database, line("2", "number", at="2026-05-02")) == ["applied"]
    (first, _, _), (second, since, until), (third, _, valid) = await numbers(database, HANA)
    assert (first, since, until, valid) == ("100000000001", date(2026, 5, 1), date(2026, 5, 2), None)
    assert [(await match(database, Sought(one))).found for one in (first, second, third)] == [
        Found.NONE,
        Found.NONE,
        Found.ONE,
    ]
    # The number that Taro brought was drawn first, and not given a second time.
    assert FIRST not in {second, third}
    assert IndividualNumber(third).value == IndividualNumbers(KEY).number(2).value


async def test_two_changes_of_number_in_one_batch_leave_one_valid(register, database):
    assert await play(register, database, line("1", "number"), line("2", "number")) == ["applied"] * 2
    assert [until is None for _, _, until in await numbers(database, HANA)].count(True) == 1
    assert len(await numbers(database, HANA)) == 3


async def test_a_number_is_not_given_again_after_a_transaction_that_failed(register, database):
    drawn = []

    async def torn():
        async with database.transaction() as connection:
            await apply_lines(register, connection, [line("1", "number")], NOW, TODAY)
            drawn.append((await event_store.numbers_of(connection, HANA))[-1][0])
            raise EOFError

    with pytest.raises(EOFError):
        await torn()
    assert await play(register, database, line("1", "number")) == ["applied"]
    assert drawn[0] not in {number for number, _, _ in await numbers(database, HANA)}


async def test_the_database_itself_refuses_a_second_valid_number_and_a_number_given_twice(database):
    for statement in (
        "INSERT INTO number_given (number, person) SELECT '999999999999', person FROM resident LIMIT 1",
        f"UPDATE number_given SET number = '{FIRST}'",
    ):
        with pytest.raises(asyncpg.UniqueViolationError):
            async with database.transaction() as connection:
                await connection.execute(statement)


async def test_a_newborn_without_a_code_gets_one_and_a_number_that_fit(register, database):
    assert await play(register, database, line("1", "birth", code="", **BABY), line("2", "birth", code="", **BABY)) == [
        "applied",
        "applied",
    ]
    async with database.acquire() as connection:
        rows = await connection.fetch("SELECT code, number FROM resident WHERE name = '見本 芽'")
    assert len({row["code"] for row in rows}) == len({row["number"] for row in rows}) == 2
    for row in rows:
        assert ResidentCodeFormula().parse(row["code"])
        assert IndividualNumber(row["number"])


async def test_who_is_born_renamed_and_recoded_in_one_batch_is_one_person_with_a_history(register, database):
    lines = [
        line("1", "birth", code=NEW, **BABY),
        line("2", "name", code=NEW, name="例 芽", kana="レイ メイ"),
        line("3", "code", code=NEW, new_code=NEWER),
        line("4", "number", code=NEWER),
    ]
    assert await play(register, database, *lines) == ["applied"] * 4
    assert [one.event for one in await history(database, NEW)] == ["1", "2", "3", "4"]
    assert len(await numbers(database, NEWER)) == 2


async def test_a_code_is_given_once(register, database):
    assert await play(register, database, line("1", "code", new_code=NEW)) == ["applied"]
    lines = [line("2", "code", code=TARO, new_code=HANA), line("3", "birth", code=HANA, **BABY), line("4", "death")]
    assert await play(register, database, *lines) == ["wrong"] * 3


async def test_an_event_of_a_day_to_come_waits_for_it_and_may_turn_out_wrong(register, database):
    ahead = [
        line("1", "move", at="2026-05-11", address="見本市2-2"),
        line("2", "move-in", at="2026-05-12", address="x"),
    ]
    assert await play(register, database, *ahead, *ahead) == ["ahead", "ahead", "known", "known"]
    assert await untold(database) == []
    for days, applied in ((0, 0), (1, 1), (2, 1), (3, 0)):
        async with database.transaction() as connection:
            assert await apply_due(register, connection, NOW, TODAY + timedelta(days=days)) == applied
    async with database.acquire() as connection:
        found = await event_store.figures(connection)
    assert (found["events"], found["ahead"], found["refused"], found["untold"]) == (1, 0, 1, 1)


async def test_who_died_is_found_no_more_and_who_left_is(register, database):
    four = Sought(items=items_of("見本 花", "見本市1-1", "2", "1990-04-01"))
    await play(register, database, line("1", "move-out"))
    assert (await match(database, four)).found is Found.ONE
    await play(register, database, line("2", "death"))
    assert (await match(database, four)).found is Found.NONE
    assert (await match(database, Sought("100000000001"))).found is Found.NONE


async def test_a_packet_holds_a_thousand_and_says_the_same_of_one_person_once(register, database):
    moves = [line(f"E{n}", "move", address=f"見本市{n}") for n in range(1, 1201)]
    await play(register, database, *moves, line("T", "move", code=TARO, address="x"))
    assert await untold(database) == [Untold(ResidentChange.ITEMS, HANA)]
    assert await untold(database) == [Untold(ResidentChange.ITEMS, HANA), Untold(ResidentChange.ITEMS, TARO)]


async def test_keys_of_a_former_notation_are_made_anew(database):
    async with database.transaction() as connection:
        await connection.execute("UPDATE resident SET form = 0, name_key = 'old', address_key = 'old'")
        assert await registry_store.renew_keys(connection, most=1) == 1
        assert await registry_store.renew_keys(connection) == 1
        assert await registry_store.renew_keys(connection) == 0
    assert (await match(database, Sought(items=items_of("見本 花", "見本市1-1", "2", "1990-04-01")))).code == HANA
