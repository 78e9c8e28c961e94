"""What a panel's browser side has been told, and what to tell it next. Sends nothing itself; the clock is passed in.

Two messages exist. A *patch* has the changed fields of changed rows and a number, one more than the message before.
A *snapshot* has everything, and the number of the last patch it includes: it heals any gap, and is what a reloaded or
late view starts from. Both say ``at``, the wall-clock time they were made, and carry the connection's state.

::

    snapshot  {number, at, connection, trouble, ids: newest first, groups: [...]}
    patch     {patch, at, [first: new ids | order: all ids], [gone: ids], [groups: changed fields],
               [connection], [trouble], [events: {scan_id: [[seq, ms, words], ...]}]}

Groups (``_groups``) name rows by their place in the list, as it is after ``gone``, ``first`` and ``order``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from ..model import Connection, Event
from ..snapshot import Snapshot
from ._feed import Feed
from ._rows import encode_events, milliseconds
from ._told import ToldRows

PATCH_EVERY_S = 0.1
SNAPSHOT_EVERY_S = 1.0
ROWS_PER_SNAPSHOT = 250
"""With more rows than this, snapshots come less often in proportion: they are the larger part of the bytes."""

ROWS_PER_S = 5000
"""How many changed rows are told in a second: some 30 bytes each. With more, each is told less often."""

ROWS_AT_FIRST = 100
"""How many rows a panel opens with in full; of the others it knows the status alone until the first patch."""

DUTY = 0.025
"""The share of its time the flusher may spend on one panel."""

MAX_REST_S = 2.0
"""The longest rest after a flush, however costly it was: an end must not wait longer to be seen."""

EVENTS_SHOWN = 10

Message = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What to send now, the patch before the snapshot."""

    patch: Message | None = None
    snapshot: Message | None = None


