"""What is no telegram, comes from the wrong one, out of turn, or is too large, is refused with its reason."""

from __future__ import annotations

import asyncio
import json
import random
import ssl
from collections.abc import AsyncIterator
from dataclasses import replace

import aiohttp
import msgspec
import pytest

from nakadachi.kit.author import Enclosure
from nakadachi.kit.tls import client_context, node_host
from nakadachi.refusal import Reason
from nakadachi.telegrams.codec import (
    FRAME_LIMIT,
    decode_frame,
    encode_frame,
    write,
)
from nakadachi.telegrams.envelope import Envelope
from nakadachi.telegrams.permit import (
    IssueSerial,
    SerialUse,
)
from nakadachi.terms import NodeName, Role
from tests.invented import PENSION, TSUBAKI
from tests.story.editions import new_directory
from tests.story.play import ASKED, Permitted, Play, other_serial, refused, signed_by
from tests.world import reason_of

pytestmark = pytest.mark.asyncio(loop_scope="module")


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
            assert all(reason_of(one) for one in decode_frame(answer)), answer
        else:
            assert status == 400
    after = await play.land.state(play.interface)
    assert after["exchange"] == before["exchange"]
    assert await refused(play, play.server, play.interface, play.inquire(permitted).envelope) is None


# Who may send what to whom


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
    with pytest.raises((ssl.SSLError, ConnectionError, asyncio.IncompleteReadError)):
        await first_byte(port, context, play.core)


async def first_byte(port: int, context: ssl.SSLContext, name: NodeName) -> None:
    """Ask whether a node lives, and read the first byte of its answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=node_host(name))
    try:
        writer.write(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
        await reader.readexactly(1)
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
    parts = [Enclosure("x", b"", item=item) for item in range(1000)]
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
