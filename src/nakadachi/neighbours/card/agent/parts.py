"""What the agent's doors may touch; and the card's work, one piece at a time, away from the loop."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TypeVar

from nakadachi.crypto import card_statement
from nakadachi.crypto.card_statement import Statement
from nakadachi.kit.clock import Clock
from nakadachi.kit.entropy import Entropy
from nakadachi.neighbours.card.agent.guard import Doors
from nakadachi.neighbours.card.agent.sessions import Kind, Order, Session, Sessions, State, Why
from nakadachi.neighbours.card.pin import Secret
from nakadachi.neighbours.card.reader import Reader
from nakadachi.neighbours.card.texts import CardError, Trouble

T = TypeVar("T")
ENDING = {Trouble.ABSENT, Trouble.UNREADABLE, Trouble.OUT_OF_LIFE}
"""After these there is no card to go on with."""


@dataclass(frozen=True, slots=True)
class Agent:
    """カードエージェント: one reader, its sessions, and who may come in. `present` says whether the card is in."""

    doors: Doors
    sessions: Sessions
    reader: Reader
    present: Callable[[], bool]
    clock: Clock
    entropy: Entropy
    form_token: str = field(repr=False)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def at_card(self, work: Callable[[], T]) -> T:
        """Do `work` with the card, alone. Raises CardError; without a card every session ends."""
        async with self.turn:
            self.watch()
            try:
                return await asyncio.to_thread(work)
            except CardError as wrong:
                if wrong.trouble in ENDING:
                    self.sessions.end_all(Why.REMOVED)
                raise

    def watch(self) -> None:
        """End everything where the card is gone. To be called often."""
        if not self.present():
            self.reader.reset()
            self.sessions.end_all(Why.REMOVED)

    async def tries(self) -> dict[Secret, int | None]:
        """The tries left of each secret, none spent. Raises CardError."""
        return await self.at_card(lambda: {one: self.reader.tries(one) for one in Secret})


def secret_of(kind: Kind) -> Secret:
    """Which secret an order needs."""
    return Secret.AUTHENTICATION if kind is Kind.AUTHENTICATE else Secret.SIGNATURE


async def fulfil(agent: Agent, session: Session, order: Order, text: str) -> None:
    """Do what was ordered, with the secret the person entered. Raises CardError; a locked one fails the order too."""
    try:
        result = await agent.at_card(lambda: _work(agent, session, order, text))
    except CardError as wrong:
        if wrong.trouble in {Trouble.LOCKED, Trouble.NOT_SET, Trouble.NO_CERTIFICATE} and order.state is State.WAITING:
            order.state, order.result = State.FAILED, trouble_words(wrong)
        raise
    if session.state is State.ACTIVE and order.state is State.WAITING:
        order.state, order.result = State.DONE, result


def trouble_words(wrong: CardError) -> dict[str, object]:
    """A trouble with the card, for a page: reference, cause, next step, in both languages."""
    trouble = wrong.trouble
    return {
        "reference": trouble.reference,
        "title": trouble.english,
        "title_ja": trouble.japanese,
        "next": trouble.next_english,
        "next_ja": trouble.next_japanese,
        "left": wrong.left,
    }


def text_of(content: bytes) -> str:
    """Standard base64."""
    return b64encode(content).decode()


def _work(agent: Agent, session: Session, order: Order, text: str) -> dict[str, object]:
    reader = agent.reader
    if order.kind is Kind.AUTHENTICATE:
        certificate, authority = reader.authentication_certificate()
        statement = card_statement.write(
            Statement(
                session.origin,
                order.challenge,
                agent.entropy.bytes(card_statement.NONCE_BYTES),
                agent.clock.now(),
                sha256(certificate).digest(),
            )
        )
        signature = reader.sign(Secret.AUTHENTICATION, text, sha256(statement).digest())
        made = {"statement": text_of(statement), "signature": text_of(signature)}
    else:
        certificate, authority = reader.signature_certificate(text)
        made = {}
        if order.kind is Kind.SIGN_DOCUMENT:
            signature = reader.sign(Secret.SIGNATURE, text, order.digest)
            made = {"digest": text_of(order.digest), "signature": text_of(signature)}
    return {**made, "certificate": text_of(certificate), "authority": text_of(authority)}
