"""What a lying node does to what passes it, and what everybody else has found of it."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from nakadachi.commission.heads import compare_heads
from nakadachi.crypto.signing import read_compact
from nakadachi.interface.oversight import report_heads
from nakadachi.kit.client import Unreachable, Wire
from nakadachi.refusal import Reason, Refusal
from nakadachi.telegrams.codec import decode_frame, encode_frame
from nakadachi.telegrams.envelope import Envelope, Telegram, Verified
from nakadachi.terms import NodeName, Role, Serial
from tests.story.play import Permitted, Play
from tests.tap import Flight
from tests.world import Land, Told

P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551

Request = Callable[[NodeName, bytes], bytes | None]
"""(to, body) -> what is sent in its place; None: nothing is sent."""
Answer = Callable[[bytes, bytes], bytes | None]
"""(what was sent, what came back) -> what is given for the answer; None: nothing comes back."""


@dataclass(slots=True)
class LyingWire:
    """A node's wire in the hands of somebody who may change, keep back or invent what passes. It counts its lies."""

    true: Wire
    request: Request
    answer: Answer
    lies: list[bytes] = field(default_factory=list)

    async def post(self, to: NodeName, url: str, body: bytes, *, seconds: float) -> bytes:
        """What the liar makes of it."""
        sent = self.request(to, body)
        if sent != body:
            self.lies.append(body)
        if sent is None:
            raise Unreachable(f"{to}: nothing was sent")
        came = await self.true.post(to, url, sent, seconds=seconds)
        given = self.answer(sent, came)
        if given != came:
            self.lies.append(came)
        if given is None:
            raise Unreachable(f"{to}: nothing came back")
        return given

    async def close(self) -> None:
        """Give up all connections."""
        await self.true.close()


@contextmanager
def lying(
    land: Land,
    name: NodeName,
    *,
    request: Request = lambda _to, body: body,
    answer: Answer = lambda _sent, came: came,
) -> Iterator[LyingWire]:
    """As long as the block lasts, what a node sends and is answered passes a liar."""
    sender = land.service(name).system.sender
    true = sender._wire
    wire = LyingWire(true, request, answer)
    sender._wire = wire  # type: ignore[assignment]  # telegrams are all it is used for
    try:
        yield wire
    finally:
        sender._wire = true
        # The tap tells the stories after this one of telegrams only.
        land.tap.flights[:] = [flight for flight in land.tap.flights if _readable(flight)]


def _readable(flight: Flight) -> bool:
    try:
        return bool(flight.telegrams or flight.path) and flight.answers is not None
    except Refusal:
        return False


def once(kind: type[Telegram], lie: Callable[[bytes], bytes | None]) -> Request:
    """Lie about the first request that carries a telegram of this kind; pass everything else."""
    left = [lie]

    def act(_to: NodeName, body: bytes) -> bytes | None:
        if left and any(isinstance(one.header, kind) for one in decode_frame(body)):
            return left.pop()(body)
        return body

    return act


def once_answered(kind: type[Telegram], lie: Callable[[bytes, bytes], bytes | None]) -> Answer:
    """Lie about the first answer to a telegram of this kind; pass everything else."""
    left = [lie]

    def act(sent: bytes, came: bytes) -> bytes | None:
        if left and any(isinstance(one.header, kind) for one in decode_frame(sent)):
            return left.pop()(sent, came)
        return came

    return act


def each_envelope(change: Callable[[Envelope], Envelope]) -> Callable[[bytes], bytes]:
    """Change every envelope of a frame."""
    return lambda body: encode_frame([change(one.envelope) for one in decode_frame(body)])


def mauled(envelope: Envelope) -> Envelope:
    """The same telegram with its signature in the other form that verifies too: (r, s) becomes (r, n - s)."""
    signed, _, _ = envelope.jws.rpartition(b".")
    raw = read_compact(envelope.jws, limit=10**7).signature
    other = raw[:32] + (P256_ORDER - int.from_bytes(raw[32:], "big")).to_bytes(32, "big")
    return Envelope(signed + b"." + b64url(other), envelope.parts)


def b64url(raw: bytes) -> bytes:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


@dataclass(frozen=True, slots=True)
class Found:
    """One finding as the Commission keeps it."""

    reporter: str
    kind: str
    serial: str
    about: str
    reason: str | None


async def findings(land: Land, serial: Serial | None = None) -> set[Found]:
    """What the Commission was told once nothing is on its way any more (about one exchange)."""
    await land.quiet()
    rows = await land.rows(land.name(Role.COMMISSION), "SELECT reporter, kind, serial, about, reason FROM finding")
    found = {Found(**row) for row in rows}
    return {one for one in found if serial is None or one.serial == serial.value}


async def found_by(land: Land, reporter: NodeName, serial: Serial | None = None) -> set[tuple[str, str]]:
    """What one node told the Commission: kinds, and about whom."""
    return {(one.kind, one.about) for one in await findings(land, serial) if one.reporter == reporter.value}


async def staff_sees(land: Land, name: NodeName, serial: Serial) -> set[str]:
    """The kinds of findings that an intermediate server shows its staff about an exchange."""
    rows = await land.rows(name, "SELECT kind FROM finding WHERE serial = $1", serial.value)
    return {row["kind"] for row in rows}


async def compare(land: Land) -> None:
    """Every interface system tells of the trees it saw, and the Commission compares them with the log it cosigned."""
    await land.quiet(cosigned=True)
    for name in land.country.services:
        if name.role is Role.INTERFACE:
            await land.service(name).system.together(report_heads, None)
    await land.quiet(cosigned=True)
    commission = land.service(land.name(Role.COMMISSION))
    await compare_heads(commission.system.parts, commission.node.wire)


async def both_find(play: Play, one: Permitted, telegram: Verified[Any], reason: Reason, kind: str) -> None:
    """Both of the provider's systems refuse for the reason, each tells the Commission, and nothing is provided."""
    assert await play.at_the_provider(telegram) == {reason.value}
    for name in (play.other_interface, play.other_server):
        assert await found_by(play.land, name, one.serial) == {(kind, play.core.value)}
    assert await staff_sees(play.land, play.other_server, one.serial) == {kind}
    rows = await play.land.rows(play.other_server, "SELECT event FROM record WHERE serial = $1", one.serial.value)
    assert rows == []


async def settled(play: Play, told: Told) -> Told:
    """What an inquiry came to once nothing is on its way."""
    await play.land.quiet()
    assert told.serial is not None
    return await play.land.read(told.serial)


async def provided(play: Play, serial: Serial) -> int:
    """How often the provider's server provided for an exchange."""
    rows = await play.land.rows(
        play.other_server, "SELECT event FROM record WHERE serial = $1 AND event = 'provided'", serial.value
    )
    return len(rows)


def forget_doors(play: Play) -> None:
    """Let every door tell of everything again."""
    for service in play.land.country.services.values():
        service.system.suspicions._told.clear()
