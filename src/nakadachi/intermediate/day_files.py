"""変更通知ファイル: writes the changes of each past day into a folder, once, whole or not at all (C17)."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from nakadachi.intermediate import change_store
from nakadachi.intermediate.files.changes import HEADER, change_line
from nakadachi.telegrams.standing import day_begins
from nakadachi.terms import japan_day

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from nakadachi.intermediate.parts import Intermediate
    from nakadachi.kit.server import System

DAYS_BACK = 7
"""How many past days are looked at, for who was not running at midnight."""


class DayFiles:
    """The folder of an organisation's files, one per day of receipt (Japan's)."""

    def __init__(self, system: System[Intermediate], folder: Path) -> None:
        self._system = system
        self._folder = folder

    async def write(self) -> list[Path]:
        """Write the files of past days that are not there. Returns them. Raises OSError."""
        today = japan_day(self._system.author.clock.now())
        days = [today - timedelta(days=back) for back in range(DAYS_BACK, 0, -1)]
        return [await self._write(day) for day in days if not self._path(day).exists()]

    def _path(self, day: date) -> Path:
        return self._folder / f"changes-{day.isoformat()}.csv"

    async def _write(self, day: date) -> Path:
        path, begin = self._path(day), day_begins(day)
        draft = path.with_suffix(".part")
        with draft.open("wb") as file:
            file.write(HEADER)
            async with self._system.database.acquire() as connection:
                async for one in change_store.changes_between(connection, begin, begin + timedelta(days=1)):
                    file.write(change_line(one))
        draft.replace(path)
        return path
