"""A session with a gateway that says no hello orders by time, believes records, and shows every event once.

@gxp-spec SPEC-001-003 "Client session and connection"
@trace US-001-002
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from scanwatch.client import _unwatched
from scanwatch.client._actions import Read
from scanwatch.model import ConnectionState, EventKind, Phase, ScanStatus
from tests.client._conversation import Conversation, in_the_field, record
from tests.events import field, field_end
from tests.strategies import SCAN_ID, START

OTHER_ID = "11111111-c415-4eef-b3cc-841fd3bac1df"


def test_events_before_the_answer_that_names_the_scan_are_kept_for_it() -> None:
    conversation = Conversation()
    conversation.session.joined()
    conversation.hear(field(0, 5, "queued"), field(4, 10, "Discovering files"))
    conversation.session.watch(SCAN_ID)
    assert conversation.snapshot.progress_percent == 10
    assert [event.progress_percent for event in conversation.heard] == [5, 10]


def test_events_of_foreign_scans_are_kept_within_bounds() -> None:
    conversation = Conversation()
    for number in range(_unwatched.SCANS + 50):
        conversation.hear(replace(field(0, 5, "queued"), scan_id=str(number)))
    for ms in range(_unwatched.EVENTS + 50):
        conversation.hear(replace(field(ms, 5, "queued"), scan_id="last"))
    assert len(conversation.session._unwatched._events) <= _unwatched.SCANS
    assert len(conversation.session.watch("last").events) == _unwatched.EVENTS
    assert conversation.session.watch("0").events == []


def test_foreign_events_do_not_touch_a_watched_scan() -> None:
    conversation = in_the_field()
    conversation.hear(field(0, 10, "Discovering files"))
    before = conversation.snapshot
    conversation.hear(replace(field(5, 50, "Parsing artifacts"), scan_id=OTHER_ID))
    assert conversation.snapshot is before


def test_a_late_event_of_the_field_is_kept_in_its_place_and_does_not_move_the_picture() -> None:
    conversation = in_the_field()
    conversation.hear(field(0, 5, "queued"), field(20, 50, "Parsing artifacts"), field(10, 10, "Discovering files"))
    conversation.hear(field(20, 50, "Parsing artifacts"))
    assert conversation.snapshot.progress_percent == 50
    assert [event.progress_percent for event in conversation.session.scans[SCAN_ID].events] == [5, 10, 50]
    assert [event.progress_percent for event in conversation.heard] == [5, 50]


def test_a_completed_scan_of_the_field_is_completed_once_a_read_says_so() -> None:
    conversation = in_the_field()
    conversation.hear(field(0, 95, "Completing scan"), field_end(10, EventKind.COMPLETE))
    assert not conversation.snapshot.terminal
    assert conversation.pass_time(0.5, Read)
    conversation.session.read(record(ScanStatus.COMPLETED, job="completed", error="of an attempt before"))
    assert (conversation.snapshot.status, conversation.snapshot.error) == (ScanStatus.COMPLETED, None)


@pytest.mark.parametrize("state", ["delayed", "waiting", "active"])
def test_a_failed_row_is_not_final_while_its_job_may_be_retried(state: str) -> None:
    conversation = in_the_field()
    conversation.hear(field(0, 10, "Discovering files"), field_end(20, EventKind.FAILED, "Server Error"))
    for _ in range(40):
        conversation.now += 1.0
        conversation.session.read(record(ScanStatus.FAILED, job=state, error="Server Error"))
    assert not conversation.snapshot.terminal


def test_a_failed_row_is_final_when_its_job_failed() -> None:
    conversation = in_the_field()
    conversation.session.read(record(ScanStatus.FAILED, job="failed", error="No .gxp directory found"))
    assert (conversation.snapshot.status, conversation.snapshot.error) == (ScanStatus.FAILED, "No .gxp directory found")


def test_a_failed_row_without_a_job_is_final_after_fifteen_seconds() -> None:
    conversation = in_the_field()
    conversation.session.read(record(ScanStatus.FAILED, error="it broke"))
    conversation.now += 14.9
    conversation.session.read(record(ScanStatus.FAILED, error="it broke"))
    assert not conversation.snapshot.terminal
    conversation.now += 0.1
    conversation.session.read(record(ScanStatus.FAILED, error="it broke"))
    assert conversation.snapshot.status is ScanStatus.FAILED


def test_failing_twice_then_completing_keeps_the_error_of_each_attempt() -> None:
    conversation = in_the_field()
    for attempt in (0, 1):
        conversation.hear(
            field(attempt * 1000, 5, "queued"),
            field(attempt * 1000 + 10, 10, "Discovering files"),
            field_end(attempt * 1000 + 20, EventKind.FAILED, f"error {attempt + 1}"),
        )
        conversation.session.read(record(ScanStatus.FAILED, job="delayed", error=f"error {attempt + 1}"))
    conversation.hear(field(2000, 5, "queued"), field_end(2100, EventKind.COMPLETE))
    conversation.session.read(record(ScanStatus.COMPLETED, job="completed", error="error 2"))
    snapshot = conversation.snapshot
    assert (snapshot.status, snapshot.attempt, snapshot.error) == (ScanStatus.COMPLETED, 3, None)
    assert [failure.error for failure in snapshot.failures] == ["error 1", "error 2"]


def test_without_any_event_reads_alone_lead_to_the_end() -> None:
    conversation = in_the_field()
    conversation.session.read(record(ScanStatus.IN_PROGRESS, job="active", percent=30))
    assert (conversation.snapshot.phase, conversation.snapshot.progress_percent) == (Phase.PARSE, 30)
    conversation.session.read(record(ScanStatus.COMPLETED))
    assert conversation.snapshot.status is ScanStatus.COMPLETED
    assert conversation.session.connection.state is ConnectionState.POLLING
    assert conversation.heard == []


def test_an_end_event_that_comes_after_the_read_completes_the_history() -> None:
    conversation = in_the_field()
    conversation.hear(field(0, 95, "Completing scan"))
    conversation.session.read(record(ScanStatus.COMPLETED, finished_at=START + timedelta(milliseconds=30)))
    conversation.hear(field_end(40, EventKind.COMPLETE), field(50, 10, "Discovering files"))
    assert [event.kind for event in conversation.heard] == [EventKind.PROGRESS, EventKind.COMPLETE]
