"""情報照会: our side as inquirer: begin, take the permit, state the inquiry, hear of its acceptance (hops 1 to 5, 8;
M2).

Each step is one function on many exchanges; the next one starts when the answer to what it sent is heard.
"""

from __future__ import annotations

from base64 import b64decode
from collections import defaultdict
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from nakadachi.crypto.commitment import digest
from nakadachi.crypto.sealing import SealSuite, new_private, seal, subject_info
from nakadachi.crypto.subject import subject_check
from nakadachi.intermediate import endings, exchange_store, request_store, store
from nakadachi.intermediate.exchange_store import Inquiry, Stated
from nakadachi.intermediate.findings import find, find_mismatches
from nakadachi.intermediate.parts import BODY_SEED, provider_node
from nakadachi.intermediate.rules import State
from nakadachi.kit.author import Enclosure
from nakadachi.ledger import trails
from nakadachi.ledger.permits import INQUIRER_CODE, Checked, check_code, check_permit
from nakadachi.ledger.records import Circumstance, Event, Record
from nakadachi.refusal import Reason, Refusal
from nakadachi.telegrams.codec import decode_json, encode_json
from nakadachi.telegrams.envelope import Lane, Refused, Verified
from nakadachi.telegrams.inquiry import Ending, Inquire, InquiryAccepted, InquiryStatement
from nakadachi.telegrams.oversight import Finding, FindingKind
from nakadachi.telegrams.permit import CheckPrefix, Opening, PermitGranted, PrefixAccepted, RequestPermit
from nakadachi.telegrams.standing import LinkState
from nakadachi.telegrams.suspicion import Suspicion
from nakadachi.terms import LinkCode, Prefix, Serial

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from nakadachi.intermediate.parts import Intermediate
    from nakadachi.intermediate.store import Person
    from nakadachi.intermediate.subjects import AddresseeNumber
    from nakadachi.kit.unit import Heard, Unit


@dataclass(frozen=True, slots=True)
class Wish:
    """What an existing system wants to know: of whom, what, and in which circumstance; its serial is issued already.

    `line` is its place in a request that may come again (N3); None where nobody will recognise it.
    """

    serial: Serial
    addressee: AddresseeNumber = field(repr=False)
    prefix: Prefix
    by: Circumstance
    lane: Lane
    line: tuple[str, str, int] | None = None


async def begin(intermediate: Intermediate, unit: Unit, wishes: Sequence[Wish]) -> list[Serial | Refusal]:
    """照会開始: keep the inquiry and its record; send the check of the prefix and the request for the permit.

    Wishes of one lane, prefix and member of staff share telegrams in the bulk lane (design 2.9). Returns the serial of
    each: one that was begun before has its own already.
    """
    serials = await _recognised(unit, wishes)
    wishes = [wish for wish, serial in zip(wishes, serials, strict=True) if serial == wish.serial]
    people = await store.people_by_addressee(unit.connection, [wish.addressee for wish in wishes])
    begun, kept = [], []
    groups: dict[object, list[tuple[Wish, LinkCode]]] = defaultdict(list)
    async for wish in unit.each(wishes):
        person = people.get(wish.addressee)
        reason = _cannot_ask(person, unit.now)
        state = State.REFUSED if reason else State.ASKED
        inquiry = Inquiry(wish.serial, RequestPermit.__name__, state, wish.addressee, wish.prefix, wish.by, reason)
        begun.append(inquiry)
        event = Event.REFUSED if reason else Event.REQUESTED
        ending = Ending.REFUSED if reason else None
        kept.append(
            Record(
                wish.serial, event, unit.now, wish.prefix, wish.by, reason=reason, requested_at=unit.now, ending=ending
            )
        )
        if reason is not None or person is None or person.link_code is None:
            unit.then(partial(intermediate.settled.tell, wish.serial, inquiry))
            continue
        key = (wish.prefix, wish.by.staff) if wish.lane is Lane.BULK else wish.serial
        groups[key].append((wish, person.link_code))
    await exchange_store.begin(unit.connection, begun, unit.now)
    await trails.keep(unit.connection, kept)
    for group in groups.values():
        _ask(intermediate, unit, group)
    return serials


async def _recognised(unit: Unit, wishes: Sequence[Wish]) -> list[Serial | Refusal]:
    """Each wish's serial: its own where it is new, the one it has where its request came before (design 2.8)."""
    serials: list[Serial | Refusal] = [wish.serial for wish in wishes]
    lines = {
        place: request_store.RequestLine(*wish.line, digest(encode_json((wish.addressee.value, wish.prefix, wish.by))))
        for place, wish in enumerate(wishes)
        if wish.line is not None
    }
    if lines:
        claimed = [(line, wishes[place].serial) for place, line in lines.items()]
        kept = await request_store.claim_lines(unit.connection, claimed, unit.now)
        for (place, line), (asked, serial) in zip(lines.items(), kept, strict=True):
            other = Refusal(Reason.ALREADY_USED, "the request's number was used for another line")
            serials[place] = serial if asked == line.digest else other
    return serials


