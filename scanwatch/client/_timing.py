"""How long a scan has run and will run, from its snapshot and the age of its last event: the gateway's clock counts."""

from __future__ import annotations

from datetime import datetime

from ..model import ScanStatus
from ..snapshot import PHASE_RANGES, Snapshot

MOVING = frozenset({ScanStatus.IN_PROGRESS})


def elapsed_s(snapshot: Snapshot, age_s: float | None, now: datetime) -> float | None:
    """Seconds since the first attempt began, or that the scan took; ``None`` before it began.

    Clocks of gateway and client may differ, so what passed since the last event is counted here, the rest there.
    """
    if snapshot.terminal:
        return snapshot.duration_s
    return _since(snapshot.started_at, snapshot, age_s, now)


def eta_s(snapshot: Snapshot, age_s: float | None, now: datetime) -> float | None:
    """Seconds until the end at the rate of the whole attempt; ``None`` before two samples, or when nothing moves on."""
    percent = snapshot.progress_percent
    spans = [span for span in snapshot.spans if span.attempt == snapshot.attempt]
    if snapshot.status not in MOVING or percent is None or not spans:
        return None
    passed_s = _since(spans[0].started_at, snapshot, age_s, now)
    done = percent - PHASE_RANGES[spans[0].phase][0]
    if passed_s is None or passed_s <= 0 or done <= 0:
        return None
    return (100 - percent) * passed_s / done


def _since(start: datetime | None, snapshot: Snapshot, age_s: float | None, now: datetime) -> float | None:
    if start is None:
        return None
    if age_s is None or snapshot.updated_at is None:
        return max(0.0, (now - start).total_seconds())
    return max(0.0, (snapshot.updated_at - start).total_seconds()) + age_s
