"""終了: the ends tell how exchanges ended that no answer ended; who does not tell is asked (design 2.8; I7)."""

from __future__ import annotations

from collections import defaultdict
from functools import partial
from typing import TYPE_CHECKING

from nakadachi.core import ending_store, endings, store
from nakadachi.core.endings import Said, prefix_of
from nakadachi.core.rules import ending_never_heard_of, stands_at, who_must_tell
from nakadachi.kit import inbox
from nakadachi.ledger import trails
from nakadachi.ledger.records import Circumstance, Event, Record
from nakadachi.refusal import Reason, Refusal
from nakadachi.telegrams.closing import AskState, Close, Stage, StandsAt, StateTold
from nakadachi.telegrams.codec import decode_envelope, encode_envelope
from nakadachi.telegrams.inquiry import Completion, Ending, Noted
from nakadachi.terms import NodeName, OrganisationCode, Role

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nakadachi.core.parts import Core
    from nakadachi.core.store import Exchange
    from nakadachi.kit.unit import Asked, GivenUp, Heard, Reply, Unit
    from nakadachi.telegrams.inquiry import InquireAt
    from nakadachi.terms import Serial

MOST_AT_ONCE = 200


async def close(core: Core, unit: Unit, asked: Sequence[Asked[Close]]) -> list[Reply]:
    """中止通知: one end closed exchanges; kept with the record, and the other end is told."""
    replies: list[Reply] = []
    said: list[Said] = []
    for one in asked:
        try:
            own = [
                Said(exchange, _is_inquirer(exchange, one.header.author), Close.__name__, closing)
                for closing in one.header.closings
                if (exchange := one.known.get(closing.serial)) is not None
            ]
        except Refusal as refusal:
            replies.append(refusal)
            continue
        said += own
        replies.append(core.author.answer(Noted, one.telegram))
    await endings.note(core, unit, said)
    return replies


async def tell_state(core: Core, _unit: Unit, asked: Sequence[Asked[AskState]]) -> list[Reply]:
    """状態確認: how these exchanges stand, as far as the other end told us. Only their own ends may ask."""
    replies: list[Reply] = []
    for one in asked:
        try:
            states = tuple(_state(one, serial) for serial in one.header.serials)
        except Refusal as refusal:
            replies.append(refusal)
            continue
        replies.append(core.author.answer(StateTold, one.telegram, states=states))
    return replies


async def no_acceptance(core: Core, unit: Unit, given_up: Sequence[GivenUp[InquireAt]]) -> None:
    """受付の時間切れ (source 003 6.5 ①(b)): the provider's systems did not accept in time.

    The inquirer gets PROVIDER_STOPPED as the final answer to its inquiry; the provider is told too, since it may have
    accepted without our hearing of it.
    """
    settled, kept = [], []
    for one in given_up:
        inquiry, sent = decode_envelope(one.sent[0].part("statement")).header, one.sent[0].header
        answer = core.author.refuse(inquiry, Refusal(Reason.PROVIDER_STOPPED, "no acceptance in time"))
        settled.append((inquiry.author, inquiry.id, encode_envelope(answer.envelope)))
        unit.then(partial(core.waiting.accepted.tell, inquiry.id, answer.envelope))
        closings = [
            Completion(serial=serial, ending=Ending.TIMED_OUT, ended_at=unit.now, reason=Reason.TIMED_OUT)
            for serial in sent.serials
        ]
        endings.tell(core, unit, sent.prefix.provider, closings)
        kept += [
            Record(
                serial, Event.CLOSED, unit.now, sent.prefix, Circumstance(), reason=Reason.PROVIDER_STOPPED,
                ending=Ending.TIMED_OUT,
            )
            for serial in sent.serials
        ]  # fmt: skip
    await inbox.settle(unit.connection, settled)
    await trails.keep(unit.connection, kept)


async def ask_overdue(core: Core, unit: Unit, turns: Sequence[None]) -> list[int]:
    """期限切れの確認: ends that did not tell how an exchange ended are asked; the second time it is unknown.

    Returns how many became unknown.
    """
    again = unit.now + core.times.settle
    late = await ending_store.overdue(unit.connection, unit.now, again, most=MOST_AT_ONCE)
    known = await store.exchanges(unit.connection, late)
    questions: dict[OrganisationCode, list[Serial]] = defaultdict(list)
    for exchange in known.values():
        prefix = prefix_of(exchange)
        for side in who_must_tell(exchange.inquirer_ending, exchange.provider_ending):
            questions[prefix.inquirer if side else prefix.provider].append(exchange.serial)
    for organisation, serials in questions.items():
        _ask(core, unit, organisation, serials)
    unknown = await ending_store.unsettled(unit.connection, unit.now, most=MOST_AT_ONCE)
    endings.find_unknown(core, unit, unknown)
    return [len(unknown)] * len(turns)


async def hear_state(core: Core, unit: Unit, heard: Sequence[Heard[AskState]]) -> None:
    """状態回答: an end that had not told says how exchanges ended, or that it never heard of them."""
    told = [(one.sent[0].header.to, one.answers[0].header) for one in heard]
    states = [(end, state) for end, answer in told if isinstance(answer, StateTold) for state in answer.states]
    known = await store.exchanges(unit.connection, [state.serial for _, state in states])
    said = []
    for end, state in states:
        exchange = known.get(state.serial)
        if exchange is None or state.stage is Stage.UNDER_WAY:
            continue
        inquirer = _is_inquirer(exchange, end)
        ending = state.ending or ending_never_heard_of(
            exchange.provider_ending if inquirer else exchange.inquirer_ending
        )
        completion = Completion(serial=state.serial, ending=ending, ended_at=unit.now, reason=state.reason)
        # As a Close: the end's own word, on its way to us meanwhile, may follow it.
        said.append(Said(exchange, inquirer, Close.__name__, completion))
    await endings.note(core, unit, said)


def _ask(core: Core, unit: Unit, organisation: OrganisationCode, serials: Sequence[Serial]) -> None:
    to, way = (NodeName.of(role, organisation) for role in (Role.INTERMEDIATE, Role.INTERFACE))
    question = core.author.write(AskState, to=to, serials=tuple(serials))
    unit.send(question, to=way, url=core.edition.peers.url(way), until=unit.now + core.times.settle)


def _is_inquirer(exchange: Exchange, end: NodeName) -> bool:
    """Which end of the exchange this is. Raises Refusal(ROLE_NOT_ALLOWED) where it is none."""
    prefix = prefix_of(exchange)
    if end.organisation not in {prefix.inquirer, prefix.provider}:
        raise Refusal(Reason.ROLE_NOT_ALLOWED, "an exchange of other organisations")
    return end.organisation == prefix.inquirer


def _state(one: Asked[AskState], serial: Serial) -> StandsAt:
    exchange = one.known.get(serial)
    if exchange is None:
        return StandsAt(serial=serial, stage=Stage.NOT_KNOWN)
    inquirer = _is_inquirer(exchange, one.header.author)
    other = exchange.provider_ending if inquirer else exchange.inquirer_ending
    return stands_at(serial, other, refused=exchange.refused, reason=exchange.reason)
