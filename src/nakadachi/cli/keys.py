"""The commands `keys`: what a key store has, makes, takes in, its journal, its officers; they never show a key."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nakadachi.cli import key_months, officers
from nakadachi.cli.ending import IN_PART, command_group, ending, stop
from nakadachi.cli.key_options import Config, Operator, opened

if TYPE_CHECKING:
    from nakadachi.kit.key_folder import FolderKeyStore
    from nakadachi.kit.key_journal import Entry

_OLD = "--config core.toml --from old/keys --unlock old/unlock"

group = command_group("The keys of one system (鍵): list, make, take in, test, destroy; the journal of what was done.")


@group.command("list", epilog="\b\nExample: nakadachi keys list --config core.toml")
def list_(*, config: Config, operator: Operator = "") -> None:
    """List the keys of a system (一覧): each one's name, and where it lies."""
    from nakadachi.cli import tables

    with ending(*key_errors()):
        found = opened(config, operator).everything()
    if not found:
        typer.echo("まだありません / this key store has no key yet")
        return
    table = tables.stacked(("鍵", "Key"), ("場所", "Where"), numbers=range(0))
    for name, where in sorted(found.items()):
        table.add_row(name, WHERE.get(where, where))
    tables.console().print(table)


WHERE = {
    "file": "ファイル / file",
    "file + officers": "ファイル、二人で管理 / file, two officers",
    "file, sealed by the token": "トークンで封じたファイル / file, sealed by the token",
    "file, sealed by the token + officers": "トークンで封じ、二人で管理 / file, sealed by the token, two officers",
    "token": "トークンの中 / inside the token",
}


@group.command(epilog="\b\nExample: nakadachi keys make --config core.toml --name signing-2")
def make(
    *,
    config: Config,
    name: Annotated[
        str, typer.Option("--name", help="The new key: signing-2, seal-default-2, log-2, … Without it: all it lacks.")
    ] = "",
    operator: Operator = "",
) -> None:
    """Make a new key where it is to live (作成), and print what others must know of it. None is ever overwritten.

    Without --name: all keys that a system of this role has and this one lacks.
    """
    from nakadachi.cli.backup import node_of
    from nakadachi.country.founding import SECRETS

    with ending(*key_errors()):
        store = opened(config, operator)
        own = ("signing", *SECRETS.get(node_of(config).name.role, ()))
        names = [name] if name else [one for one in own if not store.names(one)]
        for one in names:
            store.make(one)
            typer.echo(f"作成しました / made: {one}")
            if public := _public(store, one):
                typer.echo(public)
        if not names:
            typer.echo("すべてそろっています / none is lacking")


def _public(store: FolderKeyStore, name: str) -> str:
    """What the directory says of a key; empty for a secret of which nobody else knows anything."""
    from nakadachi.crypto.sealing import SealSuite, new_private
    from nakadachi.kit.key_folder import is_signing

    if is_signing(name):
        return store.signer(name).public.spki
    for suite in SealSuite:
        if name.startswith(f"seal-{suite.value}"):
            return b64encode(new_private(suite, store.secret(name)).public_bytes).decode()
    return ""


@group.command("import", epilog=f"\b\nExample: nakadachi keys import {_OLD}")
def import_(
    *,
    config: Config,
    source: Annotated[Path, typer.Option("--from", help="The folder of a file key store.", file_okay=False)],
    unlock: Annotated[Path, typer.Option("--unlock", help="The file that unlocks it.")],
    operator: Operator = "",
) -> None:
    """Take all keys of a file key store into this one (取込), for instance into a token. The source stays as it is.

    What is here already is left alone, so that the command may be repeated. Once all is well, destroy the source.
    """
    from nakadachi.kit.entropy import SystemEntropy
    from nakadachi.kit.key_journal import Act
    from nakadachi.kit.keystore import FileKeyStore

    with ending(*key_errors()):
        store = opened(config, operator)
        if source.resolve() == store.folder.resolve():
            stop(f"{source}: is the folder of this very store; move its files elsewhere first")
        files = FileKeyStore(source, unlock, SystemEntropy(), officers=store.officers)
        names = [name for name in files.everything() if not store.has(name)]
        for name in names:
            secret = files.secret(name)
            files.journal.note(Act.EXPORT, name, note=f"into {store.sealer.where}")
            store.put(name, secret)
            typer.echo(f"取り込みました / taken in: {name}")
    typer.echo(f"{len(names)} keys. Test them (nakadachi keys test), then destroy {source} and {unlock}.")


