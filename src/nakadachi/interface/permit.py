"""許可: serials, the check of the prefix, the relay of the permit request (hops 1 to 3; I1, I2, I3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nakadachi.interface import store
from nakadachi.kit.entropy import uuid7_text
from nakadachi.kit.unit import Forward
from nakadachi.ledger import records
from nakadachi.ledger.records import Circumstance, Event, Record
from nakadachi.refusal import Reason, Refusal
from nakadachi.telegrams.envelope import Outcome
from nakadachi.telegrams.permit import (
    CheckPrefix,
    IssueSerial,
    PrefixAccepted,
    PrefixRefused,
    RequestPermit,
    SerialIssued,
)
from nakadachi.terms import Role, Serial, japan_day

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nakadachi.interface.parts import Interface
    from nakadachi.kit.unit import Asked, Reply, Unit

MOST_SERIALS = 1000


async def issue_serials(interface: Interface, unit: Unit, asked: Sequence[Asked[IssueSerial]]) -> list[Reply]:
    """処理通番発番・通知 (source 003 6.4 ①): each serial once, kept before it is told."""
    replies: list[Reply] = []
    issued: list[Serial] = []
    author = interface.author
    for one in asked:
        if not 1 <= one.header.count <= MOST_SERIALS:
            replies.append(
                Refusal(Reason.BAD_FORMAT, f"{one.header.count} serials asked for, 1 to {MOST_SERIALS} allowed")
            )
            continue
        own = author.name.organisation.value
        serials = tuple(Serial(f"{own}-{uuid7_text(author.clock, author.entropy)}") for _ in range(one.header.count))
        issued += serials
        replies.append(author.answer(SerialIssued, one.telegram, serials=serials))
    await store.keep_issued(unit.connection, issued, unit.now)
    return replies


async def check_prefix(interface: Interface, unit: Unit, asked: Sequence[Asked[CheckPrefix]]) -> list[Reply]:
    """プレフィックス情報チェック (source 003 6.4 ②): OK holds the pair; NG is told to core and Commission too."""
    replies: list[Reply] = []
    held, kept = [], []
    for one in asked:
        reason = _judge(interface, unit, one)
        event = Event.REFUSED if reason else Event.REQUESTED
        by = Circumstance(staff=one.header.staff)
        kept += [Record(serial, event, unit.now, one.header.prefix, by, reason=reason) for serial in one.header.serials]
        if reason is None:
            held += [(serial, one.header.prefix) for serial in one.header.serials]
        else:
            _tell_refused(interface, unit, one, reason)
        outcomes = tuple(
            Outcome(serial=serial, refused=reason or one.known[serial].closed) for serial in one.header.serials
        )
        version = interface.edition.lawbook.version
        replies.append(interface.author.answer(PrefixAccepted, one.telegram, lawbook=version, outcomes=outcomes))
    await store.hold_prefix(unit.connection, held, unit.now, unit.now + interface.permit_bulk)
    await records.keep(unit.connection, kept)
    return replies


async def relay_permit_request(interface: Interface, unit: Unit, asked: Sequence[Asked[RequestPermit]]) -> list[Reply]:
    """情報照会許可依頼の中継 (source 003 6.4 ③): only what matches the held pair goes on to the core."""
    core = interface.edition.peers.core()
    replies: list[Reply] = []
    moved: list[Serial] = []
    for one in asked:
        under_way = [serial for serial in one.header.serials if one.known[serial].closed is None]
        if not under_way or any(one.known[serial].prefix != one.header.prefix for serial in under_way):
            closed = one.known[one.header.serials[0]].closed
            replies.append(Refusal(closed or Reason.OUT_OF_TURN, "closed, or the prefix is not the one held"))
            continue
        moved += under_way
        until = unit.now + interface.permit_within(one.header.lane)
        replies.append(Forward(core, interface.edition.peers.url(core), until))
    await store.move_on(unit.connection, RequestPermit.__name__, moved, unit.now)
    return replies


def _judge(interface: Interface, unit: Unit, one: Asked[CheckPrefix]) -> Reason | None:
    prefix = one.header.prefix
    if prefix.inquirer != interface.author.name.organisation:
        return Reason.NOT_IN_TABLE
    try:
        interface.edition.lawbook.allows(prefix, japan_day(unit.now))
    except Refusal as refusal:
        return refusal.reason
    return None


def _tell_refused(interface: Interface, unit: Unit, one: Asked[CheckPrefix], reason: Reason) -> None:
    for role in (Role.CORE, Role.COMMISSION):
        to = interface.edition.peers.the(role)
        notice = interface.author.write(
            PrefixRefused,
            to=to,
            prefix=one.header.prefix,
            serials=one.header.serials,
            reason=reason,
            staff=one.header.staff,
            refused_at=unit.now,
        )
        unit.send(notice, to=to, url=interface.edition.peers.url(to))
