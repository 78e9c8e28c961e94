"""The state of a scan, and how an event changes it. Pure: time comes with the events, never from a clock.

Gateway and client hold the same :class:`Snapshot` and advance it with the same :func:`apply`, so a picture of a
scan is the same wherever it is drawn. :func:`confirm` brings in what a read of the gateway's record says.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

import msgspec
from msgspec.structs import replace

from ..model import (
    TERMINAL,
    WAITING,
    WORK_PHASES,
    AttemptFailure,
    Event,
    EventKind,
    FailureCode,
    Phase,
    PhaseSpan,
    ScanRequest,
    ScanResult,
    ScanStatus,
    Turn,
)

PHASE_RANGES: Mapping[Phase, tuple[int, int]] = MappingProxyType(
    {
        Phase.QUEUED: (0, 5),
        Phase.DISCOVERY: (5, 10),
        Phase.FETCH: (10, 30),
        Phase.PARSE: (30, 60),
        Phase.VALIDATE: (60, 90),
        Phase.PERSIST: (90, 99),
    }
)
"""The percents each phase covers. 100 comes only with the completed end."""

_WORK_RANGE = (PHASE_RANGES[WORK_PHASES[0]][0], PHASE_RANGES[WORK_PHASES[-1]][1])

ONE_END = timedelta(milliseconds=100)
"""A row and an event that tell of ends this close to each other tell of the same one; attempts are seconds apart."""

MAX_SPANS = 60
"""Phase spans a snapshot keeps: ten attempts' worth, so that a scan that restarts for ever stays small."""


@dataclass(init=False, repr=False, eq=False, match_args=False)  # for replace(), fields() and asdict()
class Snapshot(msgspec.Struct, frozen=True):
    """The complete state of one scan after the event ``seq`` (0: before the first).

    ``settling`` is true after a field gateway's end that no read has confirmed yet; it shows as 99 % at most.
    ``max_attempts`` is known once an attempt has failed, ``retry_at`` while the next one waits.
    """

    scan_id: str
    repository_id: str | None = None
    target: str | None = None
    status: ScanStatus = ScanStatus.PENDING
    phase: Phase | None = None
    step: str | None = None
    progress_percent: int | None = None
    attempt: int = 1
    seq: int = 0
    message: str | None = None
    files_processed: int | None = None
    total_files: int | None = None
    current_file: str | None = None
    artifacts_found: int | None = None
    error: str | None = None
    code: FailureCode | None = None
    result: ScanResult | None = None
    failures: tuple[AttemptFailure, ...] = ()
    spans: tuple[PhaseSpan, ...] = ()
    created_at: datetime | None = None
    started_at: datetime | None = None
    updated_at: datetime | None = None
    finished_at: datetime | None = None
    cancel_asked_at: datetime | None = None
    requested_by: str | None = None
    retry_of: str | None = None
    settling: bool = False
    max_attempts: int | None = None
    retry_at: datetime | None = None

    @property
    def terminal(self) -> bool:
        """Whether the scan has ended and nothing will change this snapshot."""
        return self.status in TERMINAL

    @property
    def duration_s(self) -> float | None:
        """Seconds from the start of the first attempt to the end; ``None`` before the end."""
        if self.finished_at is None or self.started_at is None:
            return None
        return max(0.0, (self.finished_at - self.started_at).total_seconds())


def new_snapshot(request: ScanRequest) -> Snapshot:
    """The snapshot of a scan that was accepted and has no event yet."""
    return Snapshot(
        scan_id=request.scan_id,
        repository_id=request.repository_id,
        target=request.target,
        requested_by=request.requested_by,
        retry_of=request.retry_of,
    )


def percent_done(phase: Phase, files_processed: int | None, total_files: int | None) -> int | None:
    """Percent of a scan that is in ``phase`` with so many of its files done; ``None`` without a total."""
    if files_processed is None or total_files is None:
        return None
    return percent_at(phase, 1.0 if total_files == 0 else files_processed / total_files)


def percent_at(phase: Phase, share: float) -> int:
    """Percent of a scan that has done so much of ``phase``: 0 to 1."""
    start, end = PHASE_RANGES[phase]
    return start + int((end - start) * min(1.0, max(0.0, share)))


def phase_at(percent: int) -> Phase:
    """The phase a percent belongs to: how the steps of a field gateway find their place in the five segments."""
    for phase, (_, end) in PHASE_RANGES.items():
        if percent < end:
            return phase
    return Phase.PERSIST


