"""The commands of the registry's stand-in (住民基本台帳): apply events, show a history, say how much there is.

A person's codes and values are read from files, standard input or a prompt, never from the command line, where every
process of the machine could read them.
"""

from __future__ import annotations

import csv
import io
import json
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nakadachi.cli.ending import IN_PART, ending, stop
from nakadachi.cli.serve import run, start_errors

if TYPE_CHECKING:
    from nakadachi.kit.database import Database
    from nakadachi.neighbours.register import Done, Register

AT_ONCE = 1000
STANDARD_INPUT = Path("-")

Config = Annotated[Path, typer.Option("--config", help="The registry's configuration, as `registry serve` takes it.")]
State = Annotated[
    Path | None, typer.Option("--state", help="A state folder of `nakadachi up` that does not run: starts its server.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print it as JSON, for programs.")]
Work = Callable[["Register", "Database"], Awaitable[Any]]


def with_register(config: Path, state: Path | None, work: Work) -> Any:
    """Do `work` with the register that a configuration names. What a person can mend ends the command with its text."""
    from nakadachi.cli.backup import with_server

    with ending(*start_errors(), ValueError):
        return run(with_server(state, _opened(config, work)))


async def _opened(config: Path, work: Work) -> Any:
    from nakadachi.kit.config import load
    from nakadachi.kit.database import Database
    from nakadachi.kit.migrations import migrate, read_migrations
    from nakadachi.neighbours.registry import RegistryConfig, register_of
    from nakadachi.node import World, open_keys, read_file

    read = load(config, RegistryConfig)
    node, world = read.node, World()
    register = register_of(open_keys(node, world), world.entropy, certified=read.jpki is not None)
    database = await Database.open(read_file(node.database).decode().strip(), max_size=2)
    try:
        await migrate(database, read_migrations("nakadachi.neighbours", part="registry", folder="migrations"))
        return await work(register, database)
    finally:
        await database.close()


def apply(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV of events, UTF-8; - reads standard input.")],
    *,
    config: Config,
    state: State = None,
    rejected: Annotated[Path | None, typer.Option("--rejected", help="Write refused lines and why here.")] = None,
) -> None:
    """Apply events (異動の処理): births, moves, names, corrections, deaths, new codes and numbers.

    A file may be applied again: an event that is known has no effect twice. Lines that are wrong are refused each by
    itself, and the exit status is then 1; the rest is applied, a thousand at a time. A running registry tells the
    core, and the certification service where one is configured.
    """
    with ending(OSError, ValueError):
        lines = list(_read(file))
    if not lines:
        typer.echo(f"{file} holds no events; nothing was done.")
        return

    async def work(register: Register, database: Database) -> list[Done]:
        return await _apply(register, database, lines)

    done: list[Done] = with_register(config, state, work)
    counts = Counter(one.state for one in done)
    typer.echo(
        f"{len(done)} events: {counts['applied']} applied, {counts['ahead']} kept until their day,"
        f" {counts['known']} known before, {counts['wrong']} refused."
    )
    wrong = [(place, one) for place, one in enumerate(done, 2) if one.state == "wrong"]
    if not wrong:
        return
    if rejected is not None:
        _write_rejected(rejected, wrong)
    for place, one in wrong[:10]:
        print(f"line {place}: {one.why}", file=sys.stderr)
    if len(wrong) > 10:
        print(f"… and {len(wrong) - 10} more; --rejected FILE takes them all", file=sys.stderr)
    raise typer.Exit(IN_PART)


def _read(file: Path) -> Iterator[Mapping[str, str | None]]:
    """The lines of a file of events. Raises OSError, ValueError."""
    text = sys.stdin.read() if file == STANDARD_INPUT else file.read_text(encoding="utf-8-sig")
    try:
        yield from csv.DictReader(io.StringIO(text, newline=""), restkey="more", strict=True)
    except csv.Error:
        raise ValueError(f"{file} is no CSV file; write it as UTF-8 with commas and a first line of columns") from None


async def _apply(register: Register, database: Database, lines: list[Mapping[str, str | None]]) -> list[Done]:
    from nakadachi.cli.tables import console
    from nakadachi.kit.clock import SystemClock
    from nakadachi.neighbours.register import apply_lines
    from nakadachi.terms import japan_day

    clock, done = SystemClock(), list["Done"]()
    with console(stderr=True).status("applying") as shown:
        for start in range(0, len(lines), AT_ONCE):
            now = clock.now()
            async with database.transaction() as connection:
                done += await apply_lines(register, connection, lines[start : start + AT_ONCE], now, japan_day(now))
            shown.update(f"{len(done)} of {len(lines)} events")
    return done


def _write_rejected(path: Path, wrong: list[tuple[int, Done]]) -> None:
    with ending(OSError), path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("line", "event", "why"))
        writer.writerows((place, one.event, one.why) for place, one in wrong)


