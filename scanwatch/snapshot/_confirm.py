"""What a read of a gateway's record changes in a scan's picture, and the record that a picture amounts to."""

from __future__ import annotations

from msgspec.structs import replace

from ..model import (
    TERMINAL,
    WAITING,
    AttemptFailure,
    ScanRecord,
    ScanResult,
    ScanStatus,
)
from ._apply import Snapshot, completed, is_noted, last_told, leave_phase, phase_at


def confirm(snapshot: Snapshot, record: ScanRecord) -> Snapshot:
    """``snapshot`` after a read of the gateway's record, whose status is the truth.

    Only the status decides: a completed row may still carry an old error, a running one an old end. The caller
    decides whether a failed row is final (it may be retried) before it calls this.
    """
    if snapshot.terminal:
        return snapshot
    known = replace(
        snapshot,
        repository_id=snapshot.repository_id or record.repository_id,
        target=snapshot.target or record.target,
        created_at=record.created_at,
        requested_by=snapshot.requested_by or record.requested_by,
        retry_of=snapshot.retry_of or record.retry_of,
        started_at=snapshot.started_at or record.started_at,
    )
    if record.status in TERMINAL:
        return _confirmed_end(known, record)
    return _confirmed_running(known, record)


def suspect(snapshot: Snapshot, record: ScanRecord) -> Snapshot:
    """``snapshot`` after a read of a failed row that may be retried: an attempt failed, and not yet the scan.

    Its event may be lost, or never sent; and the row will keep only the last attempt's error.
    """
    time = record.finished_at or record.started_at or record.created_at
    if snapshot.terminal or snapshot.settling or is_noted(snapshot, time):
        return snapshot
    error = record.error or "no reason given"
    failure = AttemptFailure(snapshot.attempt, error, time, snapshot.phase, record.code)
    return replace(
        snapshot,
        failures=(*snapshot.failures, failure),
        spans=leave_phase(snapshot, time),
        error=error,
        message=error,
        settling=True,
    )


def _next_attempt(snapshot: Snapshot, record: ScanRecord) -> Snapshot:
    """``snapshot`` once a row says that another attempt began after the one that failed.

    One that began before the last that was heard has been counted: the row was read while the events ran ahead of it.
    """
    began, told = record.started_at, last_told(snapshot)
    if not snapshot.settling or not snapshot.failures or began is None or told is None or began <= told:
        return snapshot
    return replace(snapshot, attempt=snapshot.attempt + 1, settling=False, error=None, message=None)


def _confirmed_running(snapshot: Snapshot, record: ScanRecord) -> Snapshot:
    snapshot = _next_attempt(snapshot, record)
    if snapshot.seq or snapshot.settling or snapshot.updated_at is not None:
        # Events tell more than a record, except that somebody asked the scan to stop: that stays true until its end.
        known = snapshot.status not in WAITING and record.status is not ScanStatus.CANCELLING
        return snapshot if known else replace(snapshot, status=record.status)
    percent = record.progress_percent
    if percent is None and record.job is not None:
        percent = record.job.progress_percent
    phase = record.phase or (None if percent is None else phase_at(percent))
    return replace(snapshot, status=record.status, phase=phase, progress_percent=percent)


def _confirmed_end(snapshot: Snapshot, record: ScanRecord) -> Snapshot:
    if record.status is ScanStatus.FAILED and record.seq is None:
        snapshot = suspect(_next_attempt(snapshot, record), record)
    finished_at = record.finished_at or snapshot.updated_at
    ended = replace(
        snapshot,
        finished_at=finished_at,
        settling=False,
        spans=snapshot.spans if finished_at is None else leave_phase(snapshot, finished_at),
    )
    if record.status is ScanStatus.COMPLETED:
        result = snapshot.result or ScanResult(
            record.id, record.duration_s, record.artifacts, record.findings, commit=record.commit
        )
        return replace(completed(ended), result=result)
    return replace(
        ended,
        status=record.status,
        error=record.error or snapshot.error,
        code=record.code or snapshot.code,
        message=record.error or snapshot.message,
    )


def to_record(snapshot: Snapshot) -> ScanRecord:
    """The row of the history that a snapshot amounts to.

    Raises:
        ValueError: the snapshot has no event yet, so nobody knows when the scan was created.
    """
    if snapshot.created_at is None:
        raise ValueError(f"scan {snapshot.scan_id} has no event yet")
    result = snapshot.result
    return ScanRecord(
        id=snapshot.scan_id,
        repository_id=snapshot.repository_id,
        status=snapshot.status,
        created_at=snapshot.created_at,
        target=snapshot.target,
        started_at=snapshot.started_at,
        finished_at=snapshot.finished_at,
        duration_s=snapshot.duration_s,
        commit=result.commit if result else None,
        artifacts=result.artifacts if result else snapshot.artifacts_found,
        findings=result.findings if result else None,
        error=snapshot.error,
        code=snapshot.code,
        phase=snapshot.phase,
        progress_percent=snapshot.progress_percent,
        attempt=snapshot.attempt,
        requested_by=snapshot.requested_by,
        retry_of=snapshot.retry_of,
        seq=snapshot.seq,
    )
