"""Records over REST: repositories, scans, pages, errors.

Records have every key at all times, ``null`` when empty, as gateways in the field send them; ours are added behind.
Reading is lenient: only the keys that identify a record must be there.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Generic, TypeVar

import msgspec

from ..errors import WireError
from ..model import Job, Page, Repository, ScanRecord, ScanStatus
from ._events import Payload, decode_as, from_code, from_phase, to_plain
from ._names import Time, from_time, from_time_or_none, milliseconds, seconds, to_time, to_time_or_none

Row = TypeVar("Row")


class Record(msgspec.Struct, rename="camel", kw_only=True):
    """The base of records: camelCase, every key always there."""


class JobPayload(Record, kw_only=True):
    """``jobProgress`` of a scan; the progress may be anything a job reports."""

    state: str
    progress: Any = None


class ScanPayload(Record, kw_only=True):
    """A scan as ``GET /scans/:id`` answers it."""

    id: str
    repository_id: str | None = None
    status: str
    commit_sha: str | None = None
    commit_message: str | None = None
    started_at: Time | None = None
    completed_at: Time | None = None
    duration_ms: float | None = None
    artifacts_found: int | None = None
    artifacts_created: int | None = None
    artifacts_updated: int | None = None
    error_message: str | None = None
    error_stack: str | None = None
    metadata: dict[str, Any] | None = None
    created_at: Time
    job_progress: JobPayload | None = None
    target: str | None = None
    phase: str | None = None
    progress: int | None = None
    attempt: int | None = None
    findings: int | None = None
    code: str | None = None
    requested_by: str | None = None
    retry_of: str | None = None
    seq: int | None = None


class RepositoryPayload(Record, kw_only=True):
    """A repository as ``GET /repositories/:id`` answers it."""

    id: str
    name: str
    git_url: str
    description: str | None = None
    owner: str | None = None
    repo: str | None = None
    default_branch: str | None = None
    auto_scan: bool | None = False
    scan_interval_minutes: int | None = None
    last_scan_id: str | None = None
    last_scan_at: Time | None = None
    last_scan_status: str | None = None
    is_rosie_compliant: bool | None = None
    created_at: Time
    updated_at: Time


class NewRepository(Record, kw_only=True):
    """The body of ``POST /repositories``."""

    name: str
    git_url: str
    description: str | None = None
    auto_scan: bool = False
    scan_interval_minutes: int | None = None


class RepositoryChanges(msgspec.Struct, rename="camel", kw_only=True, omit_defaults=True):
    """The body of ``PATCH /repositories/:id``: only what is to change."""

    name: str | msgspec.UnsetType = msgspec.UNSET
    git_url: str | msgspec.UnsetType = msgspec.UNSET
    description: str | msgspec.UnsetType | None = msgspec.UNSET
    auto_scan: bool | msgspec.UnsetType = msgspec.UNSET
    scan_interval_minutes: int | msgspec.UnsetType | None = msgspec.UNSET


class NewScan(Record, kw_only=True):
    """The optional body of ``POST /repositories/:id/scan``."""

    options: dict[str, Any] = {}


class Accepted(msgspec.Struct, rename="camel", kw_only=True, omit_defaults=True):
    """The answer to a trigger."""

    scan_id: str
    status: str
    message: str = ""
    job_id: str | None = None


class JobReport(Payload, kw_only=True):
    """The answer to ``GET /scans/:id/progress``."""

    scan_id: str
    job_id: str | None = None
    progress: int
    state: str
    message: str | None = None


class Pagination(Record, kw_only=True):
    """``pagination`` of a page; ``page`` counts from 1."""

    page: int
    limit: int
    total: int
    total_pages: int
    has_next: bool
    has_previous: bool


class PageOf(Record, Generic[Row], kw_only=True):
    """One page of a longer list."""

    data: list[Row]
    pagination: Pagination


class HealthPayload(Record, kw_only=True):
    """The answer to ``GET /health``: this process answers."""

    status: str
    timestamp: Time
    version: str


class HealthAnswer(msgspec.Struct, kw_only=True):
    """As much of it as every gateway says."""

    status: str


ENDING = "ending"
"""The status of a gateway that is about to end: it hands back what it runs, and is not to be joined."""


class ReadyPayload(Record, kw_only=True):
    """The answer to ``GET /ready``: ``ready``, or ``degraded``, ``unavailable`` or ``ending`` and why."""

    status: str
    reasons: list[str]


class ErrorPayload(msgspec.Struct, rename="camel", kw_only=True, omit_defaults=True):
    """The body of an error answer; some gateways send a list of messages."""

    message: str | list[str]
    status_code: int = 0
    error: str | None = None


def encode_scan(record: ScanRecord) -> dict[str, Any]:
    """A scan as the wire writes it."""
    return to_plain(
        ScanPayload(
            id=record.id,
            repository_id=record.repository_id,
            status=record.status,
            commit_sha=record.commit,
            started_at=to_time_or_none(record.started_at),
            completed_at=to_time_or_none(record.finished_at),
            duration_ms=milliseconds(record.duration_s),
            artifacts_found=record.artifacts or 0,
            artifacts_created=record.artifacts or 0,
            artifacts_updated=0,
            error_message=record.error,
            created_at=to_time(record.created_at),
            job_progress=None if record.job is None else _job_payload(record.job),
            target=record.target,
            phase=record.phase,
            progress=record.progress_percent,
            attempt=record.attempt,
            findings=record.findings,
            code=record.code,
            requested_by=record.requested_by,
            retry_of=record.retry_of,
            seq=record.seq,
        )
    )


def encode_field_scan(record: ScanRecord) -> dict[str, Any]:
    """A scan as gateways in the field write it: without what is ours."""
    return {key: value for key, value in encode_scan(record).items() if key not in _OURS}


_OURS = frozenset({"target", "phase", "progress", "attempt", "findings", "code", "requestedBy", "retryOf", "seq"})


def _job_payload(job: Job) -> JobPayload:
    return JobPayload(state=job.state, progress=job.progress_percent or 0)


def decode_scan(data: Any) -> ScanRecord:
    """A scan from the wire.

    Raises:
        WireError: it has no id, status or time of creation, or a value of the wrong type.
    """
    payload = decode_as(ScanPayload, data, "scan")
    return ScanRecord(
        id=payload.id,
        repository_id=payload.repository_id,
        status=_status(payload.status),
        created_at=from_time(payload.created_at),
        target=payload.target,
        started_at=from_time_or_none(payload.started_at),
        finished_at=from_time_or_none(payload.completed_at),
        duration_s=seconds(payload.duration_ms),
        commit=payload.commit_sha,
        artifacts=payload.artifacts_created,
        findings=payload.findings,
        error=payload.error_message,
        code=from_code(payload.code),
        phase=from_phase(payload.phase),
        progress_percent=payload.progress,
        attempt=payload.attempt,
        requested_by=payload.requested_by,
        retry_of=payload.retry_of,
        seq=payload.seq,
        job=None if payload.job_progress is None else _job(payload.job_progress),
    )


def _status(word: str) -> ScanStatus:
    try:
        return ScanStatus(word)
    except ValueError:
        raise WireError(f"{word[:40]!r} is not a status of a scan") from None


def _job(payload: JobPayload) -> Job:
    progress = payload.progress
    known = isinstance(progress, int | float) and not isinstance(progress, bool) and 0 <= progress <= 100
    return Job(payload.state, int(progress) if known else None)


def encode_repository(repository: Repository) -> dict[str, Any]:
    """A repository as the wire writes it."""
    owner, repo = owner_and_repo(repository.target)
    return to_plain(
        RepositoryPayload(
            id=repository.id,
            name=repository.name,
            git_url=repository.target,
            description=repository.description,
            owner=owner,
            repo=repo,
            default_branch=repository.default_branch,
            auto_scan=repository.auto_scan,
            scan_interval_minutes=repository.scan_interval_minutes,
            last_scan_id=repository.last_scan_id,
            last_scan_at=to_time_or_none(repository.last_scan_at),
            last_scan_status=repository.last_scan_status,
            created_at=to_time(repository.created_at),
            updated_at=to_time(repository.updated_at),
        )
    )


def owner_and_repo(target: str) -> tuple[str | None, str | None]:
    """The last two parts of a target's path, as front ends in the field show them."""
    parts = [part for part in target.partition("?")[0].replace("\\", "/").split("/") if part]
    repo = parts[-1].removesuffix(".git") if parts else None
    return (parts[-2] if len(parts) > 1 else None), repo


