"""For tests of code that uses scanwatch: a real gateway in this process, and a clock that stands still."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from .gateway import Gateway, GatewayConfig

START_S = 20.0
STOP_S = 10.0


class RunningGateway:
    """A gateway that runs on a thread and an event loop of its own.

    Attributes:
        url: where it listens.
        token: what clients must show; ``None`` if nothing.
    """

    def __init__(self, config: GatewayConfig) -> None:
        self.url = ""
        self.token = config.token
        self._config = config
        self._ready = threading.Event()
        self._error: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._thread = threading.Thread(target=self._run, name="scanwatch-test-gateway", daemon=True)

    def start(self) -> None:
        """Start it and wait until it listens; raises what a gateway raises that cannot start."""
        self._thread.start()
        if not self._ready.wait(START_S):
            raise TimeoutError(f"the gateway did not start within {START_S:g} s")
        if self._error is not None:
            self._thread.join()
            raise self._error

    def stop(self) -> None:
        """Stop it and wait until everything it started has ended; harmless when repeated."""
        if self._loop is not None and self._stop is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(STOP_S)
        if self._thread.is_alive():
            raise TimeoutError(f"the gateway did not stop within {STOP_S:g} s")

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # noqa: BLE001 handed to the thread that waits in start()
            self._error = error
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        async with Gateway(self._config) as gateway:
            self.url = gateway.url
            self._ready.set()
            await self._stop.wait()


@contextmanager
def run_gateway(**config: Any) -> Iterator[RunningGateway]:
    """A real gateway for the length of a ``with`` block: on a free port, with a store in memory, unless told otherwise.

    ``config`` are fields of ``scanwatch.gateway.GatewayConfig``: ``token``, ``store``, ``concurrency`` ...

    Raises:
        ConfigurationError: the configuration is wrong.
        StoreBusy: another process owns the store.
    """
    gateway = RunningGateway(GatewayConfig(**{"port": 0, "store": "memory:", "backoff_s": 0.05, **config}))
    gateway.start()
    try:
        yield gateway
    finally:
        gateway.stop()


class FakeClock:
    """A clock that moves only when told to: for wall time, for ``time.monotonic`` and for ``asyncio.sleep``."""

    def __init__(self, start: datetime = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)) -> None:
        self._start = start
        self._elapsed_s = 0.0
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        """The time of day, in UTC."""
        return self._start + timedelta(milliseconds=int(self._elapsed_s * 1000))

    def monotonic(self) -> float:
        """Seconds since the clock was made."""
        return self._elapsed_s

    async def sleep(self, seconds: float) -> None:
        """Return when ``advance`` has let ``seconds`` pass."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        waking = asyncio.get_running_loop().create_future()
        self._sleepers.append((self._elapsed_s + seconds, waking))
        await waking

    def advance(self, seconds: float) -> None:
        """Let ``seconds`` pass; who sleeps no longer than that wakes when the loop turns, in the order of time."""
        if seconds < 0:
            raise ValueError("time does not go back")
        self._elapsed_s += seconds
        due = sorted((at, index) for index, (at, _) in enumerate(self._sleepers) if at <= self._elapsed_s)
        woken = [self._sleepers[index][1] for _, index in due]
        self._sleepers = [sleeper for sleeper in self._sleepers if sleeper[0] > self._elapsed_s]
        for waking in woken:
            if not waking.done():
                waking.set_result(None)
