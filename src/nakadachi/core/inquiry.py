"""情報照会: take the inquirer's statement, pass it to the provider with L_A replaced by L_B, carry the acceptance back
(hops 4, 5, 8; C10).
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from nakadachi.core import endings, store
from nakadachi.core.endings import Said, prefix_of
from nakadachi.core.openings import open_secrets
from nakadachi.kit import inbox
from nakadachi.kit.author import Enclosure
from nakadachi.ledger import trails
from nakadachi.ledger.permits import entry_of
from nakadachi.ledger.records import Circumstance, Event, Record
from nakadachi.ledger.tree import leaf_hash
from nakadachi.refusal import Reason, Refusal
from nakadachi.telegrams.codec import decode_envelope, decode_json, encode_envelope, encode_json
from nakadachi.telegrams.inquiry import Completion, Ending, Inquire, InquireAt, InquiryAccepted, InquiryCompleted, Noted
from nakadachi.telegrams.permit import Opening, PermitContent
from nakadachi.terms import NodeName, Role

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nakadachi.core.parts import Core
    from nakadachi.kit.unit import Asked, Heard, Reply, Unit
    from nakadachi.telegrams.envelope import Envelope, Verified
    from nakadachi.terms import Serial


async def inquire(core: Core, unit: Unit, asked: Sequence[Asked[Inquire]]) -> list[Reply]:
    """情報照会電文 (source 003 6.4 ④): keep it, and author the telegram to the provider."""
    replies: list[Reply] = []
    taken: list[Serial] = []
    for one in asked:
        try:
            # (1) The statement is of the permits given for these serials, and in time.
            origin = await _check_statement(one, unit)
            # (2) The provider gets A's statement as A signed it, and L_B with its opening.
            to = NodeName.of(Role.INTERFACE, one.header.prefix.provider)
            until = min(statement.accept_by for statement in one.header.statements) + core.times.accept_grace
            telegram = await _inquire_at(core, unit, one, await _head(core, unit, origin))
            unit.send(telegram, to=to, url=core.edition.peers.url(to), until=until)
        except Refusal as refusal:
            replies.append(refusal)
            continue
        taken += one.header.exchanges
        _tell_closed(core, unit, one)
        replies.append(None)
        unit.then(partial(core.waiting.accepted.expect, one.header.id))
    await store.note_inquired(unit.connection, taken, unit.now)
    return replies


def _tell_closed(core: Core, unit: Unit, one: Asked[Inquire]) -> None:
    """What the inquirer closed on the way travels in its statement all the same: the provider is told that it ended."""
    closed = [
        Completion(serial=serial, ending=exchange.inquirer_ending, ended_at=unit.now, reason=exchange.reason)
        for serial, exchange in one.known.items()
        if exchange.inquirer_ending is not None
    ]
    if closed:
        endings.tell(core, unit, one.header.prefix.provider, closed)


async def acceptance(core: Core, telegram: Verified[Inquire]) -> Envelope | None:
    """After the commit: the provider's acceptance, as it signed it; None where it takes too long."""
    return await core.waiting.accepted.wait(telegram.header.id, core.times.acceptance_seconds)


async def hear_acceptance(core: Core, unit: Unit, heard: Sequence[Heard[InquireAt]]) -> None:
    """情報照会受付完了: the provider's word, kept as the final answer to the inquirer's telegram."""
    settled, kept = [], []
    for one in heard:
        inquiry = decode_envelope(one.sent[0].part("statement")).header
        answer = one.answers[0]
        settled.append((inquiry.author, inquiry.id, encode_envelope(answer.envelope)))
        kept += _refused_records(unit, one)
        unit.then(partial(core.waiting.accepted.tell, inquiry.id, answer.envelope))
    await inbox.settle(unit.connection, settled)
    if kept:
        await trails.keep(unit.connection, kept)


async def note_completed(core: Core, unit: Unit, asked: Sequence[Asked[Any]]) -> list[Reply]:
    """完了通知: one end said that exchanges ended; kept with the record. Only an end of an exchange may say so."""
    replies: list[Reply] = []
    said: list[Said] = []
    for one in asked:
        inquirer = isinstance(one.header, InquiryCompleted)
        noted = []
        for completion in one.header.completions:
            exchange = one.known[completion.serial]
            prefix = prefix_of(exchange)
            if one.header.author.organisation == (prefix.inquirer if inquirer else prefix.provider):
                noted.append(Said(exchange, inquirer, type(one.header).__name__, completion))
        if len(noted) < len(one.header.completions):
            replies.append(Refusal(Reason.ROLE_NOT_ALLOWED, "an exchange of other organisations"))
            continue
        said += noted
        replies.append(core.author.answer(Noted, one.telegram))
    await endings.note(core, unit, said)
    return replies


async def _head(core: Core, unit: Unit, origin: str) -> str:
    """The newest cosigned head of the log that the permits are in: our own, or that of another instance."""
    if origin not in core.others:
        return core.head[0]
    kept = await store.newest_cosigned(unit.connection, origin)
    return kept[1] if kept else ""


async def _check_statement(one: Asked[Inquire], unit: Unit) -> str:
    """The origin of the permits, which one instance gave together. Raises Refusal."""
    origins = set()
    async for statement in unit.each(one.header.statements):
        exchange = one.known[statement.serial]
        if exchange.refused is not None:
            raise Refusal(Reason.PERMIT_INVALID, "the permit was refused")
        content = decode_json(exchange.content, PermitContent)
        if statement.leaf_hash != leaf_hash(entry_of(exchange.content)) or content.prefix != one.header.prefix:
            raise Refusal(Reason.PERMIT_INVALID, "the statement is of another permit")
        if content.prefix.inquirer != one.header.author.organisation:
            raise Refusal(Reason.ROLE_NOT_ALLOWED, "the permit is another organisation's")
        if unit.now > content.accept_by:
            raise Refusal(Reason.PERMIT_EXPIRED, f"accept-by was {content.accept_by.isoformat()}")
        origins.add(content.origin)
    if len(origins) != 1:
        raise Refusal(Reason.BAD_FORMAT, f"permits of {len(origins)} logs in one telegram")
    return origins.pop()


async def _inquire_at(core: Core, unit: Unit, one: Asked[Inquire], head: str) -> Verified[InquireAt]:
    parts = [
        Enclosure("statement", encode_envelope(one.telegram.envelope)),
        Enclosure("cosigned head", head.encode()),
    ]
    async for item, statement in unit.each(enumerate(one.header.statements)):
        secrets = open_secrets(core, one.known[statement.serial])
        opening = Opening(salt=secrets.provider_salt, value=secrets.provider_code)
        parts.append(Enclosure("link code", encode_json(opening), item=item, personal=True))
    return core.author.write(
        InquireAt,
        to=NodeName.of(Role.INTERMEDIATE, one.header.prefix.provider),
        parts=parts,
        lane=one.header.lane,
        prefix=one.header.prefix,
        serials=one.header.exchanges,
    )


def _refused_records(unit: Unit, one: Heard[InquireAt]) -> list[Record]:
    answer, sent = one.answers[0].header, one.sent[0].header
    refused = (
        {outcome.serial: outcome.refused for outcome in answer.outcomes}
        if isinstance(answer, InquiryAccepted)
        else dict.fromkeys(sent.serials, getattr(answer, "reason", None))
    )
    return [
        Record(serial, Event.REFUSED, unit.now, sent.prefix, Circumstance(), reason=reason, ending=Ending.REFUSED)
        for serial, reason in refused.items()
        if reason is not None
    ]
