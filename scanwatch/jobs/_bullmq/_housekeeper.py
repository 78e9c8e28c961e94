"""Who sweeps and bridges: one process of all that share a queue, for as long as it holds the lease."""

from __future__ import annotations

import asyncio
import logging

from ...errors import StoreError
from ...storage import Store
from .._clock import Clock
from .._ending import end_tasks
from .._saying import Saying
from ._bridge import Bridge
from ._foreign import REPO_URL
from ._lease import Lease
from ._queue import BullQueue
from ._sweeper import Sweeper

SWEEP_S = 5.0
STAND_BY_S = 2.0
"""How often a process that does not keep house asks whether it is its turn."""

_logger = logging.getLogger(__name__)


class Housekeeper:
    """One process of all that share a queue sweeps and bridges; when it is gone, another does."""

    def __init__(self, store: Store, queue: BullQueue, clock: Clock, *, repo_url: str = REPO_URL) -> None:
        self._queue = queue
        self._lease = Lease(queue, f"{queue.address.prefix}:jobs:housekeeper")
        self._sweeper = Sweeper(store, queue, clock)
        self._bridge = Bridge(store, queue, clock, repo_url)
        self._clock = clock
        self._said = Saying(clock)
        self._task: asyncio.Task[None] | None = None

    @property
    def alive(self) -> bool:
        """Whether it does its part, which may be to stand by."""
        return self._task is not None and not self._task.done()

    def start(self) -> None:
        """Begin to stand by."""
        self._task = asyncio.create_task(self._run(), name="scanwatch-housekeeper")

    async def stop(self) -> None:
        """Stop, and leave it to the others. Harmless when repeated."""
        if self._task is not None:
            await end_tasks(self._task)

    async def _run(self) -> None:
        while True:
            try:
                await self._keep_house()
            except StoreError as error:
                if self._said.is_news(str(error)):
                    _logger.warning("nobody may be keeping house of the queue: %s", error)
            except Exception:
                _logger.exception("the queue's housekeeping failed; it is tried again")
            await self._clock.sleep(STAND_BY_S)

    async def _keep_house(self) -> None:
        if not await self._lease.hold():
            await self._compare()
            return
        try:
            await self._queue.claim_name()
            await self._bridge.begin()
            sweep_at = 0.0
            while await self._lease.hold():
                await self._bridge.step()
                if self._clock.monotonic() >= sweep_at:
                    await self._queue.claim_name()
                    await self._sweeper.sweep()
                    sweep_at = self._clock.monotonic() + SWEEP_S
        finally:
            await self._lease.release()

    async def _compare(self) -> None:
        """Whoever keeps house looks after one queue: jobs in another one wait for ever."""
        other, ours = await self._queue.other_name(), self._queue.settings.prefix
        if other is not None and self._said.is_news(other):
            _logger.warning(
                "another process of this store has its jobs below %s:, and this one below %s:. Give all gateways and "
                "workers the same --queue-prefix, or scans wait for a worker that does not see them",
                other,
                ours,
            )
