"""Backup and restore of one system's schema: one encrypted file, nothing half-written taken for one (I15, N2).

No plaintext touches a disk: pg_dump's output is encrypted as it comes, and decrypted into PostgreSQL's tools. The keys
that wrap what is personal (month keys) and the system's other secrets are never in it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from nakadachi import __version__
from nakadachi.kit import backup_file, postgres_dump
from nakadachi.kit.backup_file import SUFFIX, BackupError, Closer, Opener
from nakadachi.kit.clock import Clock
from nakadachi.kit.database import Database
from nakadachi.kit.entropy import Entropy
from nakadachi.kit.postgres_dump import Ask
from nakadachi.kit.postgres_tools import read_address

SYSTEM = "system"
"""The kind of backup that is one schema; the other kinds are a whole server's."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose backup: the node's name, its database's address, its clock and chance."""

    node: str
    dsn: str
    clock: Clock
    entropy: Entropy


@dataclass(frozen=True, slots=True)
class Kept:
    """A backup in a folder as its head describes it; `wrong` says why the head cannot be read."""

    path: Path
    facts: dict[str, Any]
    wrong: str = ""

    @property
    def node(self) -> str:
        """Whose it is; empty where the head cannot be read."""
        return str(self.facts.get("node", ""))

    @property
    def taken_at(self) -> str:
        """When it was taken: ISO 8601, UTC."""
        return str(self.facts.get("taken_at", ""))


async def take(subject: Subject, folder: Path, closers: Sequence[Closer], ask: Ask) -> Path:
    """Back up the schema as it is now into a new file in `folder`, for those of `closers`; `ask` adds to its head.

    Raises BackupError, DatabaseError, PostgresError; then no file is there.
    """
    database = await Database.open(subject.dsn, min_size=1, max_size=1)
    try:
        async with postgres_dump.moment(database, ask) as at:
            now = subject.clock.now()
            facts = {
                "kind": SYSTEM, "node": subject.node, "taken_at": now.isoformat(), "software": __version__, **at.facts,
            }  # fmt: skip
            path = folder / file_name(subject.node, now)

            def write() -> None:
                backup_file.clear_drafts(folder)
                with (
                    backup_file.create(path, facts, closers, subject.entropy) as writer,
                    postgres_dump.dumping(read_address(subject.dsn), at) as pieces,
                ):
                    for piece in pieces:
                        writer.write(piece)

            await asyncio.to_thread(write)
    finally:
        await database.close()
    return path


def file_name(node: str, moment: datetime) -> str:
    """The name of a backup: node and time, so that names sort by time."""
    return f"{node.replace(':', '-')}-{moment:%Y%m%dT%H%M%S.%fZ}{SUFFIX}"


def listing(folder: Path, node: str = "") -> list[Kept]:
    """The backups in `folder`, of one node or of all, oldest first. Raises BackupError where there is none."""
    if not folder.is_dir():
        raise BackupError(f"{folder}: is no folder; nakadachi backup makes it at its first backup")
    kept = []
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        try:
            kept.append(Kept(path, backup_file.read_facts(path)))
        except BackupError as wrong:
            kept.append(Kept(path, {}, str(wrong)))
    return sorted((one for one in kept if not node or one.node == node), key=lambda one: (one.taken_at, one.path))


def verify(path: Path, openers: Sequence[Opener]) -> dict[str, Any]:
    """See that a backup is whole, and that PostgreSQL's tools can read it to its end: what its head says.

    Raises BackupError, PostgresError.
    """
    facts = backup_file.read_facts(path)
    if facts.get("kind") == SYSTEM:
        postgres_dump.require_whole(backup_file.read(path, openers))
    else:
        backup_file.check(path, openers)
    return facts


def prune(folder: Path, newest: Path, openers: Sequence[Opener], *, keep: int) -> list[Path]:
    """Remove a node's oldest backups until `keep` are left, once `newest` is seen to be good: which were removed.

    Raises BackupError, PostgresError where `newest` is not good; then all stay.
    """
    facts = verify(newest, openers)
    same = [one for one in listing(folder, str(facts["node"])) if one.facts.get("kind") == facts.get("kind")]
    old = [one.path for one in same if one.path != newest]
    removed = old[: max(0, len(old) + 1 - max(1, keep))]
    for path in removed:
        path.unlink(missing_ok=True)
    return removed


async def restore(
    subject: Subject, path: Path, openers: Sequence[Opener], *, replace: bool = False, after: str = ""
) -> dict[str, Any]:
    """Put a backup into the node's schema, with the SQL `after` in the same transaction: what its head says.

    The whole file is checked before anything is touched. Raises BackupError for another node's backup, and where the
    schema is in use, or is not empty and `replace` is not given; then nothing has changed.
    """
    facts = await asyncio.to_thread(verify, path, openers)
    _require_of(facts, subject, path)
    database = await Database.open(subject.dsn, min_size=1, max_size=1)
    try:
        schema = await postgres_dump.schema_name(database)
        if schema != facts["schema"]:
            raise BackupError(f"{path}: is of schema {facts['schema']}, this database's is {schema}: name them alike")
        if (others := await postgres_dump.users(database)) > 0:
            raise BackupError(f"{others} connections of {subject.node} are open: stop the system, then restore")
        held = await postgres_dump.contents(database)
        if held and not replace:
            there = ", ".join(f"{name} ({rows})" for name, rows in held.items())
            raise BackupError(
                f"the schema {schema} is not empty; tables and their rows: {there}. With --replace all of it is"
                " destroyed, and the backup put in its place"
            )
    finally:
        await database.close()
    pieces = backup_file.read(path, openers)
    await asyncio.to_thread(postgres_dump.put_back, read_address(subject.dsn), schema, pieces, after=after)
    return facts


def _require_of(facts: dict[str, Any], subject: Subject, path: Path) -> None:
    if facts.get("kind") != SYSTEM:
        raise BackupError(f"{path}: is a backup of a whole server: nakadachi restore-server takes it")
    if facts.get("node") != subject.node:
        raise BackupError(f"{path}: is a backup of {facts.get('node')}, not of {subject.node}")
