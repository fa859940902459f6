"""処理状況管理: who may hand us a telegram, and which may follow which; from the catalogue (I6; 003 6.5)."""

from __future__ import annotations

from itertools import combinations

from nakadachi.refusal import Reason, Refusal
from nakadachi.telegrams.catalogue import HOPS, Hop, Stop, role_at
from nakadachi.telegrams.closing import Close
from nakadachi.telegrams.envelope import Answer, Pending, Refused, Telegram
from nakadachi.telegrams.inquiry import InquireAt
from nakadachi.telegrams.oversight import FindingKind
from nakadachi.telegrams.provision import Provide
from nakadachi.telegrams.suspicion import Suspicion
from nakadachi.terms import NodeName, Role

_TWICE = {Provide: FindingKind.ANSWER_AGAIN, InquireAt: FindingKind.PERMIT_REUSED}
"""Telegrams of which an honest author writes one for an exchange; a retry has the number of the first."""
_SIDED = frozenset({Role.INTERFACE, Role.INTERMEDIATE})


def check_address(me: NodeName, header: Telegram, hop: NodeName) -> tuple[Hop, Stop]:
    """Where on which path we stand when `hop` (the node of the TLS connection) hands us this telegram.

    Raises Refusal(ROLE_NOT_ALLOWED) where no path of the catalogue leads from it to us, Refusal(NOT_ADDRESSED_HERE)
    where one does, but between other organisations.
    """
    reason = Reason.ROLE_NOT_ALLOWED
    for line in HOPS.get(type(header), ()):
        for before, here in zip(line.path, line.path[1:], strict=False):
            if role_at(before) is not hop.role or role_at(here) is not me.role:
                continue
            if line.author is not header.author.role or line.addressee is not header.to.role:
                continue
            if _names_fit(line, before, here, named=(header, hop, me)):
                return line, here
            reason = Reason.NOT_ADDRESSED_HERE
    raise Refusal(reason, f"{type(header).__name__} of {header.author} to {header.to} from {hop}")


def _names_fit(line: Hop, before: Stop, here: Stop, *, named: tuple[Telegram, NodeName, NodeName]) -> bool:
    header, hop, me = named
    if before == line.path[0] and hop != header.author:
        return False
    if here == line.path[-1] and me != header.to:
        return False
    places = ((line.path[0], header.author), (before, hop), (here, me), (line.path[-1], header.to))
    return all(
        one.organisation == other.organisation
        for (stop, one), (beside, other) in combinations(places, 2)
        if _same_side(stop, beside)
    )


def _same_side(one: Stop, other: Stop) -> bool:
    """The interface system and the intermediate server of one side belong to one organisation."""
    if role_at(one) not in _SIDED or role_at(other) not in _SIDED:
        return False
    return one.partition(" ")[2] == other.partition(" ")[2]


def check_answer(sent: Telegram, answer: Telegram) -> None:
    """Pass where this is an answer to what was sent: to this very telegram, of the catalogue's kind, by its addressee.

    An answer that is carried back from further on names another telegram; it must be about the same exchanges. A
    refusal may come from any place on the path. Raises Refusal(OUT_OF_TURN).
    """
    lines = [line for line in HOPS.get(type(sent), ()) if line.addressee is sent.to.role]
    kind, reason = FindingKind.ANSWER_UNFIT, Reason.OUT_OF_TURN
    if not lines or not isinstance(answer, Answer):
        raise Suspicion(kind, reason, f"{type(answer).__name__} answers no {type(sent).__name__}")
    fits = answer.answers == sent.id and (
        isinstance(answer, Refused | Pending) or (isinstance(answer, lines[0].answer) and answer.author == sent.to)
    )
    if lines[0].answered_by is not None:
        fits = isinstance(answer, Refused | Pending) or (
            isinstance(answer, lines[0].answer)
            and {outcome.serial for outcome in getattr(answer, "outcomes", ())} == set(sent.exchanges)
        )
    if not fits:
        raise Suspicion(kind, reason, f"{type(answer).__name__} of {answer.author} is no answer to what was sent")


def stops_left(line: Hop, here: Stop) -> int:
    """How many legs are still to go from `here`."""
    return len(line.path) - 1 - line.path.index(here)


def require_turn(line: Hop, here: Stop, last: str | None) -> None:
    """Pass where this telegram may follow `last`, the name of the one seen last at this stop for its serial.

    What may precede it here are the telegrams of `after` that pass this stop; where none does, it is the first one.
    A closed exchange may be among those of a bulk telegram: it is for the handler to leave it out (design 2.9).
    Raises Refusal(OUT_OF_TURN).
    """
    if not line.after or (last == Close.__name__ and Close in line.after):
        return
    earlier = line.after - {Close}
    passing = {kind.__name__ for kind in earlier if any(_at(here, stop) for hop in HOPS[kind] for stop in hop.path)}
    if (last in passing) if passing else (last is None):
        return
    detail = f"{line.telegram.__name__} after {last or 'nothing'} at {here}"
    if last == line.telegram.__name__ and (kind := _TWICE.get(line.telegram)) is not None:
        raise Suspicion(kind, Reason.OUT_OF_TURN, detail)
    raise Refusal(Reason.OUT_OF_TURN, detail)


def _at(here: Stop, stop: Stop) -> bool:
    """Whether a stop of a path is this place; one without a side stands for both."""
    return stop == here or (" " not in stop and role_at(stop) is role_at(here))
