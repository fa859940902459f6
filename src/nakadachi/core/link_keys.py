"""The keys of link codes at work: what is known of an organisation's, and under which a new code is issued (C6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nakadachi.core import link_key_store
from nakadachi.core.key_rules import newest

if TYPE_CHECKING:
    from collections.abc import Collection

    from nakadachi.core.key_rules import Keys
    from nakadachi.core.parts import Core
    from nakadachi.kit.database import Connection
    from nakadachi.terms import OrganisationCode


async def learn(
    core: Core, connection: Connection, organisations: Collection[OrganisationCode]
) -> dict[OrganisationCode, Keys]:
    """The keys of these organisations. Only then can the scheme read and issue codes of a key that was added, here or
    by another instance of this core.
    """
    found = await link_key_store.keys(connection, sorted(organisations, key=lambda one: one.value))
    for organisation, keys in found.items():
        core.rotating.masters.update({(organisation, index): key.master for index, key in keys.items()})
    return found


async def issuing(
    core: Core, connection: Connection, organisations: Collection[OrganisationCode]
) -> dict[OrganisationCode, int]:
    """The key index under which each of these organisations is given codes now; it stays in use until the commit."""
    await link_key_store.hold_keys(connection, sorted(organisations, key=lambda one: one.value))
    return {one: newest(keys) for one, keys in (await learn(core, connection, organisations)).items()}
