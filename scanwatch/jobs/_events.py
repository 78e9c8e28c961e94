"""The events of a scan's life, in the words people read. Each has no ``seq`` yet: the store gives it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from ..errors import ScannerError
from ..model import Event, EventKind, FailureCode, Phase, Progress, ScanOutcome, ScanResult, Turn
from ..snapshot import Snapshot

MAX_TEXT = 500
"""Characters of a message, an error or a file name; what is longer is cut."""

_CANCEL_ASKED = "Cancelling"
_CANCELLED = "Cancelled"


def queued(scan_id: str, time: datetime) -> Event:
    """The first event of every scan."""
    return _waiting(scan_id, time, 1, "Waiting for a worker")


def put_back(scan_id: str, time: datetime, attempt: int) -> Event:
    """The worker stops in good order and leaves the scan to the next one."""
    return _waiting(scan_id, time, attempt, f"Waiting for a worker: this one stops; attempt {attempt} starts anew")


def _waiting(scan_id: str, time: datetime, attempt: int, message: str) -> Event:
    return Event(scan_id, EventKind.PROGRESS, time, phase=Phase.QUEUED, attempt=attempt, message=message)


def starting(scan_id: str, time: datetime, attempt: int) -> Event:
    """A worker has begun an attempt; its scanner has said nothing yet."""
    return Event(scan_id, EventKind.PROGRESS, time, phase=Phase.DISCOVERY, attempt=attempt, message="Starting")


def progressed(scan_id: str, time: datetime, progress: Progress, *, attempt: int, percent: int | None) -> Event:
    """The scanner reported."""
    return Event(
        scan_id,
        EventKind.PROGRESS,
        time,
        phase=progress.phase,
        progress_percent=percent,
        attempt=attempt,
        message=plain(progress.message),
        files_processed=progress.files_processed,
        total_files=progress.total_files,
        current_file=plain(progress.current_file),
        artifacts_found=progress.artifacts_found,
    )


def retrying(
    scan_id: str,
    time: datetime,
    failure: ScannerError,
    *,
    attempt: int,
    attempts: int,
    phase: Phase | None,
    delay_s: float,
) -> Event:
    """``attempt`` of ``attempts`` failed; the next begins after ``delay_s``."""
    error = error_text(failure)
    where = f" in {phase}" if phase else ""
    message = f"Attempt {attempt} of {attempts} failed{where}: {error.rstrip('.')}; retry in {delay_s:g} s"
    return Event(
        scan_id,
        EventKind.PROGRESS,
        time,
        phase=Phase.QUEUED,
        turn=Turn.RETRYING,
        attempt=attempt + 1,
        message=plain(message),
        error=error,
        code=code_of(failure),
        max_attempts=attempts,
        retry_at=time + timedelta(seconds=delay_s),
    )


def restarted(scan_id: str, time: datetime, attempt: int) -> Event:
    """The worker that ran the scan is gone; another begins the same attempt."""
    return Event(
        scan_id,
        EventKind.PROGRESS,
        time,
        phase=Phase.QUEUED,
        turn=Turn.RESTARTED,
        attempt=attempt,
        message=f"Restarted: the worker was lost; attempt {attempt} starts anew",
    )


def lost_workers(history: Sequence[Event]) -> int:
    """How often a worker was lost while it ran the scan: restarts, without those after a stop in good order."""
    return sum(1 for before, event in pairwise(history) if event.turn is Turn.RESTARTED and not was_put_back(before))


def was_being_run(last: Event) -> bool:
    """Whether a worker was at work when ``last`` was the newest event, and not between attempts or stopped."""
    return last.turn is not Turn.RETRYING and not was_put_back(last) and last.seq != 1


def was_put_back(event: Event) -> bool:
    """Whether ``event`` is what a worker that stopped in good order left."""
    return event.phase is Phase.QUEUED and event.turn is None and event.seq != 1


def cancelling(snapshot: Snapshot, time: datetime, by: str | None) -> Event:
    """Somebody asked the scan to stop; it stays where it is until it has."""
    return Event(
        snapshot.scan_id,
        EventKind.PROGRESS,
        time,
        phase=snapshot.phase,
        turn=Turn.CANCELLING,
        progress_percent=snapshot.progress_percent,
        attempt=snapshot.attempt,
        message=_by(_CANCEL_ASKED, by),
        files_processed=snapshot.files_processed,
        total_files=snapshot.total_files,
        current_file=snapshot.current_file,
        artifacts_found=snapshot.artifacts_found,
    )


def asked_by(history: Iterable[Event]) -> str | None:
    """Who asked the scan to stop; ``None`` if nobody said."""
    asked = next((event for event in history if event.turn is Turn.CANCELLING), None)
    message = "" if asked is None or asked.message is None else asked.message
    return message.partition(" by ")[2] or None


def cancelled(scan_id: str, time: datetime, attempt: int, by: str | None) -> Event:
    """The end of a scan that was asked to stop."""
    words = _by(_CANCELLED, by)
    return Event(
        scan_id,
        EventKind.FAILED,
        time,
        attempt=attempt,
        message=words,
        error=words,
        code=FailureCode.CANCELLED,
    )


def failed(scan_id: str, time: datetime, failure: ScannerError, attempt: int) -> Event:
    """The end of a scan that cannot go on."""
    error = error_text(failure)
    return Event(scan_id, EventKind.FAILED, time, attempt=attempt, error=error, code=code_of(failure))


def completed(scan_id: str, time: datetime, outcome: ScanOutcome, *, attempt: int, duration_s: float | None) -> Event:
    """The end of a scan that did what was asked."""
    result = ScanResult(
        scan_id,
        duration_s=duration_s,
        artifacts=len(outcome.artifacts),
        findings=len(outcome.findings),
        files=outcome.files,
        commit=outcome.commit,
        dialects=outcome.dialects,
    )
    return Event(scan_id, EventKind.COMPLETE, time, attempt=attempt, result=result)


def error_text(failure: ScannerError) -> str:
    """Why an attempt failed, in a length that can be shown."""
    return plain(str(failure)) or "The scanner gave no reason."


def code_of(failure: ScannerError) -> FailureCode:
    """The class of a failure; only people cancel, and what a stranger invents is ``internal``."""
    known = {code.value: code for code in FailureCode if code is not FailureCode.CANCELLED}
    return known.get(failure.code, FailureCode.INTERNAL)


def plain(text: str | None) -> str | None:
    """``text`` as it can be stored and sent: at most ``MAX_TEXT`` long, file names that are not text made so."""
    if text is None:
        return None
    if len(text) > MAX_TEXT:
        text = text[: MAX_TEXT - 1] + "…"
    return text.encode("utf-8", "replace").decode("utf-8")


def _by(what: str, by: str | None) -> str:
    return plain(f"{what} by {by}" if by else what) or what
