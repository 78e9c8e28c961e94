"""Mends what a crash left between the log and the queue: every accepted scan has a job, or has ended."""

from __future__ import annotations

import logging
from contextlib import suppress

from ...errors import ScanEnded, UnknownRecord
from ...model import ScanStatus
from ...storage import Store
from .._clock import Clock
from .._events import asked_by, cancelled
from .._journal import history
from ._foreign import end_of
from ._queue import BullQueue, JobState

_logger = logging.getLogger(__name__)


class Sweeper:
    """Looks at the jobs of all unfinished scans. What it finds wrong twice in a row it mends.

    Once is no news: between writing a scan down and putting it into the queue there is always a moment.
    """

    def __init__(self, store: Store, queue: BullQueue, clock: Clock) -> None:
        self._store = store
        self._queue = queue
        self._clock = clock
        self._suspects: frozenset[str] = frozenset()

    async def sweep(self) -> int:
        """Look at everything once; returns how many scans were mended."""
        jobs = await self._queue.look(await self._store.unfinished())
        wrong = frozenset(scan_id for scan_id, job in jobs.items() if job is None or job.ended)
        mended = wrong & self._suspects
        for scan_id in mended:
            with suppress(ScanEnded, UnknownRecord):
                await self._mend(scan_id, jobs[scan_id])
        self._suspects = wrong - mended
        return len(mended)

    async def _mend(self, scan_id: str, job: JobState | None) -> None:
        snapshot = await self._store.snapshot(scan_id)
        now = self._clock.now()
        if snapshot.status is ScanStatus.CANCELLING:
            by = asked_by(await history(self._store, scan_id))
            await self._store.append(cancelled(scan_id, now, snapshot.attempt, by))
        elif job is not None:
            await self._store.append(end_of(scan_id, job, snapshot.attempt, now))
        else:
            # Whoever still runs it holds no job any more, and is fenced.
            await self._queue.put(scan_id, runs=await self._store.begin_run(scan_id))
        _logger.warning("scan %s had no job that would end it; that is mended", scan_id, extra={"scan_id": scan_id})