def decode_repository(data: Any) -> Repository:
    """A repository from the wire; raises ``WireError``."""
    payload = decode_as(RepositoryPayload, data, "repository")
    return Repository(
        id=payload.id,
        name=payload.name,
        target=payload.git_url,
        created_at=from_time(payload.created_at),
        updated_at=from_time(payload.updated_at),
        description=payload.description,
        default_branch=payload.default_branch or "main",
        auto_scan=bool(payload.auto_scan),
        scan_interval_minutes=payload.scan_interval_minutes,
        last_scan_id=payload.last_scan_id,
        last_scan_at=from_time_or_none(payload.last_scan_at),
        last_scan_status=None if payload.last_scan_status is None else _status(payload.last_scan_status),
    )


def encode_page(rows: Iterable[Any], page: int, limit: int, total: int) -> dict[str, Any]:
    """The envelope of one page of rows."""
    pages = -(-total // limit)
    pagination = Pagination(
        page=page, limit=limit, total=total, total_pages=pages, has_next=page < pages, has_previous=page > 1
    )
    return {"data": list(rows), "pagination": to_plain(pagination)}


def decode_page(data: Any) -> Page[Any]:
    """The rows of a page, still undecoded; a bare array counts as one whole page.

    Raises:
        WireError: it is neither.
    """
    if isinstance(data, list):
        return Page(tuple(data), 1, max(1, len(data)), len(data))
    if not isinstance(data, dict) or not isinstance(data.get("data"), list):
        raise WireError("a page of rows was expected: {data: [...], pagination: {...}}")
    pagination = decode_as(Pagination, data.get("pagination"), "pagination")
    return Page(tuple(data["data"]), pagination.page, pagination.limit, pagination.total)


def error_words(data: Any) -> str | None:
    """What an error answer says, in one line; ``None`` if it says nothing."""
    try:
        payload = msgspec.convert(data, ErrorPayload)
    except msgspec.ValidationError:
        return None
    message = payload.message
    return message if isinstance(message, str) else "; ".join(message)
