"""稼働状況の確認: whether every system of the directory answers, asked by the Commission itself and not by the core.

Asked only while somebody looks, a few at a time. `/livez` is open to every certificate of the network.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from nakadachi.kit.asking import Silent, ask

if TYPE_CHECKING:
    import ssl

    from nakadachi.kit.clock import Clock
    from nakadachi.law.directory import Node
    from nakadachi.ledger.edition import Edition
    from nakadachi.terms import NodeName

FRESH = timedelta(seconds=10)
WAIT_SECONDS = 2.0
AT_A_TIME = 16


@dataclass(frozen=True, slots=True)
class State:
    """What a system answered, and when; no `version` where it did not, and then `why`. `ahead`: its clock (s)."""

    name: NodeName
    at: datetime
    version: str | None
    ahead: float | None = None
    why: str = ""

    @property
    def answers(self) -> bool:
        """Whether it does."""
        return self.version is not None


@dataclass(slots=True)
class Systems:
    """The systems of the directory, and what each answered last."""

    edition: Edition
    clock: Clock
    context: ssl.SSLContext
    own: NodeName
    _known: dict[NodeName, State] = field(default_factory=dict)
    _asked_at: datetime | None = None
    _asking: asyncio.Task[None] | None = None

    async def look(self) -> tuple[list[NodeName], dict[NodeName, State]]:
        """All other systems in the directory, and the newest word of each; asks anew where that is old."""
        now = self.clock.now()
        idle = self._asking is None or self._asking.done()
        if idle and (self._asked_at is None or now - self._asked_at > FRESH):
            self._asked_at = now
            self._asking = asyncio.create_task(self._ask_all())
        if self._asking is not None:
            await asyncio.wait([self._asking], timeout=WAIT_SECONDS)
        names = [node.name for node in self._nodes()]
        return names, {name: self._known[name] for name in names if name in self._known}

    async def stop(self) -> None:
        """Ask no more."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)

    def _nodes(self) -> list[Node]:
        return [node for node in self.edition.directory.nodes if node.name != self.own]

    async def _ask_all(self) -> None:
        turns = asyncio.Semaphore(AT_A_TIME)
        await asyncio.gather(*(self._ask(node, turns) for node in self._nodes()))

    async def _ask(self, node: Node, turns: asyncio.Semaphore) -> None:
        async with turns:
            try:
                answered = await ask(self.context, node.name, node.url, "/livez", self.clock)
                version = str(answered.words.get("version", ""))
                state = State(node.name, self.clock.now(), version, answered.offset_seconds)
            except Silent as silent:
                state = State(node.name, self.clock.now(), None, why=str(silent))
        self._known[node.name] = state
