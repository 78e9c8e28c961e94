"""One scan from the claim to its end: attempts, back-off, cancel, restart."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum, auto
from functools import partial
from typing import Any, TypeVar

from ..errors import ScannerError, StoreError, UnknownTarget
from ..model import Event, FailureCode, ScanOutcome, ScanRequest, ScanStatus
from ..scanners import Scanner, Task
from ..scanners._runner import run_attempt
from ..snapshot import Snapshot
from ..storage._base import Store
from . import _events as events
from ._clock import Clock
from ._journal import Journal, Reports, history
from ._patience import patiently

T = TypeVar("T")

MAX_LOST_WORKERS = 5
"""A scan whose worker was lost more often than this ends as failed: it may be what kills them."""

STUBBORN_S = 2.0
"""How long a cancelled scanner may take to let go before it is left to itself."""

_logger = logging.getLogger(__name__)


class Later(Exception):
    """An attempt failed, and the queue gives the scan out again when the next one is due."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What a queue of many processes knows of a claim, and what it wants to be told.

    ``run`` counts the claims of the scan. Between two attempts the queue keeps the scan, not the worker.
    """

    run: int
    written: Callable[[Event], None]


@dataclass(frozen=True, slots=True)
class Rules:
    """How scans are run; see :class:`~scanwatch.jobs.Worker`."""

    attempts: int
    backoff_s: float
    max_events_per_s: float
    scanner_for: Callable[[str], type[Scanner]]


class _Stop(Enum):
    CANCEL = auto()
    """End the scan as cancelled."""
    FORGET = auto()
    """Write nothing more: the scan is being deleted."""


class _Stopped(Exception):
    """The run was asked to stop."""


class Run:
    """One worker's hold on one scan."""

    def __init__(self, store: Store, scan_id: str, rules: Rules, clock: Clock, claim: Claim | None = None) -> None:
        self._store = store
        self._scan_id = scan_id
        self._rules = rules
        self._clock = clock
        self._claim = claim
        self._stop: asyncio.Future[_Stop] = asyncio.get_running_loop().create_future()
        self._cancelled_by: str | None = None
        self._attempt = 1
        self.ended = asyncio.Event()

    def cancel(self, by: str | None) -> None:
        """Stop soon and end the scan as cancelled; a scan whose result is being saved still completes."""
        if not self._stop.done():
            self._cancelled_by = by
            self._stop.set_result(_Stop.CANCEL)

    def forget(self) -> None:
        """Stop soon and write nothing more."""
        if not self._stop.done():
            self._stop.set_result(_Stop.FORGET)

    async def execute(self) -> Event | None:
        """Run the scan and return its end, ``None`` if it is being deleted.

        Cancelling this leaves it unfinished, for the next worker to take up.

        Raises:
            Fenced, ScanEnded, UnknownRecord: the scan is no longer this worker's.
            Later: its queue gives it out again for the next attempt.
            StoreError: the store cannot be used, so the scan could not be ended.
        """
        try:
            claim = self._claim
            run = await self._store.begin_run(self._scan_id, claim.run if claim else None)
            snapshot = await self._store.snapshot(self._scan_id)
            told = claim.written if claim else None
            return await self._follow(run, snapshot, Journal(self._store, self._scan_id, run, self._clock, told))
        finally:
            self.ended.set()

    async def _follow(self, run: int, snapshot: Snapshot, journal: Journal) -> Event | None:
        self._attempt = snapshot.attempt
        try:
            if snapshot.status is ScanStatus.CANCELLING or snapshot.seq > 1:
                await self._take_over(snapshot, journal)
            outcome = await self._attempts(journal)
            return await self._complete(run, journal, outcome)
        except _Stopped:
            return await journal.write(self._cancelled()) if self._stop.result() is _Stop.CANCEL else None
        except ScannerError as failure:
            return await journal.write(events.failed(self._scan_id, self._clock.now(), failure, self._attempt))
        except asyncio.CancelledError:
            if not self._stop.done():
                # A scan that ended or was taken over meanwhile must not keep this worker from stopping.
                with suppress(StoreError):
                    await journal.write(events.put_back(self._scan_id, self._clock.now(), self._attempt))
            raise

    async def _take_over(self, snapshot: Snapshot, journal: Journal) -> None:
        """Begin where a lost worker left the scan: heed a cancel it was asked for, count the losses, say so."""
        told = await history(self._store, self._scan_id)
        if snapshot.status is ScanStatus.CANCELLING:
            self.cancel(events.asked_by(told))
            raise _Stopped
        if not events.was_being_run(told[-1]):
            return
        lost = events.lost_workers(told) + 1
        if lost > MAX_LOST_WORKERS:
            raise ScannerError(
                f"The worker was lost {lost} times while it ran this scan, which is not tried again; "
                "look into the gateway's log before you start a new one.",
                code=FailureCode.INTERNAL,
            )
        await journal.write(events.restarted(self._scan_id, self._clock.now(), self._attempt))

    async def _attempts(self, journal: Journal) -> ScanOutcome:
        """Try until an attempt succeeds; raises the failure of the last."""
        request = await self._store.request(self._scan_id)
        while True:
            reports = Reports(
                journal, self._clock, attempt=self._attempt, max_events_per_s=self._rules.max_events_per_s
            )
            try:
                return await self._unless_stopped(self._scan(request, journal, reports))
            except ScannerError as failure:
                if not failure.retryable or self._attempt >= self._rules.attempts:
                    raise
                await self._back_off(journal, failure, reports)

    async def _back_off(self, journal: Journal, failure: ScannerError, reports: Reports) -> None:
        delay_s = self._rules.backoff_s * 2 ** (self._attempt - 1)
        await journal.write(
            events.retrying(
                self._scan_id,
                self._clock.now(),
                failure,
                attempt=self._attempt,
                attempts=self._rules.attempts,
                phase=reports.phase,
                delay_s=delay_s,
            )
        )
        if self._claim:
            raise Later(str(failure)) from failure
        self._attempt += 1
        await self._unless_stopped(self._clock.sleep(delay_s))

    async def _scan(self, request: ScanRequest, journal: Journal, reports: Reports) -> ScanOutcome:
        """One attempt, its reports written beside it; all of them are when this returns."""
        await journal.write(events.starting(self._scan_id, self._clock.now(), self._attempt))
        scanner = self._scanner(request.target)
        task = Task(self._scan_id, request.target, request.options, self._attempt)
        rate = self._rules.max_events_per_s
        attempt = run_attempt(scanner, task, reports.take, report_interval_s=0.5 / rate if rate else 0.0)
        scan, pump = asyncio.create_task(attempt), asyncio.create_task(reports.pump())
        try:
            await asyncio.wait({scan, pump}, return_when=asyncio.FIRST_COMPLETED)
            reports.close()
            await pump
            return scan.result()
        finally:
            reports.close()
            await _end(scan, pump)

    def _scanner(self, target: str) -> type[Scanner]:
        try:
            return self._rules.scanner_for(target)
        except UnknownTarget as unknown:
            raise ScannerError(str(unknown), code=FailureCode.INVALID, retryable=False) from unknown

    async def _complete(self, run: int, journal: Journal, outcome: ScanOutcome) -> Event:
        try:
            save = partial(self._store.save_outcome, self._scan_id, outcome, run=run)
            await patiently(save, self._clock)
        except StoreError:
            raise
        except Exception as error:
            _logger.exception("the result of scan %s cannot be saved", self._scan_id)
            raise ScannerError(f"The result cannot be saved: {type(error).__name__}: {error}") from error
        now = self._clock.now()
        begun = (await self._store.snapshot(self._scan_id)).started_at
        duration_s = None if begun is None else max(0.0, (now - begun).total_seconds())
        end = events.completed(self._scan_id, now, outcome, attempt=self._attempt, duration_s=duration_s)
        return await journal.write(end)

    def _cancelled(self) -> Event:
        return events.cancelled(self._scan_id, self._clock.now(), self._attempt, self._cancelled_by)

    async def _unless_stopped(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of ``work``, which is cancelled when the run is asked to stop."""
        task = asyncio.create_task(work)
        try:
            either: set[asyncio.Future[Any]] = {task, self._stop}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await _end(task, give_up=False)
        if self._stop.done():
            raise _Stopped
        return task.result()


async def _end(*tasks: asyncio.Task[Any], give_up: bool = True) -> None:
    """Cancel ``tasks`` and wait until they have ended, or are not going to; what they raise is theirs."""
    for task in tasks:
        task.cancel()
    _, stubborn = await asyncio.wait(tasks, timeout=STUBBORN_S if give_up else None)
    for task in tasks:
        if task in stubborn:
            _logger.warning("a scanner ignores that its scan was stopped; it is left to itself: %r", task)
        elif not task.cancelled():
            task.exception()
