"""最低版: a node below the directory's minimum version exchanges with nobody, and everybody sees why (L9, C9)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio

from nakadachi import OLDEST_PEER, __version__
from nakadachi.country.overview import Row, ask_core, ask_each, complaints
from nakadachi.crypto.signing import SigningKey
from nakadachi.health.reporter import Reporter
from nakadachi.kit.client import MEDIA_TYPE, VERSION_HEADER
from nakadachi.kit.config import ConfigError
from nakadachi.kit.tls import client_context
from nakadachi.ledger.edition import sign_document
from nakadachi.refusal import Reason, Refusal
from nakadachi.telegrams.codec import decode_frame, encode_frame
from nakadachi.telegrams.envelope import Received
from nakadachi.telegrams.inquiry import Noted
from nakadachi.telegrams.oversight import Operation, ReportOperation
from nakadachi.terms import NodeName, Role
from tests.invented import AOBA, TSUBAKI
from tests.story.editions import distribute, edition, signers
from tests.story.people import HANA
from tests.story.private_bodies import law
from tests.story.test_faring import PERIOD
from tests.world import Land, reason_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

SIDED = pytest.mark.parametrize("role", [Role.INTERFACE, Role.INTERMEDIATE])


async def minimum(land: Land, version: str) -> None:
    """A directory with another minimum version, in use everywhere."""
    await distribute(land, edition(land, listed=1, minimum_peer_version=version))


@pytest_asyncio.fixture(loop_scope="module")
async def let_in_again(land: Land) -> AsyncIterator[None]:
    """Afterwards the oldest peer is let in again, and everybody has said what they run."""
    yield
    await minimum(land, OLDEST_PEER)
    for role in (Role.INTERFACE, Role.INTERMEDIATE):
        await say(land, land.name(role, AOBA))


async def say(land: Land, name: NodeName) -> None:
    """A system says what it really runs."""
    service = land.service(name)
    await Reporter(service.system, service.node.health, PERIOD).say()


async def says_of_itself(land: Land, role: Role, version: str) -> Received:
    """A system of Aoba's says that it started in another version; its word reaches the core through its interface."""
    interface, core = land.name(Role.INTERFACE, AOBA), land.name(Role.CORE)
    words = {"at": land.clock.now(), "software": version, "lawbook": 1, "directory": 1}
    telegram = land.author(land.name(role, AOBA)).write(ReportOperation, to=core, operation=Operation.STARTED, **words)
    headers = {"Content-Type": MEDIA_TYPE, VERSION_HEADER: __version__}
    status, body = await land.send(interface, core, encode_frame([telegram.envelope]), headers=headers)
    assert status == 200, body
    (answer,) = decode_frame(body)
    return answer


async def told_by_the_core(land: Land) -> list[Row]:
    folder = land.country.folder / land.plan.of(Role.CORE).folder
    context = client_context(folder / "tls.crt", folder / "tls.key", land.country.folder / "authority.crt")
    return await ask_core(context, land.plan.of(Role.CORE), land.clock)


@SIDED
@pytest.mark.usefixtures("let_in_again")
async def test_a_provider_below_the_minimum_version_is_not_asked_until_it_is_upgraded(land: Land, role: Role) -> None:
    name = land.name(role, AOBA)
    assert isinstance((await says_of_itself(land, role, OLDEST_PEER)).header, Noted)
    assert (await land.ask(HANA.at(TSUBAKI))).status == "answered"
    await minimum(land, __version__)
    told = await land.ask(HANA.at(TSUBAKI))
    assert (told.status, told.reason) == ("refused", Reason.PROVIDER_STOPPED.value)
    old = [one for one in complaints(await told_by_the_core(land)) if "is too old" in one.english]
    assert [(one.node, one.wrong) for one in old] == [(name.value, True)]
    await say(land, name)
    assert (await land.ask(HANA.at(TSUBAKI))).status == "answered"
    assert not [one for one in complaints(await told_by_the_core(land)) if "is too old" in one.english]


@pytest.mark.usefixtures("let_in_again")
async def test_the_word_of_a_node_below_the_minimum_is_refused_and_yet_kept_for_all_to_see(land: Land) -> None:
    await minimum(land, __version__)
    name = land.name(Role.INTERMEDIATE, AOBA)
    assert reason_of(await says_of_itself(land, Role.INTERMEDIATE, OLDEST_PEER)) is Reason.VERSION_TOO_OLD
    (row,) = [row for row in await told_by_the_core(land) if row["node"] == name.value]
    assert row["version"] == OLDEST_PEER
    assert (await land.ask(HANA.at(TSUBAKI))).reason == Reason.PROVIDER_STOPPED.value


