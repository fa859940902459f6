"""Address, origin and certificate of the pages fit together, or the system does not start."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nakadachi.kit.config import ConfigError
from nakadachi.kit.web import staff
from tests.unit.kit.web.asked import CONFIG, asked


@pytest.mark.parametrize(
    "origin", ["https://pages.example/", "http://127.0.0.1:7480", "http://localhost:7480/", "localhost:7480"]
)
async def test_an_origin_that_browsers_would_not_show_is_refused(tenant_dsn, tmp_path, origin):
    async with asked(tenant_dsn, tmp_path) as desk:
        with pytest.raises(ConfigError, match=r"pages\.origin"):
            staff.door(desk.site, replace(CONFIG, origin=origin))


async def test_over_tls_browsers_are_told_to_come_that_way_only(tenant_dsn, tmp_path):
    config = replace(CONFIG, origin="https://localhost:7480")
    async with asked(tenant_dsn, tmp_path, config=config) as desk:
        assert (await desk.get("/login")).header("strict-transport-security").startswith("max-age=")
