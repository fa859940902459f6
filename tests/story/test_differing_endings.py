"""Two ends say different things of how an exchange ended: the core believes neither, and the Commission is told."""

from __future__ import annotations

import pytest

from nakadachi.telegrams.closing import Close
from nakadachi.telegrams.inquiry import Completion, Ending, Noted
from nakadachi.telegrams.provision import ProvisionCompleted
from nakadachi.terms import Serial
from tests.story.liar import found_by
from tests.story.play import Play
from tests.story.test_bad_answers import held

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def closes(play: Play, serial: Serial, ending: Ending) -> None:
    """The inquirer tells the core how it ended without an answer."""
    said = Completion(serial=serial, ending=ending, ended_at=play.land.clock.now())
    word = play.write(play.server, Close, play.core, closings=(said,))
    (answer,) = await play.land.hand(play.interface, play.core, word.envelope)
    assert isinstance(answer.header, Noted)


async def completes(play: Play, serial: Serial, ending: Ending) -> None:
    """The provider tells the core how it ended."""
    said = Completion(serial=serial, ending=ending, ended_at=play.land.clock.now())
    word = play.write(play.other_server, ProvisionCompleted, play.core, completions=(said,))
    (answer,) = await play.land.hand(play.other_interface, play.core, word.envelope)
    assert isinstance(answer.header, Noted)


async def stands(play: Play, serial: Serial) -> str:
    (row,) = await play.land.rows(play.core, "SELECT ending FROM exchange WHERE serial = $1", serial.value)
    return str(row["ending"])


async def test_answered_at_one_end_only_is_unknown_and_found(play: Play) -> None:
    one = await held(play)
    await completes(play, one.serial, Ending.ANSWERED)
    await closes(play, one.serial, Ending.TIMED_OUT)
    assert await stands(play, one.serial) == "unknown"
    assert await found_by(play.land, play.core, one.serial) == {("ENDINGS_DIFFER", "")}


async def test_an_end_that_does_not_know_is_found_as_that(play: Play) -> None:
    one = await held(play)
    await closes(play, one.serial, Ending.UNKNOWN)
    assert await found_by(play.land, play.core, one.serial) == {("UNKNOWN_ENDING", "")}


async def test_two_ends_that_say_the_same_are_no_finding(play: Play) -> None:
    one = await held(play)
    await completes(play, one.serial, Ending.TIMED_OUT)
    await closes(play, one.serial, Ending.TIMED_OUT)
    assert await found_by(play.land, play.core, one.serial) == set()
