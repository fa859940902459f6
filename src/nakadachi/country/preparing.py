"""Prepares a sample country: its organisations' people, replicas and markings loaded, and their link codes issued.

All through the HTTPS door of each intermediate server, as an existing system would.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from nakadachi.country.examples import files_of
from nakadachi.country.plan import DESK
from nakadachi.desk.answers import DeskError, Loaded
from nakadachi.desk.client import DeskConfig, open_desk
from nakadachi.kit.config import load

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from nakadachi.desk.client import DeskClient
    from nakadachi.terms import OrganisationCode


def desk_config(folder: Path, organisation: OrganisationCode) -> DeskConfig:
    """The configuration of an organisation's desk. Raises ConfigError."""
    return load(folder / f"{DESK}-{organisation.value}" / "desk.toml", DeskConfig)


async def prepare(
    folder: Path, files: Path, organisations: tuple[OrganisationCode, ...], done: Callable[[str, int], None]
) -> None:
    """Prepare all organisations; `done(organisation code, people)` is told as each is ready. Raises DeskError."""
    await asyncio.gather(*(_prepare_one(folder, files, organisation, done) for organisation in organisations))


async def _prepare_one(
    folder: Path, files: Path, organisation: OrganisationCode, done: Callable[[str, int], None]
) -> None:
    given = files_of(files, organisation)
    async with open_desk(desk_config(folder, organisation)) as desk:
        people = await _load(desk, "people", given.people)
        await _load(desk, "provisions", given.provisions, xml=given.provisions_form == "xml")
        if given.protections is not None:
            await _load(desk, "protections", given.protections)
        with given.people.open("rb") as file:
            linked = await desk.link(file)
    if isinstance(linked, Loaded):
        raise DeskError(f"{given.people}: no link codes were issued, {linked.rejected} lines were rejected")
    done(organisation.value, people)


async def _load(desk: DeskClient, kind: str, path: Path, *, xml: bool = False) -> int:
    with path.open("rb") as file:
        loaded = await desk.load(kind, file, xml=xml)
    if loaded.rejected:
        raise DeskError(f"{path}: not loaded, {loaded.rejected} lines were rejected")
    return loaded.loaded
