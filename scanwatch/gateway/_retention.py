"""How long things are kept: now and then the events and scans that are old enough go, a few at a time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from ..errors import StoreError
from ..jobs import Clock
from ..storage import Store

EVERY_S = 3600.0
"""Seconds between two sweeps."""
EVENTS_AT_ONCE = 1_000
SCANS_AT_ONCE = 20
BREATH_S = 0.05
"""Pause between two batches, so that scans which append at the same time wait for one batch at most."""

_logger = logging.getLogger(__name__)


class Retention:
    """Prunes a store for as long as it runs.

    Args:
        keep_s: how long ended scans are kept, ``None`` for ever.
        keep_events_s: how long their events are kept, ``None`` as long as the scan.
    """

    def __init__(self, store: Store, clock: Clock, *, keep_s: float | None, keep_events_s: float | None) -> None:
        self._store = store
        self._clock = clock
        self._keep_s = keep_s
        self._keep_events_s = keep_events_s
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Sweep now, and every hour from now on."""
        if self._keep_s is not None or self._keep_events_s is not None:
            self._task = asyncio.create_task(self._run(), name="scanwatch-retention")

    async def stop(self) -> None:
        """Stop between two batches."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def sweep(self) -> tuple[int, int]:
        """Prune all that is old enough; returns how many events and how many scans."""
        events = await self._prune(self._store.prune_events, self._keep_events_s, EVENTS_AT_ONCE)
        scans = await self._prune(self._store.prune_scans, self._keep_s, SCANS_AT_ONCE)
        if events or scans:
            _logger.info("pruned %d events, and %d scans with all that was kept of them", events, scans)
        return events, scans

    async def _prune(self, prune: Callable[..., Awaitable[int]], age_s: float | None, at_once: int) -> int:
        if age_s is None:
            return 0
        moment: datetime = self._clock.now() - timedelta(seconds=age_s)
        total = 0
        while pruned := await prune(moment, limit=at_once):
            total += pruned
            await self._clock.sleep(BREATH_S)
        return total

    async def _run(self) -> None:
        while True:
            try:
                await self.sweep()
            except StoreError as error:
                _logger.warning("nothing could be pruned; it is tried again in an hour: %s", error)
            await self._clock.sleep(EVERY_S)
