"""Followed scans are told as lines or as JSON: each event once, the end always.

@gxp-spec SPEC-001-006 "Command line"
@trace US-001-003
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import io
import json
import threading

import pytest
from rich.console import Console

from scanwatch.cli._follow import Json, Lines, follow
from scanwatch.errors import GatewayRefused
from scanwatch.model import ConnectionState, Phase, Turn
from tests.panel.staged import StagedFeed


def lines_of(feed: StagedFeed, lines: Lines, out: io.StringIO) -> list[str]:
    """What was told since the last call, without the times of day."""
    lines.tell(feed)
    told = [line.split("  ", 1)[1] for line in out.getvalue().splitlines()]
    out.seek(0)
    out.truncate()
    return told


def test_lines_tell_phases_attempts_and_ends_but_not_every_event() -> None:
    feed, out = StagedFeed("sim://acme/payments"), io.StringIO()
    (scan,) = (snapshot.scan_id for snapshot in feed.snapshots())
    lines = Lines(out, io.StringIO())
    for done in (1, 2, 3):
        feed.progress(scan, Phase.FETCH, done, 100, attempt=1)
    assert lines_of(feed, lines, out) == ["acme/payments  Fetch 1 of 100 files"]
    feed.progress(scan, Phase.FETCH, 4, 100, attempt=1)
    assert lines_of(feed, lines, out) == []
    feed.happen(scan, phase=Phase.QUEUED, turn=Turn.RETRYING, attempt=2, error="no disk")
    assert lines_of(feed, lines, out) == ["acme/payments  attempt 2 begins: no disk"]
    feed.fail(scan, "no disk at all", attempt=2)
    (end,) = lines_of(feed, lines, out)
    assert "Failed (attempt 2)" in end
    assert "no disk at all" in end
    assert lines_of(feed, lines, out) == []


def test_a_scan_that_had_ended_before_anyone_looked_is_told_too() -> None:
    feed, out = StagedFeed("sim://acme/payments"), io.StringIO()
    (scan,) = (snapshot.scan_id for snapshot in feed.snapshots())
    feed.complete(scan, artifacts=3)
    assert any("Completed" in line for line in lines_of(feed, Lines(out, io.StringIO()), out))


def test_trouble_with_the_connection_is_told_once_and_apart() -> None:
    feed, out, trouble = StagedFeed("sim://acme/payments"), io.StringIO(), io.StringIO()
    lines = Lines(out, trouble)
    feed.connect(ConnectionState.RECONNECTING, "The gateway went away.")
    lines.tell(feed)
    lines.tell(feed)
    assert trouble.getvalue() == "Reconnecting: The gateway went away.\n"
    assert out.getvalue() == ""


def test_json_has_every_event_once_in_order() -> None:
    feed, out = StagedFeed("sim://acme/payments"), io.StringIO()
    (scan,) = (snapshot.scan_id for snapshot in feed.snapshots())
    told = Json(out)
    for done in (1, 2, 3):
        feed.progress(scan, Phase.FETCH, done, 100)
        told.tell(feed)
    feed.complete(scan, artifacts=7)
    told.tell(feed)
    events = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [event["seq"] for event in events] == [1, 2, 3, 4]
    assert events[0]["files_processed"] == 1
    assert events[-1]["kind"] == "complete"
    assert events[-1]["result"]["artifacts"] == 7


def test_it_returns_when_the_last_scan_has_ended() -> None:
    feed = StagedFeed("sim://acme/payments", "sim://acme/archive")
    first, second = (snapshot.scan_id for snapshot in feed.snapshots())
    feed.complete(first)
    later = threading.Timer(0.02, feed.complete, [second])
    later.start()
    ended = follow(feed, Console(file=io.StringIO()), timeout_s=10)
    later.join()
    assert all(snapshot.terminal for snapshot in ended)
    assert feed.listened == 0


def test_time_that_runs_out_leaves_the_scan_as_it_is() -> None:
    feed = StagedFeed("sim://acme/payments")
    (snapshot,) = follow(feed, Console(file=io.StringIO()), timeout_s=0)
    assert not snapshot.terminal
    assert feed.wishes == []


def test_a_refusal_ends_the_watching() -> None:
    feed = StagedFeed("sim://acme/payments")
    feed.connect(ConnectionState.REFUSED, "The token has expired.")
    with pytest.raises(GatewayRefused, match="expired"):
        follow(feed, Console(file=io.StringIO()))


def test_in_a_terminal_the_last_picture_stays() -> None:
    feed, out = StagedFeed("sim://acme/payments"), io.StringIO()
    (scan,) = (snapshot.scan_id for snapshot in feed.snapshots())
    feed.complete(scan)
    follow(feed, Console(file=out, force_terminal=True, width=120))
    assert "Completed" in out.getvalue().rsplit("\x1b[2K", 1)[-1]
