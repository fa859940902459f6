"""証跡: what the core has on record of every exchange goes to the Commission, and what opens the tag (C15, A1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nakadachi.core import link_keys, store
from nakadachi.core.deciding import tag_of
from nakadachi.core.openings import Secrets, open_secrets
from nakadachi.crypto.commitment import commit
from nakadachi.law.directory import is_older
from nakadachi.ledger import trail_book, trails
from nakadachi.ledger.permits import OVERSIGHT_TAG, entry_of
from nakadachi.refusal import Refusal
from nakadachi.telegrams.codec import decode_json
from nakadachi.telegrams.permit import LogContent, PermitContent
from nakadachi.telegrams.trail import Decision
from nakadachi.terms import LinkCode, Role

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nakadachi.core.parts import Core
    from nakadachi.core.store import Exchange
    from nakadachi.kit.unit import Asked, Heard, Reply, Unit
    from nakadachi.ledger.records import Record
    from nakadachi.telegrams.trail import AskTrail, HandOverTrail, TrailEntry
    from nakadachi.terms import Serial

KNOWN_SINCE = "0.2.0"
"""The version of the Commission system that knows trails: an older one gets none (decision 0021)."""


async def hand_over(core: Core, unit: Unit, turns: Sequence[None]) -> list[int]:
    """証跡提供 (C15): what the Commission lacks, to a Commission that knows the telegram. Returns how many entries."""
    commission = core.edition.peers.the(Role.COMMISSION)
    version = await store.version_of(unit.connection, commission)
    told = 0
    if version is not None and not is_older(version, KNOWN_SINCE):
        told = await trails.hand_over(core, unit, describe)
    return [told] * len(turns)


async def hear_kept(core: Core, unit: Unit, heard: Sequence[Heard[HandOverTrail]]) -> None:
    """証跡受領: see trails."""
    await trails.hear_kept(core, unit, heard)


async def tell_again(core: Core, unit: Unit, asked: Sequence[Asked[AskTrail]]) -> list[Reply]:
    """証跡要求: see trails."""
    return await trails.tell_again(core, unit, asked)


async def describe(core: Core, unit: Unit, records: Sequence[Record]) -> list[TrailEntry | None]:
    """Each record as an entry; the event that decided has the decision with it, once the log has given it a place."""
    deciding = {one.serial: one for one in records if one.leaf is not None}
    known = await store.exchanges(unit.connection, list(deciding))
    opened = {serial: _open(core, exchange) async for serial, exchange in unit.each(known.items())}
    tags = await _tags(core, unit, known, opened)
    places: dict[bytes, int] = {}
    for origin in {decode_json(one.content, LogContent).origin for one in known.values()}:
        entries = [entry_of(one.content) for one in known.values()]
        places |= await trail_book.places(unit.connection, origin, entries)
    found: list[TrailEntry | None] = []
    async for one in unit.each(records):
        decision = None
        if one.leaf is not None and (exchange := known.get(one.serial)) is not None:
            index = places.get(entry_of(exchange.content))
            if index is None and core.may_write(decode_json(exchange.content, LogContent).origin):
                found.append(None)  # it gets its place in a moment
                continue
            secrets = opened[one.serial]
            decision = Decision(
                content=exchange.content,
                index=index,
                tag=tags.get(one.serial),
                salt=secrets.oversight_salt if secrets and one.serial in tags else None,
            )
        found.append(trails.entry_of(one, staff=one.by.staff or None, decision=decision))
    return found


def _open(core: Core, exchange: Exchange) -> Secrets | None:
    try:
        return open_secrets(core, exchange)
    except Refusal:
        return None


async def _tags(
    core: Core, unit: Unit, known: Mapping[Serial, Exchange], opened: Mapping[Serial, Secrets | None]
) -> dict[Serial, bytes]:
    """The oversight tags as they were when these exchanges were decided."""
    tags = {serial: one.oversight_tag for serial, one in opened.items() if one and one.oversight_tag is not None}
    old = {serial: one for serial, one in opened.items() if one is not None and serial not in tags}
    if old:
        tags |= await _tags_of_before(core, unit, known, old)
    return tags


async def _tags_of_before(
    core: Core, unit: Unit, known: Mapping[Serial, Exchange], old: Mapping[Serial, Secrets]
) -> dict[Serial, bytes]:
    """Of exchanges that 0.1.0 decided: the tag is made anew and counts where it opens what was committed to."""
    contents = {serial: decode_json(known[serial].content, LogContent) for serial in old}
    askers = {one.prefix.inquirer for one in contents.values()}
    await link_keys.learn(core, unit.connection, askers)
    shown = [(contents[serial].prefix.inquirer, LinkCode(one.inquirer_code)) for serial, one in old.items()]
    read = await core.scheme.read(unit.connection, shown)
    tags = {}
    for (serial, secrets), person in zip(old.items(), read, strict=True):
        content = contents[serial]
        tag = b"" if isinstance(person, Refusal) else tag_of(core, "oversight-tag", person.id_code)
        permit = isinstance(content, PermitContent)
        committed = content.commitments.oversight_tag if permit else content.oversight_tag
        if commit(OVERSIGHT_TAG, tag, secrets.oversight_salt) == committed:
            tags[serial] = tag
    return tags
