"""A core restored to an earlier state never adds to its old log: it opens a new one, and both are good (design 2.4)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from typer.testing import CliRunner, Result

from nakadachi.cli import app
from nakadachi.core.witnessing import add_checkpoint_request
from nakadachi.country.founding import CONFIG
from nakadachi.country.plan import ORIGIN
from nakadachi.crypto.notes import NoteSigner, sign_note
from nakadachi.ledger.checkpoint import Checkpoint
from nakadachi.ledger.epochs import OriginClosed
from nakadachi.ledger.permits import check_permit
from nakadachi.ledger.tree import leaf_hash
from nakadachi.refusal import Reason
from nakadachi.telegrams.codec import decode_json
from nakadachi.telegrams.envelope import Envelope, Verified
from nakadachi.telegrams.permit import Permit, PermitGranted
from nakadachi.terms import Role
from tests.invented import TSUBAKI
from tests.story.people import HANA
from tests.story.play import Play, good
from tests.world import Land, Told, reason_of

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]
NEW = "core.sample.nakadachi/2"


@dataclass
class Before:
    """What there was before the disaster."""

    told: Told
    """An inquiry that was answered before the backup."""
    later: Told
    """One that was answered after it."""
    granted: tuple[Envelope, bytes]
    """A permit request before the backup, and the permit it got."""
    undecided: Envelope
    """A permit request that was decided at the time of the backup, but had no place in the log."""
    witnessed: int
    entries: int


async def command(*words: object) -> Result:
    """A command in a thread of its own: it brings its own loop."""
    return await asyncio.to_thread(CliRunner().invoke, app, [str(word) for word in words])


def config(land: Land, role: Role) -> Path:
    return land.country.folder / land.plan.of(role).folder / CONFIG


async def witnessed(land: Land, origin: str) -> int:
    rows = await land.rows(land.name(Role.COMMISSION), "SELECT size FROM witnessed WHERE origin = $1", origin)
    return rows[0]["size"] if rows else 0


async def entries(land: Land, origin: str) -> int:
    query = "SELECT count(*) AS n FROM log_entry WHERE origin = $1"
    return int((await land.rows(land.name(Role.CORE), query, origin))[0]["n"])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def restored(land: Land, open_directory: Path) -> AsyncIterator[tuple[Land, Play, Before]]:
    """The country after its core lost its database and got an older backup."""
    play, core = Play(land), land.name(Role.CORE)
    told = await land.ask(HANA.at(TSUBAKI))
    good(told)
    serial, code = await play.serial(), await play.code(TSUBAKI)
    await play.check_prefix(serial)
    request = play.request_permit(serial, code).envelope
    (granted,) = await land.hand(play.server, play.interface, request)
    permit = Verified(granted.header, granted.envelope).part("permit")
    await land.quiet(cosigned=True)
    undecided = await left_pending(land, play)
    made = await command("backup", "--config", config(land, Role.CORE), "--to", open_directory / "backups")
    assert made.exit_code == 0, made.output
    size = await entries(land, ORIGIN)
    await play.parts(core).log.start()

    later = await land.ask(HANA.at(TSUBAKI))
    good(later)
    await land.quiet(cosigned=True)
    before = Before(told, later, (request, permit), undecided, await witnessed(land, ORIGIN), size)
    assert before.witnessed > size

    await land.country.stop_one(core)
    (file,) = (open_directory / "backups").glob("core-*.backup")
    restore = ["restore", "--config", config(land, Role.CORE), "--from", file]
    refused = await command(*restore)
    assert refused.exit_code == 2
    assert "is not empty" in refused.output
    done = await command(*restore, "--replace")
    assert done.exit_code == 0, done.output
    assert "nakadachi core new-origin" in done.output
    with pytest.raises(OriginClosed, match=ORIGIN):
        await land.country.start_one(land.plan.of(Role.CORE), land.world)
    await land.country.stop_one(core)
    await go_on(land)
    yield land, play, before


async def left_pending(land: Land, play: Play) -> Envelope:
    """A permit request that the core decided, and of which it was killed before the log took it up."""
    serial, code = await play.serial(), await play.code(TSUBAKI)
    await play.check_prefix(serial)
    request = play.request_permit(serial, code)
    log = play.parts(play.core).log
    await log.stop()
    (answer,) = await land.hand(play.server, play.interface, request.envelope)
    assert type(answer.header).__name__ == "Pending"
    return request.envelope


async def go_on(land: Land) -> None:
    """The new origin: its key, the directory that lists it, and everybody who needs that."""
    core, commission = land.name(Role.CORE), land.name(Role.COMMISSION)
    new = ["core", "new-origin", "--config", config(land, Role.CORE), "--country", land.country.folder]
    used = await command(*new, "--origin", ORIGIN)
    assert used.exit_code == 2
    assert "was used before" in used.output
    made = await command(*new, "--origin", NEW)
    assert made.exit_code == 0, made.output
    await land.country.stop_one(commission)
    for name in (commission, core):
        await land.country.start_one(land.plan.place(name), land.world)
    await land.service(core).announce()
    await land.quiet(cosigned=True)


async def test_inquiries_are_answered_under_the_new_origin(restored: tuple[Land, Play, Before]) -> None:
    land, play, _ = restored
    told = await land.ask(HANA.at(TSUBAKI))
    good(told)
    await land.quiet(cosigned=True)
    assert await entries(land, NEW) > 0
    assert await witnessed(land, NEW) == await entries(land, NEW)
    one = await play.permitted()
    assert decode_json(one.permit.content, Any)["origin"] == NEW


async def test_the_old_log_gets_no_entry_more_and_what_was_witnessed_of_it_stays(
    restored: tuple[Land, Play, Before],
) -> None:
    land, _, before = restored
    good(await land.ask(HANA.at(TSUBAKI)))
    await land.quiet(cosigned=True)
    assert await entries(land, ORIGIN) == before.entries
    assert await witnessed(land, ORIGIN) == before.witnessed


async def test_the_witness_would_refuse_to_go_on_from_the_older_state(restored: tuple[Land, Play, Before]) -> None:
    land, play, before = restored
    core = land.service(play.core).node
    signer = NoteSigner.from_seed(ORIGIN, core.keys.secret("log"))
    checkpoint = Checkpoint(ORIGIN, before.entries + 1, leaf_hash(b"a fork"))
    body = add_checkpoint_request(before.entries, (), sign_note(checkpoint.text(), signer).decode())
    status, answer = await land.send(play.core, land.name(Role.COMMISSION), body, "/add-checkpoint")
    assert (status, int(answer)) == (409, before.witnessed)


async def test_a_permit_of_the_old_origin_still_verifies_everywhere(restored: tuple[Land, Play, Before]) -> None:
    _, play, before = restored
    for name in (play.server, play.interface, play.other_server, play.other_interface):
        assert check_permit(before.granted[1], play.parts(name).edition.directory).content.origin == ORIGIN


async def test_an_exact_retry_gets_the_permit_of_the_old_origin_again(restored: tuple[Land, Play, Before]) -> None:
    land, play, before = restored
    (answer,) = await land.hand(play.server, play.interface, before.granted[0])
    assert isinstance(answer.header, PermitGranted)
    again = Verified(answer.header, answer.envelope).part("permit")
    first, second = decode_json(before.granted[1], Permit), decode_json(again, Permit)
    assert (second.content, second.index) == (first.content, first.index)
    assert check_permit(again, play.parts(play.server).edition.directory).content.origin == ORIGIN


async def test_what_was_decided_without_a_place_in_the_old_log_is_refused_for_good(
    restored: tuple[Land, Play, Before],
) -> None:
    land, play, before = restored
    (answer,) = await land.hand(play.server, play.interface, before.undecided)
    assert isinstance(answer.header, PermitGranted), reason_of(answer)
    assert [outcome.refused for outcome in answer.header.outcomes] == [Reason.CANCELLED]


async def test_what_was_answered_is_still_there_for_those_who_asked(restored: tuple[Land, Play, Before]) -> None:
    land, _, before = restored
    for told in (before.told, before.later):
        assert told.serial is not None
        assert await land.read(told.serial) == told
