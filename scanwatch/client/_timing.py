"""What time it is for a scan: its gateway's clock may differ from ours."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ..snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Clock:
    """What a session takes the time from: seconds that only grow, and the time of day."""

    now: Callable[[], float]
    utc: Callable[[], datetime]


REAL_TIME = Clock(time.monotonic, lambda: datetime.now(UTC))


def gateway_time(snapshot: Snapshot, age_s: float | None, now: datetime) -> datetime:
    """Now by the clock that dated the scan's events: its last event's time, and what has passed here since."""
    if age_s is None or snapshot.updated_at is None:
        return now
    return snapshot.updated_at + timedelta(seconds=age_s)


def elapsed_s(snapshot: Snapshot, at: datetime) -> float | None:
    """Seconds since the first attempt began, or that the scan took; ``None`` before it began."""
    if snapshot.terminal:
        return snapshot.duration_s
    return None if snapshot.started_at is None else max(0.0, (at - snapshot.started_at).total_seconds())
