"""What is encoded is decoded to the same record, and field payloads come back letter for letter.

@gxp-spec SPEC-001-002 "Wire protocol, both dialects"
@trace US-001-002
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanwatch import wire
from scanwatch.model import (
    Annotation,
    Artifact,
    Event,
    EventKind,
    Evidence,
    Finding,
    Phase,
    Repository,
    ScanRecord,
    ScanStatus,
)
from scanwatch.snapshot import Snapshot
from tests import strategies

ID = strategies.SCAN_ID


def through_json(value: Any) -> Any:
    return json.loads(json.dumps(value))


@given(strategies.events)
def test_an_event_survives_the_wire(event: Event) -> None:
    name, payload = wire.encode_event(event)
    assert wire.decode_event(name, through_json(payload)) == event


@given(strategies.events, st.none() | st.text(st.characters()))
def test_an_event_is_written_to_the_byte_as_the_socket_library_writes_it(event: Event, message: str | None) -> None:
    event = replace(event, message=message)
    theirs = json.dumps(list(wire.encode_event(event)), separators=(",", ":"))
    assert wire.encode_event_json(event).decode() == theirs


@given(strategies.events)
def test_an_event_survives_as_a_row_of_history(event: Event) -> None:
    assert wire.decode_envelope(through_json(wire.to_plain(wire.encode_envelope(event)))) == event


@given(strategies.snapshots())
def test_a_snapshot_survives_the_wire(snapshot: Snapshot) -> None:
    assert wire.decode_snapshot(through_json(wire.encode_snapshot(snapshot))) == snapshot


@given(strategies.scan_records)
def test_a_scan_survives_the_wire(record: ScanRecord) -> None:
    assert wire.decode_scan(through_json(wire.encode_scan(record))) == record


@given(strategies.repositories)
def test_a_repository_survives_the_wire(repository: Repository) -> None:
    assert wire.decode_repository(through_json(wire.encode_repository(repository))) == repository


def test_artifacts_and_findings_survive_the_wire() -> None:
    artifact = Artifact(
        *("REQ-001", "requirement", "Überwachung", "HIGH", None, "draft", None, ".gxp/a.md", 3),
        details={"acceptance_criteria": ("a", "b")},
    )
    finding = Finding("parent-missing", "error", "no such parent", "US-001", ".gxp/b.md", 7, "add it", True)
    assert wire.decode_artifact(through_json(wire.encode_artifact(artifact))) == artifact
    assert wire.decode_finding(through_json(wire.encode_finding(finding))) == finding


@given(strategies.annotations)
def test_an_annotation_survives_the_wire(annotation: Annotation) -> None:
    assert wire.decode_annotation(through_json(wire.encode_annotation(annotation))) == annotation


@given(strategies.evidence)
def test_evidence_survives_the_wire(evidence: Evidence) -> None:
    assert wire.decode_scan_evidence(through_json(wire.encode_scan_evidence(evidence))) == evidence


@given(strategies.histories(), st.integers(0, 5))
def test_a_page_of_history_survives_the_wire(history: list[Event], following: int) -> None:
    page = through_json(wire.encode_events_page(history, following or None))
    assert wire.decode_events_page(page) == (history, following or None)


@given(strategies.histories(), strategies.snapshots())
def test_an_acknowledgement_survives_the_wire(history: list[Event], snapshot: Snapshot) -> None:
    answer = {"ok": True, "more": False, "scans": [wire.encode_subscribed(snapshot, history)]}
    ack, scans = wire.decode_acknowledgement(through_json(answer))
    assert ack.ok
    assert scans == [(snapshot, history)]


@pytest.mark.parametrize(
    ("name", "payload"),
    [
        (
            "progress",
            {"progress": 30, "status": "Fetching 8 changed files", "message": "Phase: Fetching 8 changed files"},
        ),
        ("progress", {"progress": 5, "status": "queued"}),
        ("complete", {"result": {"scanId": ID, "status": "completed", "artifactsCreated": 8, "durationMs": 230}}),
        ("failed", {"error": "No .gxp directory found - repository is not ROSIE-compliant"}),
    ],
)
def test_a_field_event_comes_back_letter_for_letter(name: str, payload: dict[str, Any]) -> None:
    whole = {"scanId": ID, **payload, "timestamp": "2026-11-22T22:45:09.522Z"}
    event = wire.decode_event(f"scan:{ID}:{name}", whole)
    assert event.seq is None
    assert wire.encode_event(event) == (f"scan:{ID}:{name}", whole)


def test_a_field_scan_keeps_its_keys() -> None:
    """The keys of the reference's ``GET /scans/:id`` are all there, whatever we add behind."""
    expected = {
        *("id", "repositoryId", "status", "commitSha", "commitMessage", "startedAt", "completedAt", "durationMs"),
        *("artifactsFound", "artifactsCreated", "artifactsUpdated", "errorMessage", "errorStack", "metadata"),
        *("createdAt", "jobProgress"),
    }
    record = ScanRecord(ID, "r", ScanStatus.QUEUED, strategies.START)
    assert expected <= set(wire.encode_scan(record))


def test_an_unknown_percent_is_sent_as_the_start_of_its_phase_and_read_back_as_unknown() -> None:
    event = Event(ID, EventKind.PROGRESS, strategies.START, seq=2, phase=Phase.FETCH, files_processed=9)
    name, payload = wire.encode_event(event)
    assert payload["progress"] == 10
    assert wire.decode_event(name, payload).progress_percent is None
