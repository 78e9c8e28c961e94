"""A scan can be cancelled wherever it stands; it then ends as cancelled, once.

@gxp-spec SPEC-003-002 "Embedded queue and worker"
@trace US-003-002
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from scanwatch.errors import ScannerError, UnknownRecord
from scanwatch.model import EventKind, FailureCode, Phase, ScanOutcome, ScanStatus, Turn
from scanwatch.scanners import Report, Task
from tests.jobs.bench import OUTCOME, Bench, fetched, scan_for_ever, scan_well, settle, until


async def ends_cancelled(bench: Bench, by: str | None = "alice") -> None:
    end = await bench.end_of()
    assert (end.kind, end.code) == (EventKind.FAILED, FailureCode.CANCELLED)
    assert end.error == ("Cancelled by alice" if by else "Cancelled")
    history = await bench.history()
    assert [event.turn for event in history].count(Turn.CANCELLING) == 1
    assert [event.terminal for event in history].count(True) == 1
    assert (await bench.store.snapshot("s1")).status is ScanStatus.CANCELLED


async def test_a_running_scan_stops_and_ends_as_cancelled(bench: Bench) -> None:
    await bench.submit()
    worker = await bench.start(scan_for_ever)
    await bench.reaches(Phase.FETCH)
    await worker.cancel("s1", "alice")
    await ends_cancelled(bench)
    await until(lambda: not worker.running)


async def test_the_cancelling_event_keeps_the_scan_where_it_is(bench: Bench) -> None:
    await bench.submit()
    worker = await bench.start(scan_for_ever)
    await bench.reaches(Phase.FETCH)
    await worker.cancel("s1", "alice")
    await bench.end_of()
    asked = next(event for event in await bench.history() if event.turn is Turn.CANCELLING)
    assert (asked.phase, asked.progress_percent, asked.total_files) == (Phase.FETCH, 20, 10)


async def test_a_queued_scan_ends_at_once_and_never_runs(bench: Bench) -> None:
    ran: list[str] = []

    async def scan(task: Task, report: Report) -> ScanOutcome:
        ran.append(task.scan_id)
        await asyncio.Event().wait()
        return OUTCOME

    await bench.submit("s0")
    worker = await bench.start(scan, concurrency=1)
    await until(lambda: ran == ["s0"])
    await bench.submit("s1")
    await worker.cancel("s1", "alice")
    assert (await bench.store.snapshot("s1")).status is ScanStatus.CANCELLED
    await ends_cancelled(bench)
    await worker.cancel("s0")
    await bench.end_of("s0")
    assert ran == ["s0"]


async def test_a_scan_between_two_attempts_ends_without_waiting_for_the_next(timed: Bench) -> None:
    async def scan(task: Task, report: Report) -> ScanOutcome:
        raise ScannerError("no")

    await timed.submit()
    worker = await timed.start(scan)
    await settle()
    await worker.cancel("s1", "alice")
    await ends_cancelled(timed)


async def test_cancelling_twice_or_at_once_from_two_sides_is_cancelling_once(bench: Bench) -> None:
    await bench.submit()
    worker = await bench.start(scan_for_ever)
    await bench.reaches(Phase.FETCH)
    await asyncio.gather(worker.cancel("s1", "alice"), worker.cancel("s1", "alice"))
    await worker.cancel("s1", "alice")
    await ends_cancelled(bench)


async def test_cancelling_an_ended_scan_changes_nothing(bench: Bench) -> None:
    await bench.submit()
    worker = await bench.start(scan_well)
    await bench.end_of()
    before = await bench.history()
    await worker.cancel("s1", "alice")
    assert await bench.history() == before


async def test_cancelling_a_scan_that_does_not_exist_says_so(bench: Bench) -> None:
    worker = await bench.start(scan_well)
    with pytest.raises(UnknownRecord):
        await worker.cancel("nobody")


async def test_cancelled_by_nobody_in_particular_names_nobody(bench: Bench) -> None:
    await bench.submit()
    worker = await bench.start(scan_for_ever)
    await bench.reaches(Phase.FETCH)
    await worker.cancel("s1")
    await ends_cancelled(bench, by=None)


async def test_a_cancel_in_the_very_moment_of_the_claim_is_honoured(bench: Bench) -> None:
    worker = await bench.start(scan_for_ever)
    for number in range(5):
        await bench.submit(f"c{number}")
        for _ in range(number):
            await asyncio.sleep(0)
        await worker.cancel(f"c{number}", "alice")
        assert (await bench.end_of(f"c{number}")).code is FailureCode.CANCELLED


async def test_a_scanner_that_ignores_its_cancellation_is_stopped_by_its_next_report(bench: Bench) -> None:
    stopped = asyncio.Event()

    async def scan(task: Task, report: Report) -> ScanOutcome:
        try:
            while True:
                with suppress(asyncio.CancelledError):
                    await asyncio.sleep(0.001)
                report(fetched(1))
        finally:
            stopped.set()

    await bench.submit()
    worker = await bench.start(scan)
    await bench.reaches(Phase.FETCH)
    await worker.cancel("s1", "alice")
    await ends_cancelled(bench)
    assert stopped.is_set()


async def test_a_cancel_asked_before_a_crash_is_honoured_after_it(bench: Bench) -> None:
    async def scan(task: Task, report: Report) -> ScanOutcome:
        raise AssertionError("it must not run again")

    await bench.submit()
    lost = await bench.start(scan_for_ever)
    await bench.reaches(Phase.FETCH)
    await bench.lose(lost)
    await lost.cancel("s1", "alice")
    assert (await bench.store.snapshot("s1")).status is ScanStatus.CANCELLING
    await bench.start(scan)
    await ends_cancelled(bench)


async def test_a_deleted_scan_is_stopped_and_nothing_more_is_written(bench: Bench) -> None:
    await bench.submit()
    worker = await bench.start(scan_for_ever)
    await bench.reaches(Phase.FETCH)
    before = await bench.history()
    await worker.forget("s1")
    assert await bench.history() == before
    await until(lambda: not worker.running)


async def test_a_deleted_queued_scan_never_runs(bench: Bench) -> None:
    worker = await bench.start(scan_for_ever, concurrency=1)
    await bench.submit("s0")
    await bench.reaches(Phase.FETCH, "s0")
    await bench.submit("s1")
    await worker.forget("s1")
    await worker.cancel("s0")
    await until(lambda: not worker.running)
    assert len(await bench.history("s1")) == 1


async def test_a_scan_whose_repository_vanishes_ends_quietly_and_the_worker_goes_on(bench: Bench) -> None:
    go_on = asyncio.Event()

    async def scan(task: Task, report: Report) -> ScanOutcome:
        if task.scan_id == "s1":
            await go_on.wait()
        report(fetched(2))
        return OUTCOME

    await bench.submit("s1")
    worker = await bench.start(scan, concurrency=1)
    await bench.reaches(Phase.DISCOVERY)
    await bench.store.delete_repository("r1")
    go_on.set()
    await until(lambda: not worker.running)
    await bench.open()
    await bench.submit("s2")
    assert (await bench.end_of("s2")).kind is EventKind.COMPLETE
