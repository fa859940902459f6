"""Law book and directory: only what both signed, never an older one, never two of one version."""

from dataclasses import replace
from datetime import date

import pytest

from nakadachi.kit.database import Database
from nakadachi.kit.migrations import migrate, read_migrations
from nakadachi.ledger.edition import DIRECTORY, LAWBOOK, sign_document
from nakadachi.refusal import Reason, Refusal


@pytest.fixture
async def database(tenant_dsn):
    opened = await Database.open(tenant_dsn, max_size=2)
    await migrate(opened, read_migrations("nakadachi.ledger", part="ledger", folder="sql"))
    yield opened
    await opened.close()


@pytest.fixture
def note(network):
    """Signs a document, by both unless told otherwise."""
    return lambda document, *signers: sign_document(document.to_bytes(), *(signers or network.documents))


def refused(reason, act, *arguments):
    with pytest.raises(Refusal) as wrong:
        act(*arguments)
    assert wrong.value.reason is reason, wrong.value


def versions(edition):
    return edition.lawbook.version, edition.directory.version


@pytest.mark.parametrize(("law", "listed"), [(2, 2), (3, 1), (1, 3), (1, 1)])
def test_a_newer_pair_or_half_of_it_is_used(network, note, law, listed):
    edition = network.edition()
    pair = note(network.law(law)), note(network.directory(listed))
    edition.use(*pair)
    assert versions(edition) == (law, listed)
    assert edition.notes == {LAWBOOK: pair[0], DIRECTORY: pair[1]}
    assert edition.directory is edition.peers.directory


@pytest.mark.parametrize(("law", "listed"), [(4, 5), (5, 4), (9, 4), (4, 9), (1, 1)])
def test_an_older_one_is_refused_even_beside_a_newer(network, note, law, listed):
    edition = network.edition(network.law(5), network.directory(5))
    before = dict(edition.notes)
    refused(Reason.VERSION_TOO_OLD, edition.use, note(network.law(law)), note(network.directory(listed)))
    assert (versions(edition), edition.notes) == ((5, 5), before)


def test_two_documents_of_one_version_are_refused(network, note):
    edition = network.edition()
    law, listed = note(network.law()), note(network.directory())
    other_law = note(replace(network.law(), effective=date(2026, 5, 1)))
    other_directory = note(network.directory(witnesses=()))
    refused(Reason.BAD_SIGNATURE, edition.use, other_law, listed)
    refused(Reason.BAD_SIGNATURE, edition.use, law, other_directory)
    assert edition.directory.witness_keys()
    edition.use(law, listed)


@pytest.mark.parametrize("lacking", [0, 1])
@pytest.mark.parametrize("which", [LAWBOOK, DIRECTORY])
def test_both_signatures_are_needed_on_both_documents(network, note, lacking, which):
    edition = network.edition()
    pair = {LAWBOOK: network.law(2), DIRECTORY: network.directory(2)}
    signed = {
        kind: note(document, *([network.documents[1 - lacking]] if kind == which else []))
        for kind, document in pair.items()
    }
    refused(Reason.BAD_SIGNATURE, edition.use, signed[LAWBOOK], signed[DIRECTORY])
    assert versions(edition) == (1, 1)


def test_a_changed_document_is_refused(network, note):
    changed = note(network.law(2)).replace(b'"version":2', b'"version":3')
    refused(Reason.BAD_SIGNATURE, network.edition().use, changed, note(network.directory()))


@pytest.mark.parametrize("raw", [b"", b"{}", b"\xff\xff", b"{}\n\n"])
def test_bytes_that_are_no_document_are_refused(network, note, raw):
    edition = network.edition()
    refused(Reason.BAD_FORMAT, edition.use, raw, note(network.directory()))
    refused(Reason.BAD_FORMAT, edition.use, note(network.law()), raw)


def test_a_signed_document_of_the_wrong_kind_is_refused(network, note):
    refused(Reason.BAD_FORMAT, network.edition().use, note(network.directory(2)), note(network.law(2)))


def test_judging_changes_nothing(network, note):
    edition = network.edition()
    law, listed = edition.judge(note(network.law(2)), note(network.directory(3)))
    assert (law.version, listed.version, versions(edition)) == (2, 3, (1, 1))


def test_a_new_directory_brings_its_keys_and_the_same_one_keeps_them(network, note):
    edition = network.edition()
    (node,) = (one.name for one in edition.directory.nodes if one.name.role == "core")
    known = edition.peers.keys(node)
    edition.use(note(network.law(2)), note(network.directory()))
    assert edition.peers.keys(node) is known
    edition.use(note(network.law(2)), note(network.directory(2, without=(node,))))
    refused(Reason.BAD_SIGNATURE, edition.peers.keys, node)


async def kept(database, edition, now):
    async with database.transaction() as connection:
        await edition.keep(connection, now)


async def restored(database, edition):
    async with database.acquire() as connection:
        await edition.restore(connection)
    return versions(edition)


async def test_a_restart_begins_with_the_newest_kept(network, note, database):
    edition = network.edition()
    for law, listed in ((2, 2), (3, 2), (10, 9)):
        edition.use(note(network.law(law)), note(network.directory(listed)))
        await kept(database, edition, network.now)
    assert await restored(database, network.edition()) == (10, 9)


async def test_where_nothing_is_kept_it_begins_with_what_it_was_given(network, database):
    assert await restored(database, network.edition()) == (1, 1)


async def test_what_it_was_given_counts_where_it_is_newer(network, note, database):
    edition = network.edition()
    edition.use(note(network.law(4)), note(network.directory(2)))
    await kept(database, edition, network.now)
    assert await restored(database, network.edition(network.law(2), network.directory(6))) == (4, 6)
    assert await restored(database, network.edition(network.law(7), network.directory(6))) == (7, 6)


async def test_what_is_kept_is_kept_once(network, database):
    edition = network.edition()
    await kept(database, edition, network.now)
    await kept(database, edition, network.now)
    async with database.acquire() as connection:
        assert await connection.fetchval("SELECT count(*) FROM edition") == 2


async def test_what_was_changed_in_the_database_is_not_believed(network, note, database):
    edition = network.edition()
    edition.use(note(network.law(2)), note(network.directory(2)))
    await kept(database, edition, network.now)
    forged = sign_document(network.directory(8).to_bytes(), network.documents[0])
    async with database.acquire() as connection:
        await connection.execute("INSERT INTO edition VALUES ('directory', 8, $1, $2)", forged, network.now)
    fresh = network.edition()
    with pytest.raises(Refusal) as wrong:
        await restored(database, fresh)
    assert (wrong.value.reason, versions(fresh)) == (Reason.BAD_SIGNATURE, (1, 1))
