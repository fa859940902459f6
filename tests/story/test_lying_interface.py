"""An interface system that drops, alters, invents or replays: nothing wrong is shown, and it is found out."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from nakadachi.telegrams.envelope import Envelope, Telegram
from nakadachi.telegrams.inquiry import Inquire, InquireAt
from nakadachi.telegrams.permit import RequestPermit
from nakadachi.telegrams.provision import Provide
from tests.invented import AOBA, TSUBAKI
from tests.story.liar import (
    each_envelope,
    forget_doors,
    found_by,
    lying,
    once,
    once_answered,
    provided,
    settled,
    staff_sees,
)
from tests.story.people import HANA, TARO
from tests.story.play import Play, good
from tests.world import Told

pytestmark = pytest.mark.asyncio(loop_scope="module")

INQUIRERS = [(Inquire, TSUBAKI), (RequestPermit, TSUBAKI)]
"""Telegrams of ours that an inquirer's interface system passes on to the core."""
PASSED = [*INQUIRERS, (InquireAt, AOBA), (Provide, AOBA), (Provide, TSUBAKI)]
"""All it passes of an inquiry, with the organisation whose interface system it is."""


def nothing_shown(told: Told) -> None:
    """Nothing of anybody's has reached the existing system."""
    assert told.items == {}
    assert told.status in {"refused", "pending"}


# Drops


@pytest.mark.parametrize(("kind", "organisation"), PASSED, ids=lambda one: getattr(one, "__name__", str(one)))
async def test_what_an_interface_system_drops_once_is_sent_again_and_answered_once(
    play: Play, kind: type[Telegram], organisation: object
) -> None:
    name = play.interface if organisation == TSUBAKI else play.other_interface
    with lying(play.land, name, request=once(kind, lambda _: None)) as liar:
        told = await play.land.ask(HANA.at(TSUBAKI))
        good(await settled(play, told))
    assert len(liar.lies) == 1
    assert told.serial is not None
    assert await provided(play, told.serial) == 1


@pytest.mark.parametrize(("kind", "organisation"), PASSED, ids=lambda one: getattr(one, "__name__", str(one)))
async def test_an_answer_that_an_interface_system_drops_is_fetched_again_and_nothing_happens_twice(
    play: Play, kind: type[Telegram], organisation: object
) -> None:
    name = play.interface if organisation == TSUBAKI else play.other_interface
    with lying(play.land, name, answer=once_answered(kind, lambda _sent, _came: None)) as liar:
        told = await play.land.ask(HANA.at(TSUBAKI))
        good(await settled(play, told))
    assert len(liar.lies) == 1
    assert told.serial is not None
    assert await provided(play, told.serial) == 1


@pytest.mark.slow
async def test_while_an_interface_system_drops_all_nothing_is_shown_and_later_it_is_answered(play: Play) -> None:
    with lying(play.land, play.interface, request=lambda _to, _body: None):
        told = await play.land.ask(HANA.at(TSUBAKI))
        assert (told.status, told.items) == ("pending", {})
    good(await settled(play, told))


# Alters


def flipped_header(envelope: Envelope) -> Envelope:
    """One bit of what the author signed."""
    header, payload, signature = envelope.jws.split(b".")
    place = random.Random(len(payload)).randrange(len(payload))
    broken = payload[:place] + (b"A" if payload[place : place + 1] != b"A" else b"B") + payload[place + 1 :]
    return Envelope(b".".join((header, broken, signature)), envelope.parts)


def flipped_signature(envelope: Envelope) -> Envelope:
    """One character of the signature."""
    signed, _, signature = envelope.jws.rpartition(b".")
    other = b"A" if signature[:1] != b"A" else b"B"
    return Envelope(signed + b"." + other + signature[1:], envelope.parts)


def flipped_part(envelope: Envelope) -> Envelope:
    """One bit of the last part."""
    last = envelope.parts[-1] or b""
    return Envelope(envelope.jws, (*envelope.parts[:-1], last[:-1] + bytes([last[-1] ^ 1])))


def without_part(envelope: Envelope) -> Envelope:
    """The last part taken off."""
    return Envelope(envelope.jws, (*envelope.parts[:-1], None))


ALTERED: dict[str, tuple[Callable[[Envelope], Envelope], set[str]]] = {
    "header": (flipped_header, {"TELEGRAM_ALTERED", "SIGNATURE_INVALID"}),
    "signature": (flipped_signature, {"SIGNATURE_INVALID"}),
    "part": (flipped_part, {"TELEGRAM_ALTERED"}),
}


@pytest.mark.parametrize("how", ALTERED)
@pytest.mark.parametrize(("kind", "organisation"), PASSED, ids=lambda one: getattr(one, "__name__", str(one)))
async def test_a_telegram_that_an_interface_system_alters_is_refused_where_it_arrives_and_found(
    play: Play, kind: type[Telegram], organisation: object, how: str
) -> None:
    """Each hop tells whose hand it came from; told once an hour, so the door's memory is emptied first."""
    forget_doors(play)
    alter, kinds = ALTERED[how]
    name = play.interface if organisation == TSUBAKI else play.other_interface
    with lying(play.land, name, request=once(kind, each_envelope(alter))) as liar:
        told = await settled(play, await asked(play, kind))
    assert len(liar.lies) == 1
    if told.items:
        good(told)  # the true telegram was sent again
    else:
        nothing_shown(told)
        assert told.reason in {"", "BAD_SIGNATURE"}
    receiver = {RequestPermit: play.core, Inquire: play.core, InquireAt: play.other_server}.get(
        kind, play.interface if organisation == AOBA else play.server
    )
    assert await found_by(play.land, receiver) & {(one, name.value) for one in kinds}


async def asked(play: Play, kind: type[Telegram]) -> Told:
    """An inquiry under way; one about Taro, which staff answer while nobody waits, where the answer is lied about."""
    told = await play.land.ask((TARO if kind is Provide else HANA).at(TSUBAKI))
    if kind is Provide:
        assert told.serial is not None
        status, _ = await play.land.desk(AOBA, "POST", f"held/{told.serial.value}/answer", staff="clerk")
        assert status == 200
    return told


async def test_a_telegram_whose_part_was_taken_off_on_its_way_provides_nothing(play: Play) -> None:
    with lying(play.land, play.other_interface, request=once(Provide, each_envelope(without_part))) as liar:
        told = await settled(play, await play.land.ask(HANA.at(TSUBAKI)))
    assert len(liar.lies) == 1
    nothing_shown(told)
    assert told.serial is not None
    assert "ANSWER_CROSSED" in await staff_sees(play.land, play.server, told.serial)


@pytest.mark.parametrize("kind", [RequestPermit, Inquire])
async def test_an_answer_that_an_interface_system_alters_is_not_heard_and_the_true_one_is(
    play: Play, kind: type[Telegram]
) -> None:
    forget_doors(play)
    for alter in (flipped_signature, flipped_header):
        lie = each_envelope(alter)
        with lying(play.land, play.server, answer=once_answered(kind, lambda _sent, came, lie=lie: lie(came))) as liar:  # type: ignore[misc]
            good(await settled(play, await play.land.ask(HANA.at(TSUBAKI))))
        assert len(liar.lies) == 1
    found = await found_by(play.land, play.server)
    assert found & {("SIGNATURE_INVALID", play.interface.value), ("TELEGRAM_ALTERED", play.interface.value)}
