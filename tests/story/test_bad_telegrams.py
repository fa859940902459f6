"""What a wrong or broken node may send: each is refused with its reason, nothing of it takes effect, and the good go on."""

from __future__ import annotations

import asyncio
import json
import random
import ssl
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import aiohttp
import msgspec
import pytest
import pytest_asyncio

from nakadachi.crypto.commitment import digest
from nakadachi.crypto.notes import NoteSigner, sign_note
from nakadachi.crypto.sealing import SealSuite, body_info, seal
from nakadachi.kit.author import Enclosure
from nakadachi.kit.tls import client_context, node_host
from nakadachi.ledger.checkpoint import Checkpoint
from nakadachi.ledger.permits import entry_of
from nakadachi.ledger.tree import leaf_hash
from nakadachi.refusal import Reason
from nakadachi.telegrams.codec import (
    FRAME_LIMIT,
    decode_frame,
    decode_json,
    encode_envelope,
    encode_frame,
    encode_json,
    write,
)
from nakadachi.telegrams.envelope import Envelope, Verified
from nakadachi.telegrams.inquiry import Completion, Ending, Inquire, InquireAt, InquiryCompleted
from nakadachi.telegrams.permit import (
    CheckPrefix,
    IssueSerial,
    Opening,
    Permit,
    PermitContent,
    RequestPermit,
    SerialUse,
)
from nakadachi.telegrams.provision import Body, ProvidedItem, Provide, ProvisionCompleted, ProvisionStatement
from nakadachi.terms import NodeName, Role, Serial
from tests.story.editions import new_directory
from tests.story.people import HANA, MIYO, TARO, VALUES
from tests.story.play import ASKED, Permitted, Play, changed, signed_by, stated
from tests.world import AOBA, PENSION, TSUBAKI, Land, Told, reason_of

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def play(land: Land) -> AsyncIterator[Play]:
    """All hands; and when all is over: what was accepted before is still there, and a good inquiry is answered."""
    first = await land.ask(HANA.at(TSUBAKI))
    await land.quiet()
    kept = {name: await records(land, name) for name in land.country.services}
    yield Play(land)
    assert await land.read(first.serial) == first  # type: ignore[arg-type]  # it was answered
    for name, rows in kept.items():
        assert rows <= await records(land, name), name
    good(await land.ask(HANA.at(TSUBAKI)))
    assert "telegram.failed" not in land.log.getvalue().decode()
    assert "Traceback" not in land.log.getvalue().decode()


@pytest_asyncio.fixture(loop_scope="module")
async def permitted(play: Play) -> Permitted:
    return await play.permitted()


async def records(land: Land, name: NodeName) -> set[tuple[str, str]]:
    return {(row["serial"], row["event"]) for row in await land.rows(name, "SELECT serial, event FROM record")}


def good(told: Told) -> None:
    assert told.items == {item: {"value": value} for item, value in VALUES.items()}, told


# Bytes that are no telegrams

NONSENSE = {
    "nothing": b"",
    "zero": b"\0",
    "json": b'{"telegram":"IssueSerial"}',
    "no-telegram": b"\x90",
    "numbers": b"\x93\x01\x02\x03",
    "deep": b"\x91" * 100_000,
    "empty-envelope": encode_frame([Envelope(b"")]),
    "no-signature": encode_frame([Envelope(b"a.b.c")]),
    "alg-none": encode_frame([Envelope(b"eyJhbGciOiJub25lIn0.e30.")]),
    "noise": random.Random(1).randbytes(5000),
    "long-map": b"\xdf\xff\xff\xff\xff",
    "long-bin": b"\x91\x92\xc6\xff\xff\xff\xff",
}


@pytest.mark.parametrize("body", NONSENSE.values(), ids=NONSENSE)
@pytest.mark.parametrize("role", [Role.CORE, Role.INTERFACE, Role.INTERMEDIATE, Role.COMMISSION, Role.REGISTRY])
async def test_any_bytes_get_a_refusal_with_a_reason(play: Play, role: Role, body: bytes) -> None:
    status, answer = await play.land.send(play.third_server, play.land.name(role), body)
    assert status == 400
    assert Reason(json.loads(answer)["type"]) is Reason.BAD_FORMAT


