"""A request of an existing system that comes again, to whichever of two instances, begins no second inquiry (N3)."""

from __future__ import annotations

import asyncio
import json

import pytest

from nakadachi.refusal import Reason
from nakadachi.terms import Serial
from tests.invented import AOBA, TSUBAKI
from tests.story.pair import Pair
from tests.story.people import HANA, KENJI, SUMI, TARO
from tests.story.play import Play
from tests.world import inquiry_line, told

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]

FILE = "".join(inquiry_line(one.at(TSUBAKI), AOBA) for one in (HANA, SUMI, KENJI)).encode()


async def serials_of(pair: Pair, number: int, key: str, body: bytes = FILE) -> list[tuple[str, Serial | None]]:
    status, text = await pair.desk(number, TSUBAKI, "inquiries", body, key=key, lane="interactive")
    assert status == 200, text
    return [(one.status, one.serial) for one in map(told, text.splitlines())]


async def test_a_request_that_comes_again_begins_no_second_inquiry(pair: Pair, hands: Play) -> None:
    count = "SELECT count(*) AS count FROM inquiry"
    before = (await pair.land.rows(hands.server, count))[0]["count"]
    one, other = await asyncio.gather(*(serials_of(pair, number, '"request-0001"') for number in (1, 2)))
    assert one == other
    assert [status for status, _ in one] == ["answered", "refused", "refused"]
    assert await serials_of(pair, 2, '"request-0001"') == one
    assert (await pair.land.rows(hands.server, count))[0]["count"] == before + 3
    # Another number asks anew.
    assert {serial for _, serial in await serials_of(pair, 1, '"request-0002"')}.isdisjoint(serial for _, serial in one)


@pytest.mark.parametrize("order", ["", "july"])
async def test_a_file_in_bulk_at_both_instances_at_once_asks_each_line_once(
    pair: Pair, hands: Play, order: str
) -> None:
    """By the request's number, and by the order's name where it has one."""
    count = "SELECT count(*) AS count FROM inquiry"
    before = (await pair.land.rows(hands.server, count))[0]["count"]
    sent = {"key": f'"request-bulk-{order}"', "lane": "bulk", "order": order}
    asked = (pair.desk(number, TSUBAKI, "inquiries", FILE, **sent) for number in (1, 2))
    one, other = [[told(line) for line in text.splitlines()] for _, text in await asyncio.gather(*asked)]
    assert [result.serial for result in one] == [result.serial for result in other]
    assert [result.status for result in one] == ["answered", "refused", "refused"]
    assert (await pair.land.rows(hands.server, count))[0]["count"] == before + 3


async def test_a_number_of_a_request_stands_for_its_lines_alone(pair: Pair) -> None:
    await serials_of(pair, 1, '"request-0003"')
    other = FILE.replace(HANA.at(TSUBAKI).encode(), TARO.at(TSUBAKI).encode())
    _, text = await pair.desk(2, TSUBAKI, "inquiries", other, key='"request-0003"', lane="interactive")
    first = json.loads(text.splitlines()[0])
    assert (first["status"], first["reason"]) == ("refused", Reason.ALREADY_USED.value)


@pytest.mark.parametrize("key", ["request-0001", '""', '"a b c d e f g h"', '"' + "x" * 65 + '"'])
async def test_a_number_that_is_none_is_refused_before_anything_is_asked(pair: Pair, hands: Play, key: str) -> None:
    count = "SELECT count(*) AS count FROM inquiry"
    before = await pair.land.rows(hands.server, count)
    status, text = await pair.desk(1, TSUBAKI, "inquiries", FILE, key=key)
    assert (status, json.loads(text)["type"]) == (400, Reason.BAD_FORMAT.value)
    assert await pair.land.rows(hands.server, count) == before
