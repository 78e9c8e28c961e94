"""The store in one SQLite file: a writer thread with group commit, a few reading threads, one owner for each file."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import filelock

from ..errors import StoreBusy, StoreError
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
from ..snapshot import Snapshot
from . import _queries, _rules
from ._base import IN_USE, ChangeListener, Listener, ScanFilter
from ._ledger import Ledger
from ._listeners import Listeners
from ._readers import Readers
from ._schema import connect_writer
from ._writer import Writer


@dataclass(frozen=True, slots=True)
class _Open:
    """What an open store holds."""

    lock: filelock.BaseFileLock
    writer: Writer
    readers: Readers

    def let_go(self) -> None:
        # The readers first: the last connection to close, the writer's, folds the log back into the file.
        self.readers.close()
        self.writer.finish()
        self.lock.release()


class SqliteStore:
    """A store in the SQLite file at ``path``, made when it is not there; ``<path>.lock`` beside it marks its owner.

    Everything an append returned for survives the end of the process and of the machine. The directory must exist
    and be on a local disk.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._listeners: Listeners[Sequence[Event]] = Listeners()
        self._open: _Open | None = None

    async def open(self) -> None:
        """As in ``Store.open``."""
        if self._open is not None:
            raise StoreError(f"The store {self.path} is open already.")
        lock, connection = await asyncio.to_thread(_take, self.path)
        writer = Writer(Ledger(connection), self.path, self._listeners.publish)
        writer.start()
        self._open = _Open(lock, writer, Readers(self.path))

    async def close(self) -> None:
        """As in ``Store.close``."""
        held, self._open = self._open, None
        if held is not None:
            await asyncio.to_thread(held.let_go)

    async def check(self) -> None:
        """As in ``Store.check``: it answers a question."""
        await self.scans(ScanFilter(status=frozenset()), limit=1)

    async def append(self, event: Event, *, run: int = 0, key: str | None = None) -> Event:
        """As in ``EventLog.append``."""
        return await self._held.writer.submit(lambda ledger: ledger.append(event, run, key))

    async def events(self, scan_id: str, *, after: int = 0, limit: int = 1000) -> list[Event]:
        """As in ``EventLog.events``."""
        _rules.check_range(after, limit)
        return await self._held.readers.read(lambda c: _queries.events(c, scan_id, after, limit))

    async def snapshot(self, scan_id: str) -> Snapshot:
        """As in ``EventLog.snapshot``."""
        return await self._held.readers.read(lambda c: _queries.snapshot(c, scan_id))

    def listen(self, listener: Listener) -> Callable[[], None]:
        """As in ``EventLog.listen``; a listener stays through closing and opening."""
        return self._listeners.add(listener)

    def listen_to_changes(self, listener: ChangeListener) -> Callable[[], None]:
        """As in ``EventLog.listen_to_changes``: there is one owner, and nobody else to hear of."""
        return lambda: None

    async def create_repository(self, repository: Repository) -> Repository:
        """As in ``ScanStore.create_repository``."""
        return await self._held.writer.submit(lambda ledger: ledger.create_repository(repository))

    async def repository(self, repository_id: str) -> Repository:
        """As in ``ScanStore.repository``."""
        return await self._held.readers.read(lambda c: _queries.repository(c, repository_id))

    async def repositories(self) -> list[Repository]:
        """As in ``ScanStore.repositories``."""
        return await self._held.readers.read(_queries.repositories)

    async def update_repository(self, repository_id: str, changes: Mapping[str, Any]) -> Repository:
        """As in ``ScanStore.update_repository``."""
        changes = dict(changes)
        return await self._held.writer.submit(lambda ledger: ledger.update_repository(repository_id, changes))

    async def delete_repository(self, repository_id: str) -> None:
        """As in ``ScanStore.delete_repository``."""
        await self._held.writer.submit(lambda ledger: ledger.delete_repository(repository_id))

    async def create_scan(self, request: ScanRequest, first: Event) -> Event:
        """As in ``ScanStore.create_scan``."""
        return await self._held.writer.submit(lambda ledger: ledger.create_scan(request, first))

    async def request(self, scan_id: str) -> ScanRequest:
        """As in ``ScanStore.request``."""
        return await self._held.readers.read(lambda c: _queries.request(c, scan_id))

    async def scans(self, where: ScanFilter, *, page: int = 1, limit: int = 20) -> Page[Snapshot]:
        """As in ``ScanStore.scans``."""
        _rules.check_page(page, limit)
        return await self._held.readers.read(lambda c: _queries.scans(c, where, page, limit))

    async def unfinished(self) -> list[str]:
        """As in ``ScanStore.unfinished``."""
        return await self._held.readers.read(_queries.unfinished)

    async def begin_run(self, scan_id: str, run: int | None = None) -> int:
        """As in ``ScanStore.begin_run``."""
        return await self._held.writer.submit(lambda ledger: ledger.begin_run(scan_id, run))

    async def save_outcome(self, scan_id: str, outcome: ScanOutcome, *, run: int) -> None:
        """As in ``ScanStore.save_outcome``."""
        await self._held.writer.submit(lambda ledger: ledger.save_outcome(scan_id, outcome, run))

    async def prune_events(self, ended_before: datetime, *, limit: int = 1000) -> int:
        """As in ``ScanStore.prune_events``."""
        return await self._held.writer.submit(lambda ledger: ledger.prune_events(ended_before, limit))

    async def prune_scans(self, ended_before: datetime, *, limit: int = 20) -> int:
        """As in ``ScanStore.prune_scans``."""
        return await self._held.writer.submit(lambda ledger: ledger.prune_scans(ended_before, limit))

    async def artifacts(self, scan_id: str, *, page: int = 1, limit: int = 100) -> Page[Artifact]:
        """As in ``ScanStore.artifacts``."""
        _rules.check_page(page, limit)
        return await self._held.readers.read(lambda c: _queries.artifacts(c, scan_id, page, limit))

    async def findings(self, scan_id: str, *, page: int = 1, limit: int = 100) -> Page[Finding]:
        """As in ``ScanStore.findings``."""
        _rules.check_page(page, limit)
        return await self._held.readers.read(lambda c: _queries.findings(c, scan_id, page, limit))

    async def annotations(self, scan_id: str, *, page: int = 1, limit: int = 100) -> Page[Annotation]:
        """As in ``ScanStore.annotations``."""
        _rules.check_page(page, limit)
        return await self._held.readers.read(lambda c: _queries.scan_annotations(c, scan_id, page, limit))

    async def evidence(self, scan_id: str, *, page: int = 1, limit: int = 100) -> Page[Evidence]:
        """As in ``ScanStore.evidence``."""
        _rules.check_page(page, limit)
        return await self._held.readers.read(lambda c: _queries.evidence(c, scan_id, page, limit))

    async def create_key(self, key: ApiKey) -> None:
        """As in ``AccessStore.create_key``."""
        await self._held.writer.submit(lambda ledger: ledger.create_key(key))

    async def keys(self) -> list[ApiKey]:
        """As in ``AccessStore.keys``."""
        return await self._held.readers.read(_queries.keys)

    async def revoke_key(self, key_id: str, at: datetime) -> ApiKey:
        """As in ``AccessStore.revoke_key``."""
        return await self._held.writer.submit(lambda ledger: ledger.revoke_key(key_id, at))

    async def add_audit(self, entry: AuditEntry) -> None:
        """As in ``AccessStore.add_audit``."""
        await self._held.writer.submit(lambda ledger: ledger.add_audit(entry))

    async def audit(self, *, page: int = 1, limit: int = 20) -> Page[AuditEntry]:
        """As in ``AccessStore.audit``."""
        _rules.check_page(page, limit)
        return await self._held.readers.read(lambda c: _queries.audit(c, page, limit))

    @property
    def _held(self) -> _Open:
        if self._open is None:
            raise StoreError(f"The store {self.path} is not open.")
        return self._open


