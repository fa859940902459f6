"""The commands of dual control (二人による管理): an officer's secret, a key under officers, another officer."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nakadachi.cli.ending import ending, stop
from nakadachi.cli.key_options import Config, Operator, opened

ID_KEY = "id-key"
Key = Annotated[str, typer.Option("--name", help="Which key.")]


def new_officer(
    *,
    to: Annotated[Path, typer.Option("--to", help="The new file, on a device of the officer's own.")],
    name: Annotated[str, typer.Option("--name", help="The officer's name in this system: a-z, 0-9 and -.")],
) -> None:
    """Make an officer's secret (管理者の秘密). The officer does it, alone; nobody else sees the file."""
    from nakadachi.kit.entropy import SystemEntropy
    from nakadachi.kit.key_error import KeyStoreError
    from nakadachi.kit.officers import new_officer as make

    with ending(KeyStoreError):
        make(to, name, SystemEntropy())
    typer.echo(f"作成しました / made: {to}\nKeep it, and one copy, where only {name} reaches it.")


def guard_(
    *,
    config: Config,
    officer: Annotated[list[Path], typer.Option("--officer", help="An officer's secret; give two to five.")],
    name: Key = ID_KEY,
    operator: Operator = "",
) -> None:
    """Put a key under the control of officers (二人による管理): any two of them open it, and no single one.

    Then name two of their files in node.key_store.officers. Copies of the key's file from before are not under control:
    destroy them.
    """
    from nakadachi.kit.key_error import KeyStoreError
    from nakadachi.kit.key_files import replace_file
    from nakadachi.kit.key_journal import Act
    from nakadachi.kit.officers import guard, is_guarded, read_officer

    with ending(*_errors()):
        officers = [read_officer(path) for path in officer]
        store = opened(config, operator)
        if store.everything().get(name) == "token":
            stop(
                f"{name} lies inside the token, which gives it to nobody, so it cannot be put under officers."
                " Take it in again (keys import) with node.key_store.officers set; make it anew where there is no copy"
            )
        raw = store.raw(name)
        if is_guarded(raw):
            stop(f"{name} is under the control of officers already; `keys change-officer` changes one of them")
        try:
            store.sealer.open(name, raw)  # what does not open now is not to be hidden under two more locks
        except ValueError:
            raise KeyStoreError(f"{store.path(name)}: does not open with the unlocking key") from None
        replace_file(store.path(name), guard(raw, officers, name, store.entropy), store.entropy)
        store.journal.note(Act.GUARD, name, note="under " + ", ".join(one.name for one in officers))
    typer.echo(
        f"二人による管理にしました / {name} opens with any two of: {', '.join(one.name for one in officers)}"
        f"\nIn {config}, below [node.key_store]: officers = [<two of their files>]"
    )


def change_officer(
    *,
    config: Config,
    gone: Annotated[str, typer.Option("--gone", help="The name of the officer who goes.")],
    new: Annotated[Path, typer.Option("--new", help="The secret of the officer who comes.")],
    officer: Annotated[list[Path], typer.Option("--officer", help="The secrets of all who stay, each once.")],
    name: Key = ID_KEY,
    operator: Operator = "",
) -> None:
    """Put one officer in the place of another (管理者の交代). All who stay must be present.

    Where there are two, the one who goes must be there as well. The secret of who went opens nothing but copies of
    the key's file from before.
    """
    from nakadachi.kit.key_files import replace_file
    from nakadachi.kit.key_journal import Act
    from nakadachi.kit.officers import change_officer as change
    from nakadachi.kit.officers import is_guarded, read_officer

    with ending(*_errors()):
        present, comes = [read_officer(path) for path in officer], read_officer(new)
        store = opened(config, operator, officer)
        raw = store.raw(name)
        if not is_guarded(raw):
            stop(f"{name} is not under the control of officers; `keys guard` puts it there")
        changed = change(raw, present, name, gone=gone, new=comes, entropy=store.entropy)
        replace_file(store.path(name), changed, store.entropy)
        store.journal.note(Act.CHANGE_OFFICER, name, note=f"{comes.name} for {gone}")
    typer.echo(f"交代しました / {comes.name} in the place of {gone}")


def _errors() -> tuple[type[Exception], ...]:
    from nakadachi.kit.config import ConfigError
    from nakadachi.kit.key_error import KeyStoreError

    return ConfigError, KeyStoreError, OSError


def add_to(group: typer.Typer) -> None:
    """The three commands."""
    own = "--to /media/usb/secret --name officer-1"
    group.command("new-officer", epilog=f"\b\nExample: nakadachi keys new-officer {own}")(new_officer)
    both = "--officer /media/one/secret --officer /media/two/secret"
    group.command("guard", epilog=f"\b\nExample: nakadachi keys guard --config core.toml {both}")(guard_)
    change = "--gone officer-2 --new /media/three/secret --officer /media/one/secret --officer /media/two/secret"
    group.command("change-officer", epilog=f"\b\nExample: nakadachi keys change-officer --config core.toml {change}")(
        change_officer
    )
