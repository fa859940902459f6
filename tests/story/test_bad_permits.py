"""A permit or statement that is forged, crossed, expired or used is found at every place that checks it."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from nakadachi.crypto.notes import NoteSigner, sign_note
from nakadachi.kit.author import Enclosure
from nakadachi.ledger.checkpoint import Checkpoint
from nakadachi.ledger.permits import entry_of
from nakadachi.ledger.tree import leaf_hash
from nakadachi.refusal import Reason
from nakadachi.telegrams.codec import (
    decode_json,
    encode_envelope,
    encode_frame,
    encode_json,
)
from nakadachi.telegrams.envelope import Verified
from nakadachi.telegrams.inquiry import InquireAt
from nakadachi.telegrams.permit import (
    CheckPrefix,
    Opening,
    PermitContent,
    RequestPermit,
)
from nakadachi.terms import NodeName
from tests.invented import AOBA, PENSION, TSUBAKI
from tests.story.people import HANA, MIYO
from tests.story.play import ASKED, Permitted, Play, changed, good, outcomes, refused, signed_by, stated

pytestmark = pytest.mark.asyncio(loop_scope="module")


# Permits and statements


async def test_a_permit_is_good_for_its_provider_only(play: Play, permitted: Permitted) -> None:
    elsewhere = play.inquire_at(permitted, to=play.third_server)
    assert await refused(play, play.third_interface, play.third_server, elsewhere.envelope) is Reason.PERMIT_INVALID
    assert await refused(play, play.core, play.third_interface, elsewhere.envelope) is Reason.PERMIT_INVALID


async def test_a_permit_is_good_for_its_items_only(play: Play, permitted: Permitted) -> None:
    other = replace(ASKED, items=ASKED.items[:1])
    inquiry = play.inquire(permitted, other)
    assert await refused(play, play.server, play.interface, inquiry.envelope) is Reason.PERMIT_INVALID
    again = play.inquire(permitted, other)
    assert await refused(play, play.interface, play.core, again.envelope) is Reason.PERMIT_INVALID
    assert await play.at_the_provider(play.inquire_at(permitted, inquiry, prefix=other)) == {"PERMIT_INVALID"}
    assert await play.at_the_provider(play.inquire_at(permitted, prefix=other)) == {"PERMIT_INVALID"}


async def test_an_expired_permit_is_refused_by_the_core_and_by_both_of_the_provider(
    play: Play, permitted: Permitted
) -> None:
    play.land.clock.ahead = timedelta(seconds=61)
    try:
        assert await play.at_the_provider(play.inquire_at(permitted)) == {"PERMIT_EXPIRED"}
        assert await refused(play, play.interface, play.core, play.inquire(permitted).envelope) is Reason.PERMIT_EXPIRED
    finally:
        play.land.clock.ahead = timedelta(0)


@pytest.mark.parametrize("head", ["", "none", "stale"])
async def test_a_permit_without_a_recent_cosigned_head_is_refused(play: Play, permitted: Permitted, head: str) -> None:
    newest: str = play.parts(play.core).head[0]
    shown = {"": "", "none": newest.rpartition("— ")[0], "stale": newest}[head]
    for name in (play.other_server, play.other_interface):
        play.parts(name).heads._seen.clear()
        play.parts(name).heads._last.clear()
    parts = [
        Enclosure("statement", encode_envelope(play.inquire(permitted).envelope)),
        Enclosure("cosigned head", shown.encode()),
        Enclosure("link code", encode_json(permitted.opening), personal=True),
    ]
    telegram = play.write(
        play.core, InquireAt, play.other_server, prefix=ASKED, serials=(permitted.serial,), parts=parts
    )
    if head == "stale":
        for name in (play.other_server, play.other_interface):
            play.land.service(name).system.parts.heads.lag = timedelta(
                days=-2
            )  # the clock of these tests was ahead before
    try:
        assert await play.at_the_provider(telegram) == {"NO_WITNESS"}
    finally:
        for name in (play.other_server, play.other_interface):
            play.land.service(name).system.parts.heads.lag = timedelta(minutes=5)


FORGERIES = ["path", "path-longer", "index", "content", "checkpoint-signature", "own-log", "no-log"]


def forge(one: Permitted, how: str) -> Permitted:
    permit = one.permit
    stranger = NoteSigner.from_seed("core.sample.nakadachi/1", bytes(range(32)))
    if how == "path":
        return changed(one, path=(bytes(32), *permit.path[1:]))
    if how == "path-longer":
        return changed(one, path=(*permit.path, bytes(32)))
    if how == "index":
        return changed(one, index=permit.index + 1)
    content = decode_json(permit.content, PermitContent)
    if how == "content":
        return changed(one, content=encode_json(msgspec.structs.replace(content, legal_row="026.1")))
    text = permit.checkpoint.rpartition("\n\n")[0] + "\n"
    if how == "checkpoint-signature":
        return changed(one, checkpoint=sign_note(text, stranger).decode())
    origin = "core.sample.nakadachi/2" if how == "no-log" else content.origin
    own = encode_json(msgspec.structs.replace(content, origin=origin))
    leaf = leaf_hash(entry_of(own))
    signer = NoteSigner.from_seed(origin, bytes(range(32)))
    note = sign_note(Checkpoint(origin, 1, leaf).text(), signer).decode()
    return stated(changed(one, content=own, index=0, path=(), checkpoint=note), leaf_hash=leaf)


@pytest.mark.parametrize("how", FORGERIES)
async def test_a_forged_permit_is_found_at_every_place_that_checks_it(
    play: Play, permitted: Permitted, how: str
) -> None:
    forged = forge(permitted, how)
    allowed = {"PERMIT_INVALID", "BAD_SIGNATURE", "BAD_FORMAT"}
    assert await play.at_the_provider(play.inquire_at(forged)) <= allowed
    reason = await refused(play, play.server, play.interface, play.inquire(forged).envelope)
    assert reason in {Reason(one) for one in allowed}
    assert await refused(play, play.server, play.interface, play.inquire(permitted).envelope) is None


async def test_a_statement_of_another_exchange_is_refused(play: Play, permitted: Permitted) -> None:
    other = await play.permitted()
    crossed = replace(permitted, statement=other.statement)
    mixed = stated(permitted, leaf_hash=other.statement.leaf_hash)
    assert await play.at_the_provider(play.inquire_at(crossed)) == {"PERMIT_INVALID"}
    assert await play.at_the_provider(play.inquire_at(mixed)) == {"PERMIT_INVALID"}
    assert await play.at_the_provider(play.inquire_at(permitted, play.inquire(other))) == {"PERMIT_INVALID"}
    for wrong in (crossed, mixed):
        assert await refused(play, play.server, play.interface, play.inquire(wrong).envelope) is Reason.PERMIT_INVALID


async def test_a_statement_of_another_author_is_refused(play: Play, permitted: Permitted) -> None:
    inquiry = play.inquire(permitted, author=play.third_server)
    assert await play.at_the_provider(play.inquire_at(permitted, inquiry)) == {"PERMIT_INVALID"}
    assert await refused(play, play.third_interface, play.core, inquiry.envelope) is Reason.ROLE_NOT_ALLOWED


async def test_a_statement_the_core_changed_is_refused(play: Play, permitted: Permitted) -> None:
    """The core cannot put its own body key into the inquirer's mouth."""
    inquiry = play.inquire(stated(permitted, body_key=bytes(1216)))
    forged = replace(inquiry, envelope=signed_by(inquiry, play.land.author(play.core)))
    assert await play.at_the_provider(play.inquire_at(permitted, forged)) == {"BAD_SIGNATURE"}


