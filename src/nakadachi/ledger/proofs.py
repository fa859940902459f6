"""Proofs about a log that PostgreSQL holds: which nodes a proof wants, and the proof made of them.

Also the form in which the Commission asks the core for many of them at once (X1).
"""

from __future__ import annotations

import base64
import binascii
from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar

from nakadachi.ledger.checkpoint import Checkpoint
from nakadachi.ledger.tiles import read_tiles
from nakadachi.ledger.tree import (
    EMPTY_ROOT,
    HASH_BYTES,
    Path,
    consistency_proof,
    fetch_from_tiles,
    tile_of,
    tree_root,
)
from nakadachi.refusal import Reason, Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from nakadachi.kit.database import Connection
    from nakadachi.ledger.tiles import TilePlace
    from nakadachi.ledger.tree import Fetch

T = TypeVar("T")
MOST_PROOFS = 200
"""Proofs of one request."""
MOST_ASKED_BYTES = 8 * 1024


async def with_nodes(connection: Connection, origin: str, work: Callable[[Fetch], T]) -> T:
    """Work that fetches whole nodes: once to learn which tiles they stand in, then with those read from the database.

    Raises LookupError where the log has not grown so far.
    """
    wanted: dict[TilePlace, None] = {}

    def note(level: int, index: int) -> bytes:
        wanted[tile_of(level, index)] = None
        return EMPTY_ROOT

    work(note)
    tiles = await read_tiles(connection, origin, wanted)
    try:
        return work(lru_cache(maxsize=None)(fetch_from_tiles(lambda level, index: tiles[level, index])))
    except Refusal as short:
        raise LookupError(f"{origin}: {short.detail}") from None


class LogTorn(Exception):  # noqa: N818  a state of the world: its database lost or changed something
    """What the database holds of an origin is not what was cosigned of it."""

    def __str__(self) -> str:
        """What happened, and what to do."""
        return (
            f"the log {self.args[0]} is not what was cosigned of it at {self.args[1]} entries: its database has lost or"
            " changed something. Nothing is signed; keep the database for the inquiry, and restore the last backup"
        )


async def require_whole(connection: Connection, origin: str, size: int) -> None:
    """The tree as kept, of `size` leaves, is the one last cosigned or adds to it. Raises LogTorn.

    A log must never sign again what its disk made of it: a second tree of one size could not be taken back.
    """
    row = await connection.fetchrow(
        "SELECT size, note FROM log_cosigned WHERE origin = $1 ORDER BY size DESC, at DESC LIMIT 1", origin
    )
    if row is None:
        return
    cosigned = Checkpoint.parse(row["note"].partition("\n\n")[0] + "\n")
    try:
        root = await with_nodes(connection, origin, lambda fetch: tree_root(cosigned.size, fetch))
    except LookupError:
        root = b""
    if cosigned.size > size or root != cosigned.root:
        raise LogTorn(origin, cosigned.size)


def ask_consistency(origin: str, new: int, olds: Sequence[int]) -> bytes:
    """The question whether the trees of these sizes are all in that of `new` leaves: origin and sizes, one a line."""
    return "\n".join([origin, str(new), *map(str, olds)]).encode()


async def answer_consistency(connection: Connection, asked: bytes) -> str:
    """The proofs asked for, one a line, hashes in base64 with spaces between; whatever the log holds by now.

    Raises Refusal(BAD_FORMAT), and Refusal(PERMIT_INVALID) where this database holds no such tree.
    """
    try:
        origin, new, *olds = asked.decode("ascii").split("\n")
        size, sizes = int(new), [int(old) for old in olds]
    except (UnicodeDecodeError, ValueError):
        raise Refusal(Reason.BAD_FORMAT, "not an origin and sizes, one a line") from None
    fine = origin.isprintable() and 1 <= len(sizes) <= MOST_PROOFS
    if not fine or not all(0 <= old <= size for old in sizes) or size >= 1 << 62:
        raise Refusal(Reason.BAD_FORMAT, f"1 to {MOST_PROOFS} sizes, none above the tree's")
    try:
        proofs = await with_nodes(
            connection, origin, lambda fetch: [consistency_proof(old, size, fetch) for old in sizes]
        )
    except LookupError:
        raise Refusal(Reason.PERMIT_INVALID, f"no tree of {size} leaves here") from None
    return "".join(" ".join(base64.b64encode(one).decode() for one in proof) + "\n" for proof in proofs)


def read_proofs(answer: bytes, count: int) -> list[Path]:
    """So many proofs as `answer_consistency` writes them; total. Raises Refusal(BAD_FORMAT)."""
    try:
        lines = answer.decode("ascii").split("\n")
        proofs = [tuple(base64.b64decode(one, validate=True) for one in line.split()) for line in lines[:-1]]
    except (UnicodeDecodeError, binascii.Error, ValueError):
        raise Refusal(Reason.BAD_FORMAT, "not proofs, one a line") from None
    if lines[-1] or len(proofs) != count or any(len(one) != HASH_BYTES for proof in proofs for one in proof):
        raise Refusal(Reason.BAD_FORMAT, f"not {count} proofs, one a line")
    return proofs
