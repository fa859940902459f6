"""The demonstration: a country comes up, its main job runs on the example files, and what happened is shown and
checked.
"""

from __future__ import annotations

import asyncio
import io
import json
import shutil
import socket
import sys
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nakadachi.country.founding import Founding
from nakadachi.country.preparing import desk_config, prepare
from nakadachi.country.replacing import Replaced, replace_key
from nakadachi.country.running import COUNTRY, FILES, SETTINGS, Country, Settings, running, sample_plan
from nakadachi.country.sample import INQUIRER, STOPPED
from nakadachi.country.summing import summed_up
from nakadachi.country.tap import Tap
from nakadachi.desk.client import open_desk
from nakadachi.intermediate.files.results import Form, Result, ResultWriter, Status
from nakadachi.kit.client import HttpWire
from nakadachi.kit.config import ConfigError
from nakadachi.kit.log import configure
from nakadachi.law import lawbook
from nakadachi.ledger.verify import Keys, verify_log
from nakadachi.node import World
from nakadachi.refusal import Reason
from nakadachi.terms import NodeName, OrganisationCode, Role, Serial

if TYPE_CHECKING:
    from nakadachi.country.plan import Plan

EXAMPLES = Path("examples")
ASKING = {"lane": "interactive", "terminal": "DEMO-1", "purpose": "demonstration", "case_number": "DEMO-2026-1"}
STAFF = {"staff": "demo-staff", "department": "DEMO"}
SETTLE_TRIES, SETTLE_SECONDS = 100, 0.1


@dataclass(slots=True)
class Report:
    """What the demonstration found."""

    results: list[Result] = field(default_factory=list)
    held: list[Serial | None] = field(default_factory=list)
    seconds: float = 0.0
    records: dict[str, int] = field(default_factory=dict)
    checkpoint: dict[str, Any] = field(default_factory=dict)
    log_verified: bool = False
    problems: tuple[str, ...] = ()
    hops: list[dict[str, Any]] = field(default_factory=list)
    linked: int = 0
    replaced: Replaced | None = None
    reconciled: dict[str, int] = field(default_factory=dict)
    findings: int = 0

    def words(self) -> dict[str, Any]:
        """The report as one JSON object."""
        states = Counter(one.status for one in self.results)
        refused = Counter(one.reason for one in self.results if one.status in (Status.REFUSED, Status.REJECTED))
        return {
            "inquiries": len(self.results),
            "answered": states[Status.ANSWERED],
            "refused": dict(sorted(refused.items())),
            "pending": states[Status.PENDING] + states[Status.UNKNOWN],
            "records": self.records,
            "checkpoint": self.checkpoint,
            "log_verified": self.log_verified,
            "elapsed_s": round(self.seconds, 3),
            "hops": self.hops,
            "linked": self.linked,
            "replaced": self.replaced.words() if self.replaced else None,
            "commission": {"reconciled": self.reconciled, "findings": self.findings},
        }

    def count_linked(self, _organisation: str, people: int) -> None:
        """One more organisation has its people registered and linked."""
        self.linked += people


async def demo(state: Path, *, seed: int, as_json: bool, out: Path, scheme: str = "reversible") -> int:
    """Run the demonstration below `state`, which is made anew and removed at the end; results go to `out`.

    Returns the exit code: 0 where every line got a result and the log verifies. Raises what a start raises.
    """
    configure()
    say = _quiet if as_json else _print
    begun = time.perf_counter()
    if out.resolve().is_relative_to(state.resolve()):
        raise ConfigError(f"{out}: it would be removed with {state} at the end; name another place by --out")
    _remove(state)
    planned = sample_plan(state, Settings(seed, _free_ports(64), scheme=scheme))
    tap = Tap()
    world = World(wire=lambda name, context: tap.around(name, HttpWire(context)))
    report = Report()
    out.mkdir(parents=True, exist_ok=True)
    try:
        say(f"Bringing up a country: {len(planned.places)} systems, each with its own keys, certificate and database …")
        async with running(
            lambda server: Founding(state / COUNTRY, planned, lawbook.sample(), server, world, scheme=scheme),
            state,
            world,
        ) as country:
            await _run(country, state, planned, report=report, tap=tap, say=say, out=out)
    finally:
        _remove(state)
    report.seconds = time.perf_counter() - begun
    if as_json:
        print(json.dumps(report.words(), ensure_ascii=False))
    else:
        _show(report, out)
    return 0 if report.log_verified and report.results else 1


