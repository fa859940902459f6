"""Keeps how the version before this one spoke: its golden vectors, and which members its structs and enums had.

`python -m tools.former_wire` takes both out of the history, at the commit that `tests/e2e/former.toml` names, and
writes `tests/wire/vectors-<version>/`. A release that moves that file on runs it once.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from pathlib import Path
from typing import Any

import msgspec

from nakadachi.law.directory import _Document as DirectoryDocument
from nakadachi.law.lawbook import _Document as LawbookDocument
from nakadachi.telegrams.catalogue import TELEGRAMS
from nakadachi.telegrams.permit import LogContent, Opening, Permit
from nakadachi.telegrams.provision import Body

ROOT = Path(__file__).parent.parent
FORMER = tomllib.loads((ROOT / "tests" / "e2e" / "former.toml").read_text(encoding="utf-8"))
FOLDER = ROOT / "tests" / "wire" / f"vectors-{FORMER['version']}"
STRUCTS = FOLDER / "structs.json"

Spoken = dict[str, dict[str, Any]]


def spoken() -> Spoken:
    """What the nakadachi that is imported here puts on the wire: per struct its members in their order and which of
    them may be left out, per enum its values.
    """
    found: Spoken = {}
    for kind in (TELEGRAMS, Permit, LogContent, Opening, Body, DirectoryDocument):
        _walk(msgspec.inspect.type_info(kind), found)
    law: Spoken = {}
    _walk(msgspec.inspect.type_info(LawbookDocument), law)
    return dict(sorted(found.items())) | {f"lawbook {name}": said for name, said in sorted(law.items())}


def _walk(info: Any, found: Spoken) -> None:
    if isinstance(info, msgspec.inspect.StructType | msgspec.inspect.DataclassType):
        if info.cls.__name__ in found:
            return
        config = getattr(info.cls, "__struct_config__", None)
        found[info.cls.__name__] = {
            "members": [one.encode_name for one in info.fields],
            "may be left out": sorted(one.encode_name for one in info.fields if not one.required),
            "defaults are left out": config is not None and config.omit_defaults,
        }
        for one in info.fields:
            _walk(one.type, found)
    elif isinstance(info, msgspec.inspect.EnumType):
        found[info.cls.__name__] = {"values": sorted(str(one.value) for one in info.cls)}
    else:
        for one in (*getattr(info, "types", ()), *getattr(info, "item_types", ())):
            _walk(one, found)
        for name in ("item_type", "key_type", "value_type"):
            if (inner := getattr(info, name, None)) is not None:
                _walk(inner, found)


def text_of(said: Spoken) -> str:
    """The text that belongs into the file."""
    return json.dumps(said, indent=1) + "\n"


def main() -> int:
    """Write the folder anew. Returns 1 where this clone does not have the commit."""
    packed = subprocess.run(
        ["git", "archive", "--format=tar", FORMER["commit"], "src", "tests/wire/vectors"],
        cwd=ROOT, capture_output=True, check=False,
    )  # fmt: skip
    if packed.returncode:
        print(f"commit {FORMER['commit']} is not in this clone: git fetch origin {FORMER['commit']}", file=sys.stderr)
        return 1
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name, tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive:
        archive.extractall(name, filter="data")
        for vector in Path(name, "tests", "wire", "vectors").glob("[A-Z]*.json"):
            (FOLDER / vector.name).write_bytes(vector.read_bytes())
        told = subprocess.run(
            [sys.executable, "-c", "import tools.former_wire as f; print(f.text_of(f.spoken()), end='')"],
            cwd=ROOT, env=os.environ | {"PYTHONPATH": str(Path(name, "src"))},
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        STRUCTS.write_text(told.stdout, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
