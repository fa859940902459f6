"""Targets for what a restore reads: files of backups, holders' keys, archives, and the addresses of servers.

A backup may have lain anywhere; of whatever became of it, what opens is what was written, to the last byte.
"""

from __future__ import annotations

import re
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from unittest.mock import patch

from cryptography.hazmat.primitives.asymmetric import ec, mlkem
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from fuzz.target import Form, memory, require, same, target
from nakadachi.kit import backup_file
from nakadachi.kit.backup_file import KEY_BYTES, BackupError, create, read, read_facts
from nakadachi.kit.backup_keys import HolderPrivate, OwnKey, own_key, read_private, read_public
from nakadachi.kit.entropy import SeededEntropy
from nakadachi.kit.keystore import FileKeyStore
from nakadachi.kit.postgres_archive import PIECE_BYTES, open_base, open_segment
from nakadachi.kit.postgres_files import PostgresError
from nakadachi.kit.postgres_tools import read_address

FACTS = {"kind": "system", "node": "core:9910000000000001", "taken_at": "2026-04-01T10:00:00+09:00"}
CHUNK = 64
"""Bytes of a chunk here, so that a small file has several."""
CONTENTS = {"empty": b"", "short": b"the content", "chunks": bytes(range(200))}
SECRET = bytes(range(KEY_BYTES))
_MARK = b"nakadachi backup 1\n"
_PASSWORD = "hunter2hunter2"  # noqa: S105  a word of a sample
_SHOWN = re.compile(rf"postgresql://(\w*:{_PASSWORD}@[\w.:]*/\w*|\w*@[\w.:]*/\w*[?]password={_PASSWORD})")
"""Addresses in which the password stands where one belongs."""


@cache
def _own() -> OwnKey:
    with tempfile.TemporaryDirectory(dir=memory()) as name:
        folder = Path(name)
        (folder / "unlock").write_bytes(b"unlock")
        store = FileKeyStore(folder, folder / "unlock", SeededEntropy(1))
        return own_key(store, SeededEntropy(2))


@contextmanager
def _file(data: bytes = b"") -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=memory()) as name, patch.object(backup_file, "CHUNK_BYTES", CHUNK):
        path = Path(name) / "a.backup"
        if data:
            path.write_bytes(data)
        yield path


@cache
def _backup(content: bytes) -> bytes:
    closer = OwnKey(_own().cipher, SeededEntropy(3))
    with _file() as path:
        with create(path, FACTS, [closer], SeededEntropy(4)) as writer:
            writer.write(content)
        return path.read_bytes()


def _head_of(file: bytes) -> bytes:
    begin = len(_MARK) + 4
    return file[begin : begin + int.from_bytes(file[len(_MARK) : begin], "big")]


@target(
    "backup-file",
    covers=["kit.backup_file:read_facts", "kit.backup_file:read", "kit.backup_keys:OwnKey.unwrap"],
    seeds=lambda: {name: _backup(content) for name, content in CONTENTS.items()},
    errors=(BackupError,),
    weight=2,
)
def backup_files(data: bytes) -> str:
    """A whole file: it is one that was written, or it is refused."""
    with _file(data or b"\0") as path:
        facts = read_facts(path)
        content = b"".join(read(path, [_own()]))
    require(content in CONTENTS.values(), "a content opens that nobody wrote")
    same(data, _backup(content), "another file than the one written opens")
    same(facts, FACTS, "a head vouches for facts that nobody wrote")
    return f"{len(content)} bytes"


@target(
    "backup-head",
    covers=["kit.backup_file:read_facts", "kit.backup_file:read"],
    seeds=lambda: {"head": _head_of(_backup(b""))},
    errors=(BackupError,),
    form=Form.JSON,
)
def backup_heads(data: bytes) -> str:
    """A head with a true frame around it; the content was closed for the head of the seed alone."""
    true = _backup(b"")
    rest = true[len(_MARK) + 4 + len(_head_of(true)) :]
    with _file(_MARK + len(data).to_bytes(4, "big") + data + rest) as path:
        require(isinstance(read_facts(path), dict), "facts of another kind")
        same(b"".join(read(path, [_own()])), b"", "a content opens that nobody wrote")
    return "opened"


