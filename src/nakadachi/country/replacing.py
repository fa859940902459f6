"""鍵の更新の実演: an organisation's key of link codes is replaced while it goes on asking (C6)."""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from nakadachi.core import rotation, rotation_store

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from nakadachi.service import Service
    from nakadachi.terms import OrganisationCode

TRIES, PAUSE_SECONDS = 300, 0.1
INQUIRIES = 3
"""Asked from the beginning of the rotation on; always as many, so that the records of two runs are alike."""


@dataclass(frozen=True, slots=True)
class Replaced:
    """What was seen: whose key, its new index, how many people's codes, and the inquiries asked meanwhile."""

    organisation: str
    key_index: int
    people: int
    confirmed: int
    asked: int
    answered: int

    def words(self) -> dict[str, Any]:
        """As one JSON object."""
        return asdict(self)


async def replace_key(core: Service, organisation: OrganisationCode, ask: Callable[[], Awaitable[bool]]) -> Replaced:
    """Have the core replace an organisation's key, `ask` meanwhile, and wait until everybody's new code is confirmed.

    `ask` makes one inquiry of that organisation and says whether it was answered.
    """
    done = await core.system.together(rotation.carry_out, rotation.Order(organisation))
    answered, confirmed = sum([await ask() for _ in range(INQUIRIES)]), 0
    for _ in range(TRIES):
        async with core.node.database.acquire() as connection:
            running = await rotation_store.running(connection, organisation)
        confirmed = running.replaced if running is not None else done.people
        if running is None or running.confirmed_at is not None:
            break
        await asyncio.sleep(PAUSE_SECONDS)
    return Replaced(organisation.value, done.key_index, done.people, confirmed, INQUIRIES, answered)
