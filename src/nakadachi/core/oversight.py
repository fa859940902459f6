"""監視: what systems say of their own state, and the distribution of law book and directory to them (C16, C18, I13)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nakadachi import __version__
from nakadachi.core import store
from nakadachi.kit.author import Enclosure
from nakadachi.ledger.edition import DIRECTORY, LAWBOOK
from nakadachi.refusal import Reason, Refusal
from nakadachi.telegrams.inquiry import Noted
from nakadachi.telegrams.oversight import Condition, DistributeEdition, Operation, ReportOperation
from nakadachi.terms import NodeName, Role

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from nakadachi.core.parts import Core
    from nakadachi.kit.database import Connection
    from nakadachi.kit.unit import Asked, Reply, Unit


SILENT_PERIODS = 3
"""Words that may fail to come before a system counts as silent."""
TAKERS = (Role.INTERMEDIATE, Role.COMMISSION, Role.REGISTRY)
"""Who law book and directory are sent to; an interface system takes them on their way to its server."""


async def note_operation(core: Core, unit: Unit, asked: Sequence[Asked[ReportOperation]]) -> list[Reply]:
    """稼働状況通知 (I9, L9): keep it; a system that runs an older edition gets the one in use.

    Of a version below the minimum the word is kept too, so that everybody sees why nothing is asked there any more.
    """
    replies: list[Reply] = []
    for one in asked:
        report = one.header
        try:
            core.edition.directory.require_version(report.software)
        except Refusal as refusal:
            if refusal.reason is Reason.VERSION_TOO_OLD:
                await store.note_operation(unit.connection, report.author, report, unit.now)
            replies.append(refusal)
            continue
        await store.note_operation(unit.connection, report.author, report, unit.now)
        in_use = (core.edition.lawbook.version, core.edition.directory.version)
        older = report.lawbook < in_use[0] or report.directory < in_use[1]
        if report.operation is Operation.STARTED and older and report.author.role in TAKERS:
            _distribute(core, unit, report.author)
        replies.append(core.author.answer(Noted, one.telegram))
    return replies


async def collected(core: Core, connection: Connection) -> list[dict[str, Any]]:
    """稼働状況の一覧 (C18): what every other system of the directory said last, and which of them are overdue.

    Each instance of a system that runs as several has a row of its own, with its name.
    """
    said, now = await store.operations(connection), core.author.clock.now()
    listed = [node.name for role in Role for node in core.edition.directory.of_role(role)]
    sided = (Role.INTERFACE, Role.INTERMEDIATE)
    listed.sort(key=lambda name: (name.role in sided, name.organisation.value, list(Role).index(name.role)))
    words = [(name, word) for name in listed if name != core.author.name for word in said.get(name, (None,))]
    return [_row(name, word, now) for name, word in words]


def _row(name: NodeName, word: store.Word | None, now: datetime) -> dict[str, Any]:
    if word is None:
        return {"node": name.value, "state": "unknown"}
    condition = word.condition
    seconds = (now - word.received_at).total_seconds()
    stopped = word.operation is Operation.STOPPED
    silent = not stopped and condition is not None and seconds > SILENT_PERIODS * condition.next_seconds
    row = {
        "node": name.value,
        "state": "stopped" if stopped else "silent" if silent else "running",
        "said_seconds": round(seconds, 1),
        "said_at": word.at.isoformat(),
        "version": word.software,
        "lawbook": word.lawbook,
        "directory": word.directory,
    }
    if word.instance:
        row["instance"] = word.instance
    return row | (_fares(condition) if condition else {})


def _fares(condition: Condition) -> dict[str, Any]:
    error = condition.clock_error_microseconds
    return {
        "ready": not condition.failures,
        "backlog": condition.backlog,
        "oldest_seconds": condition.oldest_seconds,
        "records": condition.records,
        "cosigned_size": condition.cosigned_size,
        "cosigned_at": condition.cosigned_at.isoformat() if condition.cosigned_at else None,
        "certificate_days": condition.certificate_days,
        "clock_synchronised": condition.clock_synchronised,
        "clock_error_seconds": None if error is None else error / 1_000_000,
        "warnings": [one.value for one in condition.warnings],
        "failures": [one.value for one in condition.failures],
    }


async def distribute_to_older(core: Core, unit: Unit, turns: Sequence[None]) -> list[int]:
    """起動時の配布: systems that said they run an older edition get the one in use. Returns how many it is sent to."""
    in_use = (core.edition.lawbook.version, core.edition.directory.version)
    older = await store.running_older(unit.connection, *in_use)
    organisations = {node.organisation for node in older}
    nodes = [one for one in _takers(core) if one.organisation in organisations]
    for node in nodes:
        _distribute(core, unit, node)
    return [len(nodes)] * len(turns)


async def distribute_edition(core: Core, unit: Unit, items: Sequence[tuple[bytes, bytes]]) -> list[int]:
    """マスタ・プレフィックス情報配布: use a newer pair of documents and send it to everybody else.

    Each item is a pair of notes: law book, directory. Returns how many systems it is sent to.
    Raises Refusal(BAD_FORMAT, BAD_SIGNATURE, VERSION_TOO_OLD), the last also for a minimum version that is above the
    core's own: every system would refuse it, and with it the next directory. BAD_FORMAT also for a pair that nodes of
    the directory's minimum version could not read (decision 0021).
    """
    sent = []
    for lawbook, directory in items:
        law, listed = core.edition.judge(lawbook, directory)
        listed.require_version(__version__)
        listed.require_readable()
        law.require_readable(listed.minimum_peer_version)
        core.edition.use(lawbook, directory)
        await core.edition.keep(unit.connection, unit.now)
        core.edition.tell(core.author.name)
        nodes = _takers(core)
        for node in nodes:
            _distribute(core, unit, node)
        sent.append(len(nodes))
    return sent


def _takers(core: Core) -> list[NodeName]:
    return [node.name for role in TAKERS for node in core.edition.directory.of_role(role)]


def _distribute(core: Core, unit: Unit, taker: NodeName) -> None:
    to = NodeName.of(Role.INTERFACE, taker.organisation) if taker.role is Role.INTERMEDIATE else taker
    if core.edition.directory.find(to) is None:
        raise Refusal(Reason.NOT_ADDRESSED_HERE, f"{taker.organisation} has no interface system")
    telegram = core.author.write(
        DistributeEdition,
        to=taker,
        parts=[Enclosure(kind, core.edition.notes[kind]) for kind in (LAWBOOK, DIRECTORY)],
        lawbook=core.edition.lawbook.version,
        directory=core.edition.directory.version,
    )
    unit.send(telegram, to=to, url=core.edition.peers.url(to))
