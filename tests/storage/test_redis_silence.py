"""A Redis that hangs costs one caller a time-out, and nobody else anything; it is found again when it goes on.

@gxp-spec SPEC-003-007 "Shared store in Redis"
@trace US-003-003
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Iterator

import pytest

from scanwatch.errors import StoreUnavailable
from scanwatch.jobs._bullmq import QueueSettings, _queue, open_queue
from scanwatch.storage import open_store
from scanwatch.storage._redis import _answers
from tests.redis_server import RedisServer
from tests.storage.records import begin, fetching

pytestmark = pytest.mark.needs("redis")

PATIENCE_S = 30.0


@pytest.fixture
def hanging(own_redis: RedisServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[RedisServer]:
    """A Redis that a test may stop like a process that hangs; an answer may take so long that some fit into a test."""
    monkeypatch.setattr(_answers, "ANSWER_S", 0.4)
    monkeypatch.setattr(_queue, "ANSWER_S", 0.4)
    yield own_redis
    os.kill(own_redis.pid, signal.SIGCONT)


async def refuses(ask: Callable[[], Awaitable[object]]) -> bool:
    try:
        await ask()
    except StoreUnavailable as error:
        assert "it does not answer" in str(error)
        return True
    return False


async def until(happens: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not await happens():
            await asyncio.sleep(0.01)


async def test_of_many_who_ask_a_store_that_hangs_only_the_first_wait(hanging: RedisServer) -> None:
    store = open_store(hanging.url)
    await store.open()
    await begin(store)
    os.kill(hanging.pid, signal.SIGSTOP)
    await until(lambda: refuses(lambda: store.snapshot("scan")))
    async with asyncio.timeout(PATIENCE_S):  # a time-out for each would take more than twice as long
        for _ in range(200):
            assert await refuses(lambda: store.snapshot("scan"))
    os.kill(hanging.pid, signal.SIGCONT)

    async def back() -> bool:
        return not await refuses(lambda: store.snapshot("scan"))

    await until(back)
    assert (await store.append(fetching(done=1))).seq == 2
    await store.close()


async def test_a_store_can_be_closed_while_it_hangs(hanging: RedisServer) -> None:
    store = open_store(hanging.url)
    await store.open()
    os.kill(hanging.pid, signal.SIGSTOP)
    await until(lambda: refuses(store.unfinished))
    async with asyncio.timeout(PATIENCE_S):
        await store.close()


async def test_a_queue_that_hangs_is_left_alone_too(hanging: RedisServer) -> None:
    queue = open_queue(hanging.url, open_store(hanging.url), QueueSettings())
    assert await queue.position("scan") is None
    os.kill(hanging.pid, signal.SIGSTOP)
    await until(lambda: refuses(lambda: queue.position("scan")))
    async with asyncio.timeout(PATIENCE_S):
        for _ in range(200):
            assert await refuses(lambda: queue.position("scan"))
    os.kill(hanging.pid, signal.SIGCONT)

    async def back() -> bool:
        return not await refuses(lambda: queue.position("scan"))

    await until(back)
    await queue.close()


async def test_a_task_that_is_told_to_end_ends_wherever_it_stands(redis_url: str) -> None:
    store = open_store(redis_url)
    await store.open()
    await begin(store)
    queue = open_queue(redis_url, store, QueueSettings())
    for ask in (store.snapshot, queue.position):
        for turns in range(40):
            assert await _ends(ask, turns), f"cancelled after {turns} turns, it goes on"
    await queue.close()
    await store.close()


async def _ends(ask: Callable[[str], Awaitable[object]], turns: int) -> bool:
    """Whether a task ends that is told to after so many turns of the loop."""

    async def ask_for_ever() -> None:
        while True:
            await ask("scan")

    task = asyncio.create_task(ask_for_ever())
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    _, left = await asyncio.wait({task}, timeout=PATIENCE_S)
    return not left
