"""The commands about keys: what is made, taken in, guarded, tested, destroyed, and what is told when it cannot be."""

import json

import pytest

from nakadachi.kit.entropy import SystemEntropy
from nakadachi.kit.key_journal import Act, verify
from nakadachi.kit.keystore import FileKeyStore

NODE = """
existing = ["desk"]
[node]
name = "intermediate:9901000000000003"
listen = "127.0.0.1:0"
database = "database"
certificate = "tls.crt"
key = "tls.key"
authority = "authority.crt"
keys = "keys"
unlock = "unlock"
lawbook = "lawbook.note"
directory = "directory.note"
trust_core = "x"
trust_commission = "x"
"""


@pytest.fixture
def config(tmp_path):
    (tmp_path / "keys").mkdir()
    (tmp_path / "unlock").write_bytes(b"unlocks")
    path = tmp_path / "node.toml"
    path.write_text(NODE)
    return path


@pytest.fixture
def store(config):
    return FileKeyStore(config.parent / "keys", config.parent / "unlock", SystemEntropy())


def acts(config):
    verdict = verify(config.parent / "keys")
    assert verdict.problems == ()
    return [(one.act, one.key) for one in verdict.entries]


def test_an_empty_store_and_no_month_are_told_as_such(nakadachi, config):
    assert "this key store has no key yet" in nakadachi("keys", "list", "--config", config).stdout
    assert "no month has a key yet" in nakadachi("keys", "months", "--config", config).stdout


def test_a_new_key_is_made_and_what_others_must_know_is_printed(nakadachi, config, store):
    made = nakadachi("keys", "make", "--config", config, "--name", "signing-2", "--operator", "operator 7")
    assert made.exit_code == 0
    assert made.stdout.splitlines()[-1] == store.signer("signing-2").public.spki
    sealing = nakadachi("keys", "make", "--config", config, "--name", "seal-p256-2").stdout
    assert len(sealing.splitlines()) == 2
    assert len(nakadachi("keys", "make", "--config", config, "--name", "log-2").stdout.splitlines()) == 1
    again = nakadachi("keys", "make", "--config", config, "--name", "log-2")
    assert (again.exit_code, "log-2.key: the key cannot be kept" in again.stderr) == (2, True)
    assert {one.who for one in verify(config.parent / "keys").entries if one.key == "signing-2"} >= {"operator 7"}


def test_all_keys_of_a_new_node_are_made_at_once(nakadachi, config, store):
    made = nakadachi("keys", "make", "--config", config)
    assert made.exit_code == 0
    assert set(store.everything()) == {"signing", "staff", "seal-default", "seal-strict", "seal-p256"}
    assert store.signer("signing").public.spki in made.stdout
    assert "none is lacking" in nakadachi("keys", "make", "--config", config).stdout


def test_a_name_that_is_no_key_is_refused(nakadachi, config):
    for name in ("../unlock", " ", "a/b", ".hidden", "Log"):
        refused = nakadachi("keys", "make", "--config", config, "--name", name)
        assert (refused.exit_code, "names no key" in refused.stderr) == (2, True), refused.output
    assert sorted(path.name for path in config.parent.iterdir()) == ["keys", "node.toml", "unlock"]


def test_keys_are_taken_in_once_and_tested(nakadachi, config, store, tmp_path):
    (tmp_path / "old").mkdir()
    (tmp_path / "old-unlock").write_bytes(b"another")
    old = FileKeyStore(tmp_path / "old", tmp_path / "old-unlock", SystemEntropy())
    for name in ("signing", "staff", "month-2026-11"):
        old.make(name)
    words = ("keys", "import", "--config", config, "--from", tmp_path / "old", "--unlock", tmp_path / "old-unlock")
    assert "3 keys" in nakadachi(*words).stdout
    assert "0 keys" in nakadachi(*words).stdout
    assert store.secret("staff") == old.secret("staff")
    assert (Act.EXPORT, "staff") in [(one.act, one.key) for one in verify(tmp_path / "old").entries]
    assert (Act.IMPORT, "staff") in acts(config)
    assert nakadachi("keys", "test", "--config", config).exit_code == 0
    (config.parent / "keys" / "staff.key").write_bytes(b"?")
    wrong = nakadachi("keys", "test", "--config", config)
    assert (wrong.exit_code, "wrong staff:" in wrong.stdout) == (1, True)
    own = nakadachi(*words[:4], "--from", config.parent / "keys", "--unlock", config.parent / "unlock")
    assert (own.exit_code, "is the folder of this very store" in own.stderr) == (2, True)


def test_the_journal_is_shown_with_its_head_and_a_change_ends_with_1(nakadachi, config, store):
    store.make("staff")
    shown = nakadachi("keys", "log", "--config", config)
    assert (shown.exit_code, "verified" in shown.stdout, "staff" in shown.stdout) == (0, True, True)
    head = next(line for line in shown.stdout.splitlines() if line.startswith("head: ")).removeprefix("head: ")
    store.make("seal-p256")
    assert nakadachi("keys", "log", "--config", config, "--head", head).exit_code == 0
    journal = config.parent / "keys" / "journal.jsonl"
    journal.write_bytes(journal.read_bytes().splitlines(keepends=True)[0])
    cut = nakadachi("keys", "log", "--config", config)
    assert (cut.exit_code, "lines were cut" in " ".join(cut.stderr.split())) == (1, True)
    journal.write_bytes(journal.read_bytes().replace(b'"staff"', b'"stiff"'))
    assert nakadachi("keys", "log", "--config", config, "--head", head).exit_code == 1


