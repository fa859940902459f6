"""OpenSSL's command line as an outside judge of certificates, lists and answers."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

PROGRAM = shutil.which("openssl")
needs_openssl = pytest.mark.skipif(
    PROGRAM is None, reason="OpenSSL's command line is missing; install it: apt-get install openssl"
)


def openssl(*words: str | Path) -> tuple[int, str]:
    """Exit status, and what it said on both outputs."""
    done = subprocess.run([str(PROGRAM), *map(str, words)], capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout + done.stderr
