"""A whole server's backup for any point in time: base backups, and its write-ahead log as it is written (N2).

A base backup is one encrypted file. The write-ahead log is received by pg_receivewal: segments that are complete become
encrypted files; the one that is being written lies in the spool folder in the clear, as it does in the server's own.
With `demand` no transaction commits before the spool has it on disk: then nothing is lost after the last answered
telegram, and nothing is answered while nobody receives.
"""

from __future__ import annotations

import asyncio
import re
import zlib
from collections.abc import Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from nakadachi import __version__
from nakadachi.kit import backup_file
from nakadachi.kit.backup_file import SUFFIX, BackupError, Closer, Opener
from nakadachi.kit.clock import Clock
from nakadachi.kit.database import Database
from nakadachi.kit.entropy import Entropy
from nakadachi.kit.postgres_files import PostgresError
from nakadachi.kit.postgres_tools import Tool, find_tool, read_address, running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SERVER, WAL = "server", "wal"
RECEIVER = "nakadachi_archive"
"""The receiver's name at the server, and its replication slot's: the server keeps what the slot has not received."""
SEGMENT = re.compile(r"[0-9A-F]{24}|[0-9A-F]{8}\.history")
PIECE_BYTES = 1 << 18
_STREAMS_SECONDS, _POLL_SECONDS = 30.0, 0.1


async def base(dsn: str, folder: Path, closers: Sequence[Closer], clock: Clock, entropy: Entropy) -> Path:
    """A base backup of the server at `dsn`, whose user may replicate, into a new file in `folder`.

    Raises BackupError, DatabaseError, PostgresError; then no file is there.
    """
    version, number = await _version(dsn)
    now = clock.now()
    facts = {"kind": SERVER, "taken_at": now.isoformat(), "software": __version__, "postgresql": version}
    path = folder / f"server-{now:%Y%m%dT%H%M%S.%fZ}{SUFFIX}"
    address = read_address(dsn)
    command: list[str | Path] = [
        find_tool("pg_basebackup", at_least=number), "--pgdata=-", "--format=tar", "--wal-method=fetch",
        "--checkpoint=fast", "--no-password", f"--dbname={address.url}",
    ]  # fmt: skip

    def write() -> None:
        backup_file.clear_drafts(folder)
        with (
            backup_file.create(path, facts, closers, entropy) as writer,
            running(command, address.environment) as tool,
        ):
            squeeze = zlib.compressobj(1)
            while piece := tool.out.read(PIECE_BYTES):
                writer.write(squeeze.compress(piece))
            writer.write(squeeze.flush())
            tool.require_done()

    await asyncio.to_thread(write)
    return path


def open_base(path: Path, openers: Sequence[Opener]) -> Iterator[bytes]:
    """A base backup as the tar file it was, in pieces of at most PIECE_BYTES. Raises BackupError."""
    stretch = zlib.decompressobj()
    with _checked(path.name):
        for piece in backup_file.read(path, openers):
            # A small piece may stretch a thousandfold: what is not given out yet stays compressed.
            yield stretch.decompress(piece, PIECE_BYTES)
            while stretch.unconsumed_tail and not stretch.eof:
                yield stretch.decompress(stretch.unconsumed_tail, PIECE_BYTES)
        while rest := stretch.decompress(b"", PIECE_BYTES):
            yield rest
        if not stretch.eof:
            raise zlib.error("cut short")


@asynccontextmanager
async def receiving(dsn: str, spool: Path) -> AsyncIterator[Tool]:
    """Receive the server's write-ahead log into `spool` for the time of the block; it streams when the block begins.

    Raises BackupError, DatabaseError, PostgresError.
    """
    _, number = await _version(dsn)
    address = read_address(_named(dsn))
    try:
        spool.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as wrong:
        raise BackupError(f"{spool}: cannot be made: {wrong.strerror}") from wrong
    tool = find_tool("pg_receivewal", at_least=number)
    slot: list[str | Path] = [tool, f"--slot={RECEIVER}", "--no-password", f"--dbname={address.url}"]
    with running([*slot, "--create-slot", "--if-not-exists"], address.environment) as made:
        await asyncio.to_thread(made.require_done)
    with running([*slot, f"--directory={spool}", "--synchronous"], address.environment) as receiver:
        await _until_it_streams(dsn, receiver)
        yield receiver


async def _until_it_streams(dsn: str, receiver: Tool) -> None:
    query = "SELECT true FROM pg_stat_replication WHERE application_name = $1 AND state = 'streaming'"
    database = await Database.open(dsn, max_size=1)
    try:
        for _ in range(int(_STREAMS_SECONDS / _POLL_SECONDS)):
            async with database.acquire() as connection:
                if await connection.fetchval(query, RECEIVER):
                    return
            if receiver.process.poll() is not None:
                break
            await asyncio.sleep(_POLL_SECONDS)
    finally:
        await database.close()
    raise PostgresError(f"the write-ahead log is not received: {receiver.said()}")


async def demand(dsn: str, *, on: bool) -> None:
    """From now on (or no longer) no transaction commits before the receiver has it on disk. Raises DatabaseError."""
    database = await Database.open(dsn, max_size=1)
    change = f"SET synchronous_standby_names = '{RECEIVER}'" if on else "RESET synchronous_standby_names"
    try:
        async with database.acquire() as connection:
            await connection.execute(f"ALTER SYSTEM {change}")
            await connection.execute("SELECT pg_reload_conf()")
    finally:
        await database.close()


def put_away(spool: Path, archive: Path, closers: Sequence[Closer], entropy: Entropy) -> list[str]:
    """Make encrypted files in `archive` of the complete segments in `spool`, and remove them there: which.

    What an interrupted call left is done again. Raises BackupError.
    """
    done = []
    for path in sorted(spool.iterdir()):
        if not SEGMENT.fullmatch(path.name):
            continue
        target = archive / f"{path.name}{SUFFIX}"
        if not target.exists():
            backup_file.clear_drafts(archive)
            with backup_file.create(target, {"kind": WAL, "segment": path.name}, closers, entropy) as writer:
                writer.write(zlib.compress(path.read_bytes(), 1))
        path.unlink()
        done.append(path.name)
    return done


@contextmanager
def _checked(name: str) -> Iterator[None]:
    """A compressed content that does not open is told as a backup that is not whole."""
    try:
        yield
    except zlib.error as wrong:
        raise BackupError(f"{name}: its content does not open: take another backup") from wrong


def open_segment(path: Path, openers: Sequence[Opener]) -> bytes:
    """A segment as the server wrote it. Raises BackupError."""
    with _checked(path.name):
        return zlib.decompress(b"".join(backup_file.read(path, openers)))


async def _version(dsn: str) -> tuple[str, int]:
    database = await Database.open(dsn, max_size=1)
    try:
        async with database.acquire() as connection:
            version = str(await connection.fetchval("SHOW server_version"))
            number = int(await connection.fetchval("SHOW server_version_num"))
    finally:
        await database.close()
    return version, number // 10000


def _named(dsn: str) -> str:
    """The address with the receiver's name in it, by which the server knows whom it waits for."""
    parts = urlsplit(dsn)
    query = f"{parts.query}&application_name={RECEIVER}" if parts.query else f"application_name={RECEIVER}"
    return urlunsplit(parts._replace(query=query))
