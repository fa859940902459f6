"""Our golden vectors of the tree, agreed with an implementation that is none of ours (pymerkle, for tests alone)."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymerkle import InmemoryTree, verify_consistency, verify_inclusion

from nakadachi.ledger.tree import Frontier, append, check_consistency, consistency_proof, leaf_hash
from nakadachi.ledger.walk import walk_log
from tests.unit.ledger.copies import KEYS, copy_of, entries_of, reader
from tools import vectors


def raw(text):
    return base64.b64decode(text, validate=True)


def theirs(entries):
    tree = InmemoryTree(algorithm="sha256")
    tree.append_entries(entries)
    return tree


def path_of(proof):
    """What of their proof is ours: the hashes behind the first, which is the leaf itself."""
    return [bytes.fromhex(one) for one in proof.serialize()["path"]]


def node(leaves, level, index):
    hashes = leaves[index << level : (index + 1) << level]
    return append(Frontier(), hashes).root


def test_every_root_written_down_is_theirs_too():
    written = vectors.read("tree")
    entries = [raw(entry) for entry in written["entries"]]
    tree = theirs(entries)
    assert [tree.get_leaf(number) for number in range(1, 10)] == [raw(leaf) for leaf in written["leaf hashes"]]
    for one in written["trees"][1:]:
        assert tree.get_root(one["size"]) == raw(one["root"])


def test_every_inclusion_path_written_down_is_theirs_too():
    written = vectors.read("tree")
    tree = theirs([raw(entry) for entry in written["entries"]])
    for one in written["trees"][1:]:
        for index, path in enumerate(one["inclusion"]):
            proof = tree.prove_inclusion(index + 1, one["size"])
            leaf, *others = path_of(proof)
            assert leaf == raw(written["leaf hashes"][index])
            assert others == [raw(hash_) for hash_ in path]
            verify_inclusion(leaf, raw(one["root"]), proof)


def test_every_consistency_proof_written_down_is_theirs_too():
    written = vectors.read("tree")
    tree = theirs([raw(entry) for entry in written["entries"]])
    for one in written["trees"][1:]:
        for old, path in enumerate(one["consistency from"][1:-1], start=1):
            proof = tree.prove_consistency(old, one["size"])
            verify_consistency(tree.get_root(old), raw(one["root"]), proof)
            check_consistency(old, tree.get_root(old), one["size"], tree.get_root(one["size"]), list(map(raw, path)))


@given(st.integers(1, 700), st.data())
def test_trees_of_any_size_agree(size, data):
    entries = entries_of(size)
    tree, leaves = theirs(entries), [leaf_hash(entry) for entry in entries]
    grown = append(Frontier(), leaves)
    assert tree.get_root() == grown.root
    index = data.draw(st.integers(0, size - 1))
    assert path_of(tree.prove_inclusion(index + 1, size))[1:] == list(grown.paths[index])
    old = data.draw(st.integers(1, size))
    ours = consistency_proof(old, size, lambda level, at: node(leaves, level, at))
    check_consistency(old, tree.get_root(old), size, tree.get_root(), ours)
    verify_consistency(append(Frontier(), leaves[:old]).root, grown.root, tree.prove_consistency(old, size))


@pytest.mark.parametrize("size", [1, 255, 256, 257, 1100])
async def test_the_walk_by_tiles_comes_to_their_root(size):
    entries = entries_of(size)
    walked = await walk_log(reader(copy_of(entries)), KEYS)
    assert (walked.ok, walked.root) == (True, theirs(entries).get_root())
