"""Certificates of people who do not exist, for tests of the public certification service and of cards."""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import cache

from cryptography.hazmat.primitives.serialization import Encoding

from nakadachi.neighbours.jpki.authority import Authority, Order, found, issue_authentication, issue_signature
from nakadachi.neighbours.jpki.items import Birth, FourItems, Text
from nakadachi.neighbours.jpki.profile import Algorithm, Kind, Municipality, PrivateKey

NOW = datetime(2026, 11, 29, 3, 0, tzinfo=UTC)
UNTIL = datetime(2031, 1, 2, 14, 59, 59, tzinfo=UTC)
CHIYODA = Municipality.of("131016", "Tokyo-to", "Chiyoda-ku")
SAPPORO = Municipality.of("011002", "Hokkaido", "Sapporo-shi")
HANAKO = FourItems(Text.of("見本 花子"), Text.of("東京都千代田区見本町一丁目1番1号"), "2", Birth.of(date(1990, 1, 2)))


@cache
def a_key(number: int = 0, algorithm: Algorithm = Algorithm.RSA_2048) -> PrivateKey:
    """The same key for the same number, within one run."""
    del number
    return algorithm.new_key()


def an_authority(kind: Kind, *, key: PrivateKey | None = None, now: datetime = NOW) -> Authority:
    return found(kind, key or a_key(100 if kind is Kind.SIGNATURE else 200), serial=1, now=now)


def an_order(
    serial: int = 7, *, place: Municipality = CHIYODA, start: datetime = NOW, until: datetime = UNTIL
) -> Order:
    return Order(serial, f"SAMPLE{serial:010}", place, start, until)


def signature_of(authority: Authority, items: FourItems = HANAKO, *, order: Order | None = None) -> bytes:
    made = issue_signature(authority, a_key(1).public_key(), order or an_order(), items)
    return made.public_bytes(Encoding.DER)


def authentication_of(authority: Authority, *, order: Order | None = None) -> bytes:
    return issue_authentication(authority, a_key(2).public_key(), order or an_order()).public_bytes(Encoding.DER)
