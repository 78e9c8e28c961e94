"""The records the storage tests keep: made short to write, and unlike each other."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from scanwatch.model import Event, EventKind, FailureCode, Phase, Repository, ScanRequest, ScanResult
from scanwatch.storage import Store

START = datetime(2026, 11, 22, 22, 45, 9, 123456, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def repository(repository_id: str = "repo", *, target: str | None = None, created: float = 0) -> Repository:
    return Repository(
        id=repository_id,
        name=f"Repository {repository_id}",
        target=target or f"sim://acme/{repository_id}",
        created_at=at(created),
        updated_at=at(created),
    )


def request(scan_id: str = "scan", repository_id: str = "repo", *, target: str | None = None, by: str | None = None):
    return ScanRequest(scan_id, repository_id, target or f"sim://acme/{repository_id}", {"files": 150}, by)


def queued(scan_id: str = "scan", *, time: float = 0) -> Event:
    return Event(scan_id, EventKind.PROGRESS, at(time), phase=Phase.QUEUED, progress_percent=0, attempt=1)


def fetching(scan_id: str = "scan", *, done: int = 0, time: float = 1) -> Event:
    return Event(
        scan_id,
        EventKind.PROGRESS,
        at(time),
        phase=Phase.FETCH,
        files_processed=done,
        total_files=100_000,
        progress_percent=10,
        attempt=1,
    )


def complete(scan_id: str = "scan", *, time: float = 9) -> Event:
    return Event(scan_id, EventKind.COMPLETE, at(time), result=ScanResult(scan_id, 8.0, 3, 1))


def failed(scan_id: str = "scan", *, time: float = 9, code: FailureCode = FailureCode.INTERNAL) -> Event:
    return Event(scan_id, EventKind.FAILED, at(time), error="it broke", code=code, attempt=1)


async def begin(store: Store, scan_id: str = "scan", repository_id: str = "repo", *, time: float = 0) -> None:
    """Keep a scan, and its repository when that is not there."""
    if repository_id not in {kept.id for kept in await store.repositories()}:
        await store.create_repository(repository(repository_id))
    await store.create_scan(request(scan_id, repository_id), queued(scan_id, time=time))
