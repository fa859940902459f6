"""The Commission's pages stand apart: another door than the nodes', users of their own, added by its operator alone."""

from __future__ import annotations

import asyncio
import json

import aiohttp
import pytest
from typer.testing import CliRunner

from nakadachi.cli import app
from nakadachi.terms import Role
from tests.world import Land

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_the_cores_certificate_opens_no_page(new_land: Land):
    core, commission = new_land.name(Role.CORE), new_land.name(Role.COMMISSION)
    for path in ("/overview", "/users", "/login", "/operations"):
        assert (await new_land.send(core, commission, b"", path))[0] == 404
    async with aiohttp.ClientSession() as session:
        for path in ("/overview", "/users", "/operations.csv", "/telegrams", "/status", "/add-checkpoint"):
            async with session.get(f"{new_land.plan.pages}{path}", allow_redirects=False) as answer:
                assert answer.status == (404 if path in {"/telegrams", "/status", "/add-checkpoint"} else 303)
                assert answer.headers.get("location", "/login").startswith("/login")


async def test_the_first_user_is_made_by_a_command_and_no_password_passes_it(new_land: Land):
    place = new_land.plan.of(Role.COMMISSION)
    config = ["--config", str(new_land.country.folder / place.folder / "config.toml")]

    async def run(*words: str):
        return await asyncio.to_thread(CliRunner().invoke, app, ["commission", "user", *words, *config])

    assert "まだ" in (await run("list")).stdout or "no users yet" in (await run("list")).stdout
    added = await run("add", "sato", "--role", "administrator")
    assert added.exit_code == 0, added.output
    link = next(word for word in added.stdout.split() if word.startswith(f"{new_land.plan.pages}/setup/"))
    async with aiohttp.ClientSession() as session, session.get(link) as answer:
        assert answer.status == 200
    again = await run("add", "sato", "--role", "officer")
    assert (again.exit_code, "given before" in again.output) == (2, True)
    assert (await run("add", "mori", "--role", "king")).exit_code == 2
    assert (await run("link", "sato")).exit_code == 0
    async with aiohttp.ClientSession() as session, session.get(link) as answer:
        assert answer.status == 404
    assert (await run("remove", "sato")).exit_code == 0
    listed = json.loads((await run("list", "--json")).stdout)
    assert [(one["name"], one["role"], one["state"]) for one in listed] == [("sato", "administrator", "Removed")]
    rows = await new_land.rows(place.name, "SELECT name, action, about FROM page_operation ORDER BY number")
    assert [(row["name"], row["about"]) for row in rows] == [
        ("(operator)", "sato added as administrator"),
        ("(operator)", "sato given a new link"),
        ("(operator)", "sato removed"),
    ]
