"""The embedded queue serves scans in the order they came, each once.

@gxp-spec SPEC-003-002 "Embedded queue and worker"
@trace US-003-002
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import asyncio

from scanwatch.jobs import EmbeddedQueue


async def test_first_come_is_first_served() -> None:
    queue = EmbeddedQueue()
    for scan_id in ("a", "b", "c"):
        await queue.enqueue(scan_id)
    assert [await queue.claim() for _ in range(3)] == ["a", "b", "c"]


async def test_positions_count_from_one_and_move_up() -> None:
    queue = EmbeddedQueue()
    for scan_id in ("a", "b", "c"):
        await queue.enqueue(scan_id)
    assert [await queue.position(scan_id) for scan_id in ("a", "b", "c")] == [1, 2, 3]
    await queue.claim()
    assert [await queue.position(scan_id) for scan_id in ("a", "b", "c")] == [None, 1, 2]


async def test_a_scan_is_held_once_whether_it_waits_or_is_claimed() -> None:
    queue = EmbeddedQueue()
    await queue.enqueue("a")
    await queue.enqueue("a")
    assert await queue.claim() == "a"
    await queue.enqueue("a")
    assert await queue.position("a") is None
    await queue.done("a")
    await queue.enqueue("a")
    assert await queue.claim() == "a"


async def test_each_of_several_waiting_claims_gets_another_scan() -> None:
    queue = EmbeddedQueue()
    claims = [asyncio.create_task(queue.claim()) for _ in range(3)]
    await asyncio.sleep(0)
    for scan_id in ("a", "b", "c"):
        await queue.enqueue(scan_id)
    assert sorted(await asyncio.gather(*claims)) == ["a", "b", "c"]


async def test_a_cancelled_claim_takes_nothing_with_it() -> None:
    queue = EmbeddedQueue()
    claim = asyncio.create_task(queue.claim())
    await asyncio.sleep(0)
    await queue.enqueue("a")
    claim.cancel()
    await asyncio.gather(claim, return_exceptions=True)
    assert await queue.claim() == "a"


async def test_a_discarded_scan_is_not_claimed() -> None:
    queue = EmbeddedQueue()
    await queue.enqueue("a")
    await queue.enqueue("b")
    assert await queue.discard("a")
    assert not await queue.discard("a")
    assert await queue.claim() == "b"
    assert not await queue.discard("b")
