"""Keys of link codes replaced under load: what the clerk notices, and how many people get new codes per second (C6).

`python -m bench.rotation [--people N]`. Every system is a process of its own on this machine. The same people are
linked at an inquirer and at a provider, and the inquirer asks about them at a steady rate from the first moment to the
last. Meanwhile the inquirer's key is replaced, then the provider's, several times over; between two of them the clerk
is alone. Once everybody's new code is confirmed, and what was asked before is answered, the former key is retired.

The benchmark fails if a single inquiry of all of them fails, at whatever moment it was asked.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from bench import report
from bench.clerk import RATE, Window, a_clerk, share, words
from bench.issuance import founded, invented, linked, people_file
from nakadachi.core.codes import IdCode, Meaning, ReversibleScheme, link_key
from nakadachi.country.preparing import desk_config
from nakadachi.country.processes import Processes
from nakadachi.country.sample import AOBA, INQUIRER, TAX
from nakadachi.desk.client import open_desk
from nakadachi.kit.asking import Door
from nakadachi.kit.tls import client_context
from nakadachi.telegrams.codec import encode_json
from nakadachi.terms import OrganisationCode, Role

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.clerk import Clerk
    from bench.issuance import Ground

PEOPLE = 20_000
ASKED = 500
"""People asked about in turn, drawn evenly from all: a replacement passes some of them at every moment."""
ROUNDS = 3
"""How often both keys are replaced."""
WARM_SECONDS, ALONE_SECONDS = 4.0, 12.0
LOOK_SECONDS, LIMIT_SECONDS = 1.0, 900.0
GOAL = 1.5
CARE, CARE_STEP, ITEMS = "JM99000000940000", "JT99000000940001", ("0001", "0002", "0003", "0004", "0006", "0009")
BARE_PACKETS, PACKET = 20, 1000


@dataclass(slots=True)
class Measured:
    """What one run saw: when the clerk was alone, when a key of which side was replaced, and of how many people."""

    alone: list[Window] = field(default_factory=list)
    replaced: dict[str, list[Window]] = field(default_factory=lambda: {"inquirer": [], "provider": []})
    people: int = 0

    @property
    def replacing(self) -> list[Window]:
        """Both sides' together."""
        return [one for windows in self.replaced.values() for one in windows]

    def per_second(self, windows: Sequence[Window]) -> float:
        """People re-issued per second in these windows, from the order to the last confirmation."""
        return self.people * len(windows) / sum(one.end - one.begin for one in windows)


async def measure(count: int, rounds: int, alone_seconds: float) -> tuple[Clerk, Measured]:
    """The clerk, and what went on beside it."""
    people = invented(count)
    async with founded(people, (INQUIRER, AOBA)) as ground:
        (ground.folder / "people.csv").write_bytes(people_file(people))
        processes = Processes(ground.folder, ground.founding.plan)
        try:
            await processes.start()
            await asyncio.gather(*(linked(ground.folder, OrganisationCode(one)) for one in (INQUIRER, AOBA)))
            await _hold(ground, count)
            core, measured = _door(ground), Measured(people=count)
            desk = desk_config(ground.folder, OrganisationCode(INQUIRER))
            async with a_clerk(desk, [_line(place) for place in _drawn(count)]) as clerk:
                await asyncio.sleep(WARM_SECONDS)
                for _ in range(rounds):
                    for side, organisation in (("inquirer", INQUIRER), ("provider", AOBA)):
                        await _alone(measured, alone_seconds / 2)
                        window = await _replaced(core, organisation, clerk, count)
                        measured.replaced[side].append(window)
                        print(side, f"{window.end - window.begin:.1f} s", clerk.failed, file=sys.stderr, flush=True)
                await _alone(measured, alone_seconds / 2)
            return clerk, measured
        finally:
            await processes.stop()


async def _alone(measured: Measured, seconds: float) -> None:
    begin = time.time()
    await asyncio.sleep(seconds)
    measured.alone.append(Window(begin, time.time()))


async def _replaced(core: Door, organisation: str, clerk: Clerk, count: int) -> Window:
    """Replace a key: from the order to the last confirmation. Then the former key is retired."""
    begun = await core.post("/keys/orders", {"organisation": organisation})
    if begun.get("people") != count:
        raise RuntimeError(f"the rotation did not begin: {begun}")
    row: dict[str, Any] = {"confirmed_at": None}
    async with asyncio.timeout(LIMIT_SECONDS):
        while row["confirmed_at"] is None:
            await asyncio.sleep(LOOK_SECONDS)
            rows = await core.get("/keys")
            key = (organisation, begun["key_index"])
            (row,) = [one for one in rows if (one["organisation"], one["key_index"]) == key]
    if row["replaced"] != count:
        raise RuntimeError(f"{row['replaced']} of {count} people were confirmed")
    await clerk.settled()
    retired = await core.post("/keys/orders", {"organisation": organisation, "retire": True})
    if "trouble" in retired:
        raise RuntimeError(f"the former key was not retired: {retired}")
    return Window(*(datetime.fromisoformat(row[name]).timestamp() for name in ("created_at", "confirmed_at")))


