"""The Merkle tree of the log (RFC 6962, 9162): hashes, proofs and their checks. Pure; never knows what a leaf is.

Hashes are 32 bytes of SHA-256. A *node* (level, index) is the root of the 2^level leaves from index * 2^level on; only
whole nodes are ever stored or fetched. Stored tiles have the layout of C2SP tlog-tiles: 256 hashes each.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256

from nakadachi.refusal import Reason, Refusal

Fetch = Callable[[int, int], bytes]
"""(level, index) -> the hash of a whole node, from wherever the hashes are kept."""
ReadTile = Callable[[int, int], bytes]
"""(tile level, tile index) -> the bytes of a tile, 32 per hash; a partial tile is as long as it is needed."""
Path = tuple[bytes, ...]
"""An inclusion or consistency proof, in the order of RFC 9162."""

HASH_BYTES = 32
TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT
EMPTY_ROOT = sha256().digest()
"""The root of a tree without leaves."""


def leaf_hash(entry: bytes) -> bytes:
    """The hash of a log entry: SHA-256(0x00 || entry)."""
    return sha256(b"\0" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node: SHA-256(0x01 || left || right)."""
    return sha256(b"\1" + left + right).digest()


@dataclass(frozen=True, slots=True)
class Frontier:
    """木の右端: all that is needed to append: the size and the roots of the largest whole subtrees, left to right.

    One hash for each bit set in `size`. Raises ValueError for another number of hashes.
    """

    size: int = 0
    hashes: Path = ()

    def __post_init__(self) -> None:
        if self.size < 0 or len(self.hashes) != self.size.bit_count() or any(len(h) != HASH_BYTES for h in self.hashes):
            msg = f"a tree of {self.size} leaves has one hash of 32 bytes for each bit set in its size"
            raise ValueError(msg)

    @property
    def root(self) -> bytes:
        """The root of the tree (32 bytes)."""
        return _fold(self.hashes) if self.hashes else EMPTY_ROOT


@dataclass(frozen=True, slots=True)
class Grown:
    """成長後の木: what a batch makes of a tree: its right edge, its root, each new leaf's path, the new whole nodes.

    `nodes` has one row per level, from 0 (the new leaves themselves) up: level, index of its first new node, hashes.
    """

    frontier: Frontier
    root: bytes
    paths: list[Path]
    nodes: list[tuple[int, int, Sequence[bytes]]]


def append(frontier: Frontier, leaf_hashes: Sequence[bytes]) -> Grown:
    """Append a batch (design 2.4): everything that is to be kept, signed and answered, in one walk over the new edge.

    `leaf_hashes` are of 32 bytes each; the i-th gets the index `frontier.size + i`, and its inclusion path is that in
    the new tree. About two hashes a leaf in all.
    """
    before, size = frontier.size, frontier.size + len(leaf_hashes)
    if not leaf_hashes:
        return Grown(frontier, frontier.root, [], [])
    kept = list(frontier.hashes)
    whole: list[bytes] = []
    levels: list[list[bytes]] = []
    new: list[tuple[int, int, Sequence[bytes]]] = []
    nodes, level = list(leaf_hashes), 0
    while True:
        # Each level starts at an even index: where the old tree ends in a left child, that child comes in front.
        if before >> level & 1:
            nodes.insert(0, kept.pop())
        first, end, start = before >> level, size >> level, _start(before, level)
        if end & 1:
            whole.append(nodes[end - 1 - start])
        if first < end:
            new.append((level, first, nodes[first - start : end - start]))
        levels.append(nodes)
        if size <= 1 << level:
            break
        pairs = iter(nodes)
        above = [sha256(b"\1" + left + right).digest() for left, right in zip(pairs, pairs, strict=False)]
        # The last node of a level goes up unchanged where it has no neighbour.
        nodes, level = above + nodes[len(above) * 2 :], level + 1
    return Grown(Frontier(size, tuple(reversed(whole))), nodes[0], _paths(levels, before), new)


def _start(before: int, level: int) -> int:
    """The index of the first node kept at a level: the first new one, or its left neighbour where it has one."""
    return before >> level & ~1


