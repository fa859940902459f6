"""A card whose certificates come from the public certification service itself, over TLS, with its database (R3, R4)."""

from __future__ import annotations

import dataclasses
from pathlib import Path

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

        async def standing(secret: Secret) -> Standing:
            if secret is Secret.SIGNATURE:
                return await verifier.judge(secret, reader.signature_certificate(cards.PASSWORD)[0])
            return await verifier.judge(secret, reader.authentication_certificate()[0])

        both = (Secret.AUTHENTICATION, Secret.SIGNATURE)
        assert [await standing(one) for one in both] == [Standing.GOOD, Standing.GOOD]
        # A second card for the same person is the service's to refuse; whoever it does not know learns nothing.
        with pytest.raises(CardError, match="C10"):
            await desk.issue(Medium(tmp_path / "b.card", cards.TRANSPORT, cards.ENTROPY), cards.holder())
        certificate = reader.authentication_certificate()[0]
        assert await closed.judge(Secret.AUTHENTICATION, certificate) is Standing.UNREACHABLE
        former = reader.signature_certificate(cards.PASSWORD)[0]
        await desk.change(card, cards.holder(address="さくら県みどり町見本台３－４"))
        assert await verifier.judge(Secret.SIGNATURE, former) is Standing.REVOKED
        assert [await standing(one) for one in both] == [Standing.GOOD, Standing.GOOD]
        await desk.stop(serial)
        assert [await standing(one) for one in both] == [Standing.HELD, Standing.HELD]
        await desk.lift(serial)
        assert await standing(Secret.AUTHENTICATION) is Standing.GOOD
        await desk.revoke(serial, Event.DAMAGE)
        assert [await standing(one) for one in both] == [Standing.REVOKED, Standing.REVOKED]
        # The counter goes by the list, once it is out.
        await asked.publish()
        assert await JpkiDesk(asked).judge(Secret.AUTHENTICATION, certificate) is Standing.REVOKED
        new = Card(Medium(tmp_path / "c.card", cards.TRANSPORT, cards.ENTROPY), cards.ENTROPY)
        assert await desk.issue(new.medium, cards.holder()) != serial
        assert await desk.issue(Medium(tmp_path / "d.card", cards.TRANSPORT, cards.ENTROPY), OTHER)
    await postgres.drop_tenant("card_jpki")
