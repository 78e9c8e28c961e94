"""A snapshot as a compact row for the browser.

A row is JSON: times are milliseconds since 1970, phases and states the words of the model, fields that are not known
are left out. Every face that draws scans in a browser is fed with these rows; ``static/store.js`` keeps them.

A row has two parts. The *moving* fields are what an event changes; of thousands of rows they are made several times a
second, so that they are a plain tuple. The *steady* fields are made only when something they are made of has changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any

from ..model import AttemptFailure, Event, PhaseSpan
from ..snapshot import Snapshot
from ._text import artifacts_of, event_line, name_of, shown_percent

Row = dict[str, Any]

MOVING = ("updated", "percent", "message", "file", "done", "total", "artifacts", "seq")
"""The names of the moving fields."""

SKETCH = ("status",)
"""The names of the fields without which a row cannot be counted."""


def encode(snapshot: Snapshot) -> Row:
    """The row of a snapshot."""
    fields = steady_fields(snapshot) | dict(zip(MOVING, moving_values(snapshot), strict=True))
    return {name: value for name, value in fields.items() if value is not None}


def sketch(snapshot: Snapshot) -> tuple[Any, ...]:
    """What counts a row, until the rest of it is told: the values of the fields named by :data:`SKETCH`."""
    return (snapshot.status.value,)


def moving_values(snapshot: Snapshot) -> tuple[Any, ...]:
    """The values of the fields named by :data:`MOVING`; ``None`` for what is not known."""
    return (
        milliseconds(snapshot.updated_at),
        shown_percent(snapshot),
        snapshot.message,
        snapshot.current_file,
        snapshot.files_processed,
        snapshot.total_files,
        artifacts_of(snapshot),
        snapshot.seq or None,
    )


steady_key = attrgetter(
    "target",
    "requested_by",
    "status",
    "phase",
    "settling",
    "attempt",
    "error",
    "result",
    "failures",
    "spans",
    "created_at",
    "started_at",
    "finished_at",
    "cancel_asked_at",
    "max_attempts",
    "retry_at",
)
"""Whatever :func:`steady_fields` are made of: equal for two snapshots of one scan, they have the same."""


def steady_fields(snapshot: Snapshot) -> Row:
    """The fields that most events leave as they are; ``None`` for what is not known."""
    result = snapshot.result
    return {
        "name": name_of(snapshot),
        "target": snapshot.target,
        "by": snapshot.requested_by,
        "status": snapshot.status.value,
        "phase": snapshot.phase.value if snapshot.phase else None,
        "attempt": snapshot.attempt,
        "attempts": snapshot.max_attempts,
        "retry_at": milliseconds(snapshot.retry_at),
        "settling": snapshot.settling or None,
        "error": snapshot.error,
        "findings": result.findings if result else None,
        "files": result.files if result else None,
        "commit": result.commit if result else None,
        "created": milliseconds(snapshot.created_at),
        "started": milliseconds(snapshot.started_at),
        "finished": milliseconds(snapshot.finished_at),
        "cancel_asked": milliseconds(snapshot.cancel_asked_at),
        "failures": [_failure(failure) for failure in snapshot.failures] or None,
        "spans": [_span(span) for span in snapshot.spans] or None,
    }


def _failure(failure: AttemptFailure) -> list[Any]:
    phase = failure.phase.value if failure.phase else None
    return [failure.attempt, phase, failure.error, milliseconds(failure.time)]


def _span(span: PhaseSpan) -> list[Any]:
    return [span.attempt, span.phase.value, milliseconds(span.started_at), milliseconds(span.ended_at)]


def encode_events(events: Sequence[Event]) -> list[list[Any]]:
    """The newest events of a scan as lines of a log: number, time, words."""
    return [[event.seq, milliseconds(event.time), event_line(event)] for event in events]


def milliseconds(time: datetime | None) -> int | None:
    """A time as the browser counts it."""
    return None if time is None else round(time.timestamp() * 1000)
