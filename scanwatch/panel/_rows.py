"""A snapshot as a compact row for the browser, and the difference of two rows.

A row is JSON: times are milliseconds since 1970, phases and states the words of the model, fields that are not known
are left out. Every face that draws scans in a browser is fed with these rows; ``static/store.js`` keeps them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from ..model import AttemptFailure, Event, PhaseSpan
from ..snapshot import Snapshot, eta_s, phase_share
from ._text import artifacts_of, event_line, name_of, shown_percent

Row = dict[str, Any]


def encode(snapshot: Snapshot) -> Row:
    """The row of a snapshot."""
    fields = {
        "name": name_of(snapshot),
        "target": snapshot.target,
        "status": snapshot.status.value,
        "phase": snapshot.phase.value if snapshot.phase else None,
        "share": _rounded(phase_share(snapshot), 3),
        "percent": shown_percent(snapshot),
        "attempt": snapshot.attempt,
        "settling": snapshot.settling or None,
        "message": snapshot.message,
        "file": snapshot.current_file,
        "done": snapshot.files_processed,
        "total": snapshot.total_files,
        "artifacts": artifacts_of(snapshot),
        "error": snapshot.error,
        "seq": snapshot.seq or None,
        **_result_fields(snapshot),
        **_time_fields(snapshot),
        "failures": [_failure(failure) for failure in snapshot.failures] or None,
        "spans": [_span(span) for span in snapshot.spans] or None,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _result_fields(snapshot: Snapshot) -> Row:
    result = snapshot.result
    if result is None:
        return {}
    return {"findings": result.findings, "files": result.files, "commit": result.commit}


def _time_fields(snapshot: Snapshot) -> Row:
    left_s = eta_s(snapshot, snapshot.updated_at) if snapshot.updated_at else None
    return {
        "created": milliseconds(snapshot.created_at),
        "started": milliseconds(snapshot.started_at),
        "updated": milliseconds(snapshot.updated_at),
        "finished": milliseconds(snapshot.finished_at),
        "cancel_asked": milliseconds(snapshot.cancel_asked_at),
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


def difference(old: Row, new: Row) -> Row:
    """The fields of ``new`` that differ from ``old``; a field that is gone comes as ``None``."""
    changed = {name: value for name, value in new.items() if old.get(name) != value}
    changed.update((name, None) for name in old if name not in new)
    return changed


def milliseconds(time: datetime | None) -> int | None:
    """A time as the browser counts it."""
    return None if time is None else round(time.timestamp() * 1000)


def _rounded(number: float | None, digits: int) -> float | None:
    return None if number is None else round(number, digits)
