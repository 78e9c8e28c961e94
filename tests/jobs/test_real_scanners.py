"""The worker runs simulated scans beside itself and blocking ones in processes, and both to their end.

@gxp-spec SPEC-003-002 "Embedded queue and worker"
@trace US-003-002
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import asyncio
import os
import time

import pytest

from scanwatch.jobs import Worker
from scanwatch.model import WORK_PHASES, EventKind, FailureCode, Phase, ScanStatus
from scanwatch.scanners import scanner_for
from tests.jobs.bench import Bench, until
from tests.scanners import blocking


async def test_a_simulated_scan_that_fails_once_completes_in_its_second_attempt(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCANWATCH_SIM_SPEED", "1000")
    await bench.submit(target="sim://acme/payments?fail=fetch:1:rate_limited&seed=7&files=40")
    worker = Worker(bench.store, bench.queue, scanner_for=scanner_for, backoff_s=0)
    await worker.start()
    end = await bench.end_of()
    await worker.stop()
    snapshot = await bench.store.snapshot("s1")
    assert (end.kind, end.attempt) == (EventKind.COMPLETE, 2)
    assert [(failure.code, failure.phase) for failure in snapshot.failures] == [(FailureCode.RATE_LIMITED, Phase.FETCH)]
    assert [span.phase for span in snapshot.spans if span.attempt == 2] == list(WORK_PHASES)
    assert end.result is not None
    assert (await bench.store.artifacts("s1")).total == end.result.artifacts == 10


async def test_a_blocking_scanners_reports_become_events_and_its_outcome_the_result(bench: Bench) -> None:
    await bench.submit(word="payments")
    await bench.start(blocking.Steady, max_events_per_s=0)
    end = await bench.end_of()
    written = [event.files_processed for event in await bench.history() if event.files_processed is not None]
    assert written == [0, 1, 2] * 5
    assert end.result is not None
    assert (end.result.artifacts, end.result.findings, end.result.commit) == (1, 1, "c0ffee")


async def test_fifty_thousand_rows_reach_the_store(bench: Bench) -> None:
    await bench.submit()
    await bench.start(blocking.Huge)
    await until(lambda: any(event.terminal for event in bench.heard), timeout_s=20)
    page = await bench.store.artifacts("s1", page=500, limit=100)
    assert (page.total, page.rows[-1].line) == (50_000, 49_999)


async def test_a_process_that_dies_costs_an_attempt_and_not_the_worker(bench: Bench) -> None:
    await bench.submit("s1", how="kill")
    await bench.start(blocking.Dying, attempts=2)
    end = await bench.end_of()
    assert (end.code, end.attempt) == (FailureCode.INTERNAL, 2)
    assert "ended by SIGKILL" in str(end.error)


async def test_cancelling_a_blocking_scan_ends_it_and_its_process(bench: Bench) -> None:
    await bench.submit()
    worker = await bench.start(blocking.Sleeper)
    await bench.reaches(Phase.FETCH)
    message = (await bench.store.snapshot("s1")).message or ""
    begun = time.monotonic()
    await worker.cancel("s1", "alice")
    await bench.end_of()
    assert time.monotonic() - begun < 10  # a bound against hanging; benchmarks measure
    assert (await bench.store.snapshot("s1")).status is ScanStatus.CANCELLED
    with pytest.raises(ChildProcessError):
        os.waitpid(int(message.split()[0]), os.WNOHANG)


async def test_stopping_the_worker_ends_the_processes_and_leaves_the_scans(bench: Bench) -> None:
    await bench.submit()
    worker = await bench.start(blocking.Deaf)
    await bench.reaches(Phase.FETCH)
    message = (await bench.store.snapshot("s1")).message or ""
    async with asyncio.timeout(2):
        await worker.stop()
    assert await bench.store.unfinished() == ["s1"]
    with pytest.raises(ChildProcessError):
        os.waitpid(int(message), os.WNOHANG)