class Outbox:
    """The told state of one panel. Not thread-safe: only the flusher uses it, after the panel was built."""

    def __init__(self, feed: Feed, *, wall: Callable[[], float] = time.time) -> None:
        self._feed = feed
        self._wall = wall
        self._number = 0
        self._at_ms = 0
        self._rows = ToldRows()
        self._current: dict[str, Snapshot] = {}
        self._order: list[str] = []
        self._connection: Message = {}
        self._trouble: str | None = None
        self._told_events: dict[str, Event] = {}
        self._snapshot_at = float("-inf")
        self._stale = False
        self._ended = False
        self._wanted = False
        self._changed_rows = 0
        self._taken_at = float("-inf")
        self.ready_at = float("-inf")
        """The clock's time before which nothing more should be taken."""

    def first(self, now: float = float("-inf")) -> Message:
        """The snapshot to begin with; what it leaves out can wait until it is on the screen."""
        self._read_patch(in_full=ROWS_AT_FIRST)
        self._number = 0
        self._stale = False
        self.ready_at = now + max(PATCH_EVERY_S, len(self._order) / ROWS_PER_S)
        return self._snapshot()

    def seen(self) -> None:
        """A view is on the screen: what :meth:`first` left out has to wait no longer."""
        if self._taken_at == float("-inf"):
            self.ready_at = float("-inf")

    def take(self, now: float, opened: Sequence[str] = ()) -> Outgoing:
        """What changed since the last call; ``opened`` are the scans whose events are on display."""
        patch = self._read_patch()
        events = self._new_events(opened)
        if events:
            patch["events"] = events
        self._taken_at = now
        self.ready_at = now + max(PATCH_EVERY_S, self._changed_rows / ROWS_PER_S)
        if patch:
            self._number += 1
        message = {"patch": self._number, "at": self._at_ms, **patch} if patch else None
        if not (self._stale or self._wanted) or now < self._snapshot_due():
            return Outgoing(patch=message)
        # A snapshot has no events, so it stands in for a patch only when there are none to tell. Of many rows the
        # patch goes before it, so that a view that has it need not take the snapshot.
        if events:
            return Outgoing(patch=message)
        self._stale = self._ended = self._wanted = False
        self._snapshot_at = now
        if message is None or len(self._rows) <= ROWS_PER_SNAPSHOT:
            return Outgoing(snapshot=self._snapshot())
        self.ready_at += PATCH_EVERY_S
        return Outgoing(patch=message, snapshot=self._snapshot())

    def want_snapshot(self) -> None:
        """Owe a snapshot soon, and the events on display once more: a view has missed something."""
        self._wanted = True
        self._told_events.clear()

    def forget_trouble(self) -> None:
        """Tell the next trouble even if it is the same: a new wish has let the view forget it."""
        self._trouble = None

    def forget_events(self, scan_id: str) -> None:
        """Tell the events of a scan anew: its details were opened, maybe in a view that knows none."""
        self._told_events.pop(scan_id, None)

    def due(self) -> float | None:
        """When to take again even if nothing changes: a snapshot is owed."""
        return max(self._snapshot_due(), self.ready_at) if self._stale or self._wanted else None

    def owes_an_end(self) -> bool:
        """Whether all scans have ended, and the snapshot that was sent last is from before that."""
        scans = self._feed.snapshots()
        owed = self._stale or self._wanted or not self._rows.are(scans)
        return owed and all(scan.terminal for scan in scans)

    def worked(self, seconds: float) -> None:
        """Note what the last flush cost, so that a large panel rests in proportion."""
        self.ready_at = max(self.ready_at, self._taken_at + min(MAX_REST_S, seconds / DUTY))

    def _snapshot_due(self) -> float:
        size = max(1.0, len(self._rows) / ROWS_PER_SNAPSHOT)
        if self._ended and self._rows.all_ended():
            return float("-inf")
        # Ends are told at once among few scans; among thousands there is always one.
        soon = self._wanted or (self._ended and size == 1.0)
        return self._snapshot_at + (PATCH_EVERY_S if soon else SNAPSHOT_EVERY_S) * size

    def _snapshot(self) -> Message:
        return {
            "number": self._number,
            "at": self._at_ms,
            "connection": self._connection,
            "trouble": self._trouble,
            "ids": self._order,
            "groups": self._rows.everything(self._current, self._at_ms),
        }

    def _read_patch(self, in_full: int | None = None) -> Message:
        """Bring the told state up to the feed's and return what that changed."""
        self._at_ms = round(self._wall() * 1000)
        patch: Message = self._read_order()
        news = self._rows.take(islice(self._current.values(), in_full), self._at_ms, self._feed.clock_ahead_s())
        self._changed_rows = news.count
        self._ended = self._ended or news.ended
        if news.count:
            patch["groups"] = news.groups(len(self._order), self._at_ms)
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
        self._rows.drop(gone)
        for scan_id in gone:
            self._told_events.pop(scan_id, None)
        self._order = order
        placed: Message = {}
        if order != kept:
            placed = {"first": added} if order == added + kept else {"order": order}
        return {**placed, "gone": gone} if gone else placed

    def _new_events(self, opened: Sequence[str]) -> dict[str, list[list[Any]]]:
        for closed in self._told_events.keys() - set(opened):
            self._told_events.pop(closed, None)
        news = {}
        for scan_id in opened:
            events = self._feed.events(scan_id, EVENTS_SHOWN)
            if events and events[-1] != self._told_events.get(scan_id):
                self._told_events[scan_id] = events[-1]
                news[scan_id] = encode_events(events)
        return news


def encode_connection(connection: Connection) -> Message:
    """The connection's state as the browser takes it."""
    fields = {
        "state": connection.state.value,
        "gateway": connection.gateway,
        "reason": connection.reason,
        "since": milliseconds(connection.since),
        "retry_at": milliseconds(connection.retry_at),
        "tries": connection.tries or None,
        "not_understood": connection.not_understood or None,
    }
    return {name: value for name, value in fields.items() if value is not None}
