"""How a command ends: one clear message and an exit status, never a traceback for what a person can mend.

Exit status: 0 done; 1 done in part, or something was found wrong; 2 not begun. Knows no command.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import typer

IN_PART = 1
NOT_BEGUN = 2
INTERRUPTED = 130


def command_group(text: str, *, epilog: str | None = None) -> typer.Typer:
    """A group of commands with plain help: it can be copied, and needs no rich to be drawn."""
    return typer.Typer(
        help=text,
        epilog=epilog,
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    )


def stop(text: str, status: int = NOT_BEGUN) -> NoReturn:
    """Say `text` on standard error and end with `status`."""
    print(f"nakadachi: {text}", file=sys.stderr)
    raise typer.Exit(status)


@contextmanager
def ending(*expected: type[Exception], status: int = NOT_BEGUN) -> Iterator[None]:
    """Let the expected errors end the command with their own text; what is not expected stays a traceback."""
    try:
        yield
    except expected as wrong:
        stop(str(wrong), status)
