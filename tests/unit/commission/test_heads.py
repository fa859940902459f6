"""Trees that nodes tell of are compared with the log the Commission cosigned: what is not in it is found and kept."""

import base64
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace

import pytest

from nakadachi.commission import heads, store
from nakadachi.commission.heads import compare_heads, note_heads
from nakadachi.commission.oversight import add_checkpoint
from nakadachi.commission.parts import Commission
from nakadachi.core.witnessing import add_checkpoint_request
from nakadachi.crypto.notes import NoteKind, NoteSigner
from nakadachi.crypto.signing import SigningKey
from nakadachi.kit.author import Author
from nakadachi.kit.client import Unreachable
from nakadachi.kit.clock import FixedClock
from nakadachi.kit.database import Database
from nakadachi.kit.entropy import SeededEntropy
from nakadachi.kit.migrations import migrate, read_migrations
from nakadachi.kit.peers import Peers
from nakadachi.kit.unit import Asked, Unit
from nakadachi.law.directory import Directory, LogOrigin, Node
from nakadachi.ledger.checkpoint import Checkpoint, sign_checkpoint
from nakadachi.ledger.tree import Frontier, append, consistency_proof, leaf_hash
from nakadachi.telegrams.inquiry import Noted
from nakadachi.telegrams.oversight import FindingKind, ReportHeads
from nakadachi.terms import NodeName

NOW = datetime(2026, 7, 1, 3, tzinfo=UTC)
ORIGIN = "core.example/1"
LOG, STRANGER = NoteSigner.from_seed(ORIGIN, bytes(32)), NoteSigner.from_seed(ORIGIN, b"\5" * 32)
COSIGNER = NoteSigner.from_seed("commission.example/witness", b"\1" * 32, NoteKind.COSIGNATURE)
CORE, COMMISSION = NodeName("core:9910000000000001"), NodeName("commission:9912000000000001")
IF_A, IF_B = NodeName("interface:9901000000000001"), NodeName("interface:9901000000000002")
LEAVES = [leaf_hash(bytes((number,))) for number in range(20)]
FORKED = [*LEAVES[:2], leaf_hash(b"another"), *LEAVES[3:]]


def tree(size, leaves=LEAVES, signer=LOG):
    """The log's own note on the tree of the first leaves."""
    return sign_checkpoint(Checkpoint(ORIGIN, size, append(Frontier(), leaves[:size]).root), signer).decode()


def proof(old, new, leaves=LEAVES):
    def node(level, index):
        return append(Frontier(), leaves[index << level : (index + 1) << level]).root

    return consistency_proof(old, new, node)


class CoreWire:
    """The core's door for proofs: of its true log, or as it likes."""

    def __init__(self):
        self.asked, self.answers = [], self.honest

    def honest(self, new, olds):
        return 200, "".join(" ".join(map(b64, proof(old, new))) + "\n" for old in olds).encode()

    async def request(self, to, url, path, body):
        assert (to, url, path) == (CORE, "https://core.example", "/log/consistency")
        origin, *sizes = body.decode().split("\n")
        assert origin == ORIGIN
        self.asked.append([int(size) for size in sizes])
        return self.answers(self.asked[-1][0], self.asked[-1][1:])


def b64(raw):
    return base64.b64encode(raw).decode()


@pytest.fixture
def core():
    return CoreWire()


@pytest.fixture
async def commission(tenant_dsn):
    database = await Database.open(tenant_dsn, max_size=6)
    await migrate(database, read_migrations("nakadachi.commission"))
    author = Author(COMMISSION, SigningKey.from_scalar(2), FixedClock(NOW), SeededEntropy(1))
    logs = (LogOrigin(origin=ORIGIN, verifier_key=LOG.verifier.vkey),)
    node = Node(name=CORE, url="https://core.example", signing_key=SigningKey.from_scalar(1).public.spki, logs=logs)
    listed = Directory(1, date(2026, 4, 1), "0.1.0", (node,))
    yield Commission(author, COSIGNER, SimpleNamespace(directory=listed, peers=Peers(listed)), database)
    await database.close()


async def tell(commission, *notes, reporter=IF_A):
    """A node tells of trees; what the Commission has found by then, about whom."""
    hand = Author(reporter, SigningKey.from_scalar(3), FixedClock(NOW), SeededEntropy(2))
    telegram = hand.write(ReportHeads, to=COMMISSION, checkpoints=notes)
    async with commission.database.transaction() as connection:
        (answer,) = await note_heads(commission, Unit(connection, NOW), [Asked(telegram, {})])
        assert isinstance(answer.header, Noted)
    return await found(commission)


async def found(commission):
    async with commission.database.acquire() as connection:
        return [(one.kind, one.about) for _, one in await store.findings(connection, most=9)]


async def kept(commission):
    """Size, state and contradicted note of every tree told."""
    async with commission.database.acquire() as connection:
        rows = await connection.fetch("SELECT size, state, against FROM head_told ORDER BY size, root")
    return [(row["size"], row["state"], row["against"]) for row in rows]


async def cosign(commission, old, new):
    verdict = await add_checkpoint(commission, add_checkpoint_request(old, proof(old, new), tree(new)))
    assert verdict.status == 200


async def test_trees_of_the_log_are_proven_and_no_finding(commission, core):
    await cosign(commission, 0, 9)
    assert await tell(commission, tree(3), tree(9), tree(5), tree(3)) == []
    await compare_heads(commission, core)
    assert core.asked == [[9, 3, 5, 9]]
    assert await kept(commission) == [(size, "contained", None) for size in (3, 5, 9)]
    await tell(commission, tree(3), reporter=IF_B)
    await compare_heads(commission, core)
    assert len(core.asked) == 1, "one proof does for a tree"


