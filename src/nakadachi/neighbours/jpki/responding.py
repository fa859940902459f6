"""応答: the responder's answers, made from the state of the moment; without a nonce, signed once and kept a while.

A kept answer is given again only while the state is the same: what is revoked is told at the next request.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography.x509.ocsp import OCSPResponseStatus

from nakadachi.neighbours.jpki import jpki_store as store
from nakadachi.neighbours.jpki import ocsp
from nakadachi.neighbours.jpki.states import UNKNOWN, Status
from nakadachi.refusal import Refusal

if TYPE_CHECKING:
    from datetime import datetime

    from nakadachi.neighbours.jpki.authority import Authority
    from nakadachi.neighbours.jpki.ocsp import Question
    from nakadachi.neighbours.jpki.parts import Jpki

KEPT_ANSWERS = 4096


@dataclass(frozen=True, slots=True)
class Given:
    """An answer (DER); how long anybody may keep it, where it may be kept at all."""

    der: bytes
    made: datetime | None = None
    until: datetime | None = None


class Responding:
    """Answers requests about certificates of all generations."""

    def __init__(self, jpki: Jpki) -> None:
        self._jpki = jpki
        self._kept: OrderedDict[Question, tuple[Status, Given]] = OrderedDict()

    async def answer(self, request: bytes) -> Given:
        """The answer to a request (DER), whatever it is: also that it cannot be read, or is not about one of ours."""
        try:
            question = ocsp.read_question(request)
        except Refusal:
            return Given(ocsp.refuse(OCSPResponseStatus.MALFORMED_REQUEST))
        authority = next((one for one in self._jpki.generations.every() if question.is_about(one)), None)
        if authority is None:  # RFC 5019, 2.2.3: about another's certificates we can say nothing
            return Given(ocsp.refuse(OCSPResponseStatus.UNAUTHORIZED))
        async with self._jpki.database.acquire() as connection:
            found = await store.status_of(connection, authority.key_id, authority.kind, question.serial)
        return self._given(question, authority, found or UNKNOWN)

    def _given(self, question: Question, authority: Authority, status: Status) -> Given:
        now = self._jpki.second()
        former = self._kept.get(question)
        # Not one that is about to end: whoever gets it should still be able to use it.
        soon = now + self._jpki.settings.answer_life / 2
        if former is not None and former[0] == status and former[1].until is not None and soon <= former[1].until:
            return former[1]
        until = now + self._jpki.settings.answer_life
        der = self._jpki.generations.responder(authority).answer(question, status, now=now, next_update=until)
        if question.nonce is not None or status is UNKNOWN:
            return Given(der)
        given = Given(der, now, until)
        self._kept[question] = (status, given)
        self._kept.move_to_end(question)
        if len(self._kept) > KEPT_ANSWERS:
            self._kept.popitem(last=False)
        return given
