"""What the tests of the shared queue work with: a store and a queue in a real Redis, and workers in this process."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import bullmq

from scanwatch.jobs import SystemClock, submit
from scanwatch.jobs._bullmq import BullQueue, BullWorker, Housekeeper, QueueSettings, RemoteWorkers, open_queue
from scanwatch.jobs._bullmq._queue import connect
from scanwatch.model import Event, Repository, ScanRequest, Turn
from scanwatch.storage import Store, open_store
from tests.jobs.bench import ScanFunction, scanner_of, until

SETTINGS = QueueSettings(attempts=3, backoff_s=0.05, lock_s=1.0, stalled_check_s=1.0)
PATIENCE_S = 30.0


class BullBench:
    """A store with one repository, a queue, and whatever a test starts, which ends with it."""

    def __init__(self, url: str, settings: QueueSettings = SETTINGS) -> None:
        self.url = url
        self.clock = SystemClock()
        self.store: Store = open_store(url)
        self.queue: BullQueue = open_queue(url, self.store, settings)
        self.gateway = RemoteWorkers(self.store, self.queue, clock=self.clock)
        self.repository_id = str(uuid4())
        self.settings = settings
        self._started: list[BullWorker | Housekeeper] = []
        self._queues: list[BullQueue] = []

    async def open(self) -> None:
        await self.store.open()
        now = self.clock.now()
        await self.store.create_repository(Repository(self.repository_id, "payments", "test://acme/payments", now, now))

    async def close(self) -> None:
        for started in reversed(self._started):
            await (started.stop(0) if isinstance(started, BullWorker) else started.stop())
        for queue in (*self._queues, self.queue):
            await queue.close()
        await self.store.close()

    async def submit(self, **options: object) -> str:
        request = ScanRequest(str(uuid4()), self.repository_id, "test://acme/payments", options)
        await submit(self.store, self.queue, request, self.clock.now())
        return request.scan_id

    async def start(self, scan: ScanFunction, **settings: Any) -> BullWorker:
        """A started worker whose only scanner is ``scan``, with connections of its own as in another process."""
        queue = open_queue(self.url, self.store, self.settings)
        self._queues.append(queue)
        scanner = scanner_of(scan)
        worker = BullWorker(self.store, queue, scanner_for=lambda _target: scanner, **settings)
        self._started.append(worker)
        await worker.start()
        return worker

    def foreign_worker(self, process: Callable[..., Awaitable[object]]) -> bullmq.Worker:
        """A worker of BullMQ's own, as somebody else runs it; the test closes it."""
        settings = {"connection": connect(self.queue.address), "prefix": self.queue.settings.prefix}
        return bullmq.Worker("scanner", process, settings)

    def keep_house(self) -> Housekeeper:
        housekeeper = Housekeeper(self.store, self.queue, self.clock, repo_url="test://{owner}/{repo}")
        self._started.append(housekeeper)
        housekeeper.start()
        return housekeeper

    async def end_of(self, scan_id: str) -> Event:
        """The terminal event, as soon as it is there."""

        async def ended() -> bool:
            return (await self.store.snapshot(scan_id)).terminal

        await until(ended, PATIENCE_S)
        history = await self.history(scan_id)
        assert [event.terminal for event in history].count(True) == 1
        assert [event.seq for event in history] == list(range(1, len(history) + 1))
        return history[-1]

    async def history(self, scan_id: str) -> list[Event]:
        return await self.store.events(scan_id, limit=100_000)

    async def turns(self, scan_id: str) -> list[Turn]:
        return [event.turn for event in await self.history(scan_id) if event.turn]

    async def job_ends(self, scan_id: str) -> Any:
        """The scan's job, once the queue says that it has ended."""

        async def ended() -> bool:
            state = (await self.queue.look([scan_id]))[scan_id]
            return state is not None and state.ended

        await until(ended, PATIENCE_S)
        return await self.queue.job(scan_id)
