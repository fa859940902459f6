"""Who may read how a system fares: the core's view, metrics over the door, and on its machine without a certificate."""

from __future__ import annotations

import aiohttp
import pytest

from nakadachi.country.founding import CONFIG
from nakadachi.terms import Role
from tests.faring import told
from tests.invented import AOBA, TSUBAKI
from tests.tap import free_ports
from tests.world import Land

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_the_cores_view_is_for_the_core_and_the_commission(new_land: Land) -> None:
    core = new_land.name(Role.CORE)
    readers = {name: (await told(new_land, core, "/operation", by=name))[0] for name in new_land.country.services}
    assert {name.role for name, status in readers.items() if status == 200} == {Role.CORE, Role.COMMISSION}
    assert set(readers.values()) == {200, 403}


async def test_metrics_are_not_for_other_organisations(new_land: Land) -> None:
    own, other = new_land.name(Role.INTERFACE, TSUBAKI), new_land.name(Role.INTERFACE, AOBA)
    assert (await told(new_land, own, "/metrics", by=new_land.name(Role.INTERMEDIATE, TSUBAKI)))[0] == 200
    assert (await told(new_land, own, "/metrics"))[0] == 200
    assert (await told(new_land, own, "/metrics", by=other))[0] == 403


async def test_a_node_shows_its_metrics_on_its_own_machine_where_it_is_told_to(new_land: Land) -> None:
    name, port = new_land.name(Role.INTERFACE, AOBA), free_ports(1)
    config = new_land.country.folder / new_land.plan.place(name).folder / CONFIG
    config.write_text(f'{config.read_text(encoding="utf-8")}metrics = "127.0.0.1:{port}"\n', encoding="utf-8")
    await new_land.country.stop_one(name)
    service = await new_land.country.start_one(new_land.plan.place(name), new_land.world)
    await service.announce()
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session, session.get("/metrics") as answer:
        assert f'nakadachi_build_info{{node="{name}"' in await answer.text()
    await new_land.country.stop_one(name)
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
        with pytest.raises(aiohttp.ClientConnectorError):
            await session.get("/metrics")
