"""The reference bound of one exchange: its cryptography bare, on the same cores, with nothing around it.

6 P-256 signatures, 8 verifications, one X-Wing seal and open, two leaves (issue: exchange benchmark).
"""

from __future__ import annotations

import time
from concurrent.futures import ProcessPoolExecutor

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from nakadachi.crypto.sealing import SealSuite, body_info, new_private, seal, unseal
from nakadachi.ledger.tree import Frontier, append, leaf_hash

SIGNATURES, VERIFICATIONS, LEAVES = 6, 8, 2
TELEGRAM_BYTES, BODY_BYTES = 600, 2048


def _run(seconds: float) -> float:
    """Exchanges per second of one process."""
    key = ec.generate_private_key(ec.SECP256R1())
    public, algorithm = key.public_key(), ec.ECDSA(SHA256())
    telegram, body = b"t" * TELEGRAM_BYTES, b"b" * BODY_BYTES
    private = new_private(SealSuite.DEFAULT, b"s" * 32)
    info = body_info(b"l" * 32, "s" * 43)
    signature = key.sign(telegram, algorithm)
    frontier, done = Frontier(), 0
    start = time.perf_counter()
    while (elapsed := time.perf_counter() - start) < seconds:
        for _ in range(SIGNATURES):
            key.sign(telegram, algorithm)
        for _ in range(VERIFICATIONS):
            public.verify(signature, telegram, algorithm)
        unseal(private, seal(SealSuite.DEFAULT, private.public_bytes, body, info), info)
        leaves = [leaf_hash(done.to_bytes(8, "big") + bytes([place])) for place in range(LEAVES)]
        frontier = append(frontier, leaves).frontier
        done += 1
    return done / elapsed


def bound(cores: int, seconds: float = 3.0) -> float:
    """Exchanges per second of the bare cryptography, one process per core."""
    with ProcessPoolExecutor(cores) as pool:
        return sum(pool.map(_run, [seconds] * cores))
