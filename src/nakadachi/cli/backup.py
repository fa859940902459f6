"""The commands `backup` and `restore` of one system: on demand, by schedule, and back again; they know no table."""

from __future__ import annotations

import json
import time
import tomllib
from collections.abc import Coroutine
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nakadachi.cli import server_backup
from nakadachi.cli.ending import IN_PART, command_group, ending, stop
from nakadachi.cli.serve import KINDS, run, start_errors

if TYPE_CHECKING:
    from nakadachi.kit.backup import Subject
    from nakadachi.kit.backup_file import Opener
    from nakadachi.kit.backup_keys import OwnKey
    from nakadachi.kit.backup_schedule import Schedule
    from nakadachi.node import NodeConfig

Config = Annotated[Path, typer.Option("--config", help="The system's configuration, as its `serve` takes it.")]
HolderKey = Annotated[
    Path | None, typer.Option("--holder-key", help="Open it with a holder's private key, not with the system's own.")
]
POLL_SECONDS = 30.0

group = command_group("Back up one system into one encrypted file (バックアップ); list and verify such files.")


@group.callback(
    invoke_without_command=True,
    epilog="\b\nExample: nakadachi backup --config core.toml --to /backups --holder holder.public.pem"
    "\nExample: nakadachi backup --config core.toml --to /backups --every 24h --keep 14",
)
def backup(
    context: typer.Context,
    *,
    config: Annotated[Path | None, typer.Option("--config", help="The system's configuration.")] = None,
    to: Annotated[Path | None, typer.Option("--to", help="The folder that backups go to.", file_okay=False)] = None,
    holder: Annotated[
        list[Path] | None, typer.Option("--holder", help="A holder's public key: may open it too.")
    ] = None,
    every: Annotated[str, typer.Option("--every", help="Go on, one backup per span: 30m, 24h, 7d.")] = "",
    at: Annotated[str, typer.Option("--at", help="Go on, one backup a day at this time of Japan: 03:30.")] = "",
    keep: Annotated[int, typer.Option("--keep", help="Remove the oldest beyond so many; 0 keeps all.", min=0)] = 0,
) -> None:
    """Back up one system (バックアップ): now, or again and again with --every or --at."""
    if context.invoked_subcommand is not None:
        return
    if config is None or to is None:
        stop("--config and --to are needed: whose backup, and into which folder")
    from nakadachi.kit.backup_keys import read_public

    schedule = _schedule(every, at)
    with ending(*errors()):
        subject, own = _subject(config)
        closers = (own, *(read_public(one) for one in holder or ()))
        if schedule is None:
            _take(subject, to.absolute(), closers, keep)
        else:
            _go_on(subject, to.absolute(), closers, (keep, schedule))


@group.command("list", epilog="\b\nExample: nakadachi backup list --in /backups")
def list_(
    *,
    folder: Annotated[Path, typer.Option("--in", help="The folder of the backups.", file_okay=False)],
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON, for programs.")] = False,
) -> None:
    """List the backups in a folder (一覧). What is listed was not verified."""
    from nakadachi.kit.backup import listing

    with ending(*errors()):
        found = listing(folder)
    if as_json:
        words = [{"file": one.path.name, "bytes": _size(one.path), "wrong": one.wrong, **one.facts} for one in found]
        typer.echo(json.dumps(words, ensure_ascii=False))
        return
    for one in found:
        said = one.wrong or f"{one.taken_at}  {one.node or one.facts.get('kind', '')}"
        typer.echo(f"{said}  {_size(one.path):>12} bytes  {one.path.name}")
    if not found:
        typer.echo("まだありません / there is no backup in this folder")


@group.command(epilog="\b\nExample: nakadachi backup verify --from /backups/core-….backup --config core.toml")
def verify(
    *,
    file: Annotated[Path, typer.Option("--from", help="The backup.", dir_okay=False)],
    config: Annotated[
        Path | None, typer.Option("--config", help="The system's configuration: its key opens it.")
    ] = None,
    holder_key: HolderKey = None,
) -> None:
    """Read a backup to its end (検証): is it whole, unchanged, readable by PostgreSQL's tools? Ends with 1 if not."""
    from nakadachi.kit import backup as kit
    from nakadachi.kit.backup_file import BackupError
    from nakadachi.kit.postgres_files import PostgresError

    with ending(*errors()):
        keyed = openers(config, holder_key)
    with ending(BackupError, PostgresError, status=IN_PART):
        facts = kit.verify(file, keyed)
    typer.echo(json.dumps(facts, ensure_ascii=False))
    typer.echo("検証できました / verified")


@group.command("new-holder", epilog="\b\nExample: nakadachi backup new-holder --to /media/usb --name vault")
def new_holder(
    *,
    to: Annotated[Path, typer.Option("--to", help="The folder of the two files.", file_okay=False)],
    name: Annotated[str, typer.Option("--name", help="How the files are named.")] = "holder",
) -> None:
    """Make the key pair of an off-line holder. Do it where the private key shall stay, which no system needs."""
    from nakadachi.kit.backup_keys import new_holder as make

    with ending(*errors()):
        public, private = make(to, name)
    typer.echo(f"public, for --holder:       {public}\nprivate, kept off-line:     {private}")