def phase_share(snapshot: Snapshot) -> float | None:
    """How much of its current phase a scan has done, 0.0-1.0; ``None`` when not known."""
    if snapshot.phase is None:
        return None
    if snapshot.files_processed is not None and snapshot.total_files is not None:
        if snapshot.total_files == 0:
            return 1.0
        return min(1.0, snapshot.files_processed / snapshot.total_files)
    if snapshot.progress_percent is None:
        return None
    start, end = PHASE_RANGES[snapshot.phase]
    return min(1.0, max(0.0, (snapshot.progress_percent - start) / (end - start)))


def eta_s(snapshot: Snapshot, at: datetime) -> float | None:
    """Seconds until the work of ``snapshot`` is done, seen at ``at``; ``None`` while nothing can be said.

    The rate is that of the whole current attempt: a rate of the last seconds makes an estimate jump.
    """
    percent, begun = snapshot.progress_percent, _attempt_began(snapshot)
    if snapshot.status is not ScanStatus.IN_PROGRESS or snapshot.settling or snapshot.updated_at is None:
        return None
    if percent is None or begun is None or snapshot.phase not in WORK_PHASES:
        return None
    start, end = _WORK_RANGE
    worked_s = (snapshot.updated_at - begun).total_seconds()
    if percent <= start or worked_s <= 0:
        return None
    left_s = worked_s * (end - percent) / (percent - start)
    return max(0.0, left_s - (at - snapshot.updated_at).total_seconds())


def _attempt_began(snapshot: Snapshot) -> datetime | None:
    attempt = snapshot.attempt
    for span in snapshot.spans:
        if span.attempt == attempt:
            return span.started_at
    return None


def missing_before(snapshot: Snapshot, event: Event) -> tuple[int, int] | None:
    """The first and last ``seq`` that were lost between ``snapshot`` and ``event``; ``None`` if nothing was."""
    if event.seq is None:
        return None
    first = event.seq if event.merged_from is None else event.merged_from
    return (snapshot.seq + 1, first - 1) if first > snapshot.seq + 1 else None


def apply_all(snapshot: Snapshot, events: Iterable[Event]) -> Snapshot:
    """``snapshot`` after all of ``events``."""
    for event in events:
        snapshot = apply(snapshot, event)
    return snapshot


def apply(snapshot: Snapshot, event: Event) -> Snapshot:
    """``snapshot`` after ``event``; the very same object when the event changes nothing.

    Nothing changes by a duplicate, by an event older than the snapshot, by another scan's event, or by anything
    after the end. With ``seq`` the order is the store's; without (field gateways) it is the order of time.
    """
    if event.scan_id != snapshot.scan_id or snapshot.terminal or _is_old(snapshot, event):
        return snapshot
    if event.kind is EventKind.PROGRESS:
        return _progress(snapshot, event)
    moved = replace(snapshot, **_moved(snapshot, event))
    if event.seq is None:
        return _unconfirmed_end(moved, event)
    return _end(moved, event)


def _moved(snapshot: Snapshot, event: Event) -> dict[str, Any]:
    """What every event changes."""
    return {
        "seq": event.seq or snapshot.seq,
        "updated_at": event.time,
        "created_at": snapshot.created_at or event.time,
    }


def _is_old(snapshot: Snapshot, event: Event) -> bool:
    if event.seq is not None:
        return event.seq <= snapshot.seq
    if event.kind is EventKind.PROGRESS and snapshot.settling and is_noted(snapshot, event.time):
        return True  # no attempt begins so soon after a failure: this is of the one that failed
    last = last_told(snapshot)
    if last is None or event.time > last:
        return False
    return bool(event.time < last) or _says_the_same(snapshot, event)


def last_told(snapshot: Snapshot) -> datetime | None:
    """The moment the picture of a field gateway's scan is of: a row may tell of a failure before its events come."""
    told = [time for time in (snapshot.updated_at, *(one.time for one in snapshot.failures[-1:])) if time is not None]
    return max(told, default=None)


def _says_the_same(snapshot: Snapshot, event: Event) -> bool:
    """Whether an event of the snapshot's own millisecond is a copy of the one that made it."""
    if event.kind is EventKind.PROGRESS:
        return (event.progress_percent, event.step, event.message) == (
            snapshot.progress_percent,
            snapshot.step,
            snapshot.message,
        )
    return snapshot.settling


