"""`python -m bench jpki`: certificates issued and OCSP answers a second, against bare signatures with the same key.

The service's own steps with its database, in one process, without HTTPS (which costs every service the same).
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import date
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from bench.report import write
from nakadachi.kit.clock import SystemClock
from nakadachi.kit.database import Database
from nakadachi.kit.entropy import SystemEntropy
from nakadachi.kit.keystore import FileKeyStore
from nakadachi.kit.migrations import migrate, read_migrations
from nakadachi.kit.postgres import choose
from nakadachi.neighbours.jpki.changes import holder_of
from nakadachi.neighbours.jpki.counter import Application, issue
from nakadachi.neighbours.jpki.generations import Generations
from nakadachi.neighbours.jpki.items import Birth, FourItems, Text
from nakadachi.neighbours.jpki.ocsp import write_question
from nakadachi.neighbours.jpki.parts import Jpki
from nakadachi.neighbours.jpki.profile import Algorithm, Kind, Municipality
from nakadachi.neighbours.jpki.publishing import publish_due
from nakadachi.neighbours.jpki.reading import HolderCertificate, read_certificate
from nakadachi.neighbours.jpki.responding import Responding

CERTIFICATES, ANSWERS, SIGNATURES = 400, 2000, 2000
TOGETHER = 4
"""How many requests are under way at a time."""


def _bare(key: RSAPrivateKey) -> float:
    start = time.perf_counter()
    for _ in range(SIGNATURES):
        key.sign(b"x" * 1000, padding.PKCS1v15(), hashes.SHA256())
    return SIGNATURES / (time.perf_counter() - start)


async def _rate(many: int, work: Callable[[int], Awaitable[object]]) -> float:
    waiting = iter(range(many))

    async def one_after_the_other() -> None:
        for number in waiting:
            await work(number)

    start = time.perf_counter()
    await asyncio.gather(*(one_after_the_other() for _ in range(TOGETHER)))
    return many / (time.perf_counter() - start)


async def _open(folder: Path, database: Database) -> Jpki:
    await migrate(database, read_migrations("nakadachi.neighbours.jpki", part="jpki"))
    (folder / "keys").mkdir()
    (folder / "unlock").write_bytes(b"a bench")
    clock, entropy = SystemClock(), SystemEntropy()
    store = FileKeyStore(folder / "keys", folder / "unlock", entropy)
    generations = Generations(store, clock, entropy, Algorithm.RSA_2048)
    await generations.refresh(database)
    return Jpki(database, generations, clock, entropy)


async def _issuing(jpki: Jpki) -> tuple[float, list[HolderCertificate]]:
    """Certificates a second, and the certificates; the cards' keys are made before."""
    keys = [Algorithm.RSA_2048.new_key().public_key() for _ in range(CERTIFICATES)]
    place = Municipality.of("131016", "Tokyo-to", "Chiyoda-ku")
    items = FourItems(Text.of("見本 花子"), Text.of("東京都千代田区見本町"), "2", Birth.of(date(1990, 1, 2)))

    async def issue_one(number: int) -> None:
        holder = holder_of(b"a secret of a bench", str(number))
        await issue(jpki, Application(str(number), Kind.SIGNATURE, holder, place, keys[number], items.born, items))

    issued = await _rate(CERTIFICATES, issue_one)
    async with jpki.database.acquire() as connection:
        rows = await connection.fetch("SELECT der FROM certificate")
    return issued, [read_certificate(Kind.SIGNATURE, row["der"]) for row in rows]


async def _answering(jpki: Jpki, certificates: list[HolderCertificate]) -> tuple[float, float]:
    """Answers a second, with a nonce and without."""
    issuer, responding = jpki.generations.newest(Kind.SIGNATURE).certificate, Responding(jpki)
    fresh = [write_question(one, issuer, jpki.entropy.bytes(32)) for one in certificates]
    repeated = [write_question(one, issuer) for one in certificates]
    answered = await _rate(ANSWERS, lambda number: responding.answer(fresh[number % len(fresh)]))
    kept = await _rate(ANSWERS, lambda number: responding.answer(repeated[number % len(repeated)]))
    return answered, kept


async def measure(folder: Path) -> None:
    """One service on an embedded database."""
    server = choose(folder / "postgres")
    await server.start()
    database = await Database.open(await server.create_tenant("jpki"), max_size=TOGETHER)
    jpki = await _open(folder, database)
    key = jpki.generations.newest(Kind.SIGNATURE).key
    assert isinstance(key, RSAPrivateKey)
    before = _bare(key)
    issued, certificates = await _issuing(jpki)
    answered, kept = await _answering(jpki, certificates)
    start = time.perf_counter()
    await publish_due(jpki, at_once=True)
    listed = time.perf_counter() - start
    bound = (before + _bare(key)) / 2
    path = write(
        "jpki",
        value=answered,
        unit="OCSP answers a second with a nonce, each looked up and signed (RSA-2048), in one process",
        bound=bound,
        bound_is="bare RSA-2048 signatures a second in the same process",
        certificates_a_second=round(issued, 1),
        certificates_to_bound=round(issued / bound, 4),
        answers_without_nonce_a_second=round(kept, 1),
        list_seconds=round(listed, 4),
        certificates=CERTIFICATES,
    )
    print(f"{path}: {answered:.0f} answers, {issued:.0f} certificates a second; bare signing {bound:.0f}")
    await database.close()
    await server.stop()


def main() -> None:
    """Measure, and write `bench/results/jpki.json`."""
    with tempfile.TemporaryDirectory(prefix="nakadachi-bench-") as name:
        Path(name).chmod(0o711)
        asyncio.run(measure(Path(name)))
