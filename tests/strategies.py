"""Hypothesis strategies for the records of scanwatch, as the wire can carry them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from scanwatch.model import (
    EVIDENCE_SIGNATURES,
    WORK_PHASES,
    Annotation,
    AttemptFailure,
    Event,
    EventKind,
    Evidence,
    FailureCode,
    Phase,
    PhaseSpan,
    Repository,
    ScanRecord,
    ScanResult,
    ScanStatus,
    Turn,
)
from scanwatch.snapshot import Snapshot, percent_done

SCAN_ID = "9cc8ac9e-c415-4eef-b3cc-841fd3bac1df"
START = datetime(2026, 11, 22, 22, 45, 9, tzinfo=UTC)

texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)
counts = st.integers(0, 10**6)
moments = st.integers(0, 10**9).map(lambda ms: START + timedelta(milliseconds=ms))
maybe_moments = st.none() | moments
results = st.builds(
    ScanResult,
    scan_id=st.just(SCAN_ID),
    duration_s=st.none() | st.integers(0, 10**7).map(lambda ms: ms / 1000),
    artifacts=st.none() | counts,
    findings=st.none() | counts,
    files=st.none() | counts,
    commit=st.none() | texts,
    dialects=st.lists(texts, max_size=3).map(tuple),
)
annotations = st.builds(
    Annotation,
    file=texts,
    line=st.integers(1, 10**6),
    artifact_id=texts,
    tag=texts,
    dialect=texts,
    test_type=st.none() | texts,
    risk=st.none() | texts,
    traces=st.lists(texts, max_size=3).map(tuple),
    resolved=st.booleans(),
)
evidence = st.builds(
    Evidence,
    evidence_id=texts,
    kind=st.sampled_from(["evidence_jws", "evidence_package"]),
    file=texts,
    spec_id=st.none() | texts,
    signature=st.sampled_from(EVIDENCE_SIGNATURES),
    signer=st.none() | texts,
    time=maybe_moments,
    state_hash_form=st.none() | st.sampled_from(["rfc", "with-nul"]),
    passed=st.none() | counts,
    failed=st.none() | counts,
    intact=st.booleans(),
)


@st.composite
def progress_events(draw: st.DrawFn) -> Event:
    """A progress event as our worker makes them: the percent follows from the counts."""
    phase = draw(st.sampled_from(Phase))
    total = draw(st.none() | st.integers(0, 500))
    done = draw(st.integers(0, total)) if total is not None else draw(st.none() | counts)
    turn = draw(st.none() | st.sampled_from(Turn))
    return Event(
        scan_id=SCAN_ID,
        kind=EventKind.PROGRESS,
        time=draw(moments),
        seq=draw(st.integers(1, 10**6)),
        phase=phase,
        turn=turn,
        progress_percent=percent_done(phase, done, total),
        attempt=draw(st.integers(1, 9)),
        message=draw(st.none() | texts),
        files_processed=done,
        total_files=total,
        current_file=draw(st.none() | texts),
        artifacts_found=draw(st.none() | counts),
        error=draw(texts) if turn is Turn.RETRYING else None,
        code=draw(st.none() | st.sampled_from(FailureCode)) if turn is Turn.RETRYING else None,
    )


complete_events = st.builds(
    Event,
    scan_id=st.just(SCAN_ID),
    kind=st.just(EventKind.COMPLETE),
    time=moments,
    seq=st.integers(1, 10**6),
    attempt=st.integers(1, 9),
    message=st.none() | texts,
    result=st.none() | results,
)
failed_events = st.builds(
    Event,
    scan_id=st.just(SCAN_ID),
    kind=st.just(EventKind.FAILED),
    time=moments,
    seq=st.integers(1, 10**6),
    attempt=st.integers(1, 9),
    error=texts,
    code=st.none() | st.sampled_from(FailureCode),
)
events = progress_events() | complete_events | failed_events

scan_records = st.builds(
    ScanRecord,
    id=st.just(SCAN_ID),
    repository_id=st.none() | texts,
    status=st.sampled_from(ScanStatus),
    created_at=moments,
    target=st.none() | texts,
    started_at=maybe_moments,
    finished_at=maybe_moments,
    duration_s=st.none() | st.integers(0, 10**7).map(lambda ms: ms / 1000),
    commit=st.none() | texts,
    artifacts=counts,
    findings=st.none() | counts,
    error=st.none() | texts,
    code=st.none() | st.sampled_from(FailureCode),
    phase=st.none() | st.sampled_from(Phase),
    progress_percent=st.none() | st.integers(0, 100),
    attempt=st.none() | st.integers(1, 9),
    requested_by=st.none() | texts,
    retry_of=st.none() | texts,
    seq=st.none() | st.integers(1, 100),
)
repositories = st.builds(
    Repository,
    id=texts,
    name=texts,
    target=texts,
    created_at=moments,
    updated_at=moments,
    description=st.none() | texts,
    default_branch=texts,
    auto_scan=st.booleans(),
    scan_interval_minutes=st.none() | st.integers(5, 10_000),
    last_scan_id=st.none() | texts,
    last_scan_at=maybe_moments,
    last_scan_status=st.none() | st.sampled_from(ScanStatus),
)


@st.composite
def snapshots(draw: st.DrawFn) -> Snapshot:
    """Any snapshot a gateway may send, whether or not events can lead to it."""
    phase = draw(st.none() | st.sampled_from(Phase))
    failure = st.builds(
        AttemptFailure,
        attempt=st.integers(1, 9),
        error=texts,
        time=moments,
        phase=st.none() | st.sampled_from(Phase),
        code=st.none() | st.sampled_from(FailureCode),
    )
    span = st.builds(
        PhaseSpan,
        attempt=st.integers(1, 9),
        phase=st.sampled_from(WORK_PHASES),
        started_at=moments,
        ended_at=maybe_moments,
    )
    return Snapshot(
        scan_id=SCAN_ID,
        repository_id=draw(st.none() | texts),
        target=draw(st.none() | texts),
        status=draw(st.sampled_from(ScanStatus)),
        phase=phase,
        progress_percent=draw(st.none() | st.integers(0, 100)),
        attempt=draw(st.integers(1, 9)),
        seq=draw(st.integers(0, 10**6)),
        message=draw(st.none() | texts),
        files_processed=draw(st.none() | counts),
        total_files=draw(st.none() | counts),
        current_file=draw(st.none() | texts),
        artifacts_found=draw(st.none() | counts),
        error=draw(st.none() | texts),
        code=draw(st.none() | st.sampled_from(FailureCode)),
        result=draw(st.none() | results),
        failures=tuple(draw(st.lists(failure, max_size=3))),
        spans=tuple(draw(st.lists(span, max_size=4))),
        created_at=draw(maybe_moments),
        started_at=draw(maybe_moments),
        updated_at=draw(maybe_moments),
        finished_at=draw(maybe_moments),
        cancel_asked_at=draw(maybe_moments),
        requested_by=draw(st.none() | texts),
        retry_of=draw(st.none() | texts),
    )


@st.composite
def histories(draw: st.DrawFn) -> list[Event]:
    """A whole scan as a store would hold it: seq 1..n, times rising, attempts counted, an end or none."""
    events = [_at(1, Phase.QUEUED, 1)]
    attempts = draw(st.integers(1, 3))
    for attempt in range(1, attempts + 1):
        last = draw(st.integers(0, len(WORK_PHASES) - 1)) if attempt < attempts else len(WORK_PHASES) - 1
        for phase in WORK_PHASES[: last + 1]:
            total = draw(st.integers(1, 20))
            for done in sorted(draw(st.sets(st.integers(0, total), max_size=3))):
                events.append(_at(len(events) + 1, phase, attempt, done, total))
        if attempt < attempts:
            retry = _at(len(events) + 1, Phase.QUEUED, attempt + 1)
            events.append(replace(retry, turn=Turn.RETRYING, error=f"attempt {attempt} broke", max_attempts=attempts))
    end = draw(st.sampled_from(["complete", "failed", "cancelled", "none"]))
    seq, time = len(events) + 1, START + timedelta(seconds=len(events) + 1)
    if end == "complete":
        events.append(Event(SCAN_ID, EventKind.COMPLETE, time, seq, result=ScanResult(SCAN_ID, 1.0, 3)))
    elif end != "none":
        code = FailureCode.CANCELLED if end == "cancelled" else FailureCode.INTERNAL
        events.append(Event(SCAN_ID, EventKind.FAILED, time, seq, attempt=attempts, error="it broke", code=code))
    return events


def _at(seq: int, phase: Phase, attempt: int, done: int | None = None, total: int | None = None) -> Event:
    return Event(
        scan_id=SCAN_ID,
        kind=EventKind.PROGRESS,
        time=START + timedelta(seconds=seq),
        seq=seq,
        phase=phase,
        attempt=attempt,
        progress_percent=percent_done(phase, done, total),
        files_processed=done,
        total_files=total,
    )
