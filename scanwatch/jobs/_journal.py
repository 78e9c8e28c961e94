"""What a run writes into the event log: in order, each once, and a scanner's reports no faster than wanted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ..model import Event, Phase, Progress
from ..scanners._coalesce import Coalescer
from ..snapshot import percent_at, percent_done
from ..storage._base import EventLog
from ._clock import Clock
from ._events import progressed
from ._patience import patiently

BUSY_EVENTS = 2000
"""After so many events a scan's reports come at most once in ``BUSY_INTERVAL_S`` seconds."""

BUSY_INTERVAL_S = 1.0


class Journal:
    """One run's pen. A newer run's takes it away: ``write`` then raises ``Fenced``.

    ``told`` hears of every event once it is durable.
    """

    def __init__(
        self, log: EventLog, scan_id: str, run: int, clock: Clock, told: Callable[[Event], None] | None = None
    ) -> None:
        self._log = log
        self._clock = clock
        self._run = run
        self._told = told
        self._count = 0
        self.scan_id = scan_id

    async def write(self, event: Event) -> Event:
        """Append ``event``, however long the store takes; raises what ``EventLog.append`` raises."""
        self._count += 1
        key = str(self._count)
        stored = await patiently(lambda: self._log.append(event, run=self._run, key=key), self._clock)
        if self._told is not None:
            self._told(stored)
        return stored


async def history(log: EventLog, scan_id: str) -> list[Event]:
    """All events of a scan that has not ended."""
    events: list[Event] = []
    while more := await log.events(scan_id, after=len(events)):
        events += more
    return events


class Reports:
    """One attempt's reports on their way into the journal.

    ``take`` is what the scanner calls; ``pump`` runs beside it and writes, until ``close``.
    """

    def __init__(self, journal: Journal, clock: Clock, *, attempt: int, max_events_per_s: float) -> None:
        self.phase: Phase | None = None
        self._journal = journal
        self._clock = clock
        self._attempt = attempt
        self._percent = 0
        self._coalescer: Coalescer[Event] = Coalescer(1 / max_events_per_s if max_events_per_s else 0.0)
        self._news = asyncio.Event()
        self._closed = False

    def take(self, progress: Progress) -> None:
        """Note what the scanner says; after ``close`` this stops a coroutine that would not be cancelled."""
        if self._closed:
            raise asyncio.CancelledError("the scan was stopped")
        if not isinstance(progress, Progress):
            raise TypeError(f"report takes a Progress, not {type(progress).__name__}")
        event = self._event(progress)
        now = self._clock.monotonic()
        waited = self._coalescer.due_in(now)
        self._coalescer.offer(progress.phase, event)
        self.phase = progress.phase
        if waited is None or not self._coalescer.due_in(now):
            self._news.set()

    def close(self) -> None:
        """Take no more; ``pump`` writes what is left and returns."""
        self._closed = True
        self._news.set()

    async def pump(self) -> None:
        """Write reports as they become due; raises what ``EventLog.append`` raises."""
        while not self._closed:
            self._news.clear()
            await self._write(self._coalescer.take(self._clock.monotonic()))
            await self._news_within(self._coalescer.due_in(self._clock.monotonic()))
        await self._write(self._coalescer.flush())

    def _event(self, progress: Progress) -> Event:
        percent = percent_done(progress.phase, progress.files_processed, progress.total_files)
        if percent is None and progress.share is not None:
            percent = percent_at(progress.phase, progress.share)
        if percent is not None:
            percent = self._percent = max(self._percent, percent)
        scan_id, now = self._journal.scan_id, self._clock.now()
        return progressed(scan_id, now, progress, attempt=self._attempt, percent=percent)

    async def _write(self, events: list[Event]) -> None:
        for event in events:
            stored = await self._journal.write(event)
            if self._coalescer.interval_s and stored.seq is not None and stored.seq >= BUSY_EVENTS:
                self._coalescer.interval_s = max(self._coalescer.interval_s, BUSY_INTERVAL_S)

    async def _news_within(self, seconds: float | None) -> None:
        if seconds is None:
            await self._news.wait()
        elif seconds > 0 and not self._news.is_set():
            passed = asyncio.ensure_future(self._clock.sleep(seconds))
            news = asyncio.ensure_future(self._news.wait())
            try:
                await asyncio.wait({passed, news}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                passed.cancel()
                news.cancel()
                await asyncio.wait({passed, news})
