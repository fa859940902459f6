"""What the core does with link codes, timed in two processes at once, as two instances of a core on two cores would.

Each has one connection and works in batches of a bulk packet; people are drawn at random from all there are.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing.synchronize import Barrier
from typing import Any

from bench import tables
from nakadachi.core import rules, store
from nakadachi.core.codes import LinkCodeScheme, Meaning, ReversibleScheme, Scheme, link_key
from nakadachi.core.schemes import TableScheme
from nakadachi.kit.database import Connection, Database
from nakadachi.kit.entropy import SystemEntropy
from nakadachi.refusal import Refusal
from nakadachi.terms import LinkCode, OrganisationCode, Serial, crockford

PROCESSES, BATCH = 2, 1000
NOW = datetime(2026, 4, 1, tzinfo=UTC)
MASTER = bytes(range(32))
STRANGERS = 1 << 40
"""The number of the first person that no load has made."""

_barrier: list[Barrier] = []


@dataclass(frozen=True, slots=True)
class Task:
    """What to measure: `work` is one of `WORKS`, `people` how many there are, `batches` how many each process does."""

    dsn: str
    scheme: Scheme
    work: str
    people: int
    batches: int


@dataclass(frozen=True, slots=True)
class Packet:
    """One batch: who shows codes (as texts) of whom, and who is asked."""

    inquirer: OrganisationCode
    provider: OrganisationCode
    persons: list[int]
    texts: list[str]


def scheme_of(kind: Scheme) -> LinkCodeScheme:
    """A scheme as the core has it."""
    if kind is Scheme.TABLE:
        return TableScheme(SystemEntropy())
    return ReversibleScheme(lambda organisation, key_index: link_key(MASTER, organisation, key_index))


async def convert(connection: Connection, scheme: LinkCodeScheme, packet: Packet) -> list[str]:
    """L_A → ID code → L_B as for a permit: read, look up both links, decide, make the other code."""
    asked, provider = packet.inquirer, packet.provider
    read = await scheme.read(connection, [(asked, LinkCode(text)) for text in packet.texts])
    meant = [one for one in read if not isinstance(one, Refusal)]
    pairs = [(one.id_code, organisation) for one in meant for organisation in (asked, provider)]
    links = await store.links(connection, pairs, NOW)
    serial = Serial(f"{asked}-{crockford(0, length=26)}")
    wanted = []
    for one in meant:
        issued = (one.key_index, one.generation)
        link = rules.decide_person(serial, caller=asked, provider=provider, issued=issued, links=links[one.id_code])
        wanted.append(Meaning(provider, one.id_code, link.key_index, link.generation))
    return [code.value for code in await scheme.issue(connection, wanted)]


async def read(connection: Connection, scheme: LinkCodeScheme, packet: Packet) -> list[Any]:
    """What codes stand for, without any check that they are issued."""
    answers = await scheme.read(connection, [(packet.inquirer, LinkCode(text)) for text in packet.texts])
    return [one for one in answers if not isinstance(one, Refusal)]


async def issue(connection: Connection, scheme: LinkCodeScheme, packet: Packet) -> list[str]:
    """Link people who were linked nowhere, and make their codes."""
    people = [tables.id_code(STRANGERS + one) for one in packet.persons]
    links = await store.link_people(connection, packet.inquirer, people, key_index=tables.KEY_INDEX, now=NOW)
    meant = [Meaning(packet.inquirer, one, links[one].key_index, links[one].generation) for one in people]
    return [code.value for code in await scheme.issue(connection, meant)]


WORKS: dict[str, Callable[[Connection, LinkCodeScheme, Packet], Awaitable[list[Any]]]] = {
    "issue": issue,
    "read": read,
    "convert": convert,
}


def rate(task: Task) -> float:
    """Codes per second of all processes together. Raises what a process raised."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(PROCESSES, _meet_at, (context.Barrier(PROCESSES),)) as pool:
        times = pool.starmap(_timed, [(task, number) for number in range(PROCESSES)], chunksize=1)
    seconds = max(end for _, end in times) - min(begun for begun, _ in times)
    return PROCESSES * task.batches * BATCH / seconds


def _meet_at(barrier: Barrier) -> None:
    """In a process just started: where it waits for the other one."""
    _barrier.append(barrier)


def _timed(task: Task, number: int) -> tuple[float, float]:
    """One process: when it began and ended, on a clock that all share."""
    return asyncio.run(_work(task, number))


async def _work(task: Task, number: int) -> tuple[float, float]:
    database, scheme = await Database.open(task.dsn, max_size=1), scheme_of(task.scheme)
    chance = random.Random(f"{task} {number}")
    work = WORKS[task.work]
    fresh = iter(range(number << 32, 1 << 40))
    packets = []
    for _ in range(task.batches + 2):
        inquirer, provider = chance.sample(tables.ORGANISATIONS, 2)
        if task.work == "issue":
            packets.append(Packet(inquirer, provider, [next(fresh) for _ in range(BATCH)], []))
            continue
        persons = [chance.randrange(task.people) for _ in range(BATCH)]
        async with database.transaction() as connection:
            codes = await scheme.issue(connection, [tables.meaning(one, inquirer) for one in persons])
        packets.append(Packet(inquirer, provider, persons, [code.value for code in codes]))

    async def once(packet: Packet) -> None:
        async with database.transaction() as connection:
            done = await work(connection, scheme, packet)
        if len(done) != BATCH:
            raise RuntimeError(f"{len(done)} of {BATCH} were done")

    for packet in packets[:2]:
        await once(packet)
    await asyncio.to_thread(_barrier[0].wait)
    begun = time.monotonic()
    for packet in packets[2:]:
        await once(packet)
    ended = time.monotonic()
    await database.close()
    return begun, ended
