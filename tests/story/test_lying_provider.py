"""A provider that answers twice, about another, or for another's eyes is refused, found out, and shows nothing."""

from __future__ import annotations

import msgspec
import pytest

from nakadachi.crypto.sealing import SealSuite, new_private
from nakadachi.intermediate import provision
from nakadachi.refusal import Reason
from nakadachi.telegrams.envelope import Verified
from nakadachi.telegrams.provision import Provide
from tests.invented import AOBA, TSUBAKI
from tests.story.liar import found_by, staff_sees
from tests.story.people import HANA, MIYO
from tests.story.play import Permitted, Play, good, outcomes, refused, stated
from tests.story.test_bad_answers import body_of, held, provide, sealed

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def refuses(play: Play, one: Permitted, wrong: Verified[Provide], reasons: set[Reason]) -> None:
    """The inquirer refuses a body for one of these reasons and shows nothing of it; staff and the Commission know."""
    (answer,) = await play.land.hand(play.other_interface, play.interface, wrong.envelope)
    assert set(outcomes(answer)) <= reasons
    told = await play.land.read(one.serial)
    assert (told.status, told.items) == ("refused", {})
    assert await staff_sees(play.land, play.server, one.serial) == {"ANSWER_CROSSED"}
    assert await found_by(play.land, play.server, one.serial) == {("ANSWER_CROSSED", play.other_server.value)}


async def test_the_body_of_another_exchange_is_refused_and_the_commission_is_told(play: Play) -> None:
    one, other = await held(play), await held(play)
    crossed = provide(play, one, sealed=sealed(other, body_of(other)))
    await refuses(play, one, crossed, {Reason.BAD_FORMAT, Reason.SUBJECT_MISMATCH})


async def test_another_persons_body_under_the_right_serial_is_refused_and_the_commission_is_told(play: Play) -> None:
    one = await held(play)
    subject = {"born": HANA.born, "sex": HANA.sex, "kana": HANA.kana}
    crossed = provide(play, one, sealed=sealed(one, body_of(one, subject=subject)))
    await refuses(play, one, crossed, {Reason.SUBJECT_MISMATCH})


async def test_a_body_sealed_for_another_key_is_refused_and_the_commission_is_told(play: Play) -> None:
    one = await held(play)
    key = new_private(SealSuite(one.statement.suite), bytes(32)).public_bytes
    crossed = provide(play, one, sealed=sealed(stated(one, body_key=key), body_of(one)))
    await refuses(play, one, crossed, {Reason.BAD_FORMAT})


async def test_a_body_that_says_too_little_of_whom_it_is_about_is_refused(play: Play) -> None:
    one = await held(play)
    body = msgspec.structs.replace(body_of(one), subject={"sex": "1"})
    await refuses(play, one, provide(play, one, sealed=sealed(one, body)), {Reason.SUBJECT_MISMATCH})


async def test_a_second_answer_with_other_bytes_is_refused_and_the_first_stays(play: Play) -> None:
    one = await held(play)
    status, _ = await play.land.desk(AOBA, "POST", f"held/{one.serial.value}/answer", staff="clerk")
    assert status == 200
    await play.land.quiet()
    good(await play.land.read(one.serial))
    item = msgspec.structs.replace(body_of(one).items[0], value="999")
    again = provide(play, one, sealed=sealed(one, body_of(one, items=(item,))))
    assert await refused(play, play.other_server, play.other_interface, again.envelope) is Reason.OUT_OF_TURN
    assert await refused(play, play.other_interface, play.interface, again.envelope) is Reason.OUT_OF_TURN
    assert await refused(play, play.interface, play.server, again.envelope) is Reason.OUT_OF_TURN
    good(await play.land.read(one.serial))
    assert ("ANSWER_AGAIN", play.other_server.value) in await found_by(play.land, play.server, one.serial)
    assert "ANSWER_AGAIN" in await staff_sees(play.land, play.server, one.serial)


async def test_an_answer_after_a_refusal_is_refused_and_never_shown(play: Play) -> None:
    one = await held(play)
    refusal = provide(play, one, refused=Reason.WITHHELD, body=b"")
    (answer,) = await play.land.hand(play.other_interface, play.interface, refusal.envelope)
    assert outcomes(answer) == [Reason.WITHHELD]
    late = provide(play, one, sealed=sealed(one, body_of(one)))
    assert await refused(play, play.other_interface, play.interface, late.envelope) is Reason.OUT_OF_TURN
    assert await refused(play, play.interface, play.server, late.envelope) is Reason.OUT_OF_TURN
    told = await play.land.read(one.serial)
    assert (told.status, told.reason, told.items) == ("refused", "WITHHELD", {})
    assert ("ANSWER_AGAIN", play.other_server.value) in await found_by(play.land, play.interface, one.serial)


async def test_a_provider_that_claims_a_match_it_did_not_find_is_found_by_the_inquirer(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own row says another date of birth; it passes over the subject check and provides what the row has."""
    monkeypatch.setattr(provision, "_require_same_subject", lambda *_: None)
    told = await play.land.ask(MIYO.at(TSUBAKI))
    assert (told.status, told.reason, told.items) == ("refused", "SUBJECT_MISMATCH", {})
    assert told.serial is not None
    await play.land.quiet()
    assert await staff_sees(play.land, play.server, told.serial) == {"ANSWER_CROSSED"}
    assert await found_by(play.land, play.server, told.serial) == {("ANSWER_CROSSED", play.other_server.value)}


async def test_an_honest_mismatch_is_known_to_both_ends_staff_and_to_the_commission_of_both(play: Play) -> None:
    told = await play.land.ask(MIYO.at(TSUBAKI))
    assert (told.status, told.reason, told.items) == ("refused", "SUBJECT_MISMATCH", {})
    assert told.serial is not None
    for server in (play.server, play.other_server):
        assert await found_by(play.land, server, told.serial) == {("SUBJECT_MISMATCH", "")}
        assert await staff_sees(play.land, server, told.serial) == {"SUBJECT_MISMATCH"}


async def test_an_answer_in_the_place_of_another_organisation_is_found(play: Play) -> None:
    one = await held(play)
    wrong = provide(play, one, play.third_server)
    assert await refused(play, play.third_interface, play.interface, wrong.envelope) is Reason.ROLE_NOT_ALLOWED
    assert await refused(play, play.interface, play.server, wrong.envelope) is Reason.ROLE_NOT_ALLOWED
    expected = {("TELEGRAM_MISPLACED", play.third_server.value)}
    assert await found_by(play.land, play.interface, one.serial) == expected
    assert await found_by(play.land, play.server, one.serial) == expected


async def test_an_answer_with_the_leaf_of_another_exchange_is_found(play: Play) -> None:
    one, other = await held(play), await held(play)
    wrong = provide(play, one, leaf_hash=other.statement.leaf_hash)
    assert await refused(play, play.interface, play.server, wrong.envelope) is Reason.PERMIT_INVALID
    assert await found_by(play.land, play.server, one.serial) == {("ANSWER_CROSSED", play.other_server.value)}
