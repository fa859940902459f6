"""What a PKCS#11 token adds: nothing inside is ever read, and what is wrong is told without the PIN."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pkcs11 import Attribute, ObjectClass
from pkcs11.exceptions import AttributeSensitive

from nakadachi.kit.clock import SystemClock
from nakadachi.kit.entropy import SystemEntropy
from nakadachi.kit.hsm import HsmKeyStore, open_token
from nakadachi.kit.key_config import KeyPlace, open_store
from nakadachi.kit.key_error import KeyStoreError
from nakadachi.kit.key_journal import Journal
from tests.hsm import PIN, new_token

SECRET = bytes(range(32))


@pytest.fixture
def config(tmp_path):
    (tmp_path / "keys").mkdir()
    return new_token(tmp_path)


def opened(tmp_path, config):
    return open_store(KeyPlace(tmp_path / "keys", tmp_path / "unlock", config), SystemEntropy(), SystemClock())


def test_what_lies_inside_is_read_by_nobody(tmp_path, config):
    store = opened(tmp_path, config)
    store.make("signing")
    store.put("id-key", SECRET)
    assert store.everything() == {"signing": "token", "id-key": "token"}
    for name in ("signing", "id-key"):
        with pytest.raises(KeyStoreError, match=f"{name}: lies inside the token"):
            store.secret(name)
    token = open_token(config.module, config.token, config.pin)
    found = [*token.find(ObjectClass.PRIVATE_KEY), *token.find(ObjectClass.SECRET_KEY)]
    assert len(found) == 2
    for key in found:
        with pytest.raises(AttributeSensitive):
            key[Attribute.VALUE]
        assert not key[Attribute.EXTRACTABLE]


def test_the_other_keys_are_files_that_open_with_this_token_alone(tmp_path, config):
    store = opened(tmp_path, config)
    store.put("log", SECRET)
    assert store.everything() == {"log": "file, sealed by the token"}
    assert SECRET not in (tmp_path / "keys" / "log.key").read_bytes()
    other = tmp_path / "other"
    other.mkdir()
    another = open_token(*_words(new_token(other)))
    moved = HsmKeyStore(tmp_path / "keys", another, SystemEntropy(), Journal(other, SystemClock()))
    with pytest.raises(KeyStoreError, match=r"has not the key that seals its file; is it the right token\?"):
        moved.secret("log")


def _words(config):
    return config.module, config.token, config.pin


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(st.data())
def test_a_sealed_file_cut_or_changed_does_not_open(tmp_path, config, data):
    store = opened(tmp_path, config)
    path = tmp_path / "keys" / "log.key"
    path.unlink(missing_ok=True)
    store.put("log", SECRET)
    whole = path.read_bytes()
    at = data.draw(st.integers(0, len(whole) - 1))
    path.write_bytes(whole[:at] if data.draw(st.booleans()) else bytes((*whole[:at], whole[at] ^ 1, *whole[at + 1 :])))
    with pytest.raises(KeyStoreError, match="log"):
        store.secret("log")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"module": Path("/nowhere/module.so")},
            "/nowhere/module.so: this PKCS#11 module cannot be loaded; .* apt-get",
        ),
        ({"token": "nobodys"}, r"has no token 'nobodys' \(it has: .*\); node.key_store.token names it"),
        ({"pin": Path("/nowhere/pin")}, "/nowhere/pin: the file with the token's PIN cannot be read"),
    ],
)
def test_what_is_missing_is_named_with_what_to_do(tmp_path, config, change, said):
    with pytest.raises(KeyStoreError, match=said) as told:
        opened(tmp_path, replace(config, **change))
    assert PIN not in str(told.value)


def test_a_file_with_the_pin_that_is_no_text_is_told(tmp_path, config):
    config.pin.write_bytes(b"\xff\xfe")
    with pytest.raises(KeyStoreError, match="it is not UTF-8"):
        opened(tmp_path, config)


def test_the_wrong_pin_is_told_by_its_file_and_never_shown(config):
    # In a process of its own: in this one the token may be open already, and then no PIN is asked for.
    config.pin.write_text("0000-wrong")
    program = (
        "import sys; from pathlib import Path; from nakadachi.kit.hsm import open_token\n"
        "try: open_token(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))\n"
        "except Exception as wrong: print(type(wrong).__name__, wrong)"
    )
    words = [sys.executable, "-c", program, *map(str, _words(config))]
    said = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    assert f"KeyStoreError {config.pin}: is not the PIN of the token '{config.token}'" in said
    assert "0000-wrong" not in said


def test_a_token_without_the_key_asked_for_says_which(tmp_path, config):
    for name, ask in (("signing", "signer"), ("id-key", "mac")):
        with pytest.raises(KeyStoreError, match=f"{name}: .*{config.token}"):
            getattr(opened(tmp_path, config), ask)(name)
