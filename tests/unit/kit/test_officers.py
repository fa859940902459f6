"""Dual control: two officers open what one alone does not; an officer is changed; nothing of a secret is told."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nakadachi.kit.entropy import SeededEntropy, SystemEntropy
from nakadachi.kit.key_error import KeyStoreError
from nakadachi.kit.officers import (
    Officer,
    change_officer,
    guard,
    is_guarded,
    new_officer,
    officers_of,
    open_guarded,
    read_officer,
)

CONTENT = b"the key as the store keeps it"


def officers(count):
    return [Officer(f"officer-{number}", bytes([number]) * 32) for number in range(1, count + 1)]


def guarded(count=3):
    return guard(CONTENT, officers(count), "id-key", SeededEntropy(1))


@pytest.mark.parametrize("count", [2, 3, 4, 5])
def test_any_two_officers_open_it_and_no_single_one(count):
    raw = guarded(count)
    assert is_guarded(raw)
    assert CONTENT not in raw
    assert officers_of(raw, "id-key") == tuple(one.name for one in officers(count))
    for pair in itertools.permutations(officers(count), 2):
        assert open_guarded(raw, pair, "id-key") == CONTENT
    for one in officers(count):
        with pytest.raises(KeyStoreError, match=f"present: {one.name}. node.key_store.officers"):
            open_guarded(raw, [one, one], "id-key")
    with pytest.raises(KeyStoreError, match="present: nobody"):
        open_guarded(raw, [Officer("stranger", bytes(32))], "id-key")


def test_the_wrong_secret_of_a_known_officer_is_told_by_name_alone():
    wrong = Officer("officer-2", bytes([9]) * 32)
    with pytest.raises(KeyStoreError, match="the secret of officer-2 is not the one it was set up with") as told:
        open_guarded(guarded(), [officers(3)[0], wrong], "id-key")
    assert repr(wrong.secret) not in str(told.value)
    assert "secret" not in repr(wrong)


def test_it_is_bound_to_the_name_of_its_key():
    with pytest.raises(KeyStoreError, match="link-master: what the officers guard was changed"):
        open_guarded(guarded(), officers(2), "link-master")


def test_an_officer_is_changed_and_who_went_opens_nothing():
    new = Officer("officer-4", bytes([4]) * 32)
    first, second, third = officers(3)
    changed = change_officer(guarded(), [first, second], "id-key", gone="officer-3", new=new, entropy=SystemEntropy())
    for pair in itertools.combinations([first, second, new], 2):
        assert open_guarded(changed, pair, "id-key") == CONTENT
    with pytest.raises(KeyStoreError, match="present: officer-1"):
        open_guarded(changed, [first, third], "id-key")


def test_of_two_officers_the_one_who_goes_must_be_there():
    new = Officer("officer-3", bytes([3]) * 32)
    first, second = officers(2)
    with pytest.raises(KeyStoreError, match="present: officer-1"):
        change_officer(guarded(2), [first], "id-key", gone="officer-2", new=new, entropy=SystemEntropy())
    changed = change_officer(guarded(2), [first, second], "id-key", gone="officer-2", new=new, entropy=SystemEntropy())
    assert open_guarded(changed, [first, new], "id-key") == CONTENT


def test_a_change_that_cannot_be_is_refused():
    new, (first, second, third) = Officer("officer-4", bytes([4]) * 32), officers(3)
    for present, gone, said in (
        ([first, second], "officer-9", "is none of its officers"),
        ([first, third], "officer-3", "lacking: officer-2"),
    ):
        with pytest.raises(KeyStoreError, match=said):
            change_officer(guarded(), present, "id-key", gone=gone, new=new, entropy=SystemEntropy())


@pytest.mark.parametrize(
    ("who", "said"),
    [
        (officers(1), "needs 2 to 5"),
        (officers(6), "needs 2 to 5"),
        ([*officers(1), *officers(1)], "each with another name"),
        ([Officer("a", bytes(32)), Officer("b", bytes(32))], "have the same secret"),
    ],
)
def test_what_is_no_dual_control_is_refused(who, said):
    with pytest.raises(KeyStoreError, match=said):
        guard(CONTENT, who, "id-key", SystemEntropy())


@given(st.data())
def test_what_was_cut_or_changed_does_not_open(data):
    raw = guarded()
    at = data.draw(st.integers(20, len(raw) - 1))
    changed = raw[:at] if data.draw(st.booleans()) else bytes((*raw[:at], raw[at] ^ 1, *raw[at + 1 :]))
    opened = []
    for pair in itertools.combinations(officers(3), 2):
        try:
            opened.append(open_guarded(changed, pair, "id-key"))
        except KeyStoreError:
            opened.append(None)
    assert None in opened
    assert set(opened) <= {None, CONTENT}


def test_an_officers_file_is_the_officers_only_and_read_again(tmp_path):
    path = tmp_path / "secret"
    made = new_officer(path, "officer-1", SystemEntropy())
    assert path.stat().st_mode & 0o777 == 0o600
    assert read_officer(path) == made
    with pytest.raises(KeyStoreError, match="cannot be written"):
        new_officer(path, "officer-1", SystemEntropy())
    with pytest.raises(KeyStoreError, match="names no officer"):
        new_officer(tmp_path / "other", "Officer One", SystemEntropy())


@given(st.binary(max_size=120))
def test_any_bytes_for_an_officers_file_are_an_error_that_tells_none_of_them(tmp_path_factory, raw):
    path = tmp_path_factory.mktemp("officer") / "secret"
    path.write_bytes(raw)
    with pytest.raises(KeyStoreError) as told:
        read_officer(path)
    assert str(told.value) == f"{path}: is no officer's secret; `nakadachi keys new-officer` makes one"
