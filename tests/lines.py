"""Lines of files as existing systems send them."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence


def csv_of(lines: Sequence[Sequence[str]]) -> bytes:
    """CSV in UTF-8, CRLF."""
    csv.writer(text := io.StringIO(), lineterminator="\r\n").writerows(lines)
    return text.getvalue().encode()
