"""Scans as text and as HTML: for terminals, pipes, converted notebooks and their comparison.

Everything that came over the wire is shown as characters: HTML is escaped, control characters are replaced.
Tables hold nothing that differs from run to run (no ids, times, durations or addresses), so that a stored
notebook compares equal; a line for people (:func:`scan_line`) has times.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from html import escape

from ..model import WAITING, WORK_PHASES, Event, EventKind, Phase, ScanStatus, Turn, target_name
from ..snapshot import Snapshot, eta_s

STALLED_AFTER_S = 30.0
"""Silence of a working scan after which it is shown as stalled."""

_WORDS = {
    ScanStatus.PENDING: "Queued",
    ScanStatus.QUEUED: "Queued",
    ScanStatus.IN_PROGRESS: "In progress",
    ScanStatus.CANCELLING: "Cancelling",
    ScanStatus.COMPLETED: "Completed",
    ScanStatus.FAILED: "Failed",
    ScanStatus.CANCELLED: "Cancelled",
}
_HEADS = ("Scan", "Status", "Progress", "Artifacts", "Message")
_RIGHT = frozenset({"Progress", "Artifacts"})
_MESSAGE_LENGTH = 60
_NAMES_SHOWN = 200


def name_of(snapshot: Snapshot) -> str:
    """The name a scan is shown under."""
    return target_name(snapshot.target) if snapshot.target else f"scan {snapshot.scan_id[:8]}"


def plain(text: str) -> str:
    """``text`` without characters that steer a terminal or turn the direction of writing."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


def count_text(number: int) -> str:
    """A count with a space between thousands: ``1 204``."""
    return f"{number:,}".replace(",", " ")


def duration_text(seconds: float) -> str:
    """``0:39``, from an hour ``1:02:03``, from a day ``2 d 3 h``."""
    whole = max(0, int(seconds))
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    days, day_hours = divmod(hours, 24)
    if days:
        return f"{days} d {day_hours} h"
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def remaining_text(seconds: float) -> str:
    """A coarse estimate: ``under 1 min``, ``3 min left``, ``2 h left``."""
    if seconds < 60:
        return "under 1 min"
    minutes = round(seconds / 60)
    return f"{minutes} min left" if minutes < 60 else f"{round(minutes / 60)} h left"


def percent_text(snapshot: Snapshot) -> str:
    """``48 %``; a dash while it is not known. 100 comes with the confirmed end only."""
    percent = shown_percent(snapshot)
    return f"{percent} %" if percent is not None else "" if snapshot.status in WAITING else "–"


def shown_percent(snapshot: Snapshot) -> int | None:
    """The percent to show: never 100 before the end is confirmed."""
    percent = snapshot.progress_percent
    if percent is None or snapshot.status is ScanStatus.COMPLETED:
        return percent
    return min(percent, 99)


def state_word(snapshot: Snapshot, now: datetime | None = None) -> str:
    """The word for where a scan stands; with ``now``, silence shows as ``Stalled``."""
    if snapshot.status is not ScanStatus.IN_PROGRESS:
        return _WORDS[snapshot.status]
    quiet_s = (now - snapshot.updated_at).total_seconds() if now and snapshot.updated_at else 0.0
    if quiet_s >= STALLED_AFTER_S:
        return "Stalled"
    return "Retrying" if snapshot.attempt > 1 else "In progress"


def artifacts_of(snapshot: Snapshot) -> int | None:
    """The number of artifacts: the result's if there is one, else what was found so far."""
    result = snapshot.result
    return snapshot.artifacts_found if result is None or result.artifacts is None else result.artifacts


def scan_line(snapshot: Snapshot, now: datetime) -> str:
    """One line about one scan at ``now``, for a terminal or a log."""
    parts = [
        plain(name_of(snapshot)),
        state_word(snapshot, now) + (f" (attempt {snapshot.attempt})" if snapshot.attempt > 1 else ""),
        _phase_text(snapshot),
        percent_text(snapshot),
        _artifacts_text(snapshot),
        _time_text(snapshot, now),
        plain(snapshot.error) if snapshot.terminal and snapshot.error else "",
    ]
    return "  ".join(part for part in parts if part)


def _phase_text(snapshot: Snapshot) -> str:
    if snapshot.terminal or snapshot.phase is None or snapshot.phase is Phase.QUEUED:
        return ""
    return " ".join(part for part in (snapshot.phase.value.capitalize(), files_text(snapshot)) if part)


