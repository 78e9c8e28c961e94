"""What a store must do, stated once. Every implementation passes the same contract suite.

The rules of the event log:

1. ``append`` gives the event its ``seq``: 1, 2, 3 ... within its scan, no gap, no repeat.
2. When ``append`` returns, the event is durable, and the scan's snapshot is the one after it (one transaction).
3. An append with the ``key`` of an earlier one of the same scan and run changes nothing and returns the earlier event.
4. An append by a ``run`` lower than the scan's current one raises ``Fenced``, even with a key it has used.
5. An append after the terminal event raises ``ScanEnded``, unless it repeats a key: whoever lost the answer to a
   terminal append may ask again.
6. Listeners hear every event after it is durable, once, in the order of ``seq``, and before the call that appended it
   returns. Repeats are not heard. Where several processes share a store, each hears the events of all of them.

A call that is cancelled while it waits may still take effect; one that raises had none. A store that is not open
raises ``StoreError`` whatever is asked of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

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
    ScanStatus,
)
from ..snapshot import Snapshot

Listener = Callable[[Sequence[Event]], None]
"""Called on the store's event loop with the events that became durable together; must not block and must not raise."""


@dataclass(frozen=True, slots=True)
class RepositoryGone:
    """A repository was deleted, with its scans."""

    repository_id: str


@dataclass(frozen=True, slots=True)
class FeedGap:
    """Events and changes have gone by unheard: whoever keeps a picture reads the store again."""


Change = ScanRequest | Repository | RepositoryGone | ApiKey | FeedGap
"""What a process hears of a shared store besides events: a scan that is new (told before its first event), a repository
that is new or was changed, an API key that is new or was revoked."""

ChangeListener = Callable[[Change], None]
"""Called on the store's event loop, in one order with the events; must not block and must not raise."""

IN_USE = "is in use by another process"
"""What ``StoreBusy`` says of a store, for whoever reads it in a gateway's last words."""


@dataclass(frozen=True, slots=True)
class ScanFilter:
    """Which scans a listing wants; ``None`` asks nothing. ``target`` is a case-insensitive part of the target.

    ``created_from`` is the first moment that matches, ``created_before`` the first that no longer does.
    ``repository_ids`` asks for the scans of these repositories alone.
    """

    status: frozenset[ScanStatus] | None = None
    repository_id: str | None = None
    target: str | None = None
    requested_by: str | None = None
    created_from: datetime | None = None
    created_before: datetime | None = None
    repository_ids: frozenset[str] | None = None