async def test_a_good_frame_with_any_byte_changed_has_no_effect(play: Play, permitted: Permitted) -> None:
    chance = random.Random(2)
    frame = encode_frame([play.inquire(permitted).envelope])
    before = await play.land.state(play.interface)
    for _ in range(150):
        broken = bytearray(frame)
        broken[chance.randrange(len(frame))] ^= 1 << chance.randrange(8)
        status, answer = await play.land.send(play.server, play.interface, bytes(broken))
        if status == 200:
            assert all(reason_of(one) for one in decode_frame(answer))
        else:
            assert status == 400
    after = await play.land.state(play.interface)
    assert after["exchange"] == before["exchange"]
    (answer,) = await play.land.hand(play.server, play.interface, play.inquire(permitted).envelope)
    assert reason_of(answer) is None


# Who may send what to whom


def other_serial(serial: Serial) -> Serial:
    """A serial that nobody issued."""
    return Serial(serial.value[:-1] + ("0" if serial.value[-1] != "0" else "1"))


async def refused(play: Play, sender: NodeName, to: NodeName, envelope: Envelope) -> Reason | None:
    (answer,) = await play.land.hand(sender, to, envelope)
    return reason_of(answer)


async def test_a_signature_of_another_key_is_refused(play: Play, permitted: Permitted) -> None:
    telegram = play.inquire(permitted)
    forged = signed_by(telegram, play.land.author(play.third_server))
    assert await refused(play, play.server, play.interface, forged) is Reason.BAD_SIGNATURE
    assert await refused(play, play.interface, play.core, forged) is Reason.BAD_SIGNATURE


async def test_an_author_that_is_not_in_the_directory_is_refused(play: Play) -> None:
    stranger = replace(play.land.author(play.server), name=NodeName("intermediate:9901000000000002"))
    telegram = stranger.write(IssueSerial, to=play.interface, use=SerialUse.INQUIRY, count=1)
    assert await refused(play, play.server, play.interface, telegram.envelope) is Reason.BAD_SIGNATURE


async def test_another_organisations_server_is_not_served_by_our_interface(play: Play) -> None:
    telegram = play.write(play.third_server, IssueSerial, play.interface, use=SerialUse.INQUIRY, count=1)
    assert await refused(play, play.third_server, play.interface, telegram.envelope) is Reason.NOT_ADDRESSED_HERE
    assert await refused(play, play.server, play.interface, telegram.envelope) is Reason.NOT_ADDRESSED_HERE


@pytest.mark.parametrize("author", [Role.REGISTRY, Role.CORE, Role.COMMISSION, Role.INTERFACE])
async def test_a_role_that_may_not_send_a_telegram_is_refused(play: Play, author: Role) -> None:
    name = play.land.name(author, None if author is not Role.INTERFACE else TSUBAKI)
    telegram = play.write(name, IssueSerial, play.interface, use=SerialUse.INQUIRY, count=1)
    assert await refused(play, name, play.interface, telegram.envelope) is Reason.ROLE_NOT_ALLOWED


async def test_a_hop_that_is_not_on_the_path_is_refused(play: Play, permitted: Permitted) -> None:
    telegram = play.inquire(permitted)
    assert await refused(play, play.server, play.core, telegram.envelope) is Reason.ROLE_NOT_ALLOWED
    assert await refused(play, play.other_interface, play.core, telegram.envelope) is Reason.NOT_ADDRESSED_HERE


async def test_a_telegram_to_somebody_else_is_refused(play: Play) -> None:
    telegram = play.write(play.server, IssueSerial, play.other_interface, use=SerialUse.INQUIRY, count=1)
    assert await refused(play, play.server, play.interface, telegram.envelope) is Reason.NOT_ADDRESSED_HERE
    assert await refused(play, play.server, play.other_interface, telegram.envelope) is Reason.NOT_ADDRESSED_HERE


