"""Items that wait together are handled together; a bad one harms no other, and none waits for ever."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nakadachi.kit.batch import Batcher


class Doubler:
    """Doubles numbers; raises for a batch that holds a negative one, and remembers the batches it got."""

    def __init__(self):
        self.batches = []

    async def run(self, items):
        self.batches.append(list(items))
        await asyncio.sleep(0)
        if any(item < 0 for item in items):
            raise ValueError(min(items))
        return [item * 2 for item in items]


async def test_one_item_alone_is_handled_at_once():
    doubler = Doubler()
    assert await Batcher(doubler.run).submit(4) == 8
    assert doubler.batches == [[4]]


async def test_items_that_wait_together_share_a_batch_in_their_order():
    doubler = Doubler()
    batcher = Batcher(doubler.run)
    assert await asyncio.gather(*map(batcher.submit, [3, 1, 2])) == [6, 2, 4]
    assert doubler.batches == [[3, 1, 2]]


async def test_what_comes_while_a_batch_runs_waits_for_the_next():
    doubler = Doubler()
    batcher = Batcher(doubler.run)
    first = asyncio.ensure_future(batcher.submit(1))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert await asyncio.gather(first, batcher.submit(2), batcher.submit(3)) == [2, 4, 6]
    assert doubler.batches == [[1], [2, 3]]


async def test_a_batch_has_a_bound():
    doubler = Doubler()
    batcher = Batcher(doubler.run, most=3)
    assert await asyncio.gather(*map(batcher.submit, range(8))) == [0, 2, 4, 6, 8, 10, 12, 14]
    assert doubler.batches == [[0, 1, 2], [3, 4, 5], [6, 7]]


async def test_one_bad_item_harms_no_other():
    doubler = Doubler()
    batcher = Batcher(doubler.run)
    results = await asyncio.gather(*map(batcher.submit, [1, -5, 2]), return_exceptions=True)
    assert (results[0], str(results[1]), results[2]) == (2, "-5", 4)
    assert doubler.batches == [[1, -5, 2], [1], [-5], [2]]


async def test_a_batcher_goes_on_after_a_failure():
    batcher = Batcher(Doubler().run)
    with pytest.raises(ValueError, match="-1"):
        await batcher.submit(-1)
    assert await batcher.submit(1) == 2


async def test_too_few_results_are_a_failure_and_nobody_waits_for_ever():
    async def forgets_the_last(items):
        return items[:-1]

    batcher = Batcher(forgets_the_last)
    results = await asyncio.wait_for(asyncio.gather(batcher.submit(1), batcher.submit(2), return_exceptions=True), 1)
    assert [type(one) for one in results] == [ValueError, ValueError]


@pytest.mark.parametrize("ends", ["well", "badly"])
async def test_who_no_longer_waits_disturbs_nobody(ends):
    going = asyncio.Event()

    async def slow(items):
        await going.wait()
        if ends == "badly":
            raise ValueError(items)
        return items

    batcher = Batcher(slow)
    gone = asyncio.ensure_future(batcher.submit(1))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    gone.cancel()
    other = asyncio.ensure_future(batcher.submit(2))
    going.set()
    (result,) = await asyncio.gather(other, return_exceptions=True)
    assert result == 2 if ends == "well" else isinstance(result, ValueError)
    assert gone.cancelled()


async def test_heavy_items_share_a_batch_only_up_to_its_weight():
    doubler = Doubler()
    batcher = Batcher(doubler.run, most=10)
    await asyncio.gather(
        *(batcher.submit(number, weight) for number, weight in ((1, 6), (2, 4), (3, 1), (4, 50), (5, 1)))
    )
    assert doubler.batches == [[1, 2], [3], [4], [5]]


async def test_work_that_is_cancelled_leaves_nobody_waiting():
    async def cancelled(_items):
        raise asyncio.CancelledError

    batcher = Batcher(cancelled, most=1)
    results = await asyncio.wait_for(asyncio.gather(batcher.submit(1), batcher.submit(2), return_exceptions=True), 1)
    assert [type(one) for one in results] == [asyncio.CancelledError] * 2


@given(st.lists(st.integers(-2, 9), max_size=30), st.integers(1, 7))
def test_everybody_gets_the_result_of_their_own_item(items, most):
    async def everybody():
        batcher = Batcher(Doubler().run, most=most)
        return await asyncio.gather(*map(batcher.submit, items), return_exceptions=True)

    results = asyncio.run(everybody())
    for item, result in zip(items, results, strict=True):
        assert str(result) == (str(item) if item < 0 else str(item * 2))
