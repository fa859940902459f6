"""An outsider's walk through a whole log by its tiles (C2SP tlog-tiles): every entry, every tile, every signature.

Shares no code with the writer: hashes and roots are computed here, by the recursive definition of RFC 6962, notes are
read by `verify`. Memory is bounded: one tile a level, and the few files that are fetched ahead.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, field

from nakadachi.ledger.verify import Keys, Wrong, inner, read_checkpoint, split_at

Fetch = Callable[[str], Awaitable[bytes | None]]
"""A path below the log's address -> what is there; None where nothing is."""

WIDTH = 256
AHEAD = 8
"""Bundles that are fetched ahead, each with its tile."""
MOST_PROBLEMS = 20
"""Findings that are told; what is wrong after them is not looked for."""


@dataclass(frozen=True, slots=True)
class Walked:
    """検証結果: what a walk found; `problems` is empty where all is well. `checkpoint` is the note that was checked.

    `size` and `root` are those computed from the entries, `tiles` how many tiles were compared with their children.
    """

    origin: str
    size: int
    root: bytes
    tiles: int
    checkpoint: str
    problems: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing was found wrong."""
        return not self.problems


@dataclass(slots=True)
class _Walk:
    """What is known on the way: level by level the roots that the next tile of that level must hold."""

    fetch: Fetch
    levels: list[list[bytes]] = field(default_factory=lambda: [[]])
    begun: list[int] = field(default_factory=lambda: [0])
    tiles: int = 0
    problems: list[str] = field(default_factory=list)

    def wrong(self, problem: str) -> None:
        self.problems.append(problem)
        if len(self.problems) >= MOST_PROBLEMS:
            raise Wrong("there may be more: what follows was not looked at")

    def root(self, more: list[bytes] = []) -> bytes:  # noqa: B006  never written to
        """The root over all leaves seen so far, and `more` leaves behind them."""
        rest: list[bytes] = []
        for level, kept in enumerate(self.levels):
            hashes = [*kept, *(more if level == 0 else ()), *rest]
            rest = [_root(hashes)] if hashes else []
        return rest[0] if rest else hashlib.sha256(b"").digest()

    async def add(self, level: int, hash_: bytes) -> None:
        """One more hash of a level; where a tile of level 1 or above is full, it is fetched and compared."""
        if level == len(self.levels):
            self.levels.append([])
            self.begun.append(0)
        self.levels[level].append(hash_)
        if len(self.levels[level]) == WIDTH:
            await self.close(level)
            await self.add(level + 1, _root(self.levels[level]))
            self.levels[level] = []
            self.begun[level] += 1

    async def close(self, level: int) -> None:
        """Compare the tile that stands at a level with the hashes computed of its children."""
        if level:
            path = _path(str(level), self.begun[level], len(self.levels[level]))
            self.compare(path, await _get(self.fetch, path), self.levels[level])

    def compare(self, path: str, tile: bytes | None, hashes: list[bytes]) -> None:
        """A tile as fetched against its hashes as computed."""
        self.tiles += 1
        if tile is None or len(tile) < 32 * len(hashes):
            self.wrong(f"{path} is not there, or is too short")
            return
        for place, hash_ in enumerate(hashes):
            if tile[32 * place : 32 * place + 32] != hash_:
                self.wrong(f"{path}: its hash {place} is not that of what stands below it")
                return


async def walk_log(
    fetch: Fetch, keys: Keys, *, remembered: str = "", step: Callable[[int, int], None] = lambda _done, _size: None
) -> Walked:
    """Check a whole log from outside. Total: what is wrong stands in the result; what `fetch` raises goes through.

    `keys` must have signed and cosigned the log's checkpoint; `remembered` is the note of an older checkpoint of the
    same log, empty for none: its tree must be the beginning of this one. `step` is told how many entries of how many
    were checked.
    """
    walk = _Walk(fetch)
    origin, note, size, root, done = "", "", 0, b"", 0
    try:
        note = ((await fetch("checkpoint")) or b"").decode(errors="replace")
        if not note:
            raise Wrong("there is no checkpoint at that address")
        origin, size, root = _read(note, keys, keys.witnesses, "the checkpoint")
        old = _older(remembered, keys, origin, size) if remembered else None
        async with aclosing(_bundles(fetch, size)) as bundles:
            async for bundle in bundles:
                await _check_bundle(walk, bundle, old)
                done = bundle.begin + bundle.width
                step(done, size)
        for level in range(1, len(walk.levels)):
            if walk.levels[level]:
                await walk.close(level)
        if walk.root() != root:
            walk.wrong(f"the root over {size} entries is not the checkpoint's: entries were changed, dropped or added")
    except Wrong as wrong:
        walk.problems.append(str(wrong))
    return Walked(origin, done, walk.root(), walk.tiles, note, tuple(walk.problems))


@dataclass(frozen=True, slots=True)
class _Bundle:
    """A bundle of entries and the level-0 tile over it, as fetched; they must have `width` entries and hashes."""

    index: int
    width: int
    entries: bytes | None
    tile: bytes | None

    @property
    def begin(self) -> int:
        return self.index * WIDTH


async def _bundles(fetch: Fetch, size: int) -> AsyncGenerator[_Bundle, None]:
    """All bundles in their order, a few of them fetched ahead."""

    async def one(index: int) -> _Bundle:
        width = min(WIDTH, size - index * WIDTH)
        paths = _path("entries", index, width), _path("0", index, width)
        entries, tile = await asyncio.gather(*(_get(fetch, path) for path in paths))
        return _Bundle(index, width, entries, tile)

    ahead: deque[asyncio.Task[_Bundle]] = deque()
    indexes = iter(range(-(-size // WIDTH)))
    try:
        while True:
            while len(ahead) < AHEAD and (index := next(indexes, None)) is not None:
                ahead.append(asyncio.create_task(one(index)))
            if not ahead:
                return
            yield await ahead[0]
            ahead.popleft()
    finally:
        for task in ahead:
            task.cancel()
        await asyncio.gather(*ahead, return_exceptions=True)


async def _check_bundle(walk: _Walk, bundle: _Bundle, old: tuple[int, bytes] | None) -> None:
    path = _path("entries", bundle.index, bundle.width)
    leaves = _leaves(bundle.entries, bundle.width)
    if leaves is None:
        raise Wrong(f"{path} is not there, or does not hold {bundle.width} entries: nothing behind it can be checked")
    tile = bundle.tile
    walk.tiles += 1
    if tile is None or len(tile) < 32 * bundle.width:
        walk.wrong(f"{_path('0', bundle.index, bundle.width)} is not there, or is too short")
    else:
        for place, leaf in enumerate(leaves):
            if tile[32 * place : 32 * place + 32] != leaf:
                walk.wrong(
                    f"entry {bundle.begin + place} is not what {_path('0', bundle.index, bundle.width)} says of it"
                )
                break
    if old is not None and bundle.begin < old[0] <= bundle.begin + bundle.width:
        _compare_older(walk, old, leaves[: old[0] - bundle.begin])
    for leaf in leaves:
        await walk.add(0, leaf)


def _compare_older(walk: _Walk, old: tuple[int, bytes], more: list[bytes]) -> None:
    if walk.root(more) != old[1]:
        walk.wrong(f"the first {old[0]} entries are not those of the checkpoint remembered: the log was rewritten")


def _older(remembered: str, keys: Keys, origin: str, size: int) -> tuple[int, bytes] | None:
    """Size and root of the checkpoint remembered. Raises Wrong where it is of another log, or larger."""
    named, old, root = _read(remembered, keys, (), "the checkpoint remembered")
    if named != origin:
        raise Wrong(f"the checkpoint remembered is of the log {named}, this one is {origin}")
    if old > size:
        raise Wrong(f"the checkpoint remembered has {old} entries, this one {size}: the log was rolled back")
    return (old, root) if old else None


def _read(note: str, keys: Keys, witnesses: tuple[str, ...], what: str) -> tuple[str, int, bytes]:
    try:
        return read_checkpoint(note, keys, witnesses)
    except Wrong as wrong:
        raise Wrong(f"{what}: {wrong}") from None


def _leaves(bundle: bytes | None, width: int) -> list[bytes] | None:
    """The leaf hashes of the first `width` entries of a bundle; None where it holds fewer, or is not one."""
    leaves: list[bytes] = []
    bundle, at = bundle or b"", 0
    while len(leaves) < width:
        length = int.from_bytes(bundle[at : at + 2], "big")
        entry = bundle[at + 2 : at + 2 + length]
        if len(bundle) < at + 2 + length:
            return None
        leaves.append(hashlib.sha256(b"\x00" + entry).digest())
        at += 2 + length
    return leaves


async def _get(fetch: Fetch, path: str) -> bytes | None:
    """A file; in place of a partial one that is gone, the whole one that took its place."""
    found = await fetch(path)
    whole, partial, _ = path.partition(".p/")
    return await fetch(whole) if found is None and partial else found


def _path(kind: str, index: int, width: int) -> str:
    """Where a tile (`kind` its level) or a bundle (`entries`) lies."""
    groups = [f"{index % 1000:03}"]
    while index := index // 1000:
        groups.insert(0, f"x{index % 1000:03}")
    return f"tile/{kind}/{'/'.join(groups)}" + (f".p/{width}" if width < WIDTH else "")


def _root(hashes: list[bytes]) -> bytes:
    """The root over hashes of subtrees, all of one size but for the last, which may be smaller."""
    if len(hashes) == 1:
        return hashes[0]
    left = split_at(len(hashes))
    return inner(_root(hashes[:left]), _root(hashes[left:]))
