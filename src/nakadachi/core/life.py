"""符号の状態: what becomes of people and their links after the issuance (C3, C8, C17).

Resident record codes pass here as at issuance and are not kept; of a change nothing is learnt but its kind.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nakadachi.core import change_store, life_store
from nakadachi.core.codes import id_code_by
from nakadachi.core.life_rules import Reported, decide_alias
from nakadachi.ledger.findings import report
from nakadachi.refusal import Reason, Refusal
from nakadachi.telegrams.codec import decode_json
from nakadachi.telegrams.inquiry import Noted
from nakadachi.telegrams.link import ReportResidentChanges, ResidentChange
from nakadachi.telegrams.oversight import Finding, FindingKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nakadachi.core.codes import IdCode
    from nakadachi.core.parts import Core
    from nakadachi.kit.unit import Asked, Reply, Unit


async def note_resident_changes(core: Core, unit: Unit, asked: Sequence[Asked[ReportResidentChanges]]) -> list[Reply]:
    """住民異動通知 (C8, C17): a death suspends everywhere, a new record code becomes an alias, and whoever subscribed
    is told that something changed. A new code that is another person's is passed over, and found.
    """
    replies: list[Reply] = []
    changes: list[Reported] = []
    for one in asked:
        try:
            changes += _read(core, one)
        except Refusal as refusal:
            replies.append(refusal)
            continue
        replies.append(core.author.answer(Noted, one.telegram))
    people = await _follow(core, unit, changes)
    dead = {
        person: one.change is ResidentChange.DEATH
        for person, one in zip(people, changes, strict=True)
        if one.change in {ResidentChange.DEATH, ResidentChange.DEATH_UNDONE}
    }
    await life_store.note_deaths(unit.connection, dead, unit.now)
    await change_store.add_events(unit.connection, people, unit.now)
    return replies


async def _follow(core: Core, unit: Unit, changes: Sequence[Reported]) -> list[IdCode]:
    """Keep the aliases that these changes make, in their order: for each change the ID code that stands."""
    renamed = [one.now for one in changes if one.now is not None]
    aliases = await life_store.aliases(unit.connection, [*(one.person for one in changes), *renamed])
    known = set(await life_store.known(unit.connection, renamed))
    new: dict[IdCode, IdCode] = {}
    people: list[IdCode] = []
    for one in changes:
        stands = aliases.get(one.person, one.person)
        people.append(stands)
        known.add(stands)
        if one.now is None:
            continue
        try:
            alias = decide_alias(one.person, one.now, aliases=aliases, known=known)
        except Refusal:
            report(core, unit, [Finding(kind=FindingKind.RECORD_CODE_TAKEN, at=unit.now)])
            continue
        if alias is not None:
            new[one.now] = aliases[one.now] = alias
    await life_store.add_aliases(unit.connection, new, unit.now)
    return people


def _read(core: Core, one: Asked[ReportResidentChanges]) -> list[Reported]:
    """The registry organisation's word; record codes become ID codes here. Raises Refusal(BAD_FORMAT)."""
    changes, mac = one.header.changes, core.keys.mac("id-key")
    codes, renamed = (
        decode_json(one.telegram.part(name), tuple[str, ...])
        for name in ("resident record codes", "new resident record codes")
    )
    if not len(codes) == len(renamed) == len(changes):
        raise Refusal(Reason.BAD_FORMAT, "one resident record code and one new one, or none, for each change")
    if any(bool(now) is not (change is ResidentChange.CODE) for change, now in zip(changes, renamed, strict=True)):
        raise Refusal(Reason.BAD_FORMAT, "a new resident record code where, and only where, the code changed")
    try:
        return [
            Reported(change, id_code_by(mac, code), id_code_by(mac, now) if now else None)
            for change, code, now in zip(changes, codes, renamed, strict=True)
        ]
    except ValueError:
        raise Refusal(Reason.BAD_FORMAT, "a resident record code has not its form") from None
