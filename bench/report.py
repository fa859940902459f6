"""Writes a benchmark's result: value, bound and their ratio from the same run, the machine, the versions, the curve."""

from __future__ import annotations

import json
import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
LIBRARIES = ("asyncpg", "aiohttp", "cryptography", "msgspec", "starlette", "uvicorn", "uvloop")


def machine() -> dict[str, Any]:
    """What it ran on: processor, cores, memory in GiB."""
    info = Path("/proc/cpuinfo").read_text(encoding="utf-8") if Path("/proc/cpuinfo").exists() else ""
    names = [line.partition(":")[2].strip() for line in info.splitlines() if line.startswith("model name")]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "processor": names[0] if names else platform.machine(),
        "cores": os.cpu_count(),
        "memory_gib": round(memory, 1),
    }


def versions() -> dict[str, str]:
    """Python and the libraries that do the work."""
    return {"python": platform.python_version(), **{name: version(name) for name in LIBRARIES}}


def write(name: str, *, value: float, unit: str, bound: float, **more: Any) -> Path:
    """Write `results/<name>.json`; `more` are the points of the curve and what else was measured."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    report = {
        "name": name,
        "value": round(value, 2),
        "unit": unit,
        "bound": round(bound, 2),
        "ratio": round(value / bound, 4),
        "machine": machine(),
        "versions": versions(),
        **more,
    }
    path.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return path
