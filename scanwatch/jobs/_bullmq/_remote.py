"""What a gateway has instead of a worker of its own: it asks, and keeps house in its turn."""

from __future__ import annotations

from contextlib import suppress

from ...errors import UnknownRecord
from ...model import ScanStatus
from ...storage import Store
from .._cancel import cancel_scan
from .._clock import Clock, SystemClock
from ._housekeeper import Housekeeper
from ._queue import BullQueue

LET_GO_S = 5.0
"""How long a worker elsewhere has to end a scan that is cancelled and then deleted."""
LOOK_S = 0.05


class RemoteWorkers:
    """The workers of a queue as a gateway knows them: not at all; as in ``Workers``."""

    def __init__(self, store: Store, queue: BullQueue, *, clock: Clock | None = None) -> None:
        self._store = store
        self._queue = queue
        self._clock: Clock = clock or SystemClock()
        self._housekeeper = Housekeeper(store, queue, self._clock)

    @property
    def running(self) -> frozenset[str]:
        """No scan runs in this process."""
        return frozenset()

    @property
    def working(self) -> bool:
        """Whether this process keeps house, or stands by."""
        return self._housekeeper.alive

    async def start(self) -> None:
        """As in ``Workers.start``."""
        self._housekeeper.start()

    async def stop(self, timeout_s: float = 5.0) -> None:
        """As in ``Workers.stop``."""
        await self._housekeeper.stop()
        await self._queue.close()

    async def cancel(self, scan_id: str, by: str | None = None) -> None:
        """As in ``Workers.cancel``; whoever runs the scan hears of it from the log."""
        await cancel_scan(self._store, self._queue, scan_id, by, now=self._clock.now)

    async def forget(self, scan_id: str) -> None:
        """As in ``Workers.forget``; one that is being cancelled gets the time to end, so that its watchers see it."""
        if await self._queue.discard(scan_id):
            return
        give_up_at = self._clock.monotonic() + LET_GO_S
        with suppress(UnknownRecord):
            while (await self._store.snapshot(scan_id)).status is ScanStatus.CANCELLING:
                if self._clock.monotonic() >= give_up_at:
                    break  # whoever runs it is lost, or finds it gone
                await self._clock.sleep(LOOK_S)
