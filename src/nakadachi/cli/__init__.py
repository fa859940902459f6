"""The command line `nakadachi`: every command by name, nothing heavy until one is called; it never touches a database.

What a command imports beyond typer stands inside the command, so that `--help` answers at once.
"""

from __future__ import annotations

from typing import Annotated

import typer

from nakadachi import __version__
from nakadachi.cli import (
    backup,
    card,
    country,
    desk,
    inquire,
    jpki,
    keys,
    ledger,
    life,
    link,
    population,
    serve,
    trails,
)
from nakadachi.cli.ending import command_group

app = command_group(
    "nakadachi (仲立ち): the Information Provision Network System of Japan, as an open implementation.",
    epilog="\b\nExample: nakadachi demo",
)


def _version(asked: bool) -> None:  # noqa: FBT001  typer calls it with the flag's value
    if asked:
        typer.echo(f"nakadachi {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    *,
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_version, help="Print the version and end.")
    ] = False,
) -> None:
    """Take what stands before the command's name."""


country.add_to(app)
desk.add_to(app)
life.add_to(app)
link.add_to(app)
inquire.add_to(app)
serve.add_to(app)
ledger.add_to(app)
backup.add_to(app)
population.add_to(app)
keys.add_to(app)
card.add_to(app)
jpki.add_to(app)
trails.add_to(app)


def main() -> None:
    """Run the command line; the entry point of the package."""
    app()
