"""Places are bounded and given back; bulk work waits behind interactive work, but not for ever."""

import asyncio
from datetime import timedelta

import pytest

from nakadachi.kit import lanes as module
from nakadachi.kit.batch import Batches
from nakadachi.kit.lanes import Busy, Lanes, Limits
from nakadachi.telegrams.envelope import Lane


def test_a_full_place_turns_away_and_says_when_to_come_again():
    async def story():
        lanes = Lanes(Limits(bulk=1, retry_after=timedelta(seconds=7)))
        with lanes.handling(Lane.BULK, "kind"):
            with pytest.raises(Busy) as busy, lanes.handling(Lane.BULK, "kind"):
                pass
            assert busy.value.seconds == 7
            assert lanes.words()["degraded"]
            assert lanes.words()["turned_away"] == 1
        with lanes.handling(Lane.BULK, "kind"):
            pass

    asyncio.run(story())


def test_the_places_of_one_lane_or_kind_are_not_anothers():
    lanes = Lanes(Limits(bulk=1, interactive=1))
    with (
        lanes.handling(Lane.BULK, "kind"),
        lanes.handling(Lane.INTERACTIVE, "kind"),
        lanes.handling(Lane.BULK, "other"),
    ):
        assert len(lanes._inside) == 3
    assert not lanes._inside


def test_a_place_is_given_back_where_the_work_fails():
    lanes = Lanes(Limits(requests=1))
    for _ in range(3):
        with pytest.raises(KeyError), lanes.door(1000):
            raise KeyError
    assert (lanes._bytes, dict(lanes._inside)) == (0, {})


async def test_the_bytes_of_all_requests_together_are_bounded():
    lanes = Lanes(Limits(megabytes=25))
    with lanes.door(20 * 2**20), lanes.door(5 * 2**20), pytest.raises(Busy), lanes.door(1):
        pass
    with lanes.door(25 * 2**20):
        pass


@pytest.mark.parametrize("wrong", [{"bulk": 0}, {"megabytes": 24}, {"retry_after": timedelta(0)}, {"files": 0}])
def test_a_limit_that_would_stop_everything_is_refused(wrong):
    with pytest.raises(ValueError, match=r"at least"):
        Limits(**wrong)


async def test_bulk_work_waits_while_interactive_work_is_in_hand(monkeypatch):
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 60.0)
    monkeypatch.setattr(module, "LINGER_SECONDS", 0.0)
    lanes, order = Lanes(), []

    async def bulk():
        async with lanes.behind():
            order.append("bulk")

    with lanes.ahead():
        waiting = asyncio.create_task(bulk())
        for _ in range(10):
            await asyncio.sleep(0)
        order.append("interactive")
    await asyncio.wait_for(waiting, 5)
    assert order == ["interactive", "bulk"]


async def test_bulk_work_goes_on_beside_interactive_work_that_never_ends(monkeypatch):
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.01)
    lanes = Lanes()
    with lanes.ahead():
        async with asyncio.timeout(5), lanes.behind():
            pass


async def test_bulk_work_has_half_of_the_database_connections():
    lanes, inside, most = Lanes(connections=6), 0, 0

    async def work():
        nonlocal inside, most
        async with lanes.behind():
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0)
            inside -= 1

    await asyncio.gather(*(work() for _ in range(12)))
    assert most == 3


async def test_interactive_items_pass_a_long_bulk_queue():
    lanes, done = Lanes(), []
    batches = Batches(lanes)

    async def run(items):
        await asyncio.sleep(0)
        done.extend(items)
        return items

    bulk = [asyncio.create_task(batches.submit(Lane.BULK, "kind", run, f"bulk {one}", 200)) for one in range(50)]
    await asyncio.sleep(0)
    await batches.submit(Lane.INTERACTIVE, "kind", run, "interactive", 1)
    assert len(done) <= 2, "it went ahead of what waited before it"
    await asyncio.gather(*bulk)
    assert len(done) == 51


async def test_a_queue_does_not_grow_without_bound(monkeypatch):
    monkeypatch.setattr("nakadachi.kit.batch.MOST_WAITING", 3)
    batches, go = Batches(Lanes()), asyncio.Event()

    async def run(items):
        await go.wait()
        return items

    waiting = [asyncio.create_task(batches.submit(Lane.INTERACTIVE, "kind", run, one, 1)) for one in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(Busy):
        await batches.submit(Lane.INTERACTIVE, "kind", run, 4, 1)
    go.set()
    assert await asyncio.gather(*waiting) == [0, 1, 2]
