"""The commands for a whole country on this machine: keep one running, show one exchange, ask how it fares."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from nakadachi.cli.ending import IN_PART, ending, stop
from nakadachi.cli.serve import SIGNALS, run, start_errors

COUNTRY = Path(".state/country")
DEMO = Path(".state/demo")
RESULTS = Path(".state/results")

State = Annotated[Path, typer.Option("--state", help="Where it keeps its data.", file_okay=False)]
Seed = Annotated[int, typer.Option("--seed", help="The same seed makes the same people.")]
Scheme = Annotated[
    Literal["reversible", "table"], typer.Option("--scheme", help="How link codes are made, for this country's life.")
]


def up(
    *,
    state: State = COUNTRY,
    seed: Seed = 1,
    isolate: Annotated[bool, typer.Option("--isolate", help="One process for each system.")] = False,
    twins: Annotated[bool, typer.Option("--twins", help="Two instances of each, behind HAProxy.")] = False,
    port: Annotated[int, typer.Option("--port", metavar="BASE", help="The first port.", min=1, max=65000)] = 7400,
    scheme: Scheme = "reversible",
) -> None:
    """Run a whole country on this machine.

    It runs until Ctrl-C; its data stay below --state. With --twins core, interface systems and intermediate servers run
    twice, one process each, and either of the two may be killed and started again.
    """
    from nakadachi.country import running
    from nakadachi.country.processes import ProcessEnded
    from nakadachi.desk.answers import DeskError
    from nakadachi.kit.log import configure

    configure()
    with ending(*start_errors(), DeskError, ProcessEnded):
        settings = running.Settings(seed, port, twins, scheme)
        run(_until_signal(running.up(state, settings, isolate=isolate)))


def demo(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print what happened as JSON, for programs.")] = False,
    state: State = DEMO,
    seed: Seed = 1,
    out: Annotated[
        Path,
        typer.Option("--out", help="Where the results go, and stay.", file_okay=False),
    ] = RESULTS,
    scheme: Scheme = "reversible",
) -> None:
    """Show an inquiry from end to end.

    It runs a whole country on this machine, follows one inquiry through it and checks every promise on the way.
    """
    from nakadachi.country.demo import demo as show
    from nakadachi.desk.answers import DeskError
    from nakadachi.kit.log import configure

    configure()
    with ending(*start_errors(), DeskError):
        raise typer.Exit(run(show(state, seed=seed, as_json=as_json, out=out, scheme=scheme)))


def status(
    *,
    state: State = COUNTRY,
    from_core: Annotated[
        bool, typer.Option("--from-core", help="Ask only the core what all systems told it, and who fell silent.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON, for programs.")] = False,
) -> None:
    """Show how every system of a country fares.

    Each is asked at its own door, and its clock compared with this machine's. The exit status is 1 where a system does
    not run or is not ready; the last line says what to do.
    """
    from nakadachi.cli import status as shown
    from nakadachi.cli import tables
    from nakadachi.country import overview
    from nakadachi.kit.asking import Silent
    from nakadachi.kit.clock import SystemClock

    with ending(*start_errors()):
        try:
            rows = run(overview.ask_country(state, from_core=from_core))
        except Silent as silent:
            stop(f"the core does not answer ({silent}); `nakadachi status` without --from-core asks the others")
    found = overview.complaints(rows)
    if as_json:
        typer.echo(json.dumps(rows, ensure_ascii=False, default=str))
    else:
        shown.show(tables.console(), rows, found, SystemClock().now())
    raise typer.Exit(IN_PART if any(one.wrong for one in found) else 0)


async def _until_signal(work: Coroutine[Any, Any, None]) -> None:
    """Run `work` and cancel it at SIGINT or SIGTERM, so that it ends in order."""
    task = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()
    for one in SIGNALS:
        loop.add_signal_handler(one, task.cancel)
    try:
        await asyncio.wait([task])
    finally:
        for one in SIGNALS:
            loop.remove_signal_handler(one)
    if not task.cancelled():
        task.result()


def add_to(app: typer.Typer) -> None:
    """The commands."""
    app.command(epilog="\b\nExample: nakadachi demo --seed 7")(demo)
    app.command(epilog="\b\nExample: nakadachi up --isolate --port 7400")(up)
    app.command(epilog="\b\nExample: nakadachi status --from-core")(status)
