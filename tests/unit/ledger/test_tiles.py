"""Tiles: where they lie, and that all proofs can be made from them alone (C2SP tlog-tiles)."""

import hashlib

import pytest

from nakadachi.ledger.tree import (
    Frontier,
    append,
    check_consistency,
    check_inclusion,
    consistency_proof,
    entries_path,
    fetch_from_tiles,
    inclusion_proof,
    leaf_hash,
    load_frontier,
    tile_path,
    tile_root,
    tree_root,
)
from nakadachi.refusal import Reason, Refusal

LEAVES = [leaf_hash(bytes((number,))) for number in range(256)]


def root_of(leaves):
    """The root over a power of two of leaves, by its definition."""
    if len(leaves) == 1:
        return leaves[0]
    left = len(leaves) // 2
    return hashlib.sha256(b"\x01" + root_of(leaves[:left]) + root_of(leaves[left:])).digest()


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (tile_path(0, 0), "tile/0/000"),
        (tile_path(1, 273, 3), "tile/1/273.p/3"),
        (tile_path(0, 1000), "tile/0/x001/000"),
        (tile_path(2, 1_234_067, 255), "tile/2/x001/x234/067.p/255"),
        (entries_path(1_234_067), "tile/entries/x001/x234/067"),
        (entries_path(5, 1), "tile/entries/005.p/1"),
    ],
)
def test_a_tile_lies_where_c2sp_says(path, expected):
    assert path == expected


@pytest.mark.parametrize(("index", "width"), [(-1, 256), (0, 0), (0, 257)])
def test_there_is_no_other_tile(index, width):
    with pytest.raises(ValueError, match="no tile"):
        tile_path(0, index, width)


def test_a_full_tile_stands_in_the_tile_above_as_its_root():
    assert tile_root(b"".join(LEAVES)) == root_of(LEAVES)
    assert tile_root(LEAVES[0]) == LEAVES[0]


def tiles_of(leaves):
    tiles, level = {}, 0
    while leaves:
        for at in range(0, len(leaves), 256):
            tiles[level, at >> 8] = b"".join(leaves[at : at + 256])
        level, leaves = level + 1, [root_of(leaves[at : at + 256]) for at in range(0, len(leaves) - 255, 256)]
    return tiles


def test_proofs_are_made_from_tiles_alone():
    many = [leaf_hash(number.to_bytes(2, "big")) for number in range(1100)]
    grown = append(Frontier(), many)
    frontier, root = grown.frontier, grown.root
    tiles = tiles_of(many)
    from_tiles = fetch_from_tiles(lambda level, index: tiles[level, index])
    assert load_frontier(1100, from_tiles) == frontier
    for index in (0, 255, 256, 1023, 1024, 1099):
        check_inclusion(many[index], index, 1100, inclusion_proof(index, 1100, from_tiles), root)
    for old in (1, 255, 256, 257, 512, 1024, 1099):
        old_root = tree_root(old, from_tiles)
        check_consistency(old, old_root, 1100, root, consistency_proof(old, 1100, from_tiles))


def test_a_tile_that_is_too_short_is_refused():
    cut = fetch_from_tiles(lambda _level, _index: b"".join(LEAVES[:3]))
    with pytest.raises(Refusal) as caught:
        cut(1, 1)
    assert caught.value.reason is Reason.BAD_FORMAT
    assert "tile/0/000" in caught.value.detail
