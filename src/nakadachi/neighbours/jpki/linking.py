"""証明書の対応関係: which certificate followed which, and which other one the same person holds, by serial number.

A folder that was opened with one certificate goes on with the next (P3). Whether the real service tells this is not
confirmed (facts 5.2, 10.5), so that it can be switched off, and only verifiers marked for it are told.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nakadachi.neighbours.jpki import jpki_store as store
from nakadachi.neighbours.jpki.counter import IN_USE
from nakadachi.neighbours.jpki.faults import NotDone, Objection

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nakadachi.neighbours.jpki.parts import Jpki
    from nakadachi.neighbours.jpki.profile import Kind


@dataclass(frozen=True, slots=True)
class Linkage:
    """対応関係 of one certificate, as serial numbers.

    `former`: those that the same person had before it, the newest first; `later`: those that came after it, in order;
    `other`: the one of the other kind that is in use now, None where there is none.
    """

    former: tuple[int, ...] = field(repr=False)
    later: tuple[int, ...] = field(repr=False)
    other: int | None = field(repr=False)


async def linkage(jpki: Jpki, kind: Kind, serial: int) -> Linkage:
    """The linkage of a certificate. Raises NotDone(NOT_FOUND)."""
    async with jpki.database.acquire() as connection:
        found = await store.of_serial(connection, kind, serial)
        if found is None:
            raise NotDone(Objection.NOT_FOUND)
        same = await store.of_holder(connection, found.holder)
    other = next((one.serial for one in same if one.kind is not kind and one.state in IN_USE), None)
    follows = {one.serial: one.follows for one in same if one.kind is kind}
    later = {former: one for one, former in follows.items() if former is not None}
    return Linkage(_along(follows, serial), _along(later, serial), other)


def _along(steps: Mapping[int, int | None], start: int) -> tuple[int, ...]:
    """What is reached from `start`, step by step; a certificate follows an earlier one, so that this ends."""
    found: list[int] = []
    here = steps.get(start)
    while here is not None and here not in found:
        found.append(here)
        here = steps.get(here)
    return tuple(found)
