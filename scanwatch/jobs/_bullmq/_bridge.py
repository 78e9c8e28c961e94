"""Writes into the log what workers that are not ours report to BullMQ, each report once."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import bullmq
from msgspec.structs import replace

from ... import wire
from ...errors import ScanEnded, ScannerError, UnknownRecord, WireError
from ...model import Event, FailureCode
from ...snapshot import Snapshot
from ...storage import Store
from .._clock import Clock
from .._events import retrying, starting
from ._foreign import adopt, end_of
from ._queue import BullQueue, JobState

BLOCK_MS = 1000
BATCH = 500

_logger = logging.getLogger(__name__)


class Bridge:
    """Follows the events of the queue from where the last bridge was.

    An entry's id is the key of the event it becomes, so that one read twice is written once.
    """

    def __init__(self, store: Store, queue: BullQueue, clock: Clock, repo_url: str) -> None:
        self._store = store
        self._queue = queue
        self._clock = clock
        self._repo_url = repo_url
        self._events = queue.key("events")
        self._place = f"{queue.address.prefix}:jobs:bridge"
        self._cursor = "$"

    async def begin(self) -> None:
        """Find out where the last bridge was; the first one begins now."""
        place = await self._queue.said(self._queue.client.get(self._place))
        if place is None:
            newest = await self._queue.said(self._queue.client.xrevrange(self._events, count=1))
            place = newest[0][0] if newest else "0-0"
        self._cursor = str(place)

    async def step(self) -> int:
        """Wait up to a second for events of the queue and write down what is for us to write; returns how many came."""
        read = self._queue.client.xread({self._events: self._cursor}, count=BATCH, block=BLOCK_MS)
        batches = await self._queue.said(read)
        entries = batches[0][1] if batches else []
        ours = await self._ours(entries)
        for entry_id, fields in entries:
            if fields.get("event") not in _KNOWN or fields.get("jobId") not in ours:
                with suppress(ScanEnded, UnknownRecord):
                    await self._take(entry_id, fields)
            self._cursor = entry_id
        if entries:
            await self._queue.said(self._queue.client.set(self._place, self._cursor))
        return len(entries)

    async def _ours(self, entries: Sequence[tuple[str, Mapping[str, str]]]) -> frozenset[str]:
        """The jobs that our own workers took last, of which the log knows what they do before the queue does."""
        jobs = {fields["jobId"] for _, fields in entries if fields.get("event") in _KNOWN and "jobId" in fields}
        return await self._queue.ours_of(jobs)

    async def _take(self, entry_id: str, fields: Mapping[str, str]) -> None:
        what, job_id = fields.get("event"), fields.get("jobId")
        step = None if what is None else _STEPS.get(what)
        if step is None or job_id is None:
            return
        if what == "active" and await self._queue.holder_is_ours(job_id) is not False:
            return
        job = await self._queue.job(job_id)
        if job is None:
            return
        try:
            scan_id = await adopt(self._store, self._queue, job, self._repo_url, self._clock.now())
        except (WireError, ScannerError) as error:
            _logger.info("job %s is not followed: %s", job_id, error)
            return
        event = step(await self._store.snapshot(scan_id), job, _time(entry_id), fields)
        if event is not None:
            await self._store.append(event, key=f"bullmq:{entry_id}")


def _began(snapshot: Snapshot, _job: bullmq.Job, time: datetime, _fields: Mapping[str, str]) -> Event | None:
    """A worker that is not ours has taken a job, and may never say so itself."""
    return starting(snapshot.scan_id, time, snapshot.attempt)


def _reported(snapshot: Snapshot, job: bullmq.Job, time: datetime, fields: Mapping[str, str]) -> Event | None:
    """It says how far it is."""
    try:
        event = wire.decode_job_progress(snapshot.scan_id, _json(fields.get("data")), time)
    except WireError as error:
        _logger.info("a report of job %s is not understood: %s", job.id, error)
        return None
    return replace(event, attempt=snapshot.attempt)


def _delayed(snapshot: Snapshot, job: bullmq.Job, time: datetime, fields: Mapping[str, str]) -> Event | None:
    """An attempt failed, or a job was handed back. Of our own workers' failures the log knows before the queue does."""
    if snapshot.attempt > job.attemptsMade or not job.failedReason:
        return None
    delay_s = round(max(0.0, int(fields.get("delay", "0")) / 1000 - time.timestamp()), 1)
    failure = ScannerError(job.failedReason, code=FailureCode.INTERNAL)
    attempt, attempts = snapshot.attempt, max(1, job.attempts)
    scan_id = snapshot.scan_id
    return retrying(scan_id, time, failure, attempt=attempt, attempts=attempts, phase=None, delay_s=delay_s)


def _ended(snapshot: Snapshot, job: bullmq.Job, time: datetime, fields: Mapping[str, str]) -> Event | None:
    """It ended. Of an end that our own workers brought about the log knows before the queue does."""
    if snapshot.terminal or not job.finishedOn:
        return None
    completed = fields["event"] == "completed"
    state = JobState(True, completed, failed_reason=job.failedReason, returned=job.returnvalue)
    return end_of(snapshot.scan_id, state, snapshot.attempt, time)


_STEPS = {"active": _began, "progress": _reported, "delayed": _delayed, "completed": _ended, "failed": _ended}
"""What an event of the queue is to the log."""

_KNOWN = frozenset({"active", "progress", "completed"})
"""What is no news of our own workers. Another's failed attempt is, though one of ours has the job by now."""


def _time(entry_id: str) -> datetime:
    """When an entry was written: its id begins with that."""
    return datetime.fromtimestamp(int(entry_id.partition("-")[0]) / 1000, UTC)


def _json(text: str | None) -> Any:
    try:
        return json.loads(text or "null")
    except ValueError:
        return text
