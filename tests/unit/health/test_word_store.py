"""The moments of a system's words are in the order in which it says them (I9)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nakadachi.health.word_store import next_moment

NOW = datetime(2026, 4, 1, 9, tzinfo=UTC)
CLOCKS = st.lists(st.sampled_from([0, 1, 30, -30, 86400, -86400]), min_size=1, max_size=12)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=CLOCKS)
async def test_each_word_is_later_than_the_one_before_whatever_is_done_to_the_clock(health, steps):
    async with health.database.acquire() as connection:
        await connection.execute("DELETE FROM word")
        now, said = NOW, []
        for step in steps:
            now += timedelta(seconds=step)
            said.append(await next_moment(connection, "", now))
            other = await next_moment(connection, "another", now)
            assert said[-1] >= now <= other
    assert said == sorted(set(said))
