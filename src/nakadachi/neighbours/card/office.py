"""窓口の開設: the counter's configuration, the keys it works with, and what a clerk writes down of a person."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import msgspec

from nakadachi.kit.clock import Clock
from nakadachi.kit.config import load
from nakadachi.kit.entropy import Entropy
from nakadachi.neighbours.card.certifier import Certifier, Holder
from nakadachi.neighbours.card.counter import Counter
from nakadachi.neighbours.card.entries import Entries
from nakadachi.neighbours.card.jpki_desk import JpkiDesk
from nakadachi.neighbours.card.medium import Medium
from nakadachi.neighbours.card.register import Register
from nakadachi.neighbours.card.sample_authority import SampleAuthority
from nakadachi.neighbours.card.texts import CardError, Trouble
from nakadachi.neighbours.jpki.client import ClientConfig, open_client
from nakadachi.neighbours.numbers import IndividualNumber, LocalGovernmentCode
from nakadachi.neighbours.residents import Resident

KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class CounterConfig:
    """窓口の構成."""

    register: Path = field(metadata={"doc": "カード管理簿: folder of the register of cards", "example": "register"})
    key: Path = field(metadata={"doc": "窓口の鍵: file with the counter's key", "example": "counter.key"})
    unlock: Path = field(metadata={"doc": "file with the key that opens card files", "example": "unlock.key"})
    jpki: Path | None = field(
        default=None, metadata={"doc": "configuration of the connection to JPKI, as `nakadachi jpki` uses it"}
    )
    sample_authority: Path | None = field(
        default=None, metadata={"doc": "in its place, for demonstrations: folder of a sample authority"}
    )

    def __post_init__(self) -> None:
        if (self.jpki is None) == (self.sample_authority is None):
            raise ValueError("write one of jpki and sample_authority")


class Person(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """申請者, as the clerk writes them down; `signature` false: no signature certificate is wanted, or may be given."""

    reference: str
    name: str
    address: str
    born: date
    sex: str
    place: str
    prefecture: str
    city: str
    number: str = ""
    signature: bool = True

    def __repr__(self) -> str:
        """Nothing of them."""
        return "Person()"


def read_person(raw: bytes, where: str) -> Holder:
    """A person of a JSON file. Raises CardError, which names the file and the field, and no value."""
    try:
        one = msgspec.json.decode(raw, type=Person)
        if one.number:
            IndividualNumber(one.number)
        LocalGovernmentCode(one.place)
        entries = Entries(one.name, one.address, one.born, one.sex)
    except (msgspec.DecodeError, ValueError, RecursionError) as wrong:
        detail = str(wrong) if isinstance(wrong, msgspec.ValidationError) else type(wrong).__name__
        raise CardError(Trouble.BAD_FILE, f"{where}: {detail}") from None
    return Holder(one.reference, entries, one.place, one.prefecture, one.city, one.number, one.signature)


def sample_person(resident: Resident, reference: str) -> bytes:
    """An invented resident as a clerk would write them down."""
    prefecture, _, city = resident.municipality.name.partition("県")
    person = Person(
        reference,
        resident.name,
        resident.address,
        resident.born,
        str(resident.sex),
        resident.municipality.code.value,
        f"{prefecture}県",
        city,
        resident.number.value,
    )
    return msgspec.json.format(msgspec.json.encode(person), indent=2) + b"\n"


def found_counter(folder: Path, entropy: Entropy) -> Path:
    """窓口の開設 (見本) in a folder: keys, and a configuration with a sample authority. Raises CardError."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for name in ("counter.key", "unlock.key"):
            handle = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(entropy.bytes(KEY_BYTES))
        config = folder / "counter.toml"
        config.write_text(
            'register = "register"\nkey = "counter.key"\nunlock = "unlock.key"\nsample_authority = "authority"\n',
            encoding="utf-8",
        )
    except OSError as wrong:
        raise CardError(Trouble.BAD_FILE, f"{wrong.filename}: {wrong.strerror}") from None
    return config


def read_key(path: Path) -> bytes:
    """A key from its file. Raises CardError."""
    try:
        key = path.read_bytes()
    except OSError as wrong:
        raise CardError(Trouble.BAD_FILE, f"{path}: {wrong.strerror}") from None
    if len(key) < 16:
        raise CardError(Trouble.BAD_FILE, f"{path}: a key has at least 16 bytes")
    return key


def medium_of(path: Path, unlock: Path, entropy: Entropy) -> Medium:
    """A card's file with the key that opens it. Raises CardError."""
    return Medium(path, read_key(unlock), entropy)


@asynccontextmanager
async def open_certifier(config: CounterConfig, clock: Clock, entropy: Entropy) -> AsyncIterator[Certifier]:
    """The authority that a configuration names. Raises CardError, ConfigError."""
    if config.jpki is None:
        yield SampleAuthority(config.sample_authority or Path(), clock, entropy)
        return
    async with open_client(load(config.jpki, ClientConfig), clock=clock, entropy=entropy) as client:
        yield JpkiDesk(client)


@asynccontextmanager
async def open_counter(config: CounterConfig, staff: str, clock: Clock, entropy: Entropy) -> AsyncIterator[Counter]:
    """The counter of a configuration. Raises CardError, ConfigError."""
    async with open_certifier(config, clock, entropy) as certifier:
        yield Counter(Register(config.register), certifier, read_key(config.key), clock, entropy, staff)
