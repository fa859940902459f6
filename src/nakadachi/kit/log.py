"""Logs are events with closed fields, as JSON lines on standard error; never a code, a number, a name or a body.

The fields that may appear are listed here; another one is a mistake and stops the test that meets it.
"""

from __future__ import annotations

import logging
import sys
from typing import Any

import msgspec
import structlog

FIELDS = frozenset(
    {
        "node", "telegram", "reason", "detail", "serial", "peer", "hop", "attempts", "count", "size", "index",
        "version", "error", "where", "file", "line", "seconds", "port", "state",
    }
)  # fmt: skip
"""Every field an event may have; none can hold a link code, a number of a person, a name or a body."""


def _closed(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:  # noqa: ANN401
    stray = set(event) - FIELDS - {"event", "level", "timestamp", "exception", "exc_info"}
    if stray:
        msg = f"log fields {sorted(stray)} are not in the closed list of nakadachi.kit.log"
        raise ValueError(msg)
    return event


def _render(_logger: Any, _method: str, event: dict[str, Any]) -> bytes:  # noqa: ANN401
    return msgspec.json.encode(event, enc_hook=str)


def configure(level: str = "warning") -> None:
    """Log events of `level` and above from now on."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _closed,
            structlog.processors.dict_tracebacks,
            _render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.BytesLoggerFactory(sys.stderr.buffer),
    )


def logger() -> Any:  # noqa: ANN401  structlog's own type is Any
    """Where events go."""
    return structlog.get_logger()
