"""A small network for the ledger's tests: its keys, its directory, its signed documents, and heads of its log."""

from dataclasses import replace
from datetime import UTC, date, datetime
from types import SimpleNamespace

import pytest

from nakadachi.crypto.notes import NoteKind, NoteSigner, add_signature
from nakadachi.crypto.signing import SigningKey
from nakadachi.kit.clock import FixedClock
from nakadachi.kit.database import Database
from nakadachi.kit.migrations import migrate, read_migrations
from nakadachi.law import lawbook
from nakadachi.law.directory import Directory, LogOrigin, Node
from nakadachi.ledger.checkpoint import Checkpoint, sign_checkpoint
from nakadachi.ledger.edition import Edition, Trust, sign_document
from nakadachi.ledger.log import Log
from nakadachi.terms import NodeName, OrganisationCode, Role

ORIGIN = "core.example/1"
A, B = OrganisationCode("9901000000000001"), OrganisationCode("9901000000000002")
CORE, COMMISSION = NodeName("core:9910000000000001"), NodeName("commission:9912000000000001")
MS_A, IF_A, MS_B = NodeName.of(Role.INTERMEDIATE, A), NodeName.of(Role.INTERFACE, A), NodeName.of(Role.INTERMEDIATE, B)
NODES = (CORE, COMMISSION, MS_A, IF_A, MS_B)
LOG = NoteSigner.from_seed(ORIGIN, bytes(32))
WITNESS = NoteSigner.from_seed("commission.example/witness", b"\1" * 32, NoteKind.COSIGNATURE)
DOCUMENTS = (NoteSigner.from_seed("core.example", b"\2" * 32), NoteSigner.from_seed("commission.example", b"\3" * 32))


def key_of(name):
    return SigningKey.from_scalar(11 + NODES.index(name))


def directory(version=1, *, witnesses=(WITNESS,), logs=(LOG,), without=()):
    """A directory of the five nodes; one Commission per witness."""
    listed = [
        Node(
            name=name,
            url=f"https://{name.role.value}.example",
            signing_key=key_of(name).public.spki,
            logs=tuple(LogOrigin(origin=one.name, verifier_key=one.verifier.vkey) for one in logs)
            if name == CORE
            else (),
        )
        for name in NODES
        if name not in (*without, COMMISSION)
    ]
    listed += [
        Node(
            name=NodeName.of(Role.COMMISSION, OrganisationCode(f"{9912000000000001 + number}")),
            url="https://commission.example",
            signing_key=key_of(COMMISSION).public.spki,
            witness_key=witness.verifier.vkey if witness else None,
        )
        for number, witness in enumerate(witnesses)
    ]
    return Directory(version, date(2026, 4, 1), "0.1.0", tuple(listed))


def law(version=1):
    return replace(lawbook.sample(), version=version)


def edition(law_book=None, listed=None):
    """The documents in use at a node."""
    trust = Trust(*(one.verifier for one in DOCUMENTS))
    law_book, listed = law_book or law(), listed or directory()
    return Edition(
        trust,
        lawbook=sign_document(law_book.to_bytes(), *DOCUMENTS),
        directory=sign_document(listed.to_bytes(), *DOCUMENTS),
    )


def head(at, *, size=3, root=b"r" * 32, log=LOG, witnesses=(WITNESS,)):
    """A checkpoint that the log signed and the witnesses cosigned at a moment."""
    note = sign_checkpoint(Checkpoint(log.name, size, root), log)
    for witness in witnesses:
        note = add_signature(note, witness, at=int(at.timestamp()))
    return note


@pytest.fixture
def network():
    """All of the above by name."""
    return SimpleNamespace(
        now=datetime(2026, 7, 1, 3, tzinfo=UTC),
        directory=directory,
        edition=edition,
        law=law,
        head=head,
        key_of=key_of,
        log=LOG,
        witness=WITNESS,
        documents=DOCUMENTS,
    )


@pytest.fixture
async def log_database(tenant_dsn):
    opened = await Database.open(tenant_dsn, max_size=6)
    await migrate(opened, read_migrations("nakadachi.ledger", part="log", folder="log_sql"))
    yield opened
    await opened.close()


@pytest.fixture
async def heads_database(tenant_dsn):
    opened = await Database.open(tenant_dsn, max_size=4)
    await migrate(opened, read_migrations("nakadachi.ledger", part="heads", folder="heads_sql"))
    yield opened
    await opened.close()


@pytest.fixture
def clock():
    return FixedClock(datetime(2026, 4, 1, 1, tzinfo=UTC))


@pytest.fixture
async def begin(log_database, clock):
    """Starts a holder of the log; all are stopped after the test."""
    begun = []

    async def start(holder="one", origin=ORIGIN, **how):
        signer = NoteSigner.from_seed(origin, bytes(32))
        one = Log(origin=origin, signer=signer, database=log_database, clock=clock, holder=holder)
        await one.start(**how)
        begun.append(one)
        return one

    yield start
    for one in begun:
        await one.stop()


@pytest.fixture
def log_of(clock):
    """Makes a log of a database, not begun yet."""

    def make(database, holder="one", origin=ORIGIN):
        signer = NoteSigner.from_seed(origin, bytes(32))
        return Log(origin=origin, signer=signer, database=database, clock=clock, holder=holder)

    return make
