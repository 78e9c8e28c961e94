"""A clock to turn by hand."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta


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
