"""電子証明書の一生: issued at the counter, used, ended by what happens to its holder; OpenSSL agrees (R3)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.serialization import Encoding

from nakadachi.kit.postgres import PostgresServer
from nakadachi.neighbours.jpki import ocsp
from nakadachi.neighbours.jpki.client import JpkiClient, JpkiError
from nakadachi.neighbours.jpki.faults import Fault, NotAccepted, NotDone, Objection
from nakadachi.neighbours.jpki.profile import Algorithm, Kind
from nakadachi.neighbours.jpki.reading import HolderCertificate, read_certificate
from nakadachi.neighbours.jpki.rules import Change, ResidentChange
from nakadachi.neighbours.jpki.states import Revocation
from nakadachi.neighbours.jpki.verifying import Anchors, Answered, verify
from nakadachi.neighbours.jpki.words import CertificateWords, SerialWords
from tests.certified import NOW
from tests.certifying import COUNTER, PORTAL, REGISTER, STRANGER, Certifying, Person, certifying
from tests.openssl import needs_openssl, openssl


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def town(postgres: PostgresServer, open_directory: Path) -> AsyncIterator[Certifying]:
    folder = open_directory / "jpki"
    folder.mkdir()
    dsn = await postgres.create_tenant("jpki_story")
    async with certifying(dsn, folder) as running:
        yield running
    await postgres.drop_tenant("jpki_story")


@pytest.fixture(autouse=True)
def back_to_today(town: Certifying) -> None:
    town.clock.set(NOW)


def read(told: CertificateWords) -> HolderCertificate:
    return read_certificate(told.kind, told.certificate)


async def both(town: Certifying, person: Person) -> tuple[HolderCertificate, HolderCertificate]:
    """A person's two certificates."""
    return read(await town.issue(person, Kind.SIGNATURE)), read(await town.issue(person, Kind.AUTHENTICATION))


async def fault(client: JpkiClient, certificate: HolderCertificate, *, by_list: bool = False) -> Fault | None:
    """Why the portal does not accept a certificate now; None: it does."""
    anchors = await client.anchors()
    try:
        await (client.check_by_list if by_list else client.check)(certificate, anchors)
    except NotAccepted as refused:
        return refused.fault
    return None


async def tell(town: Certifying, person: Person, change: Change, event: str) -> int:
    async with town.client(REGISTER) as register:
        return await register.resident_changed([ResidentChange(event, person.holder, change, town.clock.now())])


async def objection(town: Certifying, *asked: object, **more: bool) -> Objection:
    with pytest.raises(NotDone) as refused:
        await town.issue(*asked, **more)  # type: ignore[arg-type]
    return refused.value.objection


@pytest.mark.asyncio(loop_scope="module")
async def test_an_address_change_ends_the_signature_certificate_only(town: Certifying) -> None:
    person = Person("10000000001")
    signature, authentication = await both(town, person)
    async with town.client(PORTAL) as portal:
        assert [await fault(portal, one) for one in (signature, authentication)] == [None, None]
        assert await tell(town, person, Change.ADDRESS, "move-1") == 1
        assert [await fault(portal, one) for one in (signature, authentication)] == [Fault.REVOKED, None]
    # The event told again does nothing, also once there is a new certificate.
    moved = Person("10000000001", address="北海道札幌市中央区見本町2番")
    new = read(await town.issue(moved, Kind.SIGNATURE))
    assert await tell(town, person, Change.ADDRESS, "move-1") == 0
    async with town.client(PORTAL) as portal:
        assert await fault(portal, new) is None
        told = await portal.linkage(new)
        assert told.former == (f"{signature.serial:x}",)
        assert told.other == f"{authentication.serial:x}"


@pytest.mark.asyncio(loop_scope="module")
async def test_death_and_a_returned_card_end_both(town: Certifying) -> None:
    for place, change in enumerate((Change.DEATH, Change.CARD_GONE)):
        person = Person(f"1000000001{place}")
        certificates = await both(town, person)
        assert await tell(town, person, change, f"end-{place}") == 2
        async with town.client(PORTAL) as portal:
            assert [await fault(portal, one) for one in certificates] == [Fault.REVOKED, Fault.REVOKED]
    assert await objection(town, Person("10000000010"), Kind.AUTHENTICATION) is Objection.PERSON_DEAD
    await town.issue(Person("10000000011"), Kind.AUTHENTICATION)


@pytest.mark.asyncio(loop_scope="module")
async def test_a_lost_card_is_suspended_until_it_is_found_or_gone(town: Certifying) -> None:
    person = Person("10000000020")
    certificates = await both(town, person)
    assert await tell(town, person, Change.CARD_LOST, "lost-1") == 2
    async with town.client(PORTAL) as portal, town.client(COUNTER) as counter:
        await counter.publish()
        for by_list in (False, True):
            assert [await fault(portal, one, by_list=by_list) for one in certificates] == [Fault.HELD] * 2
        assert await objection(town, person, Kind.SIGNATURE) is Objection.HAS_ONE
        assert await tell(town, person, Change.CARD_FOUND, "found-1") == 2
        await counter.publish()
        for by_list in (False, True):
            assert [await fault(portal, one, by_list=by_list) for one in certificates] == [None] * 2
        await tell(town, person, Change.CARD_LOST, "lost-2")
        assert await tell(town, person, Change.CARD_GONE, "gone-2") == 2
        assert await tell(town, person, Change.CARD_FOUND, "found-2") == 0
        assert [await fault(portal, one) for one in certificates] == [Fault.REVOKED] * 2


