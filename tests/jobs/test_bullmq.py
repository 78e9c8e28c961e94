"""The shared queue runs every scan to one end, over attempts, cancels, stops and lost workers; on a real Redis.

@gxp-spec SPEC-003-006 "Shared queue"
@trace US-003-003
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import bullmq
import pytest
import pytest_asyncio

from scanwatch.errors import ScannerError
from scanwatch.jobs._bullmq import open_queue
from scanwatch.jobs._bullmq._lease import Lease
from scanwatch.jobs._bullmq._sweeper import Sweeper
from scanwatch.model import EventKind, FailureCode, Phase, ScanOutcome, ScanRequest, ScanStatus, Turn
from scanwatch.scanners import Report, Task
from tests.jobs.bench import OUTCOME, fetched, scan_for_ever, scan_well, until
from tests.jobs.bull_bench import BullBench

pytestmark = pytest.mark.needs("redis")


@pytest_asyncio.fixture
async def bench(redis_url: str) -> AsyncIterator[BullBench]:
    made = BullBench(redis_url)
    await made.open()
    yield made
    await made.close()


async def reaches(bench: BullBench, scan_id: str, phase: Phase) -> None:
    async def there() -> bool:
        return (await bench.store.snapshot(scan_id)).phase is phase

    await until(there, 30)


async def turns(bench: BullBench, scan_id: str) -> list[Turn]:
    return [event.turn for event in await bench.history(scan_id) if event.turn]


async def test_a_job_is_what_producers_and_workers_in_the_field_expect(bench: BullBench) -> None:
    scan_id = await bench.submit()
    job = await bench.queue.job(scan_id)
    assert job.name == "scan-repository"
    assert job.data == {"repositoryId": bench.repository_id, "scanId": scan_id, "owner": "acme", "repo": "payments"}
    assert (job.opts["attempts"], job.opts["backoff"]) == (3, {"type": "exponential", "delay": 50})
    assert await bench.queue.position(scan_id) == 1


async def test_a_scan_runs_and_its_job_keeps_the_progress_and_the_result(bench: BullBench) -> None:
    scan_id = await bench.submit()
    await bench.start(scan_well)
    assert (await bench.end_of(scan_id)).kind is EventKind.COMPLETE
    job = await bench.job_ends(scan_id)
    assert job.progress == 100
    assert job.returnvalue["artifactsCreated"] == 1
    assert (await bench.store.artifacts(scan_id)).rows == OUTCOME.artifacts


async def test_a_running_job_shows_how_far_its_scan_is(bench: BullBench) -> None:
    scan_id = await bench.submit()
    await bench.start(scan_for_ever)

    async def shown() -> bool:
        return (await bench.queue.job(scan_id)).progress == 20

    await until(shown, 30)


async def test_an_attempt_that_fails_is_tried_again_by_the_queue(bench: BullBench) -> None:
    async def scan(task: Task, report: Report) -> ScanOutcome:
        if task.attempt < 3:
            raise ScannerError(f"no {task.attempt}")
        return await scan_well(task, report)

    scan_id = await bench.submit()
    await bench.start(scan)
    end = await bench.end_of(scan_id)
    assert (end.kind, end.attempt) == (EventKind.COMPLETE, 3)
    assert await turns(bench, scan_id) == [Turn.RETRYING, Turn.RETRYING]
    job = await bench.job_ends(scan_id)
    assert (job.attemptsMade, job.failedReason) == (3, "no 2")


async def test_a_scan_fails_when_its_attempts_are_used_up_and_so_does_its_job(bench: BullBench) -> None:
    async def scan(task: Task, report: Report) -> ScanOutcome:
        raise ScannerError(f"no {task.attempt}")

    scan_id = await bench.submit()
    await bench.start(scan)
    end = await bench.end_of(scan_id)
    assert (end.kind, end.error, end.attempt) == (EventKind.FAILED, "no 3", 3)
    assert (await bench.job_ends(scan_id)).failedReason == "no 3"


async def test_what_cannot_be_retried_fails_at_once(bench: BullBench) -> None:
    async def scan(task: Task, report: Report) -> ScanOutcome:
        raise ScannerError("gone", code=FailureCode.NOT_FOUND, retryable=False)

    scan_id = await bench.submit()
    await bench.start(scan)
    assert (await bench.end_of(scan_id)).code is FailureCode.NOT_FOUND
    assert (await bench.job_ends(scan_id)).attemptsMade == 1


async def test_a_gateway_cancels_a_scan_that_runs_elsewhere(bench: BullBench) -> None:
    scan_id = await bench.submit()
    worker = await bench.start(scan_for_ever)
    await reaches(bench, scan_id, Phase.FETCH)
    await bench.gateway.cancel(scan_id, "alice")
    end = await bench.end_of(scan_id)
    assert (end.code, end.error) == (FailureCode.CANCELLED, "Cancelled by alice")
    await until(lambda: not worker.running)


async def test_a_gateway_cancels_a_scan_that_waits_without_a_worker(bench: BullBench) -> None:
    scan_id = await bench.submit()
    await bench.gateway.cancel(scan_id, "alice")
    assert (await bench.end_of(scan_id)).code is FailureCode.CANCELLED
    assert (await bench.queue.look([scan_id]))[scan_id] is None


async def test_a_deleted_scan_stops_and_does_not_come_back(bench: BullBench) -> None:
    scan_id = await bench.submit()
    worker = await bench.start(scan_for_ever)
    await reaches(bench, scan_id, Phase.FETCH)
    await bench.gateway.forget(scan_id)
    await bench.store.delete_repository(bench.repository_id)
    assert (await bench.job_ends(scan_id)).failedReason == "The scan was deleted."
    assert not worker.running
    assert await bench.store.unfinished() == []


async def test_a_stop_lets_a_scan_finish(bench: BullBench) -> None:
    go_on = asyncio.Event()

    async def scan(task: Task, report: Report) -> ScanOutcome:
        report(fetched(1))
        await go_on.wait()
        return OUTCOME

    scan_id = await bench.submit()
    worker = await bench.start(scan)
    await reaches(bench, scan_id, Phase.FETCH)
    stopping = asyncio.create_task(worker.stop(timeout_s=20))
    await asyncio.sleep(0.05)
    go_on.set()
    await stopping
    assert (await bench.end_of(scan_id)).kind is EventKind.COMPLETE
    assert worker.handed_back == 0


async def test_a_stop_hands_back_what_does_not_finish_and_another_worker_takes_it(bench: BullBench) -> None:
    scan_id, waiting = await bench.submit(), await bench.submit()
    worker = await bench.start(scan_for_ever, concurrency=1)
    await reaches(bench, scan_id, Phase.FETCH)
    await worker.stop(timeout_s=0)
    assert (await bench.store.snapshot(scan_id)).phase is Phase.QUEUED
    await bench.start(scan_well)
    end = await bench.end_of(scan_id)
    assert (end.kind, end.attempt) == (EventKind.COMPLETE, 1)
    assert await turns(bench, scan_id) == []
    assert (await bench.job_ends(scan_id)).stalledCounter == 0
    assert (await bench.end_of(waiting)).kind is EventKind.COMPLETE


async def test_a_worker_that_lost_its_lock_is_fenced(bench: BullBench) -> None:
    go_on = asyncio.Event()

    async def scan(task: Task, report: Report) -> ScanOutcome:
        report(fetched(1))
        await go_on.wait()
        report(fetched(9))
        return OUTCOME

    scan_id = await bench.submit()
    await bench.start(scan)
    await reaches(bench, scan_id, Phase.FETCH)
    job = await bench.queue.job(scan_id)
    assert job.attemptsStarted == 1
    await bench.store.begin_run(scan_id, 2)
    before = await bench.history(scan_id)
    go_on.set()
    await asyncio.sleep(0.05)
    assert await bench.history(scan_id) == before


async def test_a_job_lost_too_often_fails_its_scan_without_being_run(bench: BullBench) -> None:
    scan_id = await bench.submit()
    await bench.queue.client.hset(bench.queue.key(scan_id), "defa", "job stalled more than allowable limit")
    await bench.start(scan_well)
    end = await bench.end_of(scan_id)
    assert (end.kind, end.code) == (EventKind.FAILED, FailureCode.INTERNAL)
    assert "lost too often" in str(end.error)


async def test_the_job_of_an_ended_scan_is_let_go_without_running_it(bench: BullBench) -> None:
    scan_id = await bench.submit()
    await bench.start(scan_well)
    end = await bench.end_of(scan_id)
    job = await bench.job_ends(scan_id)
    await job.retry("completed")

    async def ran_again() -> bool:
        return (await bench.queue.job(scan_id)).attemptsStarted == 2

    await until(ran_again, 30)
    await bench.job_ends(scan_id)
    assert (await bench.history(scan_id))[-1] == end


async def test_another_producers_job_is_put_on_record_and_run(bench: BullBench) -> None:
    scan_id, repository_id = "9cc8a5d2-3f0e-4a37-9b1c-5f1f6f0c2a11", "6f9f5a5e-54a2-4f0e-8d25-0b6a5a3f1c22"
    data = {"repositoryId": repository_id, "scanId": scan_id, "owner": "acme", "repo": "ledger"}
    await produce(bench, data)
    await bench.start(scan_well, repo_url="test://{owner}/{repo}")

    async def known() -> bool:
        return scan_id in await bench.store.unfinished() or (await bench.queue.job("foreign")).finishedOn

    await until(known, 30)
    assert (await bench.end_of(scan_id)).kind is EventKind.COMPLETE
    assert (await bench.store.request(scan_id)) == ScanRequest(scan_id, repository_id, "test://acme/ledger")
    assert (await bench.store.repository(repository_id)).name == "acme/ledger"


@pytest.mark.parametrize(
    "data",
    [
        {"scanId": "no-uuid", "owner": "acme", "repo": "ledger"},
        {"scanId": "9cc8a5d2-3f0e-4a37-9b1c-5f1f6f0c2a11", "owner": "..", "repo": "ledger"},
        {"scanId": "9cc8a5d2-3f0e-4a37-9b1c-5f1f6f0c2a11", "owner": "a/b", "repo": "ledger"},
        {"scanId": "9cc8a5d2-3f0e-4a37-9b1c-5f1f6f0c2a11"},
        ["not", "an", "object"],
    ],
)
async def test_a_job_that_names_no_scan_fails_with_the_reason_and_leaves_nothing(
    bench: BullBench, data: object
) -> None:
    await produce(bench, data)
    await bench.start(scan_well)

    async def failed() -> bool:
        return bool((await bench.queue.job("foreign")).failedReason)

    await until(failed, 30)
    assert await bench.store.unfinished() == []


async def produce(bench: BullBench, data: object) -> None:
    """What any producer does."""
    settings = {"connection": bench.queue.client, "prefix": bench.queue.settings.prefix}
    await bullmq.Queue("scanner", settings).add("scan-repository", data, {"jobId": "foreign", "attempts": 1})


async def test_the_sweeper_enqueues_a_scan_that_has_no_job_the_second_time_it_sees_it(bench: BullBench) -> None:
    scan_id = await bench.submit()
    await bench.queue.discard(scan_id)
    sweeper = Sweeper(bench.store, bench.queue, bench.clock)
    assert [await sweeper.sweep() for _ in range(3)] == [0, 1, 0]
    await bench.start(scan_well)
    assert (await bench.end_of(scan_id)).kind is EventKind.COMPLETE


async def test_a_scan_put_in_anew_is_no_longer_its_old_workers(bench: BullBench) -> None:
    go_on = asyncio.Event()

    async def scan(task: Task, report: Report) -> ScanOutcome:
        report(fetched(1))
        await go_on.wait()
        return OUTCOME

    scan_id = await bench.submit()
    stale = await bench.start(scan)
    await reaches(bench, scan_id, Phase.FETCH)
    await bench.queue.client.delete(*[bench.queue.key(name) for name in (scan_id, f"{scan_id}:lock", "active")])
    sweeper = Sweeper(bench.store, bench.queue, bench.clock)
    assert [await sweeper.sweep() for _ in range(2)] == [0, 1]
    go_on.set()
    await until(lambda: scan_id not in stale.running)
    assert (await bench.end_of(scan_id)).kind is EventKind.COMPLETE
    assert Turn.RESTARTED in await turns(bench, scan_id)


async def test_the_sweeper_ends_a_scan_whose_job_ended_without_a_word(bench: BullBench) -> None:
    scan_id = await bench.submit()
    await bench.queue.client.hset(
        bench.queue.key(scan_id), mapping={"finishedOn": "1", "failedReason": "out of memory"}
    )
    sweeper = Sweeper(bench.store, bench.queue, bench.clock)
    assert [await sweeper.sweep() for _ in range(2)] == [0, 1]
    assert (await bench.end_of(scan_id)).error == "out of memory"


async def test_the_sweeper_ends_a_cancelled_scan_whose_job_is_gone(bench: BullBench) -> None:
    scan_id = await bench.submit()
    worker = await bench.start(scan_for_ever)
    await reaches(bench, scan_id, Phase.FETCH)
    await worker.stop(timeout_s=0)
    await bench.queue.client.delete(bench.queue.key(scan_id))
    await bench.gateway.cancel(scan_id, "alice")
    assert (await bench.store.snapshot(scan_id)).status is ScanStatus.CANCELLING
    sweeper = Sweeper(bench.store, bench.queue, bench.clock)
    assert [await sweeper.sweep() for _ in range(2)] == [0, 1]
    assert (await bench.end_of(scan_id)).error == "Cancelled by alice"


async def test_one_process_holds_the_lease_until_it_lets_go(bench: BullBench) -> None:
    first, second = (Lease(bench.queue, f"{bench.queue.address.prefix}:lease") for _ in range(2))
    assert [await first.hold(), await second.hold(), await first.hold()] == [True, False, True]
    await second.release()
    assert not await second.hold()
    await first.release()
    assert await second.hold()


async def test_a_foreign_workers_reports_reach_the_log_once_though_two_keep_house(bench: BullBench) -> None:
    keepers = [bench.keep_house(), bench.keep_house()]
    scan_id = await bench.submit()
    await until(lambda: all(keeper.alive for keeper in keepers))
    await until(lambda: _led(bench), 30)

    async def process(job: bullmq.Job, _token: str) -> dict[str, object]:
        for percent in (10, 30, 60):
            await job.updateProgress(percent)
        await job.updateProgress({"progress": 90, "status": "persist", "message": "nearly"})
        return {"artifactsCreated": 7, "durationMs": 1500, "secret": object.__name__}

    worker = bench.foreign_worker(process)
    end = await bench.end_of(scan_id)
    await worker.close()
    assert end.result is not None
    assert (end.kind, end.result.artifacts, end.result.duration_s) == (EventKind.COMPLETE, 7, 1.5)
    percents = [
        event.progress_percent for event in await bench.history(scan_id) if event.step or event.message == "nearly"
    ]
    assert percents == [10, 30, 60, 90]


async def test_what_was_reported_while_nobody_kept_house_is_written_down_by_the_next(bench: BullBench) -> None:
    first = bench.keep_house()
    await until(lambda: _led(bench), 30)
    scan_id = await bench.submit()
    await first.stop()

    async def process(job: bullmq.Job, _token: str) -> dict[str, object]:
        for percent in (10, 60):
            await job.updateProgress(percent)
        return {"artifactsCreated": 7}

    worker = bench.foreign_worker(process)
    await bench.job_ends(scan_id)
    await worker.close()
    assert not (await bench.store.snapshot(scan_id)).terminal
    bench.keep_house()
    assert (await bench.end_of(scan_id)).kind is EventKind.COMPLETE
    assert [event.progress_percent for event in await bench.history(scan_id) if event.step] == [10, 60]


async def test_a_foreign_workers_failed_attempts_are_retries_and_the_last_is_the_end(bench: BullBench) -> None:
    bench.keep_house()
    await until(lambda: _led(bench), 30)
    scan_id = await bench.submit()

    async def process(job: bullmq.Job, _token: str) -> None:
        raise ValueError(f"broken {job.attemptsStarted}")

    worker = bench.foreign_worker(process)
    end = await bench.end_of(scan_id)
    await worker.close()
    assert (end.kind, end.error) == (EventKind.FAILED, "broken 3")
    assert await turns(bench, scan_id) == [Turn.RETRYING, Turn.RETRYING]


async def _led(bench: BullBench) -> bool:
    return bool(await bench.queue.client.exists(f"{bench.queue.address.prefix}:jobs:housekeeper"))


async def test_our_own_workers_reports_are_not_bridged(bench: BullBench) -> None:
    bench.keep_house()
    await until(lambda: _led(bench), 30)
    scan_id = await bench.submit()
    await bench.start(scan_well)
    await bench.end_of(scan_id)
    await bench.job_ends(scan_id)
    other = await bench.submit()
    await bench.end_of(other)
    phases = [event.phase for event in await bench.history(scan_id)]
    assert phases == [Phase.QUEUED, Phase.DISCOVERY, Phase.FETCH, None]


async def test_a_queue_has_the_stores_prefix_where_it_has_one_and_bull_where_not(redis_url: str) -> None:
    bench = BullBench(redis_url)
    assert bench.queue.key("wait") == f"{bench.queue.address.prefix}:scanner:wait"
    plain = open_queue("redis://127.0.0.1:1/0", bench.store, bench.settings)
    named = open_queue("redis://127.0.0.1:1/0", bench.store, bench.settings, prefix="acme")
    assert (plain.key("wait"), named.key("wait")) == ("bull:scanner:wait", "acme:scanner:wait")
    assert json.dumps(bench.settings.prefix) == '"bull"'
