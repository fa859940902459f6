"""One reading feeds readiness, status, metrics and the word to the core; a database that is away spoils none."""

import asyncio
import json
from datetime import date, timedelta

import pytest

from nakadachi.health import checks, watch
from nakadachi.health.reading import HeadsRead
from nakadachi.health.watch import seen_heads
from nakadachi.kit import outbox
from nakadachi.kit.clock import FixedClock
from nakadachi.kit.entropy import SeededEntropy, uuid7_text
from nakadachi.kit.kernel_clock import KernelClock
from nakadachi.kit.unit import Entry
from nakadachi.telegrams.catalogue import Wait
from nakadachi.telegrams.codec import decode_json, encode_json
from nakadachi.telegrams.envelope import Lane
from nakadachi.telegrams.oversight import Check, Condition
from nakadachi.terms import NodeName, TelegramId
from tests.tap import all_that_is_logged

PERIOD = timedelta(minutes=5)
CORE = NodeName("core:9910000000000001")


async def leave_waiting(health, lane, age):
    """A request that was written `age` ago and was not answered."""
    number = TelegramId(uuid7_text(FixedClock(health.clock.now() - age), SeededEntropy(int(age.total_seconds()))))
    async with health.database.transaction() as connection:
        await outbox.keep(
            connection, [Entry(number, CORE, "https://a", b"frame", lane, Wait.NOTICE)], health.clock.now()
        )


async def graded(health):
    _, words = await health.readiness()
    return {one["check"]: one["grade"] for one in words["checks"]}


async def test_a_node_that_fares_well_is_ready(health):
    ready, words = await health.readiness()
    assert ready
    assert words["node"] == health.name.value
    assert await graded(health) == dict.fromkeys(("database", "outbox", "certificate", "clock", "edition"), "ok")


async def test_what_waits_is_counted_by_lane_with_the_oldests_age(health):
    for lane, minutes in ((Lane.BULK, 2), (Lane.BULK, 10), (Lane.INTERACTIVE, 1)):
        await leave_waiting(health, lane, timedelta(minutes=minutes))
    status = await health.status()
    assert status["backlog"] == 3
    assert status["oldest_seconds"] == pytest.approx(600, abs=1)
    assert (await graded(health))["outbox"] == "warning"
    text = (await health.exposition()).decode()
    assert 'nakadachi_outbox_entries{lane="bulk"} 2.0' in text
    assert 'nakadachi_outbox_entries{lane="interactive"} 1.0' in text
    condition = await health.condition(PERIOD)
    assert (condition.backlog, condition.warnings, condition.failures) == (3, (Check.OUTBOX,), ())
    assert condition.oldest_seconds == pytest.approx(600, abs=1)


async def test_a_word_from_the_future_is_not_older_than_now(health):
    await leave_waiting(health, Lane.BULK, timedelta(minutes=-3))
    assert (await health.status())["oldest_seconds"] == 0


async def test_without_its_database_a_node_still_says_how_it_fares(health):
    await health.database.close()
    ready, words = await health.readiness()
    assert not ready
    assert [one["check"] for one in words["checks"] if one["grade"] == "failed"] == ["database", "outbox"]
    status = await health.status()
    assert (status["backlog"], status["records"], status["lawbook"]) == (None, None, 3)
    assert "nakadachi_database_up 0.0" in (await health.exposition()).decode()
    condition = await health.condition(PERIOD)
    assert (condition.backlog, condition.failures) == (None, (Check.DATABASE, Check.OUTBOX))


async def test_a_database_that_is_too_slow_counts_as_away(health, monkeypatch):
    with monkeypatch.context() as hasty:
        hasty.setattr(watch, "ASK_SECONDS", 0.05)
        async with health.database.acquire(), health.database.acquire(), health.database.acquire():
            assert not (await health.readiness())[0]
    assert (await health.readiness())[0]


async def test_records_that_take_too_long_to_count_are_not_a_database_that_is_away(health, monkeypatch):
    async def slow(_connection):
        await asyncio.sleep(5)

    monkeypatch.setattr(watch, "ASK_SECONDS", 0.5)
    monkeypatch.setattr(watch.records, "exchanges", slow)
    status = await health.status()
    assert (status["records"], status["backlog"], status["ready"]) == (None, 0, True)


async def test_a_required_clock_that_nothing_keeps_right_makes_the_node_unready(health):
    health.kernel = lambda: KernelClock(synchronised=False, offset_seconds=0.0, error_seconds=16.0)
    assert (await health.readiness())[0]
    assert (await graded(health))["clock"] == "warning"
    health.strict_clock = True
    assert not (await health.readiness())[0]


async def test_documents_of_tomorrow_are_not_in_force(health):
    health.edition.directory.effective = date(2026, 4, 2)
    assert (await graded(health))["edition"] == "failed"


async def test_a_check_is_logged_when_it_changes_and_not_again(health):
    with all_that_is_logged() as log:
        await health.readiness()
        health.kernel = lambda: KernelClock(synchronised=False, offset_seconds=0.0, error_seconds=16.0)
        for _ in range(3):
            await health.readiness()
        health.kernel = lambda: None
        await health.readiness()
    events = [json.loads(line) for line in log.getvalue().splitlines()]
    told = [(one["level"], one["state"], one["detail"]) for one in events if one["event"] == "check.changed"]
    assert told == [("warning", "warning", "clock"), ("info", "ok", "clock")]


async def test_the_newest_head_seen_is_shown(health):
    class Heads:
        lag = PERIOD

        def newest(self):
            return 7, health.clock.now() - timedelta(seconds=3)

    seen_heads(health, Heads())
    status = await health.status()
    assert (status["cosigned_size"], status["log_size"]) == (7, None)
    assert status["cosigned_at"] == (health.clock.now() - timedelta(seconds=3)).isoformat()
    assert "nakadachi_cosigned_age_seconds 3.0" in (await health.exposition()).decode()
    assert (await health.condition(PERIOD)).cosigned_size == 7


async def test_no_head_seen_is_none_and_not_zero(health):
    class Heads:
        lag = PERIOD

        def newest(self):
            return None

    seen_heads(health, Heads())
    assert (await health.read())[0].heads == HeadsRead()


async def test_the_word_to_the_core_travels_and_holds_counts_only(health):
    condition = await health.condition(PERIOD)
    assert decode_json(encode_json(condition), Condition) == condition
    assert condition == Condition(
        next_seconds=300,
        certificate_days=100,
        backlog=0,
        oldest_seconds=0,
        records=0,
        clock_synchronised=True,
        clock_error_microseconds=1000,
    )


async def test_a_kernel_that_says_nothing_is_not_told_of(health):
    health.kernel = lambda: None
    condition = await health.condition(PERIOD)
    assert (condition.clock_synchronised, condition.clock_error_microseconds) == (None, None)


async def test_what_all_instances_share_takes_no_work_away_from_one(health):
    """A backlog stands in the database that all of them have: were it to count, no instance would be left."""
    await leave_waiting(health, Lane.BULK, timedelta(hours=2))
    assert not (await health.readiness())[0]
    assert await health.stands()


async def test_an_instance_with_a_fault_of_its_own_takes_no_work(health):
    health.judges = (lambda _reading: checks.lease(held=False),)
    assert not await health.stands()


async def test_an_instance_without_its_database_takes_no_work(health):
    await health.database.close()
    assert not await health.stands()
