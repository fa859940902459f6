"""An interface system that invents or replays, or turns signatures: nothing wrong is shown, and it is found out."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from nakadachi.kit.author import Enclosure
from nakadachi.refusal import Reason
from nakadachi.telegrams.codec import decode_frame, encode_frame
from nakadachi.telegrams.envelope import Envelope, Outcome, Telegram, Verified
from nakadachi.telegrams.inquiry import InquireAt, InquiryAccepted
from nakadachi.telegrams.permit import PermitGranted, RequestPermit
from nakadachi.telegrams.provision import Provide, ProvisionReceived
from tests.invented import AOBA, TSUBAKI
from tests.story.liar import (
    each_envelope,
    forget_doors,
    found_by,
    lying,
    mauled,
    once,
    once_answered,
    provided,
    settled,
    staff_sees,
)
from tests.story.people import HANA, TARO
from tests.story.play import Permitted, Play, good, outcomes, refused, signed_by
from tests.world import reason_of

pytestmark = pytest.mark.asyncio(loop_scope="module")


# Invents


def in_its_own_hand(play: Play, kind: type[Telegram], **fields: object) -> Callable[[bytes, bytes], bytes]:
    """An answer that the interface system writes in the place of whoever should."""

    def lie(sent: bytes, came: bytes) -> bytes:
        asked, answers = decode_frame(sent), decode_frame(came)
        last = asked[-1]
        telegram = Verified(last.header, last.envelope)
        serials = last.header.exchanges
        invented = play.land.author(play.interface).answer(
            kind, telegram, outcomes=tuple(Outcome(serial=one) for one in serials), **fields
        )
        return encode_frame([*(one.envelope for one in answers[:-1]), invented.envelope])

    return lie


async def test_a_permit_that_an_interface_system_invents_is_none(play: Play) -> None:
    parts = [Enclosure("permit", b"{}"), Enclosure("opening", b"{}", personal=True)]
    lie = once_answered(RequestPermit, in_its_own_hand(play, PermitGranted, parts=parts))
    with lying(play.land, play.server, answer=lie) as liar:
        told = await settled(play, await play.land.ask(HANA.at(TSUBAKI)))
    good(told)
    assert len(liar.lies) == 1
    assert told.serial is not None
    assert await found_by(play.land, play.server, told.serial) == {("ANSWER_UNFIT", play.interface.value)}
    assert await staff_sees(play.land, play.server, told.serial) == {"ANSWER_UNFIT"}


async def test_a_receipt_that_an_interface_system_invents_is_none(play: Play) -> None:
    """The provider's interface system says that the inquirer has it, and keeps the answer to itself."""

    def lie(sent: bytes, _came: bytes) -> bytes:
        (asked,) = decode_frame(sent)
        outcomes_ = tuple(Outcome(serial=one) for one in asked.header.exchanges)
        author = play.land.author(play.other_interface)
        invented = author.answer(ProvisionReceived, Verified(asked.header, asked.envelope), outcomes=outcomes_)
        return encode_frame([invented.envelope])

    with lying(play.land, play.other_server, answer=once_answered(Provide, lie)) as liar:
        told = await settled(play, await play.land.ask(HANA.at(TSUBAKI)))
    assert len(liar.lies) == 1
    good(told)
    assert told.serial is not None
    assert await found_by(play.land, play.other_server, told.serial) == {("ANSWER_UNFIT", play.other_interface.value)}


async def test_an_inquiry_that_an_interface_system_invents_reaches_no_data(play: Play, permitted: Permitted) -> None:
    """It cannot write in the core's hand, and has none of its own for this."""
    forget_doors(play)
    interface = play.land.author(play.other_interface)
    telegram = play.inquire_at(permitted)
    forged = signed_by(telegram, interface)
    assert await refused(play, play.other_interface, play.other_server, forged) is Reason.BAD_SIGNATURE
    own = play.write(
        play.other_interface,
        InquireAt,
        play.other_server,
        prefix=telegram.header.prefix,
        serials=telegram.header.serials,
    )
    assert await refused(play, play.other_interface, play.other_server, own.envelope) is Reason.ROLE_NOT_ALLOWED
    assert await found_by(play.land, play.other_server) >= {
        ("SIGNATURE_INVALID", play.other_interface.value),
        ("TELEGRAM_MISPLACED", play.other_interface.value),
    }
    assert await provided(play, permitted.serial) == 0


# Replays