def test_a_key_that_nobody_recorded_is_found(nakadachi, config, store):
    store.make("staff")
    (config.parent / "keys" / "copied.key").write_bytes((config.parent / "keys" / "staff.key").read_bytes())
    found = nakadachi("keys", "log", "--config", config)
    assert (found.exit_code, "copied.key is not on record" in found.stderr) == (1, True)


def test_a_month_goes_when_its_name_is_typed(nakadachi, config, store):
    store.make("month-2019-03")
    store.make("month-2026-11")
    destroy = ("keys", "destroy", "--config", config, "--month")
    assert nakadachi(*destroy, "2019-03", given="2026-11\n").exit_code == 2
    assert nakadachi(*destroy, "2026-11", given="2026-11\n").exit_code == 2
    assert nakadachi(*destroy, "2019-04", given="2019-04\n").exit_code == 2
    assert store.month_names() == ["2019-03", "2026-11"]
    done = nakadachi(*destroy, "2019-03", "--operator", "operator 7", given="2019-03\n")
    assert (done.exit_code, "destroyed: 2019-03" in done.stdout) == (0, True), done.output
    assert store.month_names() == ["2026-11"]
    listed = nakadachi("keys", "months", "--config", config).stdout
    assert "destroyed" in next(line for line in listed.splitlines() if line.split()[:1] == ["2019-03"])
    assert "operator 7" in listed
    assert json.loads((config.parent / "keys" / "journal.jsonl").read_text().splitlines()[-2])["act"] == "destroy"


def test_a_key_is_put_under_officers_one_is_changed_and_what_is_lacking_is_told(nakadachi, config, store, tmp_path):
    store.make("id-key")
    devices = [tmp_path / f"device-{number}" for number in (1, 2, 3)]
    for number, device in enumerate(devices, start=1):
        assert nakadachi("keys", "new-officer", "--to", device, "--name", f"officer-{number}").exit_code == 0
    first, second, third = (("--officer", device) for device in devices)
    guard = ("keys", "guard", "--config", config)
    alone = nakadachi(*guard, *first)
    assert (alone.exit_code, "needs 2 to 5" in alone.stderr) == (2, True)
    done = nakadachi(*guard, *first, *second)
    assert (done.exit_code, "opens with any two of: officer-1, officer-2" in done.stdout) == (0, True), done.output
    assert nakadachi(*guard, *first, *second).exit_code == 2
    test = ("keys", "test", "--config", config)
    assert [nakadachi(*test, *who).exit_code for who in ((), first, (*first, *second))] == [1, 1, 0]
    change = ("keys", "change-officer", "--config", config, "--gone", "officer-1", "--new", devices[2])
    assert nakadachi(*change, *second).exit_code == 2
    assert nakadachi(*change, *first, *second).exit_code == 0
    assert [nakadachi(*test, *who).exit_code for who in ((*first, *second), (*second, *third))] == [1, 0]
    assert (Act.CHANGE_OFFICER, "id-key") in acts(config)
    leftover = {path.name for path in (config.parent / "keys").iterdir()}
    assert leftover == {"id-key.key", "journal.head", "journal.jsonl"}


def test_a_key_that_does_not_open_is_not_hidden_under_officers(nakadachi, config, tmp_path):
    (config.parent / "keys" / "id-key.key").write_bytes(b"?" * 60)
    devices = [tmp_path / f"device-{number}" for number in (1, 2)]
    for number, device in enumerate(devices, start=1):
        nakadachi("keys", "new-officer", "--to", device, "--name", f"officer-{number}")
    words = [word for device in devices for word in ("--officer", device)]
    refused = nakadachi("keys", "guard", "--config", config, *words)
    assert (refused.exit_code, "does not open with the unlocking key" in refused.stderr) == (2, True)
    plain = nakadachi("keys", "change-officer", "--config", config, "--gone", "a", "--new", devices[0], *words)
    assert (plain.exit_code, "is not under the control of officers" in plain.stderr) == (2, True)


def test_another_key_is_destroyed_by_name_with_a_reason(nakadachi, config, store):
    store.make("signing")
    destroy = ("keys", "destroy", "--config", config)
    for words, said in (
        ((), "give either --month"),
        (("--month", "2019-03", "--name", "signing"), "give either --month"),
        (("--name", "month-2019-03"), "give either --month"),
        (("--name", "signing"), "say why"),
        (("--name", "staff", "--force", "replaced"), "there is no key staff"),
        (("--name", "signing", "--force", "replaced", "--confirm", "staff"), "nothing was destroyed"),
    ):
        refused = nakadachi(*destroy, *words)
        assert (refused.exit_code, said in refused.stderr) == (2, True), refused.output
    assert store.has("signing")
    assert nakadachi(*destroy, "--name", "signing", "--force", "replaced", given="signing\n").exit_code == 0
    assert not store.has("signing")
    assert (Act.DESTROY, "signing") in acts(config)
