"""監視: the trees that nodes were shown, compared with the log that the Commission cosigned (X1, A3, design 2.5).

(1) What a node tells is a note that the log signed. (2) Two trees of one size are a fork, found at once. (3) Any other
tree must be in the newest one cosigned: the core proves it, and what it cannot prove within a while is a finding too.
One proof does for a tree, however many nodes tell of it.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from http import HTTPStatus
from typing import TYPE_CHECKING

from nakadachi.commission import head_store, store
from nakadachi.commission.head_store import Told
from nakadachi.crypto.notes import NoteVerifier, note_text
from nakadachi.kit.client import Unreachable
from nakadachi.kit.log import logger
from nakadachi.kit.unit import Unit
from nakadachi.ledger.checkpoint import open_checkpoint
from nakadachi.ledger.proofs import MOST_PROOFS, ask_consistency, read_proofs
from nakadachi.ledger.tree import check_consistency
from nakadachi.refusal import Reason, Refusal
from nakadachi.telegrams.inquiry import Noted
from nakadachi.telegrams.oversight import Finding, FindingKind
from nakadachi.terms import Role

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from nakadachi.commission.head_store import Tree
    from nakadachi.commission.parts import Commission
    from nakadachi.kit.client import Wire
    from nakadachi.kit.unit import Asked, Reply
    from nakadachi.ledger.checkpoint import Checkpoint
    from nakadachi.telegrams.oversight import ReportHeads
    from nakadachi.terms import NodeName

PATIENCE = timedelta(minutes=5)
"""How long the core may owe a proof, or the cosigned log lag behind a tree that was shown to somebody."""
KEPT = timedelta(hours=1)
"""How long a tree that is in the log is remembered, so that those who tell of it later cost nothing."""


class Judgement(StrEnum):
    """What became of a tree told: it is in the log cosigned, it contradicts it, or nobody has shown either."""

    CONTAINED = "contained"
    FORKED = "forked"
    UNPROVEN = "unproven"


FINDINGS = {Judgement.FORKED: FindingKind.HEAD_FORKED, Judgement.UNPROVEN: FindingKind.HEAD_UNPROVEN}


@dataclass(frozen=True, slots=True)
class Judged:
    """A tree told, what became of it, and the note it contradicts where it does."""

    checkpoint: Checkpoint
    judgement: Judgement
    against: str | None = None


async def note_heads(commission: Commission, unit: Unit, asked: Sequence[Asked[ReportHeads]]) -> list[Reply]:
    """チェックポイント報告の受信: keep what is new; a note that the log did not sign is a finding about who told it."""
    told: list[Told] = []
    wrong: list[Finding] = []
    for reporter, note in ((one.header.author, note) for one in asked for note in one.header.checkpoints):
        try:
            told.append(_signed_by_its_log(commission, note, reporter, unit.now))
        except Refusal as refusal:
            if refusal.reason is Reason.PERMIT_INVALID:
                # A log that our directory does not list: the reporter's may be newer than ours.
                logger().warning("heads.unknown_log", peer=reporter.value, detail=refusal.detail)
                continue
            kind, reason = FindingKind.HEAD_INVALID, refusal.reason
            wrong.append(Finding(kind=kind, at=unit.now, about=reporter, reason=reason))
    await store.keep_findings(unit.connection, commission.author.name, wrong, unit.now)
    await take_up(commission, unit, told)
    return [commission.author.answer(Noted, one.telegram) for one in asked]


async def take_up(commission: Commission, unit: Unit, told: Sequence[Told]) -> None:
    """Keep trees that a log signed; those of one size with different roots are a fork, found at once."""
    if not told:
        return
    await head_store.keep(unit.connection, told)
    places = {(one.checkpoint.origin, one.checkpoint.size) for one in told}
    forks = await head_store.two_of_a_size(unit.connection, places)
    await _settle(commission, unit, [Judged(one.checkpoint, Judgement.FORKED, other) for one, other in forks])


async def compare_heads(commission: Commission, wire: Wire) -> None:
    """チェックポイントの照合: judge the trees told by the core's proofs that they are in the log cosigned (X1).

    No transaction is open while the core is asked. What it does not answer is asked again, until patience ends.
    """
    while await _compare_some(commission, wire) == MOST_PROOFS:
        pass


async def _compare_some(commission: Commission, wire: Wire) -> int:
    async with commission.database.acquire() as connection:
        now = commission.author.clock.now()
        newest = {tree.checkpoint.origin: tree for tree in await head_store.witnessed(connection)}
        waiting = await head_store.open_heads(connection, most=MOST_PROOFS)
    due: dict[str, list[Checkpoint]] = defaultdict(list)
    for one in waiting:
        tree = newest.get(one.checkpoint.origin)
        if tree is not None and one.checkpoint.size <= tree.checkpoint.size:
            due[one.checkpoint.origin].append(one.checkpoint)
    judged = {
        each.checkpoint: each
        for origin, trees in due.items()
        for each in await _prove(commission, wire, newest[origin], trees)
    }
    for one in waiting:
        if now - one.told_at > PATIENCE:
            judged.setdefault(one.checkpoint, Judged(one.checkpoint, Judgement.UNPROVEN))
    async with commission.database.transaction() as connection:
        await _settle(commission, Unit(connection, now), list(judged.values()))
        await head_store.forget(connection, before=now - KEPT)
    return len(judged)


async def _prove(commission: Commission, wire: Wire, newest: Tree, trees: Sequence[Checkpoint]) -> list[Judged]:
    """Those of the trees that are, or are not, in the newest one cosigned; none where the core has no answer."""
    origin, size, core = newest.checkpoint.origin, newest.checkpoint.size, core_of(commission, newest.checkpoint.origin)
    question = ask_consistency(origin, size, [tree.size for tree in trees])
    try:
        status, answer = await wire.request(core, commission.edition.peers.url(core), "/log/consistency", question)
        if status != HTTPStatus.OK:
            raise Unreachable(f"{core} answered with status {status}")
        proofs = read_proofs(answer, len(trees))
    except (Unreachable, Refusal) as wrong:
        logger().warning("heads.wait", peer=core.value, detail=str(wrong))
        return []
    judged = []
    for tree, proof in zip(trees, proofs, strict=True):
        try:
            check_consistency(tree.size, tree.root, size, newest.checkpoint.root, proof)
            judged.append(Judged(tree, Judgement.CONTAINED))
        except Refusal:
            judged.append(Judged(tree, Judgement.FORKED, newest.note))
    return judged


async def _settle(commission: Commission, unit: Unit, judged: Sequence[Judged]) -> None:
    """Keep what was judged; a tree that is not in the log is a finding about the core."""
    found = []
    for one in judged:
        if (kind := FINDINGS.get(one.judgement)) is not None:
            about = core_of(commission, one.checkpoint.origin)
            logger().error(f"head.{one.judgement.value}", peer=about.value, size=one.checkpoint.size)
            found.append(Finding(kind=kind, at=unit.now, about=about))
    await head_store.settle(unit.connection, [(one.checkpoint, one.judgement.value, one.against) for one in judged])
    await store.keep_findings(unit.connection, commission.author.name, found, unit.now)


def core_of(commission: Commission, origin: str) -> NodeName:
    """The core whose log this is. Raises Refusal(PERMIT_INVALID) where the directory lists no such log."""
    for node in commission.edition.directory.of_role(Role.CORE):
        if any(log.origin == origin for log in node.logs):
            return node.name
    raise Refusal(Reason.PERMIT_INVALID, "no core in the directory has a log of that origin")


def _signed_by_its_log(commission: Commission, note: str, reporter: NodeName, now: datetime) -> Told:
    raw = note.encode()
    origin = note_text(raw).split("\n", 1)[0]
    log = NoteVerifier.from_vkey(commission.edition.directory.log_key(origin))
    return Told(open_checkpoint(raw, (log,), origin).checkpoint, note, reporter, now)
