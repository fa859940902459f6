"""What a key costs in a token (SoftHSM2), against the same key in memory, per class of key; decision 0027 goes by it.

The bound of each is the same work with the key in memory, in the same run. SoftHSM is a library in the same process: a
device on a bus or a network adds its own time to every call.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench import report
from nakadachi.kit.clock import SystemClock
from nakadachi.kit.entropy import SystemEntropy
from nakadachi.kit.key_config import KeyPlace, KeyStoreConfig, KeyStoreKind, open_store

SECONDS = 2.0
MODULE = Path("/usr/lib/softhsm/libsofthsm2.so")
CODE, TELEGRAM, PART = b"12345678901", b"t" * 600, b"p" * 300
NAMES = ("signing", "id-key", "log", "link-master", "staff")


def main() -> None:
    """Measure both stores and write `results/keys.json`."""
    if not MODULE.exists() or shutil.which("softhsm2-util") is None:
        sys.exit(f"{MODULE} is not there: apt-get install softhsm2")
    with tempfile.TemporaryDirectory() as folder:
        memory = _measured(Path(folder) / "files", KeyStoreConfig())
        token = _measured(Path(folder) / "token", _token(Path(folder)))
    ratios = {name: round(memory[name] / token[name], 1) for name in memory}
    for name, ratio in ratios.items():
        print(f"{name:28} {memory[name]:>12,.0f}/s in memory {token[name]:>10,.0f}/s in the token {ratio:>6}x")
    report.write(
        "keys", value=token["sign a telegram"], unit="signatures per second inside the token, one process",
        bound=memory["sign a telegram"], per_second={"memory": memory, "token": token}, times_dearer=ratios,
    )  # fmt: skip


def _token(folder: Path) -> KeyStoreConfig:
    (folder / "tokens").mkdir()
    (folder / "softhsm2.conf").write_text(f"directories.tokendir = {folder}/tokens\nobjectstore.backend = file\n")
    os.environ["SOFTHSM2_CONF"] = str(folder / "softhsm2.conf")
    (folder / "pin").write_text("123456")
    words = ["softhsm2-util", "--init-token", "--free", "--label", "bench", "--pin", "123456", "--so-pin", "654321"]
    subprocess.run(words, check=True, capture_output=True)
    return KeyStoreConfig(KeyStoreKind.PKCS11, MODULE, "bench", folder / "pin")


def _measured(folder: Path, config: KeyStoreConfig) -> dict[str, float]:
    folder.mkdir()
    (folder / "unlock").write_bytes(os.urandom(32))
    place = KeyPlace(folder, folder / "unlock", config)
    clock = SystemClock()
    store: Any = open_store(place, SystemEntropy(), clock)
    for name in NAMES:
        store.make(name)
    signer, mac, month = store.signer("signing"), store.mac("id-key"), store.month(clock.now())
    sealed = store.sealer.seal("log", bytes(32))

    def start() -> None:
        opened: Any = open_store(place, SystemEntropy(), clock)
        opened.signer("signing")
        opened.mac("id-key")
        for name in NAMES[2:]:
            opened.secret(name)

    return {
        "sign a telegram": _rate(lambda: signer.sign(TELEGRAM)),
        "ID code (HMAC)": _rate(lambda: mac(CODE)),
        "wrap under a month": _rate(lambda: month.wrap(PART, "serial")),
        "open a sealed key": _rate(lambda: store.sealer.open("log", sealed)),
        "open the store, noted": _rate(start),
    }


def _rate(work: Callable[[], object]) -> float:
    work()
    done, begun = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - begun) < SECONDS:
        work()
        done += 1
    return round(done / elapsed, 1)


if __name__ == "__main__":
    main()
