"""Commands: any bytes are a command or a status word, and what was written is read back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nakadachi.neighbours.card.apdu import EXTENDED, Command, Halt, Status, answer, parse

BYTE = st.integers(0, 255)


@given(st.builds(Command, BYTE, BYTE, BYTE, BYTE, st.binary(max_size=700), st.integers(0, EXTENDED)))
def test_a_command_is_read_as_it_was_written(command):
    assert parse(command.encode()) == command


@given(st.binary(max_size=300))
def test_any_bytes_are_a_command_or_of_wrong_length(raw):
    status, command = Status.OK, None
    try:
        command = parse(raw)
    except Halt as halt:
        status = halt.status
    assert (status == Status.LENGTH) if command is None else parse(command.encode()) == command


@pytest.mark.parametrize(
    ("raw", "command"),
    [
        ("00B00000", Command(0, 0xB0, 0, 0)),
        ("00B0000000", Command(0, 0xB0, 0, 0, b"", 256)),
        ("00A4020C020017", Command(0, 0xA4, 2, 0x0C, b"\x00\x17")),
        ("00A402000200170A", Command(0, 0xA4, 2, 0, b"\x00\x17", 10)),
        ("00B00000000000", Command(0, 0xB0, 0, 0, b"", 65536)),
        ("802A008000000201020000", Command(0x80, 0x2A, 0, 0x80, b"\x01\x02", 65536)),
    ],
)
def test_the_cases_of_iso_7816_4(raw, command):
    assert parse(bytes.fromhex(raw)) == command


@pytest.mark.parametrize(
    "raw", ["", "00A402", "00A4020C0200", "00A4020C02001701FF", "00A4020C0000", "00A4020C000000FF"]
)
def test_what_announces_another_length_than_it_has_is_refused(raw):
    with pytest.raises(Halt):
        parse(bytes.fromhex(raw))


def test_what_is_too_long_is_not_written():
    with pytest.raises(ValueError, match="long"):
        Command(0, 0, 0, 0, bytes(EXTENDED)).encode()


def test_data_is_never_shown():
    assert "31323334" not in repr(Command(0, 0x20, 0, 0x80, b"1234")) + str(Command(0, 0x20, 0, 0x80, b"1234"))
    assert "1234" not in repr(Command(0, 0x20, 0, 0x80, b"1234"))


def test_an_answer_ends_in_its_status():
    assert answer(Status.OK, b"ab") == b"ab\x90\x00"
