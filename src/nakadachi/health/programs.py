"""プログラムと設定の見張り: whether what runs here is still what was accepted (N5)."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from nakadachi.health import fingerprint_store
from nakadachi.health.fingerprint import program_digest
from nakadachi.kit.log import logger

if TYPE_CHECKING:
    from nakadachi.health.fingerprint import Fingerprint
    from nakadachi.kit.database import Database
    from nakadachi.terms import NodeName

LOOK_EVERY = timedelta(minutes=10)
"""How often the files are read again while the system runs."""


@dataclass(slots=True)
class Programs:
    """One instance's program and settings: what was accepted and when, and what is found."""

    accepted: Fingerprint
    accepted_at: datetime
    found: Fingerprint
    looked_at: datetime

    async def look(self, now: datetime) -> None:
        """Read the files again where that is due. Files that cannot be read are not those that were accepted."""
        if now - self.looked_at < LOOK_EVERY:
            return
        self.looked_at = now
        try:
            self.found = replace(self.found, program=await asyncio.to_thread(program_digest))
        except OSError:
            self.found = replace(self.found, program=b"")

    @property
    def changed(self) -> tuple[bool, bool]:
        """Whether the program, and whether the settings, are others than those accepted."""
        return self.found.program != self.accepted.program, self.found.settings != self.accepted.settings


async def hold(
    database: Database, who: tuple[NodeName, str], found: Fingerprint, now: datetime, *, accept: bool
) -> Programs:
    """Hold what is found against what was accepted; `who` is the node and its instance.

    Accepted is what the first start of a version finds, and what an operator says (`accept`).
    """
    node, instance = who
    async with database.transaction() as connection:
        kept = await fingerprint_store.accepted(connection, instance)
        if kept is None or accept or kept[0].version != found.version:
            await fingerprint_store.accept(connection, instance, found, now)
            logger().warning("program.accepted", node=node.value, version=found.version)
            kept = found, now
    return Programs(*kept, found=found, looked_at=now)
