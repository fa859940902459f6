"""The core names the seal suite of every permit, and both ends follow it."""

from __future__ import annotations

from pathlib import Path

import pytest

from nakadachi.kit.postgres import PostgresServer
from nakadachi.telegrams.codec import decode_json
from nakadachi.telegrams.envelope import Verified
from nakadachi.telegrams.inquiry import Inquire
from nakadachi.telegrams.permit import Permit, PermitContent
from tests.invented import TSUBAKI
from tests.story.people import EVERYBODY, HANA, VALUES, settle
from tests.world import a_country


@pytest.mark.slow
@pytest.mark.parametrize(("suite", "size"), [("strict", 1665), ("p256", 65)])
async def test_an_exchange_takes_place_under_the_suite_the_core_names(
    postgres: PostgresServer, open_directory: Path, suite: str, size: int
) -> None:
    async with a_country(postgres, open_directory, EVERYBODY, suite=suite) as land:
        await settle(land)
        told = await land.ask(HANA.at(TSUBAKI))
        assert told.items == {item: {"value": value} for item, value in VALUES.items()}
        await land.quiet()
        (_, asked, _), *_ = land.tap.legs(Inquire, told.serial)
        assert isinstance(asked.header, Inquire)
        (statement,) = asked.header.statements
        permit = decode_json(Verified(asked.header, asked.envelope).part("permit"), Permit)
        assert decode_json(permit.content, PermitContent).suite == suite
        assert (statement.suite, len(statement.body_key)) == (suite, size)
