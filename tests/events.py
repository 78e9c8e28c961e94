"""Events of one scan, as the two kinds of gateway send them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from scanwatch.model import Event, EventKind, Phase
from scanwatch.snapshot import percent_done
from tests.strategies import SCAN_ID, START


def ours(seq: int, phase: Phase = Phase.FETCH, done: int = 1, total: int = 10, **more: Any) -> Event:
    """A progress event of our own gateway."""
    event = Event(
        scan_id=SCAN_ID,
        kind=EventKind.PROGRESS,
        time=START + timedelta(seconds=seq),
        seq=seq,
        phase=phase,
        attempt=1,
        progress_percent=percent_done(phase, done, total),
        files_processed=done,
        total_files=total,
    )
    return replace(event, **more)


def ours_end(seq: int, kind: EventKind = EventKind.COMPLETE, **more: Any) -> Event:
    return replace(Event(SCAN_ID, kind, START + timedelta(seconds=seq), seq=seq, attempt=1), **more)


def field(ms: int, percent: int, step: str, kind: EventKind = EventKind.PROGRESS, **more: Any) -> Event:
    """An event of a gateway in the field: no seq, no phase."""
    event = Event(SCAN_ID, kind, START + timedelta(milliseconds=ms), step=step, progress_percent=percent, message=step)
    return replace(event, **more)


def field_end(ms: int, kind: EventKind, error: str | None = None) -> Event:
    return Event(SCAN_ID, kind, START + timedelta(milliseconds=ms), error=error)
