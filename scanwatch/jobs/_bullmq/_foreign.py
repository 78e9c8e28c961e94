"""Jobs of other producers, and the ends that other workers brought about, as this project has them."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from uuid import uuid4

import bullmq

from ... import wire
from ...errors import DuplicateRecord, ScannerError, UnknownRecord
from ...model import Event, FailureCode, Repository, ScanRequest
from ...storage import ScanStore
from .._events import failed, queued
from ._queue import BullQueue, JobState

REPO_URL = "https://github.com/{owner}/{repo}.git"
"""The target of a job that says no more than owner and repository."""

_STALLED = "job stalled more than allowable limit"
"""What BullMQ says of a job that was taken from lost workers too often."""


async def adopt(store: ScanStore, queue: BullQueue, job: bullmq.Job, repo_url: str, now: datetime) -> str:
    """The id of a job's scan, which is put on record if another producer made the job.

    Raises:
        UnknownRecord: the job is of our making, and its scan was deleted.
        WireError: it is no job of a scan.
        ScannerError: nobody can tell what it is to scan.
    """
    said = wire.decode_job(job.data, job.id)
    scan_id = said.scan_id or job.id
    if scan_id != job.id:
        await queue.note_job_id(scan_id, job.id)
    try:
        await store.request(scan_id)
    except UnknownRecord:
        if wire.is_own_job(job.opts):
            raise
        repository = await _repository(store, said, repo_url, now)
        request = ScanRequest(scan_id, repository.id, repository.target)
        with suppress(DuplicateRecord):  # another worker was faster
            await store.create_scan(request, queued(scan_id, now))
    return scan_id


async def _repository(store: ScanStore, said: wire.JobData, repo_url: str, now: datetime) -> Repository:
    """The repository that a job names, registered if it is new."""
    if said.repository_id is not None:
        with suppress(UnknownRecord):
            return await store.repository(said.repository_id)
    if not said.owner or not said.repo:
        raise ScannerError(
            f"Repository {said.repository_id} is not registered, and the job names no owner and repo to make a target "
            "of. Register the repository, or let the producer name them.",
            code=FailureCode.INVALID,
            retryable=False,
        )
    target = repo_url.format(owner=said.owner, repo=said.repo)
    name = f"{said.owner}/{said.repo}"
    try:
        return await store.create_repository(Repository(said.repository_id or str(uuid4()), name, target, now, now))
    except DuplicateRecord:
        return next(each for each in await store.repositories() if target == each.target)


def end_of(scan_id: str, job: JobState, attempt: int, now: datetime) -> Event:
    """The terminal event of a scan whose job has ended while the log says nothing of it."""
    if job.completed:
        return wire.decode_job_result(scan_id, job.returned, now)
    reason = job.failed_reason or "The job failed without a reason."
    if reason == _STALLED:
        reason = f"Its worker was lost too often while it ran this scan ({reason}); look into the workers' logs."
    return failed(scan_id, now, ScannerError(reason, code=FailureCode.INTERNAL), attempt)