def _take(path: Path) -> tuple[filelock.BaseFileLock, sqlite3.Connection]:
    """Become the owner of the file and open it for writing."""
    lock = _take_lock(path)
    try:
        return lock, connect_writer(path)
    except BaseException:
        lock.release()
        raise


def _take_lock(path: Path) -> filelock.BaseFileLock:
    """Become the owner of the file, under whatever name it is reached."""
    path = path.resolve()
    if not path.parent.is_dir():
        raise StoreError(f"The store {path} cannot be used: there is no directory {path.parent}. Make it first.")
    # Not bound to a thread: taken on one, released on another.
    lock = filelock.FileLock(f"{path}.lock", thread_local=False)
    try:
        lock.acquire(blocking=False)
    except filelock.Timeout as error:
        if not Path(lock.lock_file).exists():  # nobody holds it: the file system takes no new file
            raise StoreError(f"The store {path} cannot be used: no file can be made in {path.parent}.") from error
        raise StoreBusy(f"The store {path} {IN_USE}: stop that one, join its gateway, or give another path.") from error
    except OSError as error:
        raise StoreError(
            f"The store {path} cannot be used: its lock file {path.name}.lock cannot be written "
            f"({error.strerror or error}). Check that this user may write to the directory."
        ) from error
    return lock
