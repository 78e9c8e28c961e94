"""Every recording of a gateway in the field, played again over real sockets, ends in the truth that was recorded.

@gxp-spec SPEC-001-003 "Client session and connection"
@trace US-001-002
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

import scanwatch
from scanwatch import Scan, ScanStatus
from scanwatch.client._recording import Playback, read_recording
from scanwatch.model import Event
from scanwatch.testing import ScriptedGateway
from scanwatch.wire import RecordedEvent
from tests.client.test_live import TIMEOUT_S, until

RECORDINGS = Path(__file__).parent / "recordings"
SPEED = 25.0


@dataclass(frozen=True)
class Truth:
    """What the last read of a scan said; ``job`` is the state of its job, which may be retried."""

    scan: str
    status: str
    job: str | None = None
    error: str | None = None
    attempts: int = 1

    @property
    def final(self) -> bool:
        return self.job != "delayed"


NO_GXP = "No .gxp directory found - repository is not ROSIE-compliant"
NO_CONTEXT = "Missing system_context.md"
TRUTHS = {
    "retries--success": [Truth("9cc8ac9e", "completed", "completed")],
    "retries--success-slow-github": [Truth("b957526d", "completed", "completed")],
    "retries--prepare": [Truth("e785572d", "completed", "completed")],
    "retries--fail-once-then-succeed": [
        Truth("6c4bed17", "failed", "delayed", NO_CONTEXT, attempts=2),
        Truth("efc26d56", "completed", "completed", "Server Error", attempts=2),
    ],
    "retries--no-gxp-all-attempts-fail": [Truth("28cf7c5e", "failed", "failed", NO_GXP, attempts=3)],
    "retries--broken-link-error-masked-by-retry": [Truth("a682109b", "failed", "failed", NO_CONTEXT, attempts=3)],
    "retries--prepare-limited": [Truth("f3b12657", "completed", "completed")],
    "retries--github-403-rate-limit": [Truth("a9f9fc70", "failed", "delayed", "API rate limit exceeded")],
    "retries--large-repository": [Truth("492076ff", "completed", "completed")],
    "retries--duplicate-tag": [Truth("e6dc674d", "failed", "delayed", "ON CONFLICT DO UPDATE")],
    "no-queue--success": [Truth("58269580", "completed")],
    "no-queue--no-gxp": [Truth("fd43cba9", "failed", None, NO_GXP)],
    "no-queue--rescan-unchanged": [Truth("166cb59b", "failed", None, NO_CONTEXT)],
    "no-queue--one-file-fetch-fails": [Truth("2ae7dfa8", "completed")],
    "no-queue--rescan-after-github-recovered": [Truth("96e061e4", "completed")],
}


def test_every_recording_has_its_truth() -> None:
    assert {path.stem for path in RECORDINGS.glob("*.jsonl")} == set(TRUTHS)


@pytest.mark.parametrize("name", sorted(TRUTHS))
def test_a_recording_ends_in_the_recorded_truth(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # Seconds are recorded at full length; without a queue a failure settles by the real clock, here a faster one.
    monkeypatch.setattr("scanwatch.client._watched.SETTLED_AFTER_S", 0.3)
    play(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["no-queue--no-gxp", "retries--fail-once-then-succeed"])
def test_a_recording_ends_in_its_truth_at_its_own_pace_too(name: str) -> None:
    play(name, speed=1.0)


def play(name: str, speed: float = SPEED) -> None:
    with (
        ScriptedGateway(RECORDINGS / f"{name}.jsonl", speed=speed) as gateway,
        scanwatch.connect(gateway.url) as client,
    ):
        for target, truth in zip(gateway.targets, TRUTHS[name], strict=True):
            scan = client.scan(target)
            check(scan, truth)
            assert client._core.session.scans[scan.id].events == recorded_events(name, scan.id)


def recorded_events(name: str, scan_id: str) -> list[Event]:
    """What was heard of a scan; events of one millisecond keep the order in which they came."""
    lines = read_recording(RECORDINGS / f"{name}.jsonl")
    events = [event for line in lines if isinstance(line, RecordedEvent) for event in Playback().take(line)]
    return sorted((event for event in events if event.scan_id == scan_id), key=lambda event: event.time)


def check(scan: Scan, truth: Truth) -> None:
    assert scan.id.startswith(truth.scan)
    if not truth.final:
        until(lambda: len(scan.snapshot.failures) == truth.attempts and scan.snapshot.settling)
        scan.refresh()
        assert not scan.done(), "another attempt is due"
        assert str(scan.error).startswith(str(truth.error))
        return
    scan.wait(2 * TIMEOUT_S)
    assert scan.status == truth.status
    assert scan.attempt == truth.attempts
    assert scan.progress_percent == (100 if scan.status is ScanStatus.COMPLETED else scan.progress_percent)
    if scan.status is ScanStatus.COMPLETED:
        assert scan.error is None, "an old error in a completed row is not this scan's"
    else:
        assert scan.progress_percent != 100
        assert scan.error == truth.error
