"""What the tests of jobs work with: clocks that obey, scanners made of a function, and a worker on a store."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from scanwatch.jobs import EmbeddedQueue, Worker, submit
from scanwatch.model import Artifact, Event, Phase, Progress, Repository, ScanOutcome, ScanRequest
from scanwatch.scanners import Report, Scanner, Task
from scanwatch.storage import Store

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
OUTCOME = ScanOutcome(artifacts=(Artifact("REQ-001", "requirement"),), files=10, commit="c0ffee")

ScanFunction = Callable[[Task, Report], Awaitable[ScanOutcome]]


class HurryingClock:
    """Every sleep is over at once, and the time is later by as much; ``slept`` keeps how long each was."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.slept: list[float] = []

    def now(self) -> datetime:
        return START + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += seconds
        await asyncio.sleep(0)


class PatientClock(HurryingClock):
    """Time stands still until the test advances it."""

    def __init__(self) -> None:
        super().__init__()
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        woken = asyncio.get_running_loop().create_future()
        self._sleepers.append((self.seconds + seconds, woken))
        await woken

    async def advance(self, seconds: float) -> None:
        target = self.seconds + seconds
        await settle()
        while due := [(at, woken) for at, woken in self._sleepers if at <= target and not woken.done()]:
            at, woken = min(due, key=lambda sleeper: sleeper[0])
            self.seconds = max(self.seconds, at)
            woken.set_result(None)
            await settle()
        self.seconds = target


async def settle() -> None:
    """Let everything that can go on without time or threads go on."""
    for _ in range(60):
        await asyncio.sleep(0)


async def until(happened: Callable[[], bool | Awaitable[bool]], timeout_s: float = 5.0) -> None:
    """Wait, in real time, until something is so."""
    async with asyncio.timeout(timeout_s):
        while True:
            answer = happened()
            if answer if isinstance(answer, bool) else await answer:
                return
            await asyncio.sleep(0.002)


def scanner_of(scan: ScanFunction) -> type[Scanner]:
    """A scanner class that does what ``scan`` does."""

    class FunctionScanner:
        schemes = ("test",)

        async def scan(self, task: Task, report: Report) -> ScanOutcome:
            return await scan(task, report)

    return FunctionScanner


def fetched(files: int, total: int | None = 10, phase: Phase = Phase.FETCH) -> Progress:
    """A report of so many files."""
    return Progress(phase, files, total)


async def scan_well(task: Task, report: Report) -> ScanOutcome:
    """Reports once and succeeds."""
    report(fetched(5))
    return OUTCOME


async def scan_for_ever(task: Task, report: Report) -> ScanOutcome:
    """Reports once and never comes back."""
    report(fetched(5))
    await asyncio.Event().wait()
    return OUTCOME


class Bench:
    """A store with one repository, a queue, and the workers a test starts, which end with it."""

    def __init__(self, store: Store, clock: HurryingClock | None = None) -> None:
        self.store = store
        self.queue = EmbeddedQueue()
        self.clock = clock or HurryingClock()
        self.heard: list[Event] = []
        self._unlisten = store.listen(self.heard.extend)
        self._workers: list[Worker] = []

    async def open(self) -> None:
        await self.store.create_repository(Repository("r1", "payments", "test://payments", START, START))

    async def submit(self, scan_id: str = "s1", target: str = "test://payments", **options: object) -> Event:
        request = ScanRequest(scan_id, "r1", target, options)
        return await submit(self.store, self.queue, request, self.clock.now())

    async def start(self, scan: ScanFunction | type[Scanner], **settings: float) -> Worker:
        """A started worker whose only scanner is ``scan``."""
        scanner = scan if isinstance(scan, type) else scanner_of(scan)
        limits: dict[str, float] = {"concurrency": 3, **settings}
        worker = Worker(self.store, self.queue, clock=self.clock, scanner_for=lambda _target: scanner, **limits)
        self._workers.append(worker)
        await worker.start()
        return worker

    async def lose(self, worker: Worker) -> None:
        """Leave the store as SIGKILL would: nothing more is written, what was queued in memory is gone."""
        for scan_id in worker.running:
            await worker.forget(scan_id)
        await worker.stop()
        self.queue = EmbeddedQueue()

    async def end_of(self, scan_id: str = "s1") -> Event:
        """The terminal event, as soon as it is there."""
        await until(lambda: any(event.terminal for event in self.heard if event.scan_id == scan_id))
        return next(event for event in self.heard if event.terminal and event.scan_id == scan_id)

    async def reaches(self, phase: Phase, scan_id: str = "s1") -> None:
        """Wait until a scan is in ``phase``."""

        async def there() -> bool:
            return (await self.store.snapshot(scan_id)).phase is phase

        await until(there)

    async def history(self, scan_id: str = "s1") -> list[Event]:
        return await self.store.events(scan_id, limit=100_000)

    async def close(self) -> None:
        for worker in self._workers:
            await worker.stop()
        self._unlisten()
