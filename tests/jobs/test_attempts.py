"""A scan is tried, tried again where that can help, and ends exactly once.

@gxp-spec SPEC-003-002 "Embedded queue and worker"
@trace US-003-002
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from scanwatch.errors import ScannerError, StoreError, UsageError
from scanwatch.jobs import EmbeddedQueue, Worker
from scanwatch.model import EventKind, FailureCode, Phase, ScanOutcome, ScanStatus, Turn
from scanwatch.scanners import Report, Task, scanner_for
from scanwatch.snapshot import apply_all, new_snapshot
from scanwatch.storage import open_store
from tests.jobs.bench import OUTCOME, Bench, ScanFunction, fetched, scan_well, until


def failing(times: int, error: BaseException) -> ScanFunction:
    """A scan that raises ``error`` in its first attempts, in fetch."""

    async def scan(task: Task, report: Report) -> ScanOutcome:
        report(fetched(task.attempt))
        if task.attempt <= times:
            raise error
        return OUTCOME

    return scan


async def test_a_scan_is_queued_then_started_then_completed_with_its_counts(bench: Bench) -> None:
    first = await bench.submit()
    assert (first.seq, first.phase, first.message) == (1, Phase.QUEUED, "Waiting for a worker")
    await bench.start(scan_well)
    end = await bench.end_of()
    assert end.kind is EventKind.COMPLETE
    assert end.result is not None
    assert (end.result.artifacts, end.result.findings, end.result.files, end.result.commit) == (1, 0, 10, "c0ffee")
    assert (await bench.store.artifacts("s1")).rows == OUTCOME.artifacts
    assert [event.seq for event in await bench.history()] == [1, 2, 3, 4]


async def test_the_scanner_gets_target_options_and_attempt(bench: Bench) -> None:
    tasks: list[Task] = []

    async def scan(task: Task, report: Report) -> ScanOutcome:
        tasks.append(task)
        return OUTCOME

    await bench.submit(ref="main")
    await bench.start(scan)
    await bench.end_of()
    assert tasks == [Task("s1", "test://payments", {"ref": "main"}, 1)]


async def test_an_attempt_that_fails_is_retried_and_says_so(bench: Bench) -> None:
    await bench.submit()
    await bench.start(failing(1, ScannerError("The host said 429.", code="rate_limited")), backoff_s=5)
    end = await bench.end_of()
    retry = next(event for event in await bench.history() if event.turn is Turn.RETRYING)
    assert (retry.kind, retry.phase, retry.attempt) == (EventKind.PROGRESS, Phase.QUEUED, 2)
    assert (retry.error, retry.code) == ("The host said 429.", FailureCode.RATE_LIMITED)
    assert retry.message == "Attempt 1 of 3 failed in fetch: The host said 429; retry in 5 s"
    assert (end.kind, end.attempt) == (EventKind.COMPLETE, 2)
    snapshot = await bench.store.snapshot("s1")
    assert (snapshot.status, snapshot.attempt, len(snapshot.failures)) == (ScanStatus.COMPLETED, 2, 1)


async def test_the_back_off_doubles(bench: Bench) -> None:
    await bench.submit()
    await bench.start(failing(3, ScannerError("no")), attempts=4, max_events_per_s=0)
    await bench.end_of()
    assert bench.clock.slept == [5, 10, 20]


async def test_only_the_last_attempt_ends_the_scan_as_failed(bench: Bench) -> None:
    await bench.submit()
    await bench.start(failing(99, ScannerError("no", code="timeout")))
    end = await bench.end_of()
    assert (end.kind, end.error, end.code, end.attempt) == (EventKind.FAILED, "no", FailureCode.TIMEOUT, 3)
    assert [event.kind for event in await bench.history()].count(EventKind.FAILED) == 1
    assert [failure.attempt for failure in (await bench.store.snapshot("s1")).failures] == [1, 2, 3]


async def test_what_no_attempt_can_help_fails_at_once(bench: Bench) -> None:
    await bench.submit()
    await bench.start(failing(99, ScannerError("No such repository", code="not_found", retryable=False)))
    end = await bench.end_of()
    assert (end.code, end.attempt) == (FailureCode.NOT_FOUND, 1)
    assert bench.clock.slept == [] or max(bench.clock.slept) < 1


async def test_an_unknown_target_fails_as_invalid_and_names_what_is_known(bench: Bench) -> None:
    await bench.submit(target="sims://x")
    worker = Worker(bench.store, bench.queue, scanner_for=scanner_for)
    await worker.start()
    end = await bench.end_of()
    await worker.stop()
    assert end.code is FailureCode.INVALID
    assert end.error is not None
    assert "sim://" in end.error


@pytest.mark.parametrize("error", [ZeroDivisionError("division by zero"), SystemExit("bye"), asyncio.CancelledError()])
async def test_whatever_a_scanner_raises_is_an_internal_failure_in_one_sentence(
    bench: Bench, error: BaseException
) -> None:
    await bench.submit()
    await bench.start(failing(99, error), attempts=1)
    end = await bench.end_of()
    assert end.code is FailureCode.INTERNAL
    assert end.error is not None
    assert "Traceback" not in end.error
    assert str(error) in end.error


async def test_a_failure_code_of_a_strangers_invention_is_internal_and_cancelled_is_not_for_scanners(
    bench: Bench,
) -> None:
    for scan_id, code in (("s1", "my-own"), ("s2", "cancelled")):
        await bench.submit(scan_id)
        worker = await bench.start(failing(99, ScannerError("no", code=code)), attempts=1)
        assert (await bench.end_of(scan_id)).code is FailureCode.INTERNAL
        await worker.stop()


async def test_a_scanner_that_returns_no_outcome_fails(bench: Bench) -> None:
    async def scan(task: Task, report: Report) -> Any:
        return {"artifacts": []}

    await bench.submit()
    await bench.start(scan)
    assert "returned dict, not a ScanOutcome" in str((await bench.end_of()).error)


async def test_a_report_that_is_no_progress_fails_the_attempt(bench: Bench) -> None:
    async def scan(task: Task, report: Any) -> ScanOutcome:
        report("half way")
        return OUTCOME

    await bench.submit()
    await bench.start(scan, attempts=1)
    assert "report takes a Progress, not str" in str((await bench.end_of()).error)


async def test_words_are_cut_to_a_length_that_can_be_shown_and_names_that_are_no_text_are_made_so(
    bench: Bench,
) -> None:
    async def scan(task: Task, report: Report) -> ScanOutcome:
        report(replace(fetched(1), message="x" * 5000, current_file="caf\udce9.md"))
        raise ScannerError("y" * 5000, retryable=False)

    await bench.submit()
    await bench.start(scan)
    end = await bench.end_of()
    told = next(event for event in await bench.history() if event.current_file)
    assert told.current_file == "caf?.md"
    assert [len(text) for text in (told.message, end.error) if text] == [500, 500]


async def test_a_result_that_cannot_be_saved_fails_the_scan_and_not_the_worker(bench: Bench) -> None:
    async def scan(task: Task, report: Report) -> ScanOutcome:
        return OUTCOME

    async def refuse(*_args: Any, **_more: Any) -> None:
        raise ValueError("the disk speaks Klingon")

    bench.store.save_outcome = refuse  # type: ignore[method-assign]  # no store can be made to fail so otherwise
    await bench.submit()
    await bench.start(scan)
    end = await bench.end_of()
    assert (end.code, "Klingon" in str(end.error)) == (FailureCode.INTERNAL, True)


async def test_a_store_that_fails_for_a_while_delays_the_scan_and_does_not_lose_it(bench: Bench) -> None:
    begin_run, refusals = bench.store.begin_run, [StoreError("disk full"), StoreError("disk full")]

    async def begin(scan_id: str, run: int | None = None) -> int:
        if refusals:
            raise refusals.pop()
        return await begin_run(scan_id, run)

    bench.store.begin_run = begin  # type: ignore[method-assign]  # no store can be made to fail so otherwise
    await bench.submit()
    await bench.start(scan_well)
    assert (await bench.end_of()).kind is EventKind.COMPLETE


async def test_no_more_scans_run_at_once_than_wanted_and_the_others_have_positions(bench: Bench) -> None:
    running, most, go_on = 0, 0, asyncio.Event()

    async def scan(task: Task, report: Report) -> ScanOutcome:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await go_on.wait()
        running -= 1
        return OUTCOME

    ids = [f"s{number}" for number in range(1, 8)]
    for scan_id in ids:
        await bench.submit(scan_id)
    worker = await bench.start(scan, concurrency=3)
    await until(lambda: running == 3)
    assert worker.running == {"s1", "s2", "s3"}
    assert [await bench.queue.position(scan_id) for scan_id in ids] == [None, None, None, 1, 2, 3, 4]
    go_on.set()
    for scan_id in ids:
        await bench.end_of(scan_id)
    assert most == 3


async def test_what_listeners_heard_amounts_to_the_stores_snapshot(bench: Bench) -> None:
    first = await bench.submit()
    await bench.start(failing(2, ScannerError("no")))
    await bench.end_of()
    heard = apply_all(new_snapshot(await bench.store.request("s1")), [first, *bench.heard])
    assert heard == await bench.store.snapshot("s1")


@pytest.mark.parametrize(
    ("name", "value"), [("concurrency", 0), ("attempts", 0), ("backoff_s", -1), ("max_events_per_s", float("nan"))]
)
def test_a_setting_that_makes_no_sense_is_refused_by_name(name: str, value: float) -> None:
    with pytest.raises(UsageError, match=name):
        Worker(open_store("memory:"), EmbeddedQueue(), **{name: value})  # type: ignore[arg-type]  # wrong on purpose
