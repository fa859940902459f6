"""証跡: what is handed over is kept as a numbered chain without a gap, and reconciled three ways (A1, A2, X5).

(1) A telegram's running digest must be that of its entries. (2) What comes behind a gap is not kept: its author is told
which number is waited for. (3) Another entry under a number that was given is a finding; two signed telegrams prove it.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from nakadachi.commission import reconciliation_store, store, trail_store
from nakadachi.commission.evidence import DISAGREE, Side, Verdict, side_of
from nakadachi.commission.examining import examine
from nakadachi.commission.reconciling import reconcile
from nakadachi.commission.trail_store import Numbered
from nakadachi.kit.log import logger
from nakadachi.ledger.trails import hash_of, running
from nakadachi.refusal import Reason, Refusal
from nakadachi.telegrams.envelope import Lane
from nakadachi.telegrams.oversight import Finding, FindingKind
from nakadachi.telegrams.trail import AskTrail, TrailKept
from nakadachi.terms import NodeName, Role, japan_day

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from nakadachi.commission.evidence import Seen, Trouble
    from nakadachi.commission.parts import Commission
    from nakadachi.kit.unit import Asked, Reply, Unit
    from nakadachi.telegrams.trail import HandOverTrail

MOST_AT_ONCE = 500
"""Exchanges reconciled in one transaction."""
MONTHS_AHEAD = 2
FINDINGS = {
    Verdict.EXTRA: FindingKind.TRAIL_EXTRA,
    Verdict.MISSING: FindingKind.TRAIL_MISSING,
    Verdict.DIFFERING: FindingKind.TRAIL_DIFFERS,
    Verdict.UNKNOWN: FindingKind.UNKNOWN_ENDING,
}


async def keep_trails(commission: Commission, unit: Unit, asked: Sequence[Asked[HandOverTrail]]) -> list[Reply]:
    """証跡提供の受領: keep what follows; say which number is waited for (C15, A1)."""
    replies: list[Reply] = [None] * len(asked)
    # In one order, so that two transactions that hold the same authors do not wait for each other.
    for place in sorted(range(len(asked)), key=lambda place: (asked[place].header.author, asked[place].header.first)):
        try:
            replies[place] = await _keep(commission, unit, asked[place])
        except Refusal as refusal:
            replies[place] = refusal
    return replies


async def _keep(commission: Commission, unit: Unit, one: Asked[HandOverTrail]) -> Reply:
    header, connection, author = one.header, unit.connection, one.header.author
    hashes = [hash_of(entry) async for entry in unit.each(header.entries)]
    if running(header.before, hashes) != header.after:
        raise Refusal(Reason.BAD_FORMAT, "the running digest is not that of the entries")
    stands = await trail_store.lock(connection, author, unit.now, header.last)
    contradicted = await _contradicted(unit, header, hashes, stands)
    if contradicted is not None:
        signed = trail_store.folded(one.telegram.envelope)
        await trail_store.keep_contradiction(connection, author, contradicted, signed, unit.now)
        finding = Finding(kind=FindingKind.TRAIL_CONTRADICTS, at=unit.now, about=author)
        await store.keep_findings(connection, commission.author.name, [finding], unit.now)
        logger().error("trail.contradicts", peer=author.value, index=contradicted)
    elif header.first <= stands.following <= header.last:
        new = range(stands.following, header.last + 1)
        entries = [
            Numbered(number, hashes[number - header.first], entry, examine(author, entry))
            for number in new
            for entry in (header.entries[number - header.first],)
        ]
        stands = trail_store.Stands(header.last + 1, header.after)
        await trail_store.keep(connection, author, entries, header.after, unit.now)
        await trail_store.keep_telegram(connection, author, new, trail_store.folded(one.telegram.envelope), unit.now)
    return commission.author.answer(
        TrailKept, one.telegram, following=stands.following, digest=stands.digest, contradicts=contradicted
    )


async def _contradicted(
    unit: Unit, header: HandOverTrail, hashes: Sequence[bytes], stands: trail_store.Stands
) -> int | None:
    """The first number that was given to another entry; None where all fits, or nothing can be compared yet."""
    if header.first > stands.following:
        return None
    known = await trail_store.hashes(
        unit.connection, header.author, header.first, min(header.last, stands.following - 1)
    )
    for number, hash_ in enumerate(hashes, header.first):
        if known.get(number, hash_) != hash_:
            return number
    new = hashes[stands.following - header.first :]
    # The entries fit, and so must the digest: else those before were others.
    return header.first if new and running(stands.digest, new) != header.after else None


async def ask_trail(commission: Commission, unit: Unit, wishes: Sequence[tuple[NodeName, int]]) -> list[bool]:
    """証跡要求 (A1): have these authors hand over their entries from a number on. False for one that never handed over
    any: it may not know the telegram (decision 0021).
    """
    done = []
    for author, first in wishes:
        known = await trail_store.knows_trails(unit.connection, author)
        done.append(known)
        if not known:
            continue
        peers = commission.edition.peers
        way = NodeName.of(Role.INTERFACE, author.organisation) if author.role is Role.INTERMEDIATE else author
        unit.send(commission.author.write(AskTrail, to=author, lane=Lane.BULK, first=first), to=way, url=peers.url(way))
    return done


async def make_months(_commission: Commission, unit: Unit, turns: Sequence[None]) -> list[None]:
    """月別の表の作成: the tables of this month and the next ones are there before they are needed."""
    await trail_store.make_months(unit.connection, months_ahead(japan_day(unit.now)))
    return [None] * len(turns)


def months_ahead(day: date) -> list[date]:
    """The month of a day and those that follow."""
    first = day.replace(day=1)
    months = [first]
    for _ in range(MONTHS_AHEAD):
        first = (first + timedelta(days=32)).replace(day=1)
        months.append(first)
    return months


async def reconcile_some(commission: Commission, unit: Unit, turns: Sequence[None]) -> list[int]:
    """三者突合 (A2, X5): exchanges of which entries came or whose time has come. Returns how many."""
    before = await reconciliation_store.to_judge(unit.connection, unit.now, most=MOST_AT_ONCE)
    entries = await trail_store.entries_of(unit.connection, before) if before else {}
    outcomes = {serial: reconcile(entries[serial], unit.now) async for serial in unit.each(entries)}
    await reconciliation_store.judge(unit.connection, outcomes, unit.now)
    found = [
        _finding(commission, unit, trouble, entries[serial])
        for serial, outcome in outcomes.items()
        for trouble in outcome.troubles
        if trouble.verdict in (*DISAGREE, Verdict.UNKNOWN) and trouble not in before[serial]
    ]
    await store.keep_findings(unit.connection, commission.author.name, found, unit.now)
    return [len(before)] * len(turns)


def _finding(commission: Commission, unit: Unit, trouble: Trouble, entries: Sequence[Seen]) -> Finding:
    about = _about(trouble, entries, commission.edition.peers.core())
    return Finding(kind=FINDINGS[trouble.verdict], at=unit.now, serial=entries[0].serial, about=about)


def _about(trouble: Trouble, entries: Sequence[Seen], core: NodeName) -> NodeName | None:
    """The node at a side of an exchange, as its entries name it; None where two differ and nobody says who is right."""
    own = [one.author for one in entries if side_of(one) is trouble.side]
    if own:
        return own[0]
    named = {
        Side.CORE: core,
        Side.INQUIRER: NodeName.of(Role.INTERMEDIATE, entries[0].serial.issuer),
        Side.PROVIDER: NodeName.of(Role.INTERMEDIATE, entries[0].prefix.provider),
    }
    return named.get(trouble.side)
