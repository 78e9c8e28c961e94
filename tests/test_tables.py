"""Tables have the declared columns and types, whatever the records hold.

@gxp-spec SPEC-002-001 "Tables"
@trace US-002-001
@test-type OQ
@gxp-risk MEDIUM
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from scanwatch.model import (
    Annotation,
    Artifact,
    Event,
    EventKind,
    Evidence,
    FailureCode,
    Finding,
    Phase,
    Repository,
    ScanRecord,
    ScanStatus,
    Turn,
)
from scanwatch.snapshot import Snapshot, apply
from scanwatch.tables import (
    annotations_table,
    artifacts_table,
    events_table,
    evidence_table,
    findings_table,
    repositories_table,
    scans_table,
)

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SCANS = (
    "target repository status phase progress_percent attempt requested_by created_at started_at finished_at "
    "duration artifacts findings error retry_of"
)
EVENTS = (
    "seq time kind phase status progress_percent attempt message files_processed total_files current_file "
    "artifacts_found"
)
ARTIFACTS = "artifact_id kind title risk tier status parent_id file line"
ANNOTATIONS = "file line artifact_id tag dialect test_type risk traces resolved"
EVIDENCE = (
    "evidence_id kind spec_id tier user_story signature signer algorithm time commit state_hash state_hash_form passed "
    "failed skipped intact file"
)
FINDINGS = "rule level artifact_id file line message remedy suppressed"


BUILDERS = [
    evidence_table,
    scans_table,
    events_table,
    artifacts_table,
    findings_table,
    annotations_table,
    repositories_table,
]
PROVEN = Evidence("EV-SPEC-1", "evidence_jws", "a.jws", "SPEC-1", "OQ", signer="ada", time=START, passed=3)
TAGGED = Annotation("a.py", 7, "SPEC-1", "gxp-spec", "draft-03", "OQ", "HIGH", ("US-1", "US-2"), True)


def progress(seq: int, phase: Phase = Phase.FETCH, **rest: object) -> Event:
    return Event("s1", EventKind.PROGRESS, START + timedelta(seconds=seq), seq=seq, phase=phase, **rest)  # type: ignore[arg-type]


def retried_scan() -> list[Event]:
    return [
        progress(1, Phase.QUEUED, progress_percent=0, attempt=1),
        progress(2, Phase.DISCOVERY, progress_percent=5, attempt=1),
        progress(3, Phase.QUEUED, turn=Turn.RETRYING, attempt=2, error="no disk", code=FailureCode.INTERNAL),
        progress(4, Phase.FETCH, progress_percent=20, attempt=2, files_processed=10, total_files=20),
        Event("s1", EventKind.COMPLETE, START + timedelta(seconds=5), seq=5),
    ]


def cancelled_scan() -> list[Event]:
    return [
        progress(1, Phase.QUEUED),
        progress(2, Phase.FETCH),
        progress(3, Phase.FETCH, turn=Turn.CANCELLING),
        progress(4, Phase.PARSE),
        Event("s1", EventKind.FAILED, START + timedelta(seconds=5), seq=5, code=FailureCode.CANCELLED, error="stop"),
    ]


def cancelled_in_the_queue() -> list[Event]:
    return [
        progress(1, Phase.QUEUED),
        progress(2, Phase.QUEUED, turn=Turn.CANCELLING),
        Event("s1", EventKind.FAILED, START + timedelta(seconds=5), seq=3, code=FailureCode.CANCELLED, error="stop"),
    ]


def failed_scan() -> list[Event]:
    return [progress(1), Event("s1", EventKind.FAILED, START, seq=2, code=FailureCode.INVALID, error="no .gxp")]


@pytest.mark.parametrize(
    ("table", "columns", "index"),
    [
        (scans_table([]), SCANS, "scan_id"),
        (events_table([]), EVENTS, None),
        (artifacts_table([]), ARTIFACTS, None),
        (findings_table([]), FINDINGS, None),
        (annotations_table([]), ANNOTATIONS, None),
        (evidence_table([]), EVIDENCE, None),
    ],
    ids=["scans", "events", "artifacts", "findings", "annotations", "evidence"],
)
def test_an_empty_table_has_exactly_the_promised_columns(table: pd.DataFrame, columns: str, index: str | None) -> None:
    assert list(table.columns) == columns.split()
    assert table.index.name == index
    assert len(table) == 0


def test_an_empty_table_has_the_types_of_a_full_one() -> None:
    pairs = [
        (scans_table([]), scans_table([ScanRecord("s1", "r1", ScanStatus.COMPLETED, START, duration_s=2.5)])),
        (events_table([]), events_table(retried_scan())),
        (artifacts_table([]), artifacts_table([Artifact("REQ-001", "requirement", line=3)])),
        (findings_table([]), findings_table([Finding("links", "error", "no such parent", line=3)])),
        (annotations_table([]), annotations_table([TAGGED])),
        (evidence_table([]), evidence_table([PROVEN])),
        (repositories_table([]), repositories_table([Repository("r1", "acme/a", "sim://acme/a", START, START)])),
    ]
    for empty, full in pairs:
        assert empty.dtypes.to_dict() == full.dtypes.to_dict()
        assert empty.index.dtype == full.index.dtype


def test_a_table_of_unknowns_has_the_types_of_a_full_one() -> None:
    unknown = events_table([Event("s1", EventKind.PROGRESS, START)])
    assert unknown.dtypes.to_dict() == events_table(retried_scan()).dtypes.to_dict()
    assert unknown.loc[0, ["seq", "phase", "message", "total_files"]].isna().all()


def test_timestamps_are_aware_of_utc_and_durations_are_timedeltas() -> None:
    precise = START.replace(microsecond=123_457)
    table = scans_table([ScanRecord("s1", "r1", ScanStatus.COMPLETED, precise, duration_s=98.125)])
    assert str(table["created_at"].dtype) == "datetime64[us, UTC]"
    assert table.loc["s1", "created_at"] == pd.Timestamp(precise)
    assert table.loc["s1", "duration"] == timedelta(seconds=98.125)
    assert pd.isna(table.loc["s1", "started_at"])


def test_an_annotation_names_what_it_traces_to_in_one_cell() -> None:
    table = annotations_table([TAGGED, Annotation("b.py", 1, "SPEC-2", "gxp-spec", "unheard-of")])
    assert table["traces"][0] == "US-1, US-2"
    assert table["traces"][1] is pd.NA
    assert list(table["dialect"]) == ["draft-03", "unheard-of"]
    assert list(table["resolved"]) == [True, False]


def test_counts_keep_not_known_apart_from_zero() -> None:
    counts = events_table([progress(1, files_processed=0), progress(2)])["files_processed"]
    assert str(counts.dtype) == "Int64"
    assert counts[0] == 0
    assert counts[1] is pd.NA


def test_closed_sets_of_words_are_ordered_categories() -> None:
    findings = findings_table([Finding("a", "info", "x"), Finding("b", "error", "y"), Finding("c", "warning", "z")])
    assert list(findings.loc[findings["level"] >= "warning", "rule"]) == ["b", "c"]
    events = events_table(retried_scan())
    assert (events["phase"] < "fetch").sum() == 3
    assert list(events["status"].cat.categories) == [status.value for status in ScanStatus]


def test_a_word_nobody_foresaw_is_kept_as_a_further_category() -> None:
    kinds = artifacts_table([Artifact("A", "sop"), Artifact("B", "spec")])["kind"]
    assert list(kinds) == ["sop", "spec"]
    assert kinds.cat.categories[-1] == "sop"


@pytest.mark.parametrize("history", [retried_scan(), cancelled_scan(), cancelled_in_the_queue(), failed_scan()])
def test_the_status_after_each_event_is_what_apply_says(history: list[Event]) -> None:
    snapshot = Snapshot("s1")
    expected = []
    for event in history:
        snapshot = apply(snapshot, event)
        expected.append(snapshot.status)
    assert list(events_table(history)["status"]) == expected


def test_an_event_of_a_field_gateway_finds_its_phase_by_its_percent() -> None:
    event = Event("s1", EventKind.PROGRESS, START, progress_percent=50, step="Parsing artifacts")
    assert events_table([event]).loc[0, "phase"] == "parse"


def test_a_hundred_percent_comes_with_the_completed_row_and_no_other() -> None:
    completed = events_table(retried_scan()).iloc[-1]
    assert completed["progress_percent"] == 100
    assert pd.isna(completed["phase"])
    assert pd.isna(events_table(failed_scan()).iloc[-1]["progress_percent"])


def test_the_error_of_a_failed_attempt_is_its_message() -> None:
    assert events_table(retried_scan()).loc[2, "message"] == "no disk"


def test_a_completed_row_shows_no_error_an_earlier_attempt_left() -> None:
    table = scans_table([ScanRecord("s1", "r1", ScanStatus.COMPLETED, START, error="rate limited")])
    assert pd.isna(table.loc["s1", "error"])


def test_a_running_row_shows_no_end_an_earlier_attempt_left() -> None:
    row = ScanRecord("s1", "r1", ScanStatus.IN_PROGRESS, START, started_at=START, finished_at=START, duration_s=-3.0)
    assert scans_table([row]).loc["s1", ["finished_at", "duration"]].isna().all()


def test_a_duration_nobody_gave_is_counted_from_start_to_end() -> None:
    end = START + timedelta(minutes=2)
    row = ScanRecord("s1", "r1", ScanStatus.FAILED, START, started_at=START, finished_at=end)
    assert scans_table([row]).loc["s1", "duration"] == timedelta(minutes=2)


def test_a_scan_bears_its_repositorys_name_or_else_its_id() -> None:
    known = {"r1": Repository("r1", "acme/payments", "sim://acme/payments", START, START)}
    rows = [ScanRecord("s1", "r1", ScanStatus.QUEUED, START), ScanRecord("s2", "r2", ScanStatus.QUEUED, START)]
    table = scans_table(rows, known)
    assert list(table["repository"]) == ["acme/payments", "r2"]
    assert table.loc["s1", "target"] == "sim://acme/payments"
    assert pd.isna(table.loc["s2", "target"])


def test_repositories_are_indexed_by_their_ids() -> None:
    table = repositories_table([Repository("r1", "acme/a", "sim://acme/a", START, START, auto_scan=True)])
    assert table.index.name == "repository_id"
    assert table.loc["r1", "name"] == "acme/a"
    assert bool(table.loc["r1", "auto_scan"]) is True


@pytest.mark.parametrize("build", BUILDERS)
def test_every_column_is_explained_in_the_builders_docstring(build: object) -> None:
    table = build([])  # type: ignore[operator]
    for column in table.columns:
        assert f"``{column}``" in str(build.__doc__)
