"""The commands for the Commission's trails (証跡): what came from whom, and what the three do not say alike (A1, A2).

They ask at the door of the running Commission system, with its own certificate; they never touch its database.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlencode

import typer

from nakadachi.cli.ending import IN_PART, stop
from nakadachi.cli.operator import at_the_door
from nakadachi.terms import JAPAN, NodeName, Serial

if TYPE_CHECKING:
    from rich.table import Table


Row = dict[str, Any]
VERDICTS = {
    "complete": "一致 / complete",
    "late": "一致（遅延） / complete, handed over late",
    "under-way": "進行中 / under way",
    "missing": "欠落 / missing",
    "extra": "余分 / extra",
    "differing": "不一致 / differing",
    "unknown": "結果不明 / ended unknown",
    "": "未突合 / not reconciled yet",
}
SIDES = {
    "core": "コア / core",
    "inquirer": "照会者 / inquirer",
    "provider": "提供者 / provider",
    "other": "三者間 / between them",
}
FIELDS = {
    "prefix": "プレフィックス情報 / prefix",
    "items": "項目 / items",
    "serial": "処理通番 / serial",
    "leaf": "許可証 / leaf",
    "reason": "理由 / reason",
    "ending": "結果 / ending",
    "staff": "職員 / staff",
    "time": "日時 / time",
    "tag": "監視タグ / oversight tag",
    "": "",
}
WRONG = ("missing", "extra", "differing", "unknown")


def _node(text: str) -> NodeName:
    try:
        return NodeName(text)
    except ValueError:
        raise typer.BadParameter("a node is <role>:<organisation code>; `nakadachi trails` lists them") from None


def _serial(text: str) -> Serial:
    try:
        return Serial(text)
    except ValueError:
        raise typer.BadParameter("a serial is <organisation code>-<26 characters>") from None


Config = Annotated[Path, typer.Option("--config", help="The Commission system's configuration (TOML).")]
Url = Annotated[str, typer.Option("--url", help="Where it is asked, if not where its configuration listens.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the answer as JSON, for programs.")]


def trails(
    *,
    config: Config,
    ask: Annotated[
        NodeName | None,
        typer.Option("--ask", parser=_node, metavar="NODE", help="Have this node hand over its trail once more."),
    ] = None,
    first: Annotated[int, typer.Option("--from", min=1, help="With --ask: from which number on.")] = 1,
    url: Url = "",
    json: AsJson = False,
) -> None:
    """Show whose trails came up to which number, and what lacks (証跡の受領状況).

    Exit status 1 where a trail has a gap, or two entries under one number.
    """
    if ask is not None:
        answer: Row = at_the_door(
            "commission", config, url, lambda door: door.post("/trails/wanted", {"author": ask.value, "first": first})
        )
        if not answer.get("asked"):
            stop(
                f"{ask}: 証跡を受け取ったことがありません / it never handed over a trail, so it may not know the"
                " request; `nakadachi trails` shows who did",
                IN_PART,
            )
        typer.echo(f"{ask}: {first} 番からの証跡を要求しました / its trail is asked for from number {first} on")
        return
    rows: list[Row] = at_the_door("commission", config, url, lambda door: door.get("/trails"))
    if json:
        _print(rows)
    elif rows:
        from nakadachi.cli import tables

        tables.console().print(_trails(rows))
    else:
        typer.echo("証跡を提供するノードがありません / The directory lists no node that hands over trails")
    if any(row["lacking"] or row["contradictions"] for row in rows):
        raise typer.Exit(IN_PART)


def reconcile(
    *,
    config: Config,
    serial: Annotated[
        list[Serial] | None,
        typer.Option("--serial", parser=_serial, metavar="SERIAL", help="Only this exchange, with its evidence."),
    ] = None,
    url: Url = "",
    json: AsJson = False,
) -> None:
    """Show how exchanges stand by the trails of core, inquirer and provider, and which do not agree (三者突合の結果).

    Exit status 1 where some do not agree.
    """
    query = urlencode([("serial", one.value) for one in serial or ()])
    answer: Row = at_the_door(
        "commission", config, url, lambda door: door.get("/reconciliation" + (f"?{query}" if query else ""))
    )
    if json:
        _print(answer)
    else:
        _show(answer, asked=bool(serial))
    wrong = any(one["verdict"] in WRONG for one in answer["exchanges"])
    if wrong or (serial and not answer["exchanges"]):
        raise typer.Exit(IN_PART)


def _show(answer: Row, *, asked: bool) -> None:
    from nakadachi.cli import tables

    console = tables.console()
    if asked:
        if not answer["exchanges"]:
            typer.echo("その処理通番の証跡はありません / There is no trail of such an exchange")
        for one in answer["exchanges"]:
            typer.echo(f"{one['serial']}: {VERDICTS[one['verdict']]}" + "".join(map(_trouble, one["troubles"])))
            console.print(_entries(one["entries"]))
        return
    if not answer["counts"]:
        typer.echo("証跡はまだありません / No trail has come yet")
        return
    console.print(_counts(answer["counts"]))
    if answer["exchanges"]:
        console.print(_disagreeing(answer["exchanges"]))
        typer.echo("--serial で証跡を表示します / --serial SERIAL shows the evidence")
    else:
        typer.echo("不一致はありません / all that is reconciled agrees")


def _trails(rows: Sequence[Row]) -> Table:
    from nakadachi.cli import tables

    made = tables.stacked(
        ("ノード", "Node"), ("証跡", "Entries"), ("欠番", "Lacking"), ("矛盾", "Contradicted"), ("最終受領", "Heard"),
        numbers=range(1, 4),
    )  # fmt: skip
    for row in rows:
        made.add_row(
            row["author"],
            *(str(row[name]) for name in ("entries", "lacking", "contradictions")),
            _at_time(row["heard_at"]),
        )
    return made


def _counts(counts: Row) -> Table:
    from nakadachi.cli import tables

    made = tables.stacked(("結果", "Outcome"), ("件数", "Exchanges"), numbers=range(1, 2))
    for verdict, words in VERDICTS.items():
        if counts.get(verdict):
            made.add_row(words, str(counts[verdict]))
    return made


def _disagreeing(exchanges: Sequence[Row]) -> Table:
    from nakadachi.cli import tables

    made = tables.stacked(("処理通番", "Serial"), ("内容", "What"), ("突合", "Reconciled"), numbers=range(0))
    for one in exchanges:
        what = "\n".join(_trouble(each).strip(" :") for each in one["troubles"])
        made.add_row(one["serial"], what, _at_time(one["judged_at"]))
    return made


def _entries(entries: Sequence[Row]) -> Table:
    from nakadachi.cli import tables

    made = tables.stacked(
        ("ノード", "Node"), ("番号", "Number"), ("立場", "Side"), ("記録", "Event"), ("日時", "At"), ("受領", "Kept"),
        ("理由", "Reason"), numbers=range(1, 2),
    )  # fmt: skip
    for one in entries:
        times = (_at_time(one["at"]), _at_time(one["kept_at"]))
        made.add_row(one["author"], str(one["number"]), SIDES[one["side"]], one["event"], *times, one["reason"] or "–")
    return made


def _trouble(one: Row) -> str:
    field = FIELDS[one["field"]]
    return f" : {VERDICTS[one['verdict']]}、{SIDES[one['side']]}" + (f"、{field}" if field else "")


def _at_time(text: str | None) -> str:
    return datetime.fromisoformat(text).astimezone(JAPAN).strftime("%Y-%m-%d %H:%M:%S") if text else "–"


def _print(answer: Any) -> None:
    typer.echo(json.dumps(answer, ensure_ascii=False))


def add_to(app: typer.Typer) -> None:
    """The commands `trails` and `reconcile`."""
    app.command(epilog="\b\nExample: nakadachi trails --config commission.toml")(trails)
    app.command(epilog="\b\nExample: nakadachi reconcile --config commission.toml")(reconcile)
