"""The command `core new-origin`: closes the core's log and opens a new one, as after a restore (design 2.4)."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nakadachi.cli.ending import ending, stop
from nakadachi.cli.serve import KINDS, run, start_errors

if TYPE_CHECKING:
    from nakadachi.country.epoch import NewLog
    from nakadachi.node import World


def new_origin(
    *,
    config: Annotated[Path, typer.Option("--config", help="The core's configuration.")],
    origin: Annotated[str, typer.Option("--origin", help="The new log's name, one that was never used.")],
    country: Annotated[
        Path | None, typer.Option("--country", help="A sample country's folder: also sign and use all of it there.")
    ] = None,
    state: Annotated[
        Path | None, typer.Option("--state", help="A state folder of `nakadachi up`: its server and its country.")
    ] = None,
) -> None:
    """Close the core's log and make the key of a new one; the core must not run.

    What the closed log proved stays proven as long as the directory lists it beside the new one.
    """
    from nakadachi.cli.backup import with_server
    from nakadachi.kit.config import load
    from nakadachi.ledger.epochs import OriginBusy, OriginClosed
    from nakadachi.node import World

    world = World()
    with ending(*start_errors(), ValueError):
        loaded = load(config, KINDS[0].configuration())
        try:
            log, size = run(with_server(state, _give_way(loaded, origin, world)))
        except OriginClosed:
            stop(f"the origin {origin} was used before: give a name that never was")
        except OriginBusy as busy:
            stop(f"a core writes the log {busy}: stop it, wait ten seconds, and try again")
        typer.echo(f"{loaded.origin} is closed with {size} entries here.")
        country = state / "country" if country is None and state is not None else country
        if country is not None:
            from nakadachi.country.epoch import configure_log, list_log

            version = list_log(country, log, world)
            configure_log(config, log)
            typer.echo(f"Directory version {version} lists {origin}; {config} names it. Start the country again.")
            return
    _say(config, log)


def _say(config: Path, log: NewLog) -> None:
    """What a person is to write, and where."""
    typer.echo(
        f'\nIn {config}:\n\n  origin = "{log.origin}"\n  log_key = "{log.key}"\n\nIn the core\'s `logs` of the next'
        f" directory, beside those before it, signed by core and Commission:\n\n  origin: {log.origin}\n"
        f"  verifier_key: {log.vkey}\n\nThe Commission must use that directory before the core starts."
    )


async def _give_way(config: Any, origin: str, world: World) -> tuple[NewLog, int]:
    from nakadachi.country.epoch import NewLog
    from nakadachi.crypto.notes import NoteSigner
    from nakadachi.kit.database import Database
    from nakadachi.ledger import epochs
    from nakadachi.node import open_keys, read_file

    keys = open_keys(config.node, world)
    key = f"log-{hashlib.sha256(origin.encode()).hexdigest()[:12]}"
    NoteSigner.from_seed(origin, bytes(32))  # a name that no note takes ends here, before anything is changed
    old = NoteSigner.from_seed(config.origin, keys.secret(config.log_key))
    database = await Database.open(read_file(config.node.database).decode().strip(), max_size=1)
    try:
        async with database.transaction() as connection:
            size = await epochs.give_way(connection, old, origin, world.clock.now())
            if not keys.has(key):  # made before the old log is closed, never the other way round
                keys.make(key)
    finally:
        await database.close()
    return NewLog(origin, NoteSigner.from_seed(origin, keys.secret(key)).verifier.vkey, key), size