def _cannot_ask(person: Person | None, now: datetime) -> Reason | None:
    if person is None:
        return Reason.UNKNOWN_ADDRESSEE
    return {LinkState.UNLINKED: Reason.CODE_NOT_ISSUED, LinkState.SUSPENDED: Reason.SUSPENDED}.get(person.state(now))


def _ask(intermediate: Intermediate, unit: Unit, group: Sequence[tuple[Wish, LinkCode]]) -> None:
    """Hops 2 and 3 in one request; they stay two telegrams (design 2)."""
    first, serials = group[0][0], tuple(wish.serial for wish, _ in group)
    own = intermediate.interface
    shared: dict[str, Any] = {
        "lane": first.lane,
        "prefix": first.prefix,
        "serials": serials,
        "staff": intermediate.pseudonym(first.by.staff),
    }
    parts = [
        Enclosure("link code", encode_json(code), item=item, personal=True) for item, (_, code) in enumerate(group)
    ]
    check = intermediate.author.write(CheckPrefix, to=own, **shared)
    request = intermediate.author.write(RequestPermit, to=intermediate.edition.peers.core(), parts=parts, **shared)
    within = intermediate.times.permit_bulk if first.lane is Lane.BULK else intermediate.times.permit
    unit.send(check, request, to=own, url=intermediate.edition.peers.url(own), until=unit.now + within)


async def hear_permits(intermediate: Intermediate, unit: Unit, heard: Sequence[Heard[RequestPermit]]) -> None:
    """情報照会許可通知: refused ones end; for the others the inquiry statement is signed and sent (design 2.6)."""
    serials = [serial for one in heard for serial in one.sent[-1].header.serials]
    known = await exchange_store.inquiries(unit.connection, serials)
    people = await store.people_by_addressee(unit.connection, [inquiry.addressee for inquiry in known.values()])
    refused: list[endings.Ended] = []
    stopped_here: list[endings.Ended] = []
    found: list[Finding] = []
    noted = []
    for one in heard:
        statements: list[InquiryStatement] = []
        parts: list[Enclosure] = []
        async for serial in unit.each(one.sent[-1].header.serials):
            inquiry = known[serial]
            if inquiry.last != RequestPermit.__name__ or inquiry.state is not State.ASKED:
                continue
            try:
                checked, permit = _granted(intermediate, one, serial)
            except Refusal as refusal:
                if isinstance(refusal, Suspicion):
                    core = one.answers[-1].header.author
                    kind, reason = refusal.kind, refusal.reason
                    found.append(Finding(kind=kind, at=unit.now, serial=serial, about=core, reason=reason))
                ended = stopped_here if _stopped_here(one, serial) else refused
                ended.append((inquiry, State.REFUSED, refusal.reason, None))
                continue
            statement, enclosed, seed = _state(intermediate, checked, people[inquiry.addressee], len(statements))
            parts += [Enclosure("permit", permit, item=len(statements)), enclosed]
            statements.append(statement)
            month = intermediate.keys.month(unit.now)
            wrapped = month.wrap(seed, f"{BODY_SEED} {serial.value}")
            due = checked.content.answer_by + intermediate.times.close
            content = checked.content
            noted.append(Stated(serial, content.prefix, checked.leaf_hash, content.suite, month.name, wrapped, due))
        if statements:
            _inquire(intermediate, unit, one, prefix=noted[-1].prefix, statements=statements, parts=parts)
    await exchange_store.note_permits(unit.connection, noted)
    await endings.end(intermediate, unit, refused)
    await endings.end(intermediate, unit, stopped_here, core_knows=False)
    await find(intermediate, unit, found)


def acceptance_matters(heard: Heard[Inquire]) -> bool:
    """Whether an acceptance changes anything: a plain one does not, the answer is on its way."""
    answer = heard.answers[0].header
    if isinstance(answer, InquiryAccepted):
        return any(outcome.held or outcome.refused is not None for outcome in answer.outcomes)
    return True


