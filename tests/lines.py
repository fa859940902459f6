"""Lines of files as existing systems send them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from tests.invented import Person


def csv_of(lines: Iterable[Iterable[str]]) -> bytes:
    """CSV in UTF-8, CRLF."""
    csv.writer(text := io.StringIO(), lineterminator="\r\n").writerows(lines)
    return text.getvalue().encode()


def write_residents(path: Path, residents: Sequence[Person]) -> None:
    """The registry organisation's file of residents."""
    columns = ("code", "number", "name", "address", "sex", "born")
    path.write_bytes(csv_of([columns, *(tuple(getattr(one, name) for name in columns) for one in residents)]))
