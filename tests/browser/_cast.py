"""Scans in every state a row can show, for pictures and for checks that must hold in all of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from scanwatch.model import Phase, Turn
from tests.panel.staged import StagedFeed

WORKER_LOST = "worker ran out of memory (exit 137)"
NOT_CLOSED = "front matter is not closed (.gxp/specs/SPEC-021-004.md, line 3)"


def gallery() -> StagedFeed:
    """One scan for each state, the target's name says which."""
    feed = StagedFeed()
    for act in (
        _cancelled,
        _failed,
        _completed_again,
        _completed,
        _cancelling,
        _retried,
        _between,
        _stalled,
        _quiet,
        _settling,
        _validating,
        _parsing,
        _fetching,
        _discovering,
        _queued,
        _unknown,
    ):
        act(feed)
    return feed


def _unknown(feed: StagedFeed) -> None:
    feed.add("sim://acme/unknown", ago_s=None)


def _queued(feed: StagedFeed) -> None:
    scan = feed.add("sim://acme/clinical-data-pipeline", ago_s=41)
    feed.happen(scan, ago_s=41, phase=Phase.QUEUED, progress_percent=0)


def _discovering(feed: StagedFeed) -> None:
    scan = feed.add("sim://acme/payments")
    feed.progress(scan, Phase.DISCOVERY, 1872, current_file="src/ledger/settlement/batch_window.py", ago_s=6)
    feed.progress(scan, Phase.DISCOVERY, 1872, current_file="src/ledger/settlement/batch_window.py")


def _fetching(feed: StagedFeed) -> None:
    scan = feed.add("sim://biostat/adam-derivations")
    feed.progress(scan, Phase.DISCOVERY, 0, 1204, ago_s=52)
    feed.progress(scan, Phase.FETCH, 318, 1204, current_file="programs/adlb/derive_baseline_visits.sas", ago_s=1)


def _parsing(feed: StagedFeed) -> None:
    scan = feed.add("sim://acme/dose-calculator")
    feed.progress(scan, Phase.DISCOVERY, 0, 240, ago_s=39)
    feed.progress(scan, Phase.FETCH, 0, 240, ago_s=37)
    feed.progress(scan, Phase.PARSE, 96, 240, artifacts_found=41, current_file=".gxp/specs/SPEC-014-003.md")


def _validating(feed: StagedFeed) -> None:
    scan = feed.add("sim://validation-platform/regulated-document-exchange-middleware")
    feed.progress(scan, Phase.DISCOVERY, 0, 150, ago_s=249)
    path = "packages/backend/src/modules/traceability/graph/graph.builder.ts"
    feed.progress(scan, Phase.VALIDATE, 132, 150, artifacts_found=286, current_file=path, ago_s=2)


def _settling(feed: StagedFeed) -> None:
    scan = feed.add("sim://acme/settling")
    feed.progress(scan, Phase.DISCOVERY, 0, 412, ago_s=96)
    feed.progress(scan, Phase.PERSIST, 412, 412, artifacts_found=412, ago_s=3)
    feed.settle(scan)


def _quiet(feed: StagedFeed) -> None:
    scan = feed.add("sim://acme/quiet")
    feed.progress(scan, Phase.DISCOVERY, 0, 240, ago_s=31)
    feed.progress(scan, Phase.FETCH, 62, 240, current_file=".gxp/specs/SPEC-014-003.md", ago_s=12)


def _stalled(feed: StagedFeed) -> None:
    scan = feed.add("sim://infusion/pump-firmware")
    feed.progress(scan, Phase.DISCOVERY, 0, 126, ago_s=200)
    feed.progress(scan, Phase.FETCH, 44, 126, current_file="vendor/freertos/portable/GCC/ARM_CM4F/port.c", ago_s=48)


def _between(feed: StagedFeed) -> None:
    scan = feed.add("sim://acme/between")
    _fail_first_attempt(feed, scan, ago_s=1)


def _retried(feed: StagedFeed) -> None:
    scan = feed.add("sim://acme/retried")
    _fail_first_attempt(feed, scan, ago_s=44)
    feed.progress(scan, Phase.DISCOVERY, 240, 240, attempt=2, ago_s=39)
    feed.progress(scan, Phase.FETCH, 120, 240, attempt=2, ago_s=37)
    feed.progress(scan, Phase.PARSE, 96, 240, attempt=2, artifacts_found=41, current_file="docs/a.md")


def _fail_first_attempt(feed: StagedFeed, scan: str, ago_s: float) -> None:
    feed.progress(scan, Phase.DISCOVERY, 240, 240, attempt=1, ago_s=ago_s + 58)
    feed.progress(scan, Phase.FETCH, 120, 240, attempt=1, ago_s=ago_s + 55)
    feed.progress(scan, Phase.PARSE, 57, 240, attempt=1, artifacts_found=26, ago_s=ago_s + 22)
    later = {"attempt": 2, "max_attempts": 3, "retry_at": datetime.now(UTC) + timedelta(seconds=5 - ago_s)}
    feed.happen(scan, turn=Turn.RETRYING, phase=Phase.QUEUED, error=WORKER_LOST, ago_s=ago_s, **later)


def _cancelling(feed: StagedFeed) -> None:
    scan = feed.add("sim://acme/lims-connector")
    feed.progress(scan, Phase.DISCOVERY, 0, 412, ago_s=178)
    feed.progress(scan, Phase.PERSIST, 310, 412, artifacts_found=412, ago_s=4)
    feed.happen(scan, turn=Turn.CANCELLING, ago_s=3)


def _completed(feed: StagedFeed) -> None:
    scan = feed.add("sim://trials/randomisation-service")
    feed.progress(scan, Phase.DISCOVERY, 0, 1204, ago_s=188)
    feed.progress(scan, Phase.PERSIST, 1204, 1204, ago_s=3)
    feed.complete(scan, artifacts=412, findings=3, files=1204, commit="9f3ab12c4d")


def _completed_again(feed: StagedFeed) -> None:
    scan = feed.add("sim://acme/second-time")
    _fail_first_attempt(feed, scan, ago_s=44)
    feed.progress(scan, Phase.DISCOVERY, 240, 240, attempt=2, ago_s=39)
    feed.complete(scan, artifacts=412, findings=0, files=240)


def _failed(feed: StagedFeed) -> None:
    scan = feed.add("sim://acme/etmf-archive")
    feed.progress(scan, Phase.DISCOVERY, 0, 212, ago_s=72)
    feed.progress(scan, Phase.PARSE, 57, 212, artifacts_found=88, ago_s=4)
    feed.fail(scan, NOT_CLOSED)


def _cancelled(feed: StagedFeed) -> None:
    scan = feed.add("sim://quality/audit-trail-viewer")
    feed.progress(scan, Phase.DISCOVERY, 0, 364, ago_s=35)
    feed.progress(scan, Phase.FETCH, 90, 364, ago_s=4)
    feed.confirm_cancel(scan)


def three() -> StagedFeed:
    """Three scans at work."""
    feed = StagedFeed("sim://acme/payments", "sim://acme/ledger", "sim://trials/randomisation-service")
    for scan in feed.snapshots():
        feed.progress(scan.scan_id, Phase.PARSE, 96, 240)
    return feed
