"""The words of the field: one shape each, and secret ones never show."""

from dataclasses import FrozenInstanceError
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nakadachi.terms import (
    CROCKFORD,
    JAPAN,
    AffairCode,
    InfoNameCode,
    ItemCode,
    LinkCode,
    MatchingNumber,
    NodeName,
    OrganisationCode,
    Prefix,
    ProcedureCode,
    Role,
    Serial,
    TelegramId,
    crockford,
    crockford_all,
    crockford_value,
    japan_day,
)

ORGANISATION = "9901000000000001"
SHAPES = {
    OrganisationCode: (
        ORGANISATION,
        ["", ORGANISATION[1:], ORGANISATION + "1", "990100000000000x", "９９０１０００００００００００１"],
    ),
    AffairCode: ("JM99000000180000", ["JT99000000180000", "jm99000000180000", "JM9900000018000", "JM99000000180000\n"]),
    ProcedureCode: ("JT99000000180001", ["JM99000000180001", "JT990000001800011"]),
    InfoNameCode: ("TM99000000000002", ["TM99000000000002-0001", " TM99000000000002"]),
    ItemCode: ("TM99000000000002-0001", ["TM99000000000002", "TM99000000000002-001", "TM99000000000002_0001"]),
    Serial: (
        f"{ORGANISATION}-{'7' + 'Z' * 25}",
        [ORGANISATION, f"{ORGANISATION}-{'8' * 26}", f"{ORGANISATION}-{'U' * 26}"],
    ),
    TelegramId: ("0" * 26, ["8" + "0" * 25, "0" * 25, "I" * 26, "o" * 26]),
    MatchingNumber: ("Z" * 26, ["Z" * 25, "U" * 26, "z" * 26]),
    NodeName: (
        f"core:{ORGANISATION}",
        [f"Core:{ORGANISATION}", f"auditor:{ORGANISATION}", "core:", f"core:{ORGANISATION}1"],
    ),
}


@pytest.mark.parametrize("kind", SHAPES)
def test_a_code_has_its_shape_and_no_other(kind):
    good, bad = SHAPES[kind]
    assert kind(good).value == good
    for text in (*bad, None, 7, good.encode()):
        with pytest.raises(ValueError, match=kind.__name__):
            kind(text)


@pytest.mark.parametrize("kind", SHAPES)
def test_a_code_is_equal_to_its_own_kind_only(kind):
    good, _ = SHAPES[kind]
    assert kind(good) == kind(good)
    assert hash(kind(good)) == hash(kind(good))
    assert kind(good) != good
    assert {kind(good): 1}[kind(good)] == 1


def test_two_kinds_of_one_text_are_two_codes():
    assert TelegramId("0" * 26) != MatchingNumber("0" * 26)


def test_codes_sort_by_their_text():
    codes = [OrganisationCode(f"{number:016}") for number in (3, 1, 2)]
    assert [int(code.value) for code in sorted(codes)] == [1, 2, 3]


def test_a_code_shows_itself_and_a_secret_one_does_not():
    assert str(AffairCode("JM99000000180000")) == "JM99000000180000"
    assert repr(AffairCode("JM99000000180000")) == "AffairCode('JM99000000180000')"
    for secret in (MatchingNumber("Z" * 26), LinkCode.of_bytes(b"\2" * 19)):
        assert str(secret) == f"{secret}" == "…"
        assert secret.value not in repr(secret)
        assert secret.value not in repr([secret, {"code": secret}])


@pytest.mark.parametrize("kind", [MatchingNumber, LinkCode])
def test_what_is_no_secret_code_is_not_shown_either(kind):
    with pytest.raises(ValueError, match="a value is not") as wrong:
        kind("123456789018")
    assert "123456789018" not in str(wrong.value)


def test_what_is_no_code_is_shown_shortened():
    with pytest.raises(ValueError, match="OrganisationCode") as wrong:
        OrganisationCode("x" * 5000)
    assert len(str(wrong.value)) < 200


def test_parts_of_a_code_are_codes():
    assert ItemCode("TM99000000000002-0001").information == InfoNameCode("TM99000000000002")
    assert Serial(f"{ORGANISATION}-{'0' * 26}").issuer == OrganisationCode(ORGANISATION)