async def test_another_link_code_than_the_one_committed_to_is_refused(play: Play, permitted: Permitted) -> None:
    other = (await play.code(AOBA, MIYO)).value
    swapped = replace(permitted, opening=Opening(salt=permitted.opening.salt, value=other))
    assert await play.at_the_provider(play.inquire_at(swapped)) == {"PERMIT_INVALID"}


async def test_another_subject_check_than_the_one_stated_is_refused(play: Play, permitted: Permitted) -> None:
    other = await play.permitted()
    swapped = replace(permitted, subject_check=other.subject_check)
    assert await play.at_the_provider(play.inquire_at(swapped)) == {"BAD_FORMAT"}


async def test_a_subject_check_that_does_not_open_provides_nothing(play: Play, permitted: Permitted) -> None:
    other = await play.permitted()
    crossed = stated(replace(permitted, subject_check=other.subject_check), subject_check=other.statement.subject_check)
    (answer,) = await play.land.hand(play.other_interface, play.other_server, play.inquire_at(crossed).envelope)
    assert outcomes(answer) != [None]


async def test_a_link_code_of_another_organisation_or_an_invented_one_is_none_of_ours(play: Play) -> None:
    for code in (await play.code(PENSION), await play.code(AOBA)):
        serial = await play.serial()
        await play.check_prefix(serial)
        (answer,) = await play.land.hand(play.server, play.interface, play.request_permit(serial, code).envelope)
        assert outcomes(answer) == [Reason.CODE_NOT_ISSUED]


# A bad one among good ones


async def beside_good_ones(play: Play, bad: Verified[Any], sender: NodeName, to: NodeName) -> Reason | None:
    """Send a bad telegram while good inquiries run; all of these are answered."""
    asking = [asyncio.create_task(play.land.ask(HANA.at(TSUBAKI))) for _ in range(4)]
    reason = await refused(play, sender, to, bad.envelope)
    for told in await asyncio.gather(*asking):
        good(told)
    return reason


async def test_a_permit_request_without_a_link_code_is_refused_alone(play: Play) -> None:
    serial = await play.serial()
    await play.check_prefix(serial)
    lacking = play.write(play.server, RequestPermit, play.core, prefix=ASKED, serials=(serial,), staff="s")
    assert await beside_good_ones(play, lacking, play.interface, play.core) is Reason.BAD_FORMAT


@pytest.mark.parametrize("key", [bytes(1216), bytes(65), bytes(70)], ids=["zeros", "another-suite", "no-size"])
async def test_a_body_key_that_is_none_is_refused_alone(play: Play, permitted: Permitted, key: bytes) -> None:
    bad = play.inquire_at(permitted, play.inquire(stated(permitted, body_key=key)))
    (answer,) = await play.land.hand(play.other_interface, play.other_server, bad.envelope)
    assert outcomes(answer) == [Reason.BAD_FORMAT]


async def test_a_text_the_database_cannot_keep_is_refused_alone(play: Play) -> None:
    serial = await play.serial()
    bad = play.write(play.server, CheckPrefix, play.interface, prefix=ASKED, serials=(serial,), staff="a\0b")
    status, answer = await play.land.send(play.server, play.interface, encode_frame([bad.envelope]))
    assert (status, json.loads(answer)["type"]) == (400, "BAD_FORMAT")
