"""Table, directory and keys are renewed while exchanges run, and none of them fails; what is too old is refused."""

from __future__ import annotations

import asyncio
import json
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from nakadachi import __version__
from nakadachi.core.oversight import distribute_edition
from nakadachi.crypto.sealing import SealSuite, new_private
from nakadachi.crypto.signing import SigningKey
from nakadachi.kit.client import MEDIA_TYPE, VERSION_HEADER
from nakadachi.law.directory import Node
from nakadachi.refusal import Reason, Refusal
from nakadachi.terms import NodeName, Role
from tests.invented import AOBA, TSUBAKI
from tests.story.editions import Notes, distribute, edition, new_directory
from tests.story.people import HANA
from tests.world import Land, Told

pytestmark = pytest.mark.asyncio(loop_scope="module")


@asynccontextmanager
async def inquiries_go_on(land: Land) -> AsyncIterator[list[Told]]:
    """Inquiries one after the other as long as the block lasts; what each was told, once it was settled."""
    told: list[Told] = []
    over = asyncio.Event()

    async def ask() -> None:
        while not over.is_set():
            told.append(await land.ask(HANA.at(TSUBAKI)))

    task = asyncio.create_task(ask())
    try:
        yield told
    finally:
        over.set()
        await task
        await land.quiet()
        told[:] = [await land.read(one.serial) if one.serial else one for one in told]


async def spread(land: Land, notes: Notes) -> None:
    """Hand the core a pair of documents, and wait until every organisation's systems use it, whatever else goes on."""
    core = land.service(land.name(Role.CORE))
    await core.system.together(distribute_edition, notes)
    wanted = (core.node.edition.lawbook.version, core.node.edition.directory.version)
    sided = [name for name in land.country.services if name.role in {Role.INTERFACE, Role.INTERMEDIATE}]
    for _ in range(400):
        editions = [land.service(name).node.edition for name in sided]
        if all((one.lawbook.version, one.directory.version) == wanted for one in editions):
            return
        await asyncio.sleep(0.02)
    raise AssertionError("the edition does not spread")


async def renew(land: Land, name: NodeName, **changed: Any) -> None:
    """A directory that lists a node anew, in use everywhere."""
    listed = land.service(land.name(Role.CORE)).node.edition.directory
    nodes = tuple(msgspec.structs.replace(one, **changed) if one.name == name else one for one in listed.nodes)
    await spread(land, edition(land, listed=1, nodes=nodes, minimum_peer_version=__version__))


def listed(land: Land, name: NodeName) -> Node:
    return land.service(land.name(Role.CORE)).node.edition.directory.node(name)


async def restart(land: Land, name: NodeName) -> None:
    await land.country.stop_one(name)
    await (await land.country.start_one(land.plan.place(name), land.world)).announce()


def answered(told: list[Told]) -> bool:
    """All of them, and there were some."""
    return bool(told) and {one.status for one in told} == {"answered"}


async def test_a_new_table_and_a_new_directory_are_taken_up_while_inquiries_go_on(land: Land) -> None:
    async with inquiries_go_on(land) as told:
        for _ in range(3):
            await spread(land, edition(land, law=1))
            await spread(land, edition(land, listed=1))
    assert answered(told)


@pytest.mark.parametrize(
    ("role", "organisation"), [(Role.INTERMEDIATE, AOBA), (Role.INTERFACE, TSUBAKI), (Role.INTERFACE, AOBA)]
)
async def test_a_signing_key_is_renewed_while_inquiries_go_on(land: Land, role: Role, organisation: Any) -> None:
    name = land.name(role, organisation)
    old, new = listed(land, name).signing_key, SigningKey.generate()
    async with inquiries_go_on(land) as told:
        land.service(name).node.keys.put("signing-2", new.to_pem())
        await renew(land, name, signing_key=new.public.spki, former_signing_keys=(old,))
        await asyncio.sleep(0.3)
        assert land.author(name).key.public.spki == old  # what it signs still counts
        await restart(land, name)
        assert land.author(name).key.public.spki == new.public.spki
        await asyncio.sleep(0.3)
    # An immediate answer may have been too late for a system that was restarting; none of them may be lost or refused.
    assert {one.status for one in told} <= {"answered", "refused"}
    assert {one.reason for one in told if one.status == "refused"} <= {Reason.PROVIDER_STOPPED.value}
    assert told[-1].status == "answered"
    await renew(land, name, former_signing_keys=())
    assert (await land.ask(HANA.at(TSUBAKI))).status == "answered"


async def test_a_seal_key_is_renewed_while_inquiries_go_on(land: Land) -> None:
    name, suite = land.name(Role.INTERMEDIATE, AOBA), SealSuite.DEFAULT
    async with inquiries_go_on(land) as told:
        seed = land.world.entropy.bytes(32)
        land.service(name).node.keys.put(f"seal-{suite.value}-2", seed)
        await restart(land, name)
        public = b64encode(new_private(suite, seed).public_bytes).decode()
        await renew(land, name, seal_keys=msgspec.structs.replace(listed(land, name).seal_keys, default=public))
        await asyncio.sleep(0.3)
    assert {one.status for one in told} <= {"answered", "refused"}
    assert {one.reason for one in told if one.status == "refused"} <= {Reason.PROVIDER_STOPPED.value}
    assert (await land.ask(HANA.at(TSUBAKI))).status == "answered"


async def test_the_core_takes_no_directory_that_it_would_itself_be_too_old_for(land: Land) -> None:
    with pytest.raises(Refusal) as refused:
        await distribute(land, edition(land, listed=1, minimum_peer_version="99.0.0"))
    assert refused.value.reason is Reason.VERSION_TOO_OLD
    await new_directory(land, revoked=())


@pytest.mark.parametrize(("version", "status"), [("0.0.9", 426), ("99.0.0", 400), ("", 400), ("new", 400)])
async def test_a_peer_below_the_minimum_version_is_refused_at_the_door(land: Land, version: str, status: int) -> None:
    sender, to = land.name(Role.INTERMEDIATE, TSUBAKI), land.name(Role.INTERFACE, TSUBAKI)
    headers = {"Content-Type": MEDIA_TYPE, VERSION_HEADER: version}
    # No telegrams are in it, so that a good version is refused too, but for its form.
    found, body = await land.send(sender, to, b"", headers=headers)
    assert found == status
    expected = Reason.VERSION_TOO_OLD if status == 426 else Reason.BAD_FORMAT
    assert json.loads(body)["type"] == expected.value


async def test_a_directory_may_raise_the_minimum_and_only_the_older_are_refused(land: Land) -> None:
    now = land.service(land.name(Role.CORE)).node.edition.directory
    assert replace(now, minimum_peer_version="0.1.0").require_version("0.1.0") is None
    with pytest.raises(Refusal):
        replace(now, minimum_peer_version="0.1.1").require_version("0.1.0")


async def test_a_key_that_is_no_longer_listed_signs_for_nobody(land: Land) -> None:
    name = land.name(Role.INTERMEDIATE, AOBA)
    await renew(land, name, signing_key=SigningKey.generate().public.spki, former_signing_keys=())
    told = await land.ask(HANA.at(TSUBAKI))
    assert (told.status, told.reason, told.items) == ("pending", "", {})
