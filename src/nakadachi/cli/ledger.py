"""The command `ledger check`: an outsider's check of a whole log (情報提供等記録の検証), over HTTP or from a copy.

It trusts nobody but the keys it is given; the one file it may write is the checkpoint that it remembers.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import unquote, urlsplit

import typer

from nakadachi.cli.ending import IN_PART, command_group, ending, stop
from nakadachi.cli.serve import run

if TYPE_CHECKING:
    import ssl

    from nakadachi.law.directory import Directory
    from nakadachi.ledger.verify import Keys
    from nakadachi.ledger.walk import Fetch, Walked
    from nakadachi.node import NodeConfig

LOGS = "/log/"

Where = Annotated[
    str, typer.Argument(metavar="URL", help="The log: https://<core>/log/<origin>, or a folder with a copy of it.")
]
Vkeys = Annotated[list[str] | None, typer.Option("--vkey", help="The log's published key; several after a rotation.")]
Witnesses = Annotated[list[str] | None, typer.Option("--witness", help="A witness that must have cosigned.")]
State = Annotated[
    Path | None,
    typer.Option("--state", help="Remembers the checkpoint: the next check finds a log that was rewritten."),
]
Config = Annotated[
    Path | None,
    typer.Option("--config", help="Any system's configuration: its certificate, and the keys of its directory."),
]

ledger = command_group("Check a log of permits (情報提供等記録) without trusting anybody.")


class _Unfit(Exception):  # noqa: N818  ends the command with its text
    """What was given does not do for a check."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is to be checked, and with what: the log's address or folder, its keys, how its door is passed."""

    where: str
    vkeys: tuple[str, ...]
    witnesses: tuple[str, ...]
    config: Path | None
    tls: tuple[Path | None, Path | None, Path | None]
    node: str

    @property
    def remote(self) -> bool:
        return "://" in self.where

    @property
    def origin(self) -> str:
        """The log's name, where the address says it."""
        path = urlsplit(self.where).path if self.remote else ""
        return unquote(path.partition(LOGS)[2].strip("/"))


@ledger.callback()
def _ledger() -> None:
    """Keep the group's name before `check`."""


@ledger.command(
    epilog="\b\nExample: nakadachi ledger check https://core.example:7443/log/core.example/2026-1"
    " \\\n    --config commission.toml --state core.note"
    "\nExample: nakadachi ledger check ./copy --vkey core.example/2026-1+… --witness commission.example/witness+…"
)
def check(
    where: Where,
    *,
    vkey: Vkeys = None,
    witness: Witnesses = None,
    state: State = None,
    config: Config = None,
    certificate: Annotated[Path | None, typer.Option("--certificate", help="The certificate to show (PEM).")] = None,
    key: Annotated[Path | None, typer.Option("--key", help="Its private key (PEM).")] = None,
    authority: Annotated[Path | None, typer.Option("--authority", help="The authority of the nodes.")] = None,
    node: Annotated[str, typer.Option("--node", help="The core that must answer: core:<organisation code>.")] = "",
) -> None:
    """Check a whole log from outside (情報提供等記録の検証).

    Reads every entry and every tile: are they those that the log signed and its witnesses cosigned, and does the log
    only add to what it was at the last check? Ends with 1 and a sentence on what is wrong where it is not so.
    """
    from nakadachi.kit.asking import Silent
    from nakadachi.kit.config import ConfigError

    asked = _Asked(
        where.rstrip("/"), tuple(vkey or ()), tuple(witness or ()), config, (certificate, key, authority), node
    )
    remembered = _remembered(state)
    with ending(ConfigError, _Unfit, OSError):
        try:
            walked = run(_check(asked, remembered))
        except Silent as silent:
            stop(f"{where}: 応答がありません / no answer ({silent}); what was not read was not checked", IN_PART)
    _say(walked, remembered)
    if state is not None:
        _remember(state, walked.checkpoint)


async def _check(asked: _Asked, remembered: str) -> Walked:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    from nakadachi.cli.tables import console
    from nakadachi.ledger.walk import walk_log

    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    directory, host = _place(asked)
    async with _reading(asked, host) as fetch:
        keys = await _keys(asked, directory, fetch)
        with Progress(*columns, console=console(stderr=True), transient=True) as bar:
            task = bar.add_task("")
            return await walk_log(
                fetch, keys, remembered=remembered, step=lambda done, size: bar.update(task, completed=done, total=size)
            )


