"""The outsider's check finds every way in which a log could lie, and agrees with the writer where it does not."""

import ast
import base64
import dataclasses
import hashlib
from pathlib import Path

import pytest

import nakadachi.ledger.verify
from nakadachi.crypto.notes import NoteKind, NoteSigner, add_signature, sign_note
from nakadachi.ledger.checkpoint import Checkpoint, sign_checkpoint
from nakadachi.ledger.tree import EMPTY_ROOT, Frontier, append, leaf_hash
from nakadachi.ledger.verify import Keys, LoggedContent, verify_log

ORIGIN = "core.example/1"
LOG = NoteSigner.from_seed(ORIGIN, bytes(32))
WITNESS = NoteSigner.from_seed("witness.example", bytes(31) + b"\x01", NoteKind.COSIGNATURE)
STRANGER = NoteSigner.from_seed(ORIGIN, bytes(31) + b"\x02")
KEYS = Keys((LOG.verifier.vkey,), (WITNESS.verifier.vkey,))
CONTENTS = [f'{{"number":{number}}}'.encode() for number in range(21)]
ENTRIES = [hashlib.sha256(content).digest() for content in CONTENTS]


def checkpoint_of(size, entries=ENTRIES, signer=LOG, origin=ORIGIN):
    grown = append(Frontier(), [leaf_hash(entry) for entry in entries[:size]])
    return sign_note(Checkpoint(origin, size, grown.root).text(), signer).decode(), grown.paths


def cosigned(note, at=7):
    return add_signature(note.encode(), WITNESS, at=at).decode()


NOTE = cosigned(checkpoint_of(21)[0])


def logged(place, size, **changes):
    note, paths = checkpoint_of(size)
    return dataclasses.replace(LoggedContent(CONTENTS[place], place, paths[place], note), **changes)


def problem_of(entries=ENTRIES, note=NOTE, keys=KEYS, contents=()):
    verdict = verify_log(entries, note, keys, contents)
    assert not verdict.ok
    (problem,) = verdict.problems
    return problem


def test_it_shares_no_code_with_the_writer():
    source = ast.parse(Path(nakadachi.ledger.verify.__file__).read_text())
    imported = {node.module for node in ast.walk(source) if isinstance(node, ast.ImportFrom)}
    imported |= {alias.name for node in ast.walk(source) if isinstance(node, ast.Import) for alias in node.names}
    assert imported == {
        "__future__", "base64", "collections.abc", "dataclasses", "hashlib", "nacl.exceptions", "nacl.signing",
    }  # fmt: skip


@pytest.mark.parametrize("size", [0, 1, 2, 3, 7, 8, 9, 21])
def test_an_honest_log_is_found_honest(size):
    note, _ = checkpoint_of(size)
    verdict = verify_log(ENTRIES[:size], cosigned(note), KEYS)
    assert verdict.ok, verdict.problems
    assert verdict.size == size
    assert verdict.root == (Checkpoint.parse(note.split("\n\n")[0] + "\n").root if size else EMPTY_ROOT)


def test_a_large_log_with_many_checkpoints_is_found_honest():
    contents = [f"{number}".encode() for number in range(2500)]
    entries = [hashlib.sha256(content).digest() for content in contents]
    old_note, old_paths = checkpoint_of(2049, entries)
    new_note, new_paths = checkpoint_of(2500, entries)
    verdict = verify_log(
        iter(entries),
        new_note,
        Keys((LOG.verifier.vkey,)),
        [
            LoggedContent(contents[2048], 2048, old_paths[2048], old_note),
            LoggedContent(contents[2048], 2048, new_paths[2048], new_note),
        ],
    )
    assert verdict.ok, verdict.problems


def test_permits_of_older_checkpoints_are_found_in_the_log():
    contents = [logged(index, size) for index, size in ((0, 1), (0, 2), (2, 3), (6, 7), (7, 21), (20, 21))]
    assert verify_log(ENTRIES, NOTE, KEYS, contents).ok


@pytest.mark.parametrize(
    "entries",
    [
        [*ENTRIES[:4], bytes(32), *ENTRIES[5:]],
        [ENTRIES[1], ENTRIES[0], *ENTRIES[2:]],
    ],
)
def test_a_changed_entry_is_found(entries):
    assert "entries were changed" in problem_of(entries)


@pytest.mark.parametrize("entries", [ENTRIES[:-1], [*ENTRIES, bytes(32)], []])
def test_a_dropped_or_added_entry_is_found(entries):
    assert problem_of(entries) == f"the checkpoint says 21 entries, there are {len(entries)}"


def test_a_checkpoint_that_the_log_has_not_signed_is_found():
    note, _ = checkpoint_of(21, signer=STRANGER)
    assert problem_of(note=cosigned(note)) == "checkpoint: the log itself has not signed it"


def test_a_log_that_signs_for_another_origin_is_found():
    note, _ = checkpoint_of(21, origin="other.example")
    assert problem_of(note=cosigned(note)) == "checkpoint: the log itself has not signed it"


def test_a_rotated_key_of_the_log_counts():
    note, _ = checkpoint_of(21, signer=STRANGER)
    keys = Keys((LOG.verifier.vkey, STRANGER.verifier.vkey), KEYS.witnesses)
    assert verify_log(ENTRIES, cosigned(note), keys).ok


def test_a_missing_witness_is_found():
    assert problem_of(note=checkpoint_of(21)[0]) == "checkpoint: the witness witness.example has not cosigned it"


