"""The Commission as witness: it cosigns what only adds, and never anything else."""

import asyncio
import base64
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nakadachi.commission import oversight, store
from nakadachi.commission.oversight import add_checkpoint, note_finding, read_request
from nakadachi.commission.parts import Commission
from nakadachi.core.witnessing import add_checkpoint_request
from nakadachi.crypto.notes import NoteKind, NoteSigner, open_note
from nakadachi.crypto.signing import SigningKey
from nakadachi.kit.author import Author
from nakadachi.kit.clock import FixedClock
from nakadachi.kit.database import Database
from nakadachi.kit.entropy import SeededEntropy
from nakadachi.kit.migrations import migrate, read_migrations
from nakadachi.kit.unit import Asked, Unit
from nakadachi.law.directory import Directory, LogOrigin, Node
from nakadachi.ledger.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from nakadachi.ledger.tree import EMPTY_ROOT, Frontier, append, consistency_proof, leaf_hash
from nakadachi.refusal import Reason, Refusal
from nakadachi.telegrams.inquiry import Noted
from nakadachi.telegrams.oversight import Finding, FindingKind, ReportFinding
from nakadachi.telegrams.permit import PrefixRefused
from nakadachi.terms import AffairCode, InfoNameCode, NodeName, OrganisationCode, Prefix, ProcedureCode, Role, Serial

NOW = datetime(2026, 7, 1, 3, tzinfo=UTC)
ORIGIN = "core.example/1"
LOG, STRANGER = NoteSigner.from_seed(ORIGIN, bytes(32)), NoteSigner.from_seed(ORIGIN, b"\5" * 32)
OTHER_LOG = NoteSigner.from_seed("core.example/2", b"\7" * 32)
COSIGNER = NoteSigner.from_seed("commission.example/witness", b"\1" * 32, NoteKind.COSIGNATURE)
CORE, COMMISSION = NodeName("core:9910000000000001"), NodeName("commission:9912000000000001")
A, B = OrganisationCode("9901000000000001"), OrganisationCode("9901000000000002")
LEAVES = [leaf_hash(bytes((number,))) for number in range(20)]
FORKED = [*LEAVES[:2], leaf_hash(b"another"), *LEAVES[3:]]


def directory():
    key = SigningKey.from_scalar(1).public.spki
    logs = tuple(LogOrigin(origin=one.name, verifier_key=one.verifier.vkey) for one in (LOG, OTHER_LOG))
    return Directory(
        1, date(2026, 4, 1), "0.1.0", (Node(name=CORE, url="https://core.example", signing_key=key, logs=logs),)
    )


@pytest.fixture
async def commission(tenant_dsn):
    database = await Database.open(tenant_dsn, max_size=6)
    await migrate(
        database,
        read_migrations("nakadachi.ledger", part="ledger", folder="sql"),
        read_migrations("nakadachi.commission"),
    )
    author = Author(COMMISSION, SigningKey.from_scalar(2), FixedClock(NOW), SeededEntropy(1))
    yield Commission(author, COSIGNER, SimpleNamespace(directory=directory()), database)
    await database.close()


def node(leaves, level, index):
    return append(Frontier(), leaves[index << level : (index + 1) << level]).root


def checkpoint(size, leaves=LEAVES, signer=LOG):
    return sign_checkpoint(Checkpoint(signer.name, size, append(Frontier(), leaves[:size]).root), signer).decode()


def request(old, size, leaves=LEAVES, signer=LOG, proof=None):
    if proof is None:
        proof = consistency_proof(old, size, lambda level, index: node(leaves, level, index)) if old <= size else ()
    return add_checkpoint_request(old, proof, checkpoint(size, leaves, signer))


async def ask(commission, *given, **named):
    verdict = await add_checkpoint(commission, request(*given, **named))
    return verdict.status, verdict.body


async def known(commission):
    async with commission.database.acquire() as connection:
        rows = await connection.fetch("SELECT size, root FROM witnessed WHERE origin = $1", ORIGIN)
    return [(row["size"], row["root"]) for row in rows]


async def test_a_checkpoint_that_only_adds_is_cosigned_at_the_present_moment(commission):
    size = 0
    for step, new in enumerate((1, 2, 7, 7, 8, 20)):
        commission.author.clock.set(NOW + timedelta(minutes=step))
        status, line = await ask(commission, size, new)
        assert status == 200
        cosigned = (checkpoint(new) + line).encode()
        opened = open_checkpoint(cosigned, (LOG.verifier, COSIGNER.verifier), ORIGIN, cosigners={COSIGNER.name})
        assert opened.note.cosigned_at(COSIGNER.name) == int((NOW + timedelta(minutes=step)).timestamp())
        assert opened.checkpoint.size == new
        size = new


