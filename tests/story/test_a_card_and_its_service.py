"""A card whose certificates come from the public certification service itself, over TLS, with its database (R3, R4)."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import NamedTuple

import pytest

from nakadachi.kit.postgres import PostgresServer
from nakadachi.neighbours.card.card import Card
from nakadachi.neighbours.card.certifier import Standing
from nakadachi.neighbours.card.counter import Counter
from nakadachi.neighbours.card.jpki_desk import JpkiDesk
from nakadachi.neighbours.card.life import Event
from nakadachi.neighbours.card.medium import Medium
from nakadachi.neighbours.card.pin import Secret
from nakadachi.neighbours.card.reader import Reader
from nakadachi.neighbours.card.register import Register
from nakadachi.neighbours.card.texts import CardError
from nakadachi.neighbours.jpki.parts import Settings
from nakadachi.neighbours.jpki.profile import Algorithm
from tests import cards
from tests.certifying import COUNTER, PORTAL, STRANGER, certifying

OTHER = dataclasses.replace(cards.holder(), reference="fedcba9876543210" * 2)


async def test_a_card_is_issued_changed_stopped_and_revoked_and_a_verifier_hears_of_each(
    postgres: PostgresServer, open_directory: Path, tmp_path: Path
) -> None:
    folder = open_directory / "card-jpki"
    folder.mkdir()
    dsn = await postgres.create_tenant("card_jpki")
    async with (
        certifying(dsn, folder, Settings(algorithm=Algorithm.RSA_2048)) as service,
        service.client(COUNTER) as asked,
        service.client(PORTAL) as portal,
        service.client(STRANGER) as stranger,
    ):
        verifier, closed = JpkiDesk(portal), JpkiDesk(stranger)
        desk = Counter(
            Register(tmp_path / "register"), JpkiDesk(asked), cards.MASTER, service.clock, cards.ENTROPY, "1042"
        )
        card = Card(Medium(tmp_path / "a.card", cards.TRANSPORT, cards.ENTROPY), cards.ENTROPY)
        reader = Reader(card)
        serial = await desk.issue(card.medium, cards.holder())
        await desk.hand_over(card, cards.SECRETS)

        assert await _standings(verifier, reader) == [Standing.GOOD, Standing.GOOD]
        # A second card for the same person is the service's to refuse; whoever it does not know learns nothing.
        with pytest.raises(CardError, match="C10"):
            await desk.issue(Medium(tmp_path / "b.card", cards.TRANSPORT, cards.ENTROPY), cards.holder())
        certificate = reader.authentication_certificate()[0]
        assert await closed.judge(Secret.AUTHENTICATION, certificate) is Standing.UNREACHABLE
        await _ends(Ending(desk, verifier, card, reader, serial), tmp_path)
        # The counter goes by the list, once it is out.
        await asked.publish()
        assert await JpkiDesk(asked).judge(Secret.AUTHENTICATION, certificate) is Standing.REVOKED
    await postgres.drop_tenant("card_jpki")


class Ending(NamedTuple):
    """A card in use, its counter and a verifier."""

    desk: Counter
    verifier: JpkiDesk
    card: Card
    reader: Reader
    serial: str


async def _standings(verifier: JpkiDesk, reader: Reader) -> list[Standing]:
    return [
        await verifier.judge(Secret.AUTHENTICATION, reader.authentication_certificate()[0]),
        await verifier.judge(Secret.SIGNATURE, reader.signature_certificate(cards.PASSWORD)[0]),
    ]


async def _ends(one: Ending, folder: Path) -> None:
    """Changed, stopped, found, damaged, replaced."""
    former = one.reader.signature_certificate(cards.PASSWORD)[0]
    await one.desk.change(one.card, cards.holder(address="さくら県みどり町見本台３－４"))
    assert await one.verifier.judge(Secret.SIGNATURE, former) is Standing.REVOKED
    assert await _standings(one.verifier, one.reader) == [Standing.GOOD, Standing.GOOD]
    await one.desk.stop(one.serial)
    assert await _standings(one.verifier, one.reader) == [Standing.HELD, Standing.HELD]
    await one.desk.lift(one.serial)
    assert await _standings(one.verifier, one.reader) == [Standing.GOOD, Standing.GOOD]
    await one.desk.revoke(one.serial, Event.DAMAGE)
    assert await _standings(one.verifier, one.reader) == [Standing.REVOKED, Standing.REVOKED]
    new = Medium(folder / "c.card", cards.TRANSPORT, cards.ENTROPY)
    assert await one.desk.issue(new, cards.holder()) != one.serial
    assert await one.desk.issue(Medium(folder / "d.card", cards.TRANSPORT, cards.ENTROPY), OTHER)
