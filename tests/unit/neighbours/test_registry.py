"""The registry organisation's stand-in: exactly one resident or none is told, and never who."""

import json
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nakadachi.crypto.signing import SigningKey
from nakadachi.kit.author import Author, Enclosure
from nakadachi.kit.clock import FixedClock
from nakadachi.kit.config import ConfigError
from nakadachi.kit.database import Database
from nakadachi.kit.entropy import SeededEntropy
from nakadachi.kit.migrations import migrate, read_migrations
from nakadachi.kit.unit import Asked, Unit
from nakadachi.neighbours import registry_store as store
from nakadachi.neighbours.matching import Found, Match, Sought
from nakadachi.neighbours.registry import Registry, read_person, read_residents, request_link_codes
from nakadachi.neighbours.registry_store import Entry
from nakadachi.refusal import Reason, Refusal
from nakadachi.telegrams.code import IssueLinkCode, RequestLinkCode
from nakadachi.telegrams.codec import decode_envelope, decode_frame
from nakadachi.telegrams.envelope import Lane, Refused
from nakadachi.terms import NodeName

NOW = datetime(2026, 4, 1, 1, tzinfo=UTC)
SERVER, REGISTRY = NodeName("intermediate:9901000000000001"), NodeName("registry:9913000000000001")
CORE = NodeName("core:9910000000000001")
BORN = "1990-04-01"
# Generated people: a twin shares all four items.
HANAKO = Entry("10000000001", "100000000001", "見本 花子", "見本市１－２－３", 2, BORN)
TARO = Entry("10000000002", "100000000002", "見本 太郎", "見本市１－２－３", 1, BORN)
TWINS = [Entry(f"1000000001{n}", f"10000000001{n}", "双子 一", "見本市4", 1, BORN) for n in (1, 2)]


def items(name="見本 花子", address="見本市１－２－３", sex="2", born="1990-04-01"):
    return {"name": name, "address": address, "sex": sex, "born": born}


@pytest.fixture
async def database(tenant_dsn):
    opened = await Database.open(tenant_dsn, max_size=2)
    await migrate(
        opened,
        read_migrations("nakadachi.neighbours", part="registry"),
        read_migrations("nakadachi.neighbours", part="issuance", folder="issuance_sql"),
    )
    async with opened.transaction() as connection:
        await store.register(connection, [HANAKO, TARO, *TWINS])
    yield opened
    await opened.close()


@pytest.fixture
def registry():
    author = Author(REGISTRY, SigningKey.from_scalar(2), FixedClock(NOW), SeededEntropy(2))
    peers = SimpleNamespace(core=lambda: CORE, url=lambda _: "https://core.example")
    return Registry(author, SimpleNamespace(peers=peers))


def request(*people, lane=Lane.INTERACTIVE):
    author = Author(SERVER, SigningKey.from_scalar(1), FixedClock(NOW), SeededEntropy(1))
    parts = []
    for item, person in enumerate(people):
        raw = person if isinstance(person, bytes) else json.dumps(person).encode()
        parts.append(Enclosure("matching number", f"{item:026}".encode(), item=item, personal=True))
        parts.append(Enclosure("person", raw, item=item, personal=True))
    return author.write(RequestLinkCode, to=REGISTRY, parts=parts, count=len(people), lane=lane)


async def ask(database, registry, *telegrams):
    """The answers, and what goes to the core."""
    async with database.transaction() as connection:
        unit = Unit(connection, NOW)
        replies = await request_link_codes(registry, unit, [Asked(telegram, {}) for telegram in telegrams])
    return replies, unit.outgoing


async def outcomes(database, registry, *people):
    ((reply,), _) = await ask(database, registry, request(*people))
    return reply.header.outcomes


NOBODY = [
    items(name="見本 花江"),
    items(address="見本市１－２－４"),
    items(sex="1"),
    items(sex="9"),
    items(born="1990-04-02"),
    {"individual_number": "100000000009"},
    {"individual_number": ""},
]


async def test_all_four_items_or_the_number_find_exactly_one(database, registry):
    assert await outcomes(database, registry, items(), {"individual_number": TARO.number}) == (None, None)


@pytest.mark.parametrize("person", NOBODY, ids=str)
async def test_one_item_that_differs_finds_nobody(database, registry, person):
    assert await outcomes(database, registry, person) == (Reason.NOT_REGISTERED,)


async def test_of_several_nobody_is_told(database, registry):
    twin = items("双子 一", "見本市4", "1")
    replies, outgoing = await ask(database, registry, request(twin))
    none, _ = await ask(database, registry, request(NOBODY[0]))
    # The answer does not even say whether there are several or none.
    assert replies[0].header.outcomes == none[0].header.outcomes == (Reason.NOT_REGISTERED,)
    assert outgoing == []
    assert await outcomes(database, registry, {"individual_number": TWINS[0].number}) == (None,)


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("見本花子", "見本市1-2-3"),
        ("見本　花子", "見本市１－２－３"),
        (" 見本 花子 ", "見本市 1-2-3"),
        ("見本\t花子", "見本市1－2－3"),
    ],
)
async def test_another_notation_is_the_same_person(database, registry, name, address):
    assert await outcomes(database, registry, items(name, address)) == (None,)


