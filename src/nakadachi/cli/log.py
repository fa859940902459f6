"""The command `log verify`: an outsider's check of a log (情報提供等記録の検証) from files alone, asking nobody."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from nakadachi.cli.ending import IN_PART, command_group, stop

_ENTRY = re.compile(r"[0-9a-fA-F]{64}")

log = command_group("Check a log of permits without trusting anybody.")


@log.callback()
def _log() -> None:
    """Keep the group's name before `verify`."""


@log.command(
    epilog="\b\nExample: nakadachi log verify --checkpoint log.note --entries log.entries"
    " \\\n    --vkey core.example/2026-1+… --witness commission.example/witness+…"
)
def verify(
    *,
    checkpoint: Annotated[
        Path, typer.Option("--checkpoint", exists=True, dir_okay=False, help="The log's newest signed checkpoint.")
    ],
    entries: Annotated[
        Path, typer.Option("--entries", exists=True, dir_okay=False, help="All entries, one per line, in hexadecimal.")
    ],
    vkey: Annotated[list[str], typer.Option("--vkey", help="The log's published key; several after a rotation.")],
    witness: Annotated[list[str] | None, typer.Option("--witness", help="A witness that must have cosigned.")] = None,
) -> None:
    """Verify a log (情報提供等記録の検証).

    Are the entries exactly those that the log signed and its witnesses cosigned? Ends with 1 if not.
    """
    from nakadachi.ledger.verify import Keys, verify_log

    try:
        note = checkpoint.read_bytes().decode()
    except UnicodeDecodeError:
        stop(f"{checkpoint}: is not a checkpoint (not UTF-8)")
    verdict = verify_log(_entries(entries), note, Keys(tuple(vkey), tuple(witness or ())))
    typer.echo(f"entries: {verdict.size}\nroot:    {verdict.root.hex()}")
    if not verdict.ok:
        stop("\n  ".join(("the log does not verify:", *verdict.problems)), IN_PART)
    typer.echo("検証できました / verified")


def _entries(path: Path) -> Iterator[bytes]:
    with path.open(encoding="ascii", errors="replace") as file:
        for number, line in enumerate(file, start=1):
            if not _ENTRY.fullmatch(line.strip()):
                stop(f"{path}:{number}: not an entry; write 64 hexadecimal digits on every line")
            yield bytes.fromhex(line.strip())


def add_to(app: typer.Typer) -> None:
    """The group."""
    app.add_typer(log, name="log")
