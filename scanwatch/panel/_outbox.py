"""What a panel's browser side has been told, and what to tell it next. Sends nothing itself; the clock is passed in.

Two messages exist. A *patch* has the changed fields of changed rows and a number, one more than the message before.
A *snapshot* has everything, and the number of the last patch it includes: it heals any gap, and is what a reloaded or
late view starts from. Both say ``at``, the wall-clock time they were made, and carry the connection's state.

::

    snapshot  {number, at, connection, trouble, rows: [[scan_id, row], ...]}       newest first
    patch     {patch, at, rows: {scan_id: changed fields}, [first: new ids | order: all ids], [gone: ids],
               [connection], [trouble], [events: {scan_id: [[seq, ms, words], ...]}]}
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ..model import Connection, Event
from ..snapshot import Snapshot
from ._feed import Feed
from ._rows import Row, difference, encode, encode_events, milliseconds

PATCH_EVERY_S = 0.1
SNAPSHOT_EVERY_S = 1.0
ROWS_PER_SNAPSHOT = 500
"""With more rows than this, snapshots come less often in proportion: they are the larger part of the bytes."""

DUTY = 0.05
"""The share of its time the flusher may spend on one panel."""

MAX_REST_S = 2.0
"""The longest rest after a flush, however costly it was: an end must not wait longer to be seen."""

EVENTS_SHOWN = 10
CLOCKS_AGREE_MS = 2000
"""An event that took less from the gateway's clock to ours is taken to have come at its own time."""

Message = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What to send now: at most one of the two."""

    patch: Message | None = None
    snapshot: Message | None = None


class Outbox:
    """The told state of one panel. Not thread-safe: only the flusher uses it, after the panel was built."""

    def __init__(self, feed: Feed, *, wall: Callable[[], float] = time.time) -> None:
        self._feed = feed
        self._wall = wall
        self._number = 0
        self._seen: dict[str, Snapshot] = {}
        self._rows: dict[str, Row] = {}
        self._order: list[str] = []
        self._connection: Message = {}
        self._trouble: str | None = None
        self._told_events: dict[str, Event] = {}
        self._snapshot_at = float("-inf")
        self._stale = False
        self._ended = False
        self.ready_at = float("-inf")
        """The clock's time before which nothing more should be taken."""

    def first(self) -> Message:
        """The snapshot to begin with."""
        self._read_patch()
        self._number = 0
        self._stale = False
        return self._snapshot()

    def take(self, now: float, opened: Sequence[str] = ()) -> Outgoing:
        """What changed since the last call; ``opened`` are the scans whose events are on display."""
        patch = self._read_patch()
        events = self._new_events(opened)
        if events:
            patch["events"] = events
        self.ready_at = now + PATCH_EVERY_S
        if patch:
            self._number += 1
        # A snapshot has no events, so it stands in for a patch only when there are none to tell.
        if self._stale and not events and now >= self._snapshot_due():
            self._stale = self._ended = False
            self._snapshot_at = now
            return Outgoing(snapshot=self._snapshot())
        if patch:
            return Outgoing(patch={"patch": self._number, "at": self._now_ms(), **patch})
        return Outgoing()

    def due(self) -> float | None:
        """When to take again even if nothing changes: a snapshot is owed."""
        return max(self._snapshot_due(), self.ready_at) if self._stale else None

    def worked(self, seconds: float) -> None:
        """Note what the last flush cost, so that a large panel rests in proportion."""
        self.ready_at += min(MAX_REST_S, max(0.0, seconds / DUTY - PATCH_EVERY_S))

    def _snapshot_due(self) -> float:
        if self._ended and all(snapshot.terminal for snapshot in self._seen.values()):
            return float("-inf")
        pause_s = PATCH_EVERY_S if self._ended else SNAPSHOT_EVERY_S
        return self._snapshot_at + pause_s * max(1.0, len(self._rows) / ROWS_PER_SNAPSHOT)

    def _snapshot(self) -> Message:
        return {
            "number": self._number,
            "at": self._now_ms(),
            "connection": self._connection,
            "trouble": self._trouble,
            "rows": [[scan_id, self._rows[scan_id]] for scan_id in self._order],
        }

    def _read_patch(self) -> Message:
        """Bring the told state up to the feed's and return what that changed."""
        patch: Message = self._read_order()
        rows = self._read_rows()
        if rows:
            patch["rows"] = rows
        connection = encode_connection(self._feed.connection())
        if connection != self._connection:
            patch["connection"] = self._connection = connection
        trouble = self._feed.trouble()
        if trouble != self._trouble:
            patch["trouble"] = self._trouble = trouble
        self._stale = self._stale or bool(patch)
        return patch

    def _read_order(self) -> Message:
        snapshots = {snapshot.scan_id: snapshot for snapshot in self._feed.snapshots()}
        order = list(snapshots)
        self._current = snapshots
        if order == self._order:
            return {}
        known = set(self._order)
        gone = [scan_id for scan_id in self._order if scan_id not in snapshots]
        added = [scan_id for scan_id in order if scan_id not in known]
        kept = [scan_id for scan_id in self._order if scan_id in snapshots]
        for scan_id in gone:
            del self._rows[scan_id], self._seen[scan_id]
            self._told_events.pop(scan_id, None)
        self._order = order
        placed: Message = {}
        if order != kept:
            placed = {"first": added} if order == added + kept else {"order": order}
        return {**placed, "gone": gone} if gone else placed

    def _read_rows(self) -> dict[str, Row]:
        changed: dict[str, Row] = {}
        for scan_id, snapshot in self._current.items():
            seen = self._seen.get(scan_id)
            if seen is snapshot:
                continue
            row = {**encode(snapshot), **self._heard(snapshot, seen)}
            fields = difference(self._rows.get(scan_id, {}), row)
            self._ended = self._ended or (snapshot.terminal and not (seen and seen.terminal))
            self._seen[scan_id], self._rows[scan_id] = snapshot, row
            if fields:
                changed[scan_id] = fields
        return changed

    def _heard(self, snapshot: Snapshot, seen: Snapshot | None) -> Row:
        """When the newest event came here, where that differs from its own time: the gateway's clock may be off."""
        if snapshot.updated_at is None:
            return {}
        now_ms, updated_ms = self._now_ms(), round(snapshot.updated_at.timestamp() * 1000)
        if seen is not None and seen.updated_at == snapshot.updated_at:
            heard_ms = int(self._rows[snapshot.scan_id].get("heard", updated_ms))
        else:
            heard_ms = now_ms if seen is not None else min(now_ms, updated_ms)
        return {} if abs(heard_ms - updated_ms) < CLOCKS_AGREE_MS else {"heard": heard_ms}

    def _new_events(self, opened: Sequence[str]) -> dict[str, list[list[Any]]]:
        for closed in self._told_events.keys() - set(opened):
            del self._told_events[closed]
        news = {}
        for scan_id in opened:
            events = self._feed.events(scan_id, EVENTS_SHOWN)
            if events and events[-1] != self._told_events.get(scan_id):
                self._told_events[scan_id] = events[-1]
                news[scan_id] = encode_events(events)
        return news

    def _now_ms(self) -> int:
        return round(self._wall() * 1000)


def encode_connection(connection: Connection) -> Message:
    """The connection's state as the browser takes it."""
    fields = {
        "state": connection.state.value,
        "gateway": connection.gateway,
        "reason": connection.reason,
        "since": milliseconds(connection.since),
        "retry_at": milliseconds(connection.retry_at),
        "tries": connection.tries or None,
    }
    return {name: value for name, value in fields.items() if value is not None}
