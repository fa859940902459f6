"""The desk's commands about links and changes (符号の状態, 変更通知; C8, C17). Each asks the intermediate server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from enum import StrEnum
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from nakadachi.cli.desk import AsJson, Desk, at_desk, print_json
from nakadachi.cli.ending import IN_PART, command_group, stop
from nakadachi.telegrams.link import LinkChange, Scope

if TYPE_CHECKING:
    from nakadachi.desk.answers import Linked, Loaded
    from nakadachi.desk.client import DeskClient

People = Annotated[
    str,
    typer.Argument(metavar="FILE_OR_ADDRESSEE", help="宛名番号: one addressee number, or a file with one per line."),
]
From = Annotated[
    datetime | None,
    typer.Option("--from", formats=["%Y-%m-%d"], help="適用日: the first day (Japan's); today where none is said."),
]

links = command_group("See and change how people's links stand (符号の状態).")


@contextmanager
def _opened(people: str) -> Iterator[BinaryIO]:
    """The list that an argument names: an addressee number, or a file of them."""
    if people.isascii() and people.isdigit():
        yield BytesIO(people.encode())
        return
    try:
        file = Path(people).open("rb")  # noqa: SIM115  closed below
    except OSError as wrong:
        stop(
            f"{people}: 宛名番号でも読めるファイルでもありません / neither addressee number nor file ({wrong.strerror})"
        )
    with file:
        yield file


def _change(people: str, change: LinkChange, on: datetime | None, desk: Path, *, as_json: bool) -> None:
    from nakadachi.cli import tables
    from nakadachi.desk import life as desk_life
    from nakadachi.desk.answers import Loaded

    async def ask(client: DeskClient) -> tuple[Linked, ...] | Loaded:
        with _opened(people) as file:
            return await desk_life.change_links(client, file, change, on.date() if on else None)

    answer = at_desk(desk, ask)
    if as_json:
        print_json(answer)
    elif isinstance(answer, Loaded):
        tables.console().print(tables.rejects(answer))
    else:
        tables.console().print(tables.changed_links(answer))
    if isinstance(answer, Loaded):
        stop(f"{people}: 誤りがあるため、何も変更していません / nothing was changed, since lines are wrong", IN_PART)
    if any(one.outcome not in {"done", "pending"} for one in answer):
        raise typer.Exit(IN_PART)


@links.command("unlink", epilog="\b\nExample: nakadachi links unlink moved.csv --from 2026-04-01 --desk desk.toml")
def unlink(people: People, *, desk: Desk, on: From = None, json: AsJson = False) -> None:
    """End people's links (符号の解除).

    The code dies; `nakadachi link` gives a new one. For other organisations they are not linked here.
    """
    _change(people, LinkChange.UNLINK, on, desk, as_json=json)


@links.command("suspend", epilog="\b\nExample: nakadachi links suspend 71234 --from 2026-04-01 --desk desk.toml")
def suspend(people: People, *, desk: Desk, on: From = None, json: AsJson = False) -> None:
    """Suspend people's links until they are resumed (符号の利用停止)."""
    _change(people, LinkChange.SUSPEND, on, desk, as_json=json)


@links.command("resume", epilog="\b\nExample: nakadachi links resume 71234 --desk desk.toml")
def resume(people: People, *, desk: Desk, on: From = None, json: AsJson = False) -> None:
    """End a suspension, or withdraw one that is planned for that day or later (符号の利用再開)."""
    _change(people, LinkChange.RESUME, on, desk, as_json=json)


