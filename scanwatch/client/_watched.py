"""One scan as this client knows it: its picture, the history it really received, and what is missing of both."""

from __future__ import annotations

from bisect import insort_right
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from ..errors import GatewayError
from ..model import TERMINAL, Event, EventKind, ScanRecord, ScanStatus
from ..snapshot import Snapshot, apply, confirm, missing_before, suspect
from ._pace import Pace

SETTLED_AFTER_S = 15.0
"""A field gateway without a queue tells no final failure from one it will retry: a row failed this long is final."""

RETRYING_JOBS = frozenset({"delayed", "waiting", "active", "prioritized", "waiting-children", "paused"})
"""States of a queue's job from which another attempt can still come."""

UNKNOWN_AFTER = 3
"""How many reads in a row must not find a scan before it counts as gone."""

FORGOTTEN = "The gateway knows this scan no more: this is the last that was heard of it."


class Watched:
    """The state of one watched scan. Every method that may move it returns the events new to its history, in order.

    ``cursor`` (our gateways) says that ``events`` is complete up to that ``seq``; the picture may be ahead of it.
    A scan that nobody asked the history of (``wants_history`` false) starts its history where the picture stands.
    """

    def __init__(self, scan_id: str, now: float, *, wants_history: bool) -> None:
        self.snapshot = Snapshot(scan_id)
        self.events: list[Event] = []
        self.cursor = 0
        self.wants_history = wants_history
        self.gone: GatewayError | None = None
        self.last_heard: float | None = None
        self.pace = Pace(now)
        self.subscribed = self.subscribing = self.reading = self.fetching = False
        self.unconfirmed = False
        """Whether an event has ended it and its record has not been read since."""
        self.fetch_after = now
        self._held: dict[int, Event] = {}
        self._seen: set[tuple[object, ...]] = set()
        self._goal = 0
        self._end: ScanRecord | None = None
        self._failed_since: float | None = None
        self._missed_reads = 0

    @property
    def live(self) -> bool:
        """Whether anything more is to be expected."""
        return not self.snapshot.terminal and self.gone is None

    @property
    def caught_up(self) -> bool:
        """Whether the history holds every event that is known to exist."""
        return self.cursor >= self._known_seq() and not self._held

    def _known_seq(self) -> int:
        return max(self.snapshot.seq, self._end.seq or 0 if self._end else 0)

    # -- what is missing ---------------------------------------------------------------------------------------

    def gap(self) -> int | None:
        """The cursor after which events are missing and should be fetched; ``None`` if none are."""
        if self.subscribing or self.fetching or self.gone is not None or self.caught_up:
            return None
        return self.cursor

    def begin_fetch(self) -> None:
        self.fetching = True
        self._goal = max(self._known_seq(), *self._held, 0)

    def want_history(self) -> None:
        """Have the history from its beginning, though so far nobody wanted it."""
        if self.wants_history:
            return
        self.wants_history = True
        if self.snapshot.seq:
            self._held.update({event.seq: event for event in self.events if event.seq is not None})
            self.events, self.cursor = [], 0
            self._take(())

    # -- events ------------------------------------------------------------------------------------------------

    def hear(self, event: Event, now: float) -> list[Event]:
        """An event came over the socket."""
        self.last_heard = now
        self.pace.heard(now)
        return self._hear_field(event) if event.seq is None else self._take([event])

    def adopt(self, snapshot: Snapshot, events: Iterable[Event], age_s: float | None, now: float) -> list[Event]:
        """The gateway acknowledged a subscription: its own snapshot, and the events we lacked (or too many to send)."""
        self.subscribing, self.subscribed = False, True
        fresh = self._take(events)
        if snapshot.seq >= self.snapshot.seq:
            self.snapshot = snapshot
        else:
            self.know(snapshot.target, snapshot.repository_id, snapshot.requested_by, snapshot.retry_of)
        if self.last_heard is None and age_s is not None:
            self.last_heard = now - max(0.0, age_s)
        if not self.wants_history:
            self.cursor = max(self.cursor, self.snapshot.seq)
        return fresh + self._take(())

    def know(
        self,
        target: str | None = None,
        repository_id: str | None = None,
        requested_by: str | None = None,
        retry_of: str | None = None,
    ) -> None:
        """Fill in what is not known yet of where the scan comes from."""
        now = self.snapshot
        known = replace(
            now,
            target=now.target or target,
            repository_id=now.repository_id or repository_id,
            requested_by=now.requested_by or requested_by,
            retry_of=now.retry_of or retry_of,
        )
        if known != now:
            self.snapshot = known

    def fetched(self, events: Iterable[Event], following: int | None) -> list[Event]:
        """A page of history came; the last page shows what no gateway has any more."""
        self.fetching = False
        fresh = self._take(events)
        if following is None:
            fresh += self._accept_losses()
        return fresh

    def give_up_history(self) -> list[Event]:
        """The gateway cannot send what is missing: go on without it."""
        self.fetching = False
        self._goal = max(self._known_seq(), *self._held, 0)
        return self._accept_losses()

    def _take(self, events: Iterable[Event]) -> list[Event]:
        """Let events with ``seq`` into history and picture as far as nothing is missing before them."""
        for event in events:
            if event.seq is not None and event.seq > self.cursor:
                self._held.setdefault(event.seq, event)
        fresh: list[Event] = []
        for seq in sorted(self._held):
            event = self._held[seq]
            if missing_before(self.snapshot, event) is None:
                self.snapshot = apply(self.snapshot, event)
            if seq <= self.cursor:
                del self._held[seq]
            elif (event.merged_from or seq) <= self.cursor + 1:
                del self._held[seq]
                self.cursor = seq
                self.events.append(event)
                fresh.append(event)
        self._settle()
        return fresh

    def _accept_losses(self) -> list[Event]:
        """Step over gaps below the last fetch's goal: the gateway was asked for them and has them no more."""
        fresh: list[Event] = []
        while not self.caught_up and self.cursor < self._goal:
            waiting = [event.merged_from or seq for seq, event in self._held.items()]
            self.cursor = min([self._goal, *(first - 1 for first in waiting)])
            if self.snapshot.seq < self.cursor and self._held and not self.snapshot.terminal:
                self.snapshot = replace(self.snapshot, seq=self.cursor)
            fresh += self._take(())
        self._settle()
        return fresh

    def _settle(self) -> None:
        """Once its events are in, a scan whose record has ended has ended, whatever they said."""
        if self._end is not None and self.cursor >= (self._end.seq or 0):
            self.snapshot = confirm(self.snapshot, self._end)
            self._end = None

    # -- events of gateways in the field -----------------------------------------------------------------------

    def _hear_field(self, event: Event) -> list[Event]:
        """Without ``seq`` an event is known by its time and values; one that comes late is kept, not announced."""
        key = (event.kind, event.time, event.progress_percent, event.step, event.message, event.error)
        if key in self._seen or self._is_after_the_end(event):
            return []
        self._seen.add(key)
        late = bool(self.events) and event.time < self.events[-1].time
        insort_right(self.events, event, key=_time)
        self.snapshot = apply(self.snapshot, event)
        return [] if late else [event]

    def _is_after_the_end(self, event: Event) -> bool:
        if not self.snapshot.terminal:
            return False
        if self.events and self.events[-1].terminal and event.time >= self.events[-1].time:
            return True
        if event.kind is EventKind.PROGRESS:
            finished_at = self.snapshot.finished_at
            return finished_at is None or event.time > finished_at
        completed = self.snapshot.status is ScanStatus.COMPLETED
        return completed is not (event.kind is EventKind.COMPLETE)

    # -- reads -------------------------------------------------------------------------------------------------

    def read(self, record: ScanRecord, now: float) -> None:
        """A read of the gateway's record came: the truth, once it is final."""
        self.unconfirmed = False
        self.know(record.target, record.repository_id, record.requested_by, record.retry_of)
        if self.snapshot.terminal:
            if record.status in TERMINAL and record.status is not self.snapshot.status:
                self.snapshot = confirm(replace(self.snapshot, status=ScanStatus.IN_PROGRESS), record)
            return
        if not self._is_final(record, now):
            self.snapshot = (suspect if record.status in TERMINAL else confirm)(self.snapshot, record)
        elif self.wants_history and (record.seq or 0) > self.cursor:
            self._end = record
        else:
            self.snapshot = confirm(self.snapshot, record)
            self.cursor = max(self.cursor, record.seq or 0)

    def settle(self, record: ScanRecord) -> None:
        """A record that ended long ago came: final, whatever its job may say."""
        self.snapshot = confirm(self.snapshot, record)

    def not_found(self, error: GatewayError) -> None:
        """A read did not find the scan; its repository may have been deleted."""
        self._missed_reads += 1
        if self._missed_reads >= UNKNOWN_AFTER:
            self.gone = error
            self.snapshot = replace(self.snapshot, message=FORGOTTEN, retry_at=None)

    def found_again(self) -> bool:
        """Something came of a scan that counted as gone; whether it did."""
        was_gone, self.gone, self._missed_reads = self.gone is not None, None, 0
        return was_gone

    def _is_final(self, record: ScanRecord, now: float) -> bool:
        if record.status is not ScanStatus.FAILED:
            self._failed_since = None
            return record.status in TERMINAL
        if record.seq is not None or (record.job is not None and record.job.state == "failed"):
            return True
        if record.job is not None and record.job.state in RETRYING_JOBS:
            self._failed_since = None
            return False
        self._failed_since = now if self._failed_since is None else self._failed_since
        return now - self._failed_since >= SETTLED_AFTER_S


def _time(event: Event) -> datetime:
    return event.time
