"""The commands for the keys of link codes (符号鍵): replace one, see how far that is, retire the former (C6).

They ask and order at the door of the running core, with the core's own certificate; they never touch its database.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nakadachi.cli.ending import IN_PART, stop
from nakadachi.cli.operator import at_the_door
from nakadachi.terms import JAPAN, OrganisationCode

if TYPE_CHECKING:
    from rich.table import Table

    from nakadachi.kit.asking import Door

Row = dict[str, Any]
LOOK_SECONDS = 1.0
STATES = {"current": "現用 / current", "next": "更新中 / next", "retired": "失効 / retired"}
TROUBLES = {
    "unknown-organisation": (
        "その機関の中間サーバーは名簿にありません / the directory lists no intermediate server of that organisation;"
        " `nakadachi core keys` lists those it has"
    ),
    "under-way": (
        "鍵の更新が進行中です / its key is being replaced already: wait until that ends (`nakadachi core keys`); only"
        " --emergency, after a compromise, overtakes it"
    ),
    "emergency-under-way": (
        "緊急の鍵更新が進行中です / its key is being replaced in an emergency already: wait until that ends"
        " (`nakadachi core keys`)"
    ),
    "nothing-to-retire": (
        "失効させる鍵がありません / there is no key to retire: none of this organisation is being replaced"
    ),
    "people-left": (
        "新しい符号を確認していない人が {people} 人います / {people} people's new codes are not confirmed: wait until"
        " its systems run and `nakadachi core keys` shows all replaced; --anyway retires the key all the same, and"
        " those people are not reachable until their new codes arrive"
    ),
    "no-master": (
        "鍵の元になる秘密がありません / the secret that the configuration names as rotation.master is not in the core's"
        " key store, or has not 32 bytes; put it there first"
    ),
    "last-index": "鍵番号が尽きました / the last key index is in use: no further key is possible",
}
"""What is said of each trouble the core may have with an order (nakadachi.core.key_rules.Trouble)."""


def _organisation(text: str) -> OrganisationCode:
    try:
        return OrganisationCode(text)
    except ValueError:
        raise typer.BadParameter("an organisation code is 16 digits; `nakadachi core keys` lists them") from None


Config = Annotated[Path, typer.Option("--config", help="The core's configuration (TOML).")]
Url = Annotated[str, typer.Option("--url", help="Where the core is asked, if not where its configuration listens.")]
Organisation = Annotated[
    OrganisationCode, typer.Option("--organisation", parser=_organisation, metavar="CODE", help="Whose key it is.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the answer as JSON, for programs.")]


def rotate(
    *,
    config: Config,
    organisation: Organisation,
    emergency: Annotated[
        bool, typer.Option("--emergency", help="After a compromise: the former codes are refused to inquirers at once.")
    ] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until everybody's new code is confirmed.")] = False,
    url: Url = "",
    json: AsJson = False,
) -> None:
    """Replace an organisation's key of link codes (鍵の更新).

    Its people's new codes are sent to it while exchanges go on; both are honoured until the former key is retired.
    """
    order = {"organisation": organisation.value, "emergency": emergency}
    begun = _ordered(config, url, order)
    if wait:
        at_the_door("core", config, url, lambda door: _watch(door, organisation, begun["key_index"]))
    if json:
        _print(begun)
        return
    typer.echo(
        f"{organisation}: 鍵番号 {begun['key_index']} への更新を始めました、{begun['people']} 人 / the replacement by"
        f" key index {begun['key_index']} has begun for {begun['people']} people"
    )
    if wait:
        typer.echo("全員の新しい符号が確認されました / everybody's new code is confirmed")


def keys(*, config: Config, url: Url = "", json: AsJson = False) -> None:
    """List the keys of link codes: whose, which, since when, how many people have its code (鍵の一覧)."""
    from nakadachi.cli import tables

    rows: list[Row] = at_the_door("core", config, url, lambda door: door.get("/keys"))
    if json:
        _print(rows)
    elif rows:
        tables.console().print(_table(rows))
    else:
        typer.echo("機関がありません / The directory lists no organisation with people")


def retire(
    *,
    config: Config,
    organisation: Organisation,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Even if new codes are not confirmed by their holder.")
    ] = False,
    url: Url = "",
    json: AsJson = False,
) -> None:
    """Retire an organisation's former key at once (旧鍵の失効).

    What was begun under a former code and has no permit yet is refused from then on. Without this command the core
    retires the key by itself, rotation.retire_after seconds after the last confirmation.
    """
    done = _ordered(config, url, {"organisation": organisation.value, "retire": True, "anyway": anyway})
    if json:
        _print(done)
        return
    typer.echo(
        f"{organisation}: 旧鍵を失効させました、現用は鍵番号 {done['key_index']} / the former key is retired; key index"
        f" {done['key_index']} is in use"
    )
    if done["people"]:
        typer.echo(f"未確認 {done['people']} 人 / not confirmed for {done['people']} people")


def _ordered(config: Path, url: str, order: Row) -> Row:
    """What came of an order; trouble ends the command with its text."""
    answer: Row = at_the_door("core", config, url, lambda door: door.post("/keys/orders", order))
    if trouble := answer.get("trouble"):
        stop(f"{order['organisation']}: " + TROUBLES[trouble].format(people=answer["people"]), IN_PART)
    if "key_index" not in answer:
        stop(f"{answer.get('title_ja', '')} / {answer.get('title', answer)}")
    return answer


async def _watch(door: Door, organisation: OrganisationCode, key_index: int) -> None:
    """Show how far it is until everybody is confirmed, or it was overtaken. Raises Silent."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    from nakadachi.cli.tables import console

    with Progress(BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=console(stderr=True)) as bar:
        task = bar.add_task("")
        while True:
            rows: list[Row] = await door.get("/keys")
            (row,) = [one for one in rows if (one["organisation"], one["key_index"]) == (organisation.value, key_index)]
            bar.update(task, total=row["total"], completed=row["replaced"])
            if row["confirmed_at"] or row["finished_at"]:
                return
            await asyncio.sleep(LOOK_SECONDS)


