"""鍵の記録: what was done with keys outside exchanges, one line each, every line bound to the one before (N1).

It lies in the key store's folder, since it must take failed openings too, when no database is open yet. Two processes
of one system may write. It never holds a key, a PIN or an officer's secret.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import pwd
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from nakadachi.kit.key_error import KeyStoreError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from nakadachi.kit.clock import Clock

JOURNAL, HEAD = "journal.jsonl", "journal.head"
OPERATOR = "NAKADACHI_OPERATOR"
"""The variable by which an operator says who acts; without it the operating system's user is noted."""
FIRST = "0" * 64


class Act(StrEnum):
    """What may be done with a key."""

    OPEN = "open"
    USE = "use"
    MAKE = "make"
    IMPORT = "import"
    EXPORT = "export"
    GUARD = "guard"
    CHANGE_OFFICER = "change-officer"
    TEST = "test"
    DESTROY = "destroy"
    JOURNAL = "journal"


class Outcome(StrEnum):
    """How it went. `begun` stands before an act that cannot be taken back."""

    DONE = "done"
    BEGUN = "begun"
    FAILED = "failed"
    BROKEN = "broken"


class Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One line: which key, what was done, how it went, who and which process; `prev` is the hash of the line before."""

    seq: int
    at: datetime
    key: str
    act: Act
    outcome: Outcome
    who: str
    process: str
    note: str = ""
    prev: str


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, as said, and in which process."""

    who: str
    process: str

    @classmethod
    def here(cls, who: str = "") -> Actor:
        """Whoever runs this process; where `who` is empty, whom NAKADACHI_OPERATOR or else the system names."""
        uid = os.getuid()
        try:
            user = pwd.getpwuid(uid).pw_name
        except KeyError:
            user = str(uid)
        words = [word for word in sys.argv[1:4] if word.isascii() and word.replace("-", "").isalnum()]
        command = " ".join([Path(sys.argv[0]).name, *(word for word in words if not word.startswith("-"))])
        return cls(who or os.environ.get(OPERATOR, "") or f"user {user}", f"{command} (pid {os.getpid()}, user {user})")


class Journal:
    """The journal of one key store: adds lines, under a lock that the system's processes share."""

    def __init__(self, folder: Path, clock: Clock, actor: Actor | None = None) -> None:
        self.path = folder / JOURNAL
        self._head = folder / HEAD
        self.clock = clock
        self._actor = actor or Actor.here()

    def note(self, act: Act, key: str, outcome: Outcome = Outcome.DONE, note: str = "") -> None:
        """Add a line; when this returns it is on disk. Raises KeyStoreError where it cannot be kept."""
        try:
            with self._locked() as file:
                seq, prev = _last(file)
                said = _read_head(self._head)
                if said is not None and said != (seq, prev) and not _one_ahead(file, said):
                    note_of_break = f"the head names line {said[0]} ({said[1][:16]}…), the last line here is {seq}"
                    seq, prev = self._add(file, (seq, prev), Act.JOURNAL, "*", Outcome.BROKEN, note_of_break)
                self._keep_head(*self._add(file, (seq, prev), act, key, outcome, note))
        except OSError as wrong:
            msg = f"{self.path}: what is done with keys cannot be recorded ({wrong.strerror}), so it is not done"
            raise KeyStoreError(msg) from None

    def _add(self, file: int, last: tuple[int, str], *words: object) -> tuple[int, str]:
        act, key, outcome, note = words
        entry = {
            "seq": last[0] + 1, "at": self.clock.now(), "key": key, "act": act, "outcome": outcome,
            "who": self._actor.who, "process": self._actor.process, "note": note, "prev": last[1],
        }  # fmt: skip
        line = msgspec.json.encode(msgspec.convert(entry, Entry))
        os.lseek(file, 0, os.SEEK_END)
        os.write(file, line + b"\n")
        os.fsync(file)
        return last[0] + 1, hashlib.sha256(line).hexdigest()

    def _keep_head(self, seq: int, line_hash: str) -> None:
        """Whole or not at all: a head that is one line behind is mended by the next line."""
        fresh = self._head.with_name(f".{HEAD}.new")
        fresh.write_text(f"{seq} {line_hash}\n", encoding="ascii")
        fresh.chmod(0o600)
        fresh.replace(self._head)

    @contextmanager
    def _locked(self) -> Iterator[int]:
        file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield file
        finally:
            os.close(file)


