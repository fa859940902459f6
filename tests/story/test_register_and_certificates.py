"""What happens at the register ends certificates by itself, also what happened while the service was away (R2, R3)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, fields
from pathlib import Path

import pytest
import pytest_asyncio

from nakadachi.kit.entropy import SeededEntropy
from nakadachi.kit.postgres import PostgresServer
from nakadachi.neighbours import certificate_store
from nakadachi.neighbours.certificate_telling import holder_of_person
from nakadachi.neighbours.jpki.faults import Fault, NotDone, Objection
from nakadachi.neighbours.jpki.profile import Kind
from nakadachi.neighbours.jpki.reading import HolderCertificate
from nakadachi.neighbours.jpki.rules import Holder
from nakadachi.neighbours.register import Register, apply_lines
from nakadachi.neighbours.registry import register_of
from nakadachi.telegrams.link import ReportResidentChanges
from nakadachi.terms import NodeName, Role, japan_day
from tests import certifying
from tests.certifying import PORTAL, REGISTER, Certifying, both, fault, read
from tests.invented import Person
from tests.story.pair import until
from tests.story.people import HANA, KENJI, MIYO, SUMI, TARO
from tests.world import Land

pytestmark = pytest.mark.asyncio(loop_scope="module")

ELSEWHERE = "見本県見本市柳町99番"


@dataclass(frozen=True, slots=True)
class Known(certifying.Person):
    """A resident as the counter has them: under the reference that the register gave."""

    reference: Holder = field(kw_only=True)

    @property
    def holder(self) -> Holder:
        return self.reference


@dataclass
class Both:
    """The register, as a node of the country, and the certification service that it tells."""

    land: Land
    town: Certifying

    @property
    def registry(self) -> NodeName:
        return self.land.name(Role.REGISTRY)

    @property
    def register(self) -> Register:
        return register_of(self.land.service(self.registry).node.keys, SeededEntropy(3), certified=True)

    async def known(self, one: Person) -> Known:
        """Whoever comes to the counter: the register says by which reference the service knows them."""
        secret = self.register.holders
        async with self.land.service(self.registry).node.database.acquire() as connection:
            person = await certificate_store.person_of(connection, one.code)
        assert secret is not None
        assert person is not None
        return Known(one.code, one.name, one.address, reference=holder_of_person(secret, person))

    async def happened(self, *lines: dict[str, str]) -> list[str]:
        """Events, applied as `nakadachi registry apply` does it."""
        node = self.land.service(self.registry).node
        now = node.author.clock.now()
        async with node.database.transaction() as connection:
            return [one.state for one in await apply_lines(self.register, connection, lines, now, japan_day(now))]

    async def waiting(self) -> list[dict[str, object]]:
        return await self.land.rows(self.registry, "SELECT * FROM certificate_untold ORDER BY place")

    async def all_told(self) -> None:
        async def none_waits() -> bool:
            return not await self.waiting()

        await until(none_waits)

    async def faults(self, *certificates: HolderCertificate) -> list[Fault | None]:
        async with self.town.client(PORTAL) as portal:
            return [await fault(portal, one) for one in certificates]


def line(event: str, kind: str, one: Person, **says: str) -> dict[str, str]:
    return {"event": event, "kind": kind, "at": "2026-01-05", "code": one.code, **says}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def two(new_land: Land, postgres: PostgresServer, open_directory: Path) -> AsyncIterator[Both]:
    """The registry starts anew with the service in its configuration."""
    folder = open_directory / "jpki_of_register"
    folder.mkdir()
    async with certifying.certifying(await postgres.create_tenant("jpki_of_register"), folder) as town:
        place = new_land.plan.of(Role.REGISTRY)
        config, asked = new_land.country.folder / place.folder / place.instances[0].config, town.client_config(REGISTER)
        said = [f"{one.name} = {json.dumps(str(getattr(asked, one.name)))}" for one in fields(asked)]
        config.write_text("\n".join(["tell_every = 0.2", config.read_text(), "[jpki]", *said]))
        await new_land.country.stop_one(place.name)
        await (await new_land.country.start_one(place, new_land.world)).announce()
        yield Both(new_land, town)
    await postgres.drop_tenant("jpki_of_register")


async def test_a_move_or_another_name_ends_the_signature_certificate_and_a_death_both(two: Both) -> None:
    moved, renamed, dead = [await both(two.town, await two.known(one)) for one in (HANA, SUMI, TARO)]
    assert (
        await two.happened(
            line("move-1", "move", HANA, address=ELSEWHERE),
            line("name-1", "name", SUMI, name="見本 新", kana="ミホン シン"),
            line("death-1", "death", TARO),
        )
        == ["applied"] * 3
    )
    await two.all_told()
    assert await two.faults(*moved, *renamed) == [Fault.REVOKED, None] * 2
    assert await two.faults(*dead) == [Fault.REVOKED] * 2
    with pytest.raises(NotDone) as refused:
        await two.town.issue(await two.known(TARO), Kind.AUTHENTICATION)
    assert refused.value.objection is Objection.PERSON_DEAD
    await two.happened(line("undone-1", "death-undone", TARO))
    await two.all_told()
    assert await two.faults(*await both(two.town, await two.known(TARO))) == [None, None]


async def test_another_number_ends_both_since_the_card_carries_it_and_another_code_none(two: Both) -> None:
    certificates = await both(two.town, await two.known(KENJI))
    before = await two.known(KENJI)
    await two.happened(line("code-1", "code", KENJI, new_code="24727059608"))
    await two.all_told()
    assert await two.faults(*certificates) == [None, None]
    assert await two.known(KENJI) == before
    await two.happened(line("number-1", "number", KENJI) | {"code": "24727059608"})
    await two.all_told()
    assert await two.faults(*certificates) == [Fault.REVOKED] * 2


async def test_what_happens_while_the_service_is_away_reaches_it_when_it_is_back_and_once(two: Both) -> None:
    signature, authentication = await both(two.town, await two.known(MIYO))
    before = len(two.land.tap.legs(ReportResidentChanges))
    await two.town.service.stop()
    assert await two.happened(line("away-1", "move", MIYO, address=ELSEWHERE)) == ["applied"]
    assert await two.happened(line("away-2", "name", MIYO, name="見本 改", kana="ミホン カイ")) == ["applied"]

    async def said_that_it_waits() -> bool:
        return "certificates.wait" in two.land.log.getvalue().decode()

    await until(said_that_it_waits)

    # The core does not wait for the service, and nothing is lost.
    async def core_was_told() -> bool:
        return len(two.land.tap.legs(ReportResidentChanges)) > before

    await until(core_was_told)
    kept = await two.waiting()
    assert [(one["event"], one["change"]) for one in kept] == [("away-1", "address"), ("away-2", "name")]
    await two.town.come_back()
    await two.all_told()
    assert await two.faults(signature, authentication) == [Fault.REVOKED, None]
    # As if the register had been killed after the service heard it: it tells all again, and nothing is done again.
    new = read(await two.town.issue(await two.known(MIYO), Kind.SIGNATURE))
    async with two.land.service(two.registry).node.database.transaction() as connection:
        for one in kept:
            await connection.execute(
                "INSERT INTO certificate_untold (person, event, change, at) VALUES ($1, $2, $3, $4)",
                *(one[name] for name in ("person", "event", "change", "at")),
            )
    await two.all_told()
    assert await two.faults(new, authentication) == [None, None]
    assert two.land.log.getvalue().decode().count("certificates.wait") == 1


async def test_an_event_reported_again_tells_the_service_nothing(two: Both) -> None:
    assert await two.happened(line("away-1", "move", MIYO, address=ELSEWHERE)) == ["known"]
    assert await two.waiting() == []


async def test_the_service_learns_no_code_and_no_number_of_an_event(two: Both) -> None:
    async with two.town.service.jpki.database.acquire() as connection:
        heard = [str(dict(row)) for row in await connection.fetch("SELECT * FROM heard")]
    codes = await two.land.rows(two.registry, "SELECT code FROM code_given UNION SELECT event FROM event")
    assert heard
    assert not [row["code"] for row in codes if row["code"] in "\n".join(heard)]
    assert ELSEWHERE not in two.land.log.getvalue().decode()
