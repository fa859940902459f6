"""What every key store promises, on files and on a PKCS#11 token alike."""

import hmac
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pkcs11 import ObjectClass

from nakadachi.crypto.signing import SigningKey, read_compact, sign_compact, verify
from nakadachi.kit.clock import FixedClock
from nakadachi.kit.entropy import SystemEntropy
from nakadachi.kit.key_config import KeyPlace, KeyStoreConfig, open_store
from nakadachi.kit.key_journal import Act, Outcome
from nakadachi.kit.key_journal import verify as verify_journal
from nakadachi.kit.keystore import KeyStoreError, MonthDestroyedError
from nakadachi.kit.officers import guard, new_officer
from tests.hsm import PIN, new_token

NOVEMBER = datetime(2026, 11, 20, 3, tzinfo=UTC)
SECRET = b"a secret of thirty-two bytes ..."
KINDS = ("files", "pkcs11")


class Place:
    """A node's folder, and its key store as each process would open it."""

    def __init__(self, folder, kind):
        self.folder = folder / "keys"
        self.folder.mkdir()
        self.unlock = folder / "unlock"
        self.unlock.write_bytes(b"unlocks")
        self.config = new_token(folder) if kind == "pkcs11" else KeyStoreConfig()
        self.kind = kind

    def open(self, *officers):
        config = replace(self.config, officers=officers)
        return open_store(
            KeyPlace(self.folder, self.unlock, config), SystemEntropy(), FixedClock(NOVEMBER), who="a test"
        )

    def noted(self):
        found = verify_journal(self.folder)
        assert found.problems == ()
        return [(one.act, one.key, one.outcome) for one in found.entries]


@pytest.fixture(params=KINDS)
def place(request, tmp_path):
    return Place(tmp_path, request.param)


@pytest.fixture
def officers(tmp_path):
    paths = [tmp_path / f"officer-{number}" for number in (1, 2, 3)]
    return [(path, new_officer(path, path.name, SystemEntropy())) for path in paths]


def test_a_secret_kept_is_read_again_by_the_next_process(place):
    place.open().put("log", SECRET)
    assert place.open().secret("log") == SECRET
    assert place.open().has("log")
    assert not place.open().has("another")
    assert SECRET not in b"".join(path.read_bytes() for path in place.folder.iterdir())


def test_a_key_is_never_overwritten(place):
    store = place.open()
    for name in ("log", "id-key"):
        store.put(name, SECRET)
        with pytest.raises(KeyStoreError, match=name):
            store.put(name, bytes(32))
    store.make("signing")
    public = store.signer("signing").public
    with pytest.raises(KeyStoreError, match="signing"):
        store.make("signing")
    assert place.open().secret("log") == SECRET
    assert place.open().signer("signing").public == public


def test_a_missing_key_is_named(place):
    for name, ask in (("log", "secret"), ("signing", "signer"), ("id-key", "mac"), ("staff", "mac")):
        with pytest.raises(KeyStoreError, match=name):
            getattr(place.open(), ask)(name)


def test_a_signature_verifies_under_the_public_key_wherever_the_private_one_lies(place):
    place.open().make("signing")
    signer = place.open().signer("signing")
    signed = read_compact(sign_compact(signer, b"payload", kid="core:9910000000000001"))
    assert verify(signed, signer.public) == b"payload"


def test_a_signing_key_from_elsewhere_signs_as_it_did_there(place):
    key = SigningKey.generate()
    place.open().put("signing-2", key.to_pem())
    signer = place.open().signer("signing-2")
    assert signer.public == key.public
    assert verify(read_compact(sign_compact(signer, b"payload", kid="k")), key.public) == b"payload"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20)
@given(message=st.binary(max_size=300))
def test_the_mac_is_hmac_sha_256_wherever_the_key_lies(place, message):
    store = place.open()
    for name in ("id-key", "staff"):
        if not store.has(name):
            store.put(name, SECRET)
        assert store.mac(name)(message) == hmac.digest(SECRET, message, "sha256")


def test_keys_of_a_kind_come_in_their_order(place):
    store = place.open()
    for name in ("signing", "signing-10", "signing-2", "seal-p256", "log", "log-2"):
        store.make(name)
    assert place.open().names("signing") == ["signing", "signing-2", "signing-10"]
    assert place.open().names("log") == ["log", "log-2"]
    assert set(place.open().everything()) == {"signing", "signing-10", "signing-2", "seal-p256", "log", "log-2"}


def test_a_month_has_one_key_for_all_processes(place):
    first, second = place.open(), place.open()
    wrapped = first.month(NOVEMBER).wrap(b"code", "serial")
    assert second.month(NOVEMBER).unwrap(wrapped, "serial") == b"code"
    assert place.open().months("2026-11").unwrap(wrapped, "serial") == b"code"
    assert first.month_names() == ["2026-11"]


