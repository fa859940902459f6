"""終了: the relay of closings and of questions about the state; and this side's own clock (design 2.8; I7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nakadachi.interface import store
from nakadachi.kit.unit import Forward
from nakadachi.refusal import Reason
from nakadachi.terms import NodeName, Role

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nakadachi.interface.parts import Interface
    from nakadachi.kit.unit import Asked, Reply, Unit
    from nakadachi.telegrams.closing import AskState, Close
    from nakadachi.telegrams.inquiry import InquiryCompleted
    from nakadachi.telegrams.provision import ProvisionCompleted

MOST_AT_ONCE = 500


async def relay_close(interface: Interface, unit: Unit, asked: Sequence[Asked[Close]]) -> list[Reply]:
    """中止通知の中継: the pair is erased here; what comes later for it is refused with the reason."""
    closed = [
        (closing.serial, closing.reason or Reason.TIMED_OUT)
        for one in asked
        for closing in one.header.closings
        if closing.serial in one.known
    ]
    await store.close(unit.connection, closed, unit.now)
    return [_onward(interface, one) for one in asked]


async def relay_question(interface: Interface, _unit: Unit, asked: Sequence[Asked[AskState]]) -> list[Reply]:
    """状態確認の中継."""
    return [_onward(interface, one) for one in asked]


async def close_overdue(interface: Interface, unit: Unit, turns: Sequence[None]) -> list[int]:
    """期限切れの終了: pairs held for exchanges that are over by our own clock are erased. Returns how many."""
    late = await store.overdue(unit.connection, unit.now - interface.forget_after, most=MOST_AT_ONCE)
    await store.close(unit.connection, [(serial, Reason.TIMED_OUT) for serial in late], unit.now)
    return [len(late)] * len(turns)


def _onward(interface: Interface, one: Asked[Close] | Asked[AskState]) -> Forward:
    """From the own server to the core, from the core to the own server."""
    core = interface.edition.peers.core()
    own = NodeName.of(Role.INTERMEDIATE, interface.author.name.organisation)
    to = own if one.header.author.role is Role.CORE else core
    return Forward(to, interface.edition.peers.url(to))


async def relay_completed(
    interface: Interface, unit: Unit, asked: Sequence[Asked[InquiryCompleted | ProvisionCompleted]]
) -> list[Reply]:
    """完了通知の中継 (④(e), ⑤(e)): the held pair is erased here, and the word goes to the core."""
    core = interface.edition.peers.core()
    for one in asked:
        await store.end(unit.connection, type(one.header).__name__, one.header.exchanges, unit.now)
    return [Forward(core, interface.edition.peers.url(core)) for _ in asked]