async def test_a_tree_ahead_of_the_cosigned_one_waits_for_it(commission, core):
    await cosign(commission, 0, 4)
    await tell(commission, tree(6))
    await compare_heads(commission, core)
    assert (core.asked, await kept(commission)) == ([], [(6, "open", None)])
    await cosign(commission, 4, 7)
    await compare_heads(commission, core)
    assert await kept(commission) == [(6, "contained", None)]


async def test_two_trees_of_one_size_told_by_two_are_a_fork_at_once_with_both_notes(commission):
    assert await tell(commission, tree(6)) == []
    assert await tell(commission, tree(6, FORKED), reporter=IF_B) == [(FindingKind.HEAD_FORKED, CORE)]
    states = await kept(commission)
    assert {against for _, _, against in states} == {tree(6), tree(6, FORKED)}
    assert {state for _, state, _ in states} == {"forked"}


async def test_a_tree_of_the_size_cosigned_with_another_root_is_a_fork_at_once(commission):
    await cosign(commission, 0, 6)
    assert await tell(commission, tree(6, FORKED)) == [(FindingKind.HEAD_FORKED, CORE)]
    assert await kept(commission) == [(6, "forked", tree(6))]


@pytest.mark.parametrize("size", [3, 4, 8])
async def test_a_tree_that_the_core_cannot_prove_to_be_in_the_log_is_a_fork(commission, core, size):
    await cosign(commission, 0, 9)
    assert await tell(commission, tree(size, FORKED), tree(5)) == []
    await compare_heads(commission, core)
    assert await found(commission) == [(FindingKind.HEAD_FORKED, CORE)]
    assert sorted(await kept(commission)) == sorted([(size, "forked", tree(9)), (5, "contained", None)])


async def test_a_fork_handed_to_the_witness_itself_is_kept_and_found(commission, core):
    await cosign(commission, 0, 6)
    for size in (6, 8):
        request = add_checkpoint_request(6, proof(6, size, FORKED), tree(size, FORKED))
        assert (await add_checkpoint(commission, request)).status == 422
    assert await found(commission) == [(FindingKind.HEAD_FORKED, CORE)]
    await cosign(commission, 6, 9)
    await compare_heads(commission, core)
    assert {state for _, state, _ in await kept(commission)} == {"forked"}


async def test_a_true_checkpoint_handed_in_with_a_bad_proof_accuses_nobody(commission, core):
    """A proof is not signed: whoever has a certificate could hand in a bad one."""
    await cosign(commission, 0, 6)
    assert (await add_checkpoint(commission, add_checkpoint_request(6, (bytes(32),), tree(8)))).status == 422
    await cosign(commission, 6, 9)
    await compare_heads(commission, core)
    assert (await found(commission), await kept(commission)) == ([], [(8, "contained", None)])


def unreachable(_new, _olds):
    raise Unreachable("core")


SILENCE = {
    "unreachable": unreachable,
    "an error": lambda _new, _olds: (500, b""),
    "nothing": lambda _new, _olds: (200, b""),
    "nonsense": lambda _new, _olds: (200, b"\xff\n"),
    "short hashes": lambda _new, _olds: (200, b"AAAA\n"),
}


@pytest.mark.parametrize("how", SILENCE)
async def test_a_core_that_gives_no_proof_is_asked_again_and_then_a_finding(commission, core, how):
    await cosign(commission, 0, 9)
    await tell(commission, tree(5))
    core.answers = SILENCE[how]
    await compare_heads(commission, core)
    assert (await kept(commission), await found(commission)) == ([(5, "open", None)], [])
    commission.author.clock.set(NOW + heads.PATIENCE + timedelta(seconds=1))
    await compare_heads(commission, core)
    assert (await kept(commission), await found(commission)) == (
        [(5, "unproven", None)],
        [(FindingKind.HEAD_UNPROVEN, CORE)],
    )


async def test_a_tree_the_log_never_had_cosigned_is_a_finding_after_a_while(commission, core):
    await tell(commission, tree(5))
    commission.author.clock.set(NOW + heads.PATIENCE + timedelta(seconds=1))
    await compare_heads(commission, core)
    assert await found(commission) == [(FindingKind.HEAD_UNPROVEN, CORE)]


@pytest.mark.parametrize("note", [tree(3, signer=STRANGER), "x"])
async def test_a_note_that_the_log_did_not_sign_is_a_finding_about_who_told_it(commission, note):
    assert await tell(commission, note, tree(4)) == [(FindingKind.HEAD_INVALID, IF_A)]
    assert await kept(commission) == [(4, "open", None)]


async def test_a_log_that_our_directory_does_not_list_yet_accuses_nobody(commission):
    assert await tell(commission, tree(3).replace(ORIGIN, "core.example/9"), tree(4)) == []
    assert await kept(commission) == [(4, "open", None)]


async def test_trees_in_the_log_are_forgotten_after_a_while_and_a_fork_never(commission, core):
    await cosign(commission, 0, 9)
    await tell(commission, tree(5), tree(3, FORKED))
    await compare_heads(commission, core)
    commission.author.clock.set(NOW + heads.KEPT + timedelta(seconds=1))
    await compare_heads(commission, core)
    assert await kept(commission) == [(3, "forked", tree(9))]
