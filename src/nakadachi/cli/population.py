"""The command that invents a population (見本住民): files for a register and organisations; nobody in them exists."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nakadachi.cli.ending import command_group, ending, stop

if TYPE_CHECKING:
    from nakadachi.neighbours.population_files import Written

TOWNS = tuple(f"99010000{number:08}" for number in range(1, 7))

group = command_group("Invent a population (見本住民) of any size; nobody in it exists.")


@group.callback()
def _population() -> None:
    """Take the name of what is to be done with a population."""


@group.command(
    epilog="\b\nExample: nakadachi population generate --people 100000 --seed 7 --out population"
    "\nExample: nakadachi population generate --people 400000 --seed 7 --organisation 9901000000000003 --out one"
)
def generate(
    *,
    people: Annotated[int, typer.Option("--people", help="How many residents.", min=1, max=1_000_000_000)],
    seed: Annotated[int, typer.Option("--seed", help="The same seed makes the same people.")],
    out: Annotated[Path, typer.Option("--out", help="The folder that the files go to.", file_okay=False)],
    years: Annotated[
        int, typer.Option("--years", help="Also what happens to them in so many years.", min=0, max=4)
    ] = 0,
    organisation: Annotated[
        list[str] | None,
        typer.Option("--organisation", help="Whose people files; everybody is known to one. Default: the six samples."),
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Write over a population that is there.")] = False,
) -> None:
    """Write residents.csv, people-<organisation>.csv and events-<year>.csv.

    Municipalities are real, with their codes; every quarter is called 見本…, which none is: so one sees that an
    address, and so a person, is invented. Files stand complete or not at all.
    """
    from nakadachi.terms import OrganisationCode

    with ending(ValueError):
        organisations = tuple(OrganisationCode(one).value for one in organisation or TOWNS)
    if len(set(organisations)) < len(organisations):
        stop("an organisation is named twice; name each once")
    if (out / "residents.csv").exists() and not replace:
        stop(f"{out} holds a population; name another folder, or write over it with --replace")
    with ending(OSError, ValueError):
        written = _write(people, seed, out, organisations, years)
    typer.echo(f"{written.people} invented people and {written.events} events in {out}: {', '.join(written.files)}")


def _write(people: int, seed: int, out: Path, organisations: tuple[str, ...], years: int) -> Written:
    """Write the files and show how far it is."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from nakadachi.cli.tables import console
    from nakadachi.neighbours.population import Population
    from nakadachi.neighbours.population_files import write_population

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total}"))
    progress = Progress(*columns, TimeRemainingColumn(), console=console(stderr=True), transient=True)
    with progress as shown:
        task = shown.add_task("people", total=people)
        return write_population(
            Population(seed.to_bytes(16, "big", signed=True)),
            people,
            out,
            organisations=organisations,
            years=years,
            say=lambda done: shown.update(task, completed=done),
        )


def add_to(app: typer.Typer) -> None:
    """The commands."""
    app.add_typer(group, name="population")
