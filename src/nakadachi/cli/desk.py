"""The desk's commands (業務端末): load files, link people, decide what is held, read what was found (M1, M3, M4, M7).

Each asks the intermediate server and shows its answer; no rule of the network is decided here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from nakadachi.cli.ending import IN_PART, INTERRUPTED, command_group, ending
from nakadachi.refusal import Reason
from nakadachi.terms import Serial

if TYPE_CHECKING:
    from nakadachi.desk.answers import Loaded
    from nakadachi.desk.client import DeskClient

T = TypeVar("T")

Desk = Annotated[
    Path, typer.Option("--desk", envvar="NAKADACHI_DESK", help="The desk's configuration; see `desk sample-config`.")
]
InputFile = Annotated[Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, readable=True)]
GoodLines = Annotated[bool, typer.Option("--accept-good-lines", help="Load the good lines even if others are wrong.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the answer as JSON, for programs.")]


def _serial(text: str) -> Serial:
    try:
        return Serial(text)
    except ValueError:
        raise typer.BadParameter("a serial is 16 digits, a hyphen and 26 characters; copy it from a result") from None


SerialText = Annotated[Serial, typer.Argument(metavar="SERIAL", parser=_serial, help="処理通番 of the inquiry.")]
Staff = Annotated[str, typer.Option("--staff", help="操作者: who decides; it goes into the record.")]
Department = Annotated[str, typer.Option("--department", help="部署: their department; it goes into the record.")]


def at_desk(desk: Path, work: Callable[[DeskClient], Awaitable[T]]) -> T:
    """Do `work` with a client for the server that the file `desk` names. A failure ends the command with its text."""
    import asyncio

    from nakadachi.desk.answers import DeskError
    from nakadachi.desk.client import DeskConfig, open_desk
    from nakadachi.kit.config import ConfigError, load

    async def connected() -> T:
        async with open_desk(load(desk, DeskConfig)) as client:
            return await work(client)

    try:
        with ending(DeskError, ConfigError):
            return asyncio.run(connected())
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None


def print_json(answer: Any) -> None:
    """An answer as one line of JSON on standard output."""
    import msgspec

    typer.echo(msgspec.json.encode(answer).decode())


def _load(desk: Path, kind: str, file: Path, *, good: bool, as_json: bool, xml: bool = False) -> None:
    async def load(client: DeskClient) -> Loaded:
        with file.open("rb") as opened:
            return await client.load(kind, opened, accept_good_lines=good, xml=xml)

    loaded = at_desk(desk, load)
    if as_json:
        print_json(loaded)
    else:
        _show_loaded(loaded, file, good=good)
    if loaded.rejected and not good:
        raise typer.Exit(IN_PART)


def _show_loaded(loaded: Loaded, file: Path, *, good: bool) -> None:
    from nakadachi.cli import tables

    if not loaded.rejected:
        typer.echo(f"{file}: {loaded.loaded}件を登録しました / {loaded.loaded} lines were loaded")
        return
    tables.console().print(tables.rejects(loaded))
    if len(loaded.rejects) < loaded.rejected:
        typer.echo(f"（先頭の{len(loaded.rejects)}件のみ / only the first {len(loaded.rejects)} are shown）")
    if good:
        typer.echo(
            f"{file}: {loaded.loaded}件を登録し、{loaded.rejected}件を差し戻しました /"
            f" {loaded.loaded} lines were loaded, {loaded.rejected} were not"
        )
        return
    typer.echo(
        f"{file}: {loaded.rejected}件に誤りがあるため、1件も登録していません /"
        f" nothing was loaded, since {loaded.rejected} lines are wrong"
    )


people = command_group("Register people under their addressee numbers (宛名).")
provisions = command_group("Register what this organisation holds ready to answer (副本).")
protections = command_group("Register whose information is protected (保護区分).")
settings = command_group("The desk's own configuration (業務端末の設定).")


@people.command("load", epilog="\b\nExample: nakadachi people load people.csv --desk desk.toml")
def load_people(file: InputFile, *, desk: Desk, accept_good_lines: GoodLines = False, json: AsJson = False) -> None:
    """Load a people file (宛名の登録), whole or not at all."""
    _load(desk, "people", file, good=accept_good_lines, as_json=json)


@provisions.command("load", epilog="\b\nExample: nakadachi provisions load provisions.xml --desk desk.toml")
def load_provisions(
    file: InputFile,
    *,
    desk: Desk,
    xml: Annotated[bool, typer.Option("--xml", help="The file is XML; also known by the ending .xml.")] = False,
    accept_good_lines: GoodLines = False,
    json: AsJson = False,
) -> None:
    """Load a replica file (副本登録), CSV or XML, whole or not at all."""
    is_xml = xml or file.suffix.lower() == ".xml"
    _load(desk, "provisions", file, good=accept_good_lines, as_json=json, xml=is_xml)


@protections.command("load", epilog="\b\nExample: nakadachi protections load protections.csv --desk desk.toml")
def load_protections(
    file: InputFile, *, desk: Desk, accept_good_lines: GoodLines = False, json: AsJson = False
) -> None:
    """Load a file of markings (保護区分の登録), whole or not at all."""
    _load(desk, "protections", file, good=accept_good_lines, as_json=json)


@settings.command("sample-config", epilog="\b\nExample: nakadachi desk sample-config > desk.toml")
def sample_config() -> None:
    """Print a sample of the desk's configuration: every key with its meaning."""
    from nakadachi.desk.client import DeskConfig
    from nakadachi.kit.config import describe

    typer.echo(describe(DeskConfig), nl=False)


