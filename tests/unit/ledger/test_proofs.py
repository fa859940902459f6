"""Proofs from the log's database: many at once, for any pair of sizes it ever had, and nothing for what it is not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nakadachi.ledger.proofs import MOST_PROOFS, answer_consistency, ask_consistency, read_proofs
from nakadachi.ledger.tree import Frontier, append, check_consistency, leaf_hash
from nakadachi.refusal import Reason, Refusal

ORIGIN = "core.example/1"
ENTRIES = [bytes((number,)) * 32 for number in range(13)]


def root(size):
    return append(Frontier(), [leaf_hash(entry) for entry in ENTRIES[:size]]).root


@pytest.fixture
async def logged(begin, log_database):
    log = await begin()
    for entry in ENTRIES:
        async with log_database.transaction() as connection:
            await log.append(connection, [entry])
        log.expect([entry])
        await log.place(entry, 5)


async def ask(database, question):
    async with database.acquire() as connection:
        return await answer_consistency(connection, question)


@pytest.mark.usefixtures("logged")
async def test_every_tree_there_was_is_proven_to_be_in_every_later_one(log_database):
    for new in range(1, len(ENTRIES) + 1):
        olds = list(range(new + 1))
        answer = await ask(log_database, ask_consistency(ORIGIN, new, olds))
        for old, proof in zip(olds, read_proofs(answer.encode(), len(olds)), strict=True):
            check_consistency(old, root(old), new, root(new), proof)


@pytest.mark.parametrize(
    "asked",
    [
        b"", b"x", b"core.example/1", b"core.example/1\n5", b"core.example/1\n5\n6", b"core.example/1\n5\n-1",
        b"core.example/1\nfive\n1", b"core.example/1\n99999999999999999999\n1", b"a\0b\n5\n1", b"\xff\n5\n1",
        ask_consistency(ORIGIN, 5, [1] * (MOST_PROOFS + 1)),
    ],
)  # fmt: skip
async def test_what_is_no_question_is_refused(log_database, asked):
    with pytest.raises(Refusal) as wrong:
        await ask(log_database, asked)
    assert wrong.value.reason is Reason.BAD_FORMAT


@pytest.mark.usefixtures("logged")
@pytest.mark.parametrize("question", [ask_consistency(ORIGIN, 14, [3]), ask_consistency("core.example/2", 9, [3])])
async def test_of_a_tree_that_is_not_there_nothing_is_proven(log_database, question):
    with pytest.raises(Refusal) as wrong:
        await ask(log_database, question)
    assert wrong.value.reason is Reason.PERMIT_INVALID


@given(st.binary(max_size=200), st.integers(0, 3))
def test_any_bytes_are_proofs_or_refused(raw, count):
    try:
        proofs = read_proofs(raw, count)
    except Refusal as refusal:
        assert refusal.reason is Reason.BAD_FORMAT  # noqa: PT017  total: nothing else may come out
    else:
        assert len(proofs) == count
