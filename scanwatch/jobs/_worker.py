"""The worker: takes scans from the queue and sees each to its end, whatever happens to the worker."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from ..errors import Fenced, ScanEnded, StoreError, UnknownRecord, UsageError
from ..scanners import Scanner, scanner_for
from ..storage._base import Store
from ._cancel import cancel_scan
from ._clock import Clock, SystemClock
from ._queue import ClaimQueue
from ._run import Rules, Run

_logger = logging.getLogger(__name__)


class Worker:
    """Runs the scans of one queue.

    Every accepted scan ends exactly once: completed, failed or cancelled. A scan that a stopped or killed worker
    leaves is taken up again, in the same attempt, by the next worker that starts on the same store.

    Args:
        concurrency: how many scans run at once.
        attempts: how often a scan is tried before it fails.
        backoff_s: seconds before the second attempt; doubled before each further one.
        max_events_per_s: at most so many progress events a second of one scan; 0 keeps every report.
        clock: where time comes from.
        scanner_for: which scanner takes which target.

    Raises:
        UsageError: one of the numbers makes no sense.
    """

    def __init__(
        self,
        store: Store,
        queue: ClaimQueue,
        *,
        concurrency: int = 3,
        attempts: int = 3,
        backoff_s: float = 5.0,
        max_events_per_s: float = 10.0,
        clock: Clock | None = None,
        scanner_for: Callable[[str], type[Scanner]] = scanner_for,
    ) -> None:
        _require("concurrency", concurrency, 1)
        _require("attempts", attempts, 1)
        _require("backoff_s", backoff_s, 0)
        _require("max_events_per_s", max_events_per_s, 0)
        self._store = store
        self._queue = queue
        self._concurrency = concurrency
        self._clock: Clock = clock or SystemClock()
        self._rules = Rules(attempts, backoff_s, max_events_per_s, scanner_for)
        self._runs: dict[str, Run] = {}
        self._slots: list[asyncio.Task[None]] = []

    @property
    def running(self) -> frozenset[str]:
        """The ids of the scans this worker runs now."""
        return frozenset(self._runs)

    @property
    def working(self) -> bool:
        """Whether it was started, has not been stopped, and none of its slots has died."""
        return bool(self._slots) and not any(slot.done() for slot in self._slots)

    async def start(self) -> None:
        """Take up every unfinished scan of the store, oldest first, then whatever is enqueued."""
        for scan_id in await self._store.unfinished():
            await self._queue.enqueue(scan_id)
        self._slots = [asyncio.create_task(self._work()) for _ in range(self._concurrency)]

    async def stop(self, timeout_s: float = 5.0) -> None:
        """Stop in good order: running scans are left unfinished, for the next worker. Harmless when repeated.

        Returns after ``timeout_s`` seconds at the latest, twice that if the store hangs.
        """
        slots, self._slots = self._slots, []
        for _ in range(2):
            for slot in slots:
                slot.cancel()
            if slots:
                _, slots = map(list, await asyncio.wait(slots, timeout=timeout_s))

    async def cancel(self, scan_id: str, by: str | None = None) -> None:
        """Stop a scan for good; returns once that is durable, before the scan has let go. Harmless when repeated.

        Raises:
            UnknownRecord: no such scan.
        """
        await cancel_scan(self._store, self._queue, scan_id, by, now=self._clock.now, here=self._runs.get)

    async def forget(self, scan_id: str) -> None:
        """Stop a scan that is being deleted, without a further event; returns when it has let go."""
        await self._queue.discard(scan_id)
        if run := self._runs.get(scan_id):
            run.forget()
            await run.ended.wait()

    async def _work(self) -> None:
        while True:
            scan_id = await self._queue.claim()
            run = self._runs[scan_id] = Run(self._store, scan_id, self._rules, self._clock)
            try:
                await run.execute()
                left = False
            except (UnknownRecord, Fenced, ScanEnded) as over:
                _logger.info("Scan %s is no longer this worker's: %s", scan_id, over)
                left = False
            except StoreError as error:
                _logger.warning("Scan %s could not be ended; it is tried again: %s", scan_id, error)
                left = True
            except Exception:
                _logger.exception("Scan %s could not be ended; it is tried again", scan_id)
                left = True
            finally:
                del self._runs[scan_id]
                await self._queue.done(scan_id)
            if left:
                await self._clock.sleep(self._rules.backoff_s)
                await self._queue.enqueue(scan_id)


def _require(name: str, value: float, least: int) -> None:
    if not value >= least:
        raise UsageError(f"{name} is {value!r}; it must be {least} or more.")
