"""How a scan is stopped for good, wherever it stands."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

from ..errors import ScanEnded
from ..model import ScanStatus
from ..storage._base import EventLog
from ._events import cancelled, cancelling
from ._queue import Queue
from ._run import Run


async def cancel_scan(
    log: EventLog,
    queue: Queue,
    scan_id: str,
    by: str | None,
    *,
    now: Callable[[], datetime],
    here: Callable[[str], Run | None] = lambda _scan_id: None,
) -> None:
    """Ask a scan to stop; returns once that is durable. ``here`` tells which scans run in this process.

    Raises:
        UnknownRecord: no such scan.
    """
    snapshot = await log.snapshot(scan_id)
    if snapshot.terminal:
        return
    with suppress(ScanEnded):
        if snapshot.status is not ScanStatus.CANCELLING:
            await log.append(cancelling(snapshot, now(), by), key="cancel")
        # From here on the log says so: a run that begins now, or after a crash, stops by itself.
        if run := here(scan_id):
            run.cancel(by)
        elif await queue.discard(scan_id):
            await log.append(cancelled(scan_id, now(), snapshot.attempt, by))
