"""The process of an embedded PostgreSQL: initialise, start, watch, stop. It speaks no SQL and keeps no password.

The server is a foreground child in a session of its own. Beside it stands a small shell that holds the reading end of a
pipe: when we vanish, also by SIGKILL, the pipe closes and the shell stops the server. (The kernel's parent-death signal
would be tied to the thread that forked, and must be set between fork and exec, where a threaded program may not run
code.)
"""

from __future__ import annotations

import contextlib
import fcntl
import math
import os
import re
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from nakadachi.kit.postgres_files import Binaries, Place, PostgresError, explain

_START_SECONDS = 60.0  # long enough for a recovery after a crash
_ORPHAN_SECONDS = 15.0
_STOP_SECONDS = 30.0
_BUILTIN_LOCALES_SINCE = 17
_FULL = ("No space left on device", "Check free disk space", "Disk quota exceeded")
_BUSY = ("pre-existing shared memory block", "lock file")

_WATCH = """
trap '' INT TERM HUP
said=stopped
while read -r line; do said=$line; done
tries=0
while [ "$said" != stopped ] && [ $tries -lt 50 ]; do
  pid=
  { read -r pid < "$1/postmaster.pid"; } 2>/dev/null
  if [ -n "$pid" ] && { [ "$said" = "$pid" ] || [ "$said" = starting ]; }; then kill -INT "$pid"; exit; fi
  sleep 0.1
  tries=$((tries + 1))
done
"""


@dataclass(frozen=True, slots=True)
class Running:
    """A server that accepts connections, its watch, its place and the lock on it."""

    place: Place
    server: subprocess.Popen[bytes]
    watch: subprocess.Popen[bytes]
    lock: IO[str]


def lock(place: Place) -> IO[str]:
    """Claim the directory for this process. Raises PostgresError where another process holds it."""
    file = (place.home / "lock").open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.seek(0)
        holder = file.read().strip() or "unknown"
        file.close()
        raise PostgresError(
            f"another process (number {holder}) already runs PostgreSQL in {place.home}: stop it or choose "
            "another state directory"
        ) from None
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file


def initialise(place: Place, binaries: Binaries, password: str) -> None:
    """Make the data directory, whole or not at all; `password` is the administrator's. Raises PostgresError."""
    draft, passwords = place.home / "data.new", place.home / "password.new"
    shutil.rmtree(draft, ignore_errors=True)
    builtin = ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    locale = builtin if binaries.major >= _BUILTIN_LOCALES_SINCE else ["--locale=C.UTF-8"]
    try:
        draft.mkdir(mode=0o700)
        place.account.own(draft, 0o700)
        passwords.write_text("")
        place.account.own(passwords, 0o600)
        passwords.write_text(password)
        command = [str(binaries.directory / "initdb"), "-D", str(draft), "-U", "postgres", "-E", "UTF8", *locale]
        command += ["--auth=scram-sha-256", f"--pwfile={passwords}", "--no-instructions"]
        made = subprocess.run(
            command, check=False, capture_output=True, text=True, cwd="/", env=_environment(), **place.account.switch
        )
        if made.returncode != 0:
            shutil.rmtree(draft, ignore_errors=True)
            raise PostgresError(f"PostgreSQL could not initialise {place.data}: {_reason(made.stderr, place)}")
        draft.rename(place.data)
    except OSError as error:
        raise PostgresError(f"PostgreSQL could not initialise {place.data}: {explain(error)}") from error
    finally:
        passwords.unlink(missing_ok=True)


def launch(place: Place, binaries: Binaries, held: IO[str], *, buffers: str) -> Running:
    """Start the server with `buffers` of shared memory (such as 128MB), wait until it accepts connections.

    Raises PostgresError; then nothing is left running.
    """
    deadline = time.monotonic() + _ORPHAN_SECONDS
    while True:
        _clear_old_server(place)
        before = place.log.stat().st_size
        watch = _watch(place)
        server = _spawn(place, binaries, buffers)
        _tell(watch, str(server.pid))
        if _becomes_ready(server, place.data):
            return Running(place, server, watch, held)
        code = _end(server)
        _dismiss(watch)
        with place.log.open("rb") as log:
            log.seek(before)
            said = log.read().decode(errors="replace")
        # Backends of a server that was killed may need a moment to notice; everything else will not mend by waiting.
        if not any(sign in said for sign in _BUSY) or time.monotonic() > deadline:
            raise PostgresError(f"PostgreSQL did not start in {place.home} (exit code {code}): {_reason(said, place)}")
        time.sleep(0.2)


def stop(running: Running) -> None:
    """End the server: open transactions roll back, everything committed is on disk."""
    _end(running.server)
    _dismiss(running.watch)
    if running.place.sockets.parent != running.place.home:
        with contextlib.suppress(OSError):
            running.place.sockets.rmdir()
    running.lock.close()