def _paths(levels: list[list[bytes]], before: int) -> list[Path]:
    """The paths of the new leaves, from the root down: a child's path is its neighbour and its parent's path."""
    above: list[Path] = [()]
    for level in range(len(levels) - 2, -1, -1):
        nodes = levels[level]
        # A neighbour put in front at the level above is nobody's parent here.
        above = above[before >> level + 1 & 1 :]
        even = len(nodes) & ~1
        paths: list[Path] = []
        for place in range(0, even, 2):
            parent = above[place >> 1]
            paths.append((nodes[place + 1], *parent))
            paths.append((nodes[place], *parent))
        above = paths + above[even >> 1 :]
    return above[before & 1 :]


def inclusion_proof(index: int, size: int, fetch: Fetch) -> Path:
    """The path of leaf `index` in the tree of the first `size` leaves. Raises ValueError where there is none."""
    if not 0 <= index < size:
        msg = f"no leaf {index} in a tree of {size}"
        raise ValueError(msg)
    path = []
    for level in range((size - 1).bit_length()):
        neighbour = (index >> level ^ 1) << level
        if neighbour < size:
            path.append(_range_root(neighbour, min(neighbour + (1 << level), size), fetch))
    return tuple(path)


def consistency_proof(old: int, new: int, fetch: Fetch) -> Path:
    """The proof that the tree of `new` leaves only adds to that of `old` (RFC 9162 2.1.4). ValueError if old > new."""
    if not 0 <= old <= new:
        msg = f"a tree of {new} leaves cannot add to one of {old}"
        raise ValueError(msg)
    if old in (0, new):
        return ()
    path = []
    begin, end, whole = 0, new, True
    while old < end:
        middle = begin + (1 << (end - begin - 1).bit_length() - 1)
        if old <= middle:
            path.append(_range_root(middle, end, fetch))
            end = middle
        else:
            path.append(_range_root(begin, middle, fetch))
            begin, whole = middle, False
    if not whole:
        path.append(_range_root(begin, end, fetch))
    return tuple(reversed(path))


def tree_root(size: int, fetch: Fetch) -> bytes:
    """The root of the tree of the first `size` leaves."""
    return _range_root(0, size, fetch) if size else EMPTY_ROOT


def load_frontier(size: int, fetch: Fetch) -> Frontier:
    """The frontier of the tree of the first `size` leaves, as after a restart."""
    return Frontier(size, tuple(fetch(level, index) for level, index in _whole_nodes(0, size)))


def _range_root(begin: int, end: int, fetch: Fetch) -> bytes:
    """The root over leaves begin to end, where begin is a multiple of the size of the largest whole node in it."""
    return _fold(tuple(fetch(level, index) for level, index in _whole_nodes(begin, end)))


def _whole_nodes(begin: int, end: int) -> list[tuple[int, int]]:
    """The largest whole nodes that together are leaves begin to end, left to right."""
    nodes = []
    while begin < end:
        level = (end - begin).bit_length() - 1
        nodes.append((level, begin >> level))
        begin += 1 << level
    return nodes


def _fold(hashes: Path) -> bytes:
    """One root over whole subtrees of falling size."""
    root = hashes[-1]
    for left in reversed(hashes[:-1]):
        root = node_hash(left, root)
    return root


def check_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> None:
    """Check that `leaf` (its hash) is leaf `index` of the tree of `size` leaves with `root` (RFC 9162 2.1.3.2).

    Total for any numbers and bytes. Raises Refusal(PERMIT_INVALID).
    """
    if not 0 <= index < size:
        raise Refusal(Reason.PERMIT_INVALID, f"no leaf {index} in a tree of {size}")
    if any(len(each) != HASH_BYTES for each in (leaf, *path)):
        raise Refusal(Reason.PERMIT_INVALID, "an inclusion path holds a hash of another length than 32")
    place, last, computed, used = index, size - 1, leaf, 0
    while last:
        if place & 1 or place < last:
            if used == len(path):
                raise Refusal(Reason.PERMIT_INVALID, f"the inclusion path of leaf {index} is too short")
            neighbour, used = path[used], used + 1
            computed = node_hash(neighbour, computed) if place & 1 else node_hash(computed, neighbour)
        place, last = place >> 1, last >> 1
    if used != len(path) or computed != root:
        raise Refusal(Reason.PERMIT_INVALID, f"leaf {index} is not in the tree of {size} with this root")


