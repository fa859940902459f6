"""Step (7) of the one path of every telegram: what its author gets, and what the log says of refusals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nakadachi.kit.log import logger
from nakadachi.kit.unit import Forward, Reply, entry_of
from nakadachi.refusal import Refusal
from nakadachi.telegrams.envelope import Envelope, Pending, Verified
from nakadachi.telegrams.proceeding import stops_left

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nakadachi.kit.author import Author
    from nakadachi.kit.sender import Sender
    from nakadachi.kit.suspect import Suspicions
    from nakadachi.kit.turn import Placed
    from nakadachi.kit.unit import Entry, Handler
    from nakadachi.telegrams.envelope import Telegram

HOP_SECONDS = 5.0
LEG_SECONDS = 1.0
"""A leg waits five seconds, and one more for every leg that is still behind it, so that deadlines nest (design 2.8)."""


class Answering:
    """Makes a reply the answer that goes back: at once, from the next stop, or that it waits."""

    def __init__(
        self,
        parts: Any,
        author: Author,
        sender: Sender,
        suspicions: Suspicions,
        handlers: Mapping[type[Telegram], Handler],
    ) -> None:
        self._parts = parts
        self._author = author
        self._sender = sender
        self._suspicions = suspicions
        self._handlers = handlers

    def settle(self, verified: Verified[Any], reply: Reply) -> Reply:
        """A refusal of the handler is final: it is signed and kept like any answer."""
        if isinstance(reply, Refusal):
            self._tell(verified.header, reply)
            return self._author.refuse(verified, reply)
        return reply

    async def finish(self, one: Placed, reply: Reply) -> Envelope:
        """(7): forward or answer."""
        verified, line, here = one
        if isinstance(reply, Verified):
            return reply.envelope
        if isinstance(reply, Refusal):
            await self._suspicions.tell(verified.header.author, reply, next(iter(verified.header.exchanges), None))
            return self.refuse(verified.header, reply)
        answer: Envelope | None = None
        if isinstance(reply, Forward):
            seconds = HOP_SECONDS + LEG_SECONDS * stops_left(line, here)
            answer = await self._relay(entry_of((verified,), reply.to, reply.url), seconds)
        elif (finish := self._handlers[type(verified.header)].finish) is not None:
            answer = await finish(self._parts, verified)
        return answer or self._author.answer(Pending, verified).envelope

    def refuse(self, header: Telegram, refusal: Refusal) -> Envelope:
        """A refusal that is kept nowhere: the log alone tells of it here."""
        self._tell(header, refusal)
        return self._author.refuse(header, refusal).envelope

    async def _relay(self, entry: Entry, seconds: float) -> Envelope | None:
        answers = await self._sender.relay(entry, seconds)
        return answers[0].envelope if answers else None

    def _tell(self, header: Telegram, refusal: Refusal) -> None:
        logger().info(
            "telegram.refused",
            node=self._author.name.value,
            telegram=type(header).__name__,
            peer=header.author.value,
            reason=refusal.reason.value,
            detail=refusal.detail,
        )
