"""The log by tiles (C2SP tlog-tiles): 256 hashes each; full ones are kept, the right edge is computed from what is.

A level-0 hash is a leaf's, one of a level above is the root of a full tile below. Reading a tile reads that tile, the
256 entries it is made of, or the 256 roots, and never more of the log.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nakadachi.ledger import log_store
from nakadachi.ledger.tree import (
    HASH_BYTES,
    TILE_HEIGHT,
    TILE_WIDTH,
    Frontier,
    fetch_from_tiles,
    leaf_hash,
    load_frontier,
)

if TYPE_CHECKING:
    from collections.abc import Collection

    from nakadachi.kit.database import Connection
    from nakadachi.ledger.tree import Grown

Edge = tuple[tuple[bytes, ...], ...]
"""木の右端のタイル: the hashes of the tile that is not full yet, level by level."""
TilePlace = tuple[int, int]
"""Level and index of a tile."""

_PATH = re.compile(
    r"(?:entries|([0-9]|[1-5][0-9]|6[0-3]))/((?:x[0-9]{3}/){0,4}[0-9]{3})(?:\.p/([1-9][0-9]?|1[0-9]{2}|2[0-4][0-9]|25[0-5]))?"
)


@dataclass(frozen=True, slots=True)
class Tile:
    """満杯のタイル: a full tile: its place, its 256 hashes one behind the other, and the root over them."""

    level: int
    index: int
    hashes: bytes = field(repr=False)
    root: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class TilePath:
    """タイルの所在: what a path below a log's address names: a tile, or (level None) a bundle of entries; its width."""

    level: int | None
    index: int
    width: int


def read_tile_path(text: str) -> TilePath | None:
    """What follows `tile/` in an address (C2SP tlog-tiles), in its one spelling; None for anything else. Total."""
    form = _PATH.fullmatch(text) if text.isascii() else None
    if form is None or form[2].startswith("x000"):
        return None
    index = int(form[2].replace("x", "").replace("/", ""))
    return TilePath(int(form[1]) if form[1] else None, index, int(form[3] or TILE_WIDTH))


def fill(edge: Edge, grown: Grown) -> tuple[Edge, list[Tile]]:
    """The right edge after a batch, and the tiles that it filled; `grown` is what the batch made of the tree."""
    new = {level // TILE_HEIGHT: hashes for level, _, hashes in grown.nodes if level % TILE_HEIGHT == 0}
    after: list[tuple[bytes, ...]] = []
    full: list[Tile] = []
    for level in range(_levels(grown.frontier.size)):
        hashes = [*(edge[level] if level < len(edge) else ()), *new.get(level, ())]
        count = len(hashes) // TILE_WIDTH
        first = (grown.frontier.size >> TILE_HEIGHT * level) // TILE_WIDTH - count
        for number in range(count):
            mine = hashes[number * TILE_WIDTH : (number + 1) * TILE_WIDTH]
            # The root of a full tile is the next hash of the level above, so it was computed with the batch.
            full.append(Tile(level, first + number, b"".join(mine), new[level + 1][number]))
        after.append(tuple(hashes[count * TILE_WIDTH :]))
    return tuple(after), full


async def load(connection: Connection, origin: str, size: int) -> tuple[Frontier, Edge]:
    """Frontier and right edge of the tree of the first `size` leaves. Raises Refusal(BAD_FORMAT) where rows lack."""
    counts = [(size >> TILE_HEIGHT * level) for level in range(_levels(size))]
    read = await read_tiles(connection, origin, [(level, count // TILE_WIDTH) for level, count in enumerate(counts)])
    frontier = load_frontier(size, fetch_from_tiles(lambda level, index: read[level, index]))
    edge = [
        log_store.split(read[level, count // TILE_WIDTH][: count % TILE_WIDTH * HASH_BYTES])
        for level, count in enumerate(counts)
    ]
    return frontier, tuple(map(tuple, edge))


async def read_tiles(connection: Connection, origin: str, wanted: Collection[TilePlace]) -> dict[TilePlace, bytes]:
    """Tiles of an origin, each as far as it is filled: hashes one behind the other, none where it is not begun."""
    rows = await connection.fetch(
        "SELECT level, index, hashes FROM log_tile WHERE origin = $1"
        " AND (level, index) IN (SELECT * FROM unnest($2::smallint[], $3::bigint[]))",
        origin,
        [level for level, _ in wanted],
        [index for _, index in wanted],
    )
    found = {(row["level"], row["index"]): bytes(row["hashes"]) for row in rows}
    return found | {place: await _begun(connection, origin, *place) for place in wanted if place not in found}


async def _begun(connection: Connection, origin: str, level: int, index: int) -> bytes:
    """A tile that is not full: made of its entries, or of the roots of the full tiles below."""
    begin, end = index * TILE_WIDTH, (index + 1) * TILE_WIDTH
    if level == 0:
        return b"".join(map(leaf_hash, await log_store.entries(connection, origin, begin, end)))
    rows = await connection.fetch(
        "SELECT root FROM log_tile WHERE origin = $1 AND level = $2 AND index >= $3 AND index < $4 ORDER BY index",
        origin,
        level - 1,
        begin,
        end,
    )
    return b"".join(row["root"] for row in rows)


async def read_file(connection: Connection, origin: str, path: TilePath) -> bytes | None:
    """The bytes of a tile or of a bundle of entries; None where the tree has not so many hashes or entries there.

    A bundle is entries one behind the other, each after its length as a big-endian uint16.
    """
    if path.level is not None:
        place = (path.level, path.index)
        hashes = (await read_tiles(connection, origin, [place]))[place]
        width = path.width * HASH_BYTES
        return hashes[:width] if len(hashes) >= width else None
    begin = path.index * TILE_WIDTH
    entries = await log_store.entries(connection, origin, begin, begin + path.width)
    if len(entries) < path.width:
        return None
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def _levels(size: int) -> int:
    """How many levels of tiles a tree of `size` leaves has begun."""
    return -(-size.bit_length() // TILE_HEIGHT)
