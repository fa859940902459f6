"""A country whose permits wait for the Commission: not even the first exchange passes under a forked tree (0031)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from nakadachi.core import witnessing
from nakadachi.crypto.notes import NoteVerifier
from nakadachi.kit.postgres import PostgresServer
from nakadachi.ledger.checkpoint import open_checkpoint
from nakadachi.refusal import Reason
from nakadachi.telegrams.envelope import Pending
from nakadachi.terms import Role
from tests.invented import TSUBAKI
from tests.story.liar import found_by
from tests.story.people import EVERYBODY, HANA, settle
from tests.story.play import Play, good
from tests.story.test_lying_log import forget, forked, with_head
from tests.world import Land, a_country

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def land(postgres: PostgresServer, open_directory: Path) -> AsyncIterator[Land]:
    async with a_country(postgres, open_directory, EVERYBODY, covered=True) as land:
        await settle(land)
        yield land


@pytest.fixture
def hands(land: Land) -> Play:
    return Play(land)


async def test_a_permit_is_proven_in_a_tree_that_the_commission_cosigned(hands: Play) -> None:
    one = await hands.permitted()
    directory = hands.parts(hands.server).edition.directory
    witnesses = [NoteVerifier.from_vkey(key) for key in directory.witness_keys()]
    origin = hands.parts(hands.core).log.origin
    log = NoteVerifier.from_vkey(directory.log_key(origin))
    names = {one.name for one in witnesses}
    note = one.permit.checkpoint.encode()
    signed = open_checkpoint(note, [log, *witnesses], origin, cosigners=names)  # raises where one is lacking
    assert signed.checkpoint.size > one.permit.index


async def test_an_inquiry_is_answered_as_ever(land: Land) -> None:
    good(await land.ask(HANA.at(TSUBAKI)))


async def test_a_tree_that_nobody_can_compare_is_refused_at_the_first_exchange_under_it(hands: Play) -> None:
    """Both of the provider's systems saw nothing before, and the log's key signed: only the cosignature is lacking."""
    head = hands.parts(hands.core).head[0].encode()
    other = await forked(hands, await hands.permitted())
    forget(hands)
    assert await hands.at_the_provider(with_head(hands, other, head)) == {Reason.NO_WITNESS.value}
    for name in (hands.other_interface, hands.other_server):
        assert ("HEAD_INVALID", hands.core.value) in await found_by(hands.land, name)
    assert await hands.land.rows(hands.other_server, "SELECT FROM record WHERE serial = $1", other.serial.value) == []
    forget(hands)


async def test_without_the_commission_no_permit_is_given_and_with_it_again_the_same_request_gets_one(
    land: Land, hands: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(_self: Any) -> None:
        raise witnessing.Unreachable("the Commission is away")

    serial, code = await hands.serial(), await hands.code(TSUBAKI)
    await hands.check_prefix(serial)
    asked = hands.request_permit(serial, code)
    with monkeypatch.context() as patched:
        patched.setattr(witnessing.Witnessing, "_cosign", away)
        (answer,) = await land.hand(hands.interface, hands.core, asked.envelope)
        assert isinstance(answer.header, Pending)
    (answer,) = await land.hand(hands.interface, hands.core, asked.envelope)
    outcome = answer.header.outcomes[0]
    assert (outcome.serial, outcome.refused) == (serial, None)
    assert land.name(Role.COMMISSION) in land.country.services