def _end(server: subprocess.Popen[bytes]) -> int:
    for sign, seconds in ((signal.SIGINT, _STOP_SECONDS), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0)):
        server.send_signal(sign)
        with contextlib.suppress(subprocess.TimeoutExpired):
            return server.wait(seconds)
    return server.wait()


def _environment() -> dict[str, str]:
    return {"PATH": os.defpath, "LC_ALL": "C.UTF-8", "LC_MESSAGES": "C", "TZ": "UTC"}


def _watch(place: Place) -> subprocess.Popen[bytes]:
    command = ["/bin/sh", "-c", _WATCH, "nakadachi-watch", str(place.data)]
    # A session of its own: whoever kills our whole group leaves the watch to do its work.
    watch = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        start_new_session=True,
        **place.account.switch,
    )
    _tell(watch, "starting")
    return watch


def _tell(watch: subprocess.Popen[bytes], word: str) -> None:
    if watch.stdin:
        with contextlib.suppress(BrokenPipeError):
            watch.stdin.write(f"{word}\n".encode())
            watch.stdin.flush()


def _dismiss(watch: subprocess.Popen[bytes]) -> None:
    _tell(watch, "stopped")
    if watch.stdin:
        watch.stdin.close()
    watch.wait()


def _spawn(place: Place, binaries: Binaries, buffers: str) -> subprocess.Popen[bytes]:
    socket = str(place.sockets).replace('"', '""')
    settings = {
        "listen_addresses": "",
        "unix_socket_directories": f'"{socket}"',
        "unix_socket_permissions": "0700",
        "password_encryption": "scram-sha-256",
        "shared_buffers": buffers,
        "max_connections": "200",
        "max_locks_per_transaction": "256",  # one lock per table: a dump of many schemas takes many
        "max_wal_size": "1GB",
        "fsync": "on",
        "synchronous_commit": "on",
        "jit": "off",  # our queries are short; compiling them costs more than running them
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_line_prefix": "%m [%p] %u ",
        "log_parameter_max_length": "0",  # parameters are codes of persons; a log never holds them
        "log_parameter_max_length_on_error": "0",
    }
    command = [str(binaries.directory / "postgres"), "-D", str(place.data)]
    command += [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    with place.log.open("ab") as log:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            env=_environment(),
            start_new_session=True,
            **place.account.switch,
        )


def _becomes_ready(server: subprocess.Popen[bytes], data: Path) -> bool:
    # A server that recovers from an archive takes as long as the archive is; it ends by itself where it cannot.
    patience = math.inf if (data / "recovery.signal").exists() else _START_SECONDS
    deadline = time.monotonic() + patience
    while server.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            lines = (data / "postmaster.pid").read_text().splitlines()
            if len(lines) > 7 and lines[0] == str(server.pid) and lines[7].strip() == "ready":
                return True
        time.sleep(0.01)
    return False


def _clear_old_server(place: Place) -> None:
    """Wait for a server that is still going down; remove what one left that was killed. Raises PostgresError.

    PostgreSQL itself would take a reused process number, or a dead process that nobody collected, for a live server.
    """
    file = place.data / "postmaster.pid"
    deadline = time.monotonic() + _ORPHAN_SECONDS
    while (number := _first_line(file)).isdigit() and _is_server(int(number), place.data):
        if time.monotonic() > deadline:
            raise PostgresError(
                f"another PostgreSQL (process {number}) runs on {place.data}: stop it or choose another state directory"
            )
        time.sleep(0.05)
    for stale in (file, *place.sockets.glob(".s.PGSQL.*")):
        stale.unlink(missing_ok=True)


def _first_line(file: Path) -> str:
    try:
        return file.read_text().partition("\n")[0]
    except FileNotFoundError:
        return ""


def _is_server(number: int, data: Path) -> bool:
    if not Path("/proc/self/stat").exists():
        try:
            os.kill(number, 0)
        except ProcessLookupError:
            return False
        return True
    try:
        state = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0]
        return state not in {"Z", "X"} and Path(f"/proc/{number}/cwd").readlink() == data
    except OSError:
        return False  # gone, or another user's: a server on our data would be ours to look at


def _reason(said: str, place: Place) -> str:
    if any(sign in said for sign in _FULL):
        return "the disk is full: free some space and start again"
    # What it told others who came while it started or stopped is not why it did not start.
    faults = re.findall(r"(?:FATAL|PANIC|[Ee]rror|ERROR): +(?! |the database system is )(.+)", said)
    return f"{faults[0] if faults else said.strip()[-300:] or 'it said nothing'} (log: {place.log})"
