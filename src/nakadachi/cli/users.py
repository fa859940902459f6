"""The commands `commission user`: who may enter the Commission's pages (利用者). No password passes here, in either
direction: a new user gets a one-time link and chooses one.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nakadachi.cli.ending import command_group, ending
from nakadachi.cli.serve import run, start_errors

if TYPE_CHECKING:
    from datetime import datetime

    from nakadachi.kit.web.people import Entrance
    from nakadachi.kit.web.text import Text

Config = Annotated[
    Path, typer.Option("--config", help="The Commission's configuration, as `commission serve` takes it.")
]
State = Annotated[
    Path | None, typer.Option("--state", help="A state folder of `nakadachi up` that does not run: starts its server.")
]
Name = Annotated[str, typer.Argument(help="The user's name: lower-case letters, digits, dots, hyphens.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print it as JSON, for programs.")]
Work = Callable[["Entrance"], Awaitable[Any]]
_EXAMPLE = "nakadachi commission user"


def _with_people(config: Path, state: Path | None, work: Work) -> Any:
    """Do `work` with the users that a configuration names. What a person can mend ends the command with its text."""
    from nakadachi.cli.backup import with_server
    from nakadachi.kit.web.operator import UserError

    with ending(*start_errors(), UserError):
        return run(with_server(state, _opened(config, work)))


async def _opened(config: Path, work: Work) -> Any:
    from nakadachi.commission.pages.parts import ABOUT
    from nakadachi.commission.service import CommissionConfig
    from nakadachi.kit.config import ConfigError, load
    from nakadachi.kit.database import Database
    from nakadachi.kit.migrations import migrate
    from nakadachi.kit.web import staff
    from nakadachi.node import World, read_file

    loaded = load(config, CommissionConfig)
    if loaded.pages is None:
        raise ConfigError(f"{config}: it has no table [pages], so that there are no pages to enter; see sample-config")
    world = World()
    database = await Database.open(read_file(loaded.node.database).decode().strip(), max_size=2)
    try:
        await migrate(database, staff.migrations())
        foundation = staff.Foundation(loaded.node.name, database, world.clock, world.entropy)
        return await work(staff.people(ABOUT, foundation, loaded.pages))
    finally:
        await database.close()


def _show_link(name: str, link: str, until: datetime) -> None:
    from nakadachi.kit.web.text import japan_time

    typer.echo(
        f"{name} の設定リンク（{japan_time(until)} まで、1回だけ有効）/ one-time link until then:\n\n  {link}\n\n"
        "本人に安全な方法で渡してください。本人がパスワードを決め、セキュリティキーを登録します。\n"
        "Hand it over safely: its owner chooses a password and registers a security key."
    )


def add(
    name: Name,
    *,
    role: Annotated[str, typer.Option("--role", help="officer, chief, auditor or administrator (of users).")],
    config: Config,
    state: State = None,
) -> None:
    """Add a user (利用者の追加) and print the one-time link by which they begin."""
    from nakadachi.kit.web import operator

    link, until = _with_people(config, state, lambda people: operator.add(people, name, role))
    _show_link(name, link, until)


def link(name: Name, *, config: Config, state: State = None) -> None:
    """Print a new one-time link (再設定) for who lost password or keys, or is locked."""
    from nakadachi.kit.web import operator

    made, until = _with_people(config, state, lambda people: operator.renew(people, name))
    _show_link(name, made, until)


def remove(name: Name, *, config: Config, state: State = None) -> None:
    """Remove a user (利用者の削除): they are out at once, and the name stays taken."""
    from nakadachi.kit.web import operator

    _with_people(config, state, lambda people: operator.remove(people, name))
    typer.echo(f"{name} を削除しました / removed")


def list_(*, config: Config, state: State = None, as_json: AsJson = False) -> None:
    """List the users (利用者の一覧), those removed last."""
    from nakadachi.commission.pages.parts import ROLES
    from nakadachi.kit.clock import SystemClock
    from nakadachi.kit.web import operator
    from nakadachi.kit.web.user_pages import state_of

    found = _with_people(config, state, operator.users)
    now = SystemClock().now()
    rows = [(one, state_of(one, now).text) for one in found]
    if as_json:
        words = [
            {"name": one.name, "role": one.role, "state": said.english, "keys": one.keys, "entered_at": one.entered_at}
            for one, said in rows
        ]
        typer.echo(json.dumps(words, ensure_ascii=False, default=str))
        return
    for one, said in rows:
        typer.echo(f"{one.name:<32}  {_both(ROLES[one.role])}  {_both(said)}")
    if not rows:
        typer.echo("利用者はいません。`user add` で追加してください / no users yet: `user add` adds one")


def _both(text: Text) -> str:
    return f"{text.japanese} / {text.english}"


def add_to(group: typer.Typer) -> None:
    """The group `user`."""
    users = command_group("Who may enter the Commission's pages (委員会の画面の利用者).")
    users.command(epilog=f"\b\nExample: {_EXAMPLE} add sato --role officer --config commission.toml")(add)
    users.command(epilog=f"\b\nExample: {_EXAMPLE} link sato --config commission.toml")(link)
    users.command("list", epilog=f"\b\nExample: {_EXAMPLE} list --config commission.toml")(list_)
    users.command(epilog=f"\b\nExample: {_EXAMPLE} remove sato --config commission.toml")(remove)
    group.add_typer(users, name="user")
