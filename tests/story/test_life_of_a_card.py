"""The life of a card: from the counter to its return; what it signs is judged by OpenSSL."""

from __future__ import annotations

import asyncio
import subprocess
from datetime import date, timedelta
from hashlib import sha256

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from nakadachi.crypto import card_statement
from nakadachi.crypto.card_statement import Statement
from nakadachi.neighbours.card import checking
from nakadachi.neighbours.card.certifier import Standing
from nakadachi.neighbours.card.counter import Counter
from nakadachi.neighbours.card.life import CardLife, Event
from nakadachi.neighbours.card.pin import Secret
from nakadachi.neighbours.card.texts import CardError, Trouble
from nakadachi.neighbours.jpki.reading import read_signature_certificate
from nakadachi.refusal import Reason, Refusal
from tests import cards

ORIGIN = "https://portal.example"


@pytest.fixture
async def town(tmp_path):
    return await asyncio.to_thread(cards.issued_town, tmp_path / "town")


def openssl(*arguments):
    return subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True, check=False)


def public_pem(certificate, path):
    key = x509.load_der_x509_certificate(certificate).public_key()
    path.write_bytes(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return path


async def standing(town, secret):
    reader = town.reader()
    if secret is Secret.SIGNATURE:
        return await town.authority.judge(secret, reader.signature_certificate(cards.PASSWORD)[0])
    return await town.authority.judge(secret, reader.authentication_certificate()[0])


def trouble(work):
    with pytest.raises(CardError) as refused:
        work()
    return refused.value.trouble


async def test_a_registration_is_signed_with_the_signature_key_and_openssl_agrees(town, tmp_path):
    application = tmp_path / "application.txt"
    application.write_text("利用者登録申請\n", encoding="utf-8")
    reader = town.reader()
    certificate, authority = reader.signature_certificate(cards.PASSWORD)
    read = read_signature_certificate(certificate)
    assert (read.items.name.value, read.items.sex) == ("見本　花子", "2")
    digest = sha256(application.read_bytes()).digest()
    key = public_pem(certificate, tmp_path / "key.pem")
    made = tmp_path / "signature"
    for pss, options in ((False, []), (True, ["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:32"])):
        made.write_bytes(reader.sign(Secret.SIGNATURE, cards.PASSWORD, digest, pss=pss))
        done = openssl("dgst", "-sha256", "-verify", key, "-signature", made, *options, application)
        assert done.stdout.strip() == "Verified OK", done.stderr
    for name, der in (("holder.pem", certificate), ("authority.pem", authority)):
        (tmp_path / name).write_bytes(x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM))
    # The policies are critical and the sample's own; OpenSSL is asked for the chain at the moment of the story.
    moment = str(int(cards.NOW.timestamp()) + 60)
    chain = openssl("verify", "-attime", moment, "-CAfile", tmp_path / "authority.pem", tmp_path / "holder.pem")
    assert chain.stdout.strip().endswith("OK"), chain.stderr
    application.write_text("利用者登録申請 改\n", encoding="utf-8")
    assert openssl("dgst", "-sha256", "-verify", key, "-signature", made, *options, application).returncode


async def test_a_login_is_bound_to_its_origin_and_is_of_no_use_to_another(town):
    reader = town.reader()
    certificate, _ = reader.authentication_certificate()
    challenge = cards.ENTROPY.bytes(32)
    raw = card_statement.write(
        Statement(ORIGIN, challenge, cards.ENTROPY.bytes(16), cards.NOW, sha256(certificate).digest())
    )
    made = reader.sign(Secret.AUTHENTICATION, cards.PIN, sha256(raw).digest())
    card_statement.verify(raw, made, certificate, origin=ORIGIN, challenge=challenge, now=cards.NOW)
    with pytest.raises(Refusal) as refused:
        card_statement.verify(
            raw, made, certificate, origin="https://elsewhere.example", challenge=challenge, now=cards.NOW
        )
    assert refused.value.reason is Reason.NOT_ADDRESSED_HERE


async def test_locked_after_three_unlocked_at_the_counter_and_on_it_goes(town):
    reader = town.reader()
    for _ in range(2):
        assert trouble(lambda: reader.sign(Secret.AUTHENTICATION, "0000", bytes(32))) is Trouble.WRONG_SECRET
    assert trouble(lambda: reader.sign(Secret.AUTHENTICATION, "0000", bytes(32))) is Trouble.LOCKED
    assert trouble(lambda: reader.sign(Secret.AUTHENTICATION, cards.PIN, bytes(32))) is Trouble.LOCKED
    assert reader.sign(Secret.SIGNATURE, cards.PASSWORD, bytes(32))
    await town.counter.unlock(town.card(), Secret.AUTHENTICATION, "9630")
    assert reader.sign(Secret.AUTHENTICATION, "9630", bytes(32))
    assert town.counter.register.find(reader.serial()).history[-1].event is Event.UNLOCK


