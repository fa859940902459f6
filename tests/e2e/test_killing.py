"""Whoever dies, when it dies: every accepted inquiry ends, once, and what the ends keep of it agrees."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.e2e.errands import EVERYBODY, NEWCOMERS, Errands
from tests.e2e.evidence import check
from tests.e2e.otherwise import Otherwise
from tests.e2e.points import Point, chosen, lane_of, matrix, name_of, rounds
from tests.e2e.realm import a_realm

ATTEMPTS, LATE_TRIES = 6, 20
PLAYED = {
    "alone": lambda: [(point,) for point in matrix()],
    "whole": lambda: rounds(matrix()),
}.get(os.environ.get("NAKADACHI_KILL", ""), lambda: rounds(chosen()))()
"""What is played: every point of the matrix by itself, all of them in rounds (`make kill`), or a part for every day."""

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def otherwise(open_directory: Path) -> AsyncIterator[Otherwise]:
    async with a_realm(open_directory, [*EVERYBODY, *NEWCOMERS]) as realm:
        errands = Errands(realm)
        await errands.settle()
        await realm.quiet()
        yield Otherwise(errands)


async def play(otherwise: Otherwise, points: tuple[Point, ...]) -> None:
    """Have everybody die at their point while the telegrams travel, and come back."""
    realm, lane = otherwise.errands.realm, lane_of(points)
    realm.order(points)
    left = {str(point): point for point in points}
    for _ in range(ATTEMPTS):
        await asyncio.gather(*(otherwise.run(story, lane) for story in {point.leg.story for point in left.values()}))
        for _ in range(LATE_TRIES):
            for point in realm.died() & left.keys():
                del left[point]
            if not left:
                return
            await asyncio.sleep(0.1)
    raise AssertionError(f"nobody died there: {list(left)}")


@pytest.mark.parametrize("points", PLAYED, ids=name_of)
async def test_whoever_dies_every_inquiry_ends_once_and_the_records_agree(
    otherwise: Otherwise, points: tuple[Point, ...]
) -> None:
    await play(otherwise, points)
    await otherwise.errands.realm.quiet()
    await check(otherwise.errands)
