"""The municipal counter's commands for cards (窓口): issue, hand over, unlock, change, lost, renew, return."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from nakadachi.cli.card import CardFile, KindText, ask_new, secret_named
from nakadachi.cli.ending import ending

if TYPE_CHECKING:
    from nakadachi.neighbours.card.card import Card
    from nakadachi.neighbours.card.certifier import Holder
    from nakadachi.neighbours.card.counter import Counter
    from nakadachi.neighbours.card.medium import Medium

T = TypeVar("T")

CounterFile = Annotated[
    Path,
    typer.Option("--counter", envvar="NAKADACHI_CARD_COUNTER", help="The counter's configuration; see `card found`."),
]
Staff = Annotated[str, typer.Option("--staff", help="操作者: who does it, as a number; it goes into the register.")]
PersonFile = Annotated[Path, typer.Option("--person", help="申請者: a JSON file; `card found` writes a sample.")]


class What(StrEnum):
    """What a report about a card says."""

    STOP = "stop"
    FOUND = "found"
    GONE = "gone"
    DAMAGED = "damaged"


def _at_counter(config: Path, staff: str, work: Callable[[Counter, Callable[[Path], Medium]], Awaitable[T]]) -> T:
    import asyncio

    from nakadachi.kit.clock import SystemClock
    from nakadachi.kit.config import ConfigError, load
    from nakadachi.kit.entropy import SystemEntropy
    from nakadachi.neighbours.card.office import CounterConfig, medium_of, open_counter
    from nakadachi.neighbours.card.texts import CardError
    from nakadachi.neighbours.jpki.client import JpkiError

    async def opened() -> T:
        read, entropy = load(config, CounterConfig), SystemEntropy()
        async with open_counter(read, staff, SystemClock(), entropy) as counter:
            return await work(counter, lambda path: medium_of(path, read.unlock, entropy))

    with ending(CardError, ConfigError, JpkiError):
        return asyncio.run(opened())


def _person(file: Path) -> Holder:
    from nakadachi.neighbours.card.office import read_person
    from nakadachi.neighbours.card.texts import CardError, Trouble

    with ending(CardError):
        try:
            raw = file.read_bytes()
        except OSError as wrong:
            raise CardError(Trouble.BAD_FILE, f"{file}: {wrong.strerror}") from None
        return read_person(raw, str(file))


def _card(medium: Medium) -> Card:
    from nakadachi.kit.entropy import SystemEntropy
    from nakadachi.neighbours.card.card import Card

    return Card(medium, SystemEntropy())


def found(folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A folder that is not there yet.")]) -> None:
    """Set up a sample counter in a folder (窓口の開設): keys, a sample authority, an invented person."""
    from nakadachi.kit.clock import SystemClock
    from nakadachi.kit.entropy import SystemEntropy
    from nakadachi.neighbours.card.office import found_counter, sample_person
    from nakadachi.neighbours.card.texts import CardError
    from nakadachi.neighbours.residents import residents
    from nakadachi.terms import japan_day

    entropy = SystemEntropy()
    with ending(CardError):
        config = found_counter(folder, entropy)
    person = next(iter(residents(entropy.bytes(16), 1, on=japan_day(SystemClock().now()))))
    (folder / "person.json").write_bytes(sample_person(person, entropy.bytes(16).hex()))
    typer.echo(
        f"{config}: 窓口の構成 / the counter's configuration\n"
        f"{folder / 'unlock.key'}: カードのファイルを開く鍵 / the key that opens card files\n"
        f"{folder / 'person.json'}: 見本の申請者 / an invented person\n"
        f"次 / next: nakadachi card issue hanako.card --person {folder / 'person.json'} --counter {config} --staff 1042"
    )


def issue(file: CardFile, *, person: PersonFile, counter: CounterFile, staff: Staff) -> None:
    """Issue a card (発行): keys are made on it, its certificates are asked for. Then: `hand-over`."""
    holder = _person(person)
    serial = _at_counter(counter, staff, lambda desk, medium: desk.issue(medium(file), holder))
    typer.echo(f"{file}: 発行しました（製造番号 {serial}） / issued (serial number {serial})")


def hand_over(file: CardFile, *, counter: CounterFile, staff: Staff) -> None:
    """Hand a card over (交付): its holder chooses every PIN and the password, each entered twice."""
    from nakadachi.neighbours.card.pin import Secret
    from nakadachi.neighbours.card.reader import Reader

    async def work(desk: Counter, medium: Callable[[Path], Medium]) -> None:
        channel = _card(medium(file))
        entry = desk.register.find(Reader(channel).serial())
        wanted = [one for one in Secret if one is not Secret.SIGNATURE or entry.signature]
        await desk.hand_over(channel, {one: ask_new(one) for one in wanted})

    _at_counter(counter, staff, work)
    typer.echo(f"{file}: 交付しました / handed over")


def unlock(file: CardFile, kind: KindText, *, counter: CounterFile, staff: Staff) -> None:
    """Set a locked or forgotten PIN or password anew (再設定), after the holder's identity was checked."""
    secret = secret_named(kind)

    async def work(desk: Counter, medium: Callable[[Path], Medium]) -> None:
        await desk.unlock(_card(medium(file)), secret, ask_new(secret))

    _at_counter(counter, staff, work)
    typer.echo(f"{file}: {secret.rule.japanese}を再設定しました / {secret.rule.english} set anew")


