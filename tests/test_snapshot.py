"""A snapshot is what its events say: in order, once, and nothing after the end.

@gxp-spec SPEC-001-001 "Snapshot and apply"
@trace US-001-002
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanwatch.model import (
    TERMINAL,
    Event,
    EventKind,
    FailureCode,
    Job,
    Phase,
    ScanRecord,
    ScanResult,
    ScanStatus,
    Turn,
)
from scanwatch.snapshot import (
    PHASE_RANGES,
    Snapshot,
    apply,
    apply_all,
    confirm,
    eta_s,
    missing_before,
    percent_done,
    phase_at,
    phase_share,
    suspect,
    to_record,
)
from tests.events import field, ours
from tests.strategies import SCAN_ID, START, histories

EMPTY = Snapshot(SCAN_ID)


@given(histories(), st.data())
def test_duplicates_change_nothing(history: list[Event], data: st.DataObject) -> None:
    repeated = []
    for index, event in enumerate(history):
        repeated += [event, history[data.draw(st.integers(0, index))]]
    assert apply_all(EMPTY, repeated) == apply_all(EMPTY, history)


@given(histories())
def test_every_prefix_counts_its_events_and_ends_only_at_the_end(history: list[Event]) -> None:
    snapshot = EMPTY
    for event in history:
        snapshot = apply(snapshot, event)
        assert snapshot.seq == event.seq
        assert snapshot.terminal == event.terminal
        assert (snapshot.progress_percent == 100) == (event.kind is EventKind.COMPLETE)


@given(histories(), histories())
def test_nothing_follows_the_end(history: list[Event], later: list[Event]) -> None:
    ended = apply_all(EMPTY, history)
    if ended.terminal:
        after = [replace(event, seq=(event.seq or 0) + 1000) for event in later]
        assert apply_all(ended, after) is ended


@given(histories())
def test_spans_are_closed_in_order_and_attempts_are_counted(history: list[Event]) -> None:
    snapshot = apply_all(EMPTY, history)
    for before, after in zip(snapshot.spans, snapshot.spans[1:], strict=False):
        assert before.ended_at is not None
        assert before.ended_at <= after.started_at
    assert len(snapshot.failures) == snapshot.attempt - 1 + (snapshot.status is ScanStatus.FAILED)
    if snapshot.terminal and snapshot.spans:
        assert snapshot.spans[-1].ended_at is not None


def test_an_older_event_does_not_move_a_scan_back() -> None:
    snapshot = apply_all(EMPTY, [ours(1), ours(2, Phase.PARSE)])
    assert apply(snapshot, ours(1)) is snapshot


def test_another_scans_event_changes_nothing() -> None:
    assert apply(EMPTY, replace(ours(1), scan_id="another")) is EMPTY


def test_a_jump_in_seq_names_what_is_missing_unless_the_event_stands_for_it() -> None:
    snapshot = apply(EMPTY, ours(1))
    assert missing_before(snapshot, ours(2)) is None
    assert missing_before(snapshot, ours(5)) == (2, 4)
    assert missing_before(snapshot, ours(5, merged_from=2)) is None
    assert missing_before(snapshot, ours(5, merged_from=4)) == (2, 3)


def test_a_retry_keeps_the_failure_and_may_move_progress_back() -> None:
    retry = ours(3, Phase.QUEUED, turn=Turn.RETRYING, attempt=2, error="API limit", code=FailureCode.RATE_LIMITED)
    snapshot = apply_all(EMPTY, [ours(1), ours(2, Phase.PARSE, 5), retry, ours(4, Phase.DISCOVERY, attempt=2)])
    assert snapshot.attempt == 2
    assert snapshot.progress_percent == 5
    (failure,) = snapshot.failures
    assert (failure.attempt, failure.phase, failure.error) == (1, Phase.PARSE, "API limit")
    assert failure.code is FailureCode.RATE_LIMITED


def test_cancelling_shows_until_the_end_confirms_it() -> None:
    asked = ours(2, turn=Turn.CANCELLING, message="Cancel asked by ada")
    snapshot = apply_all(EMPTY, [ours(1), asked])
    assert snapshot.status is ScanStatus.CANCELLING
    snapshot = apply(snapshot, ours(3, done=4))
    assert snapshot.status is ScanStatus.CANCELLING
    assert snapshot.cancel_asked_at == asked.time
    end = Event(SCAN_ID, EventKind.FAILED, START + timedelta(seconds=9), 4, error="by ada", code=FailureCode.CANCELLED)
    snapshot = apply(snapshot, end)
    assert snapshot.status is ScanStatus.CANCELLED
    assert snapshot.failures == ()


def test_a_completed_scan_has_no_error_left_over() -> None:
    retry = ours(2, Phase.QUEUED, turn=Turn.RETRYING, attempt=2, error="API limit")
    end = Event(SCAN_ID, EventKind.COMPLETE, START + timedelta(seconds=9), 3, result=ScanResult(SCAN_ID, 3.0, 8))
    snapshot = apply_all(EMPTY, [ours(1), retry, end])
    assert (snapshot.status, snapshot.error, snapshot.progress_percent) == (ScanStatus.COMPLETED, None, 100)
    assert to_record(snapshot).artifacts == 8


def test_a_field_failure_is_not_final_and_the_retry_counts() -> None:
    snapshot = apply_all(EMPTY, [field(0, 5, "queued"), field(9, 10, "Discovering files")])
    snapshot = apply(snapshot, field(12, 0, "", EventKind.FAILED, error="Server Error", progress_percent=None))
    assert (snapshot.status, snapshot.settling, snapshot.attempt) == (ScanStatus.IN_PROGRESS, True, 1)
    snapshot = apply(snapshot, field(5012, 5, "queued"))
    assert (snapshot.settling, snapshot.attempt) == (False, 2)
    assert [failure.error for failure in snapshot.failures] == ["Server Error"]


def test_a_row_read_while_the_events_run_ahead_of_it_counts_no_further_attempt() -> None:
    events = [field(1, 5, "queued"), field(6, 0, "", EventKind.FAILED, error="Server Error"), field(5000, 5, "queued")]
    running = apply_all(apply_all(EMPTY, events), [field(5100, 0, "", EventKind.COMPLETE)])
    row = ScanRecord(SCAN_ID, "r", ScanStatus.IN_PROGRESS, START, started_at=events[2].time)
    assert confirm(running, row).attempt == 2


def test_events_that_come_after_the_row_that_told_of_their_failure_begin_no_attempt() -> None:
    failed = field(6, 0, "", EventKind.FAILED, error="Server Error")
    row = ScanRecord(SCAN_ID, "r", ScanStatus.FAILED, START, error="Server Error", finished_at=failed.time)
    told = suspect(EMPTY, row)
    late = apply_all(told, [field(1, 5, "queued"), field(6, 10, "Discovering files"), failed])
    assert (late.attempt, late.settling, len(late.failures)) == (1, True, 1)
    assert apply(late, field(5000, 5, "queued")).attempt == 2


def test_a_field_completion_stays_below_100_until_a_read_confirms_it() -> None:
    end = field(900, 0, "", EventKind.COMPLETE, progress_percent=None, result=ScanResult(SCAN_ID, 0.2, 8))
    snapshot = apply_all(EMPTY, [field(0, 95, "Completing scan"), end])
    assert (snapshot.progress_percent, snapshot.terminal) == (95, False)
    record = ScanRecord(SCAN_ID, "r", ScanStatus.COMPLETED, START, error="left over", finished_at=end.time)
    snapshot = confirm(snapshot, record)
    assert (snapshot.progress_percent, snapshot.status, snapshot.error) == (100, ScanStatus.COMPLETED, None)


def test_a_late_field_duplicate_does_not_move_progress_back() -> None:
    early, late = field(0, 30, "Fetching 8 changed files"), field(40, 60, "Validating artifacts")
    snapshot = apply_all(EMPTY, [early, late])
    assert apply(snapshot, early) is snapshot
    assert apply(snapshot, late) is snapshot


def test_two_field_events_of_one_millisecond_both_count() -> None:
    snapshot = apply_all(EMPTY, [field(0, 80, "Updating file checksums"), field(0, 85, "Building traceability graph")])
    assert snapshot.progress_percent == 85


@pytest.mark.parametrize(
    ("percent", "phase"),
    [
        (0, Phase.QUEUED),
        (4, Phase.QUEUED),
        (5, Phase.DISCOVERY),
        (30, Phase.PARSE),
        (55, Phase.PARSE),
        (95, Phase.PERSIST),
    ],
)
def test_a_field_percent_finds_its_phase(percent: int, phase: Phase) -> None:
    assert phase_at(percent) is phase


def test_a_read_of_a_running_scan_fills_in_what_no_event_said() -> None:
    record = ScanRecord(SCAN_ID, "r", ScanStatus.IN_PROGRESS, START, job=Job("active", 50), started_at=START)
    snapshot = confirm(EMPTY, record)
    assert (snapshot.status, snapshot.phase, snapshot.progress_percent) == (ScanStatus.IN_PROGRESS, Phase.PARSE, 50)


@pytest.mark.parametrize("status", sorted(TERMINAL))
def test_a_read_of_an_ended_scan_ends_it_for_good(status: ScanStatus) -> None:
    record = ScanRecord(SCAN_ID, "r", status, START, error="why", finished_at=START)
    ended = confirm(EMPTY, record)
    assert ended.status is status
    assert confirm(ended, replace(record, status=ScanStatus.IN_PROGRESS)) is ended
    assert apply(ended, ours(1)) is ended


def test_a_negative_duration_is_never_shown() -> None:
    record = ScanRecord(
        SCAN_ID, "r", ScanStatus.FAILED, START, started_at=START, finished_at=START - timedelta(hours=1)
    )
    assert confirm(EMPTY, record).duration_s == 0


def test_percent_is_work_done_inside_the_phases_range() -> None:
    assert percent_done(Phase.FETCH, 0, 10) == 10
    assert percent_done(Phase.FETCH, 5, 10) == 20
    assert percent_done(Phase.FETCH, 50, 10) == 30
    assert percent_done(Phase.PARSE, 0, 0) == 60
    assert percent_done(Phase.PARSE, 5, None) is None
    assert percent_done(Phase.PERSIST, 7, 7) == 99


def test_the_ranges_of_the_phases_meet() -> None:
    ends = [end for _, end in PHASE_RANGES.values()]
    starts = [start for start, _ in PHASE_RANGES.values()]
    assert starts == [0, *ends[:-1]]


def test_a_share_comes_from_files_or_else_from_the_percent() -> None:
    assert phase_share(apply(EMPTY, ours(1, done=3))) == pytest.approx(0.3)
    assert phase_share(apply(EMPTY, field(0, 20, "Detecting file changes"))) == pytest.approx(0.5)
    assert phase_share(EMPTY) is None


def test_an_estimate_needs_two_samples_and_follows_the_whole_attempt() -> None:
    first = apply(EMPTY, ours(1, Phase.DISCOVERY, 0))
    assert eta_s(first, START + timedelta(seconds=1)) is None
    second = apply(first, ours(6, Phase.PARSE, 10))
    assert second.progress_percent == 60
    now = START + timedelta(seconds=6)
    assert eta_s(second, now) == pytest.approx(5 * (99 - 60) / (60 - 5))
    assert eta_s(second, now + timedelta(hours=1)) == 0


def test_there_is_no_estimate_for_what_waits_or_has_ended() -> None:
    retry = ours(3, Phase.QUEUED, turn=Turn.RETRYING, attempt=2, error="API limit", progress_percent=None)
    waiting = apply_all(EMPTY, [ours(1, Phase.DISCOVERY), ours(2, Phase.PARSE), retry])
    assert eta_s(waiting, START + timedelta(seconds=4)) is None
    end = Event(SCAN_ID, EventKind.COMPLETE, START + timedelta(seconds=9), 4)
    assert eta_s(apply(waiting, end), START + timedelta(seconds=9)) is None
