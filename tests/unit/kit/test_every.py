"""A step is taken again and again, also after one that failed, until the end."""

import asyncio

from nakadachi.kit.every import Every
from nakadachi.terms import NodeName

NODE = NodeName("interface:9901000000000001")


async def test_a_step_is_taken_again_after_one_that_failed_and_never_after_the_end():
    taken, enough = [], asyncio.Event()

    async def step():
        taken.append(None)
        if len(taken) == 1:
            raise OSError
        if len(taken) == 3:
            enough.set()

    every = Every(0.001, step, node=NODE)
    await every.start()
    await asyncio.wait_for(enough.wait(), 10)
    await every.stop()
    count = len(taken)
    await asyncio.sleep(0.02)
    assert len(taken) == count


async def test_what_was_never_begun_can_be_ended():
    await Every(1, asyncio.sleep, node=NODE).stop()
