"""符号付番: link codes pass from the core to the own intermediate server (C7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nakadachi.kit.unit import Forward
from nakadachi.telegrams.code import ISSUANCE_LIVES
from nakadachi.terms import NodeName, Role

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nakadachi.interface.parts import Interface
    from nakadachi.kit.unit import Asked, Reply, Unit
    from nakadachi.telegrams.code import LinkCodeIssued
    from nakadachi.telegrams.link import ReplaceLinkCodes


async def relay_link_codes(interface: Interface, _unit: Unit, asked: Sequence[Asked[LinkCodeIssued]]) -> list[Reply]:
    """符号通知の中継: nothing of it is kept here but the bytes in the outbox, until passed on or too old (L1)."""
    own = NodeName.of(Role.INTERMEDIATE, interface.author.name.organisation)
    return [Forward(own, interface.edition.peers.url(own), one.header.made_at + ISSUANCE_LIVES) for one in asked]


async def relay_replaced(interface: Interface, _unit: Unit, asked: Sequence[Asked[ReplaceLinkCodes]]) -> list[Reply]:
    """符号更新の中継: as that of new codes, but never given up: the core waits for the holder's word (C6)."""
    own = NodeName.of(Role.INTERMEDIATE, interface.author.name.organisation)
    return [Forward(own, interface.edition.peers.url(own)) for _ in asked]
