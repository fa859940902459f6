"""The commands for a whole PostgreSQL server: base backups, the write-ahead log archive, and any point in time."""

from __future__ import annotations

import asyncio
import contextlib
import os
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nakadachi.cli.ending import ending, stop
from nakadachi.cli.serve import SIGNALS, run

if TYPE_CHECKING:
    from nakadachi.kit.backup_file import Opener
    from nakadachi.kit.backup_keys import OwnKey

State = Annotated[
    Path | None, typer.Option("--state", help="The state folder of `nakadachi up`: its server.", file_okay=False)
]
Address = Annotated[
    Path | None, typer.Option("--database", help="A file with the address of a server and a user who may replicate.")
]
Keys = Annotated[
    Path, typer.Option("--keys", help="The key store of the server's backups; made if missing.", file_okay=False)
]
Unlock = Annotated[Path, typer.Option("--unlock", help="The file that unlocks it; made if both are missing.")]
Holder = Annotated[list[Path] | None, typer.Option("--holder", help="A holder's public key: may open it too.")]
SEAL_SECONDS = 1.0


def server(
    *,
    to: Annotated[Path, typer.Option("--to", help="The folder that base backups go to.", file_okay=False)],
    keys: Keys,
    unlock: Unlock,
    state: State = None,
    database: Address = None,
    holder: Holder = None,
) -> None:
    """Take a base backup of a whole server (ベースバックアップ), from which `restore-server` goes to any later time."""
    from nakadachi.kit import backup_file, postgres_archive
    from nakadachi.kit.clock import SystemClock
    from nakadachi.kit.entropy import SystemEntropy

    with ending(*_errors()):
        own = _own(keys, unlock)
        closers = (own, *_public(holder))
        work = postgres_archive.base(_dsn(state, database), to.absolute(), closers, SystemClock(), SystemEntropy())
        path: Path = run(work)
        backup_file.check(path, (own,))
    typer.echo(f"{path}  {path.stat().st_size} bytes, verified")


def wal(
    *,
    to: Annotated[Path, typer.Option("--to", help="The folder of the archive.", file_okay=False)],
    spool: Annotated[Path, typer.Option("--spool", help="Where the segment in work lies, unencrypted.")],
    keys: Keys,
    unlock: Unlock,
    state: State = None,
    database: Address = None,
    holder: Holder = None,
    demand: Annotated[
        bool | None,
        typer.Option("--demand/--no-demand", help="Let no transaction commit before the spool has it; or no longer."),
    ] = None,
) -> None:
    """Archive a server's write-ahead log (WALアーカイブ) as it is written, until Ctrl-C or SIGTERM.

    With --demand nothing that was answered can be lost, and nothing is answered while this command does not run.
    """
    with ending(*_errors()):
        closers = (_own(keys, unlock), *_public(holder))
        run(_archive(_dsn(state, database), spool.absolute(), to.absolute(), (closers, demand)))


async def _archive(dsn: str, spool: Path, to: Path, how: tuple[tuple[Any, ...], bool | None]) -> None:
    from nakadachi.kit import postgres_archive
    from nakadachi.kit.entropy import SystemEntropy
    from nakadachi.kit.postgres_files import PostgresError

    closers, demand = how
    ended, loop = asyncio.Event(), asyncio.get_running_loop()
    for one in SIGNALS:
        loop.add_signal_handler(one, ended.set)
    if demand is False:
        await postgres_archive.demand(dsn, on=False)
    async with postgres_archive.receiving(dsn, spool) as receiver:
        if demand:
            await postgres_archive.demand(dsn, on=True)
        typer.echo(f"receives into {spool}; complete segments go to {to}; Ctrl-C ends it")
        while not ended.is_set():
            await asyncio.to_thread(postgres_archive.put_away, spool, to, closers, SystemEntropy())
            if receiver.process.poll() is not None:
                raise PostgresError(f"the write-ahead log is received no more: {receiver.said()}")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(ended.wait(), SEAL_SECONDS)


