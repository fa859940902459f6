"""Watches what a country in this process sends: who to whom, which telegrams, how large, how long. Never what is
inside.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nakadachi.telegrams.catalogue import HOPS
from nakadachi.telegrams.codec import decode_frame

if TYPE_CHECKING:
    from nakadachi.kit.client import Wire
    from nakadachi.telegrams.envelope import Telegram
    from nakadachi.terms import NodeName, Serial


@dataclass(frozen=True, slots=True)
class Leg:
    """One request on the wire: its telegrams, from whom to whom, its size in bytes, how long its answer took."""

    telegrams: tuple[Telegram, ...]
    sender: NodeName
    to: NodeName
    size: int
    seconds: float
    begun: float


@dataclass(slots=True)
class Tap:
    """Records legs while `recording`."""

    recording: bool = False
    legs: list[Leg] = field(default_factory=list)

    def around(self, name: NodeName, wire: Wire) -> Wire:
        """A node's wire, watched."""
        return _Watched(self, name, wire)

    def exchange(self, serial: Serial | None) -> list[dict[str, Any]]:
        """The legs of one exchange in the order they began, hop 1 first."""
        first = next((leg for leg in self.legs if HOPS[type(leg.telegrams[0])][0].number == 1), None)
        own = [leg for leg in self.legs if serial is not None and any(serial in one.exchanges for one in leg.telegrams)]
        return [
            {
                "telegram": " + ".join(type(one).__name__ for one in leg.telegrams),
                "from": leg.sender.value,
                "to": leg.to.value,
                "bytes": leg.size,
                "ms": round(leg.seconds * 1000, 1),
            }
            for leg in ([first] if first else []) + sorted(own, key=lambda leg: leg.begun)
        ]


class _Watched:
    def __init__(self, tap: Tap, name: NodeName, wire: Wire) -> None:
        self._tap, self._name, self._wire = tap, name, wire

    async def post(self, to: NodeName, url: str, body: bytes, *, seconds: float) -> bytes:
        begun = time.perf_counter()
        answer = await self._wire.post(to, url, body, seconds=seconds)
        if self._tap.recording:
            telegrams = tuple(received.header for received in decode_frame(body))
            took = time.perf_counter() - begun
            self._tap.legs.append(Leg(telegrams, self._name, to, len(body), took, begun))
        return answer

    async def request(self, to: NodeName, url: str, path: str, body: bytes) -> tuple[int, bytes]:
        return await self._wire.request(to, url, path, body)

    async def close(self) -> None:
        await self._wire.close()
