"""How a repository's scans went over time: when, how long in which phase, how they failed, what was covered.

@gxp-spec SPEC-002-001 "Tables"
@trace US-002-001
@test-type OQ
@gxp-risk MEDIUM
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

import scanwatch
from scanwatch.model import Artifact, Event, EventKind, Evidence, FailureCode, Phase, ScanRecord, ScanStatus, Turn
from scanwatch.tables import ScanHistory, trend_table
from scanwatch.testing import ScriptedGateway, run_gateway

START = datetime(2026, 3, 1, tzinfo=UTC)
TARGET = "https://github.com/acme/payments"
RECORD = (
    Artifact("REQ-001", "requirement"),
    Artifact("US-001", "user_story", parent_id="REQ-001"),
    Artifact("SPEC-001", "spec", parent_id="US-001"),
    Artifact("EV-1", "evidence_jws", parent_id="SPEC-001"),
    Artifact("SPEC-002", "spec", parent_id="US-001"),
    Artifact("SPEC-003", "spec", parent_id="US-404"),
    Artifact("SPEC-004", "spec"),
)
EVIDENCE = (Evidence("EV-1", "evidence_jws", "f", "SPEC-001", "OQ", signature="verified"),)


def event(second: float, phase: Phase, **rest: object) -> Event:
    return Event("s1", EventKind.PROGRESS, START + timedelta(seconds=second), phase=phase, **rest)  # type: ignore[arg-type]


def retried() -> ScanHistory:
    """Two attempts at fetching, of 2 and 3 seconds, ten seconds apart."""
    events = [
        event(0, Phase.FETCH, attempt=1),
        event(2, Phase.QUEUED, turn=Turn.RETRYING, attempt=2, error="x", code=FailureCode.INTERNAL),
        event(12, Phase.FETCH, attempt=2),
        event(15, Phase.PARSE, attempt=2),
        Event("s1", EventKind.COMPLETE, START + timedelta(seconds=19)),
    ]
    record = ScanRecord("s1", "r", ScanStatus.COMPLETED, START, attempt=2, duration_s=19.0, commit="c0ffee")
    return ScanHistory(record, events, RECORD, EVIDENCE)


def test_a_phase_takes_what_all_its_attempts_took_and_waiting_is_in_none() -> None:
    row = trend_table([retried()]).loc["s1"]
    assert row[["fetch", "parse"]].tolist() == [timedelta(seconds=5), timedelta(seconds=4)]
    assert row[["discovery", "validate", "persist"]].isna().all()
    assert (row["attempts"], row["duration"], row["commit"]) == (2, timedelta(seconds=19), "c0ffee")


def test_shares_are_of_all_specs_those_without_a_requirement_included() -> None:
    row = trend_table([retried()]).loc["s1"]
    assert row[["designed", "verified"]].tolist() == [0.5, 0.25]


def test_the_oldest_scan_comes_first_and_one_that_failed_says_how() -> None:
    failed = ScanRecord("s0", "r", ScanStatus.FAILED, START - timedelta(days=1), code=FailureCode.TIMEOUT, error="late")
    table = trend_table([retried(), ScanHistory(failed)])
    assert table.index.tolist() == ["s0", "s1"]
    assert table["error_class"].fillna("").tolist() == ["timeout", ""]
    assert table.loc["s0", ["designed", "verified", "duration"]].isna().all()


def test_an_empty_trend_has_the_types_of_a_full_one() -> None:
    assert trend_table([]).dtypes.to_dict() == trend_table([retried()]).dtypes.to_dict()
    assert trend_table([]).index.name == "scan_id"


def test_clocks_that_go_backwards_take_no_time_away() -> None:
    history = ScanHistory(retried().record, [event(5, Phase.FETCH), event(3, Phase.PARSE), event(4, Phase.PERSIST)])
    assert trend_table([history]).loc["s1", "fetch"] == timedelta(0)


def test_a_gateway_that_keeps_no_lists_still_shows_how_scans_went() -> None:
    with ScriptedGateway() as gateway, scanwatch.connect(gateway.url) as client:
        scan = client.scan(TARGET).wait(timeout=30)
        table = client.trend(TARGET)
        assert table.index.tolist() == [scan.id]
        assert table.loc[scan.id, "status"] == "completed"
        assert table["designed"].isna().all()


def test_a_limit_that_is_no_number_of_scans_is_refused() -> None:
    with run_gateway() as gateway, scanwatch.connect(gateway.url) as client:
        for limit in (0, -1, "ten", 2.5):
            with pytest.raises(scanwatch.UsageError, match=f"limit is {limit!r}"):
                client.trend("acme/payments", limit=limit)  # type: ignore[arg-type]
        assert client.trend("acme/payments", limit=1).empty