def _progress(snapshot: Snapshot, event: Event) -> Snapshot:
    """One copy only: this is what nearly every event does, at every gateway and every client."""
    if event.turn is Turn.CANCELLING:
        return replace(
            snapshot,
            **_moved(snapshot, event),
            status=ScanStatus.CANCELLING,
            message=event.message,
            cancel_asked_at=snapshot.cancel_asked_at or event.time,
        )
    if event.turn is Turn.RETRYING:
        snapshot = _attempt_failed(snapshot, event)
    phase = event.phase or _phase_of_percent(event)
    return replace(
        snapshot,
        **_moved(snapshot, event),
        status=_status_in(snapshot, phase),
        phase=phase,
        step=event.step,
        progress_percent=event.progress_percent,
        attempt=event.attempt or snapshot.attempt + snapshot.settling,
        message=event.message,
        files_processed=event.files_processed,
        total_files=event.total_files,
        current_file=event.current_file,
        artifacts_found=event.artifacts_found,
        spans=_enter_phase(snapshot, phase, event),
        started_at=snapshot.started_at or (event.time if phase in WORK_PHASES else None),
        max_attempts=event.max_attempts or snapshot.max_attempts,
        retry_at=event.retry_at,
        settling=False,
    )


def _phase_of_percent(event: Event) -> Phase | None:
    return None if event.progress_percent is None else phase_at(event.progress_percent)


def _status_in(snapshot: Snapshot, phase: Phase | None) -> ScanStatus:
    if snapshot.status is ScanStatus.CANCELLING:
        return ScanStatus.CANCELLING
    if phase is Phase.QUEUED and snapshot.status in WAITING:
        return ScanStatus.QUEUED
    return ScanStatus.IN_PROGRESS


def _enter_phase(snapshot: Snapshot, phase: Phase | None, event: Event) -> tuple[PhaseSpan, ...]:
    attempt = event.attempt or snapshot.attempt + snapshot.settling
    spans = snapshot.spans
    current = spans[-1] if spans and spans[-1].ended_at is None else None
    stays = current is not None and (current.phase, current.attempt) == (phase, attempt)
    if stays and event.turn is not Turn.RESTARTED:
        return spans
    spans = leave_phase(snapshot, event.time)
    if phase in WORK_PHASES:
        spans = (*spans, PhaseSpan(attempt, phase, event.time))
    return spans[-MAX_SPANS:]


def leave_phase(snapshot: Snapshot, time: datetime) -> tuple[PhaseSpan, ...]:
    spans = snapshot.spans
    if not spans or spans[-1].ended_at is not None:
        return spans
    return (*spans[:-1], replace(spans[-1], ended_at=time))


def _attempt_failed(snapshot: Snapshot, event: Event) -> Snapshot:
    """Note how an attempt failed: before a retry, and (field gateways) at every ``failed`` that may be retried."""
    attempt = snapshot.attempt
    if event.kind is EventKind.PROGRESS and event.attempt is not None:
        attempt = max(1, event.attempt - 1)
    failure = AttemptFailure(
        attempt=attempt,
        error=event.error or event.message or "no reason given",
        time=event.time,
        phase=snapshot.phase,
        code=event.code,
    )
    return replace(
        snapshot,
        failures=(*snapshot.failures, failure),
        spans=leave_phase(snapshot, event.time),
    )


def _unconfirmed_end(snapshot: Snapshot, event: Event) -> Snapshot:
    """A field gateway's end: its ``failed`` may be retried, so only a read of the record makes it final."""
    ended = replace(snapshot, settling=True, spans=leave_phase(snapshot, event.time))
    if event.kind is EventKind.COMPLETE:
        return replace(ended, result=event.result, message=event.message)
    ended = replace(ended, error=event.error, message=event.error)
    if is_noted(snapshot, event.time):  # the row has told of it already
        return snapshot if not snapshot.settling else ended
    return _attempt_failed(ended, event)


def is_noted(snapshot: Snapshot, time: datetime) -> bool:
    """Whether a failure at that time is known already: by its event, or by a row that told of it."""
    return bool(snapshot.failures) and time <= snapshot.failures[-1].time + ONE_END


def _end(snapshot: Snapshot, event: Event) -> Snapshot:
    snapshot = replace(
        snapshot,
        attempt=event.attempt or snapshot.attempt,
        finished_at=event.time,
        spans=leave_phase(snapshot, event.time),
        settling=False,
    )
    if event.kind is EventKind.COMPLETE:
        return replace(completed(snapshot), result=event.result, message=event.message)
    if event.code is FailureCode.CANCELLED:
        return replace(
            snapshot,
            status=ScanStatus.CANCELLED,
            error=event.error,
            code=event.code,
            message=event.message or event.error,
        )
    return replace(
        _attempt_failed(snapshot, event),
        status=ScanStatus.FAILED,
        error=event.error,
        code=event.code,
        message=event.error,
    )


def completed(snapshot: Snapshot) -> Snapshot:
    return replace(
        snapshot,
        status=ScanStatus.COMPLETED,
        progress_percent=100,
        current_file=None,
        error=None,
        code=None,
        settling=False,
    )