def _table(rows: Sequence[Row]) -> Table:
    """鍵の一覧, times in Japan's."""
    from nakadachi.cli import tables

    made = tables.stacked(
        ("機関", "Organisation"), ("鍵番号", "Key"), ("状態", "State"), ("更新済み", "Replaced"),
        ("作成", "Since"), ("全員確認", "Confirmed"), ("失効", "Retired"), numbers=range(1, 2),
    )  # fmt: skip
    for row in rows:
        state = STATES[row["state"]] + ("、漏えい / compromised" if row.get("compromised") else "")
        state += "、緊急 / emergency" if row["emergency"] else ""
        count = "–" if row.get("total") is None else f"{row['replaced']} / {row['total']}"
        times = (_moment(row.get(name)) for name in ("created_at", "confirmed_at", "retired_at"))
        made.add_row(row["organisation"], str(row["key_index"]), state, count, *times)
    return made


def _moment(text: str | None) -> str:
    return datetime.fromisoformat(text).astimezone(JAPAN).strftime("%Y-%m-%d %H:%M") if text else "–"


def _print(answer: Any) -> None:
    typer.echo(json.dumps(answer, ensure_ascii=False))


def add_to(group: typer.Typer) -> None:
    """The commands, in the core's group."""
    whose = "--config core.toml --organisation 9901000000000003"
    group.command(epilog=f"\b\nExample: nakadachi core rotate {whose} --wait")(rotate)
    group.command(epilog="\b\nExample: nakadachi core keys --config core.toml")(keys)
    group.command(epilog=f"\b\nExample: nakadachi core retire {whose}")(retire)
