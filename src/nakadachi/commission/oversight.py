"""監視: the Commission as witness of the core's log (A3, C2SP tlog-witness), and the notices of refused inquiries."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nakadachi.commission import store
from nakadachi.commission.head_store import Told
from nakadachi.commission.heads import core_of, take_up
from nakadachi.crypto.notes import NoteVerifier, note_text
from nakadachi.kit.log import logger
from nakadachi.kit.unit import Unit
from nakadachi.ledger import records
from nakadachi.ledger.checkpoint import Checkpoint, open_checkpoint
from nakadachi.ledger.holding import hold
from nakadachi.ledger.records import Circumstance, Event, Record
from nakadachi.ledger.tree import check_consistency
from nakadachi.refusal import Reason, Refusal
from nakadachi.telegrams.inquiry import Noted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nakadachi.commission.parts import Commission
    from nakadachi.kit.unit import Asked, Reply
    from nakadachi.telegrams.oversight import DistributeEdition, Finding, ReportFinding
    from nakadachi.telegrams.permit import PrefixRefused

MOST_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the witness answers: an HTTP status and a body (C2SP tlog-witness)."""

    status: int
    body: str


async def add_checkpoint(commission: Commission, raw: bytes) -> Verdict:
    """チェックポイントの連署: cosign a checkpoint that only adds to the one cosigned before (C2SP tlog-witness).

    Never forks, never goes back, also under several requests at once. Total: bad bytes get a status from 400 on.
    """
    try:
        old, proof, note = read_request(raw)
        origin = note_text(note).split("\n", 1)[0]
        log = NoteVerifier.from_vkey(commission.edition.directory.log_key(origin))
        new = open_checkpoint(note, (log,), origin).checkpoint
    except Refusal as refusal:
        status = {Reason.PERMIT_INVALID: 404, Reason.BAD_SIGNATURE: 403}.get(refusal.reason, 400)
        return Verdict(status, refusal.reason.value + "\n")
    if old > new.size:
        return Verdict(400, "the old size is above the checkpoint's\n")
    now = commission.author.clock.now()
    async with commission.database.transaction() as connection:
        known = await store.witnessed(connection, origin, now)
        if old != known.size:
            return Verdict(409, f"{known.size}\n")
        if (wrong := _wrong(known, new, proof)) is not None:
            logger().error("witness.refused", detail=wrong, size=new.size)
            # The log signed this tree, whoever handed it in: what it is, its own proofs have to tell.
            told = Told(new, note.decode(), core_of(commission, origin), now)
            await take_up(commission, Unit(connection, now), [told])
            return Verdict(422, wrong + "\n")
        await store.keep_witnessed(connection, new, note.decode(), now)
    return Verdict(200, commission.cosigner.line(new.text(), int(now.timestamp())))


async def note_prefix_refused(commission: Commission, unit: Unit, asked: Sequence[Asked[PrefixRefused]]) -> list[Reply]:
    """照会拒否通知: keep what an interface system refused."""
    await store.keep_refused(unit.connection, [one.header for one in asked])
    await records.keep(
        unit.connection,
        [
            Record(
                serial,
                Event.REFUSED,
                one.header.refused_at,
                one.header.prefix,
                Circumstance(staff=one.header.staff),
                reason=one.header.reason,
            )
            for one in asked
            for serial in one.header.serials
        ],
    )
    return [commission.author.answer(Noted, one.telegram) for one in asked]


async def note_finding(commission: Commission, unit: Unit, asked: Sequence[Asked[ReportFinding]]) -> list[Reply]:
    """確認事項通知: keep what a node found."""
    for one in asked:
        await store.keep_findings(unit.connection, one.header.author, one.header.findings, unit.now)
    return [commission.author.answer(Noted, one.telegram) for one in asked]


async def hold_edition(commission: Commission, unit: Unit, asked: Sequence[Asked[DistributeEdition]]) -> list[Reply]:
    """プレフィックス情報の受信 (C16): whom the directory lists and revokes holds here from the next request on."""
    return await hold(commission, unit, asked, tell=find)


async def find(commission: Commission, unit: Unit, findings: Sequence[Finding]) -> list[None]:
    """確認事項の記録: keep what the Commission's own door found."""
    await store.keep_findings(unit.connection, commission.author.name, findings, unit.now)
    return [None] * len(findings)


def read_request(raw: bytes) -> tuple[int, tuple[bytes, ...], bytes]:
    """An `add-checkpoint` body in its one spelling: old size, consistency proof (32 bytes each), the checkpoint note.

    Raises Refusal(BAD_FORMAT).
    """
    head, parted, note = raw.partition(b"\n\n")
    lines = head.split(b"\n")
    try:
        word, _, old = lines[0].decode("ascii").partition(" ")
        proof = tuple(base64.b64decode(line, validate=True) for line in lines[1:])
        size = int(old) if old.isascii() and old.isdigit() else -1
    except (UnicodeDecodeError, binascii.Error, ValueError):
        raise Refusal(Reason.BAD_FORMAT, "not an add-checkpoint request") from None
    if word != "old" or size < 0 or not parted or any(len(one) != 32 for one in proof) or len(proof) > 63:
        raise Refusal(Reason.BAD_FORMAT, "not an add-checkpoint request")
    if head != b"\n".join([b"old %d" % size, *(base64.b64encode(one) for one in proof)]):
        raise Refusal(Reason.BAD_FORMAT, "not an add-checkpoint request")
    return size, proof, note


def _wrong(known: Checkpoint, new: Checkpoint, proof: tuple[bytes, ...]) -> str | None:
    """Why the new checkpoint does not only add to the known one; None where it does."""
    try:
        check_consistency(known.size, known.root, new.size, new.root, proof)
    except Refusal:
        return "the tree is not consistent with the one cosigned before"
    return None
