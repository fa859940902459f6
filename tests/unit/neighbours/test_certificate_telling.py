"""What the certification service is to be told: queued with the event or not at all, and kept until it was heard."""

from datetime import UTC, date, datetime

import pytest

from nakadachi.kit.database import Database
from nakadachi.kit.entropy import SeededEntropy
from nakadachi.kit.keystore import FileKeyStore
from nakadachi.kit.migrations import migrate, read_migrations
from nakadachi.neighbours import certificate_store, event_store, registry_store
from nakadachi.neighbours.certificate_telling import (
    AT_ONCE,
    CertificateTelling,
    holder_of_person,
    holder_secret,
)
from nakadachi.neighbours.individual_numbers import IndividualNumbers
from nakadachi.neighbours.jpki.client import ClientConfig, JpkiError
from nakadachi.neighbours.jpki.rules import Change
from nakadachi.neighbours.numbers import ResidentCodeFormula
from nakadachi.neighbours.register import Register, apply_due, apply_lines
from nakadachi.neighbours.registry_store import Entry
from nakadachi.terms import NodeName

NOW, TODAY = datetime(2026, 5, 10, 3, tzinfo=UTC), date(2026, 5, 10)
HANA, TARO, NEW, NEWER = (ResidentCodeFormula().complete(f"{body:010}").value for body in range(1, 5))
SECRET = bytes(32)
BABY = {"name": "見本 芽", "kana": "ミホン メイ", "address": "見本市1-1", "sex": "2"}


@pytest.fixture
async def database(tenant_dsn):
    opened = await Database.open(tenant_dsn, max_size=2)
    await migrate(opened, read_migrations("nakadachi.neighbours", part="registry"))
    async with opened.transaction() as connection:
        people = [(HANA, "100000000001", "見本 花", "2"), (TARO, "100000000002", "見本 太郎", "1")]
        entries = [Entry(code, number, name, "見本市1-1", int(sex), "1990-04-01") for code, number, name, sex in people]
        await registry_store.register(connection, entries)
    yield opened
    await opened.close()


def register(holders=SECRET):
    return Register(IndividualNumbers(bytes(range(32))), SeededEntropy(1), holders=holders)


def line(event, kind, code=HANA, at="2026-05-01", **says):
    return {"event": event, "kind": kind, "at": at, "code": code, **says}


async def play(database, *lines, by=None):
    async with database.transaction() as connection:
        return [one.state for one in await apply_lines(by or register(), connection, lines, NOW, TODAY)]


async def waiting(database):
    async with database.acquire() as connection:
        return await certificate_store.next_ones(connection, 1000)


async def person(database, code):
    async with database.acquire() as connection:
        return await certificate_store.person_of(connection, code)


async def test_events_queue_what_certificates_depend_on_in_order_with_the_persons_own_number(database):
    lines = [
        line("1", "move", address="見本市2-2"),
        line("2", "code", new_code=NEW),
        line("3", "name", NEW, name="例 花", kana="レイ ハナ"),
        line("4", "correction", TARO, sex="2", born="1990-04-02", kana="x"),
        line("5", "birth", NEWER, **BABY),
        line("6", "death", NEWER),
        line("7", "number", TARO),
    ]
    assert await play(database, *lines) == ["applied"] * 7
    hana, taro, baby = [await person(database, code) for code in (NEW, TARO, NEWER)]
    assert len({hana, taro, baby, None}) == 4
    assert await person(database, HANA) == hana
    assert [(one.event, one.person, one.change) for one in await waiting(database)] == [
        ("1", hana, Change.ADDRESS),
        ("3", hana, Change.NAME),
        ("4", taro, Change.SEX),
        ("4", taro, Change.BORN),
        ("6", baby, Change.DEATH),
        ("7", taro, Change.CARD_GONE),
    ]
    async with database.acquire() as connection:
        assert (await event_store.figures(connection))["certificates"] == 6


async def test_nothing_is_queued_of_events_that_had_no_effect_or_where_nobody_is_to_hear(database):
    move = line("1", "move", address="見本市2-2")

    async def break_off():
        async with database.transaction() as connection:
            await apply_lines(register(), connection, [move], NOW, TODAY)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await break_off()
    assert await play(database, line("2", "death", NEW), line("3", "death-undone")) == ["wrong"] * 2
    assert await play(database, move, by=register(None)) == ["applied"]
    assert await play(database, move) == ["known"]
    assert await waiting(database) == []


async def test_an_event_of_a_day_to_come_is_queued_on_that_day(database):
    assert await play(database, line("1", "death", at="2026-05-11")) == ["ahead"]
    assert await waiting(database) == []
    async with database.transaction() as connection:
        assert await apply_due(register(), connection, NOW, date(2026, 5, 11)) == 1
    assert [one.change for one in await waiting(database)] == [Change.DEATH]


class Heard:
    """A service that hears packets until its line breaks off."""

    def __init__(self, packets):
        self.heard, self.packets = [], packets

    async def resident_changed(self, changes):
        if len(self.heard) == self.packets:
            raise JpkiError("接続できません / no connection")
        self.heard.append(changes)
        return 0


async def test_what_was_heard_leaves_the_queue_packet_by_packet_and_the_rest_stays(database, tmp_path):
    moves = [line(f"{place}", "move", address=f"見本市{place}-2") for place in range(1, AT_ONCE + 4)]
    assert await play(database, *moves) == ["applied"] * len(moves)
    config = ClientConfig("https://127.0.0.1:1", *(tmp_path / name for name in ("crt", "key", "ca")))
    telling = CertificateTelling(database, config, SECRET, 3600, NodeName("registry:9913000000000001"))
    first = Heard(1)
    with pytest.raises(JpkiError):
        await telling._tell(first)
    assert [one.event for one in await waiting(database)] == [f"{place}" for place in range(AT_ONCE + 1, AT_ONCE + 4)]
    assert {one.holder for one in first.heard[0]} == {holder_of_person(SECRET, await person(database, HANA))}
    second = Heard(2)
    assert await telling._tell(second) == 3
    assert await waiting(database) == []
    numbers = [one.event for packet in (*first.heard, *second.heard) for one in packet]
    assert len(set(numbers)) == len(moves)
    # No certificate, no key: nothing can be told, and nothing that waits is lost by trying.
    await play(database, line("x", "death"))
    assert await telling.turn() == 0
    assert len(await waiting(database)) == 1


def test_the_key_of_the_references_is_made_once(tmp_path):
    (tmp_path / "unlock").write_bytes(b"u" * 32)
    keys = FileKeyStore(tmp_path, tmp_path / "unlock", SeededEntropy(1))
    first = holder_secret(keys, SeededEntropy(2))
    assert holder_secret(keys, SeededEntropy(3)) == first
    assert len(first) == 32