def _show(listed: Sequence[T], draw: Callable[[Sequence[T]], Any], *, json: bool, none: str) -> None:
    """A list for a program or for a person, or the words for an empty one."""
    from nakadachi.cli import tables

    if json:
        print_json(listed)
    elif listed:
        tables.console().print(draw(listed))
    else:
        typer.echo(none)


def pending(*, desk: Desk, json: AsJson = False) -> None:
    """List what waits for a decision (保留一覧).

    The oldest comes first.
    """
    from nakadachi.cli import tables

    held = at_desk(desk, lambda client: client.pending())
    _show(held, tables.waiting, json=json, none="保留中の照会はありません / Nothing waits for a decision")


def answer(serial: SerialText, *, desk: Desk, staff: Staff, department: Department = "") -> None:
    """Provide what was held back (保留中の照会への回答)."""
    query = {"staff": staff, "department": department}
    at_desk(desk, lambda client: client.settle(serial, "answer", query))
    typer.echo(f"{serial}: 回答しました / answered")


def refuse(
    serial: SerialText,
    *,
    desk: Desk,
    staff: Staff,
    department: Department = "",
    reason: Annotated[Reason, typer.Option("--reason", help="What the inquirer is told.")] = Reason.WITHHELD,
) -> None:
    """Refuse what was held back (保留中の照会の拒否)."""
    query = {"staff": staff, "department": department, "reason": reason.value}
    at_desk(desk, lambda client: client.settle(serial, "refuse", query))
    typer.echo(f"{serial}: 拒否しました / refused ({reason.japanese} / {reason.english})")


def cancel(serial: SerialText, *, desk: Desk, staff: Staff, department: Department = "") -> None:
    """Cancel an inquiry of ours that waits for its answer (照会の取消).

    The provider is told. What was answered already stays; to ask again, send a new inquiry.
    """
    query = {"staff": staff, "department": department}
    at_desk(desk, lambda client: client.cancel(serial, query))
    typer.echo(f"{serial}: 取り消しました / cancelled")


def findings(*, desk: Desk, json: AsJson = False) -> None:
    """List what staff should look at (確認事項).

    The newest comes first.
    """
    from nakadachi.cli import tables

    found = at_desk(desk, lambda client: client.findings())
    _show(found, tables.findings, json=json, none="確認事項はありません / There is nothing to look at")


def result(serial: SerialText, *, desk: Desk, json: AsJson = False) -> None:
    """Show what became of one inquiry of ours (照会結果). It prints personal information."""
    import sys

    from nakadachi.cli import tables
    from nakadachi.intermediate.files.results import Form, ResultWriter

    one = at_desk(desk, lambda client: client.result(serial))
    if json:
        ResultWriter(sys.stdout.buffer, Form.JSON_LINES).write(one)
        sys.stdout.buffer.flush()
    else:
        tables.console().print(tables.result(one))


_SAMPLE_SERIAL = "9901000000000003-01KAB3C5D7E9F0G1H2J3K4M5N6"


def add_to(app: typer.Typer) -> None:
    """The desk's commands; those about one exchange stand at the top."""
    app.add_typer(settings, name="desk")
    app.add_typer(people, name="people")
    app.add_typer(provisions, name="provisions")
    app.add_typer(protections, name="protections")
    for command, example in (
        (pending, "pending --desk desk.toml"),
        (answer, f"answer {_SAMPLE_SERIAL} --staff 1042 --desk desk.toml"),
        (refuse, f"refuse {_SAMPLE_SERIAL} --staff 1042 --desk desk.toml"),
        (cancel, f"cancel {_SAMPLE_SERIAL} --staff 1042 --desk desk.toml"),
        (findings, "findings --desk desk.toml"),
        (result, f"result {_SAMPLE_SERIAL} --desk desk.toml"),
    ):
        app.command(epilog=f"\b\nExample: nakadachi {example}")(command)
