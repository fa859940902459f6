"""The operator's commands for keys, at the door of a running core: what they say, and what they end with."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from typer.testing import CliRunner

from nakadachi.cli import app
from nakadachi.country.founding import CONFIG
from nakadachi.terms import Role
from tests.invented import AOBA, PENSION, TSUBAKI
from tests.story.people import HANA
from tests.story.play import Play, good
from tests.story.rotating import confirmed, held_up

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def core(play: Play, *words: str, role: Role = Role.CORE) -> tuple[int, str, str]:
    """One of the commands `nakadachi core`: exit status, output, errors; in a thread, for the country runs in ours."""
    config = (
        play.land.country.folder / play.land.plan.of(role, TSUBAKI if role is not Role.CORE else None).folder / CONFIG
    )
    ended: Any = await asyncio.to_thread(CliRunner().invoke, app, ["core", *words, "--config", str(config)])
    return ended.exit_code, ended.stdout, ended.stderr


async def test_a_key_is_replaced_watched_listed_and_retired_by_command(play: Play) -> None:
    status, said, _ = await core(play, "rotate", "--organisation", TSUBAKI.value, "--wait")
    assert status == 0
    assert (
        f"{TSUBAKI}: 鍵番号 2 への更新を始めました、5 人 / the replacement by key index 2 has begun for 5 people"
        in said
    )
    assert "全員の新しい符号が確認されました / everybody's new code is confirmed" in said
    status, said, _ = await core(play, "keys")
    assert status == 0
    lines = [line.split() for line in said.splitlines() if TSUBAKI.value in line]
    assert [line[1] for line in lines] == ["1", "2"]
    assert "更新中 / next" in said
    assert "5 / 5" in said
    good(await play.land.ask(HANA.at(TSUBAKI)))
    status, said, _ = await core(play, "retire", "--organisation", TSUBAKI.value)
    assert (status, said) == (
        0, f"{TSUBAKI}: 旧鍵を失効させました、現用は鍵番号 2 / the former key is retired; key index 2 is in use\n",
    )  # fmt: skip
    status, said, _ = await core(play, "keys", "--json")
    states = {row["key_index"]: row["state"] for row in json.loads(said) if row["organisation"] == TSUBAKI.value}
    assert states == {1: "retired", 2: "current"}
    good(await play.land.ask(HANA.at(TSUBAKI)))


async def test_what_cannot_be_done_is_told_with_what_to_do(play: Play) -> None:
    async with held_up(play.land):
        assert (await core(play, "rotate", "--organisation", AOBA.value))[0] == 0
        status, _, why = await core(play, "rotate", "--organisation", AOBA.value)
        assert status == 1
        assert "only --emergency, after a compromise, overtakes it" in why
        status, _, why = await core(play, "retire", "--organisation", AOBA.value)
        assert status == 1
        assert "4 people's new codes are not confirmed" in why
    await confirmed(play.land, AOBA)
    status, _, why = await core(play, "rotate", "--organisation", "9999999999999999")
    assert status == 1
    assert "the directory lists no intermediate server of that organisation" in why
    status, _, why = await core(play, "retire", "--organisation", PENSION.value)
    assert status == 1
    assert "there is no key to retire" in why
    status, _, why = await core(play, "rotate", "--organisation", "Tsubaki")
    assert status == 2
    assert "an organisation code is 16 digits" in why


async def test_a_secret_that_is_not_there_is_named_before_anything_is_changed(play: Play) -> None:
    before, rotating = await play.land.state(play.core), play.parts(play.core).rotating
    master = rotating.master
    object.__setattr__(rotating, "master", "link-master-9")  # as if it were configured so
    try:
        status, _, why = await core(play, "rotate", "--organisation", PENSION.value)
    finally:
        object.__setattr__(rotating, "master", master)
    assert status == 1
    assert "the secret that the configuration names as rotation.master is not in the core's key store" in why
    assert (await play.land.state(play.core))["rotation"] == before["rotation"]


async def test_a_core_that_does_not_run_is_said_not_to(play: Play) -> None:
    status, _, why = await core(play, "keys", "--url", "https://127.0.0.1:1")
    assert status == 2
    assert "コアが応答しません / the core does not answer (nothing listens there)" in why
