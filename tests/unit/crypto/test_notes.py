"""Signed notes: every known signature must hold, every required name must have signed, anything else is refused."""

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nacl.signing import SigningKey as Ed25519Key

from nakadachi.crypto.notes import (
    MAX_NOTE,
    MAX_SIGNATURES,
    NoteKind,
    NoteSigner,
    NoteVerifier,
    add_signature,
    note_text,
    open_note,
    sign_note,
)
from nakadachi.refusal import Reason, Refusal

TEXT = '{"version":1}\n'
LOG = NoteSigner.from_seed("log.example/core", bytes(31) + b"\x01")
BOARD = NoteSigner.from_seed("board.example", bytes(31) + b"\x02")
WITNESS = NoteSigner.from_seed("witness.example", bytes(31) + b"\x03", NoteKind.COSIGNATURE)
NOTE = sign_note(TEXT, LOG, BOARD)
ALL = [LOG.verifier, BOARD.verifier, WITNESS.verifier]


def reason_of(note, verifiers=ALL, required=(LOG.name,)):
    with pytest.raises(Refusal) as refused:
        open_note(note, verifiers, required)
    return refused.value.reason


def test_a_note_says_who_has_signed_it():
    note = open_note(NOTE, ALL, {LOG.name, BOARD.name})
    assert note.text == TEXT
    assert note.signed_by == {LOG.name, BOARD.name}
    assert note.cosigned_at(LOG.name) is None


def test_a_note_is_text_a_blank_line_and_a_line_per_signature():
    first, second = NOTE.decode().split("\n")[2:4]
    assert NOTE.decode() == f"{TEXT}\n{first}\n{second}\n"
    assert first.startswith("— log.example/core ")


def test_a_note_of_other_software_opens():
    # The example in the documentation of the Go package golang.org/x/mod/sumdb/note.
    key = NoteVerifier.from_vkey("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")
    text = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
    line = (
        "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
    )
    assert open_note(f"{text}\n{line}".encode(), [key], [key.name]).text == text


def test_a_witness_adds_its_cosignature_with_the_time():
    cosigned = add_signature(NOTE, WITNESS, at=1_679_315_147)
    assert cosigned.startswith(NOTE)
    note = open_note(cosigned, ALL, {WITNESS.name})
    assert note.cosigned_at(WITNESS.name) == 1_679_315_147
    assert note.signed_by == {LOG.name, BOARD.name, WITNESS.name}


def test_a_cosignature_is_over_header_time_and_text():
    line = WITNESS.line(TEXT, 7)
    raw = base64.b64decode(line.split(" ")[2])
    assert raw[:4] == WITNESS.verifier.key_id
    assert raw[4:12] == (7).to_bytes(8, "big")
    key = Ed25519Key(bytes(31) + b"\x03").verify_key
    assert key.verify(b"cosignature/v1\ntime 7\n" + TEXT.encode(), raw[12:])


def test_of_two_cosignatures_the_later_one_counts():
    note = add_signature(add_signature(NOTE, WITNESS, at=9), WITNESS, at=5)
    assert open_note(note, ALL, {WITNESS.name}).cosigned_at(WITNESS.name) == 9


def test_a_signature_given_twice_counts_once():
    assert len(open_note(add_signature(NOTE, LOG), ALL, {LOG.name}).signatures) == 2


def test_a_required_name_that_has_not_signed_is_missed():
    assert reason_of(NOTE, required=(LOG.name, WITNESS.name)) is Reason.BAD_SIGNATURE


def test_a_signature_of_an_unknown_key_counts_for_nothing():
    assert open_note(NOTE, [LOG.verifier], {LOG.name}).signed_by == {LOG.name}
    assert reason_of(NOTE, verifiers=[BOARD.verifier]) is Reason.BAD_SIGNATURE


def test_a_known_name_with_another_key_counts_for_nothing():
    stranger = NoteSigner.from_seed(LOG.name, bytes(32))
    assert reason_of(sign_note(TEXT, stranger)) is Reason.BAD_SIGNATURE


def test_a_name_may_have_an_old_and_a_new_key():
    newer = NoteSigner.from_seed(LOG.name, bytes(32))
    assert open_note(sign_note(TEXT, newer), [*ALL, newer.verifier], {LOG.name}).signed_by == {LOG.name}


def test_one_bad_signature_of_a_known_key_spoils_the_note():
    forged = NOTE + BOARD.line("another text\n").encode()
    assert reason_of(forged) is Reason.BAD_SIGNATURE


def test_a_note_is_never_opened_for_nobody():
    with pytest.raises(ValueError, match="at least one"):
        open_note(NOTE, ALL, ())


def line_of(name, raw):
    return f"— {name} {base64.b64encode(raw).decode()}\n".encode()