@dataclass(frozen=True, slots=True)
class Verdict:
    """A journal as read: its lines, number and hash of the last one, and what is wrong with it."""

    entries: tuple[Entry, ...]
    head: tuple[int, str]
    problems: tuple[str, ...]


def verify(folder: Path, noted: str = "") -> Verdict:
    """Read a journal and check its chain; `noted` is a head written down elsewhere, `<number> <hash>`.

    A line changed, taken out or put in breaks the chain; lines cut off at the end are missing to the head. Who can
    write the folder can cut both: that is found with a head from elsewhere. Raises KeyStoreError where there is none.
    """
    path = folder / JOURNAL
    try:
        lines = path.read_bytes().splitlines()
    except OSError as wrong:
        msg = f"{path}: the journal cannot be read ({wrong.strerror})"
        raise KeyStoreError(msg) from None
    entries: list[Entry] = []
    problems: list[str] = []
    hashes = {0: FIRST}
    seq, prev = 0, FIRST
    for number, line in enumerate(lines, start=1):
        try:
            entry = msgspec.json.decode(line, type=Entry)
        except (msgspec.DecodeError, UnicodeDecodeError):
            problems.append(f"line {number} is no entry")
            prev = hashlib.sha256(line).hexdigest()
            continue
        if entry.prev != prev or entry.seq != seq + 1:
            problems.append(f"line {number} (entry {entry.seq}) does not follow the line before it")
        if entry.outcome is Outcome.BROKEN:
            problems.append(f"entry {entry.seq} found lines missing before it: {entry.note}")
        entries.append(entry)
        seq, prev = entry.seq, hashlib.sha256(line).hexdigest()
        hashes[seq] = prev
    said = _read_head(folder / HEAD)
    if said is None:
        problems.append(f"{folder / HEAD} is not there or no head")
    elif said != (seq, prev) and not (entries and said == (seq - 1, entries[-1].prev)):
        problems.append(f"the head names line {said[0]}, the last one here is {seq} or another: lines were cut")
    problems += _against(noted, hashes)
    return Verdict(tuple(entries), (seq, prev), tuple(problems))


def unrecorded(entries: Iterable[Entry], names: Iterable[str]) -> list[str]:
    """Of these keys those that the journal does not know to be there: it saw them neither made nor taken in."""
    known: set[str] = set()
    for one in entries:
        if one.outcome is Outcome.DONE and one.act in {Act.MAKE, Act.IMPORT, Act.JOURNAL}:
            known.add(one.key)
        elif one.outcome is Outcome.DONE and one.act is Act.DESTROY:
            known.discard(one.key)
    return sorted(set(names) - known)


def _against(noted: str, hashes: dict[int, str]) -> list[str]:
    """Whether a head from elsewhere is one that this journal once had."""
    if not noted.strip():
        return []
    known = _parse_head(noted)
    if known is None:
        return [f"{noted!r} is no head: give its number and its hash, as `keys log` prints them"]
    return [] if hashes.get(known[0]) == known[1] else [f"the noted head {known[0]} is none of this journal's"]


def _read_head(path: Path) -> tuple[int, str] | None:
    try:
        return _parse_head(path.read_text(encoding="ascii"))
    except (OSError, UnicodeDecodeError):
        return None


def _parse_head(text: str) -> tuple[int, str] | None:
    words = text.split()
    if len(words) != 2 or not words[0].isdecimal() or len(words[1]) != 64:
        return None
    return int(words[0]), words[1]


def _last(file: int) -> tuple[int, str]:
    """Number and hash of the last line; a line that a crash tore counts, and is ended first."""
    tail = _tail(file)
    if not tail:
        return 0, FIRST
    if not tail.endswith(b"\n"):
        os.write(file, b"\n")
    line = tail.splitlines()[-1]
    try:
        return msgspec.json.decode(line, type=Entry).seq, hashlib.sha256(line).hexdigest()
    except (msgspec.DecodeError, UnicodeDecodeError):
        number = sum(1 for _ in tail.splitlines())
        return number, hashlib.sha256(line).hexdigest()


def _one_ahead(file: int, said: tuple[int, str]) -> bool:
    """Whether the last line is the one after the head: a process ended between the two."""
    lines = _tail(file).splitlines()
    try:
        last = msgspec.json.decode(lines[-1], type=Entry)
    except (IndexError, msgspec.DecodeError, UnicodeDecodeError):
        return False
    return (last.seq - 1, last.prev) == said


def _tail(file: int, most: int = 1 << 16) -> bytes:
    size = os.fstat(file).st_size
    return os.pread(file, most, max(0, size - most))
