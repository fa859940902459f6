"""A log that never stands still has its heads cosigned all the same, and is checked from outside while it grows."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from nakadachi.cli import app
from nakadachi.country.founding import CONFIG
from nakadachi.country.plan import ORIGIN
from nakadachi.terms import Role
from tests.story.play import Play

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]


class Grown:
    """Entries that no decision stands behind: a log takes any."""

    def __init__(self, play: Play) -> None:
        self.log, self.head = play.parts(play.core).log, play.parts(play.core).head
        self._database = play.land.service(play.core).node.database
        self._number = 0

    async def by(self, count: int) -> None:
        entries = []
        for _ in range(count):
            self._number += 1
            entries.append(hashlib.sha256(f"grown {self._number}".encode()).digest())
        async with self._database.transaction() as connection:
            await self.log.append(connection, entries)
        self.log.expect(entries)
        assert await self.log.place(entries[-1], 5) is not None
        self.log.forget(entries)

    def cosigned(self) -> int:
        return int(self.head[0].split("\n")[1])


@pytest.fixture(scope="module")
def grown(play: Play) -> Grown:
    return Grown(play)


async def check(play: Play, *words: object) -> Result:
    """`nakadachi ledger check` as an officer of the Commission runs it: by the Commission's configuration."""
    core, commission = play.land.plan.of(Role.CORE), play.land.plan.of(Role.COMMISSION)
    config = play.land.country.folder / commission.folder / CONFIG
    given = ("ledger", "check", f"{core.url}/log/{ORIGIN}", "--config", config, *words)
    return await asyncio.to_thread(CliRunner().invoke, app, [str(word) for word in given])


async def test_a_head_is_cosigned_though_the_log_grows_while_its_proof_is_made(
    grown: Grown, monkeypatch: pytest.MonkeyPatch
) -> None:
    prove, asked = grown.log.consistency, []

    async def and_grow(old: int, size: int) -> tuple[bytes, ...]:
        proof = await prove(old, size)
        await grown.by(3)
        asked.append(size)
        return proof

    monkeypatch.setattr(grown.log, "consistency", and_grow)
    before = grown.cosigned()
    await grown.by(5)
    for _ in range(100):
        await asyncio.sleep(0.05)
        if len(asked) >= 3 and grown.cosigned() >= asked[-2]:
            break
    assert len(asked) >= 3
    assert before < grown.cosigned() < grown.log.size


async def test_the_whole_log_is_checked_at_the_cores_door_again_and_again(
    play: Play, grown: Grown, tmp_path: Path
) -> None:
    await grown.by(600)
    await play.land.quiet(cosigned=True)
    size, state = grown.cosigned(), tmp_path / "core.note"
    first = await check(play, "--state", state)
    assert first.exit_code == 0, first.output
    assert f"entries: {size}" in first.stdout
    await grown.by(300)
    await play.land.quiet(cosigned=True)
    again = await check(play, "--state", state)
    assert again.exit_code == 0, again.output
    assert f"it only adds to the {size} entries of the last check" in again.stdout
    assert f"entries: {grown.cosigned()}" in again.stdout


async def test_a_record_dropped_from_the_cores_database_is_found_from_outside(play: Play) -> None:
    """Whoever holds the database can change it, but not so that an outsider does not see it (C14)."""
    database = play.land.service(play.core).node.database
    async with database.transaction() as connection:
        kept = await connection.fetchrow("SELECT first, entries FROM log_chunk ORDER BY length(entries) DESC LIMIT 1")
        changed = bytes(kept["entries"][:-32]) + hashlib.sha256(b"another").digest()
        await connection.execute("UPDATE log_chunk SET entries = $2 WHERE first = $1", kept["first"], changed)
    found = await check(play)
    place = kept["first"] + len(changed) // 32 - 1
    assert found.exit_code == 1
    assert f"entry {place} is not what tile/0/" in found.stderr
    async with database.transaction() as connection:
        await connection.execute("UPDATE log_chunk SET entries = $2 WHERE first = $1", kept["first"], kept["entries"])
    assert (await check(play)).exit_code == 0
