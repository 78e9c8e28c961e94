"""Jobs as the field's queues have them: what we write others read, and what others write is read with care.

@gxp-spec SPEC-003-006 "Shared queue and workers"
@trace US-003-003
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from scanwatch import wire
from scanwatch.errors import WireError
from scanwatch.model import Event, EventKind, Phase, ScanRequest, ScanResult

SCAN, REPOSITORY = "9cc8a5d2-3f0e-4a37-9b1c-5f1f6f0c2a11", "6f9f5a5e-54a2-4f0e-8d25-0b6a5a3f1c22"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("target", "owner", "repo"),
    [
        ("https://git.example.org/acme/payments.git", "acme", "payments"),
        ("sim://acme/payments?files=150", "acme", "payments"),
        ("payments", None, "payments"),
    ],
)
def test_the_data_of_a_job_has_every_key_the_field_reads(target: str, owner: str | None, repo: str) -> None:
    data = wire.encode_job(ScanRequest(SCAN, REPOSITORY, target))
    assert data == {"repositoryId": REPOSITORY, "scanId": SCAN, "owner": owner, "repo": repo}
    assert wire.decode_job(data, SCAN).scan_id == SCAN


def test_the_options_of_a_job_are_the_fields() -> None:
    options = wire.job_options(SCAN, attempts=3, backoff_s=5, runs=2)
    assert (options["jobId"], options["attempts"]) == (SCAN, 3)
    assert options["backoff"] == {"type": "exponential", "delay": 5000}
    assert (wire.backoff_of(options), wire.runs_before(options), wire.is_own_job(options)) == (5.0, 2, True)


@pytest.mark.parametrize(
    ("options", "backoff_s"),
    [({}, 0.0), ({"backoff": 2500}, 2.5), ({"backoff": {"type": "mine"}}, 0.0), ({"backoff": "soon"}, 0.0)],
)
def test_the_options_of_strangers_are_taken_as_far_as_they_make_sense(
    options: dict[str, Any], backoff_s: float
) -> None:
    assert (wire.backoff_of(options), wire.runs_before(options), wire.is_own_job(options)) == (backoff_s, 0, False)


def test_a_job_without_a_scan_id_is_the_scan_of_its_own_id() -> None:
    assert wire.decode_job({"owner": "acme", "repo": "payments"}, SCAN).scan_id == SCAN


@pytest.mark.parametrize("data", [None, 7, {"scanId": 7}, {"scanId": "1"}, {"repositoryId": "1"}])
def test_what_is_no_job_of_a_scan_is_refused(data: object) -> None:
    with pytest.raises(WireError):
        wire.decode_job(data, SCAN if isinstance(data, dict) and "repositoryId" in data else "1")


@pytest.mark.parametrize("part", ["..", ".", "a/b", "a b", "", "a\nb", "x" * 201, "{0}"])
def test_no_part_of_a_target_can_lead_elsewhere(part: str) -> None:
    with pytest.raises(WireError, match="no name of an owner or repository"):
        wire.decode_job({"scanId": SCAN, "owner": part, "repo": "payments"}, SCAN)


@pytest.mark.parametrize(
    ("said", "percent", "step", "phase", "message"),
    [
        (30, 30, "in progress", None, None),
        (12.7, 12, "in progress", None, None),
        ({"progress": 55, "status": "Scanning source"}, 55, "Scanning source", None, None),
        ({"progress": 40, "phase": "parse", "message": "half"}, 40, None, Phase.PARSE, "half"),
        ({"progress": 40, "phase": "warp", "extra": 1}, 40, "warp", None, None),
    ],
)
def test_a_foreign_workers_report_becomes_an_event(
    said: object, percent: int, step: str | None, phase: Phase | None, message: str | None
) -> None:
    event = wire.decode_job_progress(SCAN, said, NOW)
    assert (event.kind, event.time) == (EventKind.PROGRESS, NOW)
    assert (event.progress_percent, event.step, event.phase, event.message) == (percent, step, phase, message)


@pytest.mark.parametrize("said", [None, True, "30", -1, 101, {}, {"progress": "30"}, [30]])
def test_a_report_that_says_no_percent_is_refused(said: object) -> None:
    with pytest.raises(WireError):
        wire.decode_job_progress(SCAN, said, NOW)


@pytest.mark.parametrize(
    ("returned", "result"),
    [
        ({"artifactsCreated": 4, "durationMs": 80, "secret": 1}, ScanResult(SCAN, duration_s=0.08, artifacts=4)),
        ({"artifactsCreated": "four", "durationMs": 80}, ScanResult(SCAN, duration_s=0.08)),
        ({}, ScanResult(SCAN)),
        (None, None),
        ("done", None),
    ],
)
def test_what_a_foreign_job_returned_is_a_result_as_far_as_it_is_one(
    returned: object, result: ScanResult | None
) -> None:
    end = wire.decode_job_result(SCAN, returned, NOW)
    assert (end.kind, end.result) == (EventKind.COMPLETE, result)


def test_a_completed_job_returns_what_gateways_in_the_field_send() -> None:
    end = Event(SCAN, EventKind.COMPLETE, NOW, result=ScanResult(SCAN, duration_s=1.5, artifacts=4))
    returned = wire.encode_job_result(end)
    assert returned == {"scanId": SCAN, "status": "completed", "artifactsCreated": 4, "durationMs": 1500}
    assert wire.decode_job_result(SCAN, returned, NOW).result == end.result
