"""The counter's commands of the public certification service (公的個人認証), and the service itself (R3).

Each asks the service and shows its answer; no rule of certificates is decided here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from nakadachi.cli.ending import IN_PART, INTERRUPTED, command_group, ending, stop
from nakadachi.cli.serve import LogLevel, advice, rarely_collect, run, run_until_signal, start_errors

if TYPE_CHECKING:
    from nakadachi.neighbours.jpki.client import JpkiClient
    from nakadachi.neighbours.jpki.words import CertificateWords, SerialWords

T = TypeVar("T")

jpki = command_group("公的個人認証の代役: the stand-in for the public certification service, and its counter.")

Counter = Annotated[
    Path,
    typer.Option(
        "--counter", envvar="NAKADACHI_JPKI", help="The counter's configuration; see `jpki sample-config --counter`."
    ),
]
KindText = Annotated[str, typer.Argument(metavar="KIND", help="signature (署名用) or authentication (利用者証明用).")]
SerialText = Annotated[str, typer.Argument(metavar="SERIAL", help="発行番号: hexadecimal, as `jpki status` shows it.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the answer as JSON, for programs.")]


def at_counter(counter: Path, work: Callable[[JpkiClient], Awaitable[T]]) -> T:
    """Do `work` with a client for the service that the file `counter` names. A failure ends the command."""
    import asyncio

    from nakadachi.kit.config import ConfigError, load
    from nakadachi.neighbours.jpki.client import ClientConfig, JpkiError, open_client
    from nakadachi.neighbours.jpki.faults import NotDone

    async def connected() -> T:
        async with open_client(load(counter, ClientConfig)) as client:
            return await work(client)

    try:
        with ending(ConfigError, JpkiError):
            return asyncio.run(connected())
    except NotDone as not_done:
        stop(f"{not_done.objection.japanese} / {not_done.objection.english}", IN_PART)
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None


def _one(kind: str, serial: str, reason: str = "unspecified") -> SerialWords:
    from nakadachi.neighbours.jpki.profile import Kind
    from nakadachi.neighbours.jpki.states import Revocation
    from nakadachi.neighbours.jpki.words import SerialWords

    if kind not in set(Kind):
        raise typer.BadParameter(f"種別 / KIND: {' or '.join(Kind)}")
    if reason not in set(Revocation):
        raise typer.BadParameter(f"理由 / --reason: one of {', '.join(Revocation)}")
    return SerialWords(Kind(kind), serial.lower().lstrip("0"), Revocation(reason))


def _show(found: Sequence[CertificateWords], *, as_json: bool) -> None:
    from nakadachi.cli.desk import print_json
    from nakadachi.terms import JAPAN

    if as_json:
        print_json(found)
        return
    if not found:
        typer.echo("電子証明書はありません / no certificate")
    for one in found:
        states = {"good": "有効", "held": "一時停止中", "revoked": "失効", "expired": "満了"}
        reason = f"（{one.reason.japanese} / {one.reason.english}）" if one.reason else ""
        typer.echo(
            f"{one.kind.japanese} / {one.kind.value}  {one.serial}  "
            f"{states.get(one.state, '')} / {one.state}{reason}  "
            f"有効期間満了日 / until {one.until.astimezone(JAPAN):%Y-%m-%d}"
        )


@jpki.command(epilog="\b\nExample: nakadachi jpki serve --config jpki.toml")
def serve(
    config: Annotated[Path, typer.Option("--config", help="Its configuration (TOML); see sample-config.")],
    log_level: Annotated[LogLevel, typer.Option(help="Log events of this level and above.")] = LogLevel.WARNING,
) -> None:
    """Run the service until Ctrl-C or SIGTERM; at SIGHUP it takes up who may do what from its configuration."""
    from nakadachi.kit.config import ConfigError, load
    from nakadachi.kit.log import configure
    from nakadachi.neighbours.jpki.config import JpkiConfig

    with ending(ConfigError):
        loaded = load(config, JpkiConfig)
    configure(log_level.value)
    try:
        run(_serve(config, loaded))
    except start_errors() as wrong:
        stop(advice(wrong, config))


async def _serve(path: Path, config: Any) -> None:
    from nakadachi.kit.config import load
    from nakadachi.neighbours.jpki.config import JpkiConfig
    from nakadachi.neighbours.jpki.service import build

    service = await build(config, reread=lambda: load(path, JpkiConfig))
    rarely_collect()
    await run_until_signal(
        service, lambda: typer.echo(f"公的個人認証(見本) / jpki listens on {config.listen}; Ctrl-C ends it")
    )


@jpki.command("sample-config", epilog="\b\nExample: nakadachi jpki sample-config > jpki.toml")
def sample_config(
    *, counter: Annotated[bool, typer.Option("--counter", help="That of a counter or a verifier instead.")] = False
) -> None:
    """Print a sample configuration: every key with its meaning, its kind and its default."""
    from nakadachi.kit.config import describe
    from nakadachi.neighbours.jpki.client import ClientConfig
    from nakadachi.neighbours.jpki.config import JpkiConfig

    typer.echo(describe(ClientConfig if counter else JpkiConfig), nl=False)


@jpki.command(
    epilog="\b\nExample: nakadachi jpki issue request.json --csr card.csr --out card.crt --counter counter.toml"
)
def issue(
    application: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            exists=True,
            dir_okay=False,
            help="申請 (JSON): request, kind, holder, place, prefecture, city, born; items, ward, renew.",
        ),
    ],
    *,
    csr: Annotated[Path, typer.Option("--csr", exists=True, dir_okay=False, help="The card's PKCS#10 request (DER).")],
    out: Annotated[Path, typer.Option("--out", dir_okay=False, help="Where the certificate goes (DER).")],
    counter: Counter,
    json: AsJson = False,
) -> None:
    """発行・更新: issue a certificate, or renew one (`renew`); the same request gives the same certificate again."""
    words = _application(application, csr)
    told = at_counter(counter, lambda client: client.issue(words))
    try:
        out.write_bytes(told.certificate)
    except OSError as wrong:
        stop(
            f"{out}: 証明書を書き込めません / the certificate cannot be written ({wrong.strerror}); send it again",
            IN_PART,
        )
    _show([told], as_json=json)


def _application(file: Path, csr: Path) -> Any:
    """The file's words with the card's request in them; what is wrong with them ends the command."""
    import base64
    import json

    from nakadachi.neighbours.jpki.words import IssueWords, read_application
    from nakadachi.refusal import Refusal
    from nakadachi.telegrams.codec import decode_json

    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        document["certification"] = base64.b64encode(csr.read_bytes()).decode()
        raw = json.dumps(document).encode()
        read_application(raw)
        return decode_json(raw, IssueWords)
    except (OSError, ValueError, TypeError, RecursionError):
        stop(f"{file}: JSONとして読み取れません / is no JSON object; see docs/neighbours/jpki.md")
    except Refusal as refused:
        stop(f"{file}, {csr}: {refused.reason.japanese} / {refused.reason.english} ({refused.detail})")


@jpki.command(
    epilog="\b\nExample: nakadachi jpki revoke signature 3f2a9c --reason keyCompromise --counter counter.toml"
)
def revoke(
    kind: KindText,
    serial: SerialText,
    *,
    counter: Counter,
    reason: Annotated[
        str, typer.Option("--reason", help="失効の理由 (RFC 5280), such as keyCompromise.")
    ] = "unspecified",
    json: AsJson = False,
) -> None:
    """失効: revoke a certificate for good; certificateHold suspends it only."""
    one = _one(kind, serial, reason)
    _show([at_counter(counter, lambda client: client.revoke(one))], as_json=json)


@jpki.command(epilog="\b\nExample: nakadachi jpki suspend authentication 3f2a9c --counter counter.toml")
def suspend(kind: KindText, serial: SerialText, *, counter: Counter, json: AsJson = False) -> None:
    """一時停止: suspend a certificate until it is resumed or revoked."""
    one = _one(kind, serial)
    _show([at_counter(counter, lambda client: client.suspend(one))], as_json=json)


@jpki.command(epilog="\b\nExample: nakadachi jpki resume authentication 3f2a9c --counter counter.toml")
def resume(kind: KindText, serial: SerialText, *, counter: Counter, json: AsJson = False) -> None:
    """一時停止の解除: make a suspended certificate good again."""
    one = _one(kind, serial)
    _show([at_counter(counter, lambda client: client.resume(one))], as_json=json)


@jpki.command(
    epilog="\b\nExample: nakadachi jpki status --holder 0123456789abcdef0123456789abcdef --counter counter.toml"
)
def status(
    *,
    counter: Counter,
    holder: Annotated[str, typer.Option("--holder", help="利用者の参照; without it, the whole service.")] = "",
    json: AsJson = False,
) -> None:
    """照会: the certificates of one holder, or how many there are in each state, with the revocation lists."""
    from nakadachi.neighbours.jpki.rules import Holder

    if not holder:
        _show_whole(at_counter(counter, lambda client: client.status()), as_json=json)
        return
    try:
        whose = Holder(holder)
    except ValueError:
        raise typer.BadParameter("利用者の参照 / --holder: 32 hexadecimal digits") from None
    _show(at_counter(counter, lambda client: client.certificates(whose)), as_json=json)


def _show_whole(told: Any, *, as_json: bool) -> None:
    from nakadachi.cli.desk import print_json
    from nakadachi.neighbours.jpki.profile import Kind

    if as_json:
        print_json(told)
        return
    for kind in Kind:
        states = told.certificates.get(kind.value, {})
        counts = ", ".join(f"{state} {many}" for state, many in states.items()) or "なし / none"
        typer.echo(
            f"{kind.japanese} / {kind.value}: {counts}; 鍵の世代 / generations {told.generations.get(kind.value)}"
        )
    if not told.lists:
        typer.echo("失効リストはまだありません / no revocation list yet: nakadachi jpki crl")
    for one in told.lists:
        typer.echo(
            f"失効リスト / list {one.kind.value} {one.place}: 第{one.number}号 / number {one.number}, "
            f"次回更新 / next update {one.next_update:%Y-%m-%dT%H:%M:%SZ}"
        )


@jpki.command(epilog="\b\nExample: nakadachi jpki crl --counter counter.toml")
def crl(*, counter: Counter) -> None:
    """失効リストの即時発行: issue all revocation lists now, before their time."""
    issued = at_counter(counter, lambda client: client.publish())
    typer.echo(f"失効リストを{issued}件発行しました / {issued} revocation lists were issued")


def add_to(app: typer.Typer) -> None:
    """The group `jpki`."""
    app.add_typer(jpki, name="jpki")
