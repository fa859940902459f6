"""The corpus: a few small inputs per target, made by the real encoders, and the minimised findings of the past."""

from __future__ import annotations

import hashlib
from pathlib import Path

from fuzz.target import TARGETS, Target

FOLDER = Path(__file__).parent / "corpus"
FOUND = "found-"
"""How the names of former findings begin: they are kept when the seeds are made anew."""


def inputs(one: Target, folder: Path = FOLDER) -> dict[str, bytes]:
    """The corpus of a target by file name, in order."""
    files = sorted((folder / one.name).glob("*")) if (folder / one.name).is_dir() else []
    return {file.name: file.read_bytes() for file in files if file.is_file()}


def make() -> list[Path]:
    """Write every target's seeds anew; former findings stay. The files that changed."""
    changed = []
    for one in TARGETS.values():
        folder = FOLDER / one.name
        folder.mkdir(parents=True, exist_ok=True)
        seeds = one.seeds()
        for stale in set(inputs(one)) - set(seeds):
            if not stale.startswith(FOUND):
                (folder / stale).unlink()
                changed.append(folder / stale)
        for name, raw in seeds.items():
            path = folder / name
            if not path.exists() or path.read_bytes() != raw:
                path.write_bytes(raw)
                changed.append(path)
    return changed


def name_of(data: bytes) -> str:
    """A short name for an input, from its bytes."""
    return hashlib.sha256(data).hexdigest()[:12]