async def test_an_existing_systems_certificate_opens_no_door_for_telegrams(play: Play) -> None:
    land = play.land
    session = land._session(land.country.folder / f"desk-{TSUBAKI.value}")
    async with session.post(
        land.plan.place(play.interface).url + "/telegrams", data=b"", server_hostname=node_host(play.interface)
    ) as answer:
        assert (answer.status, (await answer.json(content_type=None))["type"]) == (403, "ROLE_NOT_ALLOWED")


async def test_a_nodes_certificate_opens_no_door_of_an_existing_system(play: Play) -> None:
    status, answer = await play.land.send(play.interface, play.server, b"", "/existing/inquiries")
    assert (status, json.loads(answer)["type"]) == (403, "ROLE_NOT_ALLOWED")


async def test_another_organisations_existing_system_is_not_let_in(play: Play) -> None:
    land = play.land
    session = land._session(land.country.folder / f"desk-{PENSION.value}")
    async with session.post(
        land.plan.place(play.server).url + "/existing/inquiries", data=b"", server_hostname=node_host(play.server)
    ) as answer:
        assert (answer.status, (await answer.json(content_type=None))["type"]) == (403, "ROLE_NOT_ALLOWED")


async def test_without_a_certificate_there_is_no_connection(play: Play) -> None:
    context = ssl.create_default_context(cafile=str(play.land.country.folder / "authority.crt"))
    port = play.land.plan.place(play.core).port
    with pytest.raises((ssl.SSLError, ConnectionError)):
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=node_host(play.core))
        try:
            writer.write(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
            await writer.drain()
            if not await reader.read(1):
                raise ConnectionResetError
        finally:
            writer.close()


# Out of turn, twice, the same number


async def test_a_permit_is_not_requested_before_the_prefix_is_checked(play: Play) -> None:
    request = play.request_permit(await play.serial(), await play.code(TSUBAKI))
    assert await refused(play, play.server, play.interface, request.envelope) is Reason.OUT_OF_TURN


async def test_a_permit_is_requested_for_the_prefix_that_was_checked_only(play: Play) -> None:
    serial = await play.serial()
    await play.check_prefix(serial)
    other = replace(ASKED, items=ASKED.items[:1])
    request = play.request_permit(serial, await play.code(TSUBAKI), other)
    assert await refused(play, play.server, play.interface, request.envelope) is Reason.OUT_OF_TURN


async def test_a_serial_serves_one_inquiry(play: Play, permitted: Permitted) -> None:
    assert reason_of(await play.check_prefix(permitted.serial)) is Reason.OUT_OF_TURN
    request = play.request_permit(permitted.serial, await play.code(TSUBAKI))
    assert await refused(play, play.server, play.interface, request.envelope) is Reason.OUT_OF_TURN
    assert await refused(play, play.interface, play.core, request.envelope) is Reason.OUT_OF_TURN


async def test_a_serial_that_was_never_issued_is_refused(play: Play, permitted: Permitted) -> None:
    assert reason_of(await play.check_prefix(other_serial(permitted.serial))) is Reason.OUT_OF_TURN


async def test_an_answer_that_nobody_asked_for_is_refused_on_its_way(play: Play, permitted: Permitted) -> None:
    telegram = provide(play, permitted)
    assert await refused(play, play.other_server, play.other_interface, telegram.envelope) is Reason.OUT_OF_TURN
    assert await refused(play, play.other_interface, play.interface, telegram.envelope) is Reason.OUT_OF_TURN
    assert await refused(play, play.interface, play.server, telegram.envelope) is Reason.OUT_OF_TURN


async def test_a_telegrams_number_with_other_bytes_is_refused_and_the_first_keeps_its_answer(play: Play) -> None:
    first = play.write(play.server, IssueSerial, play.interface, use=SerialUse.INQUIRY, count=1)
    (answer,) = await play.land.hand(play.server, play.interface, first.envelope)
    second = write(msgspec.structs.replace(first.header, count=2), (), play.land.author(play.server).key)
    assert await refused(play, play.server, play.interface, second.envelope) is Reason.ALREADY_USED
    (again,) = await play.land.hand(play.server, play.interface, first.envelope)
    assert again.envelope == answer.envelope


async def test_one_telegram_twice_in_one_request_gets_one_answer_twice(play: Play) -> None:
    telegram = play.write(play.server, IssueSerial, play.interface, use=SerialUse.INQUIRY, count=3)
    one, other = await play.land.hand(play.server, play.interface, telegram.envelope, telegram.envelope)
    assert one.envelope == other.envelope


async def test_an_inquiry_is_taken_once(play: Play, permitted: Permitted) -> None:
    for expected in (None, Reason.OUT_OF_TURN):
        assert await refused(play, play.server, play.interface, play.inquire(permitted).envelope) is expected


async def test_a_permit_used_once_is_used(play: Play, permitted: Permitted) -> None:
    """The core itself writes a second telegram over the same permit."""
    inquiry = play.inquire(permitted)
    assert await play.at_the_provider(play.inquire_at(permitted, inquiry)) == {"accepted"}
    assert await play.at_the_provider(play.inquire_at(permitted, inquiry)) <= {"OUT_OF_TURN", "ALREADY_USED"}


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


async def test_an_expired_permit_is_refused_by_the_core_and_by_both_of_the_provider(play: Play, permitted: Permitted) -> None:
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
    telegram = play.write(play.core, InquireAt, play.other_server, prefix=ASKED, serials=(permitted.serial,), parts=parts)
    if head == "stale":
        for name in (play.other_server, play.other_interface):
            play.land.service(name).system.parts.heads.lag = timedelta(seconds=-1)
    try:
        assert await play.at_the_provider(telegram) == {"NO_WITNESS"}
    finally:
        for name in (play.other_server, play.other_interface):
            play.land.service(name).system.parts.heads.lag = timedelta(minutes=5)


FORGERIES = ["path", "path-longer", "index", "content", "checkpoint-signature", "own-log", "no-log"]


def forge(play: Play, one: Permitted, how: str) -> Permitted:
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
async def test_a_forged_permit_is_found_at_every_place_that_checks_it(play: Play, permitted: Permitted, how: str) -> None:
    forged = forge(play, permitted, how)
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
    assert [outcome.refused for outcome in answer.header.outcomes] != [None]  # type: ignore[attr-defined]


async def test_a_link_code_of_another_organisation_or_an_invented_one_is_none_of_ours(play: Play) -> None:
    for code in (await play.code(PENSION), await play.code(AOBA)):
        serial = await play.serial()
        await play.check_prefix(serial)
        (answer,) = await play.land.hand(play.server, play.interface, play.request_permit(serial, code).envelope)
        assert [one.refused for one in answer.header.outcomes] == [Reason.CODE_NOT_ISSUED]  # type: ignore[attr-defined]


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


async def test_an_answer_about_another_exchange_is_refused_at_the_inquirers_interface(play: Play, permitted: Permitted) -> None:
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


CROSSED = {
    "not-sealed": lambda _: b"plain",
    "another-person": lambda one: sealed(one, body_of(one, subject={"born": "1950-01-01"})),
    "another-name": lambda one: sealed(one, body_of(one, subject={"kana": "ミホン ジロウ"})),
    "another-exchange": lambda one: sealed(one, body_of(one, serial=other_serial(one.serial))),
    "sealed-for-another": lambda one: sealed(stated(one, leaf_hash=bytes(32)), body_of(one)),
    "no-body": lambda one: seal(
        SealSuite(one.statement.suite), one.statement.body_key, b"{}", body_info(one.statement.leaf_hash, one.serial.value)
    ),
}


@pytest.mark.parametrize("how", CROSSED)
async def test_an_answer_that_is_not_about_the_person_asked_for_is_never_shown(play: Play, how: str) -> None:
    """L6: the provider's real key signs a body that was crossed."""
    one = await held(play)
    wrong = provide(play, one, sealed=CROSSED[how](one))
    (answer,) = await play.land.hand(play.other_interface, play.interface, wrong.envelope)
    (outcome,) = answer.header.outcomes  # type: ignore[attr-defined]
    assert outcome.refused in {Reason.SUBJECT_MISMATCH, Reason.BAD_FORMAT}
    told = await play.land.read(one.serial)
    assert (told.status, told.items) == ("refused", {})
    _, text = await play.land.desk(TSUBAKI, "GET", "findings")
    assert one.serial.value in [finding["serial"] for finding in json.loads(text)]


async def test_another_body_than_the_one_stated_is_never_shown(play: Play) -> None:
    one = await held(play)
    wrong = provide(play, one, sealed=sealed(one, body_of(one)), body=bytes(32))
    (answer,) = await play.land.hand(play.other_interface, play.interface, wrong.envelope)
    assert [outcome.refused for outcome in answer.header.outcomes] == [Reason.BAD_FORMAT]  # type: ignore[attr-defined]
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
    assert [outcome.refused for outcome in answer.header.outcomes] == [Reason.BAD_FORMAT]  # type: ignore[attr-defined]


async def test_a_text_the_database_cannot_keep_is_refused_alone(play: Play) -> None:
    serial = await play.serial()
    bad = play.write(play.server, CheckPrefix, play.interface, prefix=ASKED, serials=(serial,), staff="a\0b")
    status, answer = await play.land.send(play.server, play.interface, encode_frame([bad.envelope]))
    assert (status, json.loads(answer)["type"]) == (400, "BAD_FORMAT")


# Sizes


async def test_a_body_announced_too_large_is_refused_unread(play: Play) -> None:
    land, name = play.land, play.core
    folder = land.country.folder / land.plan.place(play.interface).folder
    context = client_context(folder / "tls.crt", folder / "tls.key", land.country.folder / "authority.crt")
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", land.plan.place(name).port, ssl=context, server_hostname=node_host(name)
    )
    writer.write(f"POST /telegrams HTTP/1.1\r\nHost: core\r\nContent-Length: {FRAME_LIMIT + 1}\r\n\r\n".encode())
    status = await asyncio.wait_for(reader.readline(), 5)
    writer.close()
    assert b" 413 " in status