@pytest.mark.usefixtures("let_in_again")
async def test_an_inquirer_below_the_minimum_is_refused_at_the_door(land: Land) -> None:
    """A version that does not name itself is the one before the header."""
    sender, to = land.name(Role.INTERMEDIATE, TSUBAKI), land.name(Role.INTERFACE, TSUBAKI)
    for headers, least, status, reason in (
        ({}, OLDEST_PEER, 400, Reason.BAD_FORMAT),
        ({}, __version__, 426, Reason.VERSION_TOO_OLD),
        ({VERSION_HEADER: __version__}, __version__, 400, Reason.BAD_FORMAT),
    ):
        await minimum(land, least)
        # No telegrams are in it, so that a good version is refused too, but for its form.
        found, body = await land.send(sender, to, b"", headers={"Content-Type": MEDIA_TYPE} | headers)
        assert (found, json.loads(body)["type"]) == (status, reason.value)


async def test_every_system_says_what_the_minimum_is_and_none_of_ours_is_below_it(land: Land) -> None:
    folder = land.country.folder / land.plan.of(Role.CORE).folder
    context = client_context(folder / "tls.crt", folder / "tls.key", land.country.folder / "authority.crt")
    rows = await ask_each(context, land.plan, land.clock)
    assert {row["minimum_version"] for row in rows} == {OLDEST_PEER}
    assert not [one for one in complaints(rows) if "is too old" in one.english]


async def test_a_directory_that_nodes_of_its_minimum_version_could_not_read_is_not_distributed(land: Land) -> None:
    name = land.name(Role.INTERMEDIATE, AOBA)
    now = land.service(land.name(Role.CORE)).node.edition.directory
    former = (SigningKey.generate().public.spki,)
    nodes = tuple(
        msgspec.structs.replace(one, former_signing_keys=former) if one.name == name else one for one in now.nodes
    )
    with pytest.raises(Refusal) as refused:
        await distribute(land, edition(land, listed=1, nodes=nodes))
    assert refused.value.reason is Reason.BAD_FORMAT
    assert "former_signing_keys" in refused.value.detail
    await distribute(land, edition(land, listed=1, nodes=nodes, minimum_peer_version=__version__))
    await distribute(land, edition(land, listed=1, nodes=now.nodes, minimum_peer_version=OLDEST_PEER))


async def test_a_law_book_with_private_bodies_waits_until_every_node_that_is_let_in_can_read_it(
    land: Land, tmp_path: Path
) -> None:
    """The mark, the kind and the table of private bodies are of 0.2.0 (R7)."""
    core = land.plan.of(Role.CORE)
    now = land.service(core.name).node.edition.lawbook
    book = law(tmp_path / "book", now.version + 1)
    note = sign_document(book.to_bytes(), *signers(land))
    same, raised = edition(land)[1], edition(land, listed=1, minimum_peer_version=__version__)[1]
    with pytest.raises(Refusal) as refused:
        await distribute(land, (note, same))
    assert refused.value.reason is Reason.BAD_FORMAT
    assert "raise the minimum first" in refused.value.detail

    # Nor does a core start with what it may not hand out.
    given = land.country.folder / "lawbook.note"
    former = given.read_bytes()
    await land.quiet()
    await land.country.stop_one(core.name)
    given.write_bytes(note)
    with pytest.raises(ConfigError, match="raise the minimum first"):
        await land.country.start_one(core, land.world)
    given.write_bytes(former)
    await (await land.country.start_one(core, land.world)).announce()

    await distribute(land, (note, raised))
    held = {land.service(name).node.edition.lawbook.version for name in land.country.services}
    assert held == {book.version}
    with pytest.raises(Refusal) as refused:
        await minimum(land, OLDEST_PEER)
    assert "private bodies" in refused.value.detail
    back = sign_document(replace(now, version=now.version + 2).to_bytes(), *signers(land))
    await distribute(land, (back, edition(land, listed=1, minimum_peer_version=OLDEST_PEER)[1]))
    assert (await land.ask(HANA.at(TSUBAKI))).status == "answered"