async def test_a_cosignature_is_of_this_checkpoint_only(commission):
    _, line = await ask(commission, 0, 3)
    with pytest.raises(Refusal) as wrong:
        open_note((checkpoint(4) + line).encode(), (COSIGNER.verifier,), {COSIGNER.name})
    assert wrong.value.reason is Reason.BAD_SIGNATURE


async def test_an_empty_log_is_cosigned_too(commission):
    assert (await ask(commission, 0, 0))[0] == 200
    assert (await ask(commission, 0, 5))[0] == 200


@pytest.mark.parametrize("old", [1, 2, 4, 5])
async def test_an_old_size_that_is_not_the_known_one_is_told_the_known_one(commission, old):
    await ask(commission, 0, 3)
    assert await ask(commission, old, 5) == (409, "3\n")
    assert await ask(commission, 3, 5) == (200, (await ask(commission, 5, 5))[1])


async def test_who_begins_with_a_size_that_was_never_seen_is_told_nothing_is_known(commission):
    assert await ask(commission, 3, 5) == (409, "0\n")
    assert (await ask(commission, 0, 5))[0] == 200


@pytest.mark.parametrize("size", [3, 4, 9])
async def test_a_fork_is_refused_and_forgotten(commission, size):
    await ask(commission, 0, 3)
    before = await known(commission)
    assert (await ask(commission, 3, size, FORKED))[0] == 422
    assert await known(commission) == before
    assert (await ask(commission, 3, 4))[0] == 200


@pytest.mark.parametrize("proof", [(), (bytes(32),), (bytes(32),) * 63])
async def test_a_proof_that_proves_nothing_is_refused(commission, proof):
    await ask(commission, 0, 3)
    assert (await ask(commission, 3, 5, proof=proof))[0] == 422


async def test_the_first_checkpoint_must_be_a_tree_too(commission):
    assert (await ask(commission, 0, 3, proof=(bytes(32),)))[0] == 422
    lie = sign_checkpoint(Checkpoint(ORIGIN, 0, bytes(32)), LOG).decode()
    assert (await add_checkpoint(commission, add_checkpoint_request(0, (), lie))).status == 422
    assert await known(commission) == [(0, EMPTY_ROOT)]
    assert (await ask(commission, 0, 3))[0] == 200


async def test_it_never_goes_back(commission):
    await ask(commission, 0, 7)
    for old, size in ((0, 3), (3, 5), (7, 3), (7, 6), (8, 3)):
        assert (await ask(commission, old, size))[0] in {400, 409}
    assert (await known(commission))[0][0] == 7


async def test_of_many_requests_at_once_no_two_forks_are_cosigned(commission):
    # Both forks of the third leaf, from the very first request on.
    verdicts = await asyncio.gather(
        *(ask(commission, 0, size, leaves) for size in (3, 5, 8) for leaves in (LEAVES, FORKED))
    )
    assert [status for status, _ in verdicts].count(200) == 1
    assert {status for status, _ in verdicts} == {200, 409}


async def test_two_logs_are_witnessed_apart(commission):
    assert (await ask(commission, 0, 7))[0] == 200
    assert (await ask(commission, 0, 3, FORKED, OTHER_LOG))[0] == 200
    assert (await ask(commission, 3, 4, FORKED, OTHER_LOG))[0] == 200


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (request(0, 3, signer=STRANGER), 403),
        (request(0, 3).replace(b"core.example/1\n3", b"core.example/1\n4"), 403),
        (request(0, 3, signer=NoteSigner.from_seed("nobody.example", bytes(32))), 404),
        (request(5, 3), 400),
        (b"", 400),
        (b"old 0\n\n", 400),
        (b"old 0\n", 400),
        (b"new 0\n\n" + checkpoint(3).encode(), 400),
        (b"old -1\n\n" + checkpoint(3).encode(), 400),
        (b"old x\n\n" + checkpoint(3).encode(), 400),
        (b"old \xc2\xb2\n\n" + checkpoint(3).encode(), 400),
        (b"old " + b"9" * 5000 + b"\n\n" + checkpoint(3).encode(), 400),
        (b"old 0\n!\n\n" + checkpoint(3).encode(), 400),
        (b"old 0\nAAAA\n\n" + checkpoint(3).encode(), 400),
        (b"old 0\n" + (base64.b64encode(bytes(32)) + b"\n") * 64 + b"\n" + checkpoint(3).encode(), 400),
        (b"old 0\n\nno note", 400),
    ],
)
async def test_what_is_wrong_has_its_status_and_leaves_no_trace(commission, raw, status):
    assert (await add_checkpoint(commission, raw)).status == status
    assert await known(commission) == []


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(st.binary(max_size=200), st.tuples(st.integers(0, 400), st.integers(0, 255))))
def test_any_bytes_are_a_request_or_a_bad_format(drawn):
    if isinstance(drawn, tuple):
        true = request(2, 3)
        drawn = true[: drawn[0]] + bytes((drawn[1],)) + true[drawn[0] + 1 :]
    reason = None
    try:
        old, proof, _ = read_request(drawn)
    except Refusal as refusal:
        reason = refusal.reason
    assert reason is Reason.BAD_FORMAT or (old >= 0 and all(len(one) == 32 for one in proof))