def restore_server(
    *,
    state: Annotated[Path, typer.Option("--state", help="The state folder whose server is built.", file_okay=False)],
    base: Annotated[Path, typer.Option("--base", help="A base backup, or a folder: its newest one that fits.")],
    archive: Annotated[Path, typer.Option("--wal", help="The folder of the archive.", file_okay=False)],
    spool: Annotated[Path | None, typer.Option("--spool", help="The spool with the last segments.")] = None,
    keys: Annotated[Path | None, typer.Option("--keys", help="The key store of the server's backups.")] = None,
    unlock: Annotated[Path | None, typer.Option("--unlock", help="The file that unlocks it.")] = None,
    holder_key: Annotated[Path | None, typer.Option("--holder-key", help="Or a holder's private key.")] = None,
    at: Annotated[str, typer.Option("--at", help="Up to this time, such as 2026-11-21T10:00:00+09:00.")] = "",
    replace: Annotated[bool, typer.Option("--replace", help="Set the data that are there aside.")] = False,
) -> None:
    """Build a whole server anew (ポイントインタイムリカバリ): as it was at a time, or at the end of its archive.

    Logs of a core are closed: it goes on under a new origin (`nakadachi core new-origin`).
    """
    from nakadachi.kit.postgres_recovery import Sources, newest_base, recover
    from nakadachi.ledger.epochs import CLOSING

    moment = _moment(at)
    with ending(*_errors()):
        openers = _openers(keys, unlock, holder_key)
        chosen = newest_base(base, moment) if base.is_dir() else base
        sources = Sources(chosen, archive, spool, openers)
        done = run(recover(state, sources, at=moment, replace=replace, after=CLOSING))
    typer.echo(
        f"復元しました / restored from {chosen.name}; its last transaction: {done.last or 'none after the base'}\n"
        f"systems: {', '.join(done.tenants)}\nA core among them needs a new origin: nakadachi core new-origin --help"
    )


def open_(
    *,
    file: Annotated[Path, typer.Option("--from", help="The backup.", dir_okay=False)],
    to: Annotated[Path, typer.Option("--to", help="The file to write: it is not encrypted any more.")],
    config: Annotated[Path | None, typer.Option("--config", help="The configuration of the system it is of.")] = None,
    keys: Annotated[Path | None, typer.Option("--keys", help="Or the key store of the server's backups.")] = None,
    unlock: Annotated[Path | None, typer.Option("--unlock", help="The file that unlocks it.")] = None,
    holder_key: Annotated[Path | None, typer.Option("--holder-key", help="Or a holder's private key.")] = None,
) -> None:
    """Decrypt a backup (復号), for PostgreSQL's own tools: a dump for pg_restore, a tar file, a segment."""
    from nakadachi.cli.backup import openers
    from nakadachi.kit import backup_file, postgres_archive

    with ending(*_errors(), OSError):
        keyed = openers(config, None) if config is not None else _openers(keys, unlock, holder_key)
        kind = backup_file.read_facts(file).get("kind")
        how = postgres_archive.open_base if kind != "system" else backup_file.read
        with os.fdopen(os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            for piece in how(file, keyed):
                out.write(piece)
    typer.echo(f"{to}: not encrypted; remove it when you are done")


def _errors() -> tuple[type[Exception], ...]:
    from nakadachi.cli.backup import errors

    return errors()


def _dsn(state: Path | None, database: Path | None) -> str:
    from nakadachi.kit.postgres import EmbeddedPostgres
    from nakadachi.node import read_file

    if database is not None and state is None:
        return read_file(database).decode().strip()
    if state is None or database is not None:
        stop("either --state or --database is needed: which server")
    embedded = EmbeddedPostgres(state)
    if not embedded.locate().data.exists():
        stop(f"{state}: no server of `nakadachi up` was ever there")
    return embedded.admin_dsn()


def _own(keys: Path, unlock: Path) -> OwnKey:
    from nakadachi.kit.backup_keys import own_key
    from nakadachi.kit.entropy import SystemEntropy
    from nakadachi.kit.keystore import FileKeyStore

    entropy = SystemEntropy()
    if not keys.exists() and not unlock.exists():
        keys.mkdir(parents=True, mode=0o700)
        with os.fdopen(os.open(unlock, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(entropy.bytes(32))
    return own_key(FileKeyStore(keys, unlock, entropy), entropy)


def _openers(keys: Path | None, unlock: Path | None, holder_key: Path | None) -> tuple[Opener, ...]:
    from nakadachi.kit.backup_keys import read_private

    if holder_key is not None:
        return (read_private(holder_key),)
    if keys is None or unlock is None:
        stop("--keys and --unlock, or --holder-key: something must open the backup")
    return (_own(keys, unlock),)


def _public(holder: list[Path] | None) -> tuple[Any, ...]:
    from nakadachi.kit.backup_keys import read_public

    return tuple(read_public(one) for one in holder or ())


def _moment(text: str) -> datetime | None:
    if not text:
        return None
    with ending(ValueError):
        moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        stop(f"--at {text}: give its zone too, such as {text}+09:00")
    return moment


def add_to(app: typer.Typer, group: typer.Typer) -> None:
    """The commands of `backup` for a server, and the one that builds a server."""
    where = "--state .state/country --keys keys --unlock unlock"
    group.command(epilog=f"\b\nExample: nakadachi backup server {where} --to /backups")(server)
    group.command(epilog=f"\b\nExample: nakadachi backup wal {where} --spool /spool --to /wal --demand")(wal)
    group.command("open", epilog="\b\nExample: nakadachi backup open --from x.backup --to x.tar --holder-key p.pem")(
        open_
    )
    example = "--state .state/country --base /backups --wal /wal --spool /spool --keys keys --unlock unlock"
    app.command("restore-server", epilog=f"\b\nExample: nakadachi restore-server {example}")(restore_server)
