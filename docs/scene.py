"""What the pictures of the documentation show: scans in every state at one fixed moment. Runs in a kernel."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from scanwatch.model import WORK_PHASES, ConnectionState, EventKind, FailureCode, Phase, ScanResult, Turn
from scanwatch.panel import Panel
from tests.panel.staged import StagedFeed

MOMENT = datetime(2026, 3, 2, 14, 3, 20, tzinfo=UTC)


class Scene(StagedFeed):
    """A feed that stands still at :data:`MOMENT`."""

    def __init__(self) -> None:
        super().__init__(now=lambda: MOMENT)

    def begin(self, target: str, *, ago_s: float) -> str:
        """A scan that was asked for so long ago."""
        return self.add(f"sim://{target}", ago_s=ago_s, scan_id=f"{len(self.snapshots()) + 1:08x}-7c15-4a0e-9b1d-scene")

    def work(self, scan_id: str, until: Phase, *done: int, spent_s: Sequence[float], last_s: float, **now: Any) -> None:
        """Go through the phases, each entered so many seconds ago, up to ``done`` of so many files ``last_s`` ago."""
        phases = WORK_PHASES[: WORK_PHASES.index(until) + 1]
        for phase, ago_s in zip(phases, spent_s, strict=True):
            self.progress(scan_id, phase, ago_s=ago_s)
        self.progress(scan_id, until, *done, ago_s=last_s, **now)


def scene() -> Scene:
    """The scans, oldest first as they began."""
    feed = Scene()
    one = feed.begin("trials/randomisation-service", ago_s=312)
    feed.work(one, Phase.PERSIST, 204, 204, spent_s=(310, 302, 280, 236, 196), last_s=190, artifacts_found=318)
    feed.happen(one, EventKind.COMPLETE, ago_s=188, result=ScanResult(one, artifacts=318, findings=2, files=204))
    two = feed.begin("acme/etmf-archive", ago_s=284)
    feed.work(two, Phase.PARSE, 57, 212, spent_s=(280, 268, 240), last_s=205, artifacts_found=63)
    feed.fail(two, "front matter is not closed (.gxp/specs/SPEC-021-004.md, line 3)", ago_s=204)
    three = feed.begin("acme/lims-connector", ago_s=240)
    feed.work(three, Phase.FETCH, 40, 96, spent_s=(236, 228), last_s=180)
    feed.fail(three, "cancelled on request", code=FailureCode.CANCELLED, ago_s=172)
    four = feed.begin("infusion/pump-firmware", ago_s=176)
    feed.work(four, Phase.FETCH, 31, 126, spent_s=(170, 160), last_s=94, current_file="firmware/motor/step_driver.c")
    five = feed.begin("biostat/adam-derivations", ago_s=168)
    feed.work(
        five,
        Phase.VALIDATE,
        870,
        1204,
        spent_s=(166, 160, 130, 60),
        last_s=1,
        artifacts_found=1240,
        current_file="derivations/adsl/treatment_periods/visit_windows.sas",
    )
    _retried(feed)
    seven = feed.begin("acme/payments", ago_s=66)
    feed.work(
        seven,
        Phase.PARSE,
        96,
        240,
        spent_s=(64, 60, 40),
        last_s=0.4,
        artifacts_found=41,
        current_file=".gxp/requirements/REQ-014.md",
    )
    eight = feed.begin("validation-platform/regulatory-exchange-middleware", ago_s=38)
    feed.work(eight, Phase.FETCH, 88, 150, spent_s=(36, 30), last_s=3, current_file="src/exchange/hl7/segments.py")
    nine = feed.begin("acme/clinical-data-pipeline", ago_s=12)
    feed.progress(nine, Phase.QUEUED, ago_s=12)
    feed.slots = 5
    feed.connect(ConnectionState.LIVE)
    return feed


def _retried(feed: Scene) -> None:
    six = feed.begin("acme/dose-calculator", ago_s=150)
    feed.work(six, Phase.PARSE, 102, 240, spent_s=(148, 142, 120), last_s=90)
    feed.happen(six, turn=Turn.RETRYING, attempt=2, phase=Phase.QUEUED, error="the parser ran out of memory", ago_s=88)
    feed.work(
        six,
        Phase.PARSE,
        160,
        240,
        spent_s=(80, 74, 50),
        last_s=2,
        attempt=2,
        artifacts_found=87,
        current_file="src/rounding/half_even.py",
    )


class Client:
    """Stands in for a client in the cells of the pictures."""

    def __init__(self) -> None:
        self.feed = scene()
        self.panels: list[Panel] = []

    def watch(self, **options: Any) -> Panel:
        panel = Panel(self.feed, **options)
        panel._outbox._wall = MOMENT.timestamp
        self.panels.append(panel)
        return panel

    def stand_still(self) -> None:
        """Tell something, so that the browser's clock is at the moment again."""
        state = self.feed.connection()
        self.feed.connect(state.state, "" if state.reason is None else None)


def one_scan() -> Client:
    """A client with the scan of the card alone."""
    client = Client()
    [shown] = [scan.scan_id for scan in client.feed.snapshots() if scan.target == "sim://acme/dose-calculator"]
    for scan in client.feed.snapshots():
        if scan.scan_id != shown:
            client.feed.remove(scan.scan_id)
    return client
