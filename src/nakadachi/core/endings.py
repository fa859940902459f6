"""What an end told of how exchanges ended: kept with the record, and passed to the other end where it has to know."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from msgspec.structs import replace

from nakadachi.core import ending_store
from nakadachi.core.ending_store import Told
from nakadachi.core.rules import tell_back, tell_other
from nakadachi.ledger import trails
from nakadachi.ledger.findings import report
from nakadachi.ledger.records import Circumstance, Event, Record
from nakadachi.telegrams.closing import Close
from nakadachi.telegrams.codec import decode_json
from nakadachi.telegrams.inquiry import Completion, Ending
from nakadachi.telegrams.oversight import Finding, FindingKind
from nakadachi.telegrams.permit import LogContent, PermitContent
from nakadachi.terms import NodeName, OrganisationCode, Prefix, Role

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from nakadachi.core.ending_store import Stands
    from nakadachi.core.parts import Core
    from nakadachi.core.store import Exchange
    from nakadachi.kit.unit import Unit
    from nakadachi.terms import Serial


@dataclass(frozen=True, slots=True)
class Said:
    """One end's word on one exchange; `telegram` is the kind that brought it."""

    exchange: Exchange
    inquirer: bool
    telegram: str
    completion: Completion


def prefix_of(exchange: Exchange) -> Prefix:
    """Who asked whom for what."""
    prefix: Prefix = decode_json(exchange.content, LogContent).prefix
    return prefix


async def note(core: Core, unit: Unit, said: Sequence[Said]) -> None:
    """終了の記録: keep what the ends said, with the record; the other end is told where nothing else tells it.

    What the other end said is taken from the statement that keeps the word, not from before: both may tell at once.
    """
    closings: dict[OrganisationCode, list[Completion]] = defaultdict(list)
    for inquirer in (True, False):
        own = [one for one in said if one.inquirer is inquirer]
        stands = await ending_store.note(unit.connection, [_told(one) for one in own], inquirer=inquirer) if own else {}
        _find_unsure(core, unit, own, stands)
        for one in own:
            if (now := stands.get(one.exchange.serial)) is not None:
                for organisation, completion in _to_tell(one, now):
                    closings[organisation].append(completion)
    await trails.keep(unit.connection, [_record(one) for one in said])
    for organisation, those in closings.items():
        tell(core, unit, organisation, those)


def _find_unsure(core: Core, unit: Unit, own: Sequence[Said], stands: Mapping[Serial, Stands]) -> None:
    unsure = [
        one for one in own if (now := stands.get(one.exchange.serial)) is not None and now.ending is Ending.UNKNOWN
    ]
    # An end that knows, of an exchange that is unknown: the other end knows otherwise.
    differ = [one.exchange.serial for one in unsure if one.completion.ending is not Ending.UNKNOWN]
    find_unknown(core, unit, [one.exchange.serial for one in unsure if one.exchange.serial not in differ])
    _find(core, unit, FindingKind.ENDINGS_DIFFER, differ)


def _to_tell(one: Said, now: Stands) -> Iterator[tuple[OrganisationCode, Completion]]:
    """Which organisation is told what after this word, if any."""
    prefix = prefix_of(one.exchange)
    if tell_other(now.other, one.completion.ending) and one.exchange.last != "RequestPermit":
        yield prefix.provider if one.inquirer else prefix.inquirer, one.completion
    elif now.other is not None and tell_back(now.other, one.completion.ending):
        # It asked before the other end told, and gave up: what was said meanwhile is said to it now.
        settled = replace(one.completion, ending=now.other, reason=now.reason)
        yield prefix.inquirer if one.inquirer else prefix.provider, settled


def tell(core: Core, unit: Unit, organisation: OrganisationCode, closings: Sequence[Completion]) -> None:
    """中止通知 to one end."""
    to, way = (NodeName.of(role, organisation) for role in (Role.INTERMEDIATE, Role.INTERFACE))
    telegram = core.author.write(Close, to=to, closings=tuple(closings))
    unit.send(telegram, to=way, url=core.edition.peers.url(way))


def _told(one: Said) -> Told:
    completion = one.completion
    return Told(completion.serial, one.telegram, completion.ending, completion.ended_at, completion.reason)


def find_unknown(core: Core, unit: Unit, serials: Iterable[Serial]) -> None:
    """結果不明: what cannot be settled goes to the Commission (design 2.8)."""
    _find(core, unit, FindingKind.UNKNOWN_ENDING, serials)


def _find(core: Core, unit: Unit, kind: FindingKind, serials: Iterable[Serial]) -> None:
    report(core, unit, [Finding(kind=kind, at=unit.now, serial=serial) for serial in serials])


def _record(one: Said) -> Record:
    completion = one.completion
    answered = Event.RECEIVED if one.inquirer else Event.PROVIDED
    event = {Ending.ANSWERED: answered, Ending.REFUSED: Event.REFUSED}.get(completion.ending, Event.CLOSED)
    content = decode_json(one.exchange.content, LogContent)
    return Record(
        completion.serial,
        event,
        completion.ended_at,
        content.prefix,
        Circumstance(),
        reason=completion.reason,
        requested_at=content.issued_at if isinstance(content, PermitContent) else content.refused_at,
        provided_at=completion.ended_at if event is Event.PROVIDED else None,
        ending=completion.ending,
    )