def _place(asked: _Asked) -> tuple[Directory | None, str | None]:
    """The directory of the configuration that was given, and the name that the core's certificate must have."""
    from nakadachi.kit.tls import node_host
    from nakadachi.terms import NodeName, Role

    directory = _directory(_node(asked.config)) if asked.config else None
    if asked.node:
        try:
            return directory, node_host(NodeName(asked.node))
        except ValueError:
            raise _Unfit(f"--node {asked.node}: not a node; write core:<organisation code>") from None
    cores = directory.of_role(Role.CORE) if directory else ()
    return directory, node_host(cores[0].name) if len(cores) == 1 else None


def _node(config: Path) -> NodeConfig:
    from nakadachi.cli.backup import node_of

    return node_of(config)


def _directory(node: NodeConfig) -> Directory:
    from nakadachi.crypto.notes import NoteVerifier
    from nakadachi.law import directory as directories
    from nakadachi.ledger.edition import Trust
    from nakadachi.node import read_file
    from nakadachi.refusal import Refusal

    try:
        trust = Trust(NoteVerifier.from_vkey(node.trust_core), NoteVerifier.from_vkey(node.trust_commission))
        return directories.parse(trust.open(read_file(node.directory)).encode())
    except (Refusal, ValueError) as wrong:
        raise _Unfit(f"{node.directory}: not the signed directory of this network ({wrong})") from None


async def _keys(asked: _Asked, directory: Directory | None, fetch: Fetch) -> Keys:
    """The keys to check by: those that were given, else those that the directory lists."""
    from nakadachi.ledger.verify import Keys
    from nakadachi.refusal import Refusal

    vkeys, witnesses = asked.vkeys, asked.witnesses
    if directory is not None:
        witnesses = witnesses or directory.witness_keys()
        origin = asked.origin or ((await fetch("checkpoint")) or b"").partition(b"\n")[0].decode(errors="replace")
        try:
            vkeys = vkeys or (directory.log_key(origin),)
        except Refusal:
            raise _Unfit(
                f"the directory of {asked.config} (version {directory.version}) lists no log {origin!r}: give its"
                " published key with --vkey"
            ) from None
    if not vkeys:
        raise _Unfit("no key to check by: give the log's with --vkey, or a system's configuration with --config")
    if asked.origin and any(one.partition("+")[0] != asked.origin for one in vkeys):
        raise _Unfit(f"a key of another log than {asked.origin}, which the address names")
    return Keys(vkeys, witnesses)


@asynccontextmanager
async def _reading(asked: _Asked, host: str | None) -> AsyncIterator[Fetch]:
    """What is at the address, or in the folder."""
    if asked.remote:
        from nakadachi.kit.asking import reading

        async with reading(_context(asked), asked.where, host) as fetch:
            yield fetch
        return
    folder = Path(asked.where)
    if not folder.is_dir():
        raise _Unfit(f"{folder}: neither an address (https://…/log/<origin>) nor a folder")

    async def read(path: str) -> bytes | None:
        file = folder / path
        return await asyncio.to_thread(file.read_bytes) if file.is_file() else None

    yield read


def _context(asked: _Asked) -> ssl.SSLContext:
    import ssl

    from nakadachi.kit.tls import client_context

    certificate, key, authority = asked.tls
    if asked.config is not None:
        node = _node(asked.config)
        certificate, key, authority = certificate or node.certificate, key or node.key, authority or node.authority
    if certificate is None and key is None and authority is None:
        return ssl.create_default_context()
    if certificate is None or key is None or authority is None:
        raise _Unfit("--certificate, --key and --authority belong together")
    try:
        return client_context(certificate, key, authority)
    except OSError as wrong:
        raise _Unfit(f"{certificate}: the certificate and key cannot be used ({wrong})") from None


def _remembered(state: Path | None) -> str:
    if state is None or not state.exists():
        return ""
    try:
        return state.read_bytes().decode()
    except (OSError, UnicodeDecodeError) as wrong:
        stop(f"{state}: holds no checkpoint ({type(wrong).__name__}); it is the file that an earlier check wrote")


def _remember(state: Path, note: str) -> None:
    draft = state.with_name(f".{state.name}.new")
    with ending(OSError, status=IN_PART):
        draft.write_text(note, encoding="utf-8")
        draft.replace(state)


def _say(walked: Walked, remembered: str) -> None:
    import base64

    if not walked.ok:
        stop("\n  ".join(("検証できません / the log does not verify:", *walked.problems)), IN_PART)
    typer.echo(
        f"log:     {walked.origin}\nentries: {walked.size}\nroot:    {base64.b64encode(walked.root).decode()}\n"
        f"tiles:   {walked.tiles}"
    )
    if remembered:
        before = remembered.split("\n")[1]
        typer.echo(f"前回の {before} 件に追加のみ / it only adds to the {before} entries of the last check")
    typer.echo("検証できました / verified")


def add_to(app: typer.Typer) -> None:
    """The group."""
    app.add_typer(ledger, name="ledger")
