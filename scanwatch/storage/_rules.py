"""The rules of every store as pure functions: who may append, what may change, which scans match."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from datetime import datetime
from typing import Any

from msgspec import structs

from ..errors import DuplicateRecord, Fenced, ScanEnded, UnknownRecord, UsageError
from ..model import ApiKey, AuditEntry, Event, Repository, ScanRequest
from ..snapshot import Snapshot, apply
from ._base import ScanFilter

_FIXED = frozenset({"id", "created_at", "last_scan_id", "last_scan_at", "last_scan_status"})
_CHANGEABLE = frozenset(field.name for field in fields(Repository)) - _FIXED


def acting_run(scan_id: str, *, current: int, run: int) -> int:
    """The run that an append by ``run`` counts for: 0 stands for the current one; no other may act."""
    if run in (0, current):
        return current
    if run > current:
        raise UsageError(f"Run {run} of scan {scan_id} was never begun (it is at run {current}): call begin_run first.")
    raise Fenced(f"Scan {scan_id} was taken over by run {current}: what run {run} still reports is not kept.")


def next_run(scan_id: str, *, current: int, run: int | None) -> int:
    """The run that a claim begins: the one it was counted as, or the next. Raises ``Fenced`` if it comes too late."""
    if run is None:
        return current + 1
    if run < current:
        raise Fenced(f"Scan {scan_id} was taken over by run {current}: run {run} comes too late.")
    return run


def refuse_ended(snapshot: Snapshot) -> None:
    """Raise ``ScanEnded`` for a scan that has its terminal event."""
    if snapshot.terminal:
        raise ScanEnded(f"Scan {snapshot.scan_id} has ended ({snapshot.status}): nothing can follow. Start a new scan.")


def appended(snapshot: Snapshot, event: Event) -> tuple[Event, Snapshot]:
    """``event`` with its ``seq``, and the snapshot after it."""
    _require_time_zone("An event of scan " + event.scan_id, event.time)
    numbered = structs.replace(event, seq=snapshot.seq + 1)
    return numbered, apply(snapshot, numbered)


def check_first(request: ScanRequest, first: Event) -> None:
    """Raise ``UsageError`` unless ``first`` can be the first event of the requested scan."""
    if first.scan_id != request.scan_id:
        raise UsageError(f"The first event of scan {request.scan_id} names another scan, {first.scan_id}.")


def check_page(page: int, limit: int) -> None:
    """Raise ``UsageError`` unless both count from 1."""
    for name, value in (("page", page), ("limit", limit)):
        if value < 1:
            raise UsageError(f"{name} counts from 1, {value} was given.")


def check_range(after: int, limit: int) -> None:
    """Raise ``UsageError`` unless ``after`` and ``limit`` are numbers of events."""
    for name, value in (("after", after), ("limit", limit)):
        if value < 0:
            raise UsageError(f"{name} cannot be negative, {value} was given.")


def new_repository(repository: Repository) -> Repository:
    """``repository`` as it is kept: without a last scan, which follows from the scans."""
    _require_time_zone(f"Repository {repository.id}", repository.created_at)
    _require_time_zone(f"Repository {repository.id}", repository.updated_at)
    return replace(repository, last_scan_id=None, last_scan_at=None, last_scan_status=None)


def changed_repository(repository: Repository, changes: Mapping[str, Any]) -> Repository:
    """``repository`` with ``changes``; raises ``UsageError`` for a field that is not there or may not change."""
    for name in changes:
        if name not in _CHANGEABLE:
            raise UsageError(f"A repository's {name!r} cannot be changed; these can: {', '.join(sorted(_CHANGEABLE))}.")
    return new_repository(replace(repository, **changes))


def refuse_duplicate(repository: Repository, others: Iterable[Repository]) -> None:
    """Raise ``DuplicateRecord`` when one of ``others`` has the id or the target of ``repository``."""
    for other in sorted(others, key=lambda other: other.id != repository.id):
        if other.id == repository.id:
            raise DuplicateRecord(f"There is a repository {repository.id} already: {other.name}.")
        if other.target == repository.target:
            raise DuplicateRecord(
                f"{repository.target} is registered already, as repository {other.id} ({other.name})."
            )


def matches(where: ScanFilter, snapshot: Snapshot) -> bool:
    """Whether ``where`` wants this scan."""
    created = snapshot.created_at
    assert created is not None  # a stored scan has its first event
    return (
        (where.status is None or snapshot.status in where.status)
        and (where.repository_id is None or snapshot.repository_id == where.repository_id)
        and (where.repository_ids is None or snapshot.repository_id in where.repository_ids)
        and (where.target is None or where.target.casefold() in (snapshot.target or "").casefold())
        and (where.requested_by is None or snapshot.requested_by == where.requested_by)
        and (where.created_from is None or created >= where.created_from)
        and (where.created_before is None or created < where.created_before)
    )


def ended_before(snapshot: Snapshot, moment: datetime) -> bool:
    """Whether a scan had its end before ``moment``."""
    ended = snapshot.finished_at or snapshot.updated_at
    return snapshot.terminal and ended is not None and ended < moment


def unknown_scan(scan_id: str) -> UnknownRecord:
    """The answer to a question about a scan that is not there."""
    return UnknownRecord(f"There is no scan {scan_id} in this store.")


def unknown_repository(repository_id: str) -> UnknownRecord:
    """The answer to a question about a repository that is not there."""
    return UnknownRecord(f"There is no repository {repository_id} in this store.")


def check_key(key: ApiKey, others: Iterable[ApiKey]) -> None:
    """Raise unless ``key`` can be kept beside ``others``."""
    for time in (key.created_at, key.expires_at, key.revoked_at):
        if time is not None:
            _require_time_zone(f"API key {key.id}", time)
    if any(key.id == other.id or key.digest == other.digest for other in others):
        raise DuplicateRecord(f"There is an API key {key.id} already, or one with the same secret.")


def revoked(key: ApiKey, at: datetime) -> ApiKey:
    """``key`` as it is once revoked; a repetition changes nothing."""
    _require_time_zone(f"The end of API key {key.id}", at)
    return key if key.revoked_at is not None else replace(key, revoked_at=at)


def check_audit(entry: AuditEntry) -> None:
    """Raise ``UsageError`` unless ``entry`` can be kept."""
    _require_time_zone(f"A row about {entry.act}", entry.time)


def unknown_key(key_id: str) -> UnknownRecord:
    """The answer to a question about an API key that is not there."""
    return UnknownRecord(f"There is no API key {key_id} in this store.")


def _require_time_zone(what: str, time: datetime) -> None:
    if time.tzinfo is None:
        raise UsageError(f"{what} has a time without a time zone ({time}): use UTC.")