def files_text(thing: Snapshot | Event) -> str:
    """``96 of 240 files``; without a total, ``96 files``; nothing when not known."""
    if thing.files_processed is None:
        return ""
    if thing.total_files is None:
        return f"{count_text(thing.files_processed)} files"
    return f"{count_text(thing.files_processed)} of {count_text(thing.total_files)} files"


def _artifacts_text(snapshot: Snapshot) -> str:
    artifacts = artifacts_of(snapshot)
    if artifacts is None:
        return ""
    return f"{count_text(artifacts)} artifact{'' if artifacts == 1 else 's'}"


def _time_text(snapshot: Snapshot, now: datetime) -> str:
    if snapshot.terminal:
        return "" if snapshot.duration_s is None else duration_text(snapshot.duration_s)
    begun = snapshot.started_at or snapshot.created_at
    if begun is None:
        return ""
    left_s = eta_s(snapshot, now)
    elapsed = duration_text((now - begun).total_seconds())
    return elapsed if left_s is None else f"{elapsed}, {remaining_text(left_s)}"


def event_line(event: Event) -> str:
    """What one event says, in words, without its time."""
    if event.kind is EventKind.COMPLETE:
        return "completed"
    if event.kind is EventKind.FAILED:
        return f"failed: {event.error or event.message or 'no reason given'}"
    if event.turn is Turn.RETRYING:
        return f"attempt {event.attempt} begins: {event.error or event.message or 'the one before failed'}"
    if event.turn is not None:
        return event.message or event.turn.value
    phase = event.phase.value if event.phase in WORK_PHASES and event.phase else (event.step or "progress")
    found = None if event.artifacts_found is None else f"{count_text(event.artifacts_found)} artifacts"
    words = ", ".join(part for part in (files_text(event).removesuffix(" files"), found) if part)
    return f"{phase} {words}" if words else f"{phase} {event.message or ''}".rstrip()


def table_text(snapshots: Sequence[Snapshot]) -> str:
    """A table for a fixed-width font, one line a scan; the same for every run of the same scans."""
    if not snapshots:
        return "No scans yet."
    rows = [_HEADS, *(_cells(snapshot) for snapshot in snapshots)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADS))]
    return "\n".join(_aligned(row, widths) for row in rows)


def _aligned(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = (
        cell.rjust(width) if head in _RIGHT else cell.ljust(width)
        for cell, width, head in zip(row, widths, _HEADS, strict=True)
    )
    return "  ".join(cells).rstrip()


def _cells(snapshot: Snapshot) -> tuple[str, ...]:
    artifacts = artifacts_of(snapshot)
    return (
        plain(name_of(snapshot)),
        _WORDS[snapshot.status],
        percent_text(snapshot),
        "" if artifacts is None else count_text(artifacts),
        _shortened(plain(snapshot.error or "")) if snapshot.status is ScanStatus.FAILED else "",
    )


def _shortened(text: str) -> str:
    return text if len(text) <= _MESSAGE_LENGTH else text[: _MESSAGE_LENGTH - 1].rstrip() + "…"


def table_html(snapshots: Sequence[Snapshot]) -> str:
    """The same table as HTML, every cell escaped."""
    if not snapshots:
        return "<p>No scans yet.</p>"
    return _html_table(_HEADS, (_cells(snapshot) for snapshot in snapshots))


def names_html(snapshots: Sequence[Snapshot]) -> str:
    """What stands in for a live panel where none can be shown: the names alone, as nothing else stays true."""
    if not snapshots:
        return "<p>No scans yet.</p>"
    names = [(plain(name_of(snapshot)),) for snapshot in snapshots[:_NAMES_SHOWN]]
    more = len(snapshots) - len(names)
    return _html_table(("Scan",), [*names, (f"and {count_text(more)} more",)] if more else names)


def _html_table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f'<th style="text-align: {_side(name)}">{escape(name)}</th>' for name in heads)
    body = "\n".join(
        "<tr>"
        + "".join(
            f'<td style="text-align: {_side(name)}">{escape(cell)}</td>' for name, cell in zip(heads, row, strict=True)
        )
        + "</tr>"
        for row in rows
    )
    return f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>"


def _side(head: str) -> str:
    return "right" if head in _RIGHT else "left"