def test_a_destroyed_month_opens_nowhere_and_the_others_do(place, tmp_path):
    running, other = place.open(), place.open()
    lost, kept = running.month(NOVEMBER), running.month(NOVEMBER + timedelta(days=20))
    lost, kept = lost.wrap(b"code", "serial"), kept.wrap(b"code", "serial")
    assert other.months("2026-11").unwrap(lost, "serial") == b"code"
    copy = tmp_path / "copy"
    shutil.copy(place.folder / "month-2026-11.key", copy)
    place.open().destroy("month-2026-11", "its time is over")
    for each in (running, other, place.open()):
        with pytest.raises(MonthDestroyedError, match="month-2026-11"):
            each.months("2026-11")
        assert each.months("2026-12").unwrap(kept, "serial") == b"code"
        assert "month-2026-11" not in each._open  # nothing of it is left in a process that runs on
    assert place.open().month_names() == ["2026-12"]
    if place.kind == "pkcs11":  # a copy of the file, put back, opens no more: the token's key is gone
        shutil.copy(copy, place.folder / "month-2026-11.key")
        with pytest.raises(KeyStoreError, match="has not the key that seals its file"):
            place.open().months("2026-11")


def test_what_is_done_with_keys_is_noted_and_the_keys_are_not(place):
    store = place.open()
    store.put("log", SECRET)
    store.make("signing")
    store.month(NOVEMBER)
    place.open().secret("log")
    store.destroy("month-2026-11", "its time is over")
    assert [one for one in place.noted() if one[0] is not Act.OPEN] == [
        (Act.IMPORT, "log", Outcome.DONE),
        (Act.MAKE, "signing", Outcome.DONE),
        (Act.MAKE, "month-2026-11", Outcome.DONE),
        (Act.USE, "month-2026-11", Outcome.DONE),
        (Act.USE, "log", Outcome.DONE),
        (Act.DESTROY, "month-2026-11", Outcome.BEGUN),
        (Act.DESTROY, "month-2026-11", Outcome.DONE),
    ]
    text = (place.folder / "journal.jsonl").read_text()
    assert SECRET.decode() not in text
    assert PIN not in text
    assert '"a test"' in text


def test_two_of_three_officers_open_the_id_key_and_one_does_not(place, officers):
    paths = [path for path, _ in officers]
    store = place.open(*paths[:2])
    sealed = store.sealer.seal("id-key", SECRET)
    store.write("id-key", guard(sealed, [one for _, one in officers], "id-key", SystemEntropy()))
    for first, second in ((0, 1), (0, 2), (1, 2)):
        mac = place.open(paths[first], paths[second]).mac("id-key")
        assert mac(b"person") == hmac.digest(SECRET, b"person", "sha256")
    for present in ([], paths[:1], [paths[0], paths[0]]):
        with pytest.raises(
            KeyStoreError, match="id-key: is under the control of two of officer-1, officer-2, officer-3"
        ):
            place.open(*present).mac("id-key")
    assert (Act.USE, "id-key", Outcome.FAILED) in place.noted()
    assert place.open().everything()["id-key"].endswith("+ officers")


def test_an_officers_device_that_is_not_there_is_named(place, tmp_path):
    with pytest.raises(KeyStoreError, match=r"nowhere: the officer's secret cannot be read .* device there"):
        place.open(tmp_path / "nowhere")
    assert place.noted() == [(Act.OPEN, "*", Outcome.FAILED)]


def test_a_store_from_before_there_were_journals_begins_one_with_what_is_there(place):
    place.open().put("log", SECRET)
    for name in ("journal.jsonl", "journal.head"):
        (place.folder / name).unlink()
    assert place.open().secret("log") == SECRET
    assert place.noted()[0] == (Act.JOURNAL, "log", Outcome.DONE)


def test_two_processes_that_begin_a_month_at_once_share_its_key_and_leave_no_second_one(place):
    first, second = place.open(), place.open()
    wrapped = first.month(NOVEMBER).wrap(b"code", "serial")
    asked, really = [], second.has

    def not_yet_then_yes(name):
        asked.append(name)
        return len(asked) > 1 and really(name)

    second.has = not_yet_then_yes  # it looked before the first one made the key
    assert second.month(NOVEMBER).unwrap(wrapped, "serial") == b"code"
    if place.kind == "pkcs11":
        kept = second._token.find(ObjectClass.SECRET_KEY, "month-2026-11")
        assert len(kept) == 1


def test_a_key_that_is_used_no_more_is_destroyed_wherever_it_lies(place):
    store = place.open()
    for name in ("signing", "signing-2", "id-key", "log"):
        store.make(name)
    store.mac("id-key")
    for name in ("signing", "id-key", "log"):
        place.open().destroy(name, "replaced")
        assert not place.open().has(name)
        with pytest.raises(KeyStoreError, match=name):
            place.open().destroy(name, "replaced")
    assert place.open().names("signing") == ["signing-2"]
    place.open().signer("signing-2").sign(b"still there")
    assert (Act.DESTROY, "signing", Outcome.DONE) in place.noted()
