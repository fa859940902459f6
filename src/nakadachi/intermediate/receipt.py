"""情報提供の受領: open the body, find in it the person asked for, and only then let anyone see it (hop 6; L6)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from nakadachi.crypto.commitment import digest
from nakadachi.crypto.sealing import SealSuite, body_info, new_private, unseal
from nakadachi.intermediate import endings, store
from nakadachi.intermediate.exchange_store import Inquiry
from nakadachi.intermediate.findings import find, suspect
from nakadachi.intermediate.parts import BODY_SEED, provider_node
from nakadachi.intermediate.rules import State, check_body
from nakadachi.kit.keystore import MonthDestroyedError
from nakadachi.refusal import Reason, Refusal
from nakadachi.telegrams.codec import decode_json, encode_json
from nakadachi.telegrams.envelope import Outcome
from nakadachi.telegrams.oversight import Finding, FindingKind
from nakadachi.telegrams.provision import Body, Provide, ProvisionReceived
from nakadachi.telegrams.suspicion import Suspicion

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nakadachi.intermediate.parts import Intermediate
    from nakadachi.intermediate.store import Person
    from nakadachi.intermediate.subjects import AddresseeNumber
    from nakadachi.kit.unit import Asked, Reply, Unit
    from nakadachi.terms import Serial


async def receive_provision(intermediate: Intermediate, unit: Unit, asked: Sequence[Asked[Provide]]) -> list[Reply]:
    """情報提供電文 → 情報提供受領通知 (source 003 6.4 ⑤(b)(c)); a crossed answer is refused and never shown."""
    known = [inquiry for one in asked for inquiry in one.known.values() if isinstance(inquiry, Inquiry)]
    people = await store.people_by_addressee(unit.connection, [inquiry.addressee for inquiry in known])
    replies: list[Reply] = []
    ended: list[endings.Ended] = []
    crossed: list[Finding] = []
    for one in asked:
        refused = _refuse_whole(one)
        if refused is not None:
            await suspect(intermediate, unit, one.header, refused)
            replies.append(refused)
            continue
        outcomes = []
        async for item, statement in unit.each(enumerate(one.header.statements)):
            inquiry = one.known[statement.serial]
            if inquiry.state.is_closed:
                outcomes.append(Outcome(serial=statement.serial, refused=inquiry.reason or Reason.TIMED_OUT))
                continue
            try:
                answer = _open(intermediate, one, item, inquiry, people)
            except Refusal as refusal:
                if statement.refused is None and refusal.reason is not Reason.CANCELLED:
                    crossed.append(_crossed(unit, one, statement.serial, refusal.reason))
                outcomes.append(Outcome(serial=statement.serial, refused=refusal.reason))
                ended.append((inquiry, State.REFUSED, refusal.reason, None))
                continue
            outcomes.append(Outcome(serial=statement.serial))
            answered = replace(inquiry, provided_at=statement.provided_at)
            ended.append((answered, State.ANSWERED, None, answer))
        replies.append(intermediate.author.answer(ProvisionReceived, one.telegram, outcomes=tuple(outcomes)))
    await endings.end(intermediate, unit, ended)
    await find(intermediate, unit, crossed)
    return replies


def _crossed(unit: Unit, one: Asked[Provide], serial: Serial, reason: Reason) -> Finding:
    kind, author = FindingKind.ANSWER_CROSSED, one.header.author
    return Finding(kind=kind, at=unit.now, serial=serial, about=author, reason=reason)


def _refuse_whole(one: Asked[Provide]) -> Refusal | None:
    """What makes the whole telegram another's: its author, its prefix, an exchange that ended."""
    for statement in one.header.statements:
        inquiry = one.known.get(statement.serial)
        if isinstance(inquiry, Inquiry) and inquiry.state is State.ANSWERED:
            return Suspicion(FindingKind.ANSWER_AGAIN, Reason.OUT_OF_TURN, "the exchange was answered before")
        if not isinstance(inquiry, Inquiry) or not (inquiry.state.is_open or inquiry.state.is_closed):
            return Refusal(Reason.OUT_OF_TURN, "the exchange waits for no answer")
        if one.header.author != provider_node(inquiry.prefix) or one.header.prefix != inquiry.prefix:
            return Refusal(Reason.ROLE_NOT_ALLOWED, "the author or prefix is not the one asked")
        if statement.leaf_hash != inquiry.leaf_hash:
            detail = "the statement is of another exchange"
            return Suspicion(FindingKind.ANSWER_CROSSED, Reason.PERMIT_INVALID, detail)
    return None


def _open(
    intermediate: Intermediate,
    one: Asked[Provide],
    item: int,
    inquiry: Inquiry,
    people: Mapping[AddresseeNumber, Person],
) -> bytes:
    """The items provided, as JSON. Raises Refusal with the provider's reason, or ours where it is not the right
    answer.
    """
    statement = one.header.statements[item]
    if statement.refused is not None:
        raise Refusal(statement.refused, "the provider refused")
    sealed = one.telegram.part("body", item)
    if digest(sealed) != statement.body or inquiry.seed is None or inquiry.leaf_hash is None:
        raise Refusal(Reason.BAD_FORMAT, f"body {item} is not the one stated")
    bound = f"{BODY_SEED} {inquiry.serial.value}"
    try:
        month = intermediate.keys.months(inquiry.month)
    except MonthDestroyedError:
        raise Refusal(Reason.CANCELLED, f"the key of {inquiry.month} was destroyed") from None
    seed = month.unwrap(inquiry.seed, bound)
    private = new_private(SealSuite(inquiry.suite), seed)
    body = decode_json(unseal(private, sealed, body_info(inquiry.leaf_hash, inquiry.serial.value)), Body)
    check_body(body, inquiry.serial, people[inquiry.addressee].subject)
    return encode_json(body.items)
