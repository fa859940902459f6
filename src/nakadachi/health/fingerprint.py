"""プログラムと設定の指紋: what is installed and how it is set, as digests, held against what was accepted (N5).

The first start of a version accepts what it finds; whatever changes afterwards is told until somebody accepts it.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import timedelta
from enum import Enum
from hashlib import sha256
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nakadachi import __version__
from nakadachi.telegrams.codec import encode_json
from nakadachi.terms import Code

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAM = Path(__file__).parent.parent
"""The folder of the package."""
COMPILED = "__pycache__"


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """指紋: a version, and SHA-256 over its program and over its settings (32 bytes each)."""

    version: str
    program: bytes
    settings: bytes


def fingerprint(config: object) -> Fingerprint:
    """What is installed here, and `config`, a system's whole configuration. Raises OSError for files that cannot be
    read.
    """
    return Fingerprint(__version__, program_digest(), settings_digest(config))


def program_digest(program: Path = PROGRAM) -> bytes:
    """SHA-256 over the names and contents of all files of the package, the interpreter and the versions of the
    libraries installed beside it. A library's own files are not read: that is its package manager's to verify.
    """
    digest = sha256()
    for line in _program(program):
        digest.update(sha256(line).digest())
    return digest.digest()


def settings_digest(config: object) -> bytes:
    """SHA-256 over a configuration: the same for the same settings, from wherever the file was named."""
    return sha256(encode_json(_plain(config))).digest()


def _program(program: Path) -> Iterator[bytes]:
    yield sys.version.encode()
    for name, version in sorted((one.metadata["Name"], one.version) for one in metadata.distributions()):
        yield f"{name} {version}".encode()
    for file in sorted(program.rglob("*")):
        if file.is_file() and COMPILED not in file.parts:
            yield file.relative_to(program).as_posix().encode() + b"\0" + file.read_bytes()


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return {one.name: _plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, Mapping):
        return {str(name): _plain(value[name]) for name in sorted(value)}
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    if isinstance(value, Path):
        return str(value.resolve())
    if isinstance(value, Code | Enum):
        return value.value
    return value.total_seconds() if isinstance(value, timedelta) else value
