"""二人による管理: a key that opens with the secrets of two officers and with no single one (N1, dual control).

Of two to five officers any two open it: for every pair there is an envelope (AES-256-GCM) under a key made of both
secrets (HKDF-SHA-256). An officer's secret is a file on a device of the officer's own, read when the key is opened.
"""

from __future__ import annotations

import binascii
import hashlib
import itertools
import os
import re
from base64 import b64decode, b64encode
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from nakadachi.kit.key_error import KeyStoreError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from nakadachi.kit.entropy import Entropy

MARK = b"nakadachi guarded 1\n"
_FILE = "nakadachi-officer-1"
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
_BYTES, _NONCE = 32, 12
LEAST, MOST = 2, 5


@dataclass(frozen=True, slots=True)
class Officer:
    """管理者: one officer's name and secret (32 bytes); `check` tells whether it is the right one, and no more."""

    name: str
    secret: bytes = field(repr=False)

    @property
    def check(self) -> str:
        """What the guarded key remembers of the secret: a hash of 32 bytes of chance gives nothing away."""
        return hashlib.sha256(b"nakadachi officer check\0" + self.name.encode() + b"\0" + self.secret).hexdigest()[:16]


class _Guarded(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    officers: dict[str, str]
    envelopes: dict[str, str]


def new_officer(path: Path, name: str, entropy: Entropy) -> Officer:
    """Make an officer's secret as a new file, readable for its owner only. Raises KeyStoreError."""
    if not _NAME.fullmatch(name):
        msg = f"{name[:40]!r} names no officer: 1 to 32 of a-z, 0-9 and -"
        raise KeyStoreError(msg)
    officer = Officer(name, entropy.bytes(_BYTES))
    text = f"{_FILE} {name} {b64encode(officer.secret).decode()}\n"
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    except OSError as wrong:
        msg = f"{path}: the officer's secret cannot be written ({wrong.strerror})"
        raise KeyStoreError(msg) from None
    return officer


def read_officer(path: Path) -> Officer:
    """An officer's secret from its file. Raises KeyStoreError that names the file, never what is in it."""
    try:
        words = path.read_bytes().split()
    except OSError as wrong:
        msg = f"{path}: the officer's secret cannot be read ({wrong.strerror}); is the officer's device there?"
        raise KeyStoreError(msg) from None
    try:
        kind, name, encoded = (word.decode("ascii") for word in words)
        secret = b64decode(encoded, validate=True)
    except (ValueError, binascii.Error):
        kind, name, secret = "", "", b""
    if kind != _FILE or not _NAME.fullmatch(name) or len(secret) != _BYTES:
        msg = f"{path}: is no officer's secret; `nakadachi keys new-officer` makes one"
        raise KeyStoreError(msg)
    return Officer(name, secret)


def is_guarded(raw: bytes) -> bool:
    """Whether a key file is under the control of officers."""
    return raw.startswith(MARK)


def officers_of(raw: bytes, key: str) -> tuple[str, ...]:
    """The names of the officers of a guarded key. Raises KeyStoreError."""
    return tuple(_read(raw, key).officers)


def guard(content: bytes, officers: Sequence[Officer], key: str, entropy: Entropy) -> bytes:
    """Put `content` (the key as the store keeps it) under the control of the officers. Raises KeyStoreError."""
    names = {officer.name for officer in officers}
    if not LEAST <= len(officers) <= MOST or len(names) != len(officers):
        msg = f"{key}: the control of officers needs {LEAST} to {MOST} of them, each with another name"
        raise KeyStoreError(msg)
    if len({officer.secret for officer in officers}) != len(officers):
        msg = f"{key}: two officers have the same secret: then one of them could open it alone"
        raise KeyStoreError(msg)
    envelopes = {}
    for pair in itertools.combinations(sorted(officers, key=lambda one: one.name), 2):
        nonce = entropy.bytes(_NONCE)
        sealed = nonce + _cipher(pair, key).encrypt(nonce, content, key.encode())
        envelopes["+".join(one.name for one in pair)] = b64encode(sealed).decode()
    checks = {officer.name: officer.check for officer in officers}
    return MARK + msgspec.json.encode(_Guarded(checks, envelopes))


def open_guarded(raw: bytes, officers: Iterable[Officer], key: str) -> bytes:
    """The content again, with any two of its officers.

    Raises KeyStoreError: which officers there are, whose secret is missing and whose is not the right one.
    """
    guarded = _read(raw, key)
    present: list[Officer] = []
    for officer in officers:
        if guarded.officers.get(officer.name) not in {None, officer.check}:
            msg = f"{key}: the secret of {officer.name} is not the one it was set up with"
            raise KeyStoreError(msg)
        if officer.name in guarded.officers and officer.name not in {one.name for one in present}:
            present.append(officer)
    if len(present) < LEAST:
        there = ", ".join(one.name for one in present) or "nobody"
        msg = (
            f"{key}: is under the control of two of {', '.join(guarded.officers)}; present: {there}."
            " node.key_store.officers names the files of two of them"
        )
        raise KeyStoreError(msg)
    pair = tuple(sorted(present, key=lambda one: one.name)[:2])
    try:
        sealed = b64decode(guarded.envelopes["+".join(one.name for one in pair)], validate=True)
        return _cipher(pair, key).decrypt(sealed[:_NONCE], sealed[_NONCE:], key.encode())
    except (InvalidTag, ValueError, KeyError):
        msg = f"{key}: what the officers guard was changed or cut; put its file back from a copy"
        raise KeyStoreError(msg) from None


def change_officer(
    raw: bytes, present: Sequence[Officer], key: str, *, gone: str, new: Officer, entropy: Entropy
) -> bytes:
    """The guarded key with `new` in the place of the officer `gone`; all who stay must be present.

    With two officers the one who goes must be there as well: one secret opens nothing. Raises KeyStoreError.
    """
    guarded = _read(raw, key)
    if gone not in guarded.officers:
        msg = f"{key}: {gone!r} is none of its officers ({', '.join(guarded.officers)})"
        raise KeyStoreError(msg)
    content = open_guarded(raw, present, key)
    by_name = {officer.name: officer for officer in present}
    staying = [name for name in guarded.officers if name != gone]
    if lacking := [name for name in staying if name not in by_name]:
        msg = f"{key}: to change one officer all who stay must be present; lacking: {', '.join(lacking)}"
        raise KeyStoreError(msg)
    return guard(content, [*(by_name[name] for name in staying), new], key, entropy)


def _read(raw: bytes, key: str) -> _Guarded:
    try:
        return msgspec.json.decode(raw.removeprefix(MARK), type=_Guarded)
    except (msgspec.DecodeError, UnicodeDecodeError):
        msg = f"{key}: what the officers guard was changed or cut; put its file back from a copy"
        raise KeyStoreError(msg) from None


def _cipher(pair: Sequence[Officer], key: str) -> AESGCM:
    one, other = pair
    info = b"\0".join((b"nakadachi officers 1", key.encode(), one.name.encode(), other.name.encode()))
    return AESGCM(HKDF(SHA256(), _BYTES, salt=None, info=info).derive(one.secret + other.secret))
