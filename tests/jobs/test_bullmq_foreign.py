"""Scans of other makers: jobs that another producer put in, and scans that another's worker runs; on a real Redis.

@gxp-spec SPEC-003-006 "Shared queue"
@trace US-003-003
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import bullmq
import pytest

from scanwatch.model import EventKind, Phase, ScanRequest, Turn
from tests.jobs.bench import scan_well, until
from tests.jobs.bull_bench import BullBench

pytestmark = pytest.mark.needs("redis")


async def test_another_producers_job_is_put_on_record_and_run(bull: BullBench) -> None:
    scan_id, repository_id = "9cc8a5d2-3f0e-4a37-9b1c-5f1f6f0c2a11", "6f9f5a5e-54a2-4f0e-8d25-0b6a5a3f1c22"
    data = {"repositoryId": repository_id, "scanId": scan_id, "owner": "acme", "repo": "ledger"}
    await produce(bull, data)
    await bull.start(scan_well, repo_url="test://{owner}/{repo}")

    async def known() -> bool:
        return scan_id in await bull.store.unfinished() or (await bull.queue.job("foreign")).finishedOn

    await until(known, 30)
    assert (await bull.end_of(scan_id)).kind is EventKind.COMPLETE
    assert (await bull.store.request(scan_id)) == ScanRequest(scan_id, repository_id, "test://acme/ledger")
    assert (await bull.store.repository(repository_id)).name == "acme/ledger"


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
async def test_a_job_that_names_no_scan_fails_with_the_reason_and_leaves_nothing(bull: BullBench, data: object) -> None:
    await produce(bull, data)
    await bull.start(scan_well)

    async def failed() -> bool:
        return bool((await bull.queue.job("foreign")).failedReason)

    await until(failed, 30)
    assert await bull.store.unfinished() == []


async def produce(bull: BullBench, data: object) -> None:
    """What any producer does."""
    settings = {"connection": bull.queue.client, "prefix": bull.queue.settings.prefix}
    await bullmq.Queue("scanner", settings).add("scan-repository", data, {"jobId": "foreign", "attempts": 1})


async def test_a_foreign_workers_reports_reach_the_log_once_though_two_keep_house(bull: BullBench) -> None:
    keepers = [bull.keep_house(), bull.keep_house()]
    scan_id = await bull.submit()
    await until(lambda: all(keeper.alive for keeper in keepers))
    await until(lambda: _led(bull), 30)

    async def process(job: bullmq.Job, _token: str) -> dict[str, object]:
        for percent in (10, 30, 60):
            await job.updateProgress(percent)
        await job.updateProgress({"progress": 90, "status": "persist", "message": "nearly"})
        return {"artifactsCreated": 7, "durationMs": 1500, "secret": object.__name__}

    worker = bull.foreign_worker(process)
    end = await bull.end_of(scan_id)
    await worker.close()
    assert end.result is not None
    assert (end.kind, end.result.artifacts, end.result.duration_s) == (EventKind.COMPLETE, 7, 1.5)
    percents = [
        event.progress_percent for event in await bull.history(scan_id) if event.step or event.message == "nearly"
    ]
    assert percents == [10, 30, 60, 90]


async def test_what_was_reported_while_nobody_kept_house_is_written_down_by_the_next(bull: BullBench) -> None:
    first = bull.keep_house()
    await until(lambda: _led(bull), 30)
    scan_id = await bull.submit()
    await first.stop()

    async def process(job: bullmq.Job, _token: str) -> dict[str, object]:
        for percent in (10, 60):
            await job.updateProgress(percent)
        return {"artifactsCreated": 7}

    worker = bull.foreign_worker(process)
    await bull.job_ends(scan_id)
    await worker.close()
    assert not (await bull.store.snapshot(scan_id)).terminal
    bull.keep_house()
    assert (await bull.end_of(scan_id)).kind is EventKind.COMPLETE
    assert [event.progress_percent for event in await bull.history(scan_id) if event.step] == [10, 60]


async def test_a_foreign_workers_failed_attempts_are_retries_and_the_last_is_the_end(bull: BullBench) -> None:
    bull.keep_house()
    await until(lambda: _led(bull), 30)
    scan_id = await bull.submit()

    async def process(job: bullmq.Job, _token: str) -> None:
        raise ValueError(f"broken {job.attemptsStarted}")

    worker = bull.foreign_worker(process)
    end = await bull.end_of(scan_id)
    await worker.close()
    assert (end.kind, end.error) == (EventKind.FAILED, "broken 3")
    assert await bull.turns(scan_id) == [Turn.RETRYING, Turn.RETRYING]


async def _led(bull: BullBench) -> bool:
    return bool(await bull.queue.client.exists(f"{bull.queue.address.prefix}:jobs:housekeeper"))


async def test_our_own_workers_reports_are_not_bridged(bull: BullBench) -> None:
    bull.keep_house()
    await until(lambda: _led(bull), 30)
    scan_id = await bull.submit()
    await bull.start(scan_well)
    await bull.end_of(scan_id)
    await bull.job_ends(scan_id)
    other = await bull.submit()
    await bull.end_of(other)
    phases = [event.phase for event in await bull.history(scan_id)]
    assert phases == [Phase.QUEUED, Phase.DISCOVERY, Phase.FETCH, None]
