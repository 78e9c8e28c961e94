"""Snapshots as rows: only what is known, never 100 percent before the end.

@gxp-spec SPEC-001-004 "Live panel and its text forms"
@trace US-001-001
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

from scanwatch.model import AttemptFailure, Phase, PhaseSpan, ScanResult, ScanStatus
from scanwatch.panel._rows import encode
from scanwatch.snapshot import Snapshot

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_a_row_of_a_scan_nobody_knows_much_about_is_short() -> None:
    row = encode(Snapshot(scan_id="0123456789ab"))
    assert row == {"name": "scan 01234567", "status": "pending", "attempt": 1}


def test_a_row_is_json_with_times_in_milliseconds() -> None:
    snapshot = Snapshot(
        scan_id="one",
        target="sim://acme/payments?files=3",
        status=ScanStatus.IN_PROGRESS,
        phase=Phase.PARSE,
        started_at=NOON,
        spans=(PhaseSpan(1, Phase.PARSE, NOON),),
        failures=(AttemptFailure(1, "out of memory", NOON, Phase.FETCH),),
    )
    row = json.loads(json.dumps(encode(snapshot)))
    assert row["name"] == "acme/payments"
    assert row["spans"] == [[1, "parse", 1772366400000, None]]
    assert row["failures"] == [[1, "fetch", "out of memory", 1772366400000]]


def test_100_percent_is_kept_for_the_confirmed_end() -> None:
    settling = Snapshot(scan_id="one", status=ScanStatus.IN_PROGRESS, progress_percent=100, settling=True)
    assert encode(settling)["percent"] == 99
    assert encode(replace(settling, status=ScanStatus.COMPLETED, settling=False))["percent"] == 100


def test_the_result_counts_rather_than_what_was_found_on_the_way() -> None:
    snapshot = Snapshot(
        scan_id="one",
        status=ScanStatus.COMPLETED,
        artifacts_found=40,
        result=ScanResult("one", artifacts=41, findings=0),
    )
    row = encode(snapshot)
    assert (row["artifacts"], row["findings"]) == (41, 0)
