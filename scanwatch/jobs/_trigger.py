"""How a scan begins: first it is durable, then it waits for a worker."""

from __future__ import annotations

import asyncio
from datetime import datetime

from ..model import Event, ScanRequest
from ..storage._base import ScanStore
from ._events import queued
from ._queue import Queue


async def submit(store: ScanStore, queue: Queue, request: ScanRequest, now: datetime) -> Event:
    """Accept a scan; returns its first event, which is durable.

    Raises:
        UnknownRecord: its repository is not there.
    """
    # A caller that goes away meanwhile must not leave a scan in the store that nobody works on.
    return await asyncio.shield(_accept(store, queue, request, now))


async def _accept(store: ScanStore, queue: Queue, request: ScanRequest, now: datetime) -> Event:
    first = await store.create_scan(request, queued(request.scan_id, now))
    await queue.enqueue(request.scan_id)
    return first
