from __future__ import annotations

import hashlib

import pytest

from nakadachi.crypto.notes import NoteKind, NoteSigner, sign_note
from nakadachi.ledger.checkpoint import Checkpoint
from nakadachi.ledger.verify import Keys, verify_log

ORIGIN = "core.example/2026-1"
ENTRIES = [hashlib.sha256(bytes([number])).digest() for number in range(7)]
LOG = NoteSigner.from_seed(ORIGIN, bytes(32))
WITNESS = NoteSigner.from_seed("commission.example/witness", bytes([1]) * 32, NoteKind.COSIGNATURE)


@pytest.fixture
def files(tmp_path):
    """A log of seven entries and its checkpoint, signed and cosigned."""
    root = verify_log(ENTRIES, "", Keys(())).root
    text = Checkpoint(ORIGIN, len(ENTRIES), root).text()
    note = sign_note(text, LOG) + WITNESS.line(text, 1_775_000_000).encode()
    (tmp_path / "log.note").write_bytes(note)
    (tmp_path / "log.entries").write_text("".join(f"{entry.hex()}\n" for entry in ENTRIES))
    return tmp_path


def verify(nakadachi, files, *more):
    keys = ["--vkey", LOG.verifier.vkey, "--witness", WITNESS.verifier.vkey]
    return nakadachi(
        "log", "verify", "--checkpoint", files / "log.note", "--entries", files / "log.entries", *(more or keys)
    )


def test_a_log_verifies_from_files_alone(files, nakadachi):
    run = verify(nakadachi, files)
    assert run.exit_code == 0
    assert "entries: 7" in run.stdout
    assert "検証できました / verified" in run.stdout


def test_a_changed_entry_is_found(files, nakadachi):
    changed = (files / "log.entries").read_text().replace(ENTRIES[3].hex(), ENTRIES[4].hex())
    (files / "log.entries").write_text(changed)
    run = verify(nakadachi, files)
    assert run.exit_code == 1
    assert "entries were changed, dropped or added" in run.stderr


def test_a_key_that_is_none_is_a_finding(files, nakadachi):
    assert verify(nakadachi, files, "--vkey", "no key").exit_code == 1


def test_what_is_no_entry_is_told_with_its_line(files, nakadachi):
    (files / "log.entries").write_text(f"{ENTRIES[0].hex()}\n☃\n", encoding="utf-8")
    run = verify(nakadachi, files)
    assert run.exit_code == 2
    assert "log.entries:2: not an entry" in run.stderr


def test_what_is_no_checkpoint_is_told(files, nakadachi):
    (files / "log.note").write_bytes(b"\xff")
    run = verify(nakadachi, files)
    assert run.exit_code == 2
    assert "not a checkpoint" in run.stderr
