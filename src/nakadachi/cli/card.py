"""The card in a reader (個人番号カード): what its holder and a verifier do with it; it asks and shows.

No secret is ever an option or an argument: those stand in the shell's history and in the machine's list of processes.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nakadachi.cli.ending import IN_PART, command_group, ending, stop

if TYPE_CHECKING:
    from nakadachi.neighbours.card.card import Card
    from nakadachi.neighbours.card.pin import Secret
    from nakadachi.neighbours.card.reader import Reader

card = command_group("個人番号カードの代役: a software card, its counter, and its agent for browsers.")

CardFile = Annotated[Path, typer.Argument(metavar="CARD", help="カードのファイル: the software card.")]
Unlock = Annotated[
    Path,
    typer.Option("--unlock", envvar="NAKADACHI_CARD_KEY", help="File with the key that opens the card's file."),
]
Counter = Annotated[
    Path | None,
    typer.Option("--counter", envvar="NAKADACHI_CARD_COUNTER", help="The counter's configuration, to look further."),
]
KindText = Annotated[
    str,
    typer.Argument(metavar="KIND", help="authentication (利用者証明用), signature (署名用) or support (入力補助用)."),
]


def in_reader(path: Path, unlock: Path) -> Card:
    """The card of a file. Ends the command where its key cannot be read."""
    from nakadachi.kit.entropy import SystemEntropy
    from nakadachi.neighbours.card.card import Card
    from nakadachi.neighbours.card.office import medium_of
    from nakadachi.neighbours.card.texts import CardError

    entropy = SystemEntropy()
    with ending(CardError):
        return Card(medium_of(path, unlock, entropy), entropy)


def secret_named(kind: str) -> Secret:
    """The secret that a command names."""
    from nakadachi.neighbours.card.pin import Secret

    if kind not in {one.value for one in Secret}:
        raise typer.BadParameter(f"種類 / KIND: {', '.join(one.value for one in Secret)}")
    return Secret(kind)


def ask_shown(reader: Reader, secret: Secret) -> str:
    """Ask for a secret, after saying how many tries are left. Ends the command where there is none to try."""
    from nakadachi.neighbours.card.texts import CardError, Trouble

    left = reader.tries(secret)
    if not left:
        raise CardError(Trouble.NOT_SET if left is None else Trouble.LOCKED, secret.rule.english)
    last = "（次に間違えるとロックされます / one more mistake locks it）" if left == 1 else ""
    tries = "try" if left == 1 else "tries"
    typer.echo(f"{secret.rule.japanese}: 残り{left}回{last} / {secret.rule.english}: {left} {tries} left", err=True)
    return ask(f"{secret.rule.japanese} / {secret.rule.english}")


def ask(prompt: str) -> str:
    """One secret from the person: not echoed; from a pipe, its next line."""
    if sys.stdin.isatty():
        return str(typer.prompt(prompt, hide_input=True, err=True)).strip()
    line = sys.stdin.readline()
    if not line:
        stop(f"{prompt}: 入力がありません / nothing was entered")
    return line.strip()


def ask_new(secret: Secret) -> str:
    """A new secret, entered twice. Raises CardError where its shape does not fit."""
    from nakadachi.neighbours.card.texts import CardError, Trouble

    new = ask(f"新しい{secret.rule.japanese} / new {secret.rule.english}")
    if not secret.rule.fits(new.encode()):
        raise CardError(Trouble.BAD_SHAPE, secret.rule.english)
    if ask("確認のためもう一度 / once more") != new:
        stop("二つの入力が違います。何も変えていません / the two differ; nothing was changed")
    return new


@card.command(epilog="\b\nExample: nakadachi card status hanako.card --unlock unlock.key")
def status(file: CardFile, *, unlock: Unlock, counter: Counter = None) -> None:
    """Show a card's state (カードの状態) and the tries that are left; no try is spent."""
    from nakadachi.cli.card_show import state_point, tries_table
    from nakadachi.cli.tables import console
    from nakadachi.kit.config import ConfigError
    from nakadachi.neighbours.card.checking import tries
    from nakadachi.neighbours.card.reader import Reader
    from nakadachi.neighbours.card.texts import CardError

    with ending(CardError, ConfigError):
        reader = Reader(in_reader(file, unlock))
        serial = reader.serial()
        typer.echo(f"製造番号 / Serial number: {serial}")
        point = state_point(serial, counter)
        typer.echo(f"{point.what}: {point.found}")
        if point.returned:
            return
        console().print(tries_table(dict(tries(reader))))


