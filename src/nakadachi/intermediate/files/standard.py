"""Holds replica lines against the data standard: known items, values of their kind (M4); never quotes a value."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import date

from nakadachi.intermediate.files.provisions import ProvisionLine
from nakadachi.intermediate.files.reading import Reject
from nakadachi.law.masters import Masters, ValueKind
from nakadachi.refusal import Refusal

_AMOUNT = re.compile(r"-?[0-9]{1,18}")
_DATE = re.compile(r"[0-9]{8}")


def hold_to_standard(lines: Iterable[ProvisionLine | Reject], masters: Masters) -> Iterator[ProvisionLine | Reject]:
    """データ標準の確認: the lines again, those that do not fit the masters turned into rejects."""
    for line in lines:
        yield line if isinstance(line, Reject) else _held(line, masters)


def _held(line: ProvisionLine, masters: Masters) -> ProvisionLine | Reject:
    try:
        kind = masters.item(line.item).value
    except Refusal:
        return Reject(
            line.line,
            0,
            "項目コードがマスタにありません",
            "the item code is not in the masters",
            "項目コードを確認してください / check the item code against the masters in use",
        )
    if line.value is None or fits(line.value, kind):
        return line
    return Reject(
        line.line,
        0,
        f"値が項目の型（{kind.value}）に合いません",
        f"the value is not of the item's kind ({kind.value})",
        "値を直すか、理由コードを付けてください / correct the value, or give a reason of null",
    )


def fits(value: str, kind: ValueKind) -> bool:
    """Whether a value is of a kind: an amount is whole yen, a date YYYYMMDD, a flag 0 or 1; text and codes are free."""
    if kind is ValueKind.AMOUNT:
        return _AMOUNT.fullmatch(value) is not None
    if kind is ValueKind.FLAG:
        return value in {"0", "1"}
    if kind is ValueKind.DATE:
        if not _DATE.fullmatch(value):
            return False
        try:
            date(int(value[:4]), int(value[4:6]), int(value[6:]))
        except ValueError:
            return False
    return True
