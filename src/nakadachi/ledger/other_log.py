"""The log of another instance of this core: its places are found here, and its holder is stood in for (N3).

Only that instance adds to it. What it left pending when it went gets its places from whoever is there, under the same
fenced lease and the same key, so that its log says the same whoever wrote it (decision 0016).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nakadachi.ledger.log import Log, Place

LOOK_SECONDS = 0.05


class OtherLog:
    """Another instance's log, as seen from here. `log` is never started: it is read, and drained by `stand_in`."""

    def __init__(self, log: Log) -> None:
        self.log = log

    @property
    def origin(self) -> str:
        """Whose log it is."""
        return self.log.origin

    async def place(self, entry: bytes, seconds: float) -> Place | None:
        """The place of an entry; None where it has none within `seconds`."""
        deadline = asyncio.get_running_loop().time() + seconds
        while True:
            await self.log.follow()
            if (place := await self.log.look_up(entry)) is not None:
                return place
            if asyncio.get_running_loop().time() >= deadline:
                return None
            await asyncio.sleep(LOOK_SECONDS)
