"""One organisation runs the version before this one, then takes this one on the same database (L9, decision 0021)."""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from nakadachi import __version__
from nakadachi.country.plan import COMMISSION_DOCUMENTS, CORE_DOCUMENTS
from nakadachi.crypto.notes import NoteSigner
from nakadachi.kit.keystore import FileKeyStore
from nakadachi.kit.postgres import PostgresServer
from nakadachi.law import lawbook
from nakadachi.ledger.edition import sign_document
from nakadachi.telegrams.codec import decode_frame
from nakadachi.terms import NodeName, OrganisationCode, Role, Serial
from tests.e2e.behind import FORMER, SIDED, Behind, a_country_with
from tests.invented import AOBA, TSUBAKI
from tests.story.people import HANA, KENJI, MIYO, SUMI, TARO, VALUES
from tests.world import Told, inquiry_line, told

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

STAFF = {"staff": "clerk-kikyou", "department": "DESK", "terminal": "T-31", "purpose": "check", "case_number": "P-5"}
WAITS_SECONDS = 30.0
LOOKS_SECONDS, MOST_ATTEMPTS = 12.0, 6
"""A pause that doubles from a second allows so many repetitions in so long."""


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=[TSUBAKI, AOBA], ids=["inquirer", "provider"])
async def behind(
    request: pytest.FixtureRequest, postgres: PostgresServer, open_directory: Path
) -> AsyncIterator[Behind]:
    """The organisation that asks, or the one that provides, is one version behind."""
    late = tuple((role, request.param) for role in SIDED)
    async with a_country_with(postgres, Path(tempfile.mkdtemp(dir=open_directory)), late) as one:
        for organisation in (TSUBAKI, AOBA):
            people = [HANA, TARO, SUMI, *([MIYO, KENJI] if organisation == TSUBAKI else [])]
            linked = await one.land.register(organisation, *(person.line(organisation) for person in people))
            assert set(linked.values()) == {"linked"}
        for person in (HANA, TARO, SUMI):
            await one.land.hold(AOBA, person.at(AOBA), VALUES)
        await one.land.protect(AOBA, TARO.at(AOBA))
        yield one


async def until(done: Callable[[], Awaitable[object]], seconds: float = WAITS_SECONDS) -> None:
    last: object = None
    end = asyncio.get_running_loop().time() + seconds
    while asyncio.get_running_loop().time() < end:
        if (last := await done()) is True:
            return
        await asyncio.sleep(0.2)
    raise AssertionError(f"not within {seconds} seconds: {last!r}")


async def ends(behind: Behind, serial: Serial, ending: str) -> None:
    """Both ends keep the same ending of an exchange, and the core was told it: by both where they exchanged an answer,
    by the one that cancelled.
    """
    ms_a, ms_b = (behind.land.name(Role.INTERMEDIATE, one) for one in (TSUBAKI, AOBA))

    async def agreed() -> object:
        (asked,) = await behind.rows(ms_a, "SELECT state FROM inquiry WHERE serial = $1", serial.value)
        (given,) = await behind.rows(ms_b, "SELECT state FROM asked WHERE serial = $1", serial.value)
        (known,) = await behind.rows(
            behind.land.name(Role.CORE),
            "SELECT inquirer_ending, provider_ending FROM exchange WHERE serial = $1", serial.value,
        )  # fmt: skip
        tellers = known.values() if ending != "cancelled" else [known["inquirer_ending"]]
        said = [asked["state"], given["state"], *tellers]
        return set(said) == {ending} or said

    await until(agreed)


async def held(behind: Behind) -> Serial:
    """An inquiry about Taro, which staff at Aoba have to decide."""
    answer = await behind.land.ask(TARO.at(TSUBAKI))
    assert answer.status == "pending"
    assert answer.serial is not None
    return answer.serial


async def decide(behind: Behind, serial: Serial, decision: str) -> None:
    """What staff at Aoba decide, once the inquiry waits for them."""

    async def decided() -> object:
        status, text = await behind.land.desk(AOBA, "POST", f"held/{serial.value}/{decision}", **STAFF)
        return status == 200 or text

    await until(decided)


async def read(behind: Behind, serial: Serial, status: str) -> None:
    async def reads() -> object:
        now = (await behind.land.read(serial)).status
        return now == status or now

    await until(reads)


def signer(behind: Behind, role: Role, name: str) -> NoteSigner:
    folder = behind.folder / behind.land.plan.of(role).folder
    keys = FileKeyStore(folder / "keys", folder / "unlock", behind.land.world.entropy)
    return NoteSigner.from_seed(name, keys.secret("documents"))


async def new_law_book(behind: Behind, version: int) -> None:
    """A new law book comes into force: the core is told."""
    signers = [signer(behind, Role.CORE, CORE_DOCUMENTS), signer(behind, Role.COMMISSION, COMMISSION_DOCUMENTS)]
    note = sign_document(replace(lawbook.sample(), version=version).to_bytes(), *signers)
    (behind.folder / "lawbook.note").write_bytes(note)
    os.kill(behind.processes.running[behind.land.name(Role.CORE).value].pid, signal.SIGHUP)


async def sends(behind: Behind, kind: str) -> list[dict[str, object]]:
    """What the core still tries to send to whoever is behind, with how often it did."""
    rows = await behind.rows(
        behind.land.name(Role.CORE), "SELECT attempts, destination, frame FROM outbox WHERE destination = $1",
        behind.late[0].name.value,
    )  # fmt: skip
    return [row for row in rows if kind.encode() in _headers(bytes(row["frame"]))]


