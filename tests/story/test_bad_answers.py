"""An answer from the wrong one, or about another person or exchange, is refused and never shown."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from nakadachi.crypto.commitment import digest
from nakadachi.crypto.sealing import SealSuite, body_info, seal
from nakadachi.kit.author import Enclosure
from nakadachi.refusal import Reason
from nakadachi.telegrams.codec import (
    decode_json,
    encode_json,
)
from nakadachi.telegrams.envelope import Verified
from nakadachi.telegrams.inquiry import Completion, Ending, Inquire, InquiryCompleted
from nakadachi.telegrams.permit import (
    Opening,
    Permit,
)
from nakadachi.telegrams.provision import Body, Provide, ProvidedItem, ProvisionCompleted, ProvisionStatement
from nakadachi.terms import NodeName, Serial
from tests.invented import AOBA, TSUBAKI
from tests.story.people import TARO
from tests.story.play import ASKED, Permitted, Play, good, other_serial, outcomes, refused, stated

pytestmark = pytest.mark.asyncio(loop_scope="module")


# The provider's and the inquirer's last words


def provide(play: Play, one: Permitted, author: NodeName | None = None, **statement: Any) -> Verified[Any]:
    """The telegram of hop 6; a body that was sealed for nobody, where none is given."""
    body = statement.pop("sealed", b"nothing")
    said = ProvisionStatement(
        serial=one.serial, leaf_hash=one.statement.leaf_hash, provided_at=play.land.clock.now(), body=digest(body)
    )
    said = msgspec.structs.replace(said, **statement)
    parts = [] if said.refused else [Enclosure("body", body)]
    provider = (author or play.other_server).organisation
    prefix = replace(ASKED, provider=provider)
    return play.write(author or play.other_server, Provide, play.server, prefix=prefix, statements=(said,), parts=parts)


async def test_an_answer_that_nobody_asked_for_is_refused_on_its_way(play: Play, permitted: Permitted) -> None:
    telegram = provide(play, permitted)
    assert await refused(play, play.other_server, play.other_interface, telegram.envelope) is Reason.OUT_OF_TURN
    assert await refused(play, play.other_interface, play.interface, telegram.envelope) is Reason.OUT_OF_TURN
    assert await refused(play, play.interface, play.server, telegram.envelope) is Reason.OUT_OF_TURN


async def held(play: Play) -> Permitted:
    """Tsubaki's server really waits for an answer about Taro, whom Aoba's staff hold back."""
    told = await play.land.ask(TARO.at(TSUBAKI))
    assert told.status == "pending"
    assert told.serial is not None
    (_, asked, _), *_ = play.land.tap.legs(Inquire, told.serial)
    inquiry = Verified(asked.header, asked.envelope)
    permit = decode_json(inquiry.part("permit"), Permit)
    return Permitted(told.serial, permit, asked.header.statements[0], b"", Opening(salt=b""))  # type: ignore[attr-defined]


async def test_another_organisation_cannot_answer_in_the_providers_place(play: Play) -> None:
    one = await held(play)
    wrong = provide(play, one, play.third_server)
    assert await refused(play, play.third_interface, play.interface, wrong.envelope) is Reason.ROLE_NOT_ALLOWED
    assert await refused(play, play.interface, play.server, wrong.envelope) is Reason.ROLE_NOT_ALLOWED
    settle = await play.land.desk(AOBA, "POST", f"held/{one.serial.value}/answer", staff="clerk")
    assert settle[0] == 200
    await play.land.quiet()
    good(await play.land.read(one.serial))


async def test_an_answer_about_another_exchange_is_refused_at_the_inquirers_interface(
    play: Play, permitted: Permitted
) -> None:
    one = await held(play)
    wrong = provide(play, one, leaf_hash=permitted.statement.leaf_hash)
    assert await refused(play, play.other_interface, play.interface, wrong.envelope) is Reason.PERMIT_INVALID


def sealed(one: Permitted, body: Body) -> bytes:
    statement = one.statement
    info = body_info(statement.leaf_hash, one.serial.value)
    return seal(SealSuite(statement.suite), statement.body_key, encode_json(body), info)


def body_of(one: Permitted, **other: Any) -> Body:
    item = ProvidedItem(item=ASKED.items[0], version="1", updated_at="2025-06-15T09:00:00+09:00", value="1")
    subject = {"born": TARO.born, "sex": TARO.sex, "kana": TARO.kana} | other.pop("subject", {})
    return msgspec.structs.replace(Body(serial=one.serial, subject=subject, items=(item,)), **other)


CROSSED: dict[str, Callable[[Permitted], bytes]] = {
    "not-sealed": lambda _: b"plain",
    "another-person": lambda one: sealed(one, body_of(one, subject={"born": "1950-01-01"})),
    "another-name": lambda one: sealed(one, body_of(one, subject={"kana": "ミホン ジロウ"})),
    "another-exchange": lambda one: sealed(one, body_of(one, serial=other_serial(one.serial))),
    "sealed-for-another": lambda one: sealed(stated(one, leaf_hash=bytes(32)), body_of(one)),
    "no-body": lambda one: seal(
        SealSuite(one.statement.suite),
        one.statement.body_key,
        b"{}",
        body_info(one.statement.leaf_hash, one.serial.value),
    ),
}


@pytest.mark.parametrize("how", CROSSED)
async def test_an_answer_that_is_not_about_the_person_asked_for_is_never_shown(play: Play, how: str) -> None:
    """L6: the provider's real key signs a body that was crossed."""
    one = await held(play)
    wrong = provide(play, one, sealed=CROSSED[how](one))
    (answer,) = await play.land.hand(play.other_interface, play.interface, wrong.envelope)
    (reason,) = outcomes(answer)
    assert reason in {Reason.SUBJECT_MISMATCH, Reason.BAD_FORMAT}
    told = await play.land.read(one.serial)
    assert (told.status, told.items) == ("refused", {})
    _, text = await play.land.desk(TSUBAKI, "GET", "findings")
    assert one.serial.value in [finding["serial"] for finding in json.loads(text)]


async def test_another_body_than_the_one_stated_is_never_shown(play: Play) -> None:
    one = await held(play)
    wrong = provide(play, one, sealed=sealed(one, body_of(one)), body=bytes(32))
    (answer,) = await play.land.hand(play.other_interface, play.interface, wrong.envelope)
    assert outcomes(answer) == [Reason.BAD_FORMAT]
    assert (await play.land.read(one.serial)).status == "refused"


@pytest.mark.parametrize("kind", [InquiryCompleted, ProvisionCompleted])
async def test_only_the_ends_of_an_exchange_may_say_that_it_ended(play: Play, permitted: Permitted, kind: type) -> None:
    ended = Completion(serial=permitted.serial, ending=Ending.ANSWERED, ended_at=play.land.clock.now())
    before = await at_the_core(play, permitted.serial)
    strangers = [(play.third_server, play.third_interface)]
    if kind is InquiryCompleted:
        strangers.append((play.other_server, play.other_interface))
    for server, interface in strangers:
        wrong = play.write(server, kind, play.core, completions=(ended,))
        reason = await refused(play, interface, play.core, wrong.envelope)
        assert reason in {Reason.ROLE_NOT_ALLOWED, Reason.OUT_OF_TURN}
    assert await at_the_core(play, permitted.serial) == before


async def at_the_core(play: Play, serial: Serial) -> list[object]:
    """What the core keeps of an exchange."""
    return [
        await play.land.rows(play.core, f"SELECT * FROM {table} WHERE serial = $1", serial.value)
        for table in ("exchange", "record")
    ]