@pytest.mark.asyncio(loop_scope="module")
async def test_a_certificate_is_renewed_from_three_months_before_its_end_and_the_folder_goes_on(
    town: Certifying,
) -> None:
    person, key = Person("10000000030"), Algorithm.P_256.new_key()
    first = read(await town.issue(person, Kind.AUTHENTICATION))
    assert first.until == datetime(2031, 1, 2, 14, 59, 59, tzinfo=UTC)
    town.clock.set(datetime(2030, 10, 1, 14, 59, tzinfo=UTC))
    assert await objection(town, person, Kind.AUTHENTICATION, renew=True) is Objection.TOO_EARLY
    town.clock.set(datetime(2030, 10, 1, 15, 0, tzinfo=UTC))
    application = town.application(person, Kind.AUTHENTICATION, key, renew=True)
    async with town.client(COUNTER) as counter:
        told = await counter.issue(application)
        assert await counter.issue(application) == told
    second = read(told)
    assert second.until == datetime(2035, 1, 2, 14, 59, 59, tzinfo=UTC)
    async with town.client(PORTAL) as portal:
        assert [await fault(portal, one) for one in (first, second)] == [Fault.REVOKED, None]
        assert (await portal.linkage(first)).later == (f"{second.serial:x}",)
        assert (await portal.linkage(second)).former == (f"{first.serial:x}",)
    # Later by years: the next generation of the authority's key has been founded, and issues.
    town.clock.set(datetime(2035, 3, 1, tzinfo=UTC))
    await town.service.look()
    async with town.client(PORTAL) as portal:
        assert await fault(portal, second) is Fault.EXPIRED
        assert await objection(town, person, Kind.AUTHENTICATION, renew=True) is Objection.NONE_TO_RENEW
        third = read(await town.issue(person, Kind.AUTHENTICATION))
        assert third.authority_key_id != second.authority_key_id
        assert await fault(portal, third) is None
        assert (await portal.linkage(third)).former == (f"{second.serial:x}", f"{first.serial:x}")


@pytest.mark.asyncio(loop_scope="module")
async def test_who_may_have_a_signature_certificate(town: Certifying) -> None:
    young = Person("10000000040", born=date(2011, 11, 30))
    assert await objection(town, young, Kind.SIGNATURE) is Objection.UNDER_AGE
    await town.issue(young, Kind.AUTHENTICATION)
    assert await objection(town, Person("10000000041"), Kind.SIGNATURE, ward=True) is Objection.ADULT_WARD
    town.clock.set(NOW + timedelta(days=1))
    await town.issue(young, Kind.SIGNATURE)


@pytest.mark.asyncio(loop_scope="module")
async def test_the_counter_is_refused_with_a_reason_and_nothing_changes(town: Certifying) -> None:
    person, key = Person("10000000050"), Algorithm.P_256.new_key()
    application = town.application(person, Kind.SIGNATURE, key, request="same")
    async with town.client(COUNTER) as counter:
        told = await counter.issue(application)
        other = town.application(Person("10000000051"), Kind.SIGNATURE, key, request="same")
        for asked, expected in (
            (other, Objection.OTHER_REQUEST),
            (town.application(Person("10000000051"), Kind.SIGNATURE, key), Objection.USED_KEY),
            (town.application(person, Kind.SIGNATURE, Algorithm.P_256.new_key()), Objection.HAS_ONE),
            (town.application(person, Kind.SIGNATURE, Algorithm.RSA_2048.new_key()), Objection.WRONG_KEY),
        ):
            with pytest.raises(NotDone) as refused:
                await counter.issue(asked)
            assert refused.value.objection is expected
        one = SerialWords(Kind.SIGNATURE, told.serial, Revocation.KEY_COMPROMISE)
        with pytest.raises(NotDone) as refused:
            await counter.revoke(SerialWords(Kind.AUTHENTICATION, told.serial))
        assert refused.value.objection is Objection.NOT_FOUND
        held = await counter.suspend(one)
        assert (held.state, (await counter.resume(one)).state) == ("held", "good")
        gone = await counter.revoke(one)
        assert (gone.state, gone.reason) == ("revoked", Revocation.KEY_COMPROMISE)
        assert await counter.revoke(one) == gone
        with pytest.raises(NotDone) as refused:
            await counter.resume(one)
        assert refused.value.objection is Objection.GONE
        assert [each.state for each in await counter.certificates(person.holder)] == ["revoked"]