def _headers(frame: bytes) -> bytes:
    return b" ".join(type(one.header).__name__.encode() for one in decode_frame(frame))


async def test_the_directory_lets_the_former_version_in_and_the_core_sees_which_one_runs(behind: Behind) -> None:
    said = await behind.rows(behind.land.name(Role.CORE), "SELECT node, software FROM operation")
    found = {row["node"]: row["software"] for row in said}
    late = {place.name.value for place in behind.late}
    assert {found[name] for name in late} == {FORMER["version"]}
    assert {version for name, version in found.items() if name not in late} == {__version__}


async def test_an_inquiry_is_answered_at_both_ends(behind: Behind) -> None:
    answer = await behind.land.ask(HANA.at(TSUBAKI))
    assert (answer.status, answer.reason) == ("answered", "")
    assert answer.items == {item: {"value": value} for item, value in VALUES.items()}
    assert answer.serial is not None
    await ends(behind, answer.serial, "answered")


async def bulk(behind: Behind) -> list[Told]:
    lines = [inquiry_line(one.at(TSUBAKI), AOBA) for one in (HANA, SUMI, KENJI, TARO)]
    query = {"lane": "bulk", "purpose": "review", "terminal": "T-7", "case_number": "C-1"}
    status, text = await behind.land.desk(TSUBAKI, "POST", "inquiries", "".join(lines).encode(), **query)
    assert status == 200, text
    return [told(line) for line in text.splitlines()]


async def test_a_file_of_inquiries_is_answered_line_by_line(behind: Behind) -> None:
    one, two, kenji, taro = await bulk(behind)
    assert (kenji.status, kenji.reason) == ("refused", "NOT_LINKED_AT_PROVIDER")
    for answer in (one, two):
        assert answer.serial is not None
        await read(behind, answer.serial, "answered")
        await ends(behind, answer.serial, "answered")
    assert taro.serial is not None
    await decide(behind, taro.serial, "refuse")
    await read(behind, taro.serial, "refused")
    await ends(behind, taro.serial, "refused")


async def test_a_new_law_book_reaches_everybody(behind: Behind) -> None:
    version = lawbook.sample().version + 1
    await new_law_book(behind, version)
    for place in behind.land.plan.places:

        async def holds(name: NodeName = place.name) -> object:
            query = "SELECT 1 FROM edition WHERE kind = 'lawbook' AND version = $1"
            return bool(await behind.rows(name, query, version))

        await until(holds)
    assert (await behind.land.ask(HANA.at(TSUBAKI))).status == "answered"


async def test_a_stop_and_a_start_are_noticed(behind: Behind) -> None:
    late: OrganisationCode = behind.late[0].name.organisation
    await behind.stop_late()
    if late == AOBA:
        refused = await behind.land.ask(HANA.at(TSUBAKI))
        assert (refused.status, refused.reason) == ("refused", "PROVIDER_STOPPED")
    await behind.start_late()

    async def answers() -> object:
        return (await behind.land.ask(HANA.at(TSUBAKI))).status == "answered"

    await until(answers)


async def test_what_the_former_version_does_not_know_is_tried_with_pauses_until_it_is_upgraded(behind: Behind) -> None:
    """Two inquiries wait for staff when the upgrade comes; one that this version cancels cannot be told before it."""
    open_one, cancelled = await held(behind), await held(behind)
    late = behind.late[0].name.organisation
    if late == AOBA:
        status, text = await behind.land.desk(TSUBAKI, "POST", f"inquiries/{cancelled.value}/cancel", **STAFF)
        assert status == 200, text

        async def tried() -> object:
            return bool(await sends(behind, "Close"))

        await until(tried)
        await asyncio.sleep(LOOKS_SECONDS)
        (close,) = await sends(behind, "Close")
        assert 1 <= int(str(close["attempts"])) <= MOST_ATTEMPTS
        # and it does not keep others from being served
        assert (await behind.land.ask(HANA.at(TSUBAKI))).status == "answered"
    before = {
        place.name: await behind.rows(place.name, "SELECT serial, event, at FROM record ORDER BY serial, event, at")
        for place in behind.late
    }
    await behind.stop_late()
    await behind.start_late(upgraded=True)
    for place in behind.late:
        after = await behind.rows(place.name, "SELECT serial, event, at FROM record ORDER BY serial, event, at")
        assert all(row in after for row in before[place.name])
        assert (await behind.land.status(place.name))["version"] == __version__
    await decide(behind, open_one, "answer")
    await read(behind, open_one, "answered")
    await ends(behind, open_one, "answered")
    if late == AOBA:
        await ends_cancelled(behind, cancelled)
    else:
        status, text = await behind.land.desk(TSUBAKI, "POST", f"inquiries/{cancelled.value}/cancel", **STAFF)
        assert status == 200, text
        await ends(behind, cancelled, "cancelled")
    assert (await behind.land.ask(HANA.at(TSUBAKI))).status == "answered"
    one, two, *_ = await bulk(behind)
    assert {one.status, two.status} <= {"answered", "pending"}


async def ends_cancelled(behind: Behind, serial: Serial) -> None:
    """The Close that waited arrives within its longest pause."""

    async def closed() -> object:
        return not await sends(behind, "Close")

    await until(closed, 90.0)
    await ends(behind, serial, "cancelled")


async def test_nothing_is_left_to_be_sent(behind: Behind) -> None:
    for place in behind.land.plan.places:

        async def empty(name: NodeName = place.name) -> object:
            rows = await behind.rows(name, "SELECT destination, attempts FROM outbox WHERE attempts > 0")
            return rows == [] or rows

        await until(empty, 75.0)
