"""A history, a coverage and a trend to draw."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pandas as pd

from scanwatch.model import Artifact, Event, EventKind, Evidence, FailureCode, Phase, ScanRecord, ScanStatus, Turn
from scanwatch.tables import ScanHistory, coverage_table, events_table, trend_table

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ARTIFACTS = (
    Artifact("REQ-001", "requirement", "Pay", risk="LOW"),
    Artifact("US-001", "user_story", parent_id="REQ-001"),
    Artifact("SPEC-001", "spec", tier="OQ", parent_id="US-001"),
    Artifact("SPEC-002", "spec", tier="OQ", parent_id="US-001"),
    Artifact("EV-1", "evidence_jws", parent_id="SPEC-001"),
    Artifact("REQ-002", "requirement", "Sign", risk="HIGH"),
)
EVIDENCE = (Evidence("EV-1", "evidence_jws", "ev.jws", "SPEC-001", "OQ", signature="verified"),)


def history(*, retried: bool = False, after_s: float = 0, name: str = "sim://acme/payments") -> pd.DataFrame:
    """The events of a scan: queued 1 s, discovery 2, fetch 4 (once more after a failure), parse 6, then the end."""
    fetches = (
        [(Phase.FETCH, 4.0, 1)]
        if not retried
        else [(Phase.FETCH, 4.0, 1), (Phase.QUEUED, 3.0, 2), (Phase.FETCH, 4.0, 2)]
    )
    last = 2 if retried else 1
    steps = [(Phase.QUEUED, 1.0, 1), (Phase.DISCOVERY, 2.0, 1), *fetches, (Phase.PARSE, 6.0, last)]
    time, events = START + timedelta(seconds=after_s), []
    for phase, lasts_s, attempt in steps:
        turn = Turn.RETRYING if phase is Phase.QUEUED and attempt > 1 else None
        code = FailureCode.INTERNAL if turn else None
        events.append(Event("s1", EventKind.PROGRESS, time, phase=phase, attempt=attempt, turn=turn, code=code))
        time += timedelta(seconds=lasts_s)
    events.append(Event("s1", EventKind.COMPLETE, time, attempt=last))
    table = events_table(events)
    table.attrs = {"scan": "9cc8aa11-0000", "target": name}
    return table


def covered() -> pd.DataFrame:
    return coverage_table(ARTIFACTS, EVIDENCE, by="requirement")


def over_time() -> pd.DataFrame:
    """Three scans a week apart; the middle one failed."""
    statuses = [ScanStatus.COMPLETED, ScanStatus.FAILED, ScanStatus.COMPLETED]
    records = [ScanRecord(f"s{n}", "r", status, START + timedelta(weeks=n)) for n, status in enumerate(statuses)]
    found = [(ARTIFACTS, ()), ((), ()), (ARTIFACTS, EVIDENCE)]
    return trend_table(ScanHistory(record, (), *what) for record, what in zip(records, found, strict=True))
