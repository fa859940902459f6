"""The operator's commands for trails, at the door of a running Commission system: what they say, and end with."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest
from typer.testing import CliRunner

from nakadachi.cli import app
from nakadachi.commission.reconciling import GRACE
from nakadachi.country.founding import CONFIG
from nakadachi.terms import Role
from tests.faring import told
from tests.invented import AOBA, PENSION, TSUBAKI
from tests.story.people import HANA
from tests.trails import hand_over, reconcile
from tests.world import Land

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def command(land: Land, *words: str) -> tuple[int, str, str]:
    """Exit status, output, errors; in a thread, for the country runs in ours."""
    config = land.country.folder / land.plan.of(Role.COMMISSION).folder / CONFIG
    ended: Any = await asyncio.to_thread(CliRunner().invoke, app, [*words, "--config", str(config)])
    return ended.exit_code, ended.stdout, ended.stderr


async def test_before_anything_came_the_commands_say_so(land: Land) -> None:
    assert await command(land, "reconcile") == (0, "証跡はまだありません / No trail has come yet\n", "")
    status, said, _ = await command(land, "trails")
    assert status == 0
    assert land.name(Role.CORE).value in said
    status, said, _ = await command(land, "trails", "--json")
    assert {row["entries"] for row in json.loads(said)} == {0}
    status, _, why = await command(land, "trails", "--ask", land.name(Role.CORE).value)
    assert status == 1
    assert "it never handed over a trail" in why


async def test_what_came_is_listed_and_what_does_not_agree_is_shown_with_its_evidence(land: Land) -> None:
    good, bad = [await land.ask(HANA.at(TSUBAKI)) for _ in range(2)]
    assert good.serial is not None
    assert bad.serial is not None
    await land.quiet()
    provider = land.name(Role.INTERMEDIATE, AOBA)
    gone = "DELETE FROM trail_pending WHERE serial = $1 RETURNING 1"
    assert await land.rows(provider, gone, bad.serial.value)
    await hand_over(land)
    await reconcile(land)
    status, said, _ = await command(land, "reconcile")
    assert (status, "all that is reconciled agrees" in said) == (0, True)
    land.clock.ahead += GRACE + timedelta(seconds=1)
    await reconcile(land)
    status, said, _ = await command(land, "reconcile")
    assert status == 1
    assert bad.serial.value in said
    assert "欠落 / missing、提供者 / provider" in said
    status, said, _ = await command(land, "reconcile", "--serial", bad.serial.value)
    assert status == 1
    assert land.name(Role.CORE).value in said
    status, said, _ = await command(land, "reconcile", "--serial", good.serial.value, "--json")
    assert status == 0
    (one,) = json.loads(said)["exchanges"]
    assert one["verdict"] == "complete"
    assert {each["side"] for each in one["entries"]} == {"core", "inquirer", "provider"}
    status, said, _ = await command(land, "trails", "--json")
    entries = {row["author"]: row["entries"] for row in json.loads(said)}
    assert entries[land.name(Role.CORE).value] == 6
    assert entries[land.name(Role.INTERMEDIATE, PENSION).value] == 0
    status, said, _ = await command(land, "trails", "--ask", provider.value)
    assert (status, "its trail is asked for from number 1 on" in said) == (0, True)


async def test_an_exchange_that_nobody_told_of_is_named_as_such(land: Land) -> None:
    status, said, _ = await command(land, "reconcile", "--serial", f"{TSUBAKI.value}-01KN2J9Z80F0G0000000000001")
    assert (status, said) == (1, "その処理通番の証跡はありません / There is no trail of such an exchange\n")
    status, _, why = await command(land, "reconcile", "--serial", "x")
    assert status == 2
    assert "a serial is" in why


@pytest.mark.parametrize("path", ["/trails", "/reconciliation"])
async def test_nobody_but_the_commission_opens_its_doors(land: Land, path: str) -> None:
    for by in (land.name(Role.CORE), land.name(Role.INTERFACE, AOBA)):
        status, _ = await told(land, land.name(Role.COMMISSION), path, by)
        assert status >= 400
    status, _ = await land.send(land.name(Role.CORE), land.name(Role.COMMISSION), b"{}", "/trails/wanted")
    assert status >= 400
