"""Plays an existing system that wants to know of changes, and sees what the core sends for it."""

from __future__ import annotations

import json
from typing import Any

from nakadachi.telegrams.link import NotifyChanges
from nakadachi.terms import OrganisationCode, Role
from tests.invented import TSUBAKI, Person
from tests.lines import csv_of
from tests.world import Land


async def subscribe(land: Land, organisation: OrganisationCode, scope: str, *people: Person) -> dict[str, Any]:
    body = csv_of([(one.at(organisation),) for one in people])
    status, text = await land.desk(organisation, "POST", "changes/subscription", body, scope=scope)
    assert status == 200, text
    said: dict[str, Any] = json.loads(text)
    return said


async def read(land: Land, organisation: OrganisationCode, after: int = 0, wait: int = 0) -> list[dict[str, Any]]:
    """What the existing system reads after a number."""
    status, text = await land.desk(organisation, "GET", "changes", after=str(after), wait=str(wait))
    assert status == 200, text
    found: list[dict[str, Any]] = json.loads(text)["changes"]
    return found


async def position(land: Land, organisation: OrganisationCode = TSUBAKI) -> int:
    _, text = await land.desk(organisation, "GET", "changes/subscription")
    return int(json.loads(text)["last"])


def told_of(found: list[dict[str, Any]]) -> list[str | None]:
    """Whom the events are about, without leading zeros; None where events are lost."""
    return [one["addressee"].lstrip("0") if one["addressee"] else None for one in found]


def packets(land: Land) -> list[NotifyChanges]:
    """What the core sent to interface systems."""
    return [
        asked.header
        for flight, asked, _ in land.tap.legs(NotifyChanges)
        if flight.sender.role is Role.CORE and isinstance(asked.header, NotifyChanges)
    ]


async def read_all(land: Land) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while more := await read(land, TSUBAKI, found[-1]["number"] if found else 0):
        found += more
    return found