def restore(
    *,
    config: Config,
    file: Annotated[Path, typer.Option("--from", help="The backup.", dir_okay=False)],
    holder_key: HolderKey = None,
    replace: Annotated[bool, typer.Option("--replace", help="Destroy what the schema holds now.")] = False,
    state: Annotated[
        Path | None, typer.Option("--state", help="Start the server of this state folder of `nakadachi up` for it.")
    ] = None,
) -> None:
    """Restore one system from a backup (復元), whole or not at all; the system must not run.

    Its schema must be empty, or --replace given. A core's log is closed: it goes on under a new origin.
    """
    from nakadachi.kit import backup as kit
    from nakadachi.ledger.epochs import CLOSING

    with ending(*errors()):
        subject, _ = _subject(config)
        keyed = openers(config, holder_key)
        work = kit.restore(subject, file.absolute(), keyed, replace=replace, after=CLOSING)
        facts = run(with_server(state, work))
    typer.echo(f"復元しました / restored: {facts['node']} as of {facts['taken_at']}")
    if logs := facts.get("logs"):
        typer.echo(
            f"The log {', '.join(logs)} is closed: others may have seen more of it than is here."
            f"\nNext: nakadachi core new-origin --config {config} --origin <name never used before>"
        )


async def with_server(state: Path | None, work: Coroutine[Any, Any, Any]) -> Any:
    """Do `work` while the embedded server below `state` runs; where there is no `state`, another server is there."""
    from nakadachi.kit.postgres import embedded

    if state is None:
        return await work
    try:
        async with embedded(state, environment={}):
            return await work
    finally:
        work.close()  # where the server did not start


def errors() -> tuple[type[Exception], ...]:
    """What keeps a backup or a restore from being done and is a person's to mend."""
    from nakadachi.kit.backup_file import BackupError

    return *start_errors(), BackupError


def node_of(config: Path) -> NodeConfig:
    """The common part of any system's configuration. Raises ConfigError."""
    from nakadachi.kit.config import ConfigError, load

    try:
        name = str(tomllib.loads(config.read_text(encoding="utf-8"))["node"]["name"])
    except (OSError, ValueError, KeyError, TypeError):
        name = ""
    kinds = [kind for kind in KINDS if name.startswith(f"{kind.command}:")]
    if not kinds:
        raise ConfigError(f"{config}: names no system: node.name must be <role>:<organisation code>")
    found: NodeConfig = load(config, kinds[0].configuration()).node
    return found


def _subject(config: Path) -> tuple[Subject, OwnKey]:
    """Whose backup, and the system's own backup key."""
    from nakadachi.kit.backup import Subject
    from nakadachi.kit.backup_keys import own_key
    from nakadachi.node import World, open_keys, read_file

    node, world = node_of(config), World()
    dsn = read_file(node.database).decode().strip()
    own = own_key(open_keys(node, world), world.entropy)
    return Subject(node.name.value, dsn, world.clock, world.entropy), own


def openers(config: Path | None, holder_key: Path | None) -> tuple[Opener, ...]:
    """Who opens a backup of one system: a holder's private key, else the system's own."""
    from nakadachi.kit.backup_keys import read_private

    if holder_key is not None:
        return (read_private(holder_key),)
    if config is None:
        stop("--config or --holder-key is needed: something must open the backup")
    return (_subject(config)[1],)


def _take(subject: Subject, folder: Path, closers: tuple[Any, ...], keep: int) -> None:
    from nakadachi.kit import backup as kit
    from nakadachi.ledger import epochs

    path: Path = run(kit.take(subject, folder, closers, epochs.facts))
    own = closers[:1]
    gone = kit.prune(folder, path, own, keep=keep) if keep else []
    if not keep:
        kit.verify(path, own)
    typer.echo(f"{path}  {_size(path)} bytes, verified" + (f"; {len(gone)} old ones removed" if gone else ""))


def _go_on(subject: Subject, folder: Path, closers: tuple[Any, ...], plan: tuple[int, Schedule]) -> None:
    """One backup after the other until a signal; what fails is said, and tried again."""
    keep, schedule = plan
    due = schedule.due(_newest(folder, subject.node), subject.clock.now())
    while True:
        while (now := subject.clock.now()) < due:
            time.sleep(min(POLL_SECONDS, (due - now).total_seconds()))
        try:
            _take(subject, folder, closers, keep)
            due = schedule.due(subject.clock.now(), subject.clock.now())
        except errors() as wrong:
            typer.echo(f"nakadachi: no backup was taken: {wrong}", err=True)
            due = schedule.again(subject.clock.now())


def _newest(folder: Path, node: str) -> datetime | None:
    from nakadachi.kit.backup import listing

    taken = [datetime.fromisoformat(one.taken_at) for one in listing(folder, node)] if folder.is_dir() else []
    return max(taken, default=None)


def _schedule(every: str, at: str) -> Schedule | None:
    from nakadachi.kit.backup_schedule import Schedule, clock_time, span

    if every and at:
        stop("--every and --at exclude each other: give one of them")
    with ending(ValueError):
        if every:
            return Schedule(span(every))
        return Schedule(span("1d"), clock_time(at)) if at else None


def _size(path: Path) -> int:
    return path.stat().st_size


def add_to(app: typer.Typer) -> None:
    """The group and its counterpart."""
    server_backup.add_to(app, group)
    app.add_typer(group, name="backup")
    app.command(epilog="\b\nExample: nakadachi restore --config core.toml --from /backups/core-….backup")(restore)