@pytest.mark.parametrize(
    ("true", "other"),
    [
        (b"old 2\n", b"old 02\n"),
        (b"old 2\n", b"old " + b"0" * 5000 + b"2\n"),
        (b"=\n", b"=\n="),
    ],
)
def test_a_request_has_one_spelling(true, other):
    whole = request(2, 3)
    assert true in whole
    assert read_request(whole)[0] == 2
    with pytest.raises(Refusal):
        read_request(whole.replace(true, other, 1))


async def test_changed_requests_are_answered_below_500(commission):
    true = request(0, 3)
    for at in range(0, len(true), 7):
        verdict = await add_checkpoint(commission, true[:at] + bytes((true[at] ^ 1,)) + true[at + 1 :])
        assert verdict.status in {200, 400, 403, 404, 409, 422}


async def test_the_notice_of_a_refused_inquiry_is_kept_once_with_its_record(commission):
    prefix = Prefix(
        A, AffairCode("JM99000000180000"), ProcedureCode("JT99000000180001"), B, InfoNameCode("TM99000000000002")
    )
    serials = tuple(Serial(f"{A}-{number:026}") for number in (1, 2))
    author = replace(commission.author, name=NodeName(f"interface:{A}"))
    telegram = author.write(
        PrefixRefused,
        to=COMMISSION,
        prefix=prefix,
        serials=serials,
        reason=Reason.NOT_IN_TABLE,
        staff="3f1c",
        refused_at=NOW,
    )
    for _ in range(2):
        async with commission.database.transaction() as connection:
            unit = Unit(connection, NOW)
            (answer,) = await oversight.note_prefix_refused(commission, unit, [Asked(telegram, {})])
    assert isinstance(answer.header, Noted)
    assert answer.header.answers == telegram.header.id
    async with commission.database.acquire() as connection:
        kept = await connection.fetch("SELECT * FROM refused_inquiry ORDER BY serial")
        records = await connection.fetch("SELECT serial, event, reason, staff FROM record ORDER BY serial")
    assert [(row["serial"], row["reason"], row["provider"]) for row in kept] == [
        (serial.value, "NOT_IN_TABLE", B.value) for serial in serials
    ]
    assert [tuple(row) for row in records] == [(serial.value, "refused", "NOT_IN_TABLE", "3f1c") for serial in serials]


MS_A, IF_A = NodeName.of(Role.INTERMEDIATE, A), NodeName.of(Role.INTERFACE, A)
CROSSED = Finding(kind=FindingKind.ANSWER_CROSSED, at=NOW, serial=Serial(f"{A}-01KN2J9Z80F0G0000000000001"), about=MS_A)
PLACELESS = Finding(kind=FindingKind.HEAD_FORKED, at=NOW, reason=Reason.NO_WITNESS)


async def tell(commission, reporter, *findings):
    """Hand the Commission a node's findings: what it keeps afterwards, who found what."""
    hand = Author(reporter, SigningKey.from_scalar(3), FixedClock(NOW), SeededEntropy(2))
    telegram = hand.write(ReportFinding, to=COMMISSION, findings=findings)
    async with commission.database.transaction() as connection:
        (answer,) = await note_finding(commission, Unit(connection, NOW), [Asked(telegram, {})])
        assert isinstance(answer.header, Noted)
        return await store.findings(connection, most=10)


async def test_a_finding_is_kept_as_it_was_told_with_who_told_it(commission):
    assert await tell(commission, IF_A, CROSSED, PLACELESS) == [(IF_A, PLACELESS), (IF_A, CROSSED)]


async def test_a_finding_told_again_the_same_day_adds_nothing(commission):
    later = msgspec.structs.replace(CROSSED, at=NOW + timedelta(hours=1), reason=Reason.SUBJECT_MISMATCH)
    await tell(commission, IF_A, CROSSED)
    assert await tell(commission, IF_A, later, CROSSED) == [(IF_A, CROSSED)]
    tomorrow = msgspec.structs.replace(CROSSED, at=NOW + timedelta(days=1))
    assert len(await tell(commission, IF_A, tomorrow)) == 2


async def test_what_two_nodes_found_are_two_findings(commission):
    await tell(commission, IF_A, CROSSED)
    assert {who for who, _ in await tell(commission, MS_A, CROSSED)} == {IF_A, MS_A}
