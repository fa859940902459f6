"""The Merkle tree against its definition in RFC 6962: the same roots and paths, and no changed proof passes."""

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nakadachi.ledger.tree import (
    EMPTY_ROOT,
    Frontier,
    append,
    check_consistency,
    check_inclusion,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    load_frontier,
    node_hash,
    tree_root,
)
from nakadachi.refusal import Reason, Refusal

LEAVES = [leaf_hash(bytes((number,))) for number in range(256)]
SIZES = st.integers(0, 130)


def half(count):
    power = 1
    while power * 2 < count:
        power *= 2
    return power


def root_of(leaves):
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return leaves[0]
    left = half(len(leaves))
    return hashlib.sha256(b"\x01" + root_of(leaves[:left]) + root_of(leaves[left:])).digest()


def path_of(index, leaves):
    if len(leaves) == 1:
        return ()
    left = half(len(leaves))
    if index < left:
        return (*path_of(index, leaves[:left]), root_of(leaves[left:]))
    return (*path_of(index - left, leaves[left:]), root_of(leaves[:left]))


def growth_of(old, leaves, *, whole=True):
    if old == len(leaves):
        return () if whole else (root_of(leaves),)
    left = half(len(leaves))
    if old <= left:
        return (*growth_of(old, leaves[:left], whole=whole), root_of(leaves[left:]))
    return (*growth_of(old - left, leaves[left:], whole=False), root_of(leaves[:left]))


def fetch(level, index):
    whole = LEAVES[index << level : (index + 1) << level]
    assert len(whole) == 1 << level, "only whole nodes are fetched"
    return root_of(whole)


def whole_nodes(size):
    """All whole nodes of a tree by their definition: (level, index, hash)."""
    return {(level, index, fetch(level, index)) for level in range(size.bit_length()) for index in range(size >> level)}


def nodes_of(grown):
    rows = [(level, first + at, hash_) for level, first, hashes in grown.nodes for at, hash_ in enumerate(hashes)]
    assert len(set(rows)) == len(rows)
    return set(rows)


def refused(action):
    with pytest.raises(Refusal) as caught:
        action()
    return caught.value.reason is Reason.PERMIT_INVALID


def test_a_leaf_and_a_node_are_hashed_apart():
    assert leaf_hash(b"entry") == hashlib.sha256(b"\x00entry").digest()
    assert node_hash(b"l" * 32, b"r" * 32) == hashlib.sha256(b"\x01" + b"l" * 32 + b"r" * 32).digest()


def test_the_tree_of_the_rfc_has_its_known_roots():
    # Entries and roots as in the reference tests of Certificate Transparency.
    entries = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
    leaves = [leaf_hash(bytes.fromhex(entry)) for entry in entries]
    assert append(Frontier(), leaves).root.hex() == "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"
    assert EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@settings(max_examples=150)
@given(SIZES, st.integers(0, 125))
def test_a_batch_gives_the_root_and_every_path_of_the_definition(before, count):
    old = append(Frontier(), LEAVES[:before]).frontier
    grown = append(old, LEAVES[before : before + count])
    everything = LEAVES[: before + count]
    assert grown.root == grown.frontier.root == root_of(everything) == tree_root(before + count, fetch)
    assert grown.frontier == load_frontier(before + count, fetch)
    assert grown.paths == [path_of(before + place, everything) for place in range(count)]
    assert nodes_of(grown) == whole_nodes(before + count) - whole_nodes(before)


def test_every_small_batch_after_every_small_tree():
    for before in range(18):
        old = load_frontier(before, fetch)
        for count in range(18):
            grown = append(old, LEAVES[before : before + count])
            assert grown.root == root_of(LEAVES[: before + count])
            assert grown.paths == [path_of(before + place, LEAVES[: before + count]) for place in range(count)]
            assert nodes_of(grown) == whole_nodes(before + count) - whole_nodes(before)


def test_whole_nodes_come_level_by_level_and_none_twice():
    grown = append(load_frontier(5, fetch), LEAVES[5:12])
    assert [(level, first, len(hashes)) for level, first, hashes in grown.nodes] == [
        (0, 5, 7),
        (1, 2, 4),
        (2, 1, 2),
        (3, 0, 1),
    ]
    assert append(load_frontier(5, fetch), []).nodes == []


def test_one_by_one_is_the_same_as_all_at_once():
    frontier, nodes = Frontier(), set()
    for size, leaf in enumerate(LEAVES, 1):
        grown = append(frontier, [leaf])
        check_inclusion(leaf, size - 1, size, grown.paths[0], grown.root)
        frontier, nodes = grown.frontier, nodes | nodes_of(grown)
    at_once = append(Frontier(), LEAVES)
    assert (frontier, nodes) == (at_once.frontier, nodes_of(at_once))


def test_appending_leaves_the_batch_as_it_was():
    batch = LEAVES[:3]
    append(Frontier(1, (LEAVES[9],)), batch)
    assert batch == LEAVES[:3]


@pytest.mark.parametrize(("size", "hashes"), [(-1, ()), (0, (bytes(32),)), (3, (bytes(32),)), (1, (bytes(31),))])
def test_a_frontier_has_one_hash_for_each_bit_of_its_size(size, hashes):
    with pytest.raises(ValueError, match="one hash of 32 bytes"):
        Frontier(size, hashes)


@settings(max_examples=150)
@given(st.data(), st.integers(1, 200))
def test_an_inclusion_proof_is_the_path_of_the_definition_and_passes(data, size):
    index = data.draw(st.integers(0, size - 1))
    path = inclusion_proof(index, size, fetch)
    assert path == path_of(index, LEAVES[:size])
    check_inclusion(LEAVES[index], index, size, path, root_of(LEAVES[:size]))