@card.command(epilog="\b\nExample: nakadachi card pin hanako.card authentication --unlock unlock.key")
def pin(file: CardFile, kind: KindText, *, unlock: Unlock) -> None:
    """Change a PIN or the password (暗証番号の変更).

    The present one is asked for first, with the tries left. Who has forgotten it goes to the counter: `unlock`.
    """
    from nakadachi.neighbours.card.reader import Reader
    from nakadachi.neighbours.card.texts import CardError

    secret = secret_named(kind)
    with ending(CardError):
        reader = Reader(in_reader(file, unlock))
        old = ask_shown(reader, secret)
        reader.change(secret, old, ask_new(secret))
    typer.echo("変更しました / changed")


@card.command(
    epilog="\b\nExample: nakadachi card read hanako.card --unlock unlock.key --counter counter.toml --sign-in"
)
def read(
    file: CardFile,
    *,
    unlock: Unlock,
    counter: Counter = None,
    sign_in: Annotated[
        bool, typer.Option("--sign-in", help="Ask for the login PIN: does the card hold its private key?")
    ] = False,
    signature: Annotated[
        bool, typer.Option("--signature", help="Ask for the signature password: its certificate, with the four items.")
    ] = False,
    entries: Annotated[
        bool, typer.Option("--entries", help="Ask for the card entry PIN: the four items and the Individual Number.")
    ] = False,
) -> None:
    """Verify a card and show what it carries (カードの確認).

    Without a secret: what a card shows to everybody. Ends with 1 where a point was found wrong.
    """
    import asyncio

    from nakadachi.cli.card_show import show
    from nakadachi.kit.config import ConfigError
    from nakadachi.neighbours.card.pin import Secret
    from nakadachi.neighbours.card.reader import Reader
    from nakadachi.neighbours.card.texts import CardError
    from nakadachi.neighbours.jpki.client import JpkiError

    wanted = {Secret.AUTHENTICATION: sign_in, Secret.SIGNATURE: signature, Secret.SUPPORT: entries}
    with ending(CardError, ConfigError, JpkiError):
        reader = Reader(in_reader(file, unlock))
        reader.serial()
        typed = {secret: ask_shown(reader, secret) for secret, asked in wanted.items() if asked}
        good = asyncio.run(show(reader, typed, counter))
    if not good:
        stop("有効と確かめられない項目があります / a point was not found valid", IN_PART)


@card.command(
    epilog="\b\nExample: nakadachi card agent --card hanako.card --unlock unlock.key --origin https://portal.example"
)
def agent(
    *,
    file: Annotated[Path, typer.Option("--card", help="カードのファイル: the software card.")],
    unlock: Unlock,
    origin: Annotated[list[str], typer.Option("--origin", help="An origin whose pages may use the card; repeatable.")],
    port: Annotated[
        int, typer.Option("--port", min=1, max=65535, help="Where it listens, on this machine alone.")
    ] = 17480,
) -> None:
    """Let pages of allowed origins use the card (カードエージェント).

    Open the address that it prints, and keep the page open: there you confirm each site and enter your PIN.
    """
    import asyncio

    from nakadachi.cli.serve import run_until_signal
    from nakadachi.kit.clock import SystemClock
    from nakadachi.kit.entropy import SystemEntropy
    from nakadachi.kit.listening import PortTaken
    from nakadachi.neighbours.card.agent.service import Running, build
    from nakadachi.neighbours.card.texts import CardError

    reading = in_reader(file, unlock)
    with ending(CardError, ValueError, PortTaken):
        made = build(reading, port=port, origins=frozenset(origin), clock=SystemClock(), entropy=SystemEntropy())
        page = made.doors.page

        def say() -> None:
            typer.echo(f"カードエージェントを開始しました。この画面を開いてください / open this page:\n  {page}")
            typer.echo("終了は Ctrl+C / end with Ctrl+C")

        asyncio.run(run_until_signal(Running(made), say))


def add_to(app: typer.Typer) -> None:
    """The group, with the counter's commands."""
    from nakadachi.cli import card_counter

    card_counter.add_to(card)
    app.add_typer(card, name="card")
