"""Whatever keys were replaced meanwhile: whoever is linked is reached, by a code that is theirs alone (C6)."""

from __future__ import annotations

import asyncio

from nakadachi.core import link_keys
from nakadachi.terms import LinkCode, Role
from tests.invented import AOBA, TSUBAKI
from tests.machine.people import ANSWERABLE
from tests.machine.promises import Promises, require
from tests.world import inquiry_line, told

TRIES, PAUSE_SECONDS = 5, 5
ALWAYS = ANSWERABLE[:3]
"""Whom Aoba answers about without asking its staff."""


async def everybody_is_reachable(promises: Promises) -> None:
    """Nothing goes wrong any more: who was answered about before is answered about now, with their own values."""
    for addressee in ALWAYS:
        for attempt in range(TRIES):
            line = inquiry_line(addressee, AOBA).encode()
            status, text = await promises.land.desk(TSUBAKI, "POST", "inquiries", line, lane="interactive")
            answer = told(text) if status else None
            if answer is not None and answer.status == "answered":
                promises.told(addressee, answer)
                break
            require(attempt + 1 < TRIES, f"nobody answers about one of the people any more: {answer}")
            await asyncio.sleep(PAUSE_SECONDS)


async def codes_agree(promises: Promises) -> None:
    """Each person's code at its holder is the one that the core has for the same person, and nobody else's."""
    land = promises.land
    core = land.service(promises.core)
    async with core.node.database.acquire() as connection:
        await link_keys.learn(core.system.parts, connection, [TSUBAKI, AOBA])
    for organisation in (TSUBAKI, AOBA):
        rows = await land.rows(
            promises.core, "SELECT id_code, key_index, generation FROM link WHERE organisation = $1", organisation.value
        )
        links = {bytes(row["id_code"]): (row["key_index"], row["generation"]) for row in rows}
        held = await land.rows(
            land.name(Role.INTERMEDIATE, organisation), "SELECT link_code FROM person WHERE link_code IS NOT NULL"
        )
        read = [core.system.parts.scheme.read_one(LinkCode(row["link_code"]), organisation) for row in held]
        people = {one.id_code.value for one in read}
        require(len(people) == len(read), f"{organisation}: two of its people have codes of one person")
        for one in read:
            same = links.get(one.id_code.value) == (one.key_index, one.generation)
            require(same, f"{organisation}: a code of key {one.key_index} is not the one that the core has")
