"""Which scan is next: the contract of queues, and the one inside a gateway's process."""

from __future__ import annotations

import asyncio
from typing import Protocol


class Queue(Protocol):
    """Scans that wait for a worker, first come, first served. The store says what they are; this only orders them."""

    async def enqueue(self, scan_id: str) -> None:
        """Put a scan at the end; changes nothing if it waits already or is being worked on."""
        ...

    async def discard(self, scan_id: str) -> bool:
        """Take a waiting scan out; false if it does not wait here."""
        ...

    async def position(self, scan_id: str) -> int | None:
        """The place of a waiting scan, 1 being next; ``None`` if it does not wait here."""
        ...


class ClaimQueue(Queue, Protocol):
    """A queue whose scans a worker of the same process takes one by one."""

    async def claim(self) -> str:
        """Wait for the next scan and take it; it is the caller's until ``done``."""
        ...

    async def done(self, scan_id: str) -> None:
        """Let go of a claimed scan; it may be enqueued again."""
        ...


class EmbeddedQueue:
    """A queue in memory; after a restart the worker fills it with what the store says is unfinished."""

    def __init__(self) -> None:
        self._waiting: dict[str, None] = {}
        self._claimed: set[str] = set()
        self._filled = asyncio.Event()

    async def enqueue(self, scan_id: str) -> None:
        """Put a scan at the end; changes nothing if it waits already or is being worked on."""
        if scan_id not in self._claimed:
            self._waiting.setdefault(scan_id)
            self._filled.set()

    async def claim(self) -> str:
        """Wait for the next scan and take it; it is the caller's until ``done``."""
        while not self._waiting:
            self._filled.clear()
            await self._filled.wait()
        scan_id = next(iter(self._waiting))
        del self._waiting[scan_id]
        self._claimed.add(scan_id)
        return scan_id

    async def done(self, scan_id: str) -> None:
        """Let go of a claimed scan; it may be enqueued again."""
        self._claimed.discard(scan_id)

    async def discard(self, scan_id: str) -> bool:
        """Take a waiting scan out; false if it does not wait here."""
        if scan_id not in self._waiting:
            return False
        del self._waiting[scan_id]
        return True

    async def position(self, scan_id: str) -> int | None:
        """The place of a waiting scan, 1 being next; ``None`` if it does not wait here."""
        if scan_id not in self._waiting:
            return None
        return list(self._waiting).index(scan_id) + 1
