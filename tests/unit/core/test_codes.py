"""ID codes and link codes: the same person is the same code again, and no code passes that was not made here."""

import functools
import hashlib
import hmac

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nakadachi.core.codes import IdCode, Meaning, ReversibleScheme, id_code_of, id_codes_by, link_key
from nakadachi.refusal import Reason, Refusal
from nakadachi.terms import CROCKFORD_CHECK, LinkCode, OrganisationCode

MASTER = bytes(range(32))
A = OrganisationCode("0000000000000001")
B = OrganisationCode("0000000000000002")
PERSON = IdCode(b"0123456789")


def keys_of(organisation, key_index):
    if key_index > 3:
        raise LookupError(key_index)
    return link_key(MASTER, organisation, key_index)


SCHEME = ReversibleScheme(keys_of)


def issue(id_code, organisation, key_index, generation, scheme=SCHEME):
    return scheme.issue_one(Meaning(organisation, id_code, key_index, generation))


def reason_of(code, organisation=A, scheme=SCHEME):
    with pytest.raises(Refusal) as refused:
        scheme.read_one(code, organisation)
    assert str(code.value) not in str(refused.value)
    return refused.value.reason


def test_an_id_code_is_80_bits_of_the_mac_of_the_resident_record_code():
    expected = hmac.new(MASTER, b"12345678903", hashlib.sha256).digest()[:10]
    assert id_code_of(MASTER, "12345678903") == IdCode(expected)


def test_many_id_codes_are_those_of_each_by_whatever_computes_the_mac():
    codes = ["12345678903", "22897480992"]
    mac = functools.partial(hmac.digest, MASTER, digest="sha256")
    assert id_codes_by(mac, codes) == [id_code_of(MASTER, one) for one in codes]


def test_an_id_code_does_not_show():
    assert repr(PERSON) == "IdCode()"


@pytest.mark.parametrize("code", ["", "1234567890", "123456789012", "1234567890x", "１２３４５６７８９０３"])
def test_only_eleven_digits_are_a_resident_record_code(code):
    with pytest.raises(ValueError, match="is 11 digits"):
        id_code_of(MASTER, code)


def test_the_cores_keys_have_32_bytes():
    with pytest.raises(ValueError, match="32 bytes, not 31"):
        id_code_of(bytes(31), "12345678903")
    with pytest.raises(ValueError, match="32 bytes, not 16"):
        link_key(bytes(16), A, 0)
    with pytest.raises(ValueError, match="32 bytes, not 16"):
        issue(PERSON, A, 0, 0, ReversibleScheme(lambda _organisation, _index: bytes(16)))


def test_an_id_code_has_ten_bytes():
    with pytest.raises(ValueError, match="10 bytes, not 9"):
        IdCode(bytes(9))


@settings(max_examples=100)
@given(st.binary(min_size=10, max_size=10), st.integers(0, 3), st.integers(0, 255))
def test_a_link_code_stands_for_its_person_key_and_generation(raw, key_index, generation):
    code = issue(IdCode(raw), A, key_index, generation)
    assert SCHEME.read_one(code, A) == Meaning(A, IdCode(raw), key_index, generation)


def test_a_link_code_starts_with_its_scheme_and_key_index():
    assert issue(PERSON, A, 3, 0).to_bytes()[:3] == b"\x02\x00\x03"


def test_a_person_has_another_code_at_each_organisation_key_and_generation():
    codes = [issue(PERSON, A, 0, 0), issue(PERSON, B, 0, 0), issue(PERSON, A, 1, 0)]
    codes.append(issue(PERSON, A, 0, 1))
    assert len(set(codes)) == 4


def test_a_foreign_code_is_not_read():
    assert reason_of(issue(PERSON, B, 0, 0)) is Reason.CODE_NOT_ISSUED


@settings(max_examples=150)
@given(st.integers(0, 151))
def test_no_code_with_a_changed_bit_is_read(bit):
    raw = int.from_bytes(issue(PERSON, A, 0, 0).to_bytes(), "big") ^ 1 << bit
    assert reason_of(LinkCode.of_bytes(raw.to_bytes(19, "big"))) is Reason.CODE_NOT_ISSUED


@given(st.binary(min_size=16, max_size=16))
def test_no_made_up_code_is_read(block):
    assert reason_of(LinkCode.of_bytes(b"\x02\x00\x01" + block)) is Reason.CODE_NOT_ISSUED


def test_a_code_of_an_unknown_key_is_not_read():
    assert reason_of(LinkCode.of_bytes(b"\x02\xff\xff" + bytes(16))) is Reason.CODE_NOT_ISSUED


def test_a_code_of_another_scheme_is_not_read():
    assert reason_of(LinkCode.of_bytes(b"\x03" + bytes(18))) is Reason.CODE_NOT_ISSUED


def test_a_code_that_is_too_large_is_not_read():
    # 31 characters hold 155 bits, three more than a link code's bytes.
    largest = LinkCode("Z" * 31 + CROCKFORD_CHECK[(2**155 - 1) % 37])
    assert reason_of(largest) is Reason.CODE_NOT_ISSUED


@pytest.mark.parametrize("generation", [-1, 256])
def test_a_generation_is_one_byte(generation):
    with pytest.raises(ValueError, match="0 to 255"):
        issue(PERSON, A, 0, generation)


@pytest.mark.parametrize("key_index", [-1, 65_536])
def test_a_key_index_is_two_bytes(key_index):
    with pytest.raises(ValueError, match="0 to 65535"):
        issue(PERSON, A, key_index, 0)
    with pytest.raises(ValueError, match="0 to 65535"):
        link_key(MASTER, A, key_index)


def test_no_code_is_issued_under_a_key_that_does_not_exist():
    with pytest.raises(LookupError):
        issue(PERSON, A, 9, 0)


def test_keys_are_asked_for_once_and_not_kept_without_limit():
    asked = []

    def keys(organisation, key_index):
        asked.append((organisation, key_index))
        return link_key(MASTER, organisation, key_index)

    scheme = ReversibleScheme(keys, cached=2)
    for key_index in (0, 0, 1, 1, 2, 2, 0):
        issue(PERSON, A, key_index, 0, scheme)
    assert [key_index for _, key_index in asked] == [0, 1, 2, 0]