async def _run(country: Country, state: Path, planned: Plan, *, report: Report, tap: Tap, say: Any, out: Path) -> None:
    files = EXAMPLES if (EXAMPLES / "inquiries.csv").exists() and _same(state) else state / FILES
    say("Loading people and replicas, and issuing link codes (符号付番) …")
    await prepare(state / COUNTRY, files, planned.organisations, report.count_linked)
    for role in (Role.INTERMEDIATE, Role.INTERFACE):
        await country.stop_one(NodeName.of(role, OrganisationCode(STOPPED)))
    say(f"Asking what {files / 'inquiries.csv'} asks (大量照会) …")
    tap.recording = True
    await _inquire(state, files, report)
    tap.recording = False
    await _staff_decides(state, planned, report)
    say("Replacing the inquirer's key of link codes while it goes on asking (鍵の更新) …")
    report.replaced = await _replace_key(country, state, planned, files, report)
    _write(report, out)
    await _settle(country)
    report.hops = tap.exchange(next((one.serial for one in report.results if one.status is Status.ANSWERED), None))
    await _check(country, planned, report)
    say("Waiting for the Commission to have reconciled every exchange (三者突合) …")
    report.reconciled, report.findings = await summed_up(country, planned)


async def _inquire(state: Path, files: Path, report: Report) -> None:
    async with open_desk(desk_config(state / COUNTRY, OrganisationCode(INQUIRER))) as desk:
        with (files / "inquiries.csv").open("rb") as file:
            async for result in desk.inquire(file, ASKING):
                report.results.append(result)
    report.held = [one.serial for one in report.results if one.status is Status.PENDING]


async def _staff_decides(state: Path, planned: Plan, report: Report) -> None:
    """Of what is held back at the providers, staff answer the first and refuse the second; the others wait on."""
    decisions = ["answer", "refuse"]
    for organisation in planned.organisations:
        if organisation.value == STOPPED or not decisions:
            continue
        async with open_desk(desk_config(state / COUNTRY, organisation)) as desk:
            for held in (await desk.pending())[: len(decisions)]:
                decision = decisions.pop(0)
                more = {"reason": Reason.WITHHELD.value} if decision == "refuse" else {}
                await desk.settle(Serial(held.serial), decision, STAFF | more)
    async with open_desk(desk_config(state / COUNTRY, OrganisationCode(INQUIRER))) as desk:
        for _ in range(SETTLE_TRIES):
            waiting = [place for place, one in enumerate(report.results) if one.status is Status.PENDING and one.serial]
            if len(waiting) <= len(report.held) - 2:
                break
            await asyncio.sleep(SETTLE_SECONDS)
            for place in waiting:
                former = report.results[place]
                if former.serial is not None:
                    report.results[place] = replace(await desk.result(former.serial), line=former.line)


async def _replace_key(country: Country, state: Path, planned: Plan, files: Path, report: Report) -> Replaced | None:
    """The first line that was answered is asked again and again meanwhile."""
    answered = next((place for place, one in enumerate(report.results) if one.status is Status.ANSWERED), None)
    if answered is None:
        return None
    with (files / "inquiries.csv").open("rb") as file:
        line = next(islice(file, answered, None))
    async with open_desk(desk_config(state / COUNTRY, OrganisationCode(INQUIRER))) as desk:

        async def ask() -> bool:
            async for result in desk.inquire(io.BytesIO(line), ASKING):
                return result.status is Status.ANSWERED
            return False

        core = country.services[planned.of(Role.CORE).name]
        return await replace_key(core, OrganisationCode(INQUIRER), ask)


async def _settle(country: Country) -> None:
    """Wait until nothing is left to be sent: completions are told a moment after the answers."""
    for _ in range(SETTLE_TRIES):
        states = [await service.node.health.status() for service in country.services.values()]
        if not any(one["backlog"] for one in states):
            return
        await asyncio.sleep(SETTLE_SECONDS)