async def test_the_core_gets_the_codes_of_those_found_and_the_request_without_the_people(database, registry):
    telegram = request(NOBODY[0], items(), {"individual_number": TARO.number}, lane=Lane.BULK)
    ((reply,), (entry,)) = await ask(database, registry, telegram)
    assert reply.header.outcomes == (Reason.NOT_REGISTERED, None, None)
    assert (entry.to, entry.url, entry.lane) == (CORE, "https://core.example", Lane.BULK)
    (issue,) = entry.telegrams
    assert isinstance(issue.header, IssueLinkCode)
    assert issue.header.found == (1, 2)
    assert issue.part("resident record code", 1) == HANAKO.code.encode()
    assert issue.part("resident record code", 2) == TARO.code.encode()
    enclosed = decode_envelope(issue.part("request"))
    assert enclosed.header == telegram.header
    assert [content is None for content in enclosed.envelope.parts] == [False, True] * 3
    assert decode_frame(entry.frame)[0].header == issue.header
    for told in ("花子".encode(), HANAKO.number.encode(), TARO.number.encode(), b"1990"):
        assert told not in entry.frame


async def test_where_nobody_was_found_the_core_is_not_asked(database, registry):
    _, outgoing = await ask(database, registry, request(NOBODY[0]))
    assert outgoing == []


async def test_each_request_of_several_is_answered_for_itself(database, registry):
    replies, outgoing = await ask(database, registry, request(items()), request(b"[]"), request(NOBODY[0]))
    assert replies[0].header.outcomes == (None,)
    assert isinstance(replies[1], Refusal)
    assert replies[2].header.outcomes == (Reason.NOT_REGISTERED,)
    assert not any(isinstance(one, Refused) for one in outgoing)
    assert len(outgoing) == 1


def bad(raw):
    with pytest.raises(Refusal) as refused:
        read_person(raw)
    assert refused.value.reason is Reason.BAD_FORMAT
    return str(refused.value)


@pytest.mark.parametrize(
    "words",
    [
        {},
        {"name": "見本 花子"},
        {key: word for key, word in items().items() if key != "sex"},
        items(born="1990-13-01"),
        items(born=""),
        items(sex=""),
        items(sex="12"),
        items(sex="-1"),
        items(sex="99999999999"),
        items(sex="x"),
        items(name="見本\0花子"),
        {"individual_number": "1\0"},
        {"individual_number": 100000000001},
        [],
        "text",
    ],
    ids=str,
)
def test_what_describes_nobody_is_of_a_bad_format_and_not_repeated(words):
    said = bad(json.dumps(words).encode())
    assert "花子" not in said
    assert "100000000001" not in said


@given(st.binary(max_size=60))
def test_any_bytes_describe_somebody_or_are_refused(raw):
    reason = sought = None
    try:
        sought = read_person(raw)
    except Refusal as refusal:
        reason = refusal.reason
    assert reason is Reason.BAD_FORMAT or isinstance(sought, Sought)


def test_who_is_sought_shows_in_no_repr():
    for one in (read_person(json.dumps(items()).encode()), HANAKO, Sought(number="100000000001")):
        assert "花子" not in repr(one)
        assert "10000000000" not in repr(one)


def test_residents_come_from_a_file_as_they_are_written(tmp_path):
    file = tmp_path / "residents.csv"
    file.write_text(
        "code,number,name,address,sex,born\n10000000001,100000000001,見本 花子,見本市１－２－３,2,平成2年4月1日\n",
        encoding="utf-8",
    )
    assert list(read_residents(file)) == [HANAKO]


HEADER = "code,number,name,address,sex,born\n"


@pytest.mark.parametrize(
    "text",
    [
        "code,number\n1,2\n",
        HEADER + "1,2,花子,b,x,1990-04-01\n",
        HEADER + "1,2\n",
        HEADER + "1,2,花子,b,1\n",
        HEADER + "1,2,花子\0,b,1,1990-04-01\n",
        HEADER + "1,2,花子,b,9999999999,1990-04-01\n",
        HEADER + f"1,2,花子,{'b' * 140_000},1,1990-04-01\n",
    ],
)
def test_a_file_of_something_else_is_named_and_not_repeated(tmp_path, text):
    file = tmp_path / "residents.csv"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"residents\.csv: not a file of residents") as wrong:
        list(read_residents(file))
    assert "花子" not in str(wrong.value)
    with pytest.raises(ConfigError, match="nowhere"):
        list(read_residents(tmp_path / "nowhere"))


async def test_residents_are_registered_some_at_a_time_however_many_there_are(database, monkeypatch):
    monkeypatch.setattr(store, "AT_ONCE", 2)
    fresh = (Entry(f"2000000000{one}", f"20000000000{one}", "見本", f"見本市{one}番", 1, BORN) for one in range(5))
    async with database.transaction() as connection:
        before = await store.count(connection)
        await store.register(connection, fresh)
        assert await store.count(connection) == before + 5


async def test_a_resident_known_before_is_left_as_they_are(database):
    async with database.transaction() as connection:
        await store.register(connection, [Entry(HANAKO.code, "100000000099", "x", "y", 1, BORN)])
        assert await store.count(connection) == 4
        assert await store.match(connection, [Sought(HANAKO.number), Sought("100000000099")]) == [
            Match(Found.ONE, HANAKO.code),
            Match(Found.NONE),
        ]
