"""Key files: written whole or not at all, for their owner only, overwritten before they go."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nakadachi.kit.entropy import Entropy


def replace_file(path: Path, content: bytes, entropy: Entropy) -> None:
    """Put other content in the place of a key's, whole or not at all; the former is overwritten. Raises OSError."""
    former = path.with_name(f".{path.name}.former")
    former.unlink(missing_ok=True)
    former.hardlink_to(path)
    fresh = _written(path, content)
    fresh.replace(path)
    overwrite(former, former.stat().st_size, entropy)
    former.unlink()


def overwrite(path: Path, size: int, entropy: Entropy) -> None:
    """Chance over a file's content: on a disk that writes in place, nothing of it is left."""
    with path.open("r+b") as file:
        file.write(entropy.bytes(size))
        file.flush()
        os.fsync(file.fileno())


def write_new(path: Path, content: bytes) -> None:
    """Write a file that is not there yet, whole or not at all, for its owner only. Raises OSError."""
    fresh = _written(path, content)
    try:
        path.hardlink_to(fresh)
    finally:
        fresh.unlink()


def _written(path: Path, content: bytes) -> Path:
    """A new file beside `path` with this content, on disk. Raises OSError."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".new")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        Path(name).unlink()
        raise
    return Path(name)
