"""カード管理簿: the issuer's register of cards, one small file each; it holds nobody's items and no secret.

A file is replaced whole, so that a kill leaves the entry as it was or as it is to be.
"""

from __future__ import annotations

import fcntl
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from nakadachi.neighbours.card.life import Entry
from nakadachi.neighbours.card.texts import CardError, Trouble

SERIAL = re.compile(r"[0-9A-Z]{8,32}")
_DECODER = msgspec.json.Decoder(Entry)


class Register:
    """A folder of entries, `<serial>.json`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def find(self, serial: str) -> Entry:
        """The entry of a card. Raises CardError."""
        if SERIAL.fullmatch(serial) is None:
            raise CardError(Trouble.OUT_OF_LIFE, "no serial number of a card")
        path = self._path(serial)
        try:
            raw = path.read_bytes()
        except FileNotFoundError:
            raise CardError(Trouble.OUT_OF_LIFE, f"{self._folder}: holds no card of this serial number") from None
        except OSError as wrong:
            raise CardError(Trouble.UNREADABLE, f"{path}: {wrong.strerror}") from None
        return read_entry(raw, str(path))

    def all(self) -> Iterator[Entry]:
        """Every entry, by serial number. Raises CardError."""
        for path in sorted(self._folder.glob("*.json")):
            yield self.find(path.stem)

    def add(self, entry: Entry) -> None:
        """A new card. Raises CardError where it is known already."""
        with self._locked():
            if self._path(entry.serial).exists():
                raise CardError(Trouble.OUT_OF_LIFE, "a card of this serial number is in the register already")
            self._write(entry)

    @contextmanager
    def turn(self, serial: str) -> Iterator[Held]:
        """Hold the register for one change of one entry. Raises CardError."""
        with self._locked():
            yield Held(self, self.find(serial))

    def _path(self, serial: str) -> Path:
        return self._folder / f"{serial}.json"

    def _write(self, entry: Entry) -> None:
        path = self._path(entry.serial)
        try:
            handle, name = tempfile.mkstemp(dir=self._folder, prefix=".", suffix=".new")
            with os.fdopen(handle, "wb") as file:
                file.write(msgspec.json.format(msgspec.json.encode(entry)))
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(path)
        except OSError as wrong:
            raise CardError(Trouble.UNREADABLE, f"{path}: cannot be written ({wrong.strerror})") from None

    @contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle = os.open(self._folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as wrong:
            raise CardError(Trouble.UNREADABLE, f"{self._folder}: {wrong.strerror}") from None
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)


class Held:
    """One entry, held for a change."""

    def __init__(self, register: Register, entry: Entry) -> None:
        self.entry = entry
        self._register = register

    def keep(self, entry: Entry) -> None:
        """Replace the entry. Raises CardError."""
        self._register._write(entry)  # noqa: SLF001  the two are one
        self.entry = entry


def read_entry(raw: bytes, where: str) -> Entry:
    """An entry of a file's bytes. Raises CardError, which names the file."""
    try:
        return _DECODER.decode(raw)
    except (msgspec.DecodeError, ValueError, RecursionError):  # ValueError: a text that is not UTF-8
        raise CardError(Trouble.UNREADABLE, f"{where}: is no entry of a card") from None
