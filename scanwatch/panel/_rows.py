"""A snapshot as a compact row for the browser, and what changes a row into the next.

A row is JSON: times are milliseconds since 1970, phases and states the words of the model, fields that are not known
are left out. Every face that draws scans in a browser is fed with these rows; ``static/store.js`` keeps them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any, NamedTuple

from ..model import AttemptFailure, Event, PhaseSpan
from ..snapshot import Snapshot, eta_s, phase_share
from ._text import artifacts_of, event_line, name_of, shown_percent

Row = dict[str, Any]


def encode(snapshot: Snapshot) -> Row:
    """The row of a snapshot."""
    return {name: value for part in _PARTS for name, value in part.fields(snapshot).items() if value is not None}


def sketch(snapshot: Snapshot) -> Row:
    """What names and counts a row, until the rest of it is told."""
    return {"name": name_of(snapshot), "status": snapshot.status.value}


def changes(row: Row, before: Snapshot, after: Snapshot) -> Row:
    """What turns ``row``, the row of ``before``, into that of ``after``; a field that is gone comes as ``None``.

    Only the fields that can have changed are made anew: thousands of rows change several times a second.
    """
    changed: Row = {}
    for part in _PARTS:
        if part.source(before) != part.source(after):
            for name, value in part.fields(after).items():
                if row.get(name) != value:
                    changed[name] = value
    return changed


def _target_fields(snapshot: Snapshot) -> Row:
    return {"name": name_of(snapshot), "target": snapshot.target}


def _standing_fields(snapshot: Snapshot) -> Row:
    return {
        "status": snapshot.status.value,
        "phase": snapshot.phase.value if snapshot.phase else None,
        "share": _rounded(phase_share(snapshot), 3),
        "percent": shown_percent(snapshot),
        "settling": snapshot.settling or None,
        "done": snapshot.files_processed,
        "total": snapshot.total_files,
    }


def _word_fields(snapshot: Snapshot) -> Row:
    return {
        "attempt": snapshot.attempt,
        "message": snapshot.message,
        "file": snapshot.current_file,
        "error": snapshot.error,
        "seq": snapshot.seq or None,
    }


def _result_fields(snapshot: Snapshot) -> Row:
    result = snapshot.result
    return {
        "artifacts": artifacts_of(snapshot),
        "findings": result.findings if result else None,
        "files": result.files if result else None,
        "commit": result.commit if result else None,
    }


def _time_fields(snapshot: Snapshot) -> Row:
    return {
        "created": milliseconds(snapshot.created_at),
        "started": milliseconds(snapshot.started_at),
        "finished": milliseconds(snapshot.finished_at),
        "cancel_asked": milliseconds(snapshot.cancel_asked_at),
    }


def _pace_fields(snapshot: Snapshot) -> Row:
    left_s = eta_s(snapshot, snapshot.updated_at) if snapshot.updated_at else None
    return {"updated": milliseconds(snapshot.updated_at), "left_s": _rounded(left_s, 0)}


def _history_fields(snapshot: Snapshot) -> Row:
    return {
        "failures": [_failure(failure) for failure in snapshot.failures] or None,
        "spans": [_span(span) for span in snapshot.spans] or None,
    }


class _Part(NamedTuple):
    """Some fields of a row and what in a snapshot they are made of."""

    fields: Callable[[Snapshot], Row]
    source: Callable[[Snapshot], object]


_PARTS = (
    _Part(_target_fields, attrgetter("target")),
    _Part(
        _standing_fields,
        attrgetter("status", "phase", "progress_percent", "settling", "files_processed", "total_files"),
    ),
    _Part(_word_fields, attrgetter("attempt", "message", "current_file", "error", "seq")),
    _Part(_result_fields, attrgetter("artifacts_found", "result")),
    _Part(_time_fields, attrgetter("created_at", "started_at", "finished_at", "cancel_asked_at")),
    _Part(
        _pace_fields, attrgetter("updated_at", "status", "settling", "phase", "progress_percent", "attempt", "spans")
    ),
    _Part(_history_fields, attrgetter("failures", "spans")),
)


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
