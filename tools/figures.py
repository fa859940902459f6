"""Writes the figures of benchmarks into the documents, from the results as they were measured; draws their curves."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from tools.drawings import table

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "bench" / "results"
CURVES = ROOT / "docs" / "codes-growth.svg"
SCHEMES = {"reversible": "reversible (案2)", "table": "table (案3)"}


def result(name: str) -> dict[str, Any]:
    """A benchmark's result."""
    read: dict[str, Any] = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    return read


def schemes() -> str:
    """Both schemes as they grow: codes per second of each work, and bytes per code."""
    head = ("codes", "scheme", "issue/s", "read/s", "convert/s", "bytes per code", "of these, index")
    rows = [
        (
            f"{point['codes']:,}",
            name,
            *(f"{point[scheme][f'{work}_per_second']:,}" for work in ("issue", "read", "convert")),
            f"{point[scheme]['bytes_per_code']:.0f}",
            f"{point[scheme]['index_bytes_per_code']:.0f}",
        )
        for point in result("schemes")["curve"]
        for scheme, name in SCHEMES.items()
    ]
    return table(head, rows)


def conversion() -> str:
    """Conversion as the ID table grows, and how it stands to its goals."""
    measured = result("conversion")
    rows = [
        (f"{point['codes']:,}", f"{point['per_second']:,}", f"{point['core_microseconds']:.1f}")
        for point in measured["curve"]
    ]
    text = (
        f"At {measured['curve'][-1]['codes']:,} codes {measured['value']:,.0f} a second"
        f" (goal {measured['goal_per_second']:,}), at"
        f" {measured['cost_against_100000_codes']:.2f} times the cost per code of 100,000"
        f" (goal: at most {measured['goal_cost_against_100000_codes']:g}). Machine: {machine(measured)}. The bound"
        f" of the same run, two bare block operations on the same cores, is {measured['bound']:,.0f}."
    )
    return table(("codes", "conversions/s", "µs of one core, each"), rows) + "\n\n" + text


def issuance() -> str:
    """A population linked by one file: people per second, and the memory it took."""
    if not (measured := _kept("issuance")):
        return _NOT_KEPT.format(name="issuance")
    whole, core = measured["whole"], measured["core"]
    rows = [
        (name.partition(":")[0], f"{taken['idle']:.0f}", f"{taken['peak']:.0f}")
        for name, taken in whole["resident_mib"].items()
    ]
    text = (
        f"{whole['people']:,} people of one file, from its first byte to the last code: {whole['per_second']:,.0f} a"
        f" second with every system on this machine. The core alone: {core['per_second']:,.0f} a second. Machine:"
        f" {machine(measured)}. The bound of the same run, {measured['bound_is']}, is {measured['bound']:,.0f}."
    )
    return text + "\n\n" + table(("system", "MiB before the file", "MiB at its peak"), rows)


def rotation() -> str:
    """A key replaced under load: what the clerk noticed, and how fast people got their new codes."""
    if not (measured := _kept("rotation")):
        return _NOT_KEPT.format(name="rotation")
    beside, made = measured["beside"], measured["reissue"]
    sides = (
        ("nobody's", measured["alone"]),
        ("the inquirer's", beside["inquirer"]),
        ("the provider's", beside["provider"]),
    )
    rows = [
        (whose, str(seen["inquiries"]), *(f"{seen['latency_ms'][share]:.0f}" for share in ("p50", "p95", "p99")))
        for whose, seen in sides
    ]
    text = (
        f"{made['people']:,} people at each end, {made['replacements']} replacements,"
        f" {measured['rate_per_second']:g} inquiries a second all the while: {made['people_per_second']:,.0f} people"
        f" re-issued a second; {measured['failed']} of {measured['inquiries']:,} inquiries failed. The clerk's p95 was"
        f" {measured['ratio']:.2f} times that alone (goal: at most {measured['goal']:g}). Machine: {machine(measured)}."
    )
    return table(("whose key was being replaced", "inquiries", "p50 ms", "p95 ms", "p99 ms"), rows) + "\n\n" + text


_NOT_KEPT = "No run is kept yet: `make bench BENCH={name}`, then `python -m tools.docs`."


def _kept(name: str) -> dict[str, Any] | None:
    return result(name) if (RESULTS / f"{name}.json").exists() else None


def machine(measured: dict[str, Any]) -> str:
    """What it ran on."""
    ran = measured["machine"]
    return f"{ran['cores']} cores ({ran['processor']}), {ran['memory_gib']:.0f} GiB"


def digest() -> str:
    """What the curves are drawn from, shortly."""
    curves = [result(name)["curve"] for name in ("schemes", "conversion")]
    return hashlib.sha256(json.dumps(curves, sort_keys=True).encode()).hexdigest()[:16]


def curves_are_stale() -> bool:
    """Whether the picture was drawn from other results than there are."""
    return not CURVES.exists() or digest() not in CURVES.read_text(encoding="utf-8")


def draw_curves() -> None:
    """Draw the growth of cost and space as one picture of two panels."""
    # Only who measures anew draws, so that nobody else waits for the library.
    import matplotlib as mpl  # noqa: PLC0415

    mpl.use("svg")
    mpl.rcParams.update({"svg.hashsalt": "nakadachi", "svg.fonttype": "none", "font.size": 10})
    from matplotlib import pyplot as plt  # noqa: PLC0415

    figure, (cost, space) = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
    for scheme, mark in (("reversible", "o-"), ("table", "s--")):
        points = result("schemes")["curve"]
        codes = [point["codes"] for point in points]
        cost.plot(codes, [2e6 / point[scheme]["convert_per_second"] for point in points], mark, label=scheme)
        space.plot(
            codes, [point[scheme]["bytes_per_code"] * point["codes"] / 2**20 for point in points], mark, label=scheme
        )
    cost.set(xscale="log", xlabel="codes", ylabel="µs of one core per conversion", ylim=(0, None))
    space.set(xscale="log", yscale="log", xlabel="codes", ylabel="MiB of tables and keys")
    for panel in (cost, space):
        panel.grid(alpha=0.3)
        panel.legend()
    figure.savefig(CURVES, metadata={"Date": None, "Description": f"results {digest()}"})