async def test_an_old_answer_given_again_for_another_exchange_is_none(play: Play) -> None:
    """The permit of one exchange is handed over as the answer for the next one."""
    good(first := await play.land.ask(HANA.at(TSUBAKI)))
    assert first.serial is not None
    (_, _, granted), *_ = play.land.tap.legs(RequestPermit, first.serial)

    def lie(_sent: bytes, came: bytes) -> bytes:
        return encode_frame([*(one.envelope for one in decode_frame(came)[:-1]), granted.envelope])

    with lying(play.land, play.server, answer=once_answered(RequestPermit, lie)):
        told = await settled(play, await play.land.ask(HANA.at(TSUBAKI)))
    good(told)
    assert told.serial is not None
    assert await found_by(play.land, play.server, told.serial) == {("ANSWER_UNFIT", play.interface.value)}


async def test_an_old_acceptance_given_again_for_another_exchange_is_none(play: Play) -> None:
    good(first := await play.land.ask(HANA.at(TSUBAKI)))
    assert first.serial is not None
    (_, _, accepted), *_ = play.land.tap.legs(InquireAt, first.serial)
    assert isinstance(accepted.header, InquiryAccepted)
    lie = once_answered(InquireAt, lambda _sent, _came: encode_frame([accepted.envelope]))
    with lying(play.land, play.core, answer=lie) as liar:
        told = await settled(play, await play.land.ask(HANA.at(TSUBAKI)))
    assert len(liar.lies) == 1
    good(told)
    assert told.serial is not None
    assert await found_by(play.land, play.core, told.serial) == {("ANSWER_UNFIT", play.other_interface.value)}


async def test_every_old_telegram_sent_again_changes_nothing_anywhere(play: Play) -> None:
    """Exact bytes get the former answer, at every node that ever got them."""
    good(told := await play.land.ask(HANA.at(TSUBAKI)))
    assert told.serial is not None
    await play.land.quiet()
    before = await play.land.states()
    flights = [
        flight
        for flight in play.land.tap.flights
        if any(told.serial in one.header.exchanges for one in flight.telegrams) and flight.answer is not None
    ]
    assert len(flights) >= 8
    for flight in flights:
        status, answer = await play.land.send(flight.sender, flight.to, flight.request)
        assert status == 200
        final = [one.envelope for _, one in flight.pairs]
        assert [one.envelope for one in decode_frame(answer)][: len(final)] == final or reasons(answer) == {None}
    await play.land.quiet()
    assert await play.land.states() == before


def reasons(frame: bytes) -> set[Reason | None]:
    """Why the telegrams of a frame were refused as a whole."""
    return {reason_of(one) for one in decode_frame(frame)}


async def test_a_body_of_one_exchange_in_the_telegram_of_another_is_refused_and_found(play: Play) -> None:
    """Crossing two answers on their way: the header names its own parts."""
    forget_doors(play)
    good(first := await play.land.ask(HANA.at(TSUBAKI)))
    assert first.serial is not None
    (_, other, _), *_ = play.land.tap.legs(Provide, first.serial)
    swap = each_envelope(lambda envelope: Envelope(envelope.jws, other.envelope.parts))
    with lying(play.land, play.other_interface, request=once(Provide, swap)) as liar:
        told = await settled(play, await play.land.ask(HANA.at(TSUBAKI)))
    assert len(liar.lies) == 1
    good(told)
    assert ("TELEGRAM_ALTERED", play.other_interface.value) in await found_by(play.land, play.interface)


# The other form of a signature


async def test_a_signature_turned_into_its_other_form_does_not_spoil_the_authors_own_retry(
    play: Play, permitted: Permitted
) -> None:
    inquiry = play.inquire(permitted)
    turned = mauled(inquiry.envelope)
    assert turned != inquiry.envelope
    first, second = [
        (await play.land.hand(play.server, play.interface, envelope))[0] for envelope in (turned, inquiry.envelope)
    ]
    assert reason_of(first) is reason_of(second) is None
    assert outcomes(first) == outcomes(second) == [None]
    assert await provided(play, permitted.serial) <= 1


async def test_a_held_exchange_is_answered_once_though_every_signature_was_turned(play: Play) -> None:
    turn = each_envelope(mauled)
    with lying(play.land, play.interface, request=lambda _to, body: turn(body)):
        told = await play.land.ask(TARO.at(TSUBAKI))
        assert told.status == "pending"
    assert told.serial is not None
    status, _ = await play.land.desk(AOBA, "POST", f"held/{told.serial.value}/answer", staff="clerk")
    assert status == 200
    good(await settled(play, told))