async def hear_acceptance(intermediate: Intermediate, unit: Unit, heard: Sequence[Heard[Inquire]]) -> None:
    """情報照会受付完了: the provider's word: on its way, held back for staff, or refused."""
    held: list[Serial] = []
    refused: dict[Serial, Reason] = {}
    for one in heard:
        answer, sent = one.answers[0].header, one.sent[0].header
        if isinstance(answer, Refused):
            refused.update(dict.fromkeys(sent.exchanges, answer.reason))
        elif isinstance(answer, InquiryAccepted) and answer.author == provider_node(sent.prefix):
            outcomes = [each for each in answer.outcomes if each.serial in sent.exchanges]
            held += [each.serial for each in outcomes if each.held]
            refused.update({each.serial: each.refused for each in outcomes if each.refused is not None})
    known = await exchange_store.inquiries(unit.connection, [*held, *refused])
    if held:
        await exchange_store.note_held(unit.connection, held)
        for serial in held:
            unit.then(partial(intermediate.settled.tell, serial, known[serial]))
    if refused:
        ended = [(known[serial], State.REFUSED, reason, None) for serial, reason in refused.items() if serial in known]
        await endings.end(intermediate, unit, ended)
        mismatched = [serial for serial, reason in refused.items() if reason is Reason.SUBJECT_MISMATCH]
        await find_mismatches(intermediate, unit, mismatched)


def _stopped_here(one: Heard[Any], serial: Serial) -> bool:
    """The own interface system said no to the prefix: the request for a permit never left."""
    check = one.answers[0].header
    if isinstance(check, PrefixAccepted):
        return any(outcome.refused is not None for outcome in check.outcomes if outcome.serial == serial)
    return isinstance(check, Refused)


def _granted(intermediate: Intermediate, one: Heard[Any], serial: Serial) -> tuple[Checked, bytes]:
    """The permit for one serial, checked as we would check another's. Raises Refusal with the reason of a refusal."""
    for answer in one.answers:
        if isinstance(answer.header, Refused) and answer.header.reason is not Reason.OUT_OF_TURN:
            raise Refusal(answer.header.reason)
        if isinstance(answer.header, PrefixAccepted | PermitGranted):
            for outcome in answer.header.outcomes:
                if outcome.serial == serial and outcome.refused is not None:
                    raise Refusal(outcome.refused)
    granted = one.answers[-1]
    if not isinstance(granted.header, PermitGranted):
        raise Refusal(Reason.OUT_OF_TURN, "no permit came")
    items = [place for place, outcome in enumerate(granted.header.outcomes) if outcome.serial == serial]
    if not items:
        raise Refusal(Reason.OUT_OF_TURN, "the permits that came are of other exchanges")
    item = items[0]
    permit = granted.part("permit", item)
    checked = check_permit(permit, intermediate.edition.directory)
    opening = decode_json(granted.part("opening", item), Opening)
    # The code that we asked with: the person's may have been replaced meanwhile (C6).
    request = one.sent[-1]
    code = decode_json(request.part("link code", request.header.serials.index(serial)), LinkCode)
    check_code(checked.content.commitments.inquirer_code, INQUIRER_CODE, code, opening)
    if checked.content.serial != serial:
        raise Suspicion(FindingKind.PERMIT_INVALID, Reason.PERMIT_INVALID, "the permit is of another exchange")
    return checked, permit


def _state(
    intermediate: Intermediate, checked: Checked, person: Person, item: int
) -> tuple[InquiryStatement, Enclosure, bytes]:
    """The inquiry statement with its one-time body key, the sealed subject check, and the seed of the key."""
    content, entropy = checked.content, intermediate.author.entropy
    suite = SealSuite(content.suite)
    seed = entropy.bytes(32)
    provider = intermediate.edition.directory.node(provider_node(content.prefix))
    sealed = seal(
        suite,
        b64decode(provider.seal_key(suite.value)),
        subject_check(entropy.bytes(32), person.subject),
        subject_info(checked.leaf_hash, content.serial.value),
    )
    statement = InquiryStatement(
        serial=content.serial,
        leaf_hash=checked.leaf_hash,
        suite=content.suite,
        body_key=new_private(suite, seed).public_bytes,
        subject_check=digest(sealed),
        accept_by=content.accept_by,
        answer_by=content.answer_by,
    )
    return statement, Enclosure("subject check", sealed, item=item), seed


def _inquire(
    intermediate: Intermediate,
    unit: Unit,
    one: Heard[Any],
    *,
    prefix: Prefix,
    statements: list[InquiryStatement],
    parts: list[Enclosure],
) -> None:
    request: Verified[RequestPermit] = one.sent[-1]
    own = intermediate.interface
    telegram = intermediate.author.write(
        Inquire,
        to=intermediate.edition.peers.core(),
        parts=parts,
        lane=request.header.lane,
        prefix=prefix,
        statements=tuple(statements),
        staff=request.header.staff,
    )
    until = min(one.accept_by for one in statements) + intermediate.times.accept
    unit.send(telegram, to=own, url=intermediate.edition.peers.url(own), until=until)