@pytest.mark.asyncio(loop_scope="module")
async def test_only_who_is_named_is_answered(town: Certifying) -> None:
    person = Person("10000000060")
    signature = read(await town.issue(person, Kind.SIGNATURE))
    async with town.client(PORTAL) as portal:
        anchors = await portal.anchors()
        with pytest.raises(JpkiError, match="認められていません"):
            await portal.status()
        with pytest.raises(JpkiError):
            await portal.resident_changed([ResidentChange("e", person.holder, Change.DEATH, NOW)])
    for host in (STRANGER, COUNTER, REGISTER):
        async with town.client(host) as client:
            with pytest.raises(NotAccepted) as refused:
                await client.check(signature, anchors)
            assert refused.value.fault is Fault.STATUS_AWAY
            with pytest.raises(JpkiError):
                await client.linkage(signature)
    async with town.client(STRANGER) as stranger:
        with pytest.raises(JpkiError):
            await stranger.anchors()
        with pytest.raises(NotAccepted):
            await stranger.revocations(signature)


@needs_openssl
@pytest.mark.asyncio(loop_scope="module")
async def test_openssl_agrees_on_certificates_lists_and_answers(town: Certifying, tmp_path: Path) -> None:
    person = Person("10000000070", name="髙田 花子")
    certificates = await both(town, person)
    await tell(town, person, Change.NAME, "name-70")
    async with town.client(PORTAL) as portal, town.client(COUNTER) as counter:
        await counter.publish()
        authorities, at = tmp_path / "ca.pem", str(int(NOW.timestamp()))
        authorities.write_bytes(town.service.jpki.generations.pem())
        for one, revoked in zip(certificates, (True, False), strict=True):
            leaf, crl = tmp_path / f"{one.kind}.pem", tmp_path / f"{one.kind}.crl"
            leaf.write_bytes(one.raw.public_bytes(Encoding.PEM))
            crl.write_bytes((await portal.revocations(one)).raw.public_bytes(Encoding.PEM))
            words = ("verify", "-attime", at, "-CAfile", authorities, "-x509_strict")
            assert openssl(*words, leaf)[0] == 0, openssl(*words, leaf)
            status, said = openssl(*words, "-crl_check", "-CRLfile", crl, leaf)
            assert (status != 0) == revoked == ("certificate revoked" in said), said
            status, said = openssl("crl", "-in", crl, "-CAfile", authorities, "-noout", "-crlnumber")
            assert "verify OK" in said
            assert "crlNumber=0x" in said
            assert (await answered(portal, town, one, tmp_path)) == ("revoked" if revoked else "good")
        _, text = openssl("x509", "-in", tmp_path / "signature.pem", "-noout", "-text", "-nameopt", "utf8")
        for expected in ("O = JPKI-SAMPLE", "1.2.392.200149.8.5.5.4::419900102", "1.2.392.200149.8.5.5.1::高田 花子",
                         "Digital Signature, Non Repudiation", "1.2.392.200149.8.5.1.1.20"):  # fmt: skip
            assert expected in text


async def answered(portal: JpkiClient, town: Certifying, one: HolderCertificate, folder: Path) -> str:
    """What OpenSSL reads in the responder's answer to OpenSSL's own request."""
    authority = town.service.jpki.generations.by_key(one.authority_key_id).certificate
    issuer, leaf, request, answer = (folder / name for name in ("issuer.pem", f"{one.kind}.pem", "asked", "answer"))
    issuer.write_bytes(authority.public_bytes(Encoding.PEM))
    assert openssl("ocsp", "-issuer", issuer, "-cert", leaf, "-reqout", request)[0] == 0
    answer.write_bytes(await portal._status("POST", "ocsp", request.read_bytes()))
    at = str(int(NOW.timestamp()))
    _, said = openssl(
        "ocsp", "-respin", answer, "-reqin", request, "-issuer", issuer, "-cert", leaf, "-CAfile",
        folder / "ca.pem", "-attime", at, "-validity_period", "2000000000",
    )  # fmt: skip
    assert "Response verify OK" in said, said
    assert "WARNING: no nonce" not in said, said
    return said.split(f"{leaf}: ")[1].split("\n")[0]


@pytest.mark.asyncio(loop_scope="module")
async def test_an_answer_without_a_nonce_may_be_kept_by_the_asker_and_is_made_anew_when_the_state_changes(
    town: Certifying,
) -> None:
    person = Person("10000000080")
    one = read(await town.issue(person, Kind.AUTHENTICATION))
    async with town.client(PORTAL) as portal:
        anchors: Anchors = await portal.anchors()
        question = ocsp.write_question(one, anchors.issuer(one.authority_key_id))
        first = await portal._status("POST", "ocsp", question)
        assert await portal._status("POST", "ocsp", question) == first
        assert verify(one, NOW, anchors, Answered(first)).known_at == NOW
        await tell(town, person, Change.CARD_LOST, "lost-80")
        second = await portal._status("POST", "ocsp", question)
        with pytest.raises(NotAccepted) as refused:
            verify(one, NOW, anchors, Answered(second))
        assert refused.value.fault is Fault.HELD