@cache
def _holder() -> tuple[mlkem.MLKEM1024PrivateKey, ec.EllipticCurvePrivateKey]:
    return mlkem.MLKEM1024PrivateKey.from_seed_bytes(bytes(64)), ec.derive_private_key(7, ec.SECP384R1())


def _private_pem() -> bytes:
    return b"".join(one.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) for one in _holder())


def _public_pem() -> bytes:
    return b"".join(one.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo) for one in _holder())


@target(
    "holder-keys",
    covers=["kit.backup_keys:read_public", "kit.backup_keys:read_private"],
    seeds=lambda: {"public": _public_pem(), "private": _private_pem(), "two": b"-----BEGIN-----BEGIN"},
    errors=(BackupError,),
    form=Form.TEXT,
    needles=frozenset(line for line in _private_pem().decode().splitlines() if not line.startswith("-----")),
)
def holder_keys(data: bytes) -> str:
    """A holder's key file: a public key wraps, a private one opens what its public one wrapped, else it is refused."""
    with _file(data or b"\0") as path:
        try:
            holder = read_private(path)
        except BackupError:
            read_public(path).wrap(SECRET)
            return "public"
    public = holder.key.public_key()
    require(public is not None and holder.name.startswith("the holder "), "a holder without a name")
    return "private"


@cache
def _reader() -> HolderPrivate:
    with _file(_private_pem()) as path:
        return read_private(path)


def _wrapped() -> dict[str, bytes]:
    chance, classic = SeededEntropy(5), _holder()[1].public_key()
    point = classic.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return {"shape": chance.bytes(1568) + point + chance.bytes(48), "empty": b"", "short": bytes(12)}


@target(
    "wrapped-keys",
    covers=["kit.backup_keys:HolderPrivate.unwrap", "kit.backup_keys:OwnKey.unwrap"],
    seeds=_wrapped,
    largest=4096,
)
def wrapped_keys(data: bytes) -> str:
    """The wrapped key in a head, from anywhere: without our public key nobody makes one that opens."""
    for opener in (_own(), _reader()):
        with suppress(ValueError):
            require(opener.unwrap(data) == b"none", "a key opens that nobody wrapped")
    return "refused"


def _archived() -> dict[str, bytes]:
    whole = zlib.compress(b"a tar file" * 100, 1)
    return {"whole": whole, "cut": whole[:-5], "more": whole + b"more", "plain": b"a tar file", "empty": b""}


@target(
    "base-archive",
    covers=["kit.postgres_archive:open_base", "kit.postgres_archive:open_segment"],
    seeds=_archived,
    errors=(BackupError,),
)
def base_archives(data: bytes) -> str:
    """A compressed content that a holder of the public key closed: whole and in small pieces, or refused."""
    with _file() as path:
        with create(path, FACTS, [_own()], SeededEntropy(4)) as writer:
            writer.write(data)
        pieces = list(open_base(path, [_own()]))
        segment = open_segment(path, [_own()])
    require(all(len(piece) <= PIECE_BYTES for piece in pieces), "a piece is larger than memory should hold")
    content = b"".join(pieces)
    same(content, zlib.decompress(data), "an archive is not as it was written")
    same(segment, content, "a segment is not as it was written")
    return "opened"


@target(
    "database-address",
    covers=["kit.postgres_tools:read_address"],
    seeds=lambda: {
        "tcp": f"postgresql://core:{_PASSWORD}@127.0.0.1:5432/core".encode(),
        "socket": b"postgresql://core@/core?host=/run/postgresql",
        "option": f"postgresql://core@127.0.0.1/core?password={_PASSWORD}".encode(),
        "six": b"postgresql://u:p%40@[::1]:5432/db",
    },
    errors=(PostgresError, UnicodeDecodeError),
    form=Form.TEXT,
    largest=1024,
    needles=frozenset({_PASSWORD}),
)
def database_address(data: bytes) -> str:
    """An address from a file or the environment: the password is never in what a command line shows."""
    text = data.decode()
    address = read_address(text)
    if _SHOWN.fullmatch(text):
        require(_PASSWORD not in f"{address!r} {address}", "an address shows its password")
        require(_PASSWORD in address.environment["PGPASSWORD"], "a password is lost")
    env = address.environment
    require(all("\0" not in value for value in env.values()), "no environment holds NUL")
    require("\0" not in address.url, "no command line holds NUL")
    return "read"
