"""A worker of the queue: takes jobs, runs their scans one attempt a job, and sees that each ends, here or elsewhere."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import bullmq

from ... import wire
from ...errors import Fenced, ScanEnded, ScannerError, StoreError, UnknownRecord, WireError
from ...model import Event, EventKind, ScanStatus
from ...scanners import Scanner, scanner_for
from ...storage import Store
from ...storage._redis._faults import FAULTS, in_words
from .._clock import Clock, SystemClock
from .._ending import end_tasks
from .._events import asked_by
from .._journal import history
from .._patience import patiently
from .._run import MAX_LOST_WORKERS, Claim, Later, Rules, Run
from .._saying import Saying
from ._foreign import REPO_URL, adopt, end_of
from ._queue import OURS, BullQueue, connect

LOOK_S = 0.5
"""How often a worker looks whether one of its scans is to stop, and tells its job how far the scan is."""

RETRY_S = 1.0
"""How long a worker waits before it asks a Redis again that did not answer."""

LAST_WORDS_S = 4.0
"""How long a scan that is handed back may take to write that down."""

END_S = 5.0

_LOCK_LOST = "could not renew lock"
"""How BullMQ begins to say in words what it tells by an event as well."""

CLOSE_S = 6.0
"""How long the closing of a worker may take before it is told again to end: longer than it gives what it closes."""

_logger = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class _Held:
    """A job in this worker's hands.

    Nothing of a job tells it from all others: those that BullMQ fetches at once have one token, and one whose lock was
    lost may come again while its stale run is still being stopped.
    """

    job: bullmq.Job
    scan_id: str
    run: Run
    task: asyncio.Task[Event | None]
    percents: list[int]
    told: int | None = None
    deleted: bool = False


class BullWorker:
    """Runs jobs of the queue, ``concurrency`` at once.

    A scan whose worker is lost is given to another one after ``lock_s``; whatever the lost one still reports is fenced.

    Args:
        max_events_per_s: at most so many progress events a second of one scan; 0 keeps every report.
        repo_url: the target of a job of another producer: ``{owner}`` and ``{repo}`` are filled in.
        scanner_for: which scanner takes which target.

    Attributes:
        ended: how many scans ended here, by the kind of their end.
        handed_back: how many were given back to the queue unfinished.
        locks_lost: how many another worker took over.
    """

    def __init__(
        self,
        store: Store,
        queue: BullQueue,
        *,
        concurrency: int = 3,
        max_events_per_s: float = 10.0,
        repo_url: str = REPO_URL,
        clock: Clock | None = None,
        scanner_for: Callable[[str], type[Scanner]] = scanner_for,
    ) -> None:
        self._store = store
        self._queue = queue
        self._concurrency = concurrency
        self._max_events_per_s = max_events_per_s
        self._repo_url = repo_url
        self._clock: Clock = clock or SystemClock()
        self._scanner_for = scanner_for
        self._held: set[_Held] = set()
        self._tasks: list[asyncio.Task[None]] = []
        self._loose: set[asyncio.Task[None]] = set()
        self._stopping = False
        self._bull: bullmq.Worker | None = None
        self._said = Saying(self._clock)
        self.ended: dict[str, int] = {}
        self.handed_back = 0
        self.locks_lost = 0

    @property
    def running(self) -> frozenset[str]:
        """The ids of the scans this worker runs now."""
        return frozenset(held.scan_id for held in self._held)

    @property
    def working(self) -> bool:
        """Whether it was started, has not been stopped, and takes jobs."""
        return bool(self._tasks) and not any(task.done() for task in self._tasks)

    async def start(self) -> None:
        """Begin to take jobs."""
        self._stopping = False
        self._tasks = [asyncio.create_task(self._take_jobs()), asyncio.create_task(self._look_after())]

    async def stop(self, timeout_s: float = 5.0) -> None:
        """Take no more jobs; scans that do not end within ``timeout_s`` are handed back. Harmless when repeated."""
        if not self._tasks:
            return
        self._stopping = True
        take, look = self._tasks
        bull = self._bull
        if bull is not None:
            await bull.pause(do_not_wait_active=True)
        if running := [held.task for held in self._held]:
            await asyncio.wait(running, timeout=timeout_s)
        await end_tasks(*[held.task for held in self._held], again_s=LAST_WORDS_S, within_s=2 * LAST_WORDS_S)
        if bull is not None:
            # What was fetched and not yet begun goes through the processor once more, which hands it back.
            bull.closing = True
            bull.resume_event.set()
            await asyncio.wait({take}, timeout=END_S)
        await end_tasks(look, *self._loose)
        await end_tasks(take, again_s=CLOSE_S, within_s=2 * CLOSE_S)
        self._tasks = []

    async def _take_jobs(self) -> None:
        """Let BullMQ's worker run; it does not outlive a Redis that is gone when it begins, so begin anew."""
        while not self._stopping:
            self._bull = bull = self._make()
            try:
                await bull.run()
            except Exception as error:  # noqa: BLE001  whatever it is, jobs have to be taken
                self._on_error(error)
            finally:
                await _close(bull)
            if not self._stopping:
                await self._clock.sleep(RETRY_S)

    def _make(self) -> bullmq.Worker:
        settings = self._queue.settings
        options = {
            "connection": connect(self._queue.address),
            "prefix": settings.prefix,
            "autorun": False,
            "concurrency": self._concurrency,
            "lockDuration": round(settings.lock_s * 1000),
            "stalledInterval": round(settings.stalled_check_s * 1000),
            "maxStalledCount": MAX_LOST_WORKERS,
            "runRetryDelay": round(RETRY_S * 1000),
        }
        bull = bullmq.Worker(wire.QUEUE, self._process, options)
        bull.id = f"{OURS}{uuid4().hex}"
        bull.on("error", self._on_error)
        bull.on("failed", self._on_failed)
        bull.on("lockRenewalFailed", self._on_lock_lost)
        return bull

    async def _process(self, job: bullmq.Job, token: str) -> Any:
        """Run one attempt. What this raises or returns is what BullMQ makes of the job."""
        try:
            end = await self._attempt(job)
        except (WireError, ScannerError) as error:
            raise bullmq.UnrecoverableError(str(error)) from error
        except UnknownRecord as error:
            raise bullmq.UnrecoverableError("The scan was deleted.") from error
        except Later as failure:
            _logger.info("an attempt failed: %s", failure, extra={"scan_id": job.id})
            raise
        except (Fenced, bullmq.DelayedError) as over:
            _logger.info("Job %s is no longer this worker's: %s", job.id, over)
            raise bullmq.DelayedError from over
        except StoreError as error:
            _logger.warning("Scan of job %s could not be ended; it is handed back: %s", job.id, error)
            await self._hand_back(job, token, self._queue.settings.backoff_s)
        except asyncio.CancelledError:
            await self._hand_back(job, token)
        else:
            if end.kind is EventKind.FAILED:
                raise bullmq.UnrecoverableError(end.error or "The scan failed.")
            await self._tell(job, 100)
            return wire.encode_job_result(end)
        raise bullmq.DelayedError

    async def _attempt(self, job: bullmq.Job) -> Event:
        """The scan's end; raises what ``Run.execute`` raises, and ``CancelledError`` for a job that comes too late."""
        scan_id = await patiently(self._adopted(job), self._clock)
        await self._queue.mark(job)
        if self._stopping:  # whoever stops this worker hands back what runs, and does not know of this one
            raise asyncio.CancelledError
        return await self._run(job, scan_id)

    def _adopted(self, job: bullmq.Job) -> Callable[[], Awaitable[str]]:
        return lambda: adopt(self._store, self._queue, job, self._repo_url, self._clock.now())

    async def _run(self, job: bullmq.Job, scan_id: str) -> Event:
        """The scan's end; raises what ``Run.execute`` raises, and ``DelayedError`` if it is not for us to end it."""
        percents: list[int] = []

        def written(event: Event) -> None:
            if event.kind is EventKind.PROGRESS:
                percents[:] = [wire.encode_job_progress(event)]

        claim = Claim(wire.runs_before(job.opts) + job.attemptsStarted, written)
        rules = Rules(max(1, job.attempts), wire.backoff_of(job.opts), self._max_events_per_s, self._scanner_for)
        run = Run(self._store, scan_id, rules, self._clock, claim)
        _logger.info("scan taken, run %s", claim.run, extra={"scan_id": scan_id})
        task = asyncio.create_task(run.execute())
        held = _Held(job, scan_id, run, task, percents)
        self._held.add(held)
        try:
            end = await task
        except ScanEnded:
            end = await patiently(lambda: self._last(scan_id), self._clock)
        finally:
            await end_tasks(task, again_s=LAST_WORDS_S)
            self._held.discard(held)
        if end is None:
            raise UnknownRecord(scan_id) if held.deleted else bullmq.DelayedError("its lock was lost")
        self.ended[end.kind] = self.ended.get(end.kind, 0) + 1
        _logger.info("scan ended: %s", end.error or end.kind, extra={"scan_id": scan_id})
        return end

    async def _last(self, scan_id: str) -> Event:
        seq = (await self._store.snapshot(scan_id)).seq
        return (await self._store.events(scan_id, after=seq - 1))[-1]

    async def _hand_back(self, job: bullmq.Job, token: str, delay_s: float = 0.0) -> None:
        """Let go of a job for another worker, as if this attempt had never been; a lost lock does the same, later."""
        self.handed_back += 1
        _logger.info("job handed back", extra={"scan_id": job.id})
        try:
            await job.moveToDelayed(round((time.time() + delay_s) * 1000), token)
        except Exception as error:  # noqa: BLE001  BullMQ raises bare exceptions
            _logger.warning("Job %s cannot be handed back now; its lock will run out: %s", job.id, error)

    async def _look_after(self) -> None:
        """Heed what the log says of the scans that run here, and tell their jobs how far they are."""
        while True:
            await self._clock.sleep(LOOK_S)
            for held in list(self._held):
                with suppress(StoreError):  # an unavailable store: there is a next time
                    await self._heed(held)
                if held.percents and held.percents[-1] != held.told:
                    held.told = held.percents[-1]
                    await self._tell(held.job, held.told)

    async def _heed(self, held: _Held) -> None:
        try:
            snapshot = await self._store.snapshot(held.scan_id)
        except UnknownRecord:
            held.deleted = True
            held.run.forget()
            return
        if snapshot.status is ScanStatus.CANCELLING:
            held.run.cancel(asked_by(await history(self._store, held.scan_id)))

    async def _tell(self, job: bullmq.Job, percent: int) -> None:
        """Keep in the job how far it is: what other tools show; the truth is the log."""
        try:
            await job.updateProgress(percent)
        except Exception as error:  # noqa: BLE001  BullMQ raises bare exceptions
            _logger.debug("job %s was not told of its progress: %s", job.id, error)

    def _on_error(self, error: Exception, job: bullmq.Job | None = None) -> None:
        """Say what BullMQ could not do; it tries again many times a second, which is said now and then."""
        if str(error).startswith(_LOCK_LOST):
            return  # said where it is known whether the job is still held: of one that just ended it is no loss
        if isinstance(error, FAULTS):
            said = f"No jobs can be taken or ended: {in_words(self._queue.address, error)}"
        else:
            said = f"BullMQ{f', job {job.id}' if job else ''}: {type(error).__name__}: {error}"
        if self._said.is_news(said):
            _logger.warning(said)

    def _on_failed(self, job: bullmq.Job, _error: Exception) -> None:
        """A job that was lost too often fails without having been processed: the log has to be told."""
        task = asyncio.create_task(self._settle(job))
        self._loose.add(task)
        task.add_done_callback(self._loose.discard)

    async def _settle(self, job: bullmq.Job) -> None:
        try:
            scan_id = await self._adopted(job)()
            state = (await self._queue.look([scan_id]))[scan_id]
            snapshot = await self._store.snapshot(scan_id)
            if state is not None and state.ended and not snapshot.terminal:
                await self._store.append(end_of(scan_id, state, snapshot.attempt, self._clock.now()))
        except (StoreError, ScannerError, WireError) as error:
            _logger.info("The end of job %s is left to whoever keeps house: %s", job.id, error)

    def _on_lock_lost(self, job_ids: list[str]) -> None:
        """Another worker will have these: what is still done here is in vain, and would be fenced."""
        for held in list(self._held):
            if held.job.id in job_ids:
                self.locks_lost += 1
                _logger.warning("the lock of a scan was lost; another worker takes it", extra={"scan_id": held.scan_id})
                held.run.forget()


async def _close(bull: bullmq.Worker) -> None:
    """Let go of what waits and of the connections, whatever state they are in.

    What waits ends first: each is cancelled until it has ended (a cancellation may be lost), and none of them can open
    a connection anew behind the closing of them all.
    """
    bull.closing = bull.forceClosing = True
    try:
        await end_tasks(*_tasks_of(bull))
    finally:
        try:
            await bull.close(force=True)
        except Exception as error:  # noqa: BLE001  it is to be gone, however
            _logger.debug("BullMQ's worker did not close in good order: %s", error)


def _tasks_of(bull: bullmq.Worker) -> list[asyncio.Task[Any]]:
    """Everything that BullMQ's worker has running: fetching, processing, and what comes round by the clock."""
    timer = getattr(bull, "stalledCheckTimer", None)  # none before it first reached Redis
    clocked = (getattr(timer, "_task", None), getattr(bull.lockManager, "_renewal_task", None))
    return [task for task in (*bull.processing, bull.waiting, *clocked) if task is not None]
