"""What is told of rows that have changed: just the fields that did, put together where they are alike.

@gxp-spec SPEC-001-004 "Live panel and its text forms"
@trace US-001-001
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from scanwatch.model import Phase, ScanStatus
from scanwatch.panel._rows import encode
from scanwatch.panel._told import ToldRows
from scanwatch.snapshot import Snapshot
from tests import strategies

from .told import Told

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOON_MS = 1772366400000


class Pair:
    """Rows as told, and a browser side that was told of them."""

    def __init__(self, *scans: Snapshot) -> None:
        self.rows = ToldRows()
        self.browser = Told({"ids": [scan.scan_id for scan in scans], "at": NOON_MS})
        self.tell(*scans)

    def tell(self, *scans: Snapshot) -> dict[str, dict[str, Any]]:
        """Tell of the scans; which fields changed, by id."""
        news = self.rows.take(scans, NOON_MS, 0.0)
        return self.browser.apply({"groups": news.groups(len(scans), NOON_MS), "at": NOON_MS})


def scan(number: int, **fields: Any) -> Snapshot:
    return Snapshot(scan_id=f"scan-{number}", **fields)


def test_what_changed_is_named_and_what_is_gone_is_null() -> None:
    before = scan(1, current_file="a.py", files_processed=1)
    pair = Pair(before)
    after = replace(before, current_file=None, files_processed=2)
    assert pair.tell(after) == {"scan-1": {"file": None, "done": 2}}


def test_a_new_snapshot_that_shows_the_same_is_no_news() -> None:
    before = scan(1, files_processed=1)
    pair = Pair(before)
    news = pair.rows.take([replace(before)], NOON_MS, 0.0)
    assert (news.count, news.groups(1, NOON_MS)) == (0, [])


def test_rows_that_only_go_on_and_those_that_change_otherwise_are_told_together() -> None:
    scans = [scan(number, status=ScanStatus.IN_PROGRESS, phase=Phase.PARSE, files_processed=1) for number in range(4)]
    pair = Pair(*scans)
    on = [replace(one, files_processed=number + 2) for number, one in enumerate(scans)]
    on[1] = replace(on[1], phase=Phase.VALIDATE)
    changed = pair.tell(*on)
    assert changed.pop("scan-1") == {"phase": "validate", "done": 3}
    assert changed == {f"scan-{number}": {"done": number + 2} for number in (0, 2, 3)}


def test_an_end_is_news_once() -> None:
    rows = ToldRows()
    running = scan(1, status=ScanStatus.IN_PROGRESS)
    assert not rows.take([running], NOON_MS, 0.0).ended
    ended = replace(running, status=ScanStatus.COMPLETED)
    assert rows.take([ended], NOON_MS, 0.0).ended
    assert not rows.take([replace(ended, error="said late")], NOON_MS, 0.0).ended


def test_an_arrival_is_kept_until_the_next_event_is_heard() -> None:
    """Where nobody knows how the clocks differ, silence is counted from the moment something new was told."""
    rows = ToldRows()
    hours_off = scan(1, seq=1, updated_at=NOON - timedelta(hours=2))
    rows.take([hours_off], NOON_MS, None)
    news = replace(hours_off, seq=2, updated_at=hours_off.updated_at + timedelta(seconds=1))  # type: ignore[operator]
    rows.take([news], NOON_MS + 1000, None)
    rows.take([replace(news, message="the same event, read again")], NOON_MS + 9000, None)
    [[_, columns]] = rows.everything({"scan-1": news}, NOON_MS + 9000)
    assert columns["heard"] == [8000]


@given(st.lists(st.tuples(strategies.snapshots(), strategies.snapshots()), min_size=1, max_size=4))
def test_what_is_told_makes_any_rows_into_any_others(pairs: list[tuple[Snapshot, Snapshot]]) -> None:
    before = [replace(first, scan_id=f"scan-{number}") for number, (first, _) in enumerate(pairs)]
    after = [replace(second, scan_id=f"scan-{number}") for number, (_, second) in enumerate(pairs)]
    pair = Pair(*before)
    pair.tell(*after)
    told = {scan_id: without_heard(row) for scan_id, row in pair.browser.rows.items()}
    assert told == {one.scan_id: encode(one) for one in after}


def without_heard(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "heard"}