@pytest.mark.parametrize("role", Role)
def test_a_nodes_name_is_its_role_and_organisation(role):
    name = NodeName.of(role, OrganisationCode(ORGANISATION))
    assert (name.value, name.role, name.organisation) == (
        f"{role.value}:{ORGANISATION}",
        role,
        OrganisationCode(ORGANISATION),
    )


@given(st.integers(0, 32**12 - 1))
def test_a_number_in_crockford_reads_back(number):
    text = crockford(number, length=12)
    assert (len(text), crockford_value(text)) == (12, number)


@pytest.mark.parametrize("text", ["I", "L", "O", "U", "a", "-", " "])
def test_a_look_alike_is_no_crockford(text):
    with pytest.raises(ValueError, match="not Crockford"):
        crockford_value(text)


@given(st.lists(st.binary(min_size=1, max_size=20), max_size=150), st.integers(1, 32))
def test_many_numbers_are_written_as_each_by_itself(numbers, length):
    each = [crockford(int.from_bytes(one, "big"), length=length) for one in numbers]
    assert crockford_all(numbers, length=length) == each


@given(st.binary(min_size=19, max_size=19))
def test_a_link_codes_bytes_read_back(raw):
    code = LinkCode.of_bytes(raw)
    assert (len(code.value), code.to_bytes()) == (32, raw)
    assert LinkCode(code.value).to_bytes() == raw


@given(
    st.text()
    | st.text(CROCKFORD + "*~$=U", min_size=31, max_size=33)
    | st.tuples(st.binary(min_size=19, max_size=19), st.integers(0, 31), st.characters()).map(
        lambda given: (code := LinkCode.of_bytes(given[0]).value)[: given[1]] + given[2] + code[given[1] + 1 :]
    )
)
def test_a_text_of_another_shape_is_no_link_code(text):
    if not LinkCode.SHAPE.fullmatch(text):
        with pytest.raises(ValueError, match="a value is not a LinkCode"):
            LinkCode(text)


@given(st.binary(min_size=19, max_size=19), st.integers(0, 30), st.sampled_from(CROCKFORD))
def test_one_mistyped_character_is_noticed(raw, at, character):
    true = LinkCode.of_bytes(raw).value
    typed = true[:at] + character + true[at + 1 :]
    if typed != true:
        with pytest.raises(ValueError, match="mistyped"):
            LinkCode(typed)


@given(st.binary(min_size=19, max_size=19), st.integers(0, 29))
def test_two_characters_swapped_are_noticed(raw, at):
    true = LinkCode.of_bytes(raw).value
    typed = true[:at] + true[at + 1] + true[at] + true[at + 2 :]
    if typed != true:
        with pytest.raises(ValueError, match="mistyped"):
            LinkCode(typed)


def test_a_text_that_holds_more_than_a_code_has_no_bytes():
    number = 1 << 152
    large = LinkCode(crockford(number, length=31) + (CROCKFORD + "*~$=U")[number % 37])
    with pytest.raises(ValueError, match="too large"):
        large.to_bytes()


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        (datetime(2026, 3, 31, 14, 59, 59, 999999, tzinfo=UTC), date(2026, 3, 31)),
        (datetime(2026, 3, 31, 15, tzinfo=UTC), date(2026, 4, 1)),
        (datetime(2026, 4, 1, 0, tzinfo=JAPAN), date(2026, 4, 1)),
        (datetime(2026, 4, 1, 23, 59, tzinfo=JAPAN), date(2026, 4, 1)),
    ],
)
def test_a_day_begins_at_midnight_in_japan(moment, day):
    assert japan_day(moment) == day


def test_a_prefix_cannot_be_changed():
    prefix = Prefix(
        OrganisationCode(ORGANISATION),
        AffairCode("JM99000000180000"),
        ProcedureCode("JT99000000180001"),
        OrganisationCode(ORGANISATION),
        InfoNameCode("TM99000000000002"),
    )
    assert prefix.items == ()
    with pytest.raises(FrozenInstanceError):
        prefix.items = ()
