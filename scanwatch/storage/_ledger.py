"""What the writer thread does to the file: every change a store makes, inside a transaction that its owner opens.

Every method checks before it writes, so that a refusal leaves nothing behind and the changes beside it in the same
transaction stand. The scan rows are written once for each transaction, however many events a scan got in it.
"""

from __future__ import annotations

import sqlite3
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from ..errors import DuplicateRecord, StoreError
from ..model import ApiKey, AuditEntry, Event, Repository, ScanOutcome, ScanRequest
from ..snapshot import Snapshot, new_snapshot
from . import _rules
from ._queries import ended_before
from ._queries import repository as query_repository
from ._records import decode_api_key, decode_event, decode_repository, decode_snapshot, encode
from ._schema import INVENTORY, microseconds

CACHED_SCANS = 2_000
"""Scans whose snapshots are kept decoded: more than are ever active at once, some megabytes at most."""


@dataclass(slots=True)
class _Row:
    """A scan's row as the next append needs it."""

    number: int
    run: int
    snapshot: Snapshot


class Ledger:
    """The writing connection, with the current snapshots of the scans that were written to last."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._execute = connection.execute
        self._rows: OrderedDict[str, _Row] = OrderedDict()
        self._changed: dict[str, _Row] = {}
        self._events: list[Event] = []

    @contextmanager
    def transaction(self) -> Iterator[list[Event]]:
        """Commit what is done inside, or nothing of it; gives the list of the events appended meanwhile."""
        self._events = []
        self._execute("BEGIN IMMEDIATE")
        try:
            yield self._events
            self._write_rows()
            self._execute("COMMIT")
        except BaseException:
            self._rows.clear()
            self._changed.clear()
            if self._connection.in_transaction:
                self._execute("ROLLBACK")
            raise
        while len(self._rows) > CACHED_SCANS:
            self._rows.popitem(last=False)

    @property
    def cached_scans(self) -> list[str]:
        """The scans whose snapshots are held, the one used last at the end."""
        return list(self._rows)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def append(self, event: Event, run: int, key: str | None) -> Event:
        """As in ``EventLog.append``."""
        row = self._row(event.scan_id)
        run = _rules.acting_run(event.scan_id, current=row.run, run=run)
        if row.snapshot.terminal and (earlier := self._earlier(row, run, key)):
            return earlier
        _rules.refuse_ended(row.snapshot)
        numbered, snapshot = _rules.appended(row.snapshot, event)
        if not self._insert_event(row.number, numbered, run, key):
            if earlier := self._earlier(row, run, key):
                return earlier
            raise StoreError(f"Scan {event.scan_id} already has an event {numbered.seq}: the store's file is damaged.")
        row.snapshot = snapshot
        self._changed[event.scan_id] = row
        self._events.append(numbered)
        return numbered

    def create_scan(self, request: ScanRequest, first: Event) -> Event:
        """As in ``ScanStore.create_scan``."""
        _rules.check_first(request, first)
        self._require_repository(request.repository_id)
        if self._execute("SELECT 1 FROM scans WHERE id = ?", (request.scan_id,)).fetchone():
            raise DuplicateRecord(f"There is a scan {request.scan_id} already.")
        numbered, snapshot = _rules.appended(new_snapshot(request), first)
        body = encode(numbered)
        number = self._execute(
            "INSERT INTO scans (id, repository_id, status, created_at, requested_by, target, request, snapshot)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                request.scan_id,
                request.repository_id,
                snapshot.status,
                microseconds(numbered.time),
                request.requested_by,
                request.target.casefold(),
                encode(request),
                encode(snapshot),
            ),
        ).lastrowid
        assert number is not None
        self._execute("INSERT INTO events (scan, seq, run, body) VALUES (?, ?, 0, ?)", (number, numbered.seq, body))
        self._rows[request.scan_id] = _Row(number, 0, snapshot)
        self._events.append(numbered)
        return numbered

    def begin_run(self, scan_id: str, run: int | None) -> int:
        """As in ``ScanStore.begin_run``."""
        row = self._row(scan_id)
        _rules.refuse_ended(row.snapshot)
        begun = _rules.next_run(scan_id, current=row.run, run=run)
        self._execute("UPDATE scans SET run = ? WHERE number = ?", (begun, row.number))
        row.run = begun
        return begun

    def save_outcome(self, scan_id: str, outcome: ScanOutcome, run: int) -> None:
        """As in ``ScanStore.save_outcome``."""
        row = self._row(scan_id)
        _rules.acting_run(scan_id, current=row.run, run=run)
        _rules.refuse_ended(row.snapshot)
        kept = {
            table: [(row.number, i, encode(record)) for i, record in enumerate(getattr(outcome, table))]
            for table in INVENTORY
        }
        for table, rows in kept.items():
            self._execute(f"DELETE FROM {table} WHERE scan = ?", (row.number,))  # noqa: S608  one of our own tables
            insert = f"INSERT INTO {table} (scan, position, body) VALUES (?, ?, ?)"  # noqa: S608  as above
            self._connection.executemany(insert, rows)

    def create_repository(self, repository: Repository) -> Repository:
        """As in ``ScanStore.create_repository``."""
        kept = _rules.new_repository(repository)
        _rules.refuse_duplicate(kept, self._namesakes(kept))
        self._execute(
            "INSERT INTO repositories (id, target, created_at, body) VALUES (?, ?, ?, ?)",
            (kept.id, kept.target, microseconds(kept.created_at), encode(kept)),
        )
        return kept

    def update_repository(self, repository_id: str, changes: Mapping[str, Any]) -> Repository:
        """As in ``ScanStore.update_repository``."""
        found = self._execute("SELECT body FROM repositories WHERE id = ?", (repository_id,)).fetchone()
        if found is None:
            raise _rules.unknown_repository(repository_id)
        kept = _rules.changed_repository(decode_repository(found[0]), changes)
        _rules.refuse_duplicate(kept, (other for other in self._namesakes(kept) if other.id != kept.id))
        self._execute(
            "UPDATE repositories SET target = ?, body = ? WHERE id = ?", (kept.target, encode(kept), repository_id)
        )
        self._write_rows()  # the answer tells where the last scan stands
        return query_repository(self._connection, repository_id)

    def delete_repository(self, repository_id: str) -> None:
        """As in ``ScanStore.delete_repository``."""
        self._require_repository(repository_id)
        for (scan_id,) in self._execute("SELECT id FROM scans WHERE repository_id = ?", (repository_id,)):
            self._rows.pop(scan_id, None)
            self._changed.pop(scan_id, None)
        self._execute("DELETE FROM repositories WHERE id = ?", (repository_id,))

    def prune_events(self, moment: datetime, limit: int) -> int:
        """As in ``ScanStore.prune_events``."""
        pruned = 0
        # Each has one event at least, so more scans than ``limit`` are never needed.
        for number, _ in list(islice(ended_before(self._connection, moment, with_events=True), limit)):
            pruned += self._execute(
                "DELETE FROM events WHERE rowid IN (SELECT rowid FROM events WHERE scan = ? ORDER BY seq LIMIT ?)",
                (number, limit - pruned),
            ).rowcount
        return pruned

    def prune_scans(self, moment: datetime, limit: int) -> int:
        """As in ``ScanStore.prune_scans``."""
        old = list(islice(ended_before(self._connection, moment), limit))
        for number, scan_id in old:
            self._rows.pop(scan_id, None)
            self._execute("DELETE FROM scans WHERE number = ?", (number,))
        return len(old)

    def create_key(self, key: ApiKey) -> None:
        """As in ``AccessStore.create_key``."""
        found = self._execute("SELECT body FROM api_keys WHERE id = ? OR digest = ?", (key.id, key.digest))
        _rules.check_key(key, (decode_api_key(body) for (body,) in found))
        self._execute("INSERT INTO api_keys (id, digest, body) VALUES (?, ?, ?)", (key.id, key.digest, encode(key)))

    def revoke_key(self, key_id: str, at: datetime) -> ApiKey:
        """As in ``AccessStore.revoke_key``."""
        found = self._execute("SELECT body FROM api_keys WHERE id = ?", (key_id,)).fetchone()
        if found is None:
            raise _rules.unknown_key(key_id)
        key = _rules.revoked(decode_api_key(found[0]), at)
        self._execute("UPDATE api_keys SET body = ? WHERE id = ?", (encode(key), key_id))
        return key

    def add_audit(self, entry: AuditEntry) -> None:
        """As in ``AccessStore.add_audit``."""
        _rules.check_audit(entry)
        self._execute("INSERT INTO audit (time, body) VALUES (?, ?)", (microseconds(entry.time), encode(entry)))

    def _row(self, scan_id: str) -> _Row:
        row = self._rows.get(scan_id)
        if row is not None:
            self._rows.move_to_end(scan_id)
            return row
        found = self._execute("SELECT number, run, snapshot FROM scans WHERE id = ?", (scan_id,)).fetchone()
        if found is None:
            raise _rules.unknown_scan(scan_id)
        row = self._rows[scan_id] = _Row(found[0], found[1], decode_snapshot(found[2]))
        return row

    def _insert_event(self, number: int, event: Event, run: int, key: str | None) -> bool:
        """Whether the event was new; the key's index tells without a question before every append."""
        inserted = self._execute(
            "INSERT INTO events (scan, seq, run, key, body) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (number, event.seq, run, key, encode(event)),
        )
        return inserted.rowcount == 1

    def _earlier(self, row: _Row, run: int, key: str | None) -> Event | None:
        if key is None:
            return None
        found = self._execute(
            "SELECT body FROM events WHERE scan = ? AND run = ? AND key = ?", (row.number, run, key)
        ).fetchone()
        return decode_event(found[0]) if found else None

    def _require_repository(self, repository_id: str) -> None:
        if not self._execute("SELECT 1 FROM repositories WHERE id = ?", (repository_id,)).fetchone():
            raise _rules.unknown_repository(repository_id)

    def _namesakes(self, repository: Repository) -> list[Repository]:
        found = self._execute(
            "SELECT body FROM repositories WHERE id = ? OR target = ?", (repository.id, repository.target)
        )
        return [decode_repository(body) for (body,) in found]

    def _write_rows(self) -> None:
        """Bring the rows of the scans that got events up to date."""
        self._connection.executemany(
            "UPDATE scans SET snapshot = ?, status = ? WHERE number = ?",
            ((encode(row.snapshot), row.snapshot.status, row.number) for row in self._changed.values()),
        )
        self._changed.clear()
