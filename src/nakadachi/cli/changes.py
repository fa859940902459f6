"""Writes changes as they are read (変更通知): each line is out before its number counts as read."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nakadachi.cli.ending import stop

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path
    from typing import BinaryIO

    from nakadachi.desk.answers import Change
    from nakadachi.desk.client import DeskClient

WAIT_SECONDS = 25
COLUMNS = "number,addressee_number,changed_at,received_at\r\n"


@dataclass(frozen=True, slots=True)
class Reader:
    """What is read from which number on, where it is written, and where the last number is kept."""

    after: int
    follow: bool
    position: Path | None
    out: Path | None

    async def read(self, client: DeskClient) -> None:
        """Everything after the number; where that is followed, until it is interrupted."""
        from nakadachi.desk import life

        after = self._begin()
        with ExitStack() as held:
            to = held.enter_context(self.out.open("ab")) if self.out else sys.stdout.buffer
            if self.out is None or self.out.stat().st_size == 0:
                to.write(COLUMNS.encode())
                to.flush()
            while True:
                found = await life.changes(client, after, WAIT_SECONDS if self.follow else 0)
                if found:
                    after = self._write(to, found)
                elif not self.follow:
                    return

    async def day(self, client: DeskClient, day: date) -> None:
        """All of a day, whole or not at all."""
        from nakadachi.desk import life

        if self.out is None:
            await life.changes_of(client, day, sys.stdout.buffer)
            sys.stdout.buffer.flush()
            return
        draft = self.out.with_name(f".{self.out.name}.part")
        try:
            with draft.open("wb") as file:
                await life.changes_of(client, day, file)
            draft.replace(self.out)
        finally:
            draft.unlink(missing_ok=True)

    def _begin(self) -> int:
        if self.position is None or not self.position.exists():
            return self.after
        text = self.position.read_text(encoding="ascii", errors="replace").strip()
        if not text.isdigit():
            stop(f"{self.position}: 番号がありません / holds no number; is it the file of another program?")
        return max(self.after, int(text))

    def _write(self, to: BinaryIO, found: tuple[Change, ...]) -> int:
        to.writelines(_line(one) for one in found)
        to.flush()
        last = found[-1].number
        if self.position is not None:
            if self.out is not None:
                os.fsync(to.fileno())
            draft = self.position.with_name(f".{self.position.name}.part")
            draft.write_text(f"{last}\n", encoding="ascii")
            draft.replace(self.position)
        return last


def _line(one: Change) -> bytes:
    return f"{one.number},{one.addressee or ''},{one.changed_at},{one.received_at}\r\n".encode()
