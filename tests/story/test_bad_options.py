"""What an existing system says beside a file is refused where no record can keep it, and nothing else happens."""

from __future__ import annotations

import json

import pytest

from tests.invented import AOBA, TSUBAKI
from tests.story.people import HANA
from tests.world import Land, inquiry_line

pytestmark = pytest.mark.asyncio(loop_scope="module")
SERIAL = f"{AOBA.value}-01JQZZZZZZZZZZZZZZZZZZZZZZ"


@pytest.mark.parametrize("name", ["terminal", "purpose", "case_number", "staff", "department", "order"])
@pytest.mark.parametrize("value", ["a\0b", "長" * 5000])
async def test_an_option_that_no_record_can_keep_is_named_and_nothing_is_asked(
    land: Land, name: str, value: str
) -> None:
    await land.quiet()
    before = await land.states()
    file = inquiry_line(HANA.at(TSUBAKI), AOBA).encode()
    for path, body in (("inquiries", file), (f"inquiries/{SERIAL}/cancel", b""), (f"held/{SERIAL}/answer", b"")):
        status, text = await land.desk(TSUBAKI, "POST", path, body, **{name: value})
        told = json.loads(text)
        assert (status, told["type"]) == (400, "BAD_FORMAT")
        assert told["detail"].startswith(f"{name}: ")
        assert told["detail_ja"].startswith(name)
        assert value not in text
    assert await land.states() == before
