"""Link codes for a population: end to end with every system a process of its own, and the core's own part alone.

End to end: one file of people goes to an intermediate server's HTTPS door, until all are linked; `--people` says how
many, as in `make bench BENCH=issuance PEOPLE=400000`. The result says how much memory each system took. The core's
part: verify both signatures, derive ID and link codes, write, answer, in this process on a real PostgreSQL. In the same
run the bound: HMAC, AES and COPY of the same rows, bare.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import hmac
import shutil
import tempfile
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from bench import report
from bench.exchange import _cpu
from bench.memory import NOW, PEAK, resident_mib
from nakadachi.core.service import CoreConfig, build
from nakadachi.country.founding import Founding, found, keystore
from nakadachi.country.plan import plan
from nakadachi.country.preparing import desk_config
from nakadachi.country.processes import Processes
from nakadachi.country.sample import INQUIRER
from nakadachi.crypto.signing import SigningKey
from nakadachi.desk.client import open_desk
from nakadachi.kit.author import Author, Enclosure
from nakadachi.kit.client import Unreachable
from nakadachi.kit.config import load
from nakadachi.kit.entropy import uuid7_text
from nakadachi.kit.postgres import embedded
from nakadachi.law import lawbook
from nakadachi.neighbours.numbers import individual_check_digit
from nakadachi.node import World
from nakadachi.telegrams.code import IssueLinkCode, RequestLinkCode
from nakadachi.telegrams.codec import encode_envelope, encode_frame, encode_json
from nakadachi.telegrams.envelope import Envelope, Lane
from nakadachi.telegrams.lists import NUMBERS, PEOPLE, RECORD_CODES
from nakadachi.terms import LinkCode, OrganisationCode, Role, Serial, crockford

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from nakadachi.desk.answers import LinkOrder

PORT = 18940
PEOPLE_COUNT = 40_000
CORE_PACKETS, PACKET = 100, 1000
AT_ONCE = 4
"""Telegrams that the core has in hand at a time."""
FIRST_BORN = date(1940, 1, 1)
INVENTED = "見本県見本市見本町"


@dataclass(frozen=True, slots=True)
class Ground:
    """A founded country: its folder, its plan and its foundations."""

    folder: Path
    founding: Founding


@asynccontextmanager
async def founded(
    people: Sequence[tuple[str, ...]], organisations: Sequence[str] = (INQUIRER,)
) -> AsyncIterator[Ground]:
    """A country of these residents and organisations, nothing of it running. Everything it makes is removed."""
    state = Path(tempfile.mkdtemp(prefix="nakadachi-bench-"))
    state.chmod(0o711)
    try:
        folder = state / "country"
        folder.mkdir()
        rows = [",".join(one) for one in people]
        text = "\n".join(["code,number,name,address,sex,born", *rows]) + "\n"
        (folder / "residents.csv").write_text(text, encoding="utf-8")
        async with embedded(state) as server:
            planned = plan(lawbook.sample(), tuple(map(OrganisationCode, organisations)), port=PORT)
            founding = Founding(folder, planned, lawbook.sample(), server, World())
            await found(founding)
            yield Ground(folder, founding)
    finally:
        shutil.rmtree(state, ignore_errors=True)


def invented(count: int) -> list[tuple[str, ...]]:
    """So many residents, clearly fictitious: record code, Individual Number, name, address, sex, date of birth."""
    people = []
    for place in range(count):
        body = f"{place:011}"
        born = FIRST_BORN + timedelta(days=place % 25_000)
        number = body + individual_check_digit(body)
        people.append((body, number, f"見本 {place}", f"{INVENTED}{place}番", str(1 + place % 2), born.isoformat()))
    return people


def people_file(people: Sequence[tuple[str, ...]]) -> bytes:
    """Their people file; every second row has the Individual Number."""
    lines = [
        ",".join((str(place + 1), name, "ミホン", address, sex, born, number if place % 2 else ""))
        for place, (_, number, name, address, sex, born) in enumerate(people)
    ]
    return ("\n".join(lines) + "\n").encode()


async def end_to_end(count: int) -> dict[str, Any]:
    """People linked per second, from the file to the last code."""
    people = invented(count)
    async with founded(people) as ground:
        (ground.folder / "people.csv").write_bytes(people_file(people))
        processes = Processes(ground.folder, ground.founding.plan)
        try:
            await processes.start()
            idle = resident_mib(processes, NOW)
            before, begun = _cpu(processes), time.perf_counter()
            order, loaded = await linked(ground.folder, OrganisationCode(INQUIRER))
            elapsed, after = time.perf_counter() - begun, _cpu(processes)
            peak = resident_mib(processes, PEAK)
        finally:
            await processes.stop()
    if order.people != count:
        raise RuntimeError(f"{order.people} of {count} people were taken")
    return {
        "people": count,
        "per_second": round(count / elapsed, 1),
        "seconds_until_the_file_was_loaded": round(loaded, 2),
        "per_second_once_loaded": round(count / (elapsed - loaded), 1),
        "cpu_ms_per_1000_people": {name: round((after[name] - before[name]) * 1e6 / count, 1) for name in before},
        "resident_mib": {name: {"idle": idle[name], "peak": peak[name]} for name in peak},
    }


async def linked(folder: Path, organisation: OrganisationCode) -> tuple[LinkOrder, float]:
    """The people of `people.csv` in the country's folder, linked at an organisation; the seconds until it was loaded.

    Raises RuntimeError where the order ends and somebody has no code.
    """
    begun = time.perf_counter()
    async with open_desk(desk_config(folder, organisation)) as desk:
        with (folder / "people.csv").open("rb") as file:
            order = await desk.order_links("bench", file)
        loaded = time.perf_counter() - begun
        while not order.ended:
            await asyncio.sleep(0.1)
            order = await desk.link_order("bench")
    if order.done != order.people or order.rejected:
        raise RuntimeError(f"{order.done} of {order.people} people were linked, {order.rejected} lines not taken")
    return order, loaded


class NoWire:
    """Nobody is there: what the core sends stays in its outbox, which is its own part too."""

    async def post(self, *_: Any, **__: Any) -> bytes:
        raise Unreachable("nobody listens", connected=False)

    request = post

    async def close(self) -> None:
        """Nothing to give up."""


async def core_alone(packets: int) -> tuple[dict[str, Any], float]:
    """Codes issued per second by one process of the core, and the bound on the same database."""
    people = invented(packets * PACKET)
    async with founded([]) as ground:
        frames = _frames(ground, people)
        core = ground.founding.plan.of(Role.CORE)
        config = load(ground.folder / core.folder / "config.toml", CoreConfig)
        service = await build(config, World(wire=lambda _name, _context: NoWire()))
        registry = ground.founding.plan.of(Role.REGISTRY).name
        try:
            await _served(service, frames[:AT_ONCE], registry)
            begun = time.perf_counter()
            await _served(service, frames[AT_ONCE:], registry)
            per_second = (len(frames) - AT_ONCE) * PACKET / (time.perf_counter() - begun)
            async with service.node.database.acquire() as connection:
                kept = await connection.fetchval("SELECT count(*) FROM link")
        finally:
            await service.node.database.close()
        if kept != len(people):
            raise RuntimeError(f"{kept} of {len(people)} links are kept")
        dsn = (ground.folder / core.folder / "database").read_text(encoding="utf-8").strip()
        bound = await _bare(dsn, [code for code, *_ in people])
    return {"people": len(people), "per_second": round(per_second, 1), "telegrams_at_once": AT_ONCE}, bound


def _frames(ground: Ground, people: Sequence[tuple[str, ...]]) -> list[bytes]:
    """What the registry organisation sends: requests as the organisation signed them, and the record codes."""
    plan_ = ground.founding.plan
    server, registry = plan_.of(Role.INTERMEDIATE), plan_.of(Role.REGISTRY)
    asking, telling = (
        Author(place.name, _signing(ground, place), ground.founding.world.clock, ground.founding.world.entropy)
        for place in (server, registry)
    )
    frames = []
    for start in range(0, len(people), PACKET):
        numbers = [crockford(start + place, length=26) for place in range(PACKET)]
        parts = [
            Enclosure(NUMBERS, encode_json(numbers), personal=True),
            Enclosure(PEOPLE, b"[]", personal=True),
        ]
        serial = Serial(f"{INQUIRER}-{uuid7_text(asking.clock, asking.entropy)}")
        request = asking.write(
            RequestLinkCode, to=registry.name, parts=parts, lane=Lane.BULK, count=PACKET, serial=serial
        )
        kept = Envelope(request.envelope.jws, (request.envelope.parts[0], None))
        codes = [code for code, *_ in people[start : start + PACKET]]
        parts = [
            Enclosure("request", encode_envelope(kept)),
            Enclosure(RECORD_CODES, encode_json(codes), personal=True),
        ]
        to = plan_.of(Role.CORE).name
        issue = telling.write(IssueLinkCode, to=to, parts=parts, lane=Lane.BULK, found=tuple(range(PACKET)))
        frames.append(encode_frame([issue.envelope]))
    return frames


def _signing(ground: Ground, place: Any) -> SigningKey:
    keys = keystore(ground.founding, place)
    return SigningKey.from_pem(keys.secret(keys.names("signing")[0]))


async def _served(service: Any, frames: Sequence[bytes], registry: Any) -> None:
    """Hand the core these telegrams, a few at a time, until each is answered."""
    waiting = list(reversed(frames))

    async def one_after_the_other() -> None:
        while waiting:
            (answer,) = await service.system.receive(waiting.pop(), registry)
            if b"Noted" not in _header(answer):
                raise RuntimeError("a telegram was refused")

    await asyncio.gather(*(one_after_the_other() for _ in range(AT_ONCE)))


def _header(answer: Envelope) -> bytes:
    segment = answer.jws.split(b".")[1]
    return base64.urlsafe_b64decode(segment + b"=" * (-len(segment) % 4))


async def _bare(dsn: str, codes: Sequence[str]) -> float:
    """People per second of what cannot be left out: one MAC, one cipher block, one text, one row by COPY."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute("CREATE TABLE bound (LIKE link INCLUDING ALL)")
        encryptor = Cipher(algorithms.AES(b"k" * 32), modes.ECB()).encryptor()  # noqa: S305  one block
        columns = ("id_code", "organisation", "key_index", "generation", "linked_at")
        now = World().clock.now()
        begun = time.perf_counter()
        for start in range(0, len(codes), PACKET):
            people = [hmac.digest(b"k" * 32, code.encode(), "sha256")[:10] for code in codes[start : start + PACKET]]
            texts = [LinkCode.of_bytes(b"\2\0\1" + encryptor.update(one + bytes(6))).value for one in people]
            encode_json(texts)
            rows = [(one, INQUIRER, 1, 1, now) for one in people]
            await connection.copy_records_to_table("bound", records=rows, columns=columns)
        return len(codes) / (time.perf_counter() - begun)
    finally:
        await connection.close()


def main(arguments: list[str] | None = None) -> None:
    """Measure and write `results/issuance.json`. `arguments` None: those of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=PEOPLE_COUNT, help="people of the one file (%(default)s)")
    parser.add_argument("--dry", action="store_true", help="only print; the result file stays as it is")
    chosen = parser.parse_args(arguments)
    core, bound = asyncio.run(core_alone(CORE_PACKETS))
    print(core, f"bound {bound:.0f}/s")
    whole = asyncio.run(end_to_end(chosen.people))
    print(whole)
    if chosen.dry:
        return
    path = report.write(
        "issuance",
        value=whole["per_second"],
        unit="people/s from one file to the last link code, all systems as processes on one machine, all evidence",
        bound=bound,
        whole=whole,
        core={**core, "ratio": round(core["per_second"] / bound, 4)},
        bound_is="HMAC, AES, text and COPY of the link rows, one process, bare",
    )
    print(f"{path}: {whole['per_second']}/s; core {core['per_second']}/s; bound {bound:.0f}/s")


if __name__ == "__main__":
    main()
