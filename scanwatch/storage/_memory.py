"""The store that forgets: the same rules and answers as the others, in plain dictionaries, gone when it is closed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypeVar

from ..errors import DuplicateRecord, StoreError
from ..model import (
    Annotation,
    ApiKey,
    Artifact,
    AuditEntry,
    Event,
    Evidence,
    Finding,
    Page,
    Repository,
    ScanOutcome,
    ScanRequest,
)
from ..snapshot import Snapshot, new_snapshot
from . import _rules
from ._base import ChangeListener, Listener, ScanFilter
from ._listeners import Listeners

Row = TypeVar("Row")


@dataclass(slots=True)
class _Scan:
    request: ScanRequest
    snapshot: Snapshot
    events: list[Event]
    run: int = 0
    by_key: dict[tuple[int, str], Event] = field(default_factory=dict)
    outcome: ScanOutcome = field(default_factory=ScanOutcome)
    pruned: int = 0

    @property
    def created_at(self) -> datetime:
        assert self.snapshot.created_at is not None  # it has had its first event
        return self.snapshot.created_at

    def prune(self, limit: int) -> int:
        """Forget the oldest events, at most ``limit``; returns how many."""
        pruned = len(self.events[:limit])
        del self.events[:limit]
        self.pruned += pruned
        self.by_key = {key: event for key, event in self.by_key.items() if (event.seq or 0) > self.pruned}
        return pruned


@dataclass(slots=True)
class _Contents:
    """Everything kept, in the order it came."""

    repositories: dict[str, Repository] = field(default_factory=dict)
    scans: dict[str, _Scan] = field(default_factory=dict)
    keys: dict[str, ApiKey] = field(default_factory=dict)
    audit: list[AuditEntry] = field(default_factory=list)

    def scan(self, scan_id: str) -> _Scan:
        scan = self.scans.get(scan_id)
        if scan is None:
            raise _rules.unknown_scan(scan_id)
        return scan

    def repository(self, repository_id: str) -> Repository:
        repository = self.repositories.get(repository_id)
        if repository is None:
            raise _rules.unknown_repository(repository_id)
        return repository


class MemoryStore:
    """A store in this process's memory, for trials and tests; nothing is left of it after ``close``."""

    def __init__(self) -> None:
        self._listeners: Listeners[Sequence[Event]] = Listeners()
        self._open: _Contents | None = None

    async def open(self) -> None:
        """As in ``Store.open``."""
        if self._open is not None:
            raise StoreError("The store in memory is open already.")
        self._open = _Contents()

    async def close(self) -> None:
        """As in ``Store.close``; what was kept is gone."""
        self._open = None

    async def check(self) -> None:
        """As in ``Store.check``: it answers a question."""
        await self.scans(ScanFilter(status=frozenset()), limit=1)

    async def append(self, event: Event, *, run: int = 0, key: str | None = None) -> Event:
        """As in ``EventLog.append``."""
        scan = self._held.scan(event.scan_id)
        run = _rules.acting_run(event.scan_id, current=scan.run, run=run)
        earlier = None if key is None else scan.by_key.get((run, key))
        if earlier is None:
            _rules.refuse_ended(scan.snapshot)
            appended, scan.snapshot = _rules.appended(scan.snapshot, event)
            scan.events.append(appended)
            if key is not None:
                scan.by_key[run, key] = appended
            self._listeners.publish((appended,))
        # As with every store, others get their turn: a scanner that reports without a pause must not stop the loop.
        await asyncio.sleep(0)
        return earlier or appended

    async def events(self, scan_id: str, *, after: int = 0, limit: int = 1000) -> list[Event]:
        """As in ``EventLog.events``."""
        _rules.check_range(after, limit)
        scan = self._held.scans.get(scan_id)
        if scan is None:
            return []
        first = max(0, after - scan.pruned)
        return scan.events[first : first + limit]

    async def snapshot(self, scan_id: str) -> Snapshot:
        """As in ``EventLog.snapshot``."""
        return self._held.scan(scan_id).snapshot

    def listen(self, listener: Listener) -> Callable[[], None]:
        """As in ``EventLog.listen``; a listener stays through closing and opening."""
        return self._listeners.add(listener)

    def listen_to_changes(self, listener: ChangeListener) -> Callable[[], None]:
        """As in ``EventLog.listen_to_changes``: there is one owner, and nobody else to hear of."""
        return lambda: None

    async def create_repository(self, repository: Repository) -> Repository:
        """As in ``ScanStore.create_repository``."""
        kept = _rules.new_repository(repository)
        _rules.refuse_duplicate(kept, self._held.repositories.values())
        self._held.repositories[kept.id] = kept
        return kept

    async def repository(self, repository_id: str) -> Repository:
        """As in ``ScanStore.repository``."""
        return self._with_last_scan(self._held.repository(repository_id))

    async def repositories(self) -> list[Repository]:
        """As in ``ScanStore.repositories``."""
        kept = _newest_first(self._held.repositories.values(), lambda repository: repository.created_at)
        return [self._with_last_scan(repository) for repository in kept]

    async def update_repository(self, repository_id: str, changes: Mapping[str, Any]) -> Repository:
        """As in ``ScanStore.update_repository``."""
        kept = _rules.changed_repository(self._held.repository(repository_id), changes)
        others = (other for other in self._held.repositories.values() if other.id != repository_id)
        _rules.refuse_duplicate(kept, others)
        self._held.repositories[repository_id] = kept
        return self._with_last_scan(kept)

    async def delete_repository(self, repository_id: str) -> None:
        """As in ``ScanStore.delete_repository``."""
        held = self._held
        held.repository(repository_id)
        del held.repositories[repository_id]
        held.scans = {key: scan for key, scan in held.scans.items() if scan.request.repository_id != repository_id}

    async def create_scan(self, request: ScanRequest, first: Event) -> Event:
        """As in ``ScanStore.create_scan``."""
        _rules.check_first(request, first)
        self._held.repository(request.repository_id)
        if request.scan_id in self._held.scans:
            raise DuplicateRecord(f"There is a scan {request.scan_id} already.")
        numbered, snapshot = _rules.appended(new_snapshot(request), first)
        self._held.scans[request.scan_id] = _Scan(request, snapshot, [numbered])
        self._listeners.publish((numbered,))
        return numbered

    async def request(self, scan_id: str) -> ScanRequest:
        """As in ``ScanStore.request``."""
        return self._held.scan(scan_id).request

    async def scans(self, where: ScanFilter, *, page: int = 1, limit: int = 20) -> Page[Snapshot]:
        """As in ``ScanStore.scans``."""
        scans = [scan for scan in self._held.scans.values() if _rules.matches(where, scan.snapshot)]
        return _page([scan.snapshot for scan in _newest_first(scans, _created_at)], page, limit)

    async def unfinished(self) -> list[str]:
        """As in ``ScanStore.unfinished``."""
        scans = [scan for scan in self._held.scans.values() if not scan.snapshot.terminal]
        return [scan.request.scan_id for scan in sorted(scans, key=_created_at)]

    async def begin_run(self, scan_id: str, run: int | None = None) -> int:
        """As in ``ScanStore.begin_run``."""
        scan = self._held.scan(scan_id)
        _rules.refuse_ended(scan.snapshot)
        scan.run = _rules.next_run(scan_id, current=scan.run, run=run)
        return scan.run

    async def save_outcome(self, scan_id: str, outcome: ScanOutcome, *, run: int) -> None:
        """As in ``ScanStore.save_outcome``."""
        scan = self._held.scan(scan_id)
        _rules.acting_run(scan_id, current=scan.run, run=run)
        _rules.refuse_ended(scan.snapshot)
        scan.outcome = outcome

    async def prune_events(self, ended_before: datetime, *, limit: int = 1000) -> int:
        """As in ``ScanStore.prune_events``."""
        pruned = 0
        for scan in self._ended_before(ended_before):
            pruned += scan.prune(limit - pruned)
        return pruned

    async def prune_scans(self, ended_before: datetime, *, limit: int = 20) -> int:
        """As in ``ScanStore.prune_scans``."""
        old = self._ended_before(ended_before)[:limit]
        for scan in old:
            del self._held.scans[scan.request.scan_id]
        return len(old)

    async def artifacts(self, scan_id: str, *, page: int = 1, limit: int = 100) -> Page[Artifact]:
        """As in ``ScanStore.artifacts``."""
        return _page(self._held.scan(scan_id).outcome.artifacts, page, limit)

    async def findings(self, scan_id: str, *, page: int = 1, limit: int = 100) -> Page[Finding]:
        """As in ``ScanStore.findings``."""
        return _page(self._held.scan(scan_id).outcome.findings, page, limit)

    async def annotations(self, scan_id: str, *, page: int = 1, limit: int = 100) -> Page[Annotation]:
        """As in ``ScanStore.annotations``."""
        return _page(self._held.scan(scan_id).outcome.annotations, page, limit)

    async def evidence(self, scan_id: str, *, page: int = 1, limit: int = 100) -> Page[Evidence]:
        """As in ``ScanStore.evidence``."""
        return _page(self._held.scan(scan_id).outcome.evidence, page, limit)

    async def create_key(self, key: ApiKey) -> None:
        """As in ``AccessStore.create_key``."""
        _rules.check_key(key, self._held.keys.values())
        self._held.keys[key.id] = key

    async def keys(self) -> list[ApiKey]:
        """As in ``AccessStore.keys``."""
        return list(reversed(self._held.keys.values()))

    async def revoke_key(self, key_id: str, at: datetime) -> ApiKey:
        """As in ``AccessStore.revoke_key``."""
        key = self._held.keys.get(key_id)
        if key is None:
            raise _rules.unknown_key(key_id)
        self._held.keys[key_id] = key = _rules.revoked(key, at)
        return key

    async def add_audit(self, entry: AuditEntry) -> None:
        """As in ``AccessStore.add_audit``."""
        _rules.check_audit(entry)
        self._held.audit.append(entry)

    async def audit(self, *, page: int = 1, limit: int = 20) -> Page[AuditEntry]:
        """As in ``AccessStore.audit``."""
        return _page(self._held.audit[::-1], page, limit)

    @property
    def _held(self) -> _Contents:
        if self._open is None:
            raise StoreError("The store in memory is not open.")
        return self._open

    def _ended_before(self, moment: datetime) -> list[_Scan]:
        """The scans that ended before ``moment``, oldest first."""
        old = [scan for scan in self._held.scans.values() if _rules.ended_before(scan.snapshot, moment)]
        return sorted(old, key=_created_at)

    def _with_last_scan(self, repository: Repository) -> Repository:
        scans = [scan for scan in self._held.scans.values() if scan.request.repository_id == repository.id]
        if not scans:
            return repository
        last = _newest_first(scans, _created_at)[0]
        return replace(
            repository,
            last_scan_id=last.request.scan_id,
            last_scan_at=last.created_at,
            last_scan_status=last.snapshot.status,
        )


def _created_at(scan: _Scan) -> datetime:
    return scan.created_at


def _newest_first(rows: Iterable[Row], time: Callable[[Row], datetime]) -> list[Row]:
    """The latest first, of the same moment the later kept; ``rows`` are in the order they were kept."""
    ordered = sorted(rows, key=time)
    ordered.reverse()
    return ordered


def _page(rows: Sequence[Row], page: int, limit: int) -> Page[Row]:
    _rules.check_page(page, limit)
    first = (page - 1) * limit
    return Page(tuple(rows[first : first + limit]), page, limit, len(rows))