async def test_a_body_that_turns_out_too_large_is_cut_off(play: Play) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(FRAME_LIMIT // 2**20 + 2):
            yield bytes(2**20)

    try:
        status, answer = await play.land.send(play.interface, play.core, endless())
    except aiohttp.ClientError:
        return  # the connection was closed under our hands
    assert (status, json.loads(answer)["type"]) == (413, "TOO_LARGE")


async def test_a_header_too_large_for_its_lane_is_refused(play: Play) -> None:
    parts = [Enclosure("x", b"", item=item) for item in range(2000)]
    telegram = play.write(play.server, IssueSerial, play.interface, use=SerialUse.INQUIRY, count=1, parts=parts)
    status, answer = await play.land.send(play.server, play.interface, encode_frame([telegram.envelope]))
    assert (status, json.loads(answer)["type"]) == (413, "TOO_LARGE")


# Revoked


async def test_a_revoked_certificate_stops_at_the_next_request(play: Play) -> None:
    land = play.land
    ask = play.write(play.third_server, IssueSerial, play.third_interface, use=SerialUse.INQUIRY, count=1)
    (answer,) = await land.hand(play.third_server, play.third_interface, ask.envelope)
    assert reason_of(answer) is None
    await new_directory(land, revoked=(land.certificate(play.third_server),))
    status, text = await land.send(play.third_server, play.third_interface, encode_frame([ask.envelope]))
    assert (status, json.loads(text)["type"]) == (403, "ROLE_NOT_ALLOWED")
    await new_directory(land, revoked=())
    (again,) = await land.hand(play.third_server, play.third_interface, ask.envelope)
    assert again.envelope == answer.envelope
