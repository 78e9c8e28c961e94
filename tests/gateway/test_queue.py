"""A connection's small queue answers as asyncio's does.

@gxp-spec SPEC-003-003 "Gateway push and replay"
@trace US-003-001
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanwatch.gateway._fanout._queue import SmallQueue

Queue = SmallQueue[int] | asyncio.Queue[int]


async def _turn() -> None:
    for _ in range(3):
        await asyncio.sleep(0)


async def _played(queue: Queue, steps: list[str]) -> list[object]:
    """What getters and joiners see when items come, are done with, and getters give up in a given order."""
    seen: list[object] = []
    getters: list[asyncio.Task[int]] = []
    joiners: list[asyncio.Task[None]] = []
    taken = 0
    for number, step in enumerate(steps):
        if step == "put":
            await queue.put(number)
        elif step == "get":
            getters.append(asyncio.create_task(queue.get()))
        elif step == "give up" and getters:
            getters[number % len(getters)].cancel()
        elif step == "put and give up" and getters:
            queue.put_nowait(number)
            getters[number % len(getters)].cancel()
        elif step == "join":
            joiners.append(asyncio.create_task(queue.join()))
        elif step == "done" and taken < sum(task.done() and not task.cancelled() for task in getters):
            queue.task_done()
            taken += 1
        await _turn()
        seen += [queue.qsize(), queue.empty(), [task.done() for task in (*getters, *joiners)]]
    for task in (*getters, *joiners):
        task.cancel()
    results = await asyncio.gather(*getters, *joiners, return_exceptions=True)
    return [*seen, [None if isinstance(result, BaseException) else result for result in results]]


@given(st.lists(st.sampled_from(["put", "get", "give up", "put and give up", "join", "done"]), max_size=25))
def test_it_does_what_an_asyncio_queue_does(steps: list[str]) -> None:
    async def both() -> None:
        assert await _played(SmallQueue(), steps) == await _played(asyncio.Queue(), steps)

    asyncio.run(both())


def test_an_empty_queue_says_so() -> None:
    with pytest.raises(asyncio.QueueEmpty):
        SmallQueue[int]().get_nowait()
