"""住民基本台帳との接続: what the network asks of a register, so that a real one can stand in its place (R2).

docs/neighbours/registry.md says what an implementation must keep to. The stand-in is one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from nakadachi.neighbours import registry_store
from nakadachi.neighbours.register import take_packet

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nakadachi.kit.database import Connection
    from nakadachi.neighbours.event_store import Untold
    from nakadachi.neighbours.matching import Match, Sought


class ResidentRegister(Protocol):
    """住民の登録簿: two questions. `connection` is of the registry node's own database, in a transaction.

    A register elsewhere keeps there what it was told and has not handed on yet, so that the transaction that puts a
    telegram into the outbox is the one that takes the changes from the queue.
    """

    async def match(self, connection: Connection, sought: Sequence[Sought]) -> list[Match]:
        """For each person sought, in order: whether exactly one resident fits all that was given, and their code."""

    async def take_changes(self, connection: Connection, most: int) -> list[Untold]:
        """Take up to `most` changes that the core was not told, in the order in which they came to be."""


class StandIn:
    """見本の登録簿: the register of invented residents in the node's own database."""

    async def match(self, connection: Connection, sought: Sequence[Sought]) -> list[Match]:
        """By number, by the four items, or by both."""
        return await registry_store.match(connection, sought)

    async def take_changes(self, connection: Connection, most: int) -> list[Untold]:
        """From the queue that applied events fill."""
        return await take_packet(connection, most)


STAND_IN: ResidentRegister = StandIn()
