"""Plays the registry organisation by hand: what it tells the core of residents."""

from __future__ import annotations

from collections.abc import Sequence

from nakadachi.core.codes import id_code_of
from nakadachi.kit.author import Enclosure
from nakadachi.telegrams.codec import encode_json
from nakadachi.telegrams.envelope import Received
from nakadachi.telegrams.inquiry import Noted
from nakadachi.telegrams.link import ReportResidentChanges, ResidentChange
from nakadachi.terms import NodeName, Role
from tests.world import Land, reason_of


async def report(
    land: Land,
    changes: Sequence[ResidentChange],
    codes: Sequence[str],
    renamed: Sequence[str],
    author: NodeName | None = None,
) -> Received:
    """A report to the core as somebody writes it, and the answer."""
    hand, core = land.author(author or land.name(Role.REGISTRY)), land.name(Role.CORE)
    parts = [
        Enclosure("resident record codes", encode_json(list(codes)), personal=True),
        Enclosure("new resident record codes", encode_json(list(renamed)), personal=True),
    ]
    telegram = hand.write(ReportResidentChanges, to=core, parts=parts, changes=tuple(changes))
    (answer,) = await land.hand(hand.name, core, telegram.envelope)
    return answer


async def changed(land: Land, kind: ResidentChange, code: str, now: str = "") -> None:
    """Something changed for a resident, and the core noted it."""
    answer = await report(land, [kind], [code], [now])
    assert isinstance(answer.header, Noted), reason_of(answer)


def id_code(land: Land, code: str) -> bytes:
    """The ID code that the core makes of a resident record code."""
    key = land.service(land.name(Role.CORE)).system.parts.keys.secret("id-key")
    return id_code_of(key, code).value
