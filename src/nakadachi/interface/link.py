"""符号の管理: what the own server says of its people's link codes passes to the core, what the core tells passes to it.

Nothing of it is kept here but the bytes in the outbox, until they are passed on (C8, C17).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nakadachi.kit.unit import Forward
from nakadachi.terms import NodeName, Role

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nakadachi.interface.parts import Interface
    from nakadachi.kit.unit import Asked, Reply, Unit
    from nakadachi.telegrams.link import ChangeLinks, NotifyChanges, SubscribeChanges
    from nakadachi.telegrams.trail import AskTrail


async def relay_to_core(
    interface: Interface, _unit: Unit, asked: Sequence[Asked[ChangeLinks | SubscribeChanges]]
) -> list[Reply]:
    """符号状態変更・変更通知の登録の中継."""
    core = interface.edition.peers.core()
    return [Forward(core, interface.edition.peers.url(core)) for _ in asked]


async def relay_to_own(
    interface: Interface, _unit: Unit, asked: Sequence[Asked[NotifyChanges | AskTrail]]
) -> list[Reply]:
    """変更通知・証跡要求の中継."""
    own = NodeName.of(Role.INTERMEDIATE, interface.author.name.organisation)
    return [Forward(own, interface.edition.peers.url(own)) for _ in asked]
