"""A municipality that issues cards to people who do not exist; what every test of cards begins with."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path

from nakadachi.kit.clock import FixedClock
from nakadachi.kit.entropy import SystemEntropy
from nakadachi.neighbours.card.card import Card
from nakadachi.neighbours.card.certifier import Holder
from nakadachi.neighbours.card.counter import Counter
from nakadachi.neighbours.card.entries import Entries
from nakadachi.neighbours.card.medium import Medium
from nakadachi.neighbours.card.pin import Secret
from nakadachi.neighbours.card.reader import Reader
from nakadachi.neighbours.card.register import Register
from nakadachi.neighbours.card.sample_authority import SampleAuthority
from nakadachi.neighbours.card.state import CardState as CardState

NOW = datetime(2026, 11, 2, 1, 0, tzinfo=UTC)
TRANSPORT, MASTER = b"transport secret of the tests", b"counter key of the tests"
PIN, SUPPORT_PIN, PASSWORD = "2580", "1379", "SAKURA77"
SECRETS = {Secret.AUTHENTICATION: PIN, Secret.SUPPORT: SUPPORT_PIN, Secret.SIGNATURE: PASSWORD}
NUMBER = "831803264510"
ENTROPY = SystemEntropy()


def holder(
    *, address: str = "さくら県青葉市見本本町１－２", born: date = date(1990, 3, 4), signs: bool = True
) -> Holder:
    """An invented person as the counter knows them."""
    entries = Entries("見本　花子", address, born, "2")
    return Holder("0123456789abcdef" * 2, entries, "991015", "さくら県", "青葉市", NUMBER, signs)


@dataclass
class Town:
    """One municipality with its authority: its clock can be set."""

    folder: Path
    clock: FixedClock
    authority: SampleAuthority
    counter: Counter

    def medium(self, name: str = "hanako.card") -> Medium:
        """A card's file, which may not be there yet."""
        return Medium(self.folder / name, TRANSPORT, ENTROPY)

    def card(self, name: str = "hanako.card") -> Card:
        """A card in a reader of its own."""
        return Card(self.medium(name), ENTROPY)

    def reader(self, name: str = "hanako.card") -> Reader:
        """What software does with that card."""
        return Reader(self.card(name))


def town(folder: Path) -> Town:
    """A municipality in a folder; what is there already goes on."""
    clock = FixedClock(NOW)
    authority = SampleAuthority(folder / "authority", clock, ENTROPY)
    register = Register(folder / "register")
    return Town(folder, clock, authority, Counter(register, authority, MASTER, clock, ENTROPY, "1042"))


@cache
def _issued() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="nakadachi-cards-"))
    one = town(folder)

    async def issue() -> None:
        await one.counter.issue(one.medium(), holder())
        shutil.copytree(folder, folder.with_name(folder.name + "-prepared"))
        await one.counter.hand_over(one.card(), SECRETS)

    asyncio.run(issue())
    return folder


def _copied(source: Path, target: Path) -> Town:
    shutil.copytree(source, target, dirs_exist_ok=True)
    return town(target)


def issued_town(target: Path) -> Town:
    """A municipality that has handed over one card, `hanako.card`; keys are made once for the run."""
    return _copied(_issued(), target)


def prepared_town(target: Path) -> Town:
    """The same before the card was handed over."""
    source = _issued()
    return _copied(source.with_name(source.name + "-prepared"), target)
