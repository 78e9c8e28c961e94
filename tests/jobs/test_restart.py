"""What a worker leaves behind, lost or stopped, the next one takes up; a scan that kills workers ends.

@gxp-spec SPEC-003-002 "Embedded queue and worker"
@trace US-003-002
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import asyncio

import pytest

from scanwatch.errors import ScannerError
from scanwatch.jobs import EmbeddedQueue
from scanwatch.model import EventKind, FailureCode, Phase, ScanOutcome, ScanStatus, Turn
from scanwatch.scanners import Report, Task
from tests.jobs.bench import Bench, fetched, scan_for_ever, scan_well, until


async def turns(bench: Bench) -> list[Turn]:
    return [event.turn for event in await bench.history() if event.turn]


async def reported(bench: Bench, times: int) -> None:
    """Wait until the scanner has reported so often, over all runs."""
    await until(lambda: [event.phase for event in bench.heard].count(Phase.FETCH) == times)


async def test_a_lost_workers_scan_begins_the_same_attempt_anew(bench: Bench) -> None:
    async def scan(task: Task, report: Report) -> ScanOutcome:
        if task.attempt == 1:
            raise ScannerError("no")
        return await scan_for_ever(task, report)

    await bench.submit()
    lost = await bench.start(scan)
    await bench.reaches(Phase.FETCH)
    await bench.lose(lost)
    await bench.start(scan_well)
    end = await bench.end_of()
    assert (end.kind, end.attempt) == (EventKind.COMPLETE, 2)
    assert await turns(bench) == [Turn.RETRYING, Turn.RESTARTED]
    restarted = next(event for event in await bench.history() if event.turn is Turn.RESTARTED)
    assert (restarted.phase, restarted.attempt) == (Phase.QUEUED, 2)


async def test_a_scan_that_only_waited_is_not_said_to_be_restarted(bench: Bench) -> None:
    await bench.submit()
    bench.queue = EmbeddedQueue()
    await bench.start(scan_well)
    await bench.end_of()
    assert await turns(bench) == []


async def test_unfinished_scans_are_taken_up_oldest_first(bench: Bench) -> None:
    order: list[str] = []

    async def scan(task: Task, report: Report) -> ScanOutcome:
        order.append(task.scan_id)
        return await scan_well(task, report)

    for number in range(4):
        bench.clock.seconds += 1
        await bench.submit(f"s{number}")
    bench.queue = EmbeddedQueue()
    await bench.start(scan, concurrency=1)
    await bench.end_of("s3")
    assert order == ["s0", "s1", "s2", "s3"]


async def test_a_scan_that_loses_its_worker_a_sixth_time_ends_as_failed(bench: Bench) -> None:
    await bench.submit()
    for times in range(1, 7):
        lost = await bench.start(scan_for_ever)
        await reported(bench, times)
        await bench.lose(lost)
    await bench.start(scan_well)
    end = await bench.end_of()
    assert (end.kind, end.code, end.attempt) == (EventKind.FAILED, FailureCode.INTERNAL, 1)
    assert "lost 6 times" in str(end.error)
    assert (await turns(bench)).count(Turn.RESTARTED) == 5


async def test_a_stop_in_good_order_leaves_scans_unfinished_and_says_that_they_wait(bench: Bench) -> None:
    await bench.submit()
    worker = await bench.start(scan_for_ever)
    await bench.reaches(Phase.FETCH)
    await worker.stop()
    last = (await bench.history())[-1]
    assert (last.kind, last.phase, last.attempt) == (EventKind.PROGRESS, Phase.QUEUED, 1)
    assert await bench.store.unfinished() == ["s1"]
    assert (await bench.store.snapshot("s1")).status is ScanStatus.IN_PROGRESS


async def test_stops_in_good_order_do_not_count_as_lost_workers(bench: Bench) -> None:
    await bench.submit()
    for times in range(1, 9):
        worker = await bench.start(scan_for_ever)
        await reported(bench, times)
        await worker.stop()
    await bench.start(scan_well)
    assert (await bench.end_of()).kind is EventKind.COMPLETE


async def test_a_stop_during_the_back_off_keeps_the_next_attempts_number(timed: Bench) -> None:
    async def scan(task: Task, report: Report) -> ScanOutcome:
        raise ScannerError("no")

    await timed.submit()
    worker = await timed.start(scan)
    await until(lambda: 5.0 in timed.clock.slept)
    await worker.stop()
    await timed.start(scan_well)
    assert (await timed.end_of()).attempt == 2


async def test_stopping_twice_or_before_the_start_is_harmless(bench: Bench) -> None:
    worker = await bench.start(scan_well)
    await worker.stop()
    await worker.stop()
    assert worker.running == frozenset()


async def test_a_stop_does_not_wait_for_a_scanner_that_will_not_let_go(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scanwatch.jobs._run.STUBBORN_S", 0.02)
    let_go = asyncio.Event()

    async def scan(task: Task, report: Report) -> ScanOutcome:
        report(fetched(1))
        while not let_go.is_set():
            try:
                await let_go.wait()
            except asyncio.CancelledError:
                continue
        return await scan_well(task, lambda _: None)

    await bench.submit()
    worker = await bench.start(scan)
    await bench.reaches(Phase.FETCH)
    async with asyncio.timeout(3):
        await worker.stop(timeout_s=1)
    assert await bench.store.unfinished() == ["s1"]
    let_go.set()
    await asyncio.sleep(0.01)


async def test_a_worker_that_was_taken_over_writes_nothing_more(bench: Bench) -> None:
    go_on = asyncio.Event()

    async def scan(task: Task, report: Report) -> ScanOutcome:
        report(fetched(1))
        await go_on.wait()
        return await scan_well(task, report)

    await bench.submit()
    stale = await bench.start(scan)
    await bench.reaches(Phase.FETCH)
    bench.queue = EmbeddedQueue()
    await bench.start(scan_for_ever)
    await until(lambda: any(event.turn is Turn.RESTARTED for event in bench.heard))
    await bench.reaches(Phase.FETCH)
    before = await bench.history()
    go_on.set()
    await until(lambda: not stale.running)
    assert await bench.history() == before
    assert await bench.store.unfinished() == ["s1"]


async def test_a_worker_that_was_taken_over_stops_at_once(bench: Bench) -> None:
    await bench.submit()
    stale = await bench.start(scan_for_ever, concurrency=1)
    await bench.reaches(Phase.FETCH)
    await bench.store.begin_run("s1")
    await bench.submit("s2")
    before = await bench.history()
    async with asyncio.timeout(1):
        await stale.stop()
    assert await bench.history() == before
    assert len(await bench.history("s2")) == 1