def test_a_forged_signature_is_found():
    forged = checkpoint_of(21)[0] + LOG.line("another text\n")
    assert problem_of(note=cosigned(forged)) == f"checkpoint: the signature of {ORIGIN} does not verify"


def test_a_cosignature_moved_in_time_is_found():
    line = base64.b64decode(WITNESS.line(checkpoint_of(21)[0].split("\n\n")[0] + "\n", 7).split(" ")[2])
    moved = line[:11] + b"\x08" + line[12:]
    note = checkpoint_of(21)[0] + f"— {WITNESS.name} {base64.b64encode(moved).decode()}\n"
    assert problem_of(note=note) == f"checkpoint: the signature of {WITNESS.name} does not verify"


def test_a_signature_of_the_wrong_length_is_found():
    short = base64.b64encode(LOG.verifier.key_id + b"short").decode()
    note = checkpoint_of(21)[0] + f"— {ORIGIN} {short}\n"
    assert "does not verify" in problem_of(note=note)


@pytest.mark.parametrize(
    ("note", "problem"),
    [
        ("", "the note is not three lines, a blank one, and signatures"),
        ("a\n\n— b AAAA\n", "the note is not three lines, a blank one, and signatures"),
        ("a\n1\nAA==\n\n", "a signature line is not `— name base64`"),
        ("a\n1\nAA==\n\n- b AAAA\n", "a signature line is not `— name base64`"),
        ("a\n1\nAA==\n\n— b A\n", "it holds what is not base64"),
        ("a\n1\nAA==\n\n— b あ\n", "it holds what is not base64"),
        ("\ud800\n1\nAA==\n\n— b AAAA\n", "the log itself has not signed it"),
    ],
)
def test_what_is_no_checkpoint_is_found(note, problem):
    assert problem_of(note=note) == f"checkpoint: {problem}"


@pytest.mark.parametrize("size", ["", "x", "-1", "01", "٣", "1" * 30])
def test_a_size_that_is_no_number_is_found(size):
    text = f"{ORIGIN}\n{size or '+'}\n{base64.b64encode(bytes(32)).decode()}\n"
    assert problem_of(note=cosigned(sign_note(text, LOG).decode())) == "checkpoint: its size is not a decimal number"


def test_a_root_of_another_length_is_found():
    note = sign_note(f"{ORIGIN}\n21\nAAAA\n", LOG).decode()
    assert problem_of(note=cosigned(note)) == "checkpoint: it holds 3 bytes where 32 belong"


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        (Keys(()), "the log itself has not signed it"),
        (Keys(("name",)), "it holds 0 bytes where 33 belong"),
        (Keys((WITNESS.verifier.vkey,)), "the key of witness.example is not of type 1"),
        (Keys(KEYS.log, (LOG.verifier.vkey,)), f"the key of {ORIGIN} is not of type 4"),
    ],
)
def test_unfit_keys_are_found(keys, problem):
    assert problem_of(keys=keys) == f"checkpoint: {problem}"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (logged(3, 9, content=b"another"), "its path does not lead to its checkpoint's root"),
        (logged(3, 9, index=4), "its path does not lead to its checkpoint's root"),
        (logged(3, 9, index=9), "its checkpoint has 9 entries only"),
        (logged(3, 9, index=-1), "its checkpoint has 9 entries only"),
        (logged(3, 9, path=logged(3, 9).path[:-1]), "its path is too short"),
        (logged(3, 9, path=(bytes(32), *logged(3, 9).path)), "its path is too long"),
        (logged(3, 9, checkpoint="?"), "the note is not three lines, a blank one, and signatures"),
        (logged(3, 9, checkpoint=checkpoint_of(9, signer=STRANGER)[0]), "the log itself has not signed it"),
    ],
)
def test_a_permit_that_is_not_in_the_log_is_found(content, problem):
    assert problem_of(contents=[logged(1, 2), content]) == f"content 1 (index {content.index}): {problem}"


def test_a_log_that_was_cut_behind_a_permit_is_found():
    note, _ = checkpoint_of(8)
    problem = problem_of(ENTRIES[:8], cosigned(note), contents=[logged(3, 9)])
    assert problem == "content 0 (index 3): its checkpoint has 9 entries, the log 8: the log was cut"


def test_a_log_with_two_faces_is_found():
    shown = [*ENTRIES[:8], bytes(32), *ENTRIES[9:]]
    note, _ = checkpoint_of(21, shown)
    problem = problem_of(shown, cosigned(note), contents=[logged(3, 9)])
    assert problem == "content 0 (index 3): its checkpoint is signed but not of these entries: the log shows two faces"


def test_a_permit_of_another_log_is_found():
    other = NoteSigner.from_seed("other.example", bytes(31) + b"\x04")
    note, paths = checkpoint_of(9, signer=other, origin="other.example")
    keys = Keys((*KEYS.log, other.verifier.vkey), KEYS.witnesses)
    problem = problem_of(keys=keys, contents=[LoggedContent(CONTENTS[3], 3, paths[3], note)])
    assert problem == "content 0 (index 3): its checkpoint is of another log"


def test_permits_are_checked_even_where_the_checkpoint_is_bad():
    verdict = verify_log(ENTRIES, "", KEYS, [logged(3, 9), logged(3, 9, index=4)])
    assert len(verdict.problems) == 2


def test_the_writers_own_note_is_read_alike():
    note = sign_checkpoint(Checkpoint(ORIGIN, 0, EMPTY_ROOT), LOG).decode()
    assert verify_log([], note, Keys(KEYS.log)).ok
