"""The two kinds of gateway as models that a session is held against."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from scanwatch.client._actions import Action, FetchEvents, Read, Subscribe
from scanwatch.model import TERMINAL, Event, EventKind, Job, ScanRecord, ScanStatus
from scanwatch.snapshot import Snapshot, apply_all, to_record
from tests.client._conversation import record
from tests.client._machine import PAGE_EVENTS, UNREACHABLE, Machine
from tests.events import field, field_end
from tests.strategies import SCAN_ID, histories


class OurGateway(Machine):
    """One of ours: numbered events, subscriptions, pages of history, records that carry their ``seq``."""

    @initialize(history=histories())
    def begin(self, history: list[Event]) -> None:
        self.to_come = history
        self.sent: list[Event] = []
        self.session.watch(SCAN_ID)
        self.hurried_at.append(self.now)
        self.join()

    def join(self) -> None:
        super().join()
        self.session.greeted()
        self.collect()

    @rule()
    @precondition(lambda self: len(self.sent) < len(self.to_come))
    def the_scan_goes_on(self) -> None:
        event = self.to_come[len(self.sent)]
        self.sent.append(event)
        self.on_the_way.append(event)

    def answer(self, request: Any, *, well: bool) -> None:
        match request:
            case Subscribe(after=after) if well:
                page = self.sent[after[SCAN_ID] :][:PAGE_EVENTS]
                self.session.acknowledged(request, [(apply_all(Snapshot(SCAN_ID), self.sent), page)])
            case Subscribe():
                self.session.subscribe_failed(request)
                self.hurried_at.append(self.now)
            case FetchEvents(after=after) if well:
                page = self.sent[after:][:PAGE_EVENTS]
                end = after + len(page)
                self.session.fetched(SCAN_ID, page, end if end < len(self.sent) else None)
            case FetchEvents():
                self.session.fetch_failed(SCAN_ID, UNREACHABLE)
            case Read(scan_id=scan_id) if well and self.sent and scan_id == SCAN_ID:
                self.session.read(to_record(apply_all(Snapshot(SCAN_ID), self.sent)))
            case Read(scan_id=scan_id):
                self.session.read_failed(scan_id, UNREACHABLE)

    def may_have_ended(self) -> bool:
        return bool(self.sent) and self.sent[-1].terminal

    def teardown(self) -> None:
        """The network works again: everything is answered until nothing is asked any more."""
        self.sent = list(self.to_come)
        self.on_the_way.clear()
        self.session.left("cut")
        self.join()
        for _ in range(300):
            while self.asked:
                self.a_request_is_answered(0)
            self.time_passes(1.0)
            if not self.asked and self.session.scans[SCAN_ID].caught_up:
                break
        assert self.conversation.snapshot == apply_all(Snapshot(SCAN_ID), self.to_come)
        assert self.history() == self.conversation.heard == self.to_come


class FieldGateway(Machine):
    """One as they are in the field: events without numbers, attempts, rows that keep stale fields, reads that lag."""

    @initialize(jobs=st.booleans(), failures=st.integers(0, 3), completes=st.booleans(), early=st.booleans())
    def begin(self, jobs: bool, failures: int, completes: bool, early: bool) -> None:
        self.jobs = jobs
        self.failures = failures if jobs else 0  # without a queue nothing is retried
        self.completes = completes
        self.attempt = self.begun = 0
        self.row: ScanRecord = record(ScanStatus.PENDING, job="waiting" if jobs else None)
        self.last_ms = -1
        self.retry_at = 0.0
        self.final = False
        self.failed_read_at: float | None = None
        self.confirmed = False
        self.join()
        if not early:
            self.the_answer_names_the_scan()

    @rule()
    @precondition(lambda self: SCAN_ID not in self.session.scans)
    def the_answer_names_the_scan(self) -> None:
        self.session.watch(SCAN_ID)
        self.hurried_at.append(self.now)
        self.collect()

    @rule(percent=st.sampled_from([5, 10, 20, 30, 50, 60, 70, 95]))
    @precondition(lambda self: not self.final and self.now >= self.retry_at)
    def the_scan_goes_on(self, percent: int) -> None:
        """A value may be skipped, or come again with another attempt, which begins five seconds after a failure."""
        self.an_attempt_runs()
        self.change(ScanStatus.IN_PROGRESS, "active", percent)
        self.send(field(self.next_ms(), percent, f"step at {percent}"))

    @rule()
    @precondition(lambda self: not self.final and self.now >= self.retry_at)
    def the_attempt_ends(self) -> None:
        self.attempt += 1
        self.retry_at = self.now + 5.0
        self.an_attempt_runs()
        if self.attempt <= self.failures:
            self.change(ScanStatus.FAILED, "delayed", error=f"attempt {self.attempt} broke")
            self.send(field_end(self.next_ms(), EventKind.FAILED, self.row.error))
            return
        self.final = True
        if self.completes:  # the row keeps the error of an attempt before
            self.change(ScanStatus.COMPLETED, "completed", 100)
            self.send(field_end(self.next_ms(), EventKind.COMPLETE))
        else:
            self.change(ScanStatus.FAILED, "failed", error="broke for good")
            self.send(field_end(self.next_ms(), EventKind.FAILED, "broke for good"))

    def an_attempt_runs(self) -> None:
        if self.row.status is not ScanStatus.IN_PROGRESS:
            self.begun += 1
            self.row = replace(self.row, started_at=self.conversation.utc())

    def change(self, status: ScanStatus, job: str, percent: int | None = None, error: str | None = None) -> None:
        self.row = replace(
            self.row,
            status=status,
            job=Job(job, percent) if self.jobs else None,
            error=error or self.row.error,
            finished_at=self.conversation.utc() if status in TERMINAL else self.row.finished_at,
        )

    def next_ms(self) -> int:
        self.last_ms = max(self.last_ms + 1, round((self.now - 100.0) * 1000))
        return self.last_ms

    def send(self, event: Event) -> None:
        self.sent.append(event)
        self.on_the_way.append(event)

    def as_asked(self, action: Action) -> Any:
        return (action, self.row)

    def answer(self, request: Any, *, well: bool) -> None:
        action, row = request
        if not isinstance(action, Read) or action.scan_id != SCAN_ID:
            return
        if not well:
            self.session.read_failed(SCAN_ID, UNREACHABLE)
            return
        self.note_what_it_confirms(row)
        self.session.read(row)

    def note_what_it_confirms(self, row: ScanRecord) -> None:
        """Completed is the end; failed is it with a failed job, or without any when it stays so for 15 s."""
        if row.status is ScanStatus.COMPLETED or (row.job is not None and row.job.state == "failed"):
            self.confirmed = True
        elif row.status is ScanStatus.FAILED and row.job is None:
            self.failed_read_at = self.now if self.failed_read_at is None else self.failed_read_at
            self.confirmed = self.confirmed or self.now - self.failed_read_at >= 15.0 - 1e-6
        else:
            self.failed_read_at = None

    def may_have_ended(self) -> bool:
        return self.final and self.confirmed

    @invariant()
    def each_failure_was_one(self) -> None:
        if self.snapshot is not None:
            known = [event.error for event in self.sent if event.kind is EventKind.FAILED]
            noted = [failure.error for failure in self.snapshot.failures]
            assert noted == [error for error in known if error in noted], "each at most once, in their order"
            assert self.snapshot.attempt <= max(1, self.begun), "none is counted before it began"

    def teardown(self) -> None:
        """The network works again: reads are answered until the session is content."""
        if SCAN_ID not in self.session.scans:
            self.the_answer_names_the_scan()
        for _ in range(40):
            while self.asked:
                self.asked = [(action, self.row) for action, _ in self.asked]
                self.a_request_is_answered(0)
            self.time_passes(2.1)
        snapshot = self.conversation.snapshot
        if not self.final:
            assert not snapshot.terminal, "another attempt may follow"
            return
        assert snapshot.status is self.row.status
        assert snapshot.error == (None if self.completes else "broke for good")
        assert snapshot.attempt <= self.attempt
        assert self.completes or snapshot.failures[-1].error == "broke for good"
        self.all_is_done_only_with_the_confirmed_end()
        self.no_event_is_invented_and_none_is_there_twice()