async def _check(country: Country, planned: Plan, report: Report) -> None:
    """Records at every node, and the log against its cosigned checkpoint by an independent verifier."""
    for name, service in country.services.items():
        kept = (await service.node.health.status())["records"]
        if kept:
            report.records[name.value] = kept
    core = country.services[planned.of(Role.CORE).name]
    log, directory = core.system.parts.log, core.node.edition.directory
    for _ in range(SETTLE_TRIES):
        head = core.system.parts.head[0]
        if head and int(head.split("\n")[1]) == log.size:
            break
        await asyncio.sleep(SETTLE_SECONDS)
    keys = Keys((directory.log_key(log.origin),), directory.witness_keys())
    verdict = verify_log(await log.entries(), head, keys)
    origin, size, root = head.split("\n")[:3]
    report.checkpoint = {"origin": origin, "size": int(size), "root": root}
    report.log_verified, report.problems = verdict.ok, verdict.problems


def _write(report: Report, out: Path) -> None:
    target = out / "results.csv"
    target.touch(mode=0o600)
    with target.open("wb") as file, ResultWriter(file, Form.CSV) as writer:
        for result in report.results:
            writer.write(result)


def _show(report: Report, out: Path) -> None:
    words = report.words()
    print("\nOne exchange, hop by hop (一件の情報連携), while up to 64 were under way:\n")
    for hop in words["hops"]:
        leg = f"{hop['from']} → {hop['to']}"
        print(f"  {hop['telegram']:<28} {leg:<62} {hop['bytes']:>7} B {hop['ms']:>8.1f} ms")
    print(f"\n{words['inquiries']} lines: {words['answered']} answered (回答), {words['pending']} pending (保留)")
    for reason, count in words["refused"].items():
        print(f"  {count:>4}  {reason:<24} {Reason(reason).japanese} / {Reason(reason).english}")
    if report.replaced:
        one = report.replaced
        print(
            f"\nLink codes (符号): {words['linked']} people linked. The key of {one.organisation} was replaced by its"
            f" key {one.key_index}: {one.confirmed} of {one.people} people have a new code,\nand of {one.asked}"
            f" inquiries asked meanwhile {one.answered} were answered (鍵の更新中も照会は止まりません)"
        )
    checkpoint = words["checkpoint"]
    verdict = "verified" if report.log_verified else "NOT verified: " + "; ".join(report.problems)
    print(f"\nLog {checkpoint['origin']}: {checkpoint['size']} entries, root {checkpoint['root']}, {verdict}")
    print("Records: " + ", ".join(f"{name} {count}" for name, count in words["records"].items()))
    print(
        f"Commission (委員会): {sum(report.reconciled.values())} exchanges reconciled ("
        + ", ".join(f"{count} {verdict}" for verdict, count in sorted(report.reconciled.items()))
        + f"), {report.findings} findings, log {'verified' if report.log_verified else 'NOT verified'}"
    )
    print(
        f"\nResults: {out / 'results.csv'}   ({words['elapsed_s']} s)\n"
        "Next: `make up` keeps a country running; `nakadachi --help` lists what a desk can do with it."
    )


def _free_ports(count: int) -> int:
    """The first of `count` ports in a row that nobody listens on. Raises OSError where there are none."""
    for first in range(17400, 60000, count):
        try:
            for port in range(first, first + count):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        return first
    raise OSError(f"no {count} free ports in a row on 127.0.0.1")


def _same(state: Path) -> bool:
    """Whether the checked-in examples are those of this country."""
    return (EXAMPLES / "residents.csv").read_bytes() == (state / FILES / "residents.csv").read_bytes()


def _remove(state: Path) -> None:
    """Nothing is left behind. Raises ConfigError for a folder that is not a demonstration's."""
    if not state.exists():
        return
    if not (state / SETTINGS).exists() and any(state.iterdir()):
        raise ConfigError(f"{state}: not a demonstration's folder, and it would be removed; name another by --state")
    postgres = state / "postgres"
    if postgres.is_symlink():
        shutil.rmtree(postgres.resolve(), ignore_errors=True)
    shutil.rmtree(state)


def _print(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _quiet(_text: str) -> None:
    """Nothing: standard output is for one object."""
