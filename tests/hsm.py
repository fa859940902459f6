"""A SoftHSM2 token for tests: its module, its settings, a token of its own for whoever asks."""

from __future__ import annotations

import atexit
import itertools
import os
import shutil
import subprocess
import tempfile
import warnings
from functools import cache
from pathlib import Path

import pytest

from nakadachi.kit.key_config import KeyStoreConfig, KeyStoreKind

INSTALL = "apt-get install softhsm2"
MODULES = ("/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
           "/usr/lib64/pkcs11/libsofthsm2.so", "/usr/local/lib/softhsm/libsofthsm2.so")  # fmt: skip
PIN, SO_PIN = "pin-of-a-test-token", "its-officers-pin"
TOKENS = 48
"""More than the tests of one run ask for."""
_NUMBERS = itertools.count(0)


def module() -> Path:
    """SoftHSM's module; where there is none the test is skipped, and says how to have it."""
    found = next((Path(one) for one in MODULES if Path(one).exists()), None)
    if found is None or shutil.which("softhsm2-util") is None:
        reason = f"SoftHSM2 is not there, so nothing on PKCS#11 was tested: {INSTALL}"
        if os.environ.get("CI"):
            warnings.warn(reason, stacklevel=2)  # an error in CI: what it checks, it must check
        pytest.skip(reason)
    _settings()
    return found


@cache
def _settings() -> Path:
    """Settings and tokens of this run: SoftHSM reads both when it is first loaded in a process, and never again."""
    folder = Path(tempfile.mkdtemp(prefix="nakadachi-softhsm-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    (folder / "tokens").mkdir()
    settings = folder / "softhsm2.conf"
    settings.write_text(f"directories.tokendir = {folder}/tokens\nobjectstore.backend = file\nlog.level = ERROR\n")
    os.environ["SOFTHSM2_CONF"] = str(settings)
    for number in range(TOKENS):
        made = subprocess.run(
            ["softhsm2-util", "--init-token", "--free", "--label", f"test-{number}", "--pin", PIN, "--so-pin", SO_PIN],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert made.returncode == 0, made.stderr
    return folder


def new_token(folder: Path) -> KeyStoreConfig:
    """A token that nobody used, and what a node's configuration says of it; its PIN lies in `folder`."""
    found = module()
    (folder / "pin").write_text(PIN + "\n")
    return KeyStoreConfig(KeyStoreKind.PKCS11, found, f"test-{next(_NUMBERS)}", folder / "pin")
