"""The command `inquire` (大量照会): an inquiry file up, one result per line down, each kept before the next is read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nakadachi.cli.desk import Desk, InputFile, at_desk
from nakadachi.cli.ending import IN_PART, INTERRUPTED, stop
from nakadachi.intermediate.files.results import Form

if TYPE_CHECKING:
    from nakadachi.cli.tables import Summary
    from nakadachi.desk.client import DeskClient


@dataclass(frozen=True, slots=True)
class Order:
    """What was ordered: the inquiry file, where its results go and how, and what is said of all its lines."""

    file: Path
    out: Path
    form: Form
    replace: bool
    query: dict[str, str]


def inquire(
    file: InputFile,
    *,
    out: Annotated[Path, typer.Option("--out", help="Where the results go: a new file, readable by you alone.")],
    desk: Desk,
    form: Annotated[Form | None, typer.Option("--form", help="csv or jsonl; else by the ending of --out.")] = None,
    terminal: Annotated[str, typer.Option("--terminal", help="端末名 for the record.")] = "",
    purpose: Annotated[str, typer.Option("--purpose", help="照会の目的 for the record.")] = "",
    case_number: Annotated[str, typer.Option("--case-number", help="案件番号 for the record.")] = "",
    name: Annotated[
        str, typer.Option("--order", help="A name for this bulk order: sent again under it, nothing is asked twice.")
    ] = "",
    interactive: Annotated[bool, typer.Option("--interactive", help="即時照会: somebody is waiting.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace the results file where there is one.")] = False,
) -> None:
    """Ask all of an inquiry file (大量照会).

    Every line gets one result in --out, in the order of the file, written as soon as it is known.

    Ends with 0 where every line has a result (an answer, a reason, or "pending"), with 1 where some have none.
    """
    from nakadachi.cli.results_file import form_of

    chosen = form or form_of(out)
    if chosen is None:
        stop(f"{out}: name it .csv or .jsonl, or say --form csv or --form jsonl")
    said = {"terminal": terminal, "purpose": purpose, "case_number": case_number, "order": name}
    query = {name: value for name, value in said.items() if value}
    if interactive:
        query["lane"] = "interactive"
    order = Order(file, out, chosen, force, query)
    _check_place(order)
    _carry_out(desk, order)


def _check_place(order: Order) -> None:
    """Look before anything is asked: an inquiry whose result cannot be kept should not be made."""
    import os

    if order.out.exists() and not order.replace:
        stop(f"{order.out}: already there; name another file, or say --force to replace it")
    if order.out.is_dir() or not os.access(order.out.parent, os.W_OK | os.X_OK):
        stop(f"{order.out}: cannot be written there; name a file in a folder of yours")


def _carry_out(desk: Path, order: Order) -> None:
    from nakadachi.cli import tables
    from nakadachi.desk.answers import DeskError

    summary = tables.Summary()
    expected = _count(order.file)

    async def work(client: DeskClient) -> str:
        try:
            await _receive(client, order, summary, expected)
        except DeskError as wrong:
            if not summary.total:
                raise
            return str(wrong)
        except OSError as wrong:
            return f"{order.out}: cannot be written ({wrong.strerror})"
        return "" if summary.total == expected else "the server ended before the last line"

    try:
        broken = at_desk(desk, work)
    except typer.Exit as exit_:
        if exit_.exit_code != INTERRUPTED or not summary.total:
            raise
        broken = "interrupted"
    tables.console().print(summary.table())
    if broken:
        stop(
            f"{broken}\n{order.out}: {expected}件中{summary.total}件の結果を書き込みました /"
            f" {summary.total} of {expected} results were written; the file is whole up to there",
            IN_PART,
        )
    typer.echo(f"{order.out}: {summary.total}件 / {summary.total} results")


def _count(file: Path) -> int:
    """How many results the file will have: it is cut into lines exactly as the server cuts it."""
    from nakadachi.intermediate.files.inquiries import COLUMNS
    from nakadachi.intermediate.files.layout import records
    from nakadachi.intermediate.files.reading import LineReader

    with file.open("rb") as opened:
        return sum(1 for _ in records(LineReader(opened), COLUMNS))


async def _receive(client: DeskClient, order: Order, summary: Summary, expected: int) -> None:
    """Keep each result as it comes. The file is made at the first one: where nothing was asked, nothing is left."""
    from contextlib import ExitStack, aclosing

    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    from nakadachi.cli.results_file import ResultsFile
    from nakadachi.cli.tables import console
    from nakadachi.desk.answers import DeskError

    kept: ResultsFile | None = None
    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with ExitStack() as stack:
        bar = stack.enter_context(Progress(*columns, console=console(stderr=True), transient=True))
        task = bar.add_task("", total=expected)
        opened = stack.enter_context(order.file.open("rb"))
        async with aclosing(client.inquire(opened, order.query)) as results:
            async for one in results:
                if kept is None:
                    kept = stack.enter_context(ResultsFile(order.out, order.form, replace=order.replace))
                try:
                    kept.write(one)
                except ValueError:
                    raise DeskError("the server's results are not in the order of the file") from None
                summary.add(one)
                bar.advance(task)


def add_to(app: typer.Typer) -> None:
    """The command."""
    example = "nakadachi inquire inquiries.csv --out results.csv --purpose 申請審査 --desk desk.toml"
    app.command(epilog=f"\b\nExample: {example}")(inquire)
