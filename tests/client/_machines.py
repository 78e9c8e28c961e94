"""A session against a model of a gateway and of the network between them, one step after the other."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from scanwatch.client._actions import Action, FetchEvents, ListScans, Read, Subscribe
from scanwatch.client._pace import FLOWING_EVERY_S, HURRY_S, SILENT_EVERY_S
from scanwatch.errors import GatewayUnreachable
from scanwatch.model import TERMINAL, Event, EventKind, Job, ScanRecord, ScanStatus
from scanwatch.snapshot import Snapshot, apply_all, to_record
from tests.client._conversation import Conversation, record
from tests.events import field, field_end
from tests.strategies import SCAN_ID, histories

UNREACHABLE = GatewayUnreachable("nothing answers")
OTHER_ID = "11111111-c415-4eef-b3cc-841fd3bac1df"
PAGE_EVENTS = 3
TICK_S = 0.1
SLACK_S = TICK_S + 1e-6

waits = st.sampled_from([0.1, 0.3, 0.6, 1.0, 2.1, 5.0, 16.0, 70.0])
indices = st.integers(0, 30)


class Machine(RuleBasedStateMachine):
    """What both dialects have in common: time, the connection, what is on its way, and what must hold after each step.

    ``sent`` is every event the gateway ever sent; ``on_the_way`` those that may still arrive; ``asked`` the requests
    that are not yet answered.
    """

    steps: ClassVar[int] = 0

    def __init__(self) -> None:
        super().__init__()
        self.conversation = Conversation()
        self.session = self.conversation.session
        self.sent: list[Event] = []
        self.on_the_way: list[Event] = []
        self.asked: list[Any] = []
        self.read_at: list[float] = []
        self.hurried_at: list[float] = []
        self.last_event_at = float("-inf")
        self.ended_as: ScanStatus | None = None

    @property
    def now(self) -> float:
        return self.conversation.now

    @property
    def snapshot(self) -> Snapshot | None:
        watched = self.session.scans.get(SCAN_ID)
        return None if watched is None else watched.snapshot

    def history(self) -> list[Event]:
        return self.session.scans[SCAN_ID].events if SCAN_ID in self.session.scans else []

    def hear(self, event: Event) -> None:
        self.session.heard(event)
        if event.scan_id == SCAN_ID and SCAN_ID in self.session.scans:
            self.last_event_at = self.now
            if event.terminal:
                self.hurried_at.append(self.now)
        self.collect()

    def collect(self) -> None:
        """Note what the session wants, and hold its reads to their pace."""
        for kind in (Subscribe, FetchEvents, Read, ListScans):
            for action in self.conversation.take(kind):
                if isinstance(action, Read) and action.scan_id == SCAN_ID:
                    self.check_pace()
                self.asked.append(self.as_asked(action))

    def as_asked(self, action: Action) -> Any:
        """A request with what its answer will be made of: it may be answered late, with what was true when it came."""
        return action

    def check_pace(self) -> None:
        """Two a second for two seconds after it happened; else one in two seconds, fifteen while events flow."""
        before, self.read_at = self.read_at, [*self.read_at, self.now]
        if not before:
            return
        pause = self.now - before[-1]
        hurried = max(self.hurried_at)
        assert pause >= 0.5 - 1e-6, "two a second at most"
        if before[-1] <= hurried or self.now <= hurried + HURRY_S + SLACK_S:
            return  # the first after something happened, or within its two seconds
        assert pause >= SILENT_EVERY_S - 1e-6
        if self.now < self.last_event_at + FLOWING_EVERY_S:
            assert pause >= FLOWING_EVERY_S - 1e-6, "events flow"

    # -- steps ---------------------------------------------------------------------------------------------------

    @rule(seconds=waits)
    def time_passes(self, seconds: float) -> None:
        for _ in range(round(seconds / TICK_S)):
            self.conversation.now += TICK_S
            self.session.tick()
            self.collect()

    @rule(index=indices)
    @precondition(lambda self: self.on_the_way)
    def an_event_arrives(self, index: int) -> None:
        """Any of those on their way: they may overtake each other."""
        self.hear(self.on_the_way.pop(index % len(self.on_the_way)))

    @rule()
    @precondition(lambda self: self.on_the_way)
    def the_oldest_event_arrives(self) -> None:
        self.hear(self.on_the_way.pop(0))

    @rule(index=indices)
    @precondition(lambda self: self.on_the_way)
    def an_event_is_lost(self, index: int) -> None:
        self.on_the_way.pop(index % len(self.on_the_way))

    @rule(index=indices)
    @precondition(lambda self: self.sent)
    def an_event_arrives_again(self, index: int) -> None:
        self.hear(self.sent[index % len(self.sent)])

    @rule()
    @precondition(lambda self: self.sent)
    def an_event_of_another_scan_arrives(self) -> None:
        self.hear(replace(self.sent[-1], scan_id=OTHER_ID))

    @rule()
    def nonsense_arrives(self) -> None:
        before = self.session.connection.not_understood
        self.session.nonsense_heard()
        assert self.session.connection.not_understood == before + 1

    @rule(keeps=st.booleans())
    def the_connection_breaks_and_is_made_again(self, keeps: bool) -> None:
        """What was on its way is lost with it, or comes late all the same."""
        self.session.left("cut")
        self.collect()
        if not keeps:
            self.on_the_way.clear()
        self.join()

    def join(self) -> None:
        self.session.joined()
        self.hurried_at.append(self.now)
        self.collect()

    @rule(number=st.integers(1, 9))
    def the_gateway_moves(self, number: int) -> None:
        before = self.snapshot
        self.session.moved(f"http://gateway-{number}/")
        assert self.session.connection.gateway == f"http://gateway-{number}/"
        assert self.snapshot is before

    @rule(index=indices)
    @precondition(lambda self: self.asked)
    def a_request_is_answered(self, index: int) -> None:
        self.answer(self.asked.pop(index % len(self.asked)), well=True)
        self.collect()

    @rule(index=indices)
    @precondition(lambda self: self.asked)
    def a_request_fails(self, index: int) -> None:
        self.answer(self.asked.pop(index % len(self.asked)), well=False)
        self.collect()

    def answer(self, request: Any, *, well: bool) -> None:
        raise NotImplementedError

    # -- what must hold after each of them -----------------------------------------------------------------------

    @invariant()
    def no_event_is_invented_and_none_is_there_twice(self) -> None:
        type(self).steps += 1
        history = self.history()
        assert all(event in self.sent for event in history)
        assert len(history) == len({id_of(event) for event in history})
        assert history == sorted(history, key=lambda event: event.time)
        announced = [event.time for event in self.conversation.heard]
        assert announced == sorted(set(announced))
        assert all(event in self.sent for event in self.conversation.heard)

    @invariant()
    def all_is_done_only_with_the_confirmed_end(self) -> None:
        snapshot = self.snapshot
        if snapshot is None:
            return
        assert (snapshot.progress_percent == 100) is (snapshot.status is ScanStatus.COMPLETED)
        if snapshot.terminal:
            assert self.may_have_ended(), "nothing has confirmed an end"

    def may_have_ended(self) -> bool:
        raise NotImplementedError

    @invariant()
    def an_end_stays_as_it_is(self) -> None:
        snapshot = self.snapshot
        if snapshot is None:
            return
        if self.ended_as is not None:
            assert snapshot.status is self.ended_as
        if snapshot.terminal:
            self.ended_as = snapshot.status


def id_of(event: Event) -> tuple[object, ...]:
    return (event.seq, event.time, event.kind, event.progress_percent, event.step)


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
