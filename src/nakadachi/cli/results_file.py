"""The file of results on the desk's disk: private from its first byte, whole after every line; knows no server."""

from __future__ import annotations

import os
from io import BytesIO
from pathlib import Path
from types import TracebackType
from typing import Self

from nakadachi.intermediate.files.results import Form, Result, ResultWriter

PRIVATE = 0o600


def form_of(path: Path) -> Form | None:
    """結果ファイルの形式 by the ending of its name; None where the ending says nothing."""
    return {".csv": Form.CSV, ".jsonl": Form.JSON_LINES}.get(path.suffix.lower())


class ResultsFile:
    """照会結果ファイル: a new file, mode 0600, each result on the disk's way before the next is taken.

    With `replace` an older file gives way. Raises FileExistsError without it, OSError where it cannot be written, and
    ValueError from `write` where a result is out of order. Where the disk is full, the cut-off line is taken back.
    """

    def __init__(self, path: Path, form: Form, *, replace: bool = False) -> None:
        if replace:
            path.unlink(missing_ok=True)
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE)
        self._whole = 0
        self._buffer = BytesIO()
        self._writer = ResultWriter(self._buffer, form)

    def write(self, result: Result) -> None:
        """One result, one line, handed to the system before this returns."""
        self._writer.write(result)
        self._hand_over()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, wrong: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._hand_over()
        finally:
            os.close(self._file)

    def _hand_over(self) -> None:
        content = self._buffer.getvalue()
        self._buffer.seek(0)
        self._buffer.truncate()
        try:
            written = 0
            while written < len(content):
                written += os.write(self._file, content[written:])
        except OSError:
            os.ftruncate(self._file, self._whole)
            raise
        self._whole += len(content)
