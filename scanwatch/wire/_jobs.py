"""Jobs as BullMQ queues in the field have them: names, data, options, what a worker reports and returns."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from ..errors import WireError
from ..model import Event, EventKind, Phase, ScanRequest
from ._events import Payload, ResultPayload, decode_as, decode_event, encode_event, to_plain, to_result
from ._names import event_name, is_id, to_time
from ._records import owner_and_repo

QUEUE = "scanner"
JOB = "scan-repository"
WORKING = "in progress"
"""The status of a report that is a number alone."""

KEEP_ENDED_S = 24 * 3600
KEEP_ENDED = 5_000
"""So long, and so many, ended jobs stay in the queue for people to look at; the scans themselves stay in the store."""

_RUNS = "scanwatchRuns"
"""An option of ours, which BullMQ keeps and does not read."""

_PART = re.compile(r"(?!\.+$)[\w.-]{1,200}", re.ASCII)


class JobData(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """What a job says of its scan; every key is written, as producers in the field do."""

    repository_id: str | None = None
    scan_id: str | None = None
    owner: str | None = None
    repo: str | None = None


class WorkerReport(Payload, kw_only=True):
    """A worker's report where it is more than a number."""

    progress: float
    status: str | None = None
    phase: str | None = None
    message: str | None = None


def encode_job(request: ScanRequest) -> dict[str, Any]:
    """The data of a scan's job."""
    owner, repo = owner_and_repo(request.target)
    data = JobData(repository_id=request.repository_id, scan_id=request.scan_id, owner=owner, repo=repo)
    return to_plain(data)


def decode_job(data: Any, job_id: str) -> JobData:
    """What a job says of its scan; where it names none, the job's own id is the scan's.

    Raises:
        WireError: it is no job of a scan, or its scan's id is none.
    """
    said = decode_as(JobData, data, f"job {job_id}")
    scan_id = said.scan_id or job_id
    if not is_id(scan_id):
        raise WireError(f"job {job_id[:80]}: {scan_id[:80]!r} is no id of a scan (a UUID)")
    if said.repository_id is not None and not is_id(said.repository_id):
        raise WireError(f"job {job_id[:80]}: {said.repository_id[:80]!r} is no id of a repository (a UUID)")
    for part in (said.owner, said.repo):
        if part is not None and not _PART.fullmatch(part):
            raise WireError(f"job {job_id[:80]}: {part[:80]!r} is no name of an owner or repository")
    return msgspec.structs.replace(said, scan_id=scan_id)


def job_options(scan_id: str, *, attempts: int, backoff_s: float, runs: int) -> dict[str, Any]:
    """The options of a scan's job; ``runs`` is how often the scan was begun before there was this job."""
    kept = {"age": KEEP_ENDED_S, "count": KEEP_ENDED}
    return {
        "jobId": scan_id,
        "attempts": attempts,
        "backoff": {"type": "exponential", "delay": round(backoff_s * 1000)},
        "removeOnComplete": kept,
        "removeOnFail": kept,
        _RUNS: runs,
    }


def is_own_job(options: Mapping[str, Any]) -> bool:
    """Whether a job is of our making: its scan is on record, or was deleted."""
    return _RUNS in options


def runs_before(options: Mapping[str, Any]) -> int:
    """How often the scan of a job was begun before there was this job."""
    runs = options.get(_RUNS)
    return runs if isinstance(runs, int) and runs >= 0 else 0


def backoff_of(options: Mapping[str, Any]) -> float:
    """Seconds before a job's second attempt."""
    backoff = options.get("backoff")
    delay = backoff.get("delay", 0) if isinstance(backoff, Mapping) else backoff
    return max(0.0, delay / 1000) if isinstance(delay, int | float) else 0.0


def encode_job_progress(event: Event) -> int:
    """What a job keeps of a progress event: the percent, as it is sent to watchers."""
    return int(encode_event(event)[1]["progress"])


def encode_job_result(event: Event) -> dict[str, Any]:
    """What the job of a completed scan returns."""
    return {} if event.result is None else to_plain(to_result(event.result))


def decode_job_progress(scan_id: str, said: Any, time: datetime) -> Event:
    """The event of a report by a worker that is not ours: a percent, or an object with one.

    Raises:
        WireError: it is neither.
    """
    given = {"progress": said} if isinstance(said, int | float) and not isinstance(said, bool) else said
    report = decode_as(WorkerReport, given, f"progress of job {scan_id}")
    payload = {
        "scanId": scan_id,
        "progress": report.progress,
        "status": report.status or report.phase or WORKING,
        "timestamp": to_time(time),
    }
    if report.phase in list(Phase):
        payload["phase"] = report.phase
    if report.message:
        payload["message"] = report.message
    return decode_event(event_name(scan_id, EventKind.PROGRESS), payload)


def decode_job_result(scan_id: str, returned: Any, time: datetime) -> Event:
    """The end of a scan whose job returned ``returned``; what is no result as the field has it says nothing."""
    payload: dict[str, Any] = {"scanId": scan_id, "timestamp": to_time(time)}
    if isinstance(returned, Mapping):
        # Only what we know, and only where it is what it should be: any Node code may have returned this.
        known = {field.encode_name: field for field in msgspec.structs.fields(ResultPayload)}
        result = {key: value for key, value in returned.items() if key in known and _is(known[key].type, value)}
        payload["result"] = result
    return decode_event(event_name(scan_id, EventKind.COMPLETE), payload)


def _is(kind: Any, value: Any) -> bool:
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return False
    return True