def event(
    kind: Annotated[
        str,
        typer.Argument(
            metavar="KIND",
            help="birth, move-in, move, move-out, name, correction, code, number, death or death-undone.",
        ),
    ],
    *,
    config: Config,
    at: Annotated[str, typer.Option("--at", help="The day it happened: 2026-04-01.")],
    number: Annotated[str, typer.Option("--event", help="Its own number; the same one has no effect twice.")],
    state: State = None,
) -> None:
    """Apply one event (異動の届出). The person's code and values are asked for, or read line by line from a pipe."""
    from nakadachi.neighbours.events import MAY_SAY, NEEDS, Kind

    try:
        chosen = Kind(kind)
    except ValueError:
        stop(f"{kind!r} is no kind of event; there are {', '.join(Kind)}")
    says = sorted(NEEDS.get(chosen, set()) | MAY_SAY.get(chosen, set()))
    line: dict[str, str | None] = {"event": number, "kind": kind, "at": at}
    for name in ("code", *says):
        line[name] = typer.prompt(name, default="", show_default=False, err=True)

    async def work(register: Register, database: Database) -> list[Done]:
        return await _apply(register, database, [line])

    (done,) = with_register(config, state, work)
    if done.state == "wrong":
        stop(done.why, IN_PART)
    said = {"applied": "applied", "ahead": "kept until its day", "known": "known before; nothing was done again"}
    typer.echo(f"{number}: {said[done.state]}.")


def history(*, config: Config, state: State = None, as_json: AsJson = False) -> None:
    """Show what happened to a resident (履歴) and every Individual Number they had.

    It asks for the resident record code.
    """
    from nakadachi.neighbours import event_store

    code = typer.prompt("resident record code", default="", show_default=False, err=True).strip()

    async def work(_register: Register, database: Database) -> tuple[Any, Any]:
        async with database.acquire() as connection:
            return await event_store.history(connection, code), await event_store.numbers_of(connection, code)

    events, numbers = with_register(config, state, work)
    if not events and not numbers:
        stop("nobody has, or had, this resident record code", IN_PART)
    if as_json:
        past = [{"event": one.event, "kind": one.kind, "at": one.at, "before": one.before} for one in events]
        given = [{"number": number, "since": since, "until": until} for number, since, until in numbers]
        typer.echo(json.dumps({"events": past, "numbers": given}, default=str, ensure_ascii=False))
        return
    for one in events:
        before = ", ".join(f"{name} {value}" for name, value in one.before.items())
        typer.echo(f"{one.at}  {one.kind:12}  {one.event}" + (f"  before: {before}" if before else ""))
    if not events:
        typer.echo("No events: as registered at first.")
    for number, since, until in numbers:
        typer.echo(f"{number}  from {since or 'the first'}" + (f" to {until}" if until else "  valid"))


def figures(*, config: Config, state: State = None, as_json: AsJson = False) -> None:
    """Say how many residents and events there are (概況), and what others are still to be told."""
    from nakadachi.neighbours import event_store

    async def work(_register: Register, database: Database) -> dict[str, int]:
        async with database.acquire() as connection:
            return await event_store.figures(connection)

    found = with_register(config, state, work)
    if as_json:
        typer.echo(json.dumps(found))
        return
    for name, text in _FIGURES.items():
        typer.echo(f"{found[name]:>12}  {text}")


def holder(*, config: Config, state: State = None) -> None:
    """Show by which reference the certification service (公的個人認証) knows a resident (利用者の参照).

    A counter needs it to apply for a certificate. It asks for the resident record code. The configuration must name the
    service, under [jpki].
    """
    from nakadachi.neighbours import certificate_store
    from nakadachi.neighbours.certificate_telling import holder_of_person

    code = typer.prompt("resident record code", default="", show_default=False, err=True).strip()

    async def work(register: Register, database: Database) -> tuple[bytes | None, int | None]:
        async with database.acquire() as connection:
            return register.holders, await certificate_store.person_of(connection, code)

    secret, person = with_register(config, state, work)
    if secret is None:
        stop(f"{config}: names no certification service; add [jpki], as `registry sample-config` shows it")
    if person is None:
        stop("nobody has, or had, this resident record code", IN_PART)
    typer.echo(holder_of_person(secret, person).value)


_FIGURES = {
    "residents": "residents (住民)",
    "dead": "registered as dead (死亡)",
    "abroad": "gone abroad (国外転出)",
    "events": "events (異動)",
    "ahead": "events of a day to come",
    "refused": "events that turned out wrong on their day",
    "untold": "changes that the core is still to be told",
    "certificates": "changes that the certification service (公的個人認証) is still to be told",
}
_HOW = "--config registry.toml"


def add_to(group: typer.Typer) -> None:
    """The commands beside `registry serve`."""
    group.command(epilog=f"\b\nExample: nakadachi registry apply events.csv {_HOW}")(apply)
    group.command(epilog=f"\b\nExample: nakadachi registry event move --at 2026-04-01 --event E-17 {_HOW}")(event)
    group.command(epilog=f"\b\nExample: nakadachi registry history {_HOW}")(history)
    group.command(epilog=f"\b\nExample: nakadachi registry figures {_HOW}")(figures)
    group.command(epilog=f"\b\nExample: nakadachi registry holder {_HOW}")(holder)
