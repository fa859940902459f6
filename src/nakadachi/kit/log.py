"""Logs are events with closed fields, as JSON lines on standard error; never a code, a number, a name or a body.

The fields that may appear are listed here; another one is a mistake and stops the test that meets it.
"""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import MutableMapping
from typing import Any, BinaryIO, cast

import msgspec
import structlog

FIELDS = frozenset(
    {
        "node", "telegram", "reason", "detail", "serial", "peer", "hop", "attempts", "count", "size", "index",
        "version", "error", "where", "file", "line", "seconds", "port", "state", "lawbook", "directory",
    }
)  # fmt: skip
"""Every field an event may have; none can hold a link code, a number of a person, a name or a body."""
MOST_CAUSES, MOST_FRAMES = 5, 12
"""How much is said of an exception: it and what led to it, the innermost places of each."""


def _closed(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    stray = set(event) - FIELDS - {"event", "level", "timestamp", "exception", "exc_info"}
    if stray:
        msg = f"log fields {sorted(stray)} are not in the closed list of nakadachi.kit.log"
        raise ValueError(msg)
    return event


def _describe(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """An exception as what may be said of it: never a local variable, and no words but our own."""
    given = event.pop("exc_info", None)
    wrong = sys.exc_info()[1] if given is True else given
    described: list[dict[str, Any]] = []
    while isinstance(wrong, BaseException) and len(described) < MOST_CAUSES:
        described.append(_exception(wrong))
        wrong = wrong.__cause__ or (None if wrong.__suppress_context__ else wrong.__context__)
    if described:
        event["exception"] = described
    return event


def _exception(wrong: BaseException) -> dict[str, Any]:
    """Its class and where it passed; its text only where this project wrote it: others' texts may quote what was sent.

    A database's text quotes the row; what it says of its own names (error code, table, constraint) is kept.
    """
    kind = type(wrong)
    described: dict[str, Any] = {"class": f"{kind.__module__}.{kind.__qualname__}"}
    if kind.__module__.startswith("nakadachi."):
        described["says"] = str(wrong)
    for name in ("sqlstate", "table_name", "constraint_name"):
        if value := getattr(wrong, name, None):
            described[name] = value
    frames = traceback.extract_tb(wrong.__traceback__, limit=-MOST_FRAMES)
    described["passed"] = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
    return described


def _render(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> bytes:
    return msgspec.json.encode(event, enc_hook=str)


class _StandardError:
    """Standard error as it is when something is written: whoever puts another in its place may close that again."""

    def write(self, event: bytes) -> int:
        return sys.stderr.buffer.write(event)

    def flush(self) -> None:
        sys.stderr.buffer.flush()


def configure(level: str = "warning") -> None:
    """Log events of `level` and above from now on."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _closed,
            _describe,
            _render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.BytesLoggerFactory(cast("BinaryIO", _StandardError())),
    )


def logger() -> Any:
    """Where events go."""
    return structlog.get_logger()
