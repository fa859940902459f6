"""What a card shows, as tables in both languages; personal items only where a secret opened them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.table import Table

from nakadachi.cli.tables import console
from nakadachi.kit.clock import SystemClock
from nakadachi.kit.config import load
from nakadachi.kit.entropy import SystemEntropy
from nakadachi.neighbours.card import checking
from nakadachi.neighbours.card.certifier import Certifier
from nakadachi.neighbours.card.checking import Outcome, Point
from nakadachi.neighbours.card.life import CardLife, Entry
from nakadachi.neighbours.card.office import CounterConfig, open_certifier
from nakadachi.neighbours.card.pin import Secret
from nakadachi.neighbours.card.reader import Reader
from nakadachi.neighbours.card.register import Register
from nakadachi.neighbours.jpki.reading import read_authentication_certificate, read_signature_certificate
from nakadachi.refusal import Refusal
from nakadachi.terms import JAPAN, japan_day


@dataclass(frozen=True, slots=True)
class StatePoint:
    """カードの状態: words, and whether the card was returned."""

    what: str
    found: str
    returned: bool


def state_point(serial: str, counter: Path | None) -> StatePoint:
    """What the register says of a card. Raises CardError, ConfigError."""
    entry = _entry(serial, counter)
    point = checking.life_point(entry, japan_day(SystemClock().now()))
    return StatePoint(point.what, point.found, entry is not None and entry.state is CardLife.RETURNED)


def tries_table(tries: Mapping[Secret, int | None]) -> Table:
    """残り回数 of each secret."""
    table = Table("種類 / Kind", "残り / Left", box=SIMPLE_HEAD, pad_edge=False)
    for secret, left in tries.items():
        words = "未設定 / not set" if left is None else f"{left}" if left else "0（ロック中 / locked）"
        table.add_row(f"{secret.rule.japanese} / {secret.rule.english}", words)
    return table


async def show(reader: Reader, typed: Mapping[Secret, str], counter: Path | None) -> bool:
    """Verify a card and print what it carries. Whether every point that was looked at is good.

    Raises CardError, ConfigError.
    """
    clock, entropy = SystemClock(), SystemEntropy()
    points: list[Point] = []
    carried: list[tuple[str, str]] = [("製造番号 / Serial number", reader.serial())]
    points.append(checking.life_point(_entry(carried[0][1], counter), japan_day(clock.now())))
    if counter is None:
        await _look(reader, typed, None, points, carried)
    else:
        async with open_certifier(load(counter, CounterConfig), clock, entropy) as certifier:
            await _look(reader, typed, certifier, points, carried)
    if Secret.SUPPORT in typed:
        entries, number = reader.entries(typed[Secret.SUPPORT])
        carried += [
            ("氏名 / Name", entries.name),
            ("住所 / Address", entries.address),
            ("生年月日 / Date of birth", entries.born.isoformat()),
            ("性別 / Sex", entries.sex),
            ("個人番号 / Individual Number", number or "–"),
        ]
    console().print(_points(points))
    console().print(_carried(carried))
    return all(one.outcome is not Outcome.BAD for one in points)


async def _look(
    reader: Reader,
    typed: Mapping[Secret, str],
    certifier: Certifier | None,
    points: list[Point],
    carried: list[tuple[str, str]],
) -> None:
    certificate, authority = reader.authentication_certificate()
    await _one(reader, Secret.AUTHENTICATION, (certificate, authority), typed, certifier, points=points)
    carried += _said(Secret.AUTHENTICATION, certificate)
    if Secret.SIGNATURE not in typed:
        points.append(checking.unasked_possession(Secret.SIGNATURE))
        return
    certificate, authority = reader.signature_certificate(typed[Secret.SIGNATURE])
    await _one(reader, Secret.SIGNATURE, (certificate, authority), typed, certifier, points=points)
    carried += _said(Secret.SIGNATURE, certificate)


async def _one(
    reader: Reader,
    secret: Secret,
    pair: tuple[bytes, bytes],
    typed: Mapping[Secret, str],
    certifier: Certifier | None,
    *,
    points: list[Point],
) -> None:
    certificate, authority = pair
    points.append(checking.issuer_point(secret, certificate, authority))
    points.append(await checking.standing_point(secret, certificate, certifier))
    if secret in typed:
        points.append(checking.possession_point(reader, secret, typed[secret], certificate, SystemEntropy()))
    else:
        points.append(checking.unasked_possession(secret))


def _said(secret: Secret, certificate: bytes) -> list[tuple[str, str]]:
    """What a certificate says; of a signature certificate also the four items."""
    try:
        if secret is Secret.AUTHENTICATION:
            read = read_authentication_certificate(certificate)
            until = read.until.astimezone(JAPAN).date().isoformat()
            return [
                ("利用者証明用: 発行番号 / authentication: serial", f"{read.serial:x}"),
                ("利用者証明用: 有効期限 / authentication: until", until),
            ]
        signature = read_signature_certificate(certificate)
    except Refusal as refused:
        return [("電子証明書 / certificate", f"読み取れません / cannot be read ({refused.detail})")]
    items = signature.items
    return [
        ("署名用: 発行番号 / signature: serial", f"{signature.serial:x}"),
        ("署名用: 有効期限 / signature: until", signature.until.astimezone(JAPAN).date().isoformat()),
        ("署名用: 氏名 / signature: name", items.name.value),
        ("署名用: 住所 / signature: address", items.address.value),
        ("署名用: 生年月日 / signature: date of birth", items.born.date.isoformat() if items.born.date else "–"),
        ("署名用: 性別 / signature: sex", items.sex),
    ]


def _entry(serial: str, counter: Path | None) -> Entry | None:
    return None if counter is None else Register(load(counter, CounterConfig).register).find(serial)


def _points(points: list[Point]) -> Table:
    table = Table("", "確認項目 / Point", "結果 / Found", box=SIMPLE_HEAD, pad_edge=False)
    for one in points:
        table.add_row(one.outcome.value, one.what, one.found)
    return table


def _carried(carried: list[tuple[str, str]]) -> Table:
    table = Table("記録事項 / Entry", "内容 / Value", box=SIMPLE_HEAD, pad_edge=False)
    for what, value in carried:
        table.add_row(what, value)
    return table