def change(file: CardFile, *, person: PersonFile, counter: CounterFile, staff: Staff) -> None:
    """Write changed entries on a card (券面事項の変更), as after a move; its signature certificate is issued anew."""
    holder = _person(person)
    _at_counter(counter, staff, lambda desk, medium: desk.change(_card(medium(file)), holder))
    typer.echo(f"{file}: 券面事項を変更しました / entries changed")


def renew(file: CardFile, *, person: PersonFile, counter: CounterFile, staff: Staff) -> None:
    """Renew the certificates on a card (電子証明書の更新), from three months before their end.

    A card that is at its own end is replaced: `lost SERIAL gone`, then `issue` a new one.
    """
    holder = _person(person)
    _at_counter(counter, staff, lambda desk, medium: desk.renew_certificates(_card(medium(file)), holder))
    typer.echo(f"{file}: 電子証明書を更新しました / certificates renewed")


def lost(
    serial: Annotated[str, typer.Argument(metavar="SERIAL", help="製造番号: the card is not there to be read.")],
    what: Annotated[What, typer.Argument(help="stop (一時停止), found (解除), gone (廃止) or damaged (破損).")],
    *,
    counter: CounterFile,
    staff: Staff,
) -> None:
    """Report a card that is not there (紛失・破損): stop it, lift the stop, or revoke it; its certificates follow."""
    from nakadachi.neighbours.card.life import Event

    async def work(desk: Counter, _: Callable[[Path], Medium]) -> str:
        if what is What.STOP:
            await desk.stop(serial)
        elif what is What.FOUND:
            await desk.lift(serial)
        else:
            await desk.revoke(serial, Event.LOSE if what is What.GONE else Event.DAMAGE)
        return desk.register.find(serial).state.words

    typer.echo(f"{serial}: {_at_counter(counter, staff, work)}")


def return_(file: CardFile, *, counter: CounterFile, staff: Staff) -> None:
    """Take a card back (返納): it is wiped, and its certificates are revoked."""
    _at_counter(counter, staff, lambda desk, medium: desk.take_back(_card(medium(file))))
    typer.echo(f"{file}: 返納を受け付けました / taken back")


def add_to(card: typer.Typer) -> None:
    """The counter's commands."""
    at = "--counter counter.toml --staff 1042"
    for name, command, example in (
        ("found", found, "found counter"),
        ("issue", issue, f"issue hanako.card --person person.json {at}"),
        ("hand-over", hand_over, f"hand-over hanako.card {at}"),
        ("unlock", unlock, f"unlock hanako.card authentication {at}"),
        ("change", change, f"change hanako.card --person person.json {at}"),
        ("renew", renew, f"renew hanako.card --person person.json {at}"),
        ("lost", lost, f"lost 203C99TVPJ3VK0BB stop {at}"),
        ("return", return_, f"return hanako.card {at}"),
    ):
        card.command(name, epilog=f"\b\nExample: nakadachi card {example}")(command)
