"""Targets for what comes to a card and to its agent: commands, entries, files of cards, orders and statements."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Self

import msgspec

from fuzz.target import Form, require, same, target
from nakadachi.crypto import card_statement
from nakadachi.kit.entropy import SeededEntropy
from nakadachi.neighbours.card.agent.doors import read_order
from nakadachi.neighbours.card.agent.page import read_form
from nakadachi.neighbours.card.agent.sessions import Away
from nakadachi.neighbours.card.apdu import Halt, parse
from nakadachi.neighbours.card.card import Card
from nakadachi.neighbours.card.entries import Entries, read_entries, read_number, write_entries
from nakadachi.neighbours.card.life import CardLife, Entry
from nakadachi.neighbours.card.medium import Medium
from nakadachi.neighbours.card.office import read_person
from nakadachi.neighbours.card.pin import Secret, new
from nakadachi.neighbours.card.register import read_entry
from nakadachi.neighbours.card.state import CardState, decode_state, encode_state
from nakadachi.neighbours.card.texts import CardError
from tools import sample_telegrams as sample

_DAY = sample.START.date()
_NUMBER = "831803264510"
_JPKI = bytes.fromhex("00A4040C0AD392F000260100000001")
_COMMANDS = (
    _JPKI,
    *map(bytes.fromhex, ("00A4020C020018", "00200080", "002000800430303030", "00A4020C020001", "00B0000000")),
)


class _Turns:
    """A card's medium in memory: what a command changes is forgotten at the next."""

    def __init__(self) -> None:
        kept = {one.value: new(one, b"QX7391" if one is Secret.SIGNATURE else b"7391", bytes(32)) for one in Secret}
        self.state = CardState("0" * 16, bytes(32), bytes(32), items=b"\xff\x20\x00", number=_NUMBER, secrets=kept)

    def turn(self) -> _Turns:
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def keep(self, state: CardState) -> None:
        """Forget it."""


def _medium() -> Medium:
    return Medium(Path("fuzz.card"), b"transport", SeededEntropy(5))


_OPENER = _medium()


@target(
    "card-commands",
    covers=["neighbours.card.apdu:parse"],
    seeds=lambda: {"all": b"".join(bytes((len(one),)) + one for one in _COMMANDS)},
    largest=2048,
)
def card_commands(data: bytes) -> str:
    """Hostile commands one after the other, each after a byte of its length: status words, and nothing closed."""
    card = Card(_Turns(), SeededEntropy(6))  # type: ignore[arg-type]  # a medium without a file
    last, rest = b"", data
    while rest:
        one, rest = rest[1 : rest[0] + 1], rest[rest[0] + 1 :]
        with suppress(Halt):
            same(parse(parse(one).encode()), parse(one), "a command is not written as it was read")
        last = card.transmit(one)
        require(len(last) >= 2, "an answer without a status")
        require(b"7391" in data or _NUMBER.encode() not in last, "the number of a closed card")
    return last[-2:].hex()


@target(
    "card-entries",
    covers=["neighbours.card.entries:read_entries", "neighbours.card.entries:read_number"],
    seeds=lambda: {
        "entries": write_entries(Entries("見本　花子", "さくら県青葉市１－２", _DAY, "2")),
        "long": write_entries(Entries("見本", "さ" * 300, _DAY, "1")),
        "number": b"\xd0\x0c831803264510",
    },
    errors=(CardError,),
    largest=4096,
)
def card_entries(data: bytes) -> str:
    """What an entry-support application gives."""
    with suppress(CardError):
        return f"number of {len(read_number(data))}"
    entries = read_entries(data)
    same(read_entries(write_entries(entries)), entries, "entries are not read as they were written")
    return "entries"


@target(
    "card-file",
    covers=["neighbours.card.medium:Medium.open_content", "neighbours.card.state:decode_state"],
    seeds=lambda: {
        "file": _medium().closed_content(_Turns().state, bytes(16)),
        "content": encode_state(_Turns().state),
    },
    errors=(CardError,),
    largest=4096,
)
def card_file(data: bytes) -> str:
    """The file of a card, and what it holds once it is open."""
    with suppress(CardError):
        return _OPENER.open_content(data)[0].serial
    state = decode_state(data)
    same(decode_state(encode_state(state)), state, "a card is not read as it was written")
    return "state"


@target(
    "card-papers",
    covers=["neighbours.card.register:read_entry", "neighbours.card.office:read_person"],
    seeds=lambda: {
        "entry": msgspec.json.encode(Entry("0" * 16, CardLife.ACTIVE, _DAY, _DAY, _DAY)),
        "person": '{"reference":"0","name":"見本","address":"市","born":"1990-03-04","sex":"1","place":"991015",'
        '"prefecture":"県","city":"市"}'.encode(),
    },
    errors=(CardError,),
    form=Form.JSON,
    needles=frozenset({"見本"}),
)
def card_papers(data: bytes) -> str:
    """An entry of the register, and a person as a clerk writes them down."""
    with suppress(CardError):
        return read_entry(data, "entry").state.value
    read_person(data, "person")
    return "person"


@target(
    "card-orders",
    covers=[
        "neighbours.card.agent.doors:read_order",
        "neighbours.card.agent.page:read_form",
        "crypto.card_statement:read",
    ],
    seeds=lambda: {
        "order": b'{"kind":"sign-document","title":"a","document":"b"}',
        "login": b'{"kind":"authenticate","challenge":"AAAAAAAAAAAAAAAAAAAAAA=="}',
        "form": b"token=a&secret=1234&decision=allow",
        "statement": card_statement.write(
            card_statement.Statement("https://a.example", bytes(16), bytes(16), sample.START, bytes(32))
        ),
    },
    form=Form.JSON,
)
def card_orders(data: bytes) -> str:
    """What a page asks, what a person's form brings, and what a card has signed."""
    with suppress(Away):
        return str(read_order(data)["kind"])
    with suppress(Away):
        return f"form of {len(read_form(data))}"
    made = card_statement.read(data)
    same(card_statement.write(made), data, "a statement has two spellings")
    return "statement"