async def test_after_a_move_the_signature_certificate_is_another_and_the_authentication_certificate_stays(town):
    reader = town.reader()
    before, former = reader.authentication_certificate(), reader.signature_certificate(cards.PASSWORD)[0]
    await town.counter.change(town.card(), cards.holder(address="さくら県みどり町見本台３－４"))
    assert reader.authentication_certificate() == before
    assert await standing(town, Secret.AUTHENTICATION) is Standing.GOOD
    assert await town.authority.judge(Secret.SIGNATURE, former) is Standing.REVOKED
    assert await standing(town, Secret.SIGNATURE) is Standing.GOOD
    new = read_signature_certificate(reader.signature_certificate(cards.PASSWORD)[0])
    assert new.items.address.value == reader.entries(cards.SUPPORT_PIN)[0].address == "さくら県みどり町見本台３－４"


async def test_a_lost_card_is_stopped_found_again_lost_for_good_and_replaced(town):
    serial = town.reader().serial()
    await town.counter.stop(serial)
    assert await standing(town, Secret.AUTHENTICATION) is Standing.HELD
    with pytest.raises(CardError) as refused:
        await town.counter.unlock(town.card(), Secret.AUTHENTICATION, "9630")
    assert refused.value.trouble is Trouble.OUT_OF_LIFE
    await town.counter.lift(serial)
    assert await standing(town, Secret.SIGNATURE) is Standing.GOOD
    await town.counter.revoke(serial, Event.LOSE)
    assert await standing(town, Secret.AUTHENTICATION) is Standing.REVOKED
    assert await standing(town, Secret.SIGNATURE) is Standing.REVOKED
    with pytest.raises(CardError):
        await town.counter.lift(serial)
    new = await town.counter.issue(town.medium("new.card"), cards.holder())
    await town.counter.hand_over(town.card("new.card"), cards.SECRETS)
    assert {one.serial: one.state for one in town.counter.register.all()} == {
        serial: CardLife.REVOKED,
        new: CardLife.ACTIVE,
    }


async def test_certificates_are_renewed_on_the_card_from_three_months_before_their_end(town):
    with pytest.raises(CardError, match="three months"):
        await town.counter.renew_certificates(town.card(), cards.holder())
    entry = town.counter.register.find(town.reader().serial())
    assert (entry.until, entry.certificates_until) == (date(2036, 3, 4), date(2031, 3, 4))
    former = town.reader().authentication_certificate()[0]
    town.clock.advance(timedelta(days=1500))
    await town.counter.renew_certificates(town.card(), cards.holder())
    assert town.reader().authentication_certificate()[0] != former
    assert town.counter.register.find(entry.serial).certificates_until == date(2035, 3, 4)
    assert town.reader().sign(Secret.AUTHENTICATION, cards.PIN, bytes(32))


async def test_a_returned_card_is_wiped_and_says_only_which_it_was(town):
    serial = town.reader().serial()
    await town.counter.take_back(town.card())
    assert town.reader().serial() == serial
    assert trouble(lambda: town.reader().tries(Secret.SUPPORT)) is Trouble.OUT_OF_LIFE
    assert trouble(town.reader().authentication_certificate) is Trouble.OUT_OF_LIFE
    assert town.counter.register.find(serial).state is CardLife.RETURNED
    state = town.medium().read()
    kept = (state.authentication.key, state.signature.key, state.items, state.number, state.secrets, state.own_key)
    assert not any(kept)


async def test_a_child_gets_no_signature_certificate_and_needs_no_password(town):
    child = cards.holder(born=date(2015, 3, 4))
    serial = await town.counter.issue(town.medium("child.card"), child)
    pins = {one: text for one, text in cards.SECRETS.items() if one is not Secret.SIGNATURE}
    with pytest.raises(CardError):
        await town.counter.hand_over(town.card("child.card"), cards.SECRETS)
    await town.counter.hand_over(town.card("child.card"), pins)
    assert town.reader("child.card").tries(Secret.SIGNATURE) is None
    assert town.counter.register.find(serial).until == date(2031, 3, 4)


async def test_an_issue_that_was_cut_short_is_finished_by_the_next_with_the_same_certificates(town):
    class CutShort:
        """The line to the authority breaks after it has issued."""

        async def certify(self, secret, request, holder, *, renew):
            await town.authority.certify(secret, request, holder, renew=renew)
            raise CardError(Trouble.NOT_VALID, "no answer")

    desk = town.counter
    broken = Counter(desk.register, CutShort(), desk.master, desk.clock, desk.entropy, desk.staff)
    medium = town.medium("new.card")
    with pytest.raises(CardError):
        await broken.issue(medium, cards.holder())
    made = medium.read().authentication.next_key
    await desk.issue(medium, cards.holder())
    assert medium.read().authentication.key == made
    with pytest.raises(CardError, match="already"):
        await desk.issue(medium, cards.holder())


async def test_a_card_that_does_not_hold_its_certificates_key_is_found_out(town):
    reader = town.reader()
    own, _ = reader.authentication_certificate()
    other, authority = reader.signature_certificate(cards.PASSWORD)
    good = checking.possession_point(reader, Secret.AUTHENTICATION, cards.PIN, own, cards.ENTROPY)
    bad = checking.possession_point(reader, Secret.AUTHENTICATION, cards.PIN, other, cards.ENTROPY)
    assert (good.outcome, bad.outcome) == (checking.Outcome.GOOD, checking.Outcome.BAD)
    assert checking.issuer_point(Secret.AUTHENTICATION, own, authority).outcome is checking.Outcome.BAD
    with pytest.raises(CardError, match="C10"):
        checking.require_good([good, bad])
