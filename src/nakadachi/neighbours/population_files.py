"""見本住民のファイル: writes a population as the files that a register, organisations and their events begin with.

Streamed: only a block of people is in memory, whatever the size. Every file stands complete or not at all.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from nakadachi.neighbours.events import COLUMNS
from nakadachi.neighbours.lives import events
from nakadachi.neighbours.population import BLOCK, Population
from nakadachi.neighbours.residents import Resident

RESIDENT_COLUMNS = ("code", "number", "name", "address", "sex", "born", "kana")
PEOPLE_COLUMNS = ("宛名番号", "氏名", "氏名カナ", "住所", "性別", "生年月日", "個人番号")
SAY_EVERY = 10_000
UNNUMBERED = 5
"""Of so many people an organisation lacks the Individual Number of one."""


@dataclass(frozen=True, slots=True)
class Written:
    """What was written: how many people and events, and the names of the files."""

    people: int
    events: int
    files: tuple[str, ...]


def write_population(
    population: Population,
    count: int,
    folder: Path,
    *,
    organisations: Sequence[str] = (),
    years: int = 0,
    say: Callable[[int], None] = lambda _: None,
) -> Written:
    """Write `residents.csv`, `people-<organisation>.csv` and `events-<year>.csv` into a folder.

    Everybody is known to one of the organisations, by municipality, under an addressee number of their own. `say` is
    told every so often how many are written. Raises OSError, ValueError; then no file is there that was not before.
    """
    names = ["residents.csv"]
    names += [f"people-{one}.csv" for one in organisations]
    names += [f"events-{population.on.year + year}.csv" for year in range(years)]
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with ExitStack() as stack:
            files = [stack.enter_context(_open(folder / f"{name}.new", name)) for name in names]
            writers = [csv.writer(file, lineterminator="\r\n") for file in files]
            at = 1 + len(organisations)
            _write_people(population, count, writers[:at], say)
            told = _write_events(population, count, years, writers[at:])
        for name in names:
            (folder / f"{name}.new").replace(folder / name)
    finally:
        for name in names:
            (folder / f"{name}.new").unlink(missing_ok=True)
    return Written(count, told, tuple(names))


def _write_people(population: Population, count: int, writers: Sequence[Any], say: Callable[[int], None]) -> None:
    residents, *people = writers
    residents.writerow(RESIDENT_COLUMNS)
    for writer in people:
        writer.writerow(PEOPLE_COLUMNS)
    for at, one in enumerate(population.people(0, count)):
        residents.writerow(_resident(one))
        if people:
            # A municipality is one organisation's whole; which one's, its code says.
            people[int(one.municipality.code.value[:5]) % len(people)].writerow(_person(one, at))
        if at % SAY_EVERY == 0:
            say(at)


def _write_events(population: Population, count: int, years: int, happened: Sequence[Any]) -> int:
    told = 0
    for writer in happened:
        writer.writerow(COLUMNS)
    for block in range(-(-count // BLOCK) if years else 0):
        for year, line in events(population, block, count, years):
            happened[year].writerow(line.values())
            told += 1
    return told


def _open(path: Path, name: str) -> TextIO:
    # Organisations' files carry the mark that Excel looks for, as those of the examples do.
    return path.open("w", encoding="utf-8-sig" if name.startswith("people") else "utf-8", newline="")


def _resident(one: Resident) -> tuple[str, ...]:
    return (one.code.value, one.number.value, one.name, one.address, str(one.sex), one.born.isoformat(), one.kana)


def _person(one: Resident, at: int) -> tuple[str, ...]:
    number = "" if at % UNNUMBERED == 0 else one.number.value
    return (f"{10_000_000 + at}", one.name, one.kana, one.address, str(one.sex), f"{one.born:%Y%m%d}", number)
