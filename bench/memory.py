"""How much memory the systems of a country take: each process's resident set, and its peak since it started."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nakadachi.country.processes import Processes

NOW, PEAK = "VmRSS", "VmHWM"
"""Linux's words for both, in `/proc/<pid>/status`."""


def resident_mib(processes: Processes, which: str = NOW) -> dict[str, float]:
    """MiB by system: `NOW`, or the `PEAK`. The databases' processes are not among them."""
    return {name: round(_kib(process.pid, which) / 1024, 1) for name, process in processes.running.items()}


def _kib(pid: int, which: str) -> int:
    said = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    found = re.search(rf"^{which}:\s+(\d+) kB$", said, re.MULTILINE)
    if found is None:
        raise RuntimeError(f"Linux says no {which} of process {pid}")
    return int(found[1])