class EventLog(Protocol):
    """The truth about every scan, in order."""

    async def append(self, event: Event, *, run: int = 0, key: str | None = None) -> Event:
        """Append ``event`` (without ``seq``) and return it with its ``seq`` once it is durable.

        ``run`` 0 stands for the scan's current run: what the gateway itself appends. Its keys share that run with
        the worker's, so they must differ from them.

        Raises:
            UnknownRecord: no such scan.
            Fenced: a newer run has taken over.
            ScanEnded: the scan has its terminal event.
            UsageError: the run was never begun, or the event's time has no time zone.
        """
        ...

    async def events(self, scan_id: str, *, after: int = 0, limit: int = 1000) -> list[Event]:
        """The events with ``seq > after``, in order, at most ``limit``; empty for a scan without such events.

        Those of an ended scan may have been pruned, the oldest first: what is left is given.
        """
        ...

    async def snapshot(self, scan_id: str) -> Snapshot:
        """The scan's state after its last event.

        Raises:
            UnknownRecord: no such scan.
        """
        ...

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call ``listener`` with all events from now on; the returned function ends that."""
        ...

    def listen_to_changes(self, listener: ChangeListener) -> Callable[[], None]:
        """Call ``listener`` with every change of a shared store from now on; the returned function ends that.

        A store with one owner has nothing to tell: whoever changes it is the one who keeps the picture.
        """
        ...


class ScanStore(Protocol):
    """Repositories, requests, results and the list of scans."""

    async def create_repository(self, repository: Repository) -> Repository:
        """Keep a new repository; its ``last_scan_...`` fields are not kept but follow from its scans.

        Raises:
            DuplicateRecord: one with the same target or id exists.
        """
        ...

    async def repository(self, repository_id: str) -> Repository:
        """One repository, with its last scan filled in; raises ``UnknownRecord``."""
        ...

    async def repositories(self) -> list[Repository]:
        """All repositories, newest first, with their last scans filled in."""
        ...

    async def update_repository(self, repository_id: str, changes: Mapping[str, Any]) -> Repository:
        """Change fields of a repository (names as in the model, ``id``, ``created_at`` and ``last_scan_...`` excepted).

        Raises:
            UnknownRecord: no such repository.
            DuplicateRecord: another one has the new target.
            UsageError: there is no such field, or it may not change.
        """
        ...

    async def delete_repository(self, repository_id: str) -> None:
        """Delete a repository, its scans, events and results; raises ``UnknownRecord``."""
        ...

    async def create_scan(self, request: ScanRequest, first: Event) -> Event:
        """Keep a new scan and its first event in one transaction; returns the event with ``seq`` 1.

        Raises:
            UnknownRecord: its repository is not there.
            DuplicateRecord: a scan with that id exists.
            UsageError: the event is another scan's, or its time has no time zone.
        """
        ...

    async def request(self, scan_id: str) -> ScanRequest:
        """What was asked for; raises ``UnknownRecord``."""
        ...

    async def scans(self, where: ScanFilter, *, page: int = 1, limit: int = 20) -> Page[Snapshot]:
        """The matching scans, newest first; of the same moment the later kept comes first."""
        ...

    async def unfinished(self) -> list[str]:
        """Ids of all scans without a terminal event, oldest first."""
        ...

    async def begin_run(self, scan_id: str, run: int | None = None) -> int:
        """Take a scan over: raise its run and return it; older runs are fenced from now on.

        ``run`` is the number that the queue counted for this claim, the next one if it counts none. Beginning the
        current run once more changes nothing: whoever lost the answer may ask again.

        Raises:
            UnknownRecord: no such scan.
            ScanEnded: it has its terminal event.
            Fenced: a newer run than ``run`` has taken over.
        """
        ...

    async def save_outcome(self, scan_id: str, outcome: ScanOutcome, *, run: int) -> None:
        """Keep a scan's whole inventory, replacing what an earlier attempt kept. ``run`` is as in ``append``.

        Raises:
            UnknownRecord: no such scan.
            Fenced: a newer run has taken over.
            ScanEnded: the scan has its terminal event.
            UsageError: the run was never begun.
        """
        ...

    async def prune_events(self, ended_before: datetime, *, limit: int = 1000) -> int:
        """Delete at most ``limit`` events of scans that ended before a moment; returns how many, 0 when none is left.

        Of a scan the oldest go first; its snapshot stays. An append that repeats a key of a pruned event is refused
        like any other after the end.
        """
        ...

    async def prune_scans(self, ended_before: datetime, *, limit: int = 20) -> int:
        """Delete at most ``limit`` scans that ended before a moment, with all that is kept of them.

        Returns how many; scans that have not ended stay, however old.
        """
        ...

    async def artifacts(self, scan_id: str, *, page: int = 1, limit: int = 100) -> Page[Artifact]:
        """The artifacts in the scanner's order; raises ``UnknownRecord``."""
        ...

    async def findings(self, scan_id: str, *, page: int = 1, limit: int = 100) -> Page[Finding]:
        """The findings in the scanner's order; raises ``UnknownRecord``."""
        ...

    async def annotations(self, scan_id: str, *, page: int = 1, limit: int = 100) -> Page[Annotation]:
        """The annotations in the scanner's order; raises ``UnknownRecord``."""
        ...

    async def evidence(self, scan_id: str, *, page: int = 1, limit: int = 100) -> Page[Evidence]:
        """The evidence in the scanner's order; raises ``UnknownRecord``."""
        ...


class AccessStore(Protocol):
    """API keys, and the trail of who did what. Rows of the trail never change."""

    async def create_key(self, key: ApiKey) -> None:
        """Keep a new API key.

        Raises:
            DuplicateRecord: one with that id or digest exists.
            UsageError: one of its times has no time zone.
        """
        ...

    async def keys(self) -> list[ApiKey]:
        """All API keys, expired and revoked ones included, newest first."""
        ...

    async def revoke_key(self, key_id: str, at: datetime) -> ApiKey:
        """Mark a key as revoked and return it; the first moment stands when it is repeated.

        Raises:
            UnknownRecord: no such key.
            UsageError: ``at`` has no time zone.
        """
        ...

    async def add_audit(self, entry: AuditEntry) -> None:
        """Keep a row of the trail; raises ``UsageError`` if its time has no time zone."""
        ...

    async def audit(self, *, page: int = 1, limit: int = 20) -> Page[AuditEntry]:
        """The trail, the row kept last first."""
        ...


class Store(EventLog, ScanStore, AccessStore, Protocol):
    """A whole store: one object, opened and closed by its owner."""

    async def open(self) -> None:
        """Make ready for use.

        Raises:
            StoreBusy: another process owns it.
            StoreError: it cannot be opened, with the reason and the path.
        """
        ...

    async def check(self) -> None:
        """Return if it can be used at the moment.

        Raises:
            StoreUnavailable: another process that it depends on is away, or takes no writes.
            StoreError: it cannot be used, with the reason.
        """
        ...

    async def close(self) -> None:
        """Finish what was accepted and let go of everything; harmless when repeated. ``open`` may follow."""
        ...


__all__ = [
    "AccessStore",
    "Change",
    "ChangeListener",
    "EventLog",
    "FeedGap",
    "Listener",
    "RepositoryGone",
    "ScanFilter",
    "ScanStore",
    "Store",
]
