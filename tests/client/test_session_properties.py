"""Whatever is dropped, doubled, delayed or out of order, a session ends with the gateway's truth and no invented event.

@gxp-spec SPEC-001-003 "Client session and connection"
@trace US-001-002
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from scanwatch.client._actions import FetchEvents, Read, Subscribe
from scanwatch.errors import GatewayUnreachable
from scanwatch.model import Event, EventKind, Job, ScanRecord, ScanStatus
from scanwatch.snapshot import Snapshot, apply_all, to_record
from tests.client._conversation import Conversation, field, field_end, record
from tests.strategies import SCAN_ID, histories

UNREACHABLE = GatewayUnreachable("nothing answers")
PAGE_EVENTS = 3
STEPS = ["deliver", "deliver", "deliver", "lose", "repeat", "cut", "answer", "fail", "wait"]


class UnreliableGateway:
    """A gateway of ours with one scan, over a network that does as it is told."""

    def __init__(self, history: Sequence[Event]) -> None:
        self.history = list(history)
        self.stored = 0
        self.conversation = Conversation()
        self.session = self.conversation.session
        self.session.watch(SCAN_ID)

    @property
    def known(self) -> list[Event]:
        return self.history[: self.stored]

    def store_next(self, *, deliver: bool) -> None:
        """The scan goes on; its event reaches the client, or is lost on the way."""
        if self.stored < len(self.history):
            self.stored += 1
            if deliver:
                self.conversation.hear(self.known[-1])

    def repeat(self, index: int) -> None:
        if self.stored:
            self.conversation.hear(self.known[index % self.stored])

    def reconnect(self) -> None:
        self.session.left("cut")
        self.session.joined()
        self.session.greeted()

    def answer(self, *, well: bool) -> bool:
        """Answer, or fail, everything that was asked; whether there was anything."""
        subscriptions = self.conversation.take(Subscribe)
        fetches = self.conversation.take(FetchEvents)
        reads = self.conversation.take(Read)
        for request in subscriptions:
            if well:
                after = request.after[SCAN_ID]
                picture = apply_all(Snapshot(SCAN_ID), self.known)
                self.session.acknowledged(request, [(picture, self.known[after : after + PAGE_EVENTS])])
            else:
                self.session.subscribe_failed(request)
        for fetch in fetches:
            page = self.known[fetch.after : fetch.after + PAGE_EVENTS]
            following = fetch.after + len(page) if fetch.after + len(page) < self.stored else None
            self.session.fetched(SCAN_ID, page, following) if well else self.session.fetch_failed(SCAN_ID, UNREACHABLE)
        for _ in reads:
            if well and self.stored:
                self.session.read(self.record())
            else:
                self.session.read_failed(SCAN_ID, UNREACHABLE)
        return bool(subscriptions or fetches or reads)

    def record(self) -> ScanRecord:
        return replace(to_record(apply_all(Snapshot(SCAN_ID), self.known)), job=Job("active"))

    def calm_down(self) -> None:
        """The network works again: everything is answered until nothing is asked any more."""
        while self.stored < len(self.history):
            self.store_next(deliver=False)
        self.reconnect()
        for _ in range(200):
            self.conversation.now += 1.0
            self.session.tick()
            if not self.answer(well=True) and self.session.scans[SCAN_ID].caught_up:
                return
        raise AssertionError("the session keeps asking")


@settings(max_examples=200, deadline=None)
@given(histories(), st.data())
def test_our_events_end_as_the_store_has_them(history: list[Event], data: st.DataObject) -> None:
    gateway = UnreliableGateway(history)
    gateway.reconnect()
    for _ in range(data.draw(st.integers(0, 40))):
        step = data.draw(
            st.sampled_from(["deliver", "deliver", "deliver", "lose", "repeat", "cut", "answer", "fail", "wait"])
        )
        if step == "deliver":
            gateway.store_next(deliver=True)
        elif step == "lose":
            gateway.store_next(deliver=False)
        elif step == "repeat":
            gateway.repeat(data.draw(st.integers(0, 100)))
        elif step == "cut":
            gateway.reconnect()
        elif step == "wait":
            gateway.conversation.now += data.draw(st.floats(0.1, 70))
            gateway.session.tick()
        else:
            gateway.answer(well=step == "answer")
        heard = gateway.conversation.heard
        assert heard == history[: len(heard)], "in order, once each, from the first"
    gateway.calm_down()
    assert gateway.conversation.snapshot == apply_all(Snapshot(SCAN_ID), history)
    assert gateway.conversation.heard == history
    assert gateway.session.scans[SCAN_ID].events == history


@st.composite
def field_runs(draw: st.DrawFn) -> tuple[list[Event], ScanRecord]:
    """What a gateway in the field sends of a scan with its retries, and its last record."""
    events: list[Event] = []
    attempts = draw(st.integers(1, 3))
    for attempt in range(attempts):
        for percent in sorted(draw(st.sets(st.sampled_from([5, 10, 20, 30, 50, 60, 70, 95]), min_size=1))):
            events.append(field(len(events) * 10, percent, f"step at {percent}"))
        if attempt < attempts - 1:
            events.append(field_end(len(events) * 10, EventKind.FAILED, f"attempt {attempt + 1} broke"))
    completed = draw(st.booleans())
    events.append(field_end(len(events) * 10, EventKind.COMPLETE if completed else EventKind.FAILED, "broke for good"))
    if not completed:
        return events, record(ScanStatus.FAILED, job="failed", error="broke for good")
    # As seen in the field: a completed row that still carries an old error, a start after the end.
    stale = "attempt 1 broke" if attempts > 1 else None
    return events, record(ScanStatus.COMPLETED, job="completed", error=stale, finished_at=events[-1].time)


@settings(max_examples=200, deadline=None)
@given(field_runs(), st.data())
def test_the_fields_events_end_as_the_last_read_says(run: tuple[list[Event], ScanRecord], data: st.DataObject) -> None:
    events, last_record = run
    received = data.draw(st.lists(st.sampled_from(events), max_size=2 * len(events)))
    conversation = Conversation()
    conversation.session.joined()
    known_from = data.draw(st.integers(0, len(received)))
    for index, event in enumerate(received):
        if index == known_from:
            conversation.session.watch(SCAN_ID)
        conversation.hear(event)
        if index >= known_from and data.draw(st.booleans()):
            conversation.session.read(record(ScanStatus.FAILED, job="delayed", error="attempt 1 broke"))
    watched = conversation.session.watch(SCAN_ID)
    assert not conversation.snapshot.terminal
    conversation.session.read(last_record)
    assert conversation.snapshot.status is last_record.status
    assert conversation.snapshot.error == (None if last_record.status is ScanStatus.COMPLETED else "broke for good")
    assert watched.events == [event for event in events if event in received], "all that came, in order, once"
    times = [event.time for event in conversation.heard]
    assert times == sorted(set(times))


def test_a_field_run_played_in_order_counts_its_attempts() -> None:
    events = [field(0, 5, "queued"), field_end(10, EventKind.FAILED, "one"), field(20, 5, "queued")]
    conversation = Conversation()
    conversation.session.joined()
    conversation.session.watch(SCAN_ID)
    conversation.hear(*events, events[1], replace(events[2], time=events[2].time + timedelta(milliseconds=5)))
    assert conversation.snapshot.attempt == 2
