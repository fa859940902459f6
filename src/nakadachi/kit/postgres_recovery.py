"""An embedded server out of a base backup and the write-ahead log archive, up to a moment or to its end (N2).

It is built beside its place and put there once it is seen to be whole. It never knows what the tenants store.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import re
import shlex
import shutil
import subprocess
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from nakadachi.kit import postgres_process
from nakadachi.kit.backup_file import SUFFIX, BackupError, Opener, read_facts
from nakadachi.kit.database import Database
from nakadachi.kit.postgres import EmbeddedPostgres
from nakadachi.kit.postgres_archive import SEGMENT, SERVER, open_base, open_segment
from nakadachi.kit.postgres_files import Place, PostgresError, explain
from nakadachi.kit.postgres_tools import find_tool

_START = re.compile(r"START WAL LOCATION: \S+ \(file ([0-9A-F]{24})\)")
_PARTIAL = ".partial"
_SETTINGS = (
    "restore_command",
    "recovery_target_time",
    "recovery_target_action",
    "synchronous_standby_names",
    "hot_standby",
)


@dataclass(frozen=True, slots=True)
class Sources:
    """A base backup, the folder of archived segments, the spool with the last ones (None: lost), and who opens them."""

    base: Path
    archive: Path
    spool: Path | None
    openers: Sequence[Opener]


@dataclass(frozen=True, slots=True)
class Recovered:
    """Up to when the server was recovered (None: the archive held no transaction after the base), and its tenants."""

    last: datetime | None
    tenants: tuple[str, ...]


def newest_base(folder: Path, at: datetime | None) -> Path:
    """The newest base backup in `folder` that was begun before `at`. Raises BackupError where there is none."""
    found = []
    for path in folder.glob(f"server-*{SUFFIX}"):
        with contextlib.suppress(BackupError, ValueError, KeyError):
            found.append((datetime.fromisoformat(read_facts(path)["taken_at"]), path))
    early = [one for one in found if at is None or one[0] < at]
    if not early:
        raise BackupError(f"{folder}: holds no base backup" + (f" begun before {at.isoformat()}" if at else ""))
    return max(early)[1]


async def recover(state: Path, sources: Sources, *, at: datetime | None, replace: bool, after: str) -> Recovered:
    """Build the embedded server below `state` anew as it was at `at`, or at the archive's end; it is not left running.

    The SQL `after` is run in every tenant's schema before anybody can use the server. A data directory that is there is
    set aside with `replace`, else refused. Raises BackupError, PostgresError, DatabaseError.
    """
    server = EmbeddedPostgres(state)
    place = server.locate()
    if place.data.exists() and not replace:
        raise BackupError(f"{place.data} is there: with --replace it is set aside, and the backup put in its place")
    before = _aside(place)
    await asyncio.to_thread(_build, place, sources, at, before)
    try:
        await server.start()
        recovered = await _finish(server, after)
    except BaseException:
        await server.stop()
        shutil.rmtree(place.data, ignore_errors=True)
        if before.exists():
            before.rename(place.data)
        raise
    finally:
        await server.stop()
        shutil.rmtree(place.home / "wal.new", ignore_errors=True)
    return recovered


def _build(place: Place, sources: Sources, at: datetime | None, before: Path) -> None:
    held = postgres_process.lock(place)
    draft, wal = place.home / "data.new", place.home / "wal.new"
    try:
        for folder in (draft, wal):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(mode=0o700)
        _unpack(sources, draft)
        _fetch(sources, draft, wal)
        _configure(draft, wal, at)
        _give(place, draft, wal)
        if place.data.exists():
            place.data.rename(before)
        draft.rename(place.data)
    except OSError as wrong:
        raise PostgresError(f"{place.home}: the server cannot be built: {explain(wrong)}") from wrong
    finally:
        held.close()


def _unpack(sources: Sources, draft: Path) -> None:
    if read_facts(sources.base).get("kind") != SERVER:
        raise BackupError(f"{sources.base}: is no base backup of a server: nakadachi restore takes it")
    try:
        with io.BufferedReader(_Stream(open_base(sources.base, sources.openers)), 1 << 20) as stream:
            with tarfile.open(fileobj=stream, mode="r|") as tar:
                tar.extractall(draft, filter="data")
            while stream.read(1 << 20):  # the end of the tar is not yet the end of the file, which vouches for it
                pass
    except tarfile.TarError as wrong:
        raise BackupError(f"{sources.base}: its content is no base backup: take another one") from wrong
    command: list[str | Path] = [find_tool("pg_verifybackup", at_least=1), "--no-parse-wal", "--exit-on-error", draft]
    said = subprocess.run(command, check=False, capture_output=True, text=True)
    if said.returncode != 0:
        raise BackupError(f"{sources.base}: the files in it are not those of its manifest: {said.stderr.strip()[:300]}")


class _Stream(io.RawIOBase):
    """Pieces as a file that tarfile reads from."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        super().__init__()
        self._pieces = pieces
        self._rest = b""

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, into: Any) -> int:
        """Fill `into` as far as one piece goes: how many bytes; 0 at the end."""
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._rest = piece
        part, self._rest = self._rest[: len(into)], self._rest[len(into) :]
        into[: len(part)] = part
        return len(part)


