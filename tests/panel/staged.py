"""A feed whose scans do what a test says, with the real records and the real ``apply``. No gateway."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from scanwatch.model import (
    Connection,
    ConnectionState,
    Event,
    EventKind,
    FailureCode,
    Phase,
    Repository,
    ScanResult,
    Turn,
)
from scanwatch.snapshot import Snapshot, apply, percent_done


class StagedFeed:
    """Implements ``scanwatch.panel.Feed``; ``wishes`` lists what was asked of it."""

    def __init__(self, *targets: str, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._now = now
        self.wishes: list[tuple[str, str]] = []
        self.complaint: str | None = None
        self.everything = True
        self.name: str | None = None
        self.slots: int | None = None
        self.ahead_s: float | None = None
        self.known: Sequence[Repository] = ()
        self._scans: dict[str, Snapshot] = {}
        self._events: dict[str, list[Event]] = {}
        self._connection = Connection(ConnectionState.LIVE, "http://127.0.0.1:8700")
        self._listeners: list[Callable[[str | None], None]] = []
        self._lock = threading.Lock()
        for target in reversed(targets):
            self.add(target)

    def add(
        self, target: str, scan_id: str | None = None, *, ago_s: float | None = 0.0, requested_by: str | None = None
    ) -> str:
        """A new scan, first in the list; ``ago_s`` of ``None``: nobody knows yet when it was created."""
        scan_id = scan_id or f"scan-{len(self._scans) + 1}"
        created_at = None if ago_s is None else self._now() - timedelta(seconds=ago_s)
        with self._lock:
            fresh = Snapshot(scan_id=scan_id, target=target, created_at=created_at, requested_by=requested_by)
            self._scans = {scan_id: fresh, **self._scans}
        self._tell(scan_id)
        return scan_id

    def remove(self, scan_id: str) -> None:
        with self._lock:
            self._scans = {other: scan for other, scan in self._scans.items() if other != scan_id}
        self._tell(scan_id)

    def happen(self, scan_id: str, kind: EventKind = EventKind.PROGRESS, *, ago_s: float = 0.0, **fields: Any) -> None:
        """The next event of a scan."""
        with self._lock:
            scan = self._scans[scan_id]
            event = Event(
                scan_id=scan_id,
                kind=kind,
                time=self._now() - timedelta(seconds=ago_s),
                seq=scan.seq + 1,
                **fields,
            )
            self._events.setdefault(scan_id, []).append(event)
            self._scans = {**self._scans, scan_id: apply(scan, event)}
        self._tell(scan_id)

    def progress(
        self, scan_id: str, phase: Phase, done: int | None = None, total: int | None = None, **fields: Any
    ) -> None:
        """The scan is in ``phase`` with ``done`` of ``total`` files."""
        self.happen(
            scan_id,
            phase=phase,
            progress_percent=percent_done(phase, done, total),
            files_processed=done,
            total_files=total,
            **fields,
        )

    def settle(self, scan_id: str) -> None:
        """A gateway that does not count its events says that the scan has completed; no read has confirmed it yet."""
        with self._lock:
            event = Event(scan_id=scan_id, kind=EventKind.COMPLETE, time=self._now())
            self._scans = {**self._scans, scan_id: apply(self._scans[scan_id], event)}
        self._tell(scan_id)

    def complete(self, scan_id: str, **counts: Any) -> None:
        self.happen(scan_id, EventKind.COMPLETE, result=ScanResult(scan_id, **counts))

    def fail(self, scan_id: str, error: str, **fields: Any) -> None:
        self.happen(scan_id, EventKind.FAILED, error=error, **fields)

    def connect(self, state: ConnectionState, reason: str | None = None, **fields: Any) -> None:
        self._connection = Connection(state, "http://127.0.0.1:8700", reason, **fields)
        self._tell(None)

    def complain(self, words: str | None) -> None:
        self.complaint = words
        self._tell(None)

    def snapshots(self) -> Sequence[Snapshot]:
        return tuple(self._scans.values())

    def lost(self, scan_id: str) -> None:
        """No scan of this stage is ever lost."""

    def connection(self) -> Connection:
        return self._connection

    def events(self, scan_id: str, last: int) -> Sequence[Event]:
        return tuple(self._events.get(scan_id, ())[-last:])

    def on_change(self, listener: Callable[[str | None], None]) -> Callable[[], None]:
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    @property
    def listened(self) -> int:
        """How many listen."""
        return len(self._listeners)

    def handle(self, scan_id: str) -> str:
        return f"handle of {scan_id}"

    def caller(self) -> str | None:
        return self.name

    def workers(self) -> int | None:
        return self.slots

    def clock_ahead_s(self) -> float | None:
        return self.ahead_s

    def repositories(self) -> Sequence[Repository]:
        return self.known

    def look_up(self) -> None:
        self.wishes.append(("look_up", ""))

    def reconnect(self) -> None:
        self.wishes.append(("reconnect", ""))

    def trigger(self, target: str, options: Mapping[str, str]) -> None:
        self.options = options
        self.wishes.append(("trigger", target))
        self.add(target)

    def cancel(self, scan_id: str) -> None:
        self.wishes.append(("cancel", scan_id))
        self.happen(scan_id, turn=Turn.CANCELLING)

    def confirm_cancel(self, scan_id: str) -> None:
        self.fail(scan_id, "cancelled on request", code=FailureCode.CANCELLED)

    def retry(self, scan_id: str) -> None:
        self.wishes.append(("retry", scan_id))

    def trouble(self) -> str | None:
        return self.complaint

    def _tell(self, scan_id: str | None) -> None:
        for listener in list(self._listeners):
            listener(scan_id)