@settings(max_examples=200)
@given(st.data(), st.integers(1, 200))
def test_no_changed_inclusion_proof_passes(data, size):
    index = data.draw(st.integers(0, size - 1))
    leaf, path, root = LEAVES[index], list(inclusion_proof(index, size, fetch)), root_of(LEAVES[:size])
    kind = data.draw(st.sampled_from(["leaf", "index", "bit", "drop", "add", "swap", "root"]))
    if kind == "leaf":
        leaf = LEAVES[data.draw(st.integers(0, 255).filter(lambda other: other != index))]
    elif kind == "index":
        index = data.draw(st.integers(-2, size + 2).filter(lambda other: other != index))
    elif kind == "add":
        path.insert(data.draw(st.integers(0, len(path))), data.draw(st.sampled_from([*LEAVES[:9], *path, root])))
    elif kind == "root" or not path:
        root = data.draw(st.sampled_from(LEAVES)) if size > 1 else bytes(32)
    else:
        at = data.draw(st.integers(0, len(path) - 1))
        if kind == "bit":
            path[at] = bytes((path[at][0] ^ 1 << data.draw(st.integers(0, 7)), *path[at][1:]))
        elif kind == "drop":
            del path[at]
        else:
            path[at] = data.draw(st.sampled_from(LEAVES).filter(lambda other: other != path[at]))
    assert refused(lambda: check_inclusion(leaf, index, size, path, root))


def test_a_leaf_hash_of_another_length_is_refused():
    assert refused(lambda: check_inclusion(b"short", 0, 1, (), b"short"))
    assert refused(lambda: check_inclusion(LEAVES[0], 0, 2, (b"short",), LEAVES[0]))


@given(st.integers(), st.integers(), st.lists(st.binary(max_size=40), max_size=4), st.binary(max_size=33))
def test_any_inclusion_proof_is_checked_or_refused(index, size, path, root):
    assert refused(lambda: check_inclusion(bytes(32), index, size, path, root))


@pytest.mark.parametrize(("index", "size"), [(0, 0), (1, 1), (-1, 3), (3, 3)])
def test_no_proof_is_made_for_a_leaf_that_is_not_there(index, size):
    with pytest.raises(ValueError, match="no leaf"):
        inclusion_proof(index, size, fetch)


@settings(max_examples=200)
@given(SIZES, st.integers(0, 125))
def test_a_consistency_proof_is_that_of_the_definition_and_passes(old, more):
    new = old + more
    path = consistency_proof(old, new, fetch)
    assert path == (growth_of(old, LEAVES[:new]) if old else ())
    check_consistency(old, root_of(LEAVES[:old]), new, root_of(LEAVES[:new]), path)


@settings(max_examples=200)
@given(st.data(), st.integers(0, 60), st.integers(0, 60))
def test_no_changed_consistency_proof_passes(data, old, more):
    new = old + more
    old_root, new_root = root_of(LEAVES[:old]), root_of(LEAVES[:new])
    path = list(consistency_proof(old, new, fetch))
    kind = data.draw(st.sampled_from(["old", "new", "bit", "drop", "add", "swap"]))
    if kind == "add":
        path.insert(data.draw(st.integers(0, len(path))), data.draw(st.sampled_from([*LEAVES[:9], *path])))
    elif kind == "old" or (not path and old == new):
        old_root = bytes((old_root[0] ^ 1, *old_root[1:]))
    elif kind == "new" or not path:
        # Every tree adds to the empty one, so there the new root says nothing.
        old_root, new_root = (new_root, new_root) if old == 0 else (old_root, bytes(32))
    else:
        at = data.draw(st.integers(0, len(path) - 1))
        if kind == "drop":
            del path[at]
        elif kind == "bit":
            path[at] = bytes((path[at][0] ^ 1 << data.draw(st.integers(0, 7)), *path[at][1:]))
        else:
            path[at] = data.draw(st.sampled_from(LEAVES).filter(lambda other: other != path[at]))
    assert refused(lambda: check_consistency(old, old_root, new, new_root, path))


def test_a_forked_log_has_no_proof():
    forked = [*LEAVES[:5], leaf_hash(b"another"), *LEAVES[6:20]]
    for size in range(6, 20):
        path = consistency_proof(size, 20, fetch)
        assert refused(
            lambda size=size, path=path: check_consistency(size, root_of(forked[:size]), 20, root_of(LEAVES[:20]), path)
        )


def test_a_log_that_shrank_is_refused():
    assert refused(lambda: check_consistency(3, root_of(LEAVES[:3]), 2, root_of(LEAVES[:2]), ()))
    assert refused(lambda: check_consistency(-1, EMPTY_ROOT, 2, root_of(LEAVES[:2]), ()))
    with pytest.raises(ValueError, match="cannot add"):
        consistency_proof(3, 2, fetch)


def test_the_empty_log_has_the_empty_root():
    check_consistency(0, EMPTY_ROOT, 0, EMPTY_ROOT, ())
    assert refused(lambda: check_consistency(0, bytes(32), 0, bytes(32), ()))


def test_a_hash_of_another_length_is_refused():
    assert refused(lambda: check_consistency(2, LEAVES[0], 3, LEAVES[1], (b"short",)))


@given(st.integers(0, 40), st.integers(1, 40), st.lists(st.sampled_from(LEAVES), max_size=8))
def test_any_consistency_path_is_checked_or_refused(old, more, path):
    assert old == 0 or refused(lambda: check_consistency(old, bytes(32), old + more, bytes(32), path))