def _fetch(sources: Sources, draft: Path, wal: Path) -> None:
    """The segments that the base needs, and the last one also where it is not full."""
    label = _START.search((draft / "backup_label").read_text(encoding="utf-8"))
    if label is None:
        raise BackupError(f"{sources.base}: does not say where its recovery begins: take another one")
    first = label[1][8:]
    for path in sorted(sources.archive.glob(f"*{SUFFIX}")):
        name = path.name.removesuffix(SUFFIX)
        if SEGMENT.fullmatch(name) and (name[8:] >= first or name.endswith(".history")):
            (wal / name).write_bytes(open_segment(path, sources.openers))
    for path in sorted(sources.spool.iterdir()) if sources.spool else []:
        name = path.name.removesuffix(_PARTIAL)
        if SEGMENT.fullmatch(name) and not (wal / name).exists():
            shutil.copyfile(path, wal / name)


def _configure(draft: Path, wal: Path, at: datetime | None) -> None:
    copy = f"cp {shlex.quote(str(wal)).replace('%', '%%')}/%f %p"
    settings = {
        "restore_command": copy,
        "recovery_target_action": "promote",
        "synchronous_standby_names": "",  # nobody receives yet: a commit would wait for ever
        "hot_standby": "off",  # it lets nobody in before the recovery is over
    }
    if at is not None:
        settings["recovery_target_time"] = at.isoformat()
    lines = [f"{name} = '{value.replace(chr(39), chr(39) * 2)}'\n" for name, value in settings.items()]
    with (draft / "postgresql.auto.conf").open("a", encoding="utf-8") as file:
        file.writelines(lines)
    (draft / "recovery.signal").touch()


def _give(place: Place, *folders: Path) -> None:
    for folder in folders:
        for path in (folder, *folder.rglob("*")):
            place.account.own(path, 0o700 if path.is_dir() else 0o600)


def _aside(place: Place) -> Path:
    count = 1
    while (other := place.home / f"data.before-{count}").exists():
        count += 1
    return other


async def _finish(server: EmbeddedPostgres, after: str) -> Recovered:
    database = await Database.open(server.admin_dsn(), max_size=1)
    try:
        async with database.acquire() as connection:
            last: Any = await connection.fetchval("SELECT pg_last_xact_replay_timestamp()")
            rows = await connection.fetch(
                "SELECT nspname AS name FROM pg_namespace WHERE to_regclass(format('%I.schema_version', nspname))"
                " IS NOT NULL ORDER BY 1"
            )
            tenants = tuple(row["name"] for row in rows)
            for name in tenants:
                async with connection.transaction():
                    await connection.execute(f'SET LOCAL search_path = "{name}"')
                    await connection.execute(after)
            for setting in _SETTINGS:
                await connection.execute(f"ALTER SYSTEM RESET {setting}")
            await connection.execute("CHECKPOINT")
    finally:
        await database.close()
    return Recovered(last, tenants)
