"""情報提供, the provider's side (hops 5 to 7): check, compare the subject, answer or hold (M3, M5, design 2.7)."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from nakadachi.crypto.commitment import digest
from nakadachi.crypto.sealing import SealSuite, body_info, seal, subject_info, unseal
from nakadachi.crypto.subject import compare
from nakadachi.intermediate import ending_store, exchange_store, store
from nakadachi.intermediate.endings import decided
from nakadachi.intermediate.exchange_store import AskedOfUs
from nakadachi.intermediate.findings import find_mismatches, suspect
from nakadachi.intermediate.rules import State, choose_items, ending_of, must_hold, require_linked, subject_words
from nakadachi.kit.author import Enclosure
from nakadachi.ledger import trails
from nakadachi.ledger.permits import Asking, check_inquiry
from nakadachi.ledger.records import AUTOMATIC, Circumstance
from nakadachi.refusal import Reason, Refusal
from nakadachi.telegrams.codec import encode_json
from nakadachi.telegrams.envelope import Lane, Refused
from nakadachi.telegrams.inquiry import Acceptance, Completion, Ending, InquireAt, InquiryAccepted
from nakadachi.telegrams.oversight import FindingKind
from nakadachi.telegrams.provision import Body, Provide, ProvisionCompleted, ProvisionReceived, ProvisionStatement
from nakadachi.telegrams.suspicion import Suspicion
from nakadachi.terms import japan_day

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nakadachi.crypto.sealing import PrivateSeal
    from nakadachi.intermediate.parts import Intermediate
    from nakadachi.intermediate.rules import Held, Protection
    from nakadachi.intermediate.store import Person
    from nakadachi.intermediate.subjects import AddresseeNumber
    from nakadachi.kit.unit import Asked, Heard, Reply, Unit
    from nakadachi.telegrams.provision import ProvidedItem
    from nakadachi.terms import LinkCode, Serial

MISMATCHES_COUNT_FOR = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Case:
    """One exchange asked of us, as decided; `body` is what we provide, sealed, and empty where held or refused."""

    asked: AskedOfUs
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Staff:
    """What a member of staff decided on a held exchange: provide it, or refuse it with a reason."""

    serial: Serial
    refuse: Reason | None
    by: Circumstance


async def accept_inquiry(intermediate: Intermediate, unit: Unit, asked: Sequence[Asked[InquireAt]]) -> list[Reply]:
    """情報照会の受付: each exchange is answered, held (both are accepted), or refused (source 003 6.4 ④(b)(c))."""
    # (1) Every check of permit and statement; what fails refuses its telegram whole.
    checked = [await _check(intermediate, unit, one) for one in asked]
    fine = [(one, items) for one, items in zip(asked, checked, strict=True) if not isinstance(items, Refusal)]
    # (2) Who is meant, and what do we hold?
    codes = [item.code for _, items in fine for item in items]
    people = await store.people_by_code(unit.connection, codes, unit.now - MISMATCHES_COUNT_FOR)
    held, marked = await _holdings(unit, fine, people)
    # (3) Decide each, keep all, and let the answers go after the commit.
    replies: list[Reply] = []
    cases: list[Case] = []
    for one, items in zip(asked, checked, strict=True):
        if isinstance(items, Refusal):
            replies.append(items)
            continue
        judged = [
            _decide(intermediate, unit, item, people=people, held=held, marked=marked)
            async for item in unit.each(items)
        ]
        cases += judged
        outcomes = tuple(
            Acceptance(serial=case.asked.serial, held=case.asked.state is State.HELD, refused=case.asked.reason)
            for case in judged
        )
        replies.append(intermediate.author.answer(InquiryAccepted, one.telegram, outcomes=outcomes))
        _provide(intermediate, unit, [case for case in judged if case.body], one.header.lane)
    await _keep(intermediate, unit, cases)
    return replies


async def settle_held(intermediate: Intermediate, unit: Unit, decisions: Sequence[Staff]) -> list[Refusal | None]:
    """職員の判断: staff provide or refuse what was held back; every decision has its record (M3, design 2.10)."""
    own = intermediate.author.name.organisation
    await exchange_store.lock_asked(unit.connection, [one.serial for one in decisions])
    known = dict(await exchange_store.exchanges(unit.connection, [one.serial for one in decisions], own))
    results: list[Refusal | None] = []
    for one in decisions:
        try:
            case = await _staff_case(unit, _require_held(unit, known.get(one.serial)), one)
        except Refusal as refusal:
            results.append(refusal)
            continue
        _provide(intermediate, unit, [case], Lane.INTERACTIVE)
        await exchange_store.settle_asked(unit.connection, [(one.serial, case.asked.state, case.asked.reason)])
        await trails.keep(unit.connection, [decided(case.asked, unit.now, replace(one.by, withheld=True))])
        known[one.serial] = case.asked
        results.append(None)
    return results


async def hear_receipt(intermediate: Intermediate, unit: Unit, heard: Sequence[Heard[Provide]]) -> None:
    """情報提供受領通知: the inquirer has it, or refuses it; the exchange ends, and the core is told (hop 7)."""
    completions = []
    for one in heard:
        answer, sent = one.answers[0].header, one.sent[0].header
        refused: dict[Serial, Reason | None] = {each.serial: each.refused for each in sent.statements}
        if isinstance(answer, Refused):
            refused.update({each.serial: answer.reason for each in sent.statements})
        elif isinstance(answer, ProvisionReceived):
            refused.update({each.serial: each.refused for each in answer.outcomes if each.refused is not None})
        completions += [
            Completion(serial=serial, ending=ending_of(reason), ended_at=unit.now, reason=reason)
            for serial, reason in refused.items()
        ]
    await ending_store.end_asked(unit.connection, [(one.serial, one.ending) for one in completions])
    await ending_store.queue_completions(unit.connection, ProvisionCompleted.__name__, completions)
    unit.then(intermediate.ended.set)


async def _check(intermediate: Intermediate, unit: Unit, one: Asked[InquireAt]) -> tuple[Asking, ...] | Refusal:
    provider = intermediate.author.name.organisation
    try:
        items = await check_inquiry(one.telegram, intermediate.edition, provider=provider, unit=unit)
        permits = [item.permit for item in items]
        intermediate.heads.check(one.telegram.part("cosigned head"), permits, intermediate.edition.directory, unit.now)
        places = [(permit.content.origin, permit.index) for permit in permits]
        if len(set(places)) < len(places) or await exchange_store.permits_used(unit.connection, places):
            raise Suspicion(FindingKind.PERMIT_REUSED, Reason.ALREADY_USED, "the permit was used before")
    except Refusal as refusal:
        await suspect(intermediate, unit, one.header, refusal)
        return refusal
    return items


async def _holdings(
    unit: Unit, fine: Sequence[tuple[Asked[InquireAt], Sequence[Asking]]], people: dict[LinkCode, Person]
) -> tuple[dict[AddresseeNumber, list[Held]], dict[AddresseeNumber, list[Protection]]]:
    addressees = [person.addressee for person in people.values()]
    wanted = {item for one, _ in fine for item in one.header.prefix.items}
    held = await store.provisions(unit.connection, addressees, sorted(wanted))
    return held, await store.protections(unit.connection, addressees)


def _decide(
    intermediate: Intermediate,
    unit: Unit,
    asking: Asking,
    *,
    people: dict[LinkCode, Person],
    held: dict[AddresseeNumber, list[Held]],
    marked: dict[AddresseeNumber, list[Protection]],
) -> Case:
    content = asking.permit.content
    person = people.get(asking.code)
    asked = _asked_of_us(unit, asking, person)
    body = b""
    try:
        if person is None:
            raise Refusal(Reason.NOT_LINKED_AT_PROVIDER, "no person of this code here")
        require_linked(person.state(unit.now))
        _require_same_subject(intermediate, asking, person)
        day = japan_day(unit.now)
        if must_hold(marked[person.addressee], content.prefix.information, on=day):
            asked = replace(asked, state=State.HELD)
            _seal(asked, person, ())  # a body key that nothing can be sealed for is found now, not by staff later
        else:
            body = _seal(asked, person, choose_items(held[person.addressee], content.prefix.items, on=day))
    except Refusal as refusal:
        asked = replace(asked, state=State.REFUSED, reason=refusal.reason, ending=Ending.REFUSED)
    return Case(asked, body)


def _require_same_subject(intermediate: Intermediate, asking: Asking, person: Person) -> None:
    """対象者照合: both ends must mean the same person before anything is provided (X4). Raises Refusal."""
    if person.mismatches >= intermediate.tries:
        raise Refusal(Reason.SUBJECT_MISMATCH, "too many mismatches for this person's row today")
    statement = asking.statement
    info = subject_info(asking.permit.leaf_hash, statement.serial.value)
    check = _open_check(intermediate.seals[statement.suite], asking.subject_check, info)
    differing = compare(check, person.subject)
    if differing:
        raise Refusal(Reason.SUBJECT_MISMATCH, f"{len(differing)} attributes differ")


def _open_check(seals: Sequence[PrivateSeal], sealed: bytes, info: bytes) -> bytes:
    """The subject check, sealed for our newest key or a former one. Raises Refusal(BAD_FORMAT)."""
    for seal_key in seals[:-1]:
        with suppress(Refusal):
            return unseal(seal_key, sealed, info)
    return unseal(seals[-1], sealed, info)


def _asked_of_us(unit: Unit, asking: Asking, person: Person | None) -> AskedOfUs:
    content = asking.permit.content
    return AskedOfUs(
        content.serial,
        InquireAt.__name__,
        content.origin,
        asking.permit.index,
        person.addressee if person else None,
        content.prefix,
        asking.permit.leaf_hash,
        asking.statement.body_key,
        content.suite,
        asking.inquirer,
        State.ANSWERED,
        None,
        unit.now,
        content.answer_by,
    )


def _require_held(unit: Unit, asked: object) -> AskedOfUs:
    """The exchange, if it waits for staff. Raises Refusal(OUT_OF_TURN, CANCELLED, TIMED_OUT)."""
    if isinstance(asked, AskedOfUs) and asked.state is State.CANCELLED:
        raise Refusal(Reason.CANCELLED, "the inquirer cancelled it")
    if isinstance(asked, AskedOfUs) and (asked.state is State.TIMED_OUT or unit.now > asked.answer_by):
        raise Refusal(Reason.TIMED_OUT, "answer-by has passed")
    if not isinstance(asked, AskedOfUs) or asked.state is not State.HELD or asked.addressee is None:
        raise Refusal(Reason.OUT_OF_TURN, "no exchange of this serial is held here")
    return asked


async def _staff_case(unit: Unit, asked: AskedOfUs, one: Staff) -> Case:
    """The held exchange as staff decided it. Raises Refusal(NOT_REGISTERED) where there is nothing to provide."""
    if one.refuse is not None or asked.addressee is None:
        return Case(replace(asked, state=State.REFUSED, reason=one.refuse))
    people = await store.people_by_addressee(unit.connection, [asked.addressee])
    held = await store.provisions(unit.connection, [asked.addressee], asked.prefix.items)
    items = choose_items(held[asked.addressee], asked.prefix.items, on=japan_day(unit.now))
    return Case(replace(asked, state=State.ANSWERED), _seal(asked, people[asked.addressee], items))


def _provide(intermediate: Intermediate, unit: Unit, cases: Sequence[Case], lane: Lane) -> None:
    """情報提供電文: one telegram for all these exchanges (of one inquirer and prefix), each body for its own key."""
    if not cases:
        return
    statements, parts = [], []
    for item, case in enumerate(cases):
        asked, body = case.asked, case.body
        if body:
            parts.append(Enclosure("body", body, item=item))
        statements.append(
            ProvisionStatement(
                serial=asked.serial,
                leaf_hash=asked.leaf_hash,
                provided_at=unit.now,
                body=digest(body) if body else b"",
                refused=asked.reason,
            )
        )
    own, first = intermediate.interface, cases[0].asked
    telegram = intermediate.author.write(
        Provide, to=first.inquirer, parts=parts, lane=lane, prefix=first.prefix, statements=tuple(statements)
    )
    until = min(case.asked.answer_by for case in cases) + intermediate.times.provide
    unit.send(telegram, to=own, url=intermediate.edition.peers.url(own), until=until)


def _seal(asked: AskedOfUs, person: Person, items: tuple[ProvidedItem, ...]) -> bytes:
    """The body, with serial and subject repeated inside, sealed for the exchange's one-time key (L6, design 2.6).

    Raises Refusal(BAD_FORMAT) where the inquirer's key is none.
    """
    body = Body(serial=asked.serial, subject=subject_words(person.subject), items=items)
    info = body_info(asked.leaf_hash, asked.serial.value)
    return seal(SealSuite(asked.suite), asked.body_key, encode_json(body), info)


async def _keep(intermediate: Intermediate, unit: Unit, cases: Sequence[Case]) -> None:
    await exchange_store.keep_asked(unit.connection, [case.asked for case in cases])
    await trails.keep(
        unit.connection,
        [decided(case.asked, unit.now, replace(AUTOMATIC, withheld=case.asked.state is State.HELD)) for case in cases],
    )
    mismatched = [case.asked.serial for case in cases if case.asked.reason is Reason.SUBJECT_MISMATCH]
    await find_mismatches(intermediate, unit, mismatched)
    refused = [
        Completion(serial=case.asked.serial, ending=Ending.REFUSED, ended_at=unit.now, reason=case.asked.reason)
        for case in cases
        if case.asked.reason is not None
    ]
    if refused:
        await ending_store.queue_completions(unit.connection, ProvisionCompleted.__name__, refused)
        unit.then(intermediate.ended.set)