@links.command("show", epilog="\b\nExample: nakadachi links show 71234 --desk desk.toml")
def show(
    people: Annotated[
        str | None,
        typer.Argument(metavar="[FILE_OR_ADDRESSEE]", help="宛名番号: without it, all that are not just linked."),
    ] = None,
    *,
    desk: Desk,
    json: AsJson = False,
) -> None:
    """Show how links stand, with their days (符号の状態)."""
    from nakadachi.cli import tables
    from nakadachi.desk import life as desk_life
    from nakadachi.desk.answers import LinkStands, Loaded

    async def ask(client: DeskClient) -> tuple[LinkStands, ...] | Loaded:
        if people is None:
            return await desk_life.special_links(client)
        with _opened(people) as file:
            return await desk_life.links(client, file)

    answer = at_desk(desk, ask)
    if json:
        print_json(answer)
    elif isinstance(answer, Loaded):
        tables.console().print(tables.rejects(answer))
    elif answer:
        tables.console().print(tables.link_states(answer))
    else:
        typer.echo("停止中又は解除された符号はありません / No link is or will be suspended or over")
    if isinstance(answer, Loaded):
        raise typer.Exit(IN_PART)


class WhichChanges(StrEnum):
    """変更通知の範囲, as the command line has it."""

    ALL = Scope.ALL.value
    LISTED = Scope.LISTED.value
    NONE = Scope.NONE.value


def subscribe(
    scope: Annotated[
        WhichChanges, typer.Argument(help="通知の範囲: of all our people, of those listed, or of nobody.")
    ],
    people: Annotated[
        str | None, typer.Argument(metavar="[FILE_OR_ADDRESSEE]", help="With `listed`: who is added to the list.")
    ] = None,
    *,
    desk: Desk,
    json: AsJson = False,
) -> None:
    """Want to be told that something changed for people of ours (変更通知の登録).

    What changed is not told: ask for it by an inquiry that the law lists. Read them with `nakadachi changes`.
    """
    from nakadachi.cli import tables
    from nakadachi.desk import life as desk_life
    from nakadachi.desk.answers import Loaded, Subscribed

    if (scope is WhichChanges.LISTED) is (people is None):
        stop("listedには宛名番号又はファイルが必要で、他では指定できません / name people with listed, and only with it")

    async def ask(client: DeskClient) -> Subscribed | Loaded:
        with _opened(people or "0") as file:
            return await desk_life.subscribe(client, scope.value, file if people is not None else None)

    answer = at_desk(desk, ask)
    if json:
        print_json(answer)
    elif isinstance(answer, Loaded):
        tables.console().print(tables.rejects(answer))
    else:
        known = "登録しました / registered" if answer.outcome == "done" else "登録中です / on its way to the core"
        typer.echo(f"{answer.scope}: {known}")
        if scope is WhichChanges.LISTED:
            typer.echo(f"{answer.listed}人が対象に加わりました / {answer.listed} people have a code and are listed")
    if isinstance(answer, Loaded):
        raise typer.Exit(IN_PART)


def changes(
    *,
    desk: Desk,
    after: Annotated[int, typer.Option("--after", min=0, help="番号: what came after it.")] = 0,
    follow: Annotated[bool, typer.Option("--follow", help="Go on as they come, until interrupted.")] = False,
    position: Annotated[
        Path | None,
        typer.Option(
            "--position", dir_okay=False, help="Begin after the number in this file, and keep the last in it."
        ),
    ] = None,
    day: Annotated[
        datetime | None, typer.Option("--day", formats=["%Y-%m-%d"], help="受信日: all that came on a day (Japan's).")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", dir_okay=False, help="Write to a file, not to the screen.")
    ] = None,
) -> None:
    """Read for whom something changed (変更通知): CSV of number, addressee number and times.

    A line without an addressee number says that events up to its number are lost: look everybody up anew.
    """
    from nakadachi.cli.changes import Reader

    reader = Reader(after=after, follow=follow, position=position, out=out)
    if day is not None:
        if follow or after or position is not None:
            stop("--dayは他の範囲指定と併用できません / --day goes with no other choice of what to read")
        at_desk(desk, lambda client: reader.day(client, day.date()))
    else:
        at_desk(desk, reader.read)


def add_to(app: typer.Typer) -> None:
    """The commands of this page."""
    app.add_typer(links, name="links")
    for command, example in (
        (subscribe, "subscribe all --desk desk.toml"),
        (changes, "changes --follow --position last-number --desk desk.toml"),
    ):
        app.command(epilog=f"\b\nExample: nakadachi {example}")(command)