@pytest.mark.parametrize(
    "note",
    [
        b"",
        TEXT.encode(),
        TEXT.encode() + b"\n",
        NOTE[:-1],
        NOTE + b"\n",
        NOTE.replace("—".encode(), b"-"),
        NOTE.replace(b" log", b"  log"),
        NOTE.replace(b"1}", b"1}\r"),
        NOTE.replace(b"1}", b"1\t}"),
        b"\xff" + NOTE,
        NOTE[:-2] + b"?\n",
        NOTE[:-2] + b"\n",
        NOTE + line_of("x", b"1234"),
        NOTE + "— x AAAAAB==\n".encode(),
        NOTE + "— x あ\n".encode(),
        NOTE + "— x+y AAAAAAAA\n".encode(),
        NOTE + line_of(LOG.name, LOG.verifier.key_id + bytes(63)),
        NOTE + line_of(WITNESS.name, WITNESS.verifier.key_id + bytes(71)),
        NOTE + line_of(WITNESS.name, WITNESS.verifier.key_id + b"\xff" * 72),
        TEXT.encode() + b"\n" + line_of("x", bytes(68)) * (MAX_SIGNATURES + 1),
    ],
)
def test_what_has_not_the_form_of_a_note_is_refused(note):
    assert reason_of(note) is Reason.BAD_FORMAT


def test_a_note_that_is_too_large_is_refused_unread():
    assert reason_of(bytes(MAX_NOTE + 1)) is Reason.TOO_LARGE


@given(st.binary(max_size=200))
def test_any_bytes_open_or_are_refused(raw):
    assert reason_of(raw) is Reason.BAD_FORMAT


@settings(max_examples=150)
@given(st.integers(0, len(NOTE) - 1), st.integers(0, 255))
def test_no_changed_byte_opens_for_all(at, byte):
    changed = NOTE[:at] + bytes((byte,)) + NOTE[at + 1 :]
    if changed != NOTE:
        assert reason_of(changed, required=(LOG.name, BOARD.name)) in {Reason.BAD_FORMAT, Reason.BAD_SIGNATURE}


@given(st.text(st.characters(exclude_categories=("Cs",), min_codepoint=32) | st.just("\n"), max_size=60))
def test_any_text_can_be_signed_and_read_again(text):
    note = sign_note(text + "\n", LOG)
    assert open_note(note, ALL, {LOG.name}).text == note_text(note) == text + "\n"


@pytest.mark.parametrize("text", ["", "no newline", "tab\t\n", "bell\a\n"])
def test_no_other_text_is_signed(text):
    with pytest.raises(ValueError, match="control character"):
        sign_note(text, LOG)


def test_a_note_has_a_signer():
    with pytest.raises(ValueError, match="has a signer"):
        sign_note(TEXT)


@pytest.mark.parametrize(("signer", "at"), [(LOG, 5), (WITNESS, None), (WITNESS, -1), (WITNESS, 1 << 63)])
def test_a_time_goes_with_a_cosignature_and_only_there(signer, at):
    with pytest.raises(ValueError, match="takes a time"):
        signer.line(TEXT, at)


@pytest.mark.parametrize("signer", [LOG, WITNESS])
def test_a_key_survives_its_text(signer):
    assert NoteVerifier.from_vkey(signer.verifier.vkey) == signer.verifier


@pytest.mark.parametrize(
    "vkey",
    [
        "",
        "name",
        "name+00000000",
        "name+00000000+",
        "name+00000000+AQ==",
        LOG.verifier.vkey.replace("log", "lag"),
        LOG.verifier.vkey.replace("+A", "+a"),
        LOG.verifier.vkey + "=",
        LOG.verifier.vkey + "あ",
        f"x y+00000000+{base64.b64encode(bytes((1, *range(32)))).decode()}",
        f"x+00000000+{base64.b64encode(bytes((9, *range(32)))).decode()}",
    ],
)
def test_no_other_text_is_a_key(vkey):
    with pytest.raises(Refusal) as refused:
        NoteVerifier.from_vkey(vkey)
    assert refused.value.reason is Reason.BAD_FORMAT


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\nb", "a\x01b", "a\u3000b"])
def test_a_name_holds_no_space_plus_or_control_character(name):
    with pytest.raises(ValueError, match="not a name"):
        NoteSigner.from_seed(name, bytes(32))


def test_a_key_has_32_bytes():
    with pytest.raises(ValueError, match="31 bytes"):
        NoteSigner.from_seed("a", bytes(31))
    with pytest.raises(ValueError, match="33 bytes"):
        NoteVerifier("a", NoteKind.SIGNATURE, bytes(33))


def test_a_private_key_is_not_shown():
    assert "_key=" not in repr(LOG)
