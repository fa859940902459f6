"""Checkpoints: one spelling, signed by the log they speak for, cosigned by whom one asks for."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nakadachi.crypto.notes import NoteKind, NoteSigner, add_signature, sign_note
from nakadachi.ledger.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from nakadachi.refusal import Reason, Refusal

ORIGIN = "core.example/1"
LOG = NoteSigner.from_seed(ORIGIN, bytes(32))
WITNESS = NoteSigner.from_seed("witness.example", bytes(31) + b"\x01", NoteKind.COSIGNATURE)
ALL = [LOG.verifier, WITNESS.verifier]
CHECKPOINT = Checkpoint(ORIGIN, 20_852_163, bytes(range(32)))
NOTE = sign_checkpoint(CHECKPOINT, LOG)


def reason_of(note, origin=ORIGIN, verifiers=ALL, **wanted):
    with pytest.raises(Refusal) as refused:
        open_checkpoint(note, verifiers, origin, **wanted)
    return refused.value.reason


def test_a_checkpoint_is_three_lines():
    assert CHECKPOINT.text() == "core.example/1\n20852163\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"


@given(st.integers(0, 10**18 - 1), st.binary(min_size=32, max_size=32))
def test_a_checkpoint_survives_its_text(size, root):
    checkpoint = Checkpoint("a", size, root)
    assert Checkpoint.parse(checkpoint.text()) == checkpoint


@pytest.mark.parametrize(
    "text",
    [
        "",
        CHECKPOINT.text()[:-1],
        CHECKPOINT.text() + "extension\n",
        CHECKPOINT.text().replace("20852163", "020852163"),
        CHECKPOINT.text().replace("20852163", "-1"),
        CHECKPOINT.text().replace("20852163", "٣"),
        CHECKPOINT.text().replace("20852163", "9" * 19),
        CHECKPOINT.text().replace("20852163", "9" * 5000),
        CHECKPOINT.text().replace("core", "co re"),
        CHECKPOINT.text().replace("Hh8=", "Hh9="),
        CHECKPOINT.text().replace("Hh8=", "Hh8"),
        f"a\n1\n{base64.b64encode(bytes(33)).decode()}\n",
        "\n1\n" + base64.b64encode(bytes(32)).decode() + "\n",
    ],
)
def test_no_other_spelling_is_read(text):
    with pytest.raises(Refusal) as refused:
        Checkpoint.parse(text)
    assert refused.value.reason is Reason.BAD_FORMAT


@given(st.text(max_size=80))
def test_any_text_is_read_or_refused(text):
    with pytest.raises(Refusal) as refused:
        Checkpoint.parse(text)
    assert refused.value.reason is Reason.BAD_FORMAT


@pytest.mark.parametrize(
    ("origin", "size", "root"),
    [("", 0, bytes(32)), ("a b", 0, bytes(32)), ("a+b", 0, bytes(32)), ("a", -1, bytes(32)), ("a", 0, bytes(31))],
)
def test_no_other_checkpoint_is_made(origin, size, root):
    with pytest.raises(ValueError, match="no checkpoint"):
        Checkpoint(origin, size, root)


def test_a_log_signs_for_itself():
    opened = open_checkpoint(NOTE, ALL, ORIGIN)
    assert opened.checkpoint == CHECKPOINT
    assert opened.note.signed_by == {ORIGIN}


def test_nobody_signs_for_another_log():
    with pytest.raises(ValueError, match="cannot sign for the log"):
        sign_checkpoint(Checkpoint("other", 0, bytes(32)), LOG)


def test_a_cosigned_checkpoint_tells_when():
    opened = open_checkpoint(add_signature(NOTE, WITNESS, at=9), ALL, ORIGIN, cosigners={WITNESS.name})
    assert opened.note.cosigned_at(WITNESS.name) == 9


def test_a_cosigner_who_has_not_signed_is_missed():
    assert reason_of(NOTE, cosigners={WITNESS.name}) is Reason.BAD_SIGNATURE


def test_a_plain_signature_is_no_cosignature():
    plain = NoteSigner.from_seed(WITNESS.name, bytes(31) + b"\x02")
    note = add_signature(NOTE, plain)
    assert reason_of(note, verifiers=[*ALL, plain.verifier], cosigners={WITNESS.name}) is Reason.BAD_SIGNATURE


def test_a_cosignature_in_the_logs_name_is_not_the_logs_signature():
    cosigner = NoteSigner.from_seed(ORIGIN, bytes(31) + b"\x03", NoteKind.COSIGNATURE)
    other = NoteSigner.from_seed("other", bytes(32))
    note = add_signature(sign_note(CHECKPOINT.text(), other), cosigner, at=1)
    assert reason_of(note, verifiers=[*ALL, cosigner.verifier]) is Reason.BAD_SIGNATURE


def test_a_checkpoint_of_another_log_is_refused_though_signed():
    note = sign_note(Checkpoint("other", 0, bytes(32)).text(), LOG)
    assert reason_of(note) is Reason.BAD_FORMAT


def test_another_origin_is_not_opened():
    assert reason_of(NOTE, origin="other") is Reason.BAD_SIGNATURE
