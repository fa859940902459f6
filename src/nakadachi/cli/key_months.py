"""The commands `keys months` and `keys destroy`: which months have a key, and destroying one for good."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from nakadachi.cli.ending import ending, stop
from nakadachi.cli.key_options import Config, Operator, opened
from nakadachi.cli.serve import run, start_errors

if TYPE_CHECKING:
    from pathlib import Path

    from nakadachi.kit.key_folder import FolderKeyStore
    from nakadachi.kit.key_months import Month


def months(
    *,
    config: Config,
    count: Annotated[
        bool, typer.Option("--count", help="Also count in the database what lies wrapped under each; reads it through.")
    ] = False,
) -> None:
    """List the months (月の鍵): which have a key, until when each is to be kept, which were destroyed and by whom."""
    from nakadachi.cli import tables
    from nakadachi.kit.key_journal import verify
    from nakadachi.kit.key_months import months as all_months
    from nakadachi.terms import JAPAN, japan_day

    with ending(*start_errors()):
        store = opened(config, "")
        wrapped = run(_wrapped(config)) if count else None
        today = japan_day(store.journal.clock.now())
        found = all_months(store.month_names(), verify(store.folder).entries, today, wrapped)
    if not found:
        typer.echo("まだありません / no month has a key yet")
        return
    headers = ("月", "Month"), ("状態", "State"), ("保存期限", "Kept until"), ("件数", "Wrapped")
    table = tables.stacked(*headers, numbers=range(3, 4))
    for one in found:
        number = "–" if one.wrapped is None else str(one.wrapped)
        when = f"{one.destroyed_at.astimezone(JAPAN):%Y-%m-%d %H:%M}" if one.destroyed_at else ""
        table.add_row(one.name, _state(one, when), one.kept_until, number)
    tables.console().print(table)


def _state(one: Month, when: str) -> str:
    if one.destroyed_at:
        return f"廃棄済み / destroyed {when}, {one.by}" + (f": {one.why}" if one.why else "")
    return "廃棄可 / may be destroyed" if one.may_go else "保存中 / kept"


async def _wrapped(config: Path) -> dict[str, int]:
    """How many things lie wrapped under each month, in the database of a core or an intermediate server."""
    from nakadachi.cli.backup import node_of
    from nakadachi.core import ending_store
    from nakadachi.intermediate import ending_store as own_endings
    from nakadachi.kit.database import Database
    from nakadachi.node import read_file
    from nakadachi.terms import Role

    node = node_of(config)
    counted = {
        Role.CORE: ending_store.wrapped_by_month,
        Role.INTERMEDIATE: own_endings.wrapped_by_month,
    }.get(node.name.role)
    if counted is None:
        return {}
    database = await Database.open(read_file(node.database).decode().strip(), max_size=1)
    try:
        async with database.acquire() as connection:
            return await counted(connection)
    finally:
        await database.close()


def destroy(
    *,
    config: Config,
    month: Annotated[str, typer.Option("--month", help="The month whose key is destroyed: 2019-03.")] = "",
    name: Annotated[str, typer.Option("--name", help="Or another key that is used no more: signing.")] = "",
    force: Annotated[
        str, typer.Option("--force", help="A month before its time, or a key by name: the reason, for the journal.")
    ] = "",
    confirm: Annotated[str, typer.Option("--confirm", help="Month or name once more, instead of being asked.")] = "",
    operator: Operator = "",
) -> None:
    """Destroy a key for good (廃棄). What a month's key wraps opens for nobody any more, in every backup too.

    Systems that run forget it by themselves. Records and log stay, and what they hold beside the wrapped parts.
    """
    if bool(month) is bool(name) or name.startswith("month-"):
        stop("give either --month, such as 2019-03, or the --name of another key")
    if name and not force.strip():
        stop(f'{name}: nothing here knows whether it is still used; if it is not, say why: --force "<why>"')
    what = month or name
    with ending(*start_errors()):
        store = opened(config, operator)
        key = _to_go(store, month, name, force)
        typed = confirm or typer.prompt(f"{what} の鍵を廃棄します。元に戻せません / this cannot be undone. Type {what}")
        if typed.strip() != what:
            stop(f"{typed.strip()[:20]!r} is not {what}: nothing was destroyed")
        store.destroy(key, f"forced: {force}" if force else "its time is over")
    typer.echo(f"廃棄しました / destroyed: {what}")
    if store.sealer.where == "file":
        typer.echo("鍵の写しも廃棄してください / copies of this key store's folder still hold it: destroy it there too")


def _to_go(store: FolderKeyStore, month: str, name: str, force: str) -> str:
    """The key that is meant, and may go. Raises KeyStoreError."""
    from nakadachi.kit.key_folder import MONTH
    from nakadachi.kit.key_months import require_destroyable
    from nakadachi.terms import japan_day

    if month:
        require_destroyable(month, store.month_names(), japan_day(store.journal.clock.now()), force)
        return MONTH + month
    if not store.has(name):
        stop(f"there is no key {name}; `keys list` shows all")
    return name


def add_to(group: typer.Typer) -> None:
    """The two commands."""
    group.command("months", epilog="\b\nExample: nakadachi keys months --config core.toml --count")(months)
    group.command("destroy", epilog="\b\nExample: nakadachi keys destroy --config core.toml --month 2019-03")(destroy)
