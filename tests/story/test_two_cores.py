"""Two cores on one database: each has its log, and what one that went left behind is the other's to finish (N3)."""

from __future__ import annotations

import asyncio

import pytest

from nakadachi.crypto.notes import NoteVerifier
from nakadachi.ledger.checkpoint import open_checkpoint
from nakadachi.ledger.log import SHORT_LEASE
from nakadachi.telegrams.envelope import Pending
from nakadachi.telegrams.inquiry import Inquire
from nakadachi.telegrams.permit import PermitGranted, RequestPermit
from tests.invented import TSUBAKI
from tests.story.pair import Pair, permit_of, request, until
from tests.story.people import HANA
from tests.story.play import Play, good

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]


FIRST, SECOND = "core.sample.nakadachi/1", "core.sample.nakadachi/2"


async def test_each_core_writes_its_own_log(pair: Pair, hands: Play) -> None:
    origins = []
    for number in (1, 2):
        _, asked = await request(hands)
        (granted,) = await pair.hand(number, hands.interface, hands.core, asked.envelope)
        origins.append(permit_of(hands, granted).content.origin)
    assert origins == [FIRST, SECOND]


async def test_a_permit_of_one_core_is_good_at_the_other(pair: Pair, hands: Play) -> None:
    """The inquiry goes to the core that did not give the permit: the head enclosed is of the permit's own log."""
    pair.to_second.add((Inquire, hands.core))
    good(await pair.land.ask(HANA.at(TSUBAKI)))
    pair.to_second = {(RequestPermit, hands.core)}
    good(await pair.land.ask(HANA.at(TSUBAKI)))


async def test_a_gone_cores_pending_permit_is_given_by_the_other_and_its_log_goes_on(pair: Pair, hands: Play) -> None:
    land = pair.land
    core = land.service(hands.core).system.parts
    # The first core decides, and goes before the entry has its place: it says nothing and gives back no lease.
    for task in core.log._tasks:
        task.cancel()
    await asyncio.gather(*core.log._tasks, return_exceptions=True)
    serial, asked = await request(hands)
    pending = asyncio.create_task(pair.hand(1, hands.interface, hands.core, asked.envelope))

    async def decided() -> bool:
        return bool(await land.rows(hands.core, "SELECT FROM exchange WHERE serial = $1", serial.value))

    await until(decided)
    waiting = asyncio.create_task(pair.hand(2, hands.interface, hands.core, asked.envelope))
    land.clock.ahead += SHORT_LEASE
    (granted,) = await waiting
    checked = permit_of(hands, granted)
    assert (checked.content.origin, checked.content.serial) == (FIRST, serial)
    (former,) = await pending
    assert isinstance(former.header, Pending | PermitGranted)

    async def cosigned() -> bool:
        rows = await land.rows(hands.core, "SELECT max(size) AS size FROM log_cosigned WHERE origin = $1", FIRST)
        return bool(rows[0]["size"] > checked.index)

    # The first one knows nothing of that entry: whoever had it cosigned is the other.
    assert core.log.size <= checked.index
    await until(cosigned)
    # It comes back, takes up its lease again, and its log goes on after that entry.
    core.log._tasks = [asyncio.create_task(core.log._work()), asyncio.create_task(core.log._renew())]
    core.log._wake.set()
    _, again = await request(hands)
    (next_one,) = await pair.hand(1, hands.interface, hands.core, again.envelope)
    later = permit_of(hands, next_one)
    assert (later.content.origin, later.index) == (FIRST, checked.index + 1)


async def test_either_core_shows_both_logs_to_an_outsider(pair: Pair, hands: Play) -> None:
    land = pair.land
    session = land._session(land.country.folder / land.plan.place(hands.core).folder)
    directory = hands.parts(hands.server).edition.directory
    for instance in land.plan.place(hands.core).instances:

        async def get(path: str, url: str = instance.url) -> tuple[int, str | int]:
            """Status, and the text, or the length of what is none."""
            host = f"core.{hands.core.organisation}.nakadachi.internal"
            async with session.get(url + path, server_hostname=host) as answer:
                immutable = answer.status == 200 and "/tile/" in path
                assert ("immutable" in answer.headers.get("Cache-Control", "")) is immutable
                body = await answer.read()
                return answer.status, len(body) if immutable else body.decode()

        assert await get("/log/origins") == (200, f"{FIRST}\n{SECOND}\n")
        for origin in (FIRST, SECOND):
            keys = (NoteVerifier.from_vkey(directory.log_key(origin)),)
            _, note = await get(f"/log/{origin}/checkpoint")
            size = open_checkpoint(str(note).encode(), keys, origin).checkpoint.size
            assert 0 < size < 256
            for kind, width in (("0", 32), ("entries", 34)):
                assert await get(f"/log/{origin}/tile/{kind}/000.p/{size}") == (200, width * size)
                assert (await get(f"/log/{origin}/tile/{kind}/000"))[0] == 404
        for nothing in ("nobody/checkpoint", "nobody/tile/0/000.p/1", f"{FIRST}/tile/0/0", f"{FIRST}/tile/64/000.p/1"):
            assert (await get(f"/log/{nothing}"))[0] == 404


async def test_another_authors_request_of_the_same_number_gets_nothing_of_it(pair: Pair, hands: Play) -> None:
    """The number of a telegram is its author's; another's permits are never recalled by it."""
    rows = await pair.land.rows(hands.core, "SELECT request_id, serial FROM exchange ORDER BY requested_at LIMIT 1")
    assert rows
    core = pair.land.service(hands.core).system.parts
    serial, asked = await request(hands)
    await pair.hand(1, hands.interface, hands.core, asked.envelope)
    kept = "UPDATE exchange SET request_id = $1 WHERE serial = $2"
    async with pair.land.service(hands.core).node.database.acquire() as connection:
        await connection.execute(kept, asked.header.id.value, rows[0]["serial"])
    assert len(await core.recall(asked.header.id)) == 2
    (again,) = await pair.hand(2, hands.interface, hands.core, asked.envelope)
    assert isinstance(again.header, PermitGranted)
    assert [outcome.serial for outcome in again.header.outcomes] == [serial]