def check_consistency(old: int, old_root: bytes, new: int, new_root: bytes, path: Sequence[bytes]) -> None:
    """Check that the tree of `new` leaves only adds to that of `old` (RFC 9162 2.1.4.2).

    Total for any numbers and bytes; every tree adds to the empty one. Raises Refusal(PERMIT_INVALID).
    """
    if not 0 <= old <= new:
        raise Refusal(Reason.PERMIT_INVALID, f"a tree of {new} leaves cannot add to one of {old}")
    if any(len(each) != HASH_BYTES for each in path):
        raise Refusal(Reason.PERMIT_INVALID, "a consistency path holds a hash of another length than 32")
    if old in (0, new):
        known = old_root == (new_root if old == new else EMPTY_ROOT) and (new > 0 or new_root == EMPTY_ROOT)
        if path or not known:
            raise Refusal(Reason.PERMIT_INVALID, f"the trees of {old} and {new} leaves do not go together")
        return
    # A whole old tree is a node of the new one, so its root is not sent.
    hashes = [old_root, *path] if old & (old - 1) == 0 else list(path)
    shift = (old & -old).bit_length() - 1
    place, last = old - 1 >> shift, new - 1 >> shift
    old_computed = new_computed = hashes[0] if hashes else b""
    used = 1
    while last and used < len(hashes):
        if place & 1:
            old_computed, new_computed = node_hash(hashes[used], old_computed), node_hash(hashes[used], new_computed)
            used += 1
        elif place < last:
            new_computed = node_hash(new_computed, hashes[used])
            used += 1
        place, last = place >> 1, last >> 1
    if last or used != len(hashes) or old_computed != old_root or new_computed != new_root:
        raise Refusal(Reason.PERMIT_INVALID, f"the tree of {new} leaves does not add to that of {old}")


def tile_path(level: int, index: int, width: int = TILE_WIDTH) -> str:
    """Where a tile lies (C2SP tlog-tiles): `tile/<level>/<index>`, with `.p/<width>` for a partial one (1 to 255)."""
    return f"tile/{level}/{_tile_name(index, width)}"


def entries_path(index: int, width: int = TILE_WIDTH) -> str:
    """Where a bundle of 256 log entries lies (C2SP tlog-tiles), with `.p/<width>` for a partial one."""
    return f"tile/entries/{_tile_name(index, width)}"


def _tile_name(index: int, width: int) -> str:
    if index < 0 or not 1 <= width <= TILE_WIDTH:
        msg = f"no tile {index} of width {width}: from 0, and 1 to {TILE_WIDTH} wide"
        raise ValueError(msg)
    groups = [f"{index % 1000:03}"]
    while index := index // 1000:
        groups.insert(0, f"x{index % 1000:03}")
    return "/".join(groups) + (f".p/{width}" if width < TILE_WIDTH else "")


def tile_of(level: int, index: int) -> tuple[int, int]:
    """The tile (level, index) that a whole node is computed from."""
    tile_level, height = divmod(level, TILE_HEIGHT)
    return tile_level, index >> TILE_HEIGHT - height


def tile_root(hashes: bytes) -> bytes:
    """The root over a power of two of concatenated hashes: of a full tile, its hash in the tile above."""
    nodes = [hashes[at : at + HASH_BYTES] for at in range(0, len(hashes), HASH_BYTES)]
    while len(nodes) > 1:
        nodes = [node_hash(nodes[at], nodes[at + 1]) for at in range(0, len(nodes), 2)]
    return nodes[0]


def fetch_from_tiles(read: ReadTile) -> Fetch:
    """A `Fetch` that computes nodes from tiles; it raises Refusal(BAD_FORMAT) where a tile is too short for a node."""

    def fetch(level: int, index: int) -> bytes:
        place, height = tile_of(level, index), level % TILE_HEIGHT
        tile = read(*place)
        width = HASH_BYTES << height
        begin = (index & (TILE_WIDTH >> height) - 1) * width
        if len(tile) < begin + width:
            raise Refusal(Reason.BAD_FORMAT, f"{tile_path(*place)} is too short")
        return tile_root(tile[begin : begin + width])

    return fetch
