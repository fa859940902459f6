"""Targets: what officers and the key journal leave on disks."""

from __future__ import annotations

import base64
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path

from fuzz.target import Form, memory, require, same, target
from nakadachi.kit.entropy import SeededEntropy
from nakadachi.kit.key_journal import verify
from nakadachi.kit.keystore import KeyStoreError
from nakadachi.kit.officers import Officer, guard, open_guarded, read_officer


@cache
def _officers() -> tuple[Officer, ...]:
    return tuple(Officer(f"officer-{number}", bytes([number]) * 32) for number in (1, 2))


@target(
    "officers",
    covers=["kit.officers:read_officer", "kit.officers:open_guarded", "kit.key_journal:verify"],
    seeds=lambda: {
        "guarded": guard(b"a key as it is kept", _officers(), "id-key", SeededEntropy(1)),
        "secret": b"nakadachi-officer-1 officer-1 " + base64.b64encode(bytes([1]) * 32),
    },
    form=Form.TEXT,
    errors=(KeyStoreError,),
    largest=2048,
)
def officers(data: bytes) -> str:
    """An officer's file, a journal and a guarded key, all hostile; the key opens as it was kept, or not at all."""
    with tempfile.TemporaryDirectory(dir=memory()) as name:
        path = Path(name) / "secret"
        path.write_bytes(data)
        (Path(name) / "journal.jsonl").write_bytes(data)
        require(bool(verify(Path(name)).problems), "a journal without its head is taken for whole")
        with suppress(KeyStoreError):
            require(len(read_officer(path).secret) == 32, "an officer's secret has another length")
            return "officer"
    same(open_guarded(data, _officers(), "id-key"), b"a key as it is kept", "a guarded key is not as it was kept")
    return "guarded"
