"""Runs one system alone, from its configuration to a signal; it knows a system by its module's name only."""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, Protocol

import typer

from nakadachi.cli.ending import INTERRUPTED, command_group, ending, stop
from nakadachi.kit import lifeline

_ORIGIN_EXAMPLE = "--config core.toml --origin core.example/2026-2"
SIGNALS = (signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of system: its command, the module that has `build`, the name of its configuration, what it is."""

    command: str
    module: str
    config: str
    about: str

    def imported(self) -> Any:
        """The module, with all that it brings."""
        return import_module(f"nakadachi.{self.module}")

    def configuration(self) -> type[Any]:
        """The dataclass of its configuration."""
        found: type[Any] = getattr(self.imported(), self.config)
        return found


KINDS = (
    Kind("core", "core.service", "CoreConfig", "the core (情報提供ネットワークシステム)"),
    Kind("interface", "interface.service", "InterfaceConfig", "an interface system (インターフェイスシステム)"),
    Kind("intermediate", "intermediate.service", "IntermediateConfig", "an intermediate server (中間サーバー)"),
    Kind("commission", "commission.service", "CommissionConfig", "the Commission system (個人情報保護委員会)"),
    Kind("registry", "neighbours.registry", "RegistryConfig", "the stand-in for the resident registry (機構)"),
)


class LogLevel(StrEnum):
    """The least severe event that is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class Running(Protocol):
    """A system as this module sees it (`nakadachi.service.Service`)."""

    async def start(self) -> None:
        """Begin to listen."""

    async def announce(self) -> None:
        """Tell the others."""

    async def reload(self) -> None:
        """Take up what changed in the files of the configuration."""

    async def stop(self) -> None:
        """End in order."""


def start_errors() -> tuple[type[Exception], ...]:
    """What may keep a system from starting and is a person's to mend; each text says what, where and what to do."""
    from nakadachi.kit.config import ConfigError
    from nakadachi.kit.database import DatabaseError
    from nakadachi.kit.keystore import KeyStoreError
    from nakadachi.kit.listening import PortTaken
    from nakadachi.kit.migrations import SchemaError
    from nakadachi.kit.postgres_files import PostgresError
    from nakadachi.ledger.epochs import OriginClosed
    from nakadachi.ledger.log import LeaseTaken
    from nakadachi.ledger.proofs import LogTorn

    log = LeaseTaken, OriginClosed, LogTorn
    return ConfigError, DatabaseError, KeyStoreError, SchemaError, PostgresError, PortTaken, *log


def advice(wrong: Exception, config: Path) -> str:
    """The text of an error of the start, with what to do where the error itself cannot know."""
    from nakadachi.kit.keystore import KeyStoreError
    from nakadachi.kit.listening import PortTaken
    from nakadachi.ledger.epochs import OriginClosed
    from nakadachi.ledger.log import LeaseTaken

    if isinstance(wrong, OriginClosed):
        return f"{wrong} --config {config} --origin <a name never used before>"
    if isinstance(wrong, PortTaken):
        return f"{wrong}; end what listens there, or set node.listen in {config} to a free port"
    if isinstance(wrong, LeaseTaken):
        return f"another process writes the log {wrong} of {config}; end it, and start again"
    if isinstance(wrong, KeyStoreError):
        return f"{wrong}; see node.keys, node.unlock and node.key_store in {config}"
    return str(wrong)


async def run_until_signal(service: Running, say: Callable[[], None]) -> None:
    """Start, `say` that it runs, and stop in order at SIGINT or SIGTERM; a second signal ends at once.

    It stops too when the process that it was started for is gone; at SIGHUP it takes up changed documents.

    Raises what the start raises. A system that did not start is not stopped: it would tell the others that it has
    stopped, and the one that holds its port may be the same system, well and running.
    """
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    for one in SIGNALS:
        loop.add_signal_handler(one, ended.set)
    lifeline.hold(ended.set)
    reloading: list[asyncio.Task[None]] = []
    loop.add_signal_handler(signal.SIGHUP, lambda: reloading.append(loop.create_task(service.reload())))
    try:
        await service.start()
        try:
            await service.announce()
            say()
            await ended.wait()
        finally:
            for one in SIGNALS:
                loop.remove_signal_handler(one)
            await service.stop()
    finally:
        for one in SIGNALS:
            loop.remove_signal_handler(one)


def rarely_collect() -> None:
    """Leave what was made at the start out of garbage collections, and collect seldom: requests leave few cycles."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


async def _serve(kind: Kind, config: Any, *, accept: bool) -> None:
    from nakadachi.node import World

    service = await kind.imported().build(config, World(accept=accept))
    rarely_collect()
    name, where = config.node.name, config.node.listen
    await run_until_signal(service, lambda: typer.echo(f"{name} listens on {where}; Ctrl-C ends it"))


def run(work: Any) -> Any:
    """A coroutine to its end, on uvloop; Ctrl-C ends the command without a traceback."""
    import uvloop

    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(work)
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None


def system_group(kind: Kind) -> typer.Typer:
    """The commands of one kind of system: `serve` and `sample-config`."""
    group = command_group(f"Run {kind.about} alone.")
    file = f"{kind.command}.toml"

    @group.command(epilog=f"\b\nExample: nakadachi {kind.command} serve --config {file}")
    def serve(
        config: Annotated[Path, typer.Option("--config", help="Its configuration (TOML); see sample-config.")],
        log_level: Annotated[LogLevel, typer.Option(help="Log events of this level and above.")] = LogLevel.WARNING,
        *,
        accept: Annotated[
            bool, typer.Option("--accept", help="The program and the settings as they are now are as they should be.")
        ] = False,
    ) -> None:
        """Run it until Ctrl-C or SIGTERM. Events go to standard error, one JSON object per line."""
        from nakadachi.kit.config import ConfigError, load
        from nakadachi.kit.log import configure

        with ending(ConfigError):
            loaded = load(config, kind.configuration())
        configure(log_level.value)
        try:
            run(_serve(kind, loaded, accept=accept))
        except start_errors() as wrong:
            stop(advice(wrong, config))

    @group.command("sample-config", epilog=f"\b\nExample: nakadachi {kind.command} sample-config > {file}")
    def sample_config() -> None:
        """Print a sample configuration: every key with its meaning, its kind and its default."""
        from nakadachi.kit.config import describe

        typer.echo(describe(kind.configuration()), nl=False)

    return group


def add_to(app: typer.Typer) -> None:
    """One group of commands per kind of system."""
    from nakadachi.cli import link_keys, registry, users
    from nakadachi.cli.origin import new_origin

    for kind in KINDS:
        group = system_group(kind)
        if kind.command == "core":
            link_keys.add_to(group)
            group.command("new-origin", epilog=f"\b\nExample: nakadachi core new-origin {_ORIGIN_EXAMPLE}")(new_origin)
        if kind.command == "commission":
            users.add_to(group)
        if kind.command == "registry":
            registry.add_to(group)
        app.add_typer(group, name=kind.command)
