"""Waiting for what another telegram brings: a wake-up is not missed, and not waited for without end."""

import asyncio

from nakadachi.kit.waiters import Waiters


async def test_a_value_told_before_the_wait_is_not_missed():
    waiters = Waiters()
    waiters.expect("serial")
    waiters.tell("serial", 7)
    assert await waiters.wait("serial", 0.5) == 7


async def test_a_value_told_during_the_wait_comes_at_once():
    waiters = Waiters()
    waiters.expect("serial")
    waiting = asyncio.ensure_future(waiters.wait("serial", 5))
    await asyncio.sleep(0)
    waiters.tell("serial", 7)
    assert await asyncio.wait_for(waiting, 0.5) == 7


async def test_where_no_place_is_open_nobody_waits():
    assert await asyncio.wait_for(Waiters().wait("serial", 60), 0.5) is None


async def test_a_wait_ends_after_its_seconds_and_its_place_is_closed():
    waiters = Waiters()
    waiters.expect("serial")
    assert await waiters.wait("serial", 0.001) is None
    waiters.tell("serial", 7)
    assert await asyncio.wait_for(waiters.wait("serial", 60), 0.5) is None


async def test_the_first_value_counts():
    waiters = Waiters()
    waiters.expect("serial")
    waiters.tell("serial", 7)
    waiters.expect("serial")
    waiters.tell("serial", 8)
    assert await waiters.wait("serial", 0.5) == 7


async def test_two_who_wait_for_one_key_both_get_the_value():
    waiters = Waiters()
    waiters.expect("serial")
    both = asyncio.gather(waiters.wait("serial", 5), waiters.wait("serial", 5))
    await asyncio.sleep(0)
    waiters.tell("serial", 7)
    assert await asyncio.wait_for(both, 0.5) == [7, 7]


async def test_keys_do_not_meet():
    waiters = Waiters()
    waiters.expect("one")
    waiters.expect("other")
    waiters.tell("other", 7)
    assert await waiters.wait("one", 0.001) is None


async def test_a_forgotten_place_is_closed_and_may_be_forgotten_twice():
    waiters = Waiters()
    waiters.expect("serial")
    waiters.forget("serial")
    waiters.forget("serial")
    waiters.tell("serial", 7)
    assert await asyncio.wait_for(waiters.wait("serial", 60), 0.5) is None


# Where there are other instances


async def test_what_another_instance_settled_is_found_by_one_query_for_all_who_wait():
    asked, kept, looked = [], {}, asyncio.Event()

    async def look(keys):
        asked.append(sorted(keys))
        looked.set()
        return {key: kept[key] for key in keys if key in kept}

    waiters = Waiters(look)
    waiting = asyncio.gather(*(waiters.wait(key, 5) for key in ("one", "two", "three")))
    await looked.wait()
    kept.update(one=1, two=2, three=3)
    assert await asyncio.wait_for(waiting, 2) == [1, 2, 3]
    assert all(keys == ["one", "three", "two"] for keys in asked)
    await asyncio.sleep(0.2)
    # Nobody waits any more, so nobody looks.
    looks = len(asked)
    await asyncio.sleep(0.2)
    assert len(asked) == looks


async def test_what_comes_at_once_is_not_looked_for():
    async def look(_keys):
        raise AssertionError

    waiters = Waiters(look)
    waiting = asyncio.ensure_future(waiters.wait("serial", 5))
    await asyncio.sleep(0)
    waiters.tell("serial", 7)
    assert await waiting == 7
    await asyncio.sleep(0.15)


async def test_a_look_that_fails_is_made_again():
    looks = []

    async def look(keys):
        looks.append(keys)
        if len(looks) == 1:
            raise ConnectionError
        return dict.fromkeys(keys, 7)

    assert await Waiters(look).wait("serial", 5) == 7
    assert len(looks) == 2


async def test_one_who_gives_up_leaves_the_others_of_its_key_waiting():
    kept = {}

    async def look(keys):
        return {key: kept[key] for key in keys if key in kept}

    waiters = Waiters(look)
    patient = asyncio.ensure_future(waiters.wait("serial", 5))
    assert await waiters.wait("serial", 0.12) is None
    kept["serial"] = 7
    assert await asyncio.wait_for(patient, 2) == 7
