"""情報提供: relay of the provision straight to the inquirer's interface system (hops 6 and 7; I5)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from nakadachi.interface import store
from nakadachi.kit.unit import Forward
from nakadachi.ledger import records
from nakadachi.ledger.findings import suspect
from nakadachi.ledger.records import Circumstance, Event, Record
from nakadachi.refusal import Reason, Refusal
from nakadachi.telegrams.oversight import FindingKind
from nakadachi.telegrams.provision import Provide
from nakadachi.telegrams.suspicion import Suspicion
from nakadachi.terms import NodeName, Role

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nakadachi.interface.parts import Interface
    from nakadachi.kit.unit import Asked, Reply, Unit
    from nakadachi.terms import Serial


async def relay_provision(interface: Interface, unit: Unit, asked: Sequence[Asked[Provide]]) -> list[Reply]:
    """情報提供電文の中継 (source 003 6.4 ⑤(a)(b)(f)): from the own server by the permit's route, or to the own
    server.
    """
    replies: list[Reply] = []
    moved: list[Serial] = []
    kept: list[Record] = []
    for one in asked:
        try:
            replies.append(_route(interface, unit, one))
        except Refusal as refusal:
            suspect(interface, unit, one.header, refusal)
            replies.append(refusal)
            continue
        moved += one.header.exchanges
        outgoing = one.header.author.organisation == interface.author.name.organisation
        event = Event.PROVIDED if outgoing else Event.RECEIVED
        kept += [
            Record(
                each.serial,
                event,
                unit.now,
                one.header.prefix,
                Circumstance(),
                reason=each.refused,
                leaf=each.leaf_hash,
            )
            for each in one.header.statements
        ]
    await store.move_on(unit.connection, Provide.__name__, moved, unit.now)
    await records.keep(unit.connection, kept)
    return replies


def _route(interface: Interface, unit: Unit, one: Asked[Provide]) -> Forward:
    """形式チェック of the header, and where it goes. Raises Refusal(PERMIT_INVALID, TIMED_OUT, ROLE_NOT_ALLOWED)."""
    header = one.header
    if header.author.organisation != header.prefix.provider:
        raise Refusal(Reason.ROLE_NOT_ALLOWED, "the author is not the provider")
    routes, deadlines = set(), []
    for statement in header.statements:
        known = one.known[statement.serial]
        if known.closed is not None:
            raise Refusal(known.closed, "the exchange was closed before")
        if known.prefix is None or replace(known.prefix, items=()) != replace(header.prefix, items=()):
            raise Refusal(Reason.ROLE_NOT_ALLOWED, "the prefix is not the one asked for")
        if statement.leaf_hash != known.leaf_hash:
            detail = "the statement is of another exchange"
            raise Suspicion(FindingKind.ANSWER_CROSSED, Reason.PERMIT_INVALID, detail)
        if known.answer_by is None or unit.now > known.answer_by + interface.grace:
            raise Refusal(Reason.TIMED_OUT, "answer-by has passed")
        routes.add(known.route)
        deadlines.append(known.answer_by + interface.grace)
    if header.prefix.provider == interface.author.name.organisation:
        route = routes.pop()
        if route is None or routes:
            raise Refusal(Reason.BAD_FORMAT, "exchanges of several routes in one telegram")
        return Forward(route.to, route.url, min(deadlines))
    own = NodeName.of(Role.INTERMEDIATE, interface.author.name.organisation)
    return Forward(own, interface.edition.peers.url(own), min(deadlines))