# Whom is asked about, and what the provider holds of them


def _drawn(count: int) -> list[int]:
    """The addressee numbers of those asked about, each far from the one before."""
    some = min(ASKED, count)
    return [1 + (place * 7919 % some) * count // some for place in range(some)]


def _line(addressee: int) -> str:
    cells = (
        *("01", str(addressee), str(addressee), "20260401090302000", "BENCH-1", "BENCH-USER", INQUIRER, "0"),
        *(CARE, CARE_STEP, "", "", AOBA, TAX, "1", "1", "20250401", "20260331"),
    )
    return ",".join(cells) + "\n"


async def _hold(ground: Ground, count: int) -> None:
    """Fill the provider's provision database."""
    rows = [
        f"R{item},{addressee},{TAX},{TAX}-{item},1,20250615,,{addressee},,0,20250615090000"
        for addressee in _drawn(count)
        for item in ITEMS
    ]
    file = ground.folder / "provisions.csv"
    file.write_text("\n".join(rows) + "\n", encoding="utf-8")
    async with open_desk(desk_config(ground.folder, OrganisationCode(AOBA))) as desk:
        with file.open("rb") as opened:
            loaded = await desk.load("provisions", opened)
    if loaded.rejected or loaded.loaded != len(rows):
        raise RuntimeError(f"{loaded.loaded} of {len(rows)} values were loaded: {loaded.rejects[:1]}")


def _door(ground: Ground) -> Door:
    place = ground.founding.plan.of(Role.CORE)
    own = ground.folder / place.folder
    context = client_context(own / "tls.crt", own / "tls.key", ground.folder / "authority.crt")
    return Door(context, place.name, place.url)


def bare() -> float:
    """People per second of what cannot be left out: a former and a new code for each, made and written, one core."""
    scheme = ReversibleScheme(lambda organisation, key_index: link_key(bytes(32), organisation, key_index))
    whose = OrganisationCode(INQUIRER)
    people = [IdCode(place.to_bytes(10, "big")) for place in range(PACKET)]
    begun = time.perf_counter()
    for _ in range(BARE_PACKETS):
        for key_index in (1, 2):
            codes = scheme.issue_all([Meaning(whose, one, key_index, 1) for one in people])
            encode_json([code.value for code in codes])
    return BARE_PACKETS * PACKET / (time.perf_counter() - begun)


def main(arguments: list[str] | None = None) -> None:
    """Measure and write `results/rotation.json`; fails where an inquiry failed. `arguments` None: the command's."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=PEOPLE, help="people linked at both ends (%(default)s)")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="how often both keys are replaced (%(default)s)")
    parser.add_argument("--alone", type=float, default=ALONE_SECONDS, help="seconds alone, each round (%(default)s)")
    parser.add_argument("--dry", action="store_true", help="only print; the result file stays as it is")
    chosen = parser.parse_args(arguments)
    clerk, measured = asyncio.run(measure(chosen.people, chosen.rounds, chosen.alone))
    if clerk.failed:
        raise SystemExit(f"{sum(clerk.failed.values())} of {clerk.count} inquiries failed: {dict(clerk.failed)}")
    alone, beside = clerk.within(measured.alone), clerk.within(measured.replacing)
    if not alone or not beside:
        raise SystemExit("no inquiry was answered that was asked alone, or beside: take more --people")
    value, bound = share(beside, 95), share(alone, 95)
    made = _made(measured, bare())
    print(f"p95 {bound:.1f} ms alone, {value:.1f} ms beside: ratio {value / bound:.2f}, goal {GOAL}; {made}")
    if chosen.dry:
        return
    path = report.write(
        "rotation",
        value=value,
        unit="ms, p95 of interactive inquiries while a key of link codes is replaced; the bound is their p95 alone",
        bound=bound,
        goal=GOAL,
        rate_per_second=RATE,
        inquiries=clerk.count,
        failed=sum(clerk.failed.values()),
        not_answered_at_once=clerk.late,
        alone=words(alone),
        beside={
            "both": words(beside),
            **{side: words(clerk.within(windows)) for side, windows in measured.replaced.items()},
        },
        reissue=made,
    )
    print(path)


def _made(measured: Measured, bound: float) -> dict[str, Any]:
    """How fast people got their new codes."""
    windows = measured.replacing
    per_second = measured.per_second(windows)
    return {
        "people": measured.people,
        "replacements": len(windows),
        "seconds": [round(one.end - one.begin, 2) for one in windows],
        "people_per_second": round(per_second, 1),
        **{
            f"people_per_second_{side}": round(measured.per_second(some), 1) for side, some in measured.replaced.items()
        },
        "bound": round(bound, 1),
        "ratio": round(per_second / bound, 4),
        "bound_is": "both codes of each person, made and written, one process, bare",
    }


if __name__ == "__main__":
    main()
