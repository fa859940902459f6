"""A network keeps the way of its founding to make link codes: its core does not start with another."""

from __future__ import annotations

from pathlib import Path

import pytest

from nakadachi.kit.config import ConfigError
from nakadachi.kit.postgres import PostgresServer
from nakadachi.terms import Role
from tests.invented import AOBA, TSUBAKI
from tests.story.people import EVERYBODY, HANA, settle
from tests.story.play import Play, good
from tests.world import a_country


@pytest.mark.slow
@pytest.mark.parametrize(("scheme", "other", "first"), [("table", "reversible", 3), ("reversible", "table", 2)])
async def test_a_core_of_one_scheme_does_not_start_with_the_other_and_goes_on_with_its_own(
    postgres: PostgresServer, open_directory: Path, scheme: str, other: str, first: int
) -> None:
    async with a_country(postgres, open_directory, EVERYBODY, scheme=scheme) as land:
        await settle(land)
        play = Play(land)
        before = [await play.code(organisation, HANA) for organisation in (AOBA, TSUBAKI)]
        assert [code.to_bytes()[0] for code in before] == [first, first]
        core = land.plan.of(Role.CORE)
        config = land.country.folder / core.folder / core.instances[0].config
        own = config.read_text(encoding="utf-8")
        await land.quiet()
        await land.country.stop_one(core.name)
        config.write_text(own.replace(f'scheme = "{scheme}"', f'scheme = "{other}"'), encoding="utf-8")
        with pytest.raises(ConfigError, match=f'write scheme = "{scheme}" into the core\'s configuration'):
            await land.country.start_one(core, land.world)
        config.write_text(own, encoding="utf-8")
        await (await land.country.start_one(core, land.world)).announce()
        good(await land.ask(HANA.at(TSUBAKI)))
        assert [await play.code(organisation, HANA) for organisation in (AOBA, TSUBAKI)] == before
