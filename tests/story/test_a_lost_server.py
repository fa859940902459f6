"""PostgreSQL is killed and its data are destroyed: with the archive, nothing that was answered is lost (I15, N2)."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import asyncpg
import pytest
import pytest_asyncio
from typer.testing import CliRunner, Result

from nakadachi.cli import app
from nakadachi.country.founding import CONFIG
from nakadachi.country.plan import ORIGIN
from nakadachi.kit.postgres import EmbeddedPostgres
from nakadachi.ledger.permits import check_permit
from nakadachi.telegrams.codec import decode_frame, decode_json
from nakadachi.telegrams.envelope import Pending, Refused, Verified
from nakadachi.telegrams.inquiry import Inquire
from nakadachi.telegrams.permit import Permit, PermitGranted, RequestPermit
from nakadachi.telegrams.provision import Provide
from nakadachi.terms import Role
from tests.invented import TSUBAKI
from tests.story.people import EVERYBODY, HANA, settle
from tests.story.play import Play, good
from tests.tap import Flight
from tests.world import Land, Told, a_country

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]
ANSWERED, ASKERS = 12, 3
STARTS_SECONDS = 60.0
ENDS_SECONDS = 2.0
"""How long whatever was under way at the kill may still take to break off."""


@dataclass
class Disaster:
    """What there was when PostgreSQL was killed, and the folder of the backups."""

    land: Land
    server: EmbeddedPostgres
    folder: Path
    state: Path
    answered: list[Told]
    flights: list[Flight]
    halfway: tuple[datetime, Told, Told]
    """A moment between two answers, the last before and the first after it."""

    @property
    def keys(self) -> list[object]:
        return ["--keys", self.folder / "keys", "--unlock", self.folder / "unlock"]

    async def rebuild(self, *words: object) -> Result:
        """Build the server anew."""
        where = ["--state", self.state, "--base", self.folder / "bases", "--wal", self.folder / "wal"]
        return await command("restore-server", *where, *self.keys, *words)


async def command(*words: object) -> Result:
    """A command in a thread of its own: it brings its own loop."""
    return await asyncio.to_thread(CliRunner().invoke, app, [str(word) for word in words])


@contextmanager
def archiving(folder: Path, *words: object) -> Iterator[None]:
    """`nakadachi backup wal --demand` as a process."""
    run = [sys.executable, "-m", "nakadachi", "backup", "wal", "--demand", *map(str, words)]
    run += ["--spool", str(folder / "spool"), "--to", str(folder / "wal")]
    process = subprocess.Popen(run, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        assert b"receives into" in process.stdout.readline()
        yield
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def disaster(open_directory: Path) -> AsyncIterator[Disaster]:
    """A country whose server was killed and its data destroyed while inquiries were being answered."""
    state, folder = open_directory / "lost", open_directory / "lost-backups"
    server = EmbeddedPostgres(state)
    await server.start()
    try:
        async with a_country(server, open_directory, EVERYBODY) as land:
            await settle(land)
            keys = ["--state", state, "--keys", folder / "keys", "--unlock", folder / "unlock"]
            made = await command("backup", "server", *keys, "--to", folder / "bases")
            assert made.exit_code == 0, made.output
            with archiving(folder, *keys):
                first = await land.ask(HANA.at(TSUBAKI))
                good(first)
                await land.quiet()
                between = datetime.now(UTC)
                second = await land.ask(HANA.at(TSUBAKI))
                good(second)
                answered = [first, second, *await ask_until_killed(land, server)]
            flights = [flight for flight in land.tap.flights if flight.answer is not None and not flight.path]
            await asyncio.wait_for(land.country.stop(), STARTS_SECONDS)
            await server.stop()
            shutil.rmtree(state / "postgres" / "data")
            yield Disaster(land, server, folder, state, answered, flights, (between, first, second))
            await server.start()
    finally:
        await server.stop()


async def ask_until_killed(land: Land, server: EmbeddedPostgres) -> list[Told]:
    """What was answered while PostgreSQL was killed in the middle; what it ended in waits for a database since."""
    answered: list[Told] = []
    killed = asyncio.Event()

    async def asker() -> None:
        while True:
            try:
                told = await land.ask(HANA.at(TSUBAKI))
            except (AssertionError, OSError, aiohttp.ClientError):
                return
            if told.status == "answered":
                answered.append(told)
            if len(answered) >= ANSWERED:
                kill(server)
                killed.set()

    askers = [asyncio.create_task(asker()) for _ in range(ASKERS)]
    await asyncio.wait_for(killed.wait(), STARTS_SECONDS)
    ended, waiting = await asyncio.wait(askers, timeout=ENDS_SECONDS)
    for one in waiting:
        one.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    for one in ended:
        one.result()
    return answered


def kill(server: EmbeddedPostgres) -> None:
    """SIGKILL to the server and all of its processes."""
    if server._running is None:
        return
    main = server._running.server.pid
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = (entry / "stat").read_text().rpartition(")")[2].split()[1]
            except OSError:
                continue
            if int(parent) == main:
                os.kill(int(entry.name), signal.SIGKILL)
    os.kill(main, signal.SIGKILL)


async def test_a_time_before_every_base_or_after_the_archives_end_is_refused(disaster: Disaster) -> None:
    early = await disaster.rebuild("--at", "2020-01-01T00:00:00+09:00")
    assert (early.exit_code, "holds no base backup begun before" in early.output) == (2, True)
    late = await disaster.rebuild("--at", "2199-01-01T00:00:00+09:00")
    assert late.exit_code == 2
    assert "before configured recovery target was reached" in late.output
    zoneless = await disaster.rebuild("--at", "2026-11-21T10:00:00")
    assert (zoneless.exit_code, "give its zone too" in zoneless.output) == (2, True)
    assert not (disaster.state / "postgres" / "data").exists()


async def test_the_server_comes_back_as_it_was_at_a_time(disaster: Disaster) -> None:
    between, first, second = disaster.halfway
    done = await disaster.rebuild("--spool", disaster.folder / "spool", "--at", between.isoformat())
    assert done.exit_code == 0, done.output
    place = disaster.land.plan.of(Role.INTERMEDIATE, TSUBAKI)
    dsn = (disaster.land.country.folder / place.folder / "database").read_text()
    await disaster.server.start()
    kept = await serials(dsn)
    await disaster.server.stop()
    assert first.serial is not None
    assert second.serial is not None
    assert first.serial.value in kept
    assert second.serial.value not in kept


async def serials(dsn: str) -> set[str]:
    """The exchanges that a system has on record."""
    connection = await asyncpg.connect(dsn)
    rows = await connection.fetch("SELECT serial FROM record")
    await connection.close()
    return {row["serial"] for row in rows}


async def test_with_the_whole_archive_every_answered_telegram_is_there_and_a_retry_gets_its_answer(
    disaster: Disaster,
) -> None:
    land = disaster.land
    refused = await disaster.rebuild("--spool", disaster.folder / "spool")
    assert (refused.exit_code, "with --replace it is set aside" in refused.output) == (2, True)
    done = await disaster.rebuild("--spool", disaster.folder / "spool", "--replace")
    assert done.exit_code == 0, done.output
    await disaster.server.start()
    config = land.country.folder / land.plan.of(Role.CORE).folder / CONFIG
    made = await command(
        "core", "new-origin", "--config", config, "--origin", "core.sample/2", "--country", land.country.folder
    )
    assert made.exit_code == 0, made.output
    await land.country.start(land.world)

    assert len(disaster.answered) >= ANSWERED
    for told in disaster.answered:
        assert told.serial is not None
        assert await land.read(told.serial) == told
    play = Play(land)
    retried = [await again(play, flight) for flight in disaster.flights]
    assert min(retried.count(kind) for kind in (RequestPermit, Inquire, Provide)) >= ANSWERED
    good(await land.ask(HANA.at(TSUBAKI)))


async def again(play: Play, flight: Flight) -> type | None:
    """Send a request once more that was answered before: its kind, where the answer was final and came again.

    Refused as a whole were those that met the database while it died.
    """
    former = flight.answers[-1]
    kind = type(flight.telegrams[-1].header)
    if isinstance(former.header, Pending | Refused) or kind not in (RequestPermit, Inquire, Provide):
        return None
    status, body = await play.land.send(flight.sender, flight.to, flight.request)
    assert status == 200
    answer = decode_frame(body)[-1]
    if isinstance(former.header, PermitGranted):
        assert isinstance(answer.header, PermitGranted)
        one, two = (Verified(each.header, each.envelope).part("permit") for each in (former, answer))
        assert decode_json(one, Permit).content == decode_json(two, Permit).content
        assert check_permit(two, play.parts(play.server).edition.directory).content.origin == ORIGIN
    else:
        assert answer.envelope == former.envelope
    return kind