@group.command("test", epilog="\b\nExample: nakadachi keys test --config core.toml")
def try_all(
    *,
    config: Config,
    operator: Operator = "",
    officer: Annotated[
        list[Path] | None, typer.Option("--officer", help="Officers' secrets instead of those of the configuration.")
    ] = None,
) -> None:
    """Open every key and use it once (点検): does the system start with what is there now? Ends with 1 if not."""
    from nakadachi.kit.key_error import KeyStoreError
    from nakadachi.kit.key_journal import Act, Outcome

    with ending(*key_errors()):
        store = opened(config, operator, officer)
        wrong = 0
        for name in sorted(store.everything()):
            try:
                _try(store, name)
                typer.echo(f"良 / ok      {name}")
            except (KeyStoreError, ValueError) as failure:
                wrong += 1
                typer.echo(f"不可 / wrong {name}: {failure}")
        store.journal.note(Act.TEST, "*", Outcome.FAILED if wrong else Outcome.DONE)
    if wrong:
        stop(f"{wrong} keys do not open", IN_PART)


def _try(store: FolderKeyStore, name: str) -> None:
    from nakadachi.kit.key_folder import is_signing

    if is_signing(name):
        store.signer(name).sign(b"a test of this key")
    elif name == officers.ID_KEY:
        store.mac(name)(b"a test of this key")
    else:
        store.secret(name)


@group.command(epilog="\b\nExample: nakadachi keys log --config core.toml")
def log(
    *,
    config: Config,
    head: Annotated[str, typer.Option("--head", help="A head noted before: '<number> <hash>'.")] = "",
) -> None:
    """Show what was done with the keys outside exchanges (鍵の記録), and check that no line is lost or changed.

    Ends with 1 if one is. Note the head elsewhere from time to time: who writes the folder can cut the whole journal.
    """
    from nakadachi.cli.backup import node_of
    from nakadachi.kit.key_journal import unrecorded, verify

    with ending(*key_errors()):
        folder = node_of(config).keys
        verdict = verify(folder, head)
    strange = unrecorded(verdict.entries, (path.stem for path in folder.glob("*.key")))
    problems = (*verdict.problems, *(f"{name}.key is not on record: who put it there?" for name in strange))
    _show(verdict.entries)
    typer.echo(f"head: {verdict.head[0]} {verdict.head[1]}")
    if problems:
        stop("\n  ".join(("the journal does not verify:", *problems)), IN_PART)
    typer.echo("検証できました / verified")


def _show(entries: tuple[Entry, ...]) -> None:
    from nakadachi.cli import tables
    from nakadachi.terms import JAPAN

    table = tables.stacked(
        ("番号", "No."), ("日時", "When"), ("鍵", "Key"), ("行為", "Act"), ("結果", "Outcome"), ("誰", "Who"),
        ("処理", "Process"), ("備考", "Note"), numbers=range(1),
    )  # fmt: skip
    for one in entries:
        when = f"{one.at.astimezone(JAPAN):%Y-%m-%d %H:%M:%S}"
        table.add_row(str(one.seq), when, one.key, one.act, one.outcome, one.who, one.process, one.note)
    tables.console().print(table)


def key_errors() -> tuple[type[Exception], ...]:
    """What a person can mend."""
    from nakadachi.kit.config import ConfigError
    from nakadachi.kit.key_error import KeyStoreError

    return ConfigError, KeyStoreError


def add_to(app: typer.Typer) -> None:
    """The group, with months and officers."""
    key_months.add_to(group)
    officers.add_to(group)
    app.add_typer(group, name="keys")
