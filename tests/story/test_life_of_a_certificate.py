"""電子証明書の一生: issued at the counter, used, ended by what happens to its holder; OpenSSL agrees (R3)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from nakadachi.kit.postgres import PostgresServer
from nakadachi.neighbours.jpki.client import JpkiError
from nakadachi.neighbours.jpki.faults import Fault, NotAccepted, NotDone, Objection
from nakadachi.neighbours.jpki.profile import Algorithm, Kind
from nakadachi.neighbours.jpki.rules import Change, ResidentChange
from nakadachi.neighbours.jpki.states import Revocation
from nakadachi.neighbours.jpki.words import CertificateWords, SerialWords
from tests.certified import NOW
from tests.certifying import (
    COUNTER,
    PORTAL,
    REGISTER,
    STRANGER,
    Certifying,
    Person,
    both,
    certifying,
    fault,
    read,
    tell,
)


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
    assert await tell(town, Person("10000000010"), Change.DEATH_UNDONE, "end-undone") == 0
    await town.issue(Person("10000000010"), Kind.AUTHENTICATION)


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


@pytest.mark.asyncio(loop_scope="module")
async def test_counters_at_the_same_moment_issue_one_certificate_each_and_lists_get_numbers_of_their_own(
    town: Certifying,
) -> None:
    person, key = Person("10000000090"), Algorithm.P_256.new_key()
    same = town.application(person, Kind.SIGNATURE, key)
    others = [town.application(person, Kind.AUTHENTICATION, Algorithm.P_256.new_key()) for _ in range(4)]
    async with town.client(COUNTER) as counter:
        told = await asyncio.gather(*(counter.issue(same) for _ in range(4)))
        assert all(one == told[0] for one in told)
        outcomes = await asyncio.gather(*(counter.issue(one) for one in others), return_exceptions=True)
        assert sorted(type(one).__name__ for one in outcomes) == ["CertificateWords", *["NotDone"] * 3]
        assert len(await counter.certificates(person.holder)) == 2
        before = {one.name: one.number for one in (await counter.status()).lists}
        await asyncio.gather(*(counter.publish() for _ in range(3)))
        after = {one.name: one.number for one in (await counter.status()).lists}
    assert all(after[name] >= number + 3 for name, number in before.items())


@pytest.mark.asyncio(loop_scope="module")
async def test_nobody_is_left_with_a_good_certificate_that_was_issued_beside_the_event_of_their_death(
    town: Certifying,
) -> None:
    for number in range(8):
        person = Person(f"1000000020{number}")
        ends = tell(town, person, Change.DEATH, f"death-{number}")
        outcome, _ = await asyncio.gather(town.issue(person, Kind.AUTHENTICATION), ends, return_exceptions=True)
        async with town.client(COUNTER) as counter:
            assert {one.state for one in await counter.certificates(person.holder)} <= {"revoked"}
        assert isinstance(outcome, CertificateWords) or outcome.objection is Objection.PERSON_DEAD


@pytest.mark.asyncio(loop_scope="module")
async def test_the_service_keeps_no_resident_record_code_and_an_authentication_certificate_no_item(
    town: Certifying,
) -> None:
    person = Person("10000000095", name="見本 秘密", address="東京都千代田区秘密町")
    certificates = await both(town, person)
    await tell(town, person, Change.NAME, "name-95")
    async with town.service.jpki.database.acquire() as connection:
        rows = [
            row
            for table in ("authority", "partition", "certificate", "holder", "list", "heard")
            for row in await connection.fetch(f"SELECT * FROM {table}")
        ]
    kept = "\n".join(str(dict(row)) for row in rows).encode() + b"".join(
        value for row in rows for value in row.values() if isinstance(value, bytes)
    )
    assert person.holder.value.encode() in kept
    assert person.code.encode() not in kept
    signature, authentication = (one.der for one in certificates)
    for item in (person.name, person.address, "419900102"):
        assert item.encode() in signature
        assert item.encode() not in authentication
