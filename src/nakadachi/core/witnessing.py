"""The core's side of witnessing: hands each new checkpoint to the Commission and keeps the cosigned head (design 2.5).

Asynchronous: a permit does not wait for it, unless the core is configured so (decision 0031). Format: C2SP
tlog-witness.
"""

from __future__ import annotations

import asyncio
import base64
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING

from nakadachi.core import store
from nakadachi.crypto.notes import NoteVerifier
from nakadachi.kit.client import Unreachable, Wire
from nakadachi.kit.log import logger
from nakadachi.ledger.checkpoint import open_checkpoint
from nakadachi.refusal import Refusal
from nakadachi.terms import Role

if TYPE_CHECKING:
    from datetime import datetime

    from nakadachi.core.parts import Core
    from nakadachi.kit.database import Database
    from nakadachi.ledger.log import Log

PAUSE_SECONDS = 0.5
REFRESH = timedelta(seconds=10)
"""A head is cosigned anew after this long even if nothing was added, so that it does not grow old."""


def add_checkpoint_request(old: int, proof: tuple[bytes, ...], checkpoint: str) -> bytes:
    """The body of `add-checkpoint` (C2SP tlog-witness): old size, consistency proof, checkpoint."""
    lines = [f"old {old}", *(base64.b64encode(one).decode() for one in proof)]
    return ("\n".join(lines) + "\n\n" + checkpoint).encode()


class Witnessing:
    """Keeps the newest checkpoint of a log cosigned: of our own, or of another instance's while that one is gone."""

    def __init__(self, core: Core, database: Database, wire: Wire, log: Log | None = None) -> None:
        self._core = core
        self._log = log or core.log
        self._database = database
        self._wire = wire
        self._task: asyncio.Task[None] | None = None
        self._cosigned = 0
        self._at: datetime | None = None
        self._waits = False

    async def start(self) -> None:
        """Begin with the newest head kept; the first one is asked for at once."""
        async with self._database.acquire() as connection:
            kept = await store.newest_cosigned(connection, self._log.origin)
        if kept is not None and self._own:
            self._cosigned, self._core.head[0] = kept
        await self._turn()
        self._task = asyncio.create_task(self._work())

    @property
    def _own(self) -> bool:
        return self._log is self._core.log

    async def _stand_in(self) -> bool:
        """Whether we must see to another instance's log: its holder is gone. Then it is known here as it stands."""
        if not await self._log.follow():
            self._at, self._waits = None, False
            return False
        async with self._database.acquire() as connection:
            kept = await store.newest_cosigned(connection, self._log.origin)
        self._cosigned = max(self._cosigned, kept[0] if kept else 0)
        return True

    async def stop(self) -> None:
        """End."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _work(self) -> None:
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._core.waiting.uncosigned.wait(), PAUSE_SECONDS)
            self._core.waiting.uncosigned.clear()
            await self._turn()

    async def _turn(self) -> None:
        try:
            if not self._own and not await self._stand_in():
                return
            now = self._core.author.clock.now()
            # A head from before our clock was set back would be one from the future to everybody.
            fresh = self._at is not None and timedelta() <= now - self._at < REFRESH
            if self._log.size == self._cosigned and fresh:
                return
            await self._cosign()
            self._at = now
            if self._waits:
                logger().info("witness.cosigns_again", size=self._cosigned)
            self._waits = False
        except (Unreachable, Refusal) as wrong:
            if not self._waits:
                logger().warning("witness.waits", detail=str(wrong))
            self._waits = True
        except Exception:  # noqa: BLE001  the next turn tries again
            logger().exception("witness.failed")

    async def _cosign(self) -> None:
        checkpoint, size = self._log.checkpoint, self._log.size
        commission = self._core.edition.peers.the(Role.COMMISSION)
        proof = await self._log.consistency(self._cosigned, size)  # the log may grow meanwhile: the next turn's matter
        body = add_checkpoint_request(self._cosigned, proof, checkpoint)
        url = self._core.edition.peers.url(commission)
        status, answer = await self._wire.request(commission, url, "/add-checkpoint", body)
        if status == 409:
            self._cosigned = int(answer.decode().strip() or "0")
            raise Unreachable(f"the witness knows size {self._cosigned}")
        if status != 200:
            raise Unreachable(f"the witness answered with status {status}")
        await self._keep(checkpoint + answer.decode(), size)

    async def _keep(self, note: str, size: int) -> None:
        directory = self._core.edition.directory
        verifiers = [NoteVerifier.from_vkey(directory.log_key(self._log.origin))]
        witnesses = [NoteVerifier.from_vkey(key) for key in directory.witness_keys()]
        open_checkpoint(
            note.encode(), [*verifiers, *witnesses], self._log.origin, cosigners={one.name for one in witnesses}
        )
        async with self._database.transaction() as connection:
            await store.keep_cosigned(connection, self._log.origin, size, note, self._core.author.clock.now())
        self._cosigned = size
        if self._own:
            self._core.head[0] = note
