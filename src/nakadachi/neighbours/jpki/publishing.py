"""失効リストの発行: each partition's list on schedule, and at once where somebody asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nakadachi.neighbours.jpki import list_store
from nakadachi.neighbours.jpki.authority import list_name
from nakadachi.neighbours.jpki.list_store import KeptList, Scope
from nakadachi.neighbours.jpki.lists import Issue, write_list
from nakadachi.neighbours.jpki.profile import partition

if TYPE_CHECKING:
    from nakadachi.kit.database import Connection
    from nakadachi.neighbours.jpki.parts import Jpki


async def publish_due(jpki: Jpki, *, at_once: bool = False) -> int:
    """定期発行: the lists whose time has come, or all of them `at_once`. Returns how many were issued.

    One transaction for each: what was issued stays, whatever comes after it.
    """
    settings = jpki.settings
    # A list is due `list_every` after it was issued, that is with `list_life` - `list_every` left to its next update.
    by = None if at_once else jpki.second() + settings.list_life - settings.list_every
    async with jpki.database.acquire() as connection:
        scopes = await list_store.due(connection, by)
    for scope in scopes:
        await publish(jpki, scope)
    return len(scopes)


async def publish(jpki: Jpki, scope: Scope) -> KeptList:
    """発行: a new list of one scope. Raises LookupError where its key is not here."""
    authority = jpki.generations.by_key(scope.key_id)
    point = partition(scope.kind, scope.place)

    async def work(connection: Connection) -> KeptList:
        # The number holds the partition: who issues a list of it at the same moment waits, and then sees this one.
        number = await list_store.next_number(connection, scope.partition)
        now = jpki.second()
        entries = await list_store.entries(connection, scope, now)
        until = now + jpki.settings.list_life
        der = write_list(authority, point, entries, Issue(number, now, until))
        new = KeptList(list_name(scope.key_id, point), number, now, until, der)
        await list_store.keep(connection, scope, new)
        return new

    return await jpki.database.retrying(work)
