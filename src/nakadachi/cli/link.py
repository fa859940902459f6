"""The commands `link` and `recheck` (符号付番, 再確認): one person or a population, followed to the end (M1, L5).

The order is the server's: the command may be ended and run again, and goes on where the order is.
"""

from __future__ import annotations

import asyncio
import csv
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nakadachi.cli.desk import AsJson, Desk, InputFile, at_desk, print_json
from nakadachi.cli.ending import IN_PART, stop

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from nakadachi.desk.answers import Finding, LinkOrder
    from nakadachi.desk.client import DeskClient

LOOK_SECONDS = 0.5
"""Between two looks at an order."""
PRIVATE = 0o600
CHUNK_BYTES = 1024 * 1024
REJECT_HEADER = ("行/line", "列/column", "理由", "reason", "対処/what to do")
FINDING_HEADER = (
    "宛名番号/addressee number",
    "種別/kind",
    "内容",
    "finding",
    "対処/what to do",
    "日時/at",
    "処理通番/serial",
)

Named = Annotated[
    str, typer.Option("--order", help="A name for the order; by itself, one is made from the file's content.")
]


def link(
    file: InputFile,
    *,
    desk: Desk,
    order: Named = "",
    rejects: Annotated[
        Path | None, typer.Option("--rejects", help="Where the lines go that led to no code (CSV, for you alone).")
    ] = None,
    json: AsJson = False,
) -> None:
    """Have the people of a people file registered and linked (符号付番), one or a whole population.

    The server keeps the order: ended or killed at any point, the command run again with the same file goes on where it
    was, and ends with the same totals.

    Ends with 0 where everybody is linked, with 1 where some are not: --rejects says of each line why, and what to do.
    """
    name = order or f"link-{_digest(file)[:24]}"

    async def work(client: DeskClient) -> tuple[LinkOrder, int]:
        with file.open("rb") as opened:
            begun = await client.order_links(name, opened)
        ended = await _follow(begun, lambda: client.link_order(name))
        written = 0
        if rejects is not None and ended.done < ended.people + ended.rejected:
            written = await _write_rejects(client, name, rejects)
        return ended, written

    ended, written = at_desk(desk, work)
    _show(ended, json=json)
    if written:
        typer.echo(f"{rejects}: {written}行 / {written} lines", err=json)
    if ended.done < ended.people + ended.rejected:
        raise typer.Exit(IN_PART)


def recheck(
    *,
    desk: Desk,
    order: Annotated[str, typer.Option("--order", help="A name for this re-check; run again under it, it goes on.")],
    out: Annotated[
        Path | None, typer.Option("--out", help="Where the findings go (CSV, for you alone); else a table is shown.")
    ] = None,
    json: AsJson = False,
) -> None:
    """Hold all links against the register and the core (紐付けの再確認), and show what was found.

    Nothing is changed: what does not fit is a finding, and stays in `nakadachi findings` until a re-check finds it
    right. The server keeps the order, so the command may be ended and run again.

    Ends with 0 where every link is as it should be, with 1 where something was found or not answered.
    """
    from nakadachi.cli import tables

    async def work(client: DeskClient) -> tuple[LinkOrder, Sequence[Finding]]:
        ended = await _follow(await client.order_recheck(order), lambda: client.link_order(order))
        return ended, await client.recheck_findings(order)

    ended, found = at_desk(desk, work)
    _show(ended, json=json)
    if out is not None:
        rows = ((one.addressee, one.kind, one.reason_ja, one.reason_en, one.mend, one.at, one.serial) for one in found)
        _write(out, FINDING_HEADER, rows)
        typer.echo(f"{out}: {len(found)}件 / {len(found)} findings", err=json)
    elif found and not json:
        tables.console().print(tables.findings(found))
    if found or ended.done < ended.people:
        raise typer.Exit(IN_PART)


async def _follow(order: LinkOrder, look: Callable[[], Awaitable[LinkOrder]]) -> LinkOrder:
    """Show how an order goes on until it has ended; where it waits for somebody, that is said once."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    from nakadachi.cli.tables import WAITS, console

    columns, waits = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()), ""
    with Progress(*columns, console=console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=order.people)
        while not order.ended:
            if waits != order.waits:
                bar.console.print(WAITS.get(order.waits, ""))
                waits = order.waits
            bar.update(task, completed=order.done + order.refused + order.unanswered, total=order.people)
            await asyncio.sleep(LOOK_SECONDS)
            order = await look()
    return order


def _show(order: LinkOrder, *, json: bool) -> None:
    from nakadachi.cli import tables

    if json:
        print_json(order)
    else:
        tables.console().print(tables.link_order(order))


async def _write_rejects(client: DeskClient, name: str, path: Path) -> int:
    """The lines that led to no code, page by page. How many there are."""
    found, after = [], 0
    while page := await client.unlinked(name, after):
        found += [(one.line, one.column or "", one.reason_ja, one.reason_en, one.mend) for one in page]
        after = page[-1].line
    _write(path, REJECT_HEADER, found)
    return len(found)


def _write(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A new CSV file for its owner alone; an older one gives way."""
    try:
        path.unlink(missing_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE)
        with open(handle, "w", encoding="utf-8-sig", newline="") as file:  # noqa: PTH123  it was opened with its mode
            writer = csv.writer(file)
            writer.writerow(header)
            writer.writerows(rows)
    except OSError as wrong:
        stop(f"{path}: 書き込めません / cannot be written ({wrong.strerror})", IN_PART)


def _digest(path: Path) -> str:
    import hashlib

    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def add_to(app: typer.Typer) -> None:
    """The commands."""
    for command, example in (
        (link, "link people.csv --rejects not-linked.csv --desk desk.toml"),
        (recheck, "recheck --order 2026-10 --out findings.csv --desk desk.toml"),
    ):
        app.command(epilog=f"\b\nExample: nakadachi {example}")(command)
