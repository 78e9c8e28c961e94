"""The live bars say in text what they say in colour, in any width and on any terminal.

@gxp-spec SPEC-001-006 "Command line"
@trace US-001-003
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta

import pytest
from rich.console import Console

from scanwatch.cli._bars import Bars
from scanwatch.model import ConnectionState, Phase, Turn
from tests.panel.staged import StagedFeed


def drawn(
    feed: StagedFeed, *, width: int = 120, height: int = 20, later_s: float = 0.0, encoding: str = "utf-8"
) -> str:
    out = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    console = Console(file=out, width=width, height=height, color_system=None)
    moment = datetime.now(UTC) + timedelta(seconds=later_s)
    console.print(Bars(feed.snapshots, feed.connection, lambda: moment))
    out.seek(0)
    return out.read()


def staged(*targets: str) -> tuple[StagedFeed, list[str]]:
    feed = StagedFeed(*(targets or ("sim://acme/payments",)))
    return feed, [snapshot.scan_id for snapshot in feed.snapshots()]


def test_a_running_scan_shows_its_phase_files_percent_and_a_bar_part_filled() -> None:
    feed, (scan,) = staged()
    feed.progress(scan, Phase.PARSE, 50, 100, current_file="src/ledger.py")
    line = drawn(feed)
    assert "━━━━ ━━━━ ━━── ──── ────" in line
    for words in ("In progress", "acme/payments", "45 %", "Parse 50 of 100 files", "src/ledger.py"):
        assert words in line


def test_a_bar_is_full_only_when_the_scan_completed() -> None:
    feed, (scan,) = staged()
    feed.progress(scan, Phase.PERSIST, 99, 100)
    assert "━━━━ ━━━━ ━━━━ ━━━━ ━━━━" not in drawn(feed)
    feed.complete(scan, artifacts=1)
    line = drawn(feed)
    assert "━━━━ ━━━━ ━━━━ ━━━━ ━━━━" in line
    assert "Completed" in line
    assert "1 artifact " in line


def test_a_failed_scan_says_why() -> None:
    feed, (scan,) = staged()
    feed.fail(scan, "no .gxp folder")
    assert "Failed" in drawn(feed)
    assert "no .gxp folder" in drawn(feed)


def test_another_attempt_is_named() -> None:
    feed, (scan,) = staged()
    feed.happen(scan, phase=Phase.QUEUED, turn=Turn.RETRYING, attempt=2, error="no disk")
    feed.progress(scan, Phase.FETCH, 1, 100, attempt=2)
    assert "Retrying" in drawn(feed)
    assert "attempt 2" in drawn(feed)


def test_silence_is_shown_as_stalled() -> None:
    feed, (scan,) = staged()
    feed.progress(scan, Phase.FETCH, 1, 100)
    assert "Stalled" in drawn(feed, later_s=60)


def test_a_terminal_that_knows_no_unicode_gets_ascii() -> None:
    feed, (scan,) = staged()
    feed.progress(scan, Phase.PARSE, 50, 100)
    line = drawn(feed, encoding="ascii")
    assert "#### #### ##-- ---- ----" in line
    assert line.isascii()


@pytest.mark.parametrize("width", [60, 80, 100, 200])
def test_a_scan_is_one_line_in_any_width(width: int) -> None:
    feed, (scan,) = staged("sim://a-very-long-organisation-name/and-a-very-long-repository-name-indeed")
    feed.progress(scan, Phase.PARSE, 50, 100, current_file="src/" + "deep/" * 60 + "file.py")
    lines = drawn(feed, width=width).splitlines()
    assert len(lines) == 1
    assert len(lines[0]) <= width


def test_more_scans_than_lines_shows_those_that_run_and_counts_the_others() -> None:
    feed, scans = staged(*(f"sim://acme/repository-{number}" for number in range(10)))
    for scan in scans[:-1]:
        feed.complete(scan)
    text = drawn(feed, height=7)
    assert "acme/repository-9" in text
    assert "and 6 more" in text


def test_what_came_over_the_wire_cannot_steer_the_terminal() -> None:
    feed, (scan,) = staged()
    feed.progress(scan, Phase.PARSE, 1, 2, current_file="\x1b[2Jwiped [red]out[/red]")
    text = drawn(feed, width=160)
    assert "\x1b[2J" not in text
    assert "[red]out[/red]" in text


def test_trouble_with_the_connection_has_a_line_of_its_own() -> None:
    feed, _ = staged()
    assert len(drawn(feed).splitlines()) == 1
    feed.connect(ConnectionState.RECONNECTING, "The gateway went away.")
    assert "Reconnecting: The gateway went away." in drawn(feed)
