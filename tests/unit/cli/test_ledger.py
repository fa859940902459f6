"""`nakadachi ledger check` on a copy of a log: what it says, what it remembers, how it ends."""

from __future__ import annotations

import shutil

import pytest

from tests.unit.ledger.copies import LOG, WITNESS, copy_of, entries_of, note_of

ENTRIES = entries_of(300)


def write(folder, files):
    shutil.rmtree(folder, ignore_errors=True)
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return folder


@pytest.fixture
def copy(tmp_path):
    return write(tmp_path / "copy", copy_of(ENTRIES))


KEYS = ("--vkey", LOG.verifier.vkey, "--witness", WITNESS.verifier.vkey)


def test_a_copy_of_a_log_verifies(copy, nakadachi):
    run = nakadachi("ledger", "check", copy, *KEYS)
    assert run.exit_code == 0, run.output
    assert "entries: 300" in run.stdout
    assert "検証できました / verified" in run.stdout


def test_a_changed_entry_is_found_and_told_with_its_place(copy, nakadachi):
    bundle = bytearray((copy / "tile/entries/000").read_bytes())
    bundle[2] ^= 1
    (copy / "tile/entries/000").write_bytes(bundle)
    run = nakadachi("ledger", "check", copy, *KEYS)
    assert run.exit_code == 1
    assert "entry 0 is not what tile/0/000 says of it" in run.stderr
    assert "検証できました" not in run.stdout


def test_it_remembers_and_finds_a_log_that_was_rewritten(copy, nakadachi, tmp_path):
    state = tmp_path / "log.note"
    first = nakadachi("ledger", "check", copy, *KEYS, "--state", state)
    assert first.exit_code == 0, first.output
    assert state.read_bytes() == note_of(ENTRIES)
    write(copy, copy_of(entries_of(400)))
    again = nakadachi("ledger", "check", copy, *KEYS, "--state", state)
    assert again.exit_code == 0, again.output
    assert "it only adds to the 300 entries of the last check" in again.stdout
    kept = state.read_bytes()
    write(copy, copy_of(entries_of(500, begin=1)))
    rewritten = nakadachi("ledger", "check", copy, *KEYS, "--state", state)
    assert rewritten.exit_code == 1
    assert "the log was rewritten" in rewritten.stderr
    assert state.read_bytes() == kept


def test_a_key_that_is_none_is_a_finding(copy, nakadachi):
    assert nakadachi("ledger", "check", copy, "--vkey", "no key").exit_code == 1


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "no key to check by"),
        (("--vkey", LOG.verifier.vkey, "--node", "nobody"), "write core:<organisation code>"),
        (("--config", "missing.toml"), "missing.toml"),
    ],
)
def test_what_does_not_do_is_told_before_anything_is_read(copy, nakadachi, words, told):
    run = nakadachi("ledger", "check", copy, *words)
    assert run.exit_code == 2
    assert told in run.stderr


def test_a_place_that_is_neither_address_nor_folder_is_told(nakadachi, tmp_path):
    run = nakadachi("ledger", "check", tmp_path / "nowhere", *KEYS)
    assert run.exit_code == 2
    assert "neither an address" in run.stderr


def test_a_key_of_another_log_than_the_address_names_is_told(nakadachi):
    run = nakadachi("ledger", "check", "https://127.0.0.1:1/log/core.example/2", *KEYS)
    assert run.exit_code == 2
    assert "a key of another log than core.example/2" in run.stderr


def test_who_does_not_answer_was_not_checked(nakadachi):
    run = nakadachi("ledger", "check", "https://127.0.0.1:1/log/core.example/1", *KEYS)
    assert run.exit_code == 1
    assert "what was not read was not checked" in run.stderr


def test_a_state_that_is_no_text_is_told(copy, nakadachi, tmp_path):
    (tmp_path / "state").write_bytes(b"\xff")
    run = nakadachi("ledger", "check", copy, *KEYS, "--state", tmp_path / "state")
    assert run.exit_code == 2
    assert "holds no checkpoint" in run.stderr
