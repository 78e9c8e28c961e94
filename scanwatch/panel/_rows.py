"""A snapshot as a compact row for the browser, and what changes a row into the next.

A row is JSON: times are milliseconds since 1970, phases and states the words of the model, fields that are not known
are left out. Every face that draws scans in a browser is fed with these rows; ``static/store.js`` keeps them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any

from ..model import AttemptFailure, Event, PhaseSpan
from ..snapshot import Snapshot, eta_s, phase_share
from ._text import artifacts_of, event_line, name_of, shown_percent

Row = dict[str, Any]


def encode(snapshot: Snapshot) -> Row:
    """The row of a snapshot."""
    fields = {**_steady_fields(snapshot), **_moving_fields(snapshot)}
    return {name: value for name, value in fields.items() if value is not None}


def sketch(snapshot: Snapshot) -> Row:
    """What counts a row, until the rest of it is told."""
    return {"status": snapshot.status.value}


def changes(row: Row, before: Snapshot, after: Snapshot) -> Row:
    """What turns ``row``, the row of ``before``, into that of ``after``; a field that is gone comes as ``None``.

    Thousands of rows change several times a second: what seldom changes is only encoded when it has.
    """
    fields = _moving_fields(after)
    if _steady(before) != _steady(after):
        fields |= _steady_fields(after)
    get = row.get
    return {name: value for name, value in fields.items() if get(name) != value}


_steady = attrgetter(
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
"""Whatever the steady fields are made of."""


def _steady_fields(snapshot: Snapshot) -> Row:
    """The fields that most events leave as they are."""
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


def _moving_fields(snapshot: Snapshot) -> Row:
    """The fields that an event changes."""
    left_s = eta_s(snapshot, snapshot.updated_at) if snapshot.updated_at else None
    return {
        "share": _rounded(phase_share(snapshot), 3),
        "percent": shown_percent(snapshot),
        "message": snapshot.message,
        "file": snapshot.current_file,
        "done": snapshot.files_processed,
        "total": snapshot.total_files,
        "artifacts": artifacts_of(snapshot),
        "seq": snapshot.seq or None,
        "updated": milliseconds(snapshot.updated_at),
        "left_s": _rounded(left_s, 0),
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


def _rounded(number: float | None, digits: int) -> float | None:
    return None if number is None else round(number, digits)
