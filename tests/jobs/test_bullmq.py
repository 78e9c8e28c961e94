"""The shared queue runs every scan to one end, over attempts, cancels, stops and lost workers; on a real Redis.

@gxp-spec SPEC-003-006 "Shared queue"
@trace US-003-003
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import asyncio
import json

import pytest

from scanwatch.errors import ScannerError
from scanwatch.jobs._bullmq import Housekeeper, open_queue
from scanwatch.jobs._bullmq._lease import Lease
from scanwatch.jobs._bullmq._sweeper import Sweeper
from scanwatch.model import EventKind, FailureCode, Phase, ScanOutcome, ScanStatus, Turn
from scanwatch.scanners import Report, Task
from scanwatch.storage import RepositoryGone
from tests.jobs.bench import OUTCOME, fetched, scan_for_ever, scan_well, until
from tests.jobs.bull_bench import BullBench
from tests.redis_server import RedisServer, ask

pytestmark = pytest.mark.needs("redis")


async def reaches(bull: BullBench, scan_id: str, phase: Phase) -> None:
    async def there() -> bool:
        return (await bull.store.snapshot(scan_id)).phase is phase

    await until(there, 30)


async def test_a_job_is_what_producers_and_workers_in_the_field_expect(bull: BullBench) -> None:
    scan_id = await bull.submit()
    job = await bull.queue.job(scan_id)
    assert job.name == "scan-repository"
    assert job.data == {"repositoryId": bull.repository_id, "scanId": scan_id, "owner": "acme", "repo": "payments"}
    assert (job.opts["attempts"], job.opts["backoff"]) == (3, {"type": "exponential", "delay": 50})
    assert await bull.queue.position(scan_id) == 1


async def test_a_scan_runs_and_its_job_keeps_the_progress_and_the_result(bull: BullBench) -> None:
    scan_id = await bull.submit()
    await bull.start(scan_well)
    assert (await bull.end_of(scan_id)).kind is EventKind.COMPLETE
    job = await bull.job_ends(scan_id)
    assert job.progress == 100
    assert job.returnvalue["artifactsCreated"] == 1
    assert (await bull.store.artifacts(scan_id)).rows == OUTCOME.artifacts


async def test_scans_that_waited_together_are_each_run_once(bull: BullBench) -> None:
    scan_ids = [await bull.submit() for _ in range(8)]
    await bull.start(scan_well, concurrency=8)
    for scan_id in scan_ids:
        job = await bull.job_ends(scan_id)
        assert (job.attemptsStarted, job.failedReason) == (1, None)
        assert (await bull.end_of(scan_id)).kind is EventKind.COMPLETE


async def test_scans_that_waited_together_are_each_cancelled_and_handed_back(bull: BullBench) -> None:
    scan_ids = [await bull.submit() for _ in range(4)]
    worker = await bull.start(scan_for_ever, concurrency=4)
    await until(lambda: worker.running == set(scan_ids), 30)
    *cancelled, left = scan_ids
    for scan_id in cancelled:
        await bull.gateway.cancel(scan_id, "alice")
    assert {(await bull.end_of(scan_id)).code for scan_id in cancelled} == {FailureCode.CANCELLED}
    await reaches(bull, left, Phase.FETCH)
    await worker.stop(timeout_s=0)
    assert (await bull.store.snapshot(left)).phase is Phase.QUEUED


async def test_a_running_job_shows_how_far_its_scan_is(bull: BullBench) -> None:
    scan_id = await bull.submit()
    await bull.start(scan_for_ever)

    async def shown() -> bool:
        return (await bull.queue.job(scan_id)).progress == 20

    await until(shown, 30)


async def test_an_attempt_that_fails_is_tried_again_by_the_queue(bull: BullBench) -> None:
    async def scan(task: Task, report: Report) -> ScanOutcome:
        if task.attempt < 3:
            raise ScannerError(f"no {task.attempt}")
        return await scan_well(task, report)

    scan_id = await bull.submit()
    await bull.start(scan)
    end = await bull.end_of(scan_id)
    assert (end.kind, end.attempt) == (EventKind.COMPLETE, 3)
    assert await bull.turns(scan_id) == [Turn.RETRYING, Turn.RETRYING]
    job = await bull.job_ends(scan_id)
    assert (job.attemptsMade, job.failedReason) == (3, "no 2")


async def test_a_scan_fails_when_its_attempts_are_used_up_and_so_does_its_job(bull: BullBench) -> None:
    async def scan(task: Task, report: Report) -> ScanOutcome:
        raise ScannerError(f"no {task.attempt}")

    scan_id = await bull.submit()
    await bull.start(scan)
    end = await bull.end_of(scan_id)
    assert (end.kind, end.error, end.attempt) == (EventKind.FAILED, "no 3", 3)
    assert (await bull.job_ends(scan_id)).failedReason == "no 3"


async def test_what_cannot_be_retried_fails_at_once(bull: BullBench) -> None:
    async def scan(task: Task, report: Report) -> ScanOutcome:
        raise ScannerError("gone", code=FailureCode.NOT_FOUND, retryable=False)

    scan_id = await bull.submit()
    await bull.start(scan)
    assert (await bull.end_of(scan_id)).code is FailureCode.NOT_FOUND
    assert (await bull.job_ends(scan_id)).attemptsMade == 1


async def test_a_gateway_cancels_a_scan_that_runs_elsewhere(bull: BullBench) -> None:
    scan_id = await bull.submit()
    worker = await bull.start(scan_for_ever)
    await reaches(bull, scan_id, Phase.FETCH)
    await bull.gateway.cancel(scan_id, "alice")
    end = await bull.end_of(scan_id)
    assert (end.code, end.error) == (FailureCode.CANCELLED, "Cancelled by alice")
    await until(lambda: not worker.running)


async def test_a_gateway_cancels_a_scan_that_waits_without_a_worker(bull: BullBench) -> None:
    scan_id = await bull.submit()
    await bull.gateway.cancel(scan_id, "alice")
    assert (await bull.end_of(scan_id)).code is FailureCode.CANCELLED
    assert (await bull.queue.look([scan_id]))[scan_id] is None


async def test_a_deleted_scan_stops_and_does_not_come_back(bull: BullBench) -> None:
    scan_id = await bull.submit()
    worker = await bull.start(scan_for_ever)
    await reaches(bull, scan_id, Phase.FETCH)
    await bull.gateway.forget(scan_id)
    await bull.store.delete_repository(bull.repository_id)
    assert (await bull.job_ends(scan_id)).failedReason == "The scan was deleted."
    assert not worker.running
    assert await bull.store.unfinished() == []


async def test_whoever_watches_a_scan_that_runs_elsewhere_hears_its_end_before_its_repository_is_gone(
    bull: BullBench,
) -> None:
    heard: list[object] = []
    bull.store.listen(lambda events: heard.extend(event.kind for event in events))
    bull.store.listen_to_changes(heard.append)
    scan_id = await bull.submit()
    await bull.start(scan_for_ever)
    await reaches(bull, scan_id, Phase.FETCH)
    await bull.gateway.cancel(scan_id, "alice")
    await bull.gateway.forget(scan_id)
    await bull.store.delete_repository(bull.repository_id)
    gone = RepositoryGone(bull.repository_id)
    await until(lambda: gone in heard, 30)
    assert heard[-2:] == [EventKind.FAILED, gone]


async def test_a_stop_lets_a_scan_finish(bull: BullBench) -> None:
    go_on = asyncio.Event()

    async def scan(task: Task, report: Report) -> ScanOutcome:
        report(fetched(1))
        await go_on.wait()
        return OUTCOME

    scan_id = await bull.submit()
    worker = await bull.start(scan)
    await reaches(bull, scan_id, Phase.FETCH)
    stopping = asyncio.create_task(worker.stop(timeout_s=20))
    await asyncio.sleep(0.05)
    go_on.set()
    await stopping
    assert (await bull.end_of(scan_id)).kind is EventKind.COMPLETE
    assert worker.handed_back == 0


async def test_a_stop_hands_back_what_does_not_finish_and_another_worker_takes_it(bull: BullBench) -> None:
    scan_id, waiting = await bull.submit(), await bull.submit()
    worker = await bull.start(scan_for_ever, concurrency=1)
    await reaches(bull, scan_id, Phase.FETCH)
    await worker.stop(timeout_s=0)
    assert (await bull.store.snapshot(scan_id)).phase is Phase.QUEUED
    await bull.start(scan_well)
    end = await bull.end_of(scan_id)
    assert (end.kind, end.attempt) == (EventKind.COMPLETE, 1)
    assert await bull.turns(scan_id) == []
    assert (await bull.job_ends(scan_id)).stalledCounter == 0
    assert (await bull.end_of(waiting)).kind is EventKind.COMPLETE


async def test_a_worker_that_is_stopped_at_any_moment_leaves_nothing_running(bull: BullBench) -> None:
    before = asyncio.all_tasks()
    for turns in range(0, 120, 8):
        worker = await bull.start(scan_well)
        for _ in range(turns):
            await asyncio.sleep(0)
        await worker.stop(timeout_s=0)
        await until(lambda: asyncio.all_tasks() <= before, 30)


async def test_a_worker_that_lost_its_lock_is_fenced(bull: BullBench) -> None:
    go_on = asyncio.Event()

    async def scan(task: Task, report: Report) -> ScanOutcome:
        report(fetched(1))
        await go_on.wait()
        report(fetched(9))
        return OUTCOME

    scan_id = await bull.submit()
    await bull.start(scan)
    await reaches(bull, scan_id, Phase.FETCH)
    job = await bull.queue.job(scan_id)
    assert job.attemptsStarted == 1
    await bull.store.begin_run(scan_id, 2)
    before = await bull.history(scan_id)
    go_on.set()
    await asyncio.sleep(0.05)
    assert await bull.history(scan_id) == before


async def test_a_worker_that_lost_its_lock_lets_go_and_says_so_once(
    bull: BullBench, caplog: pytest.LogCaptureFixture
) -> None:
    scan_id = await bull.submit()
    worker = await bull.start(scan_for_ever)
    await reaches(bull, scan_id, Phase.FETCH)
    await bull.queue.client.set(bull.queue.key(f"{scan_id}:lock"), "another worker's")
    await until(lambda: worker.locks_lost == 1 and not worker.running, 30)
    said = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert said == ["the lock of a scan was lost; another worker takes it"]


async def test_a_job_lost_too_often_fails_its_scan_without_being_run(bull: BullBench) -> None:
    scan_id = await bull.submit()
    await bull.queue.client.hset(bull.queue.key(scan_id), "defa", "job stalled more than allowable limit")
    await bull.start(scan_well)
    end = await bull.end_of(scan_id)
    assert (end.kind, end.code) == (EventKind.FAILED, FailureCode.INTERNAL)
    assert "lost too often" in str(end.error)


async def test_the_job_of_an_ended_scan_is_let_go_without_running_it(bull: BullBench) -> None:
    scan_id = await bull.submit()
    await bull.start(scan_well)
    end = await bull.end_of(scan_id)
    job = await bull.job_ends(scan_id)
    await job.retry("completed")

    async def ran_again() -> bool:
        return (await bull.queue.job(scan_id)).attemptsStarted == 2

    await until(ran_again, 30)
    await bull.job_ends(scan_id)
    assert (await bull.history(scan_id))[-1] == end


async def test_the_sweeper_enqueues_a_scan_that_has_no_job_the_second_time_it_sees_it(bull: BullBench) -> None:
    scan_id = await bull.submit()
    await bull.queue.discard(scan_id)
    sweeper = Sweeper(bull.store, bull.queue, bull.clock)
    assert [await sweeper.sweep() for _ in range(3)] == [0, 1, 0]
    await bull.start(scan_well)
    assert (await bull.end_of(scan_id)).kind is EventKind.COMPLETE


async def test_a_scan_put_in_anew_is_no_longer_its_old_workers(bull: BullBench) -> None:
    go_on = asyncio.Event()

    async def scan(task: Task, report: Report) -> ScanOutcome:
        report(fetched(1))
        await go_on.wait()
        return OUTCOME

    scan_id = await bull.submit()
    stale = await bull.start(scan)
    await reaches(bull, scan_id, Phase.FETCH)
    await bull.queue.client.delete(*[bull.queue.key(name) for name in (scan_id, f"{scan_id}:lock", "active")])
    sweeper = Sweeper(bull.store, bull.queue, bull.clock)
    assert [await sweeper.sweep() for _ in range(2)] == [0, 1]
    go_on.set()
    await until(lambda: scan_id not in stale.running)
    assert (await bull.end_of(scan_id)).kind is EventKind.COMPLETE
    assert Turn.RESTARTED in await bull.turns(scan_id)


async def test_the_sweeper_ends_a_scan_whose_job_ended_without_a_word(bull: BullBench) -> None:
    scan_id = await bull.submit()
    await bull.queue.client.hset(bull.queue.key(scan_id), mapping={"finishedOn": "1", "failedReason": "out of memory"})
    sweeper = Sweeper(bull.store, bull.queue, bull.clock)
    assert [await sweeper.sweep() for _ in range(2)] == [0, 1]
    assert (await bull.end_of(scan_id)).error == "out of memory"


async def test_the_sweeper_ends_a_cancelled_scan_whose_job_is_gone(bull: BullBench) -> None:
    scan_id = await bull.submit()
    worker = await bull.start(scan_for_ever)
    await reaches(bull, scan_id, Phase.FETCH)
    await worker.stop(timeout_s=0)
    await bull.queue.client.delete(bull.queue.key(scan_id))
    await bull.gateway.cancel(scan_id, "alice")
    assert (await bull.store.snapshot(scan_id)).status is ScanStatus.CANCELLING
    sweeper = Sweeper(bull.store, bull.queue, bull.clock)
    assert [await sweeper.sweep() for _ in range(2)] == [0, 1]
    assert (await bull.end_of(scan_id)).error == "Cancelled by alice"


async def test_a_full_redis_is_named_once_in_words_and_jobs_are_taken_when_there_is_room_again(
    own_redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    bull = BullBench(own_redis.url)
    await bull.open()
    scan_id = await bull.submit()
    ask(own_redis, "CONFIG", "SET", "maxmemory", "1mb")
    await bull.start(scan_well)
    await until(lambda: bool(caplog.records), 30)
    await asyncio.sleep(0.3)  # so long BullMQ needs to meet it several times
    ask(own_redis, "CONFIG", "SET", "maxmemory", "0")
    assert (await bull.end_of(scan_id)).kind is EventKind.COMPLETE
    await bull.job_ends(scan_id)
    said = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(said) == len(set(said))
    assert "it is full: raise its maxmemory" in said[0]
    assert not any(record.exc_info for record in caplog.records)
    await bull.close()


async def test_a_worker_that_is_not_let_in_says_why_and_can_be_stopped(
    own_redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    bull = BullBench(own_redis.url)
    await bull.open()
    ask(own_redis, "CONFIG", "SET", "requirepass", "another")
    worker = await bull.start(scan_well)
    await until(lambda: any("it asks for a password" in record.getMessage() for record in caplog.records), 30)
    await worker.stop(timeout_s=0)
    assert not any(record.exc_info for record in caplog.records)
    await bull.close()


async def test_one_process_holds_the_lease_until_it_lets_go(bull: BullBench) -> None:
    first, second = (Lease(bull.queue, f"{bull.queue.address.prefix}:lease") for _ in range(2))
    assert [await first.hold(), await second.hold(), await first.hold()] == [True, False, True]
    await second.release()
    assert not await second.hold()
    await first.release()
    assert await second.hold()


async def test_processes_that_use_two_queues_for_one_store_are_told_so(
    bull: BullBench, caplog: pytest.LogCaptureFixture
) -> None:
    bull.keep_house()
    await until(lambda: bull.queue.client.exists(f"{bull.queue.address.prefix}:jobs:prefix"), 30)
    other = open_queue(bull.url, bull.store, bull.settings, prefix="elsewhere")
    stranger = Housekeeper(bull.store, other, bull.clock)
    stranger.start()
    await until(lambda: bool(caplog.records), 30)
    await stranger.stop()
    await other.close()
    (said,) = {record.getMessage() for record in caplog.records}
    assert f"below {bull.queue.settings.prefix}:, and this one below elsewhere:" in said
    assert "the same --queue-prefix" in said


async def test_a_queue_has_the_stores_prefix_where_it_has_one_and_bull_where_not(redis_url: str) -> None:
    bull = BullBench(redis_url)
    assert bull.queue.key("wait") == f"{bull.queue.address.prefix}:scanner:wait"
    plain = open_queue("redis://127.0.0.1:1/0", bull.store, bull.settings)
    named = open_queue("redis://127.0.0.1:1/0", bull.store, bull.settings, prefix="acme")
    assert (plain.key("wait"), named.key("wait")) == ("bull:scanner:wait", "acme:scanner:wait")
    assert json.dumps(bull.settings.prefix) == '"bull"'
