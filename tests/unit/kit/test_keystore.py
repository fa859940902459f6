"""Keys at rest: never in the clear, never overwritten, gone with their month."""

import shutil
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nakadachi.kit.entropy import SeededEntropy
from nakadachi.kit.keystore import FileKeyStore, KeyStoreError, Wrapper

NOVEMBER = datetime(2026, 11, 20, 3, tzinfo=UTC)
SECRET = b"a secret of thirty-two bytes ...."


@pytest.fixture
def store(tmp_path):
    (tmp_path / "unlock").write_bytes(b"unlocks")
    return FileKeyStore(tmp_path, tmp_path / "unlock", SeededEntropy(1))


def again(tmp_path, unlock=b"unlocks"):
    (tmp_path / "other").write_bytes(unlock)
    return FileKeyStore(tmp_path, tmp_path / "other", SeededEntropy(2))


def beside_the_journal(folder):
    return sorted(each.name for each in folder.iterdir() if not each.name.startswith("journal."))


def test_a_secret_kept_is_read_again_after_a_restart(store, tmp_path):
    store.put("log", SECRET)
    assert store.secret("log") == again(tmp_path).secret("log") == SECRET
    assert store.has("log")
    assert not store.has("another")


def test_a_key_file_is_its_owners_only_and_not_in_the_clear(store, tmp_path):
    store.put("log", SECRET)
    file = tmp_path / "log.key"
    assert file.stat().st_mode & 0o777 == 0o600
    assert SECRET not in file.read_bytes()
    assert beside_the_journal(tmp_path) == ["log.key", "unlock"]


def test_a_key_is_never_overwritten(store, tmp_path):
    store.put("log", SECRET)
    with pytest.raises(KeyStoreError, match=r"log\.key: the key cannot be kept"):
        store.put("log", b"another")
    assert again(tmp_path).secret("log") == SECRET
    assert beside_the_journal(tmp_path) == ["log.key", "other", "unlock"]


def test_a_folder_that_is_not_there_is_named(tmp_path):
    (tmp_path / "unlock").write_bytes(b"unlocks")
    store = FileKeyStore(tmp_path / "nowhere", tmp_path / "unlock", SeededEntropy(1))
    with pytest.raises(KeyStoreError, match=r"nowhere/log\.key: the key cannot be kept"):
        store.put("log", SECRET)
    with pytest.raises(KeyStoreError, match="cannot be kept"):
        store.month(NOVEMBER)


def test_the_wrong_unlocking_key_opens_nothing_and_says_so(store, tmp_path):
    store.put("log", SECRET)
    with pytest.raises(KeyStoreError, match="is the unlocking key the right one") as wrong:
        again(tmp_path, b"does not").secret("log")
    assert SECRET.decode() not in str(wrong.value)


def test_an_unlocking_key_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(KeyStoreError, match="unlock: the key that unlocks"):
        FileKeyStore(tmp_path, tmp_path / "unlock", SeededEntropy(1))


def test_a_missing_key_is_named(store):
    with pytest.raises(KeyStoreError, match=r"log\.key: the key cannot be read"):
        store.secret("log")


def test_a_key_file_under_another_name_does_not_open(store, tmp_path):
    store.put("log", SECRET)
    shutil.copy(tmp_path / "log.key", tmp_path / "documents.key")
    with pytest.raises(KeyStoreError, match="does not open"):
        store.secret("documents")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_key_file_cut_or_changed_does_not_open(store, tmp_path, data):
    if not store.has("log"):
        store.put("log", SECRET)
    whole = (tmp_path / "log.key").read_bytes()
    kind = data.draw(st.sampled_from(["cut", "bit"]))
    at = data.draw(st.integers(0, len(whole) - 1))
    changed = whole[:at] if kind == "cut" else bytes((*whole[:at], whole[at] ^ 1, *whole[at + 1 :]))
    (tmp_path / "changed").mkdir(exist_ok=True)
    (tmp_path / "changed" / "log.key").write_bytes(changed)
    with pytest.raises(KeyStoreError, match="does not open"):
        FileKeyStore(tmp_path / "changed", tmp_path / "unlock", SeededEntropy(1)).secret("log")


def test_a_month_has_one_key_over_restarts(store, tmp_path):
    wrapped = store.month(NOVEMBER).wrap(b"code", "serial")
    assert store.month(NOVEMBER).name == "2026-11"
    assert again(tmp_path).months("2026-11").unwrap(wrapped, "serial") == b"code"
    assert again(tmp_path).month(NOVEMBER).unwrap(wrapped, "serial") == b"code"


@pytest.mark.parametrize(
    ("moment", "name"),
    [
        (datetime(2026, 10, 31, 14, 59, 59, tzinfo=UTC), "2026-10"),
        (datetime(2026, 10, 31, 15, 0, tzinfo=UTC), "2026-11"),
        (datetime(2026, 11, 1, 0, 0, tzinfo=timezone(timedelta(hours=9))), "2026-11"),
    ],
)
def test_a_month_is_one_of_japans_calendar(store, moment, name):
    assert store.month(moment).name == name


def test_a_destroyed_month_opens_no_more_and_the_others_do(store, tmp_path):
    november, december = store.month(NOVEMBER), store.month(NOVEMBER + timedelta(days=20))
    lost, kept = november.wrap(b"code", "serial"), december.wrap(b"code", "serial")
    (tmp_path / "month-2026-11.key").unlink()
    # Neither the running store, which had it open, nor a new one.
    for each in (store, again(tmp_path)):
        with pytest.raises(KeyStoreError, match=r"month-2026-11\.key: the key cannot be read"):
            each.months("2026-11")
        assert each.months("2026-12").unwrap(kept, "serial") == b"code"
    # A new key of the same month does not bring back what the old one wrapped.
    with pytest.raises(KeyStoreError, match="2026-11 does not open"):
        store.month(NOVEMBER).unwrap(lost, "serial")


def test_two_processes_that_begin_a_month_share_its_key(store, tmp_path):
    other = again(tmp_path)
    asked = []

    def first_no_then_yes(name):
        asked.append(name)
        return len(asked) > 1

    wrapped = other.month(NOVEMBER).wrap(b"code", "serial")
    store.has = first_no_then_yes
    assert store.month(NOVEMBER).unwrap(wrapped, "serial") == b"code"


def test_what_is_wrapped_belongs_to_one_thing_only(store):
    wrapper = store.month(NOVEMBER)
    wrapped = wrapper.wrap(b"code", "serial 1")
    assert wrapper.unwrap(wrapped, "serial 1") == b"code"
    assert b"code" not in wrapped
    with pytest.raises(KeyStoreError, match="does not open"):
        wrapper.unwrap(wrapped, "serial 2")


def test_wrapping_twice_shows_no_likeness(store):
    wrapper = store.month(NOVEMBER)
    assert wrapper.wrap(b"code", "serial") != wrapper.wrap(b"code", "serial")


@given(st.binary(max_size=80))
def test_any_other_bytes_are_refused(raw):
    with pytest.raises(KeyStoreError, match="2026-11 does not open"):
        Wrapper("2026-11", bytes(32), SeededEntropy(1)).unwrap(raw, "serial")


def test_the_keys_of_a_kind_come_in_their_order_and_no_other_kind_is_among_them(store):
    for name in ("signing-10", "signing", "signing-2", "signing-card", "signings", "seal-default"):
        store.put(name, bytes(32))
    assert store.names("signing") == ["signing", "signing-2", "signing-10"]
    assert store.names("witness") == []
