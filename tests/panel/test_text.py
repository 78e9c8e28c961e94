"""Scans as text and HTML: escaped, and the same in every run.

@gxp-spec SPEC-001-004 "Live panel and its text forms"
@trace US-001-001
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import bleach
import pytest

from scanwatch.model import Event, EventKind, Phase, PhaseSpan, ScanResult, ScanStatus, Turn, target_name
from scanwatch.panel._text import (
    duration_text,
    event_line,
    names_html,
    remaining_text,
    scan_line,
    state_word,
    table_html,
    table_text,
)
from scanwatch.snapshot import Snapshot

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
WORKING = Snapshot(
    scan_id="b41f9c2e",
    target="https://git.acme.internal/acme/dose-calculator.git",
    status=ScanStatus.IN_PROGRESS,
    phase=Phase.PARSE,
    progress_percent=42,
    files_processed=96,
    total_files=1240,
    artifacts_found=41,
    started_at=NOON,
    spans=(PhaseSpan(1, Phase.DISCOVERY, NOON),),
    updated_at=NOON + timedelta(seconds=40),
)
DONE = Snapshot(
    scan_id="two",
    target="sim://trials/randomisation-service?files=3",
    status=ScanStatus.COMPLETED,
    progress_percent=100,
    result=ScanResult("two", artifacts=412),
    started_at=NOON,
    finished_at=NOON + timedelta(seconds=188),
)
FAILED = Snapshot(
    scan_id="three",
    target="sim://acme/etmf",
    status=ScanStatus.FAILED,
    progress_percent=45,
    error="front matter is not closed",
)


@pytest.mark.parametrize(
    ("target", "name"),
    [
        ("sim://acme/payments?files=150&seed=7", "acme/payments"),
        ("https://git.acme.internal/group/acme/payments.git", "acme/payments"),
        ("https://token@git.acme.internal/acme/payments", "acme/payments"),
        ("https://git.acme.internal", "git.acme.internal"),
        ("ssh://git@host/acme/payments.git", "acme/payments"),
        ("git@host:acme/payments.git", "acme/payments"),
        ("file:///home/jo/code/payments", "payments"),
        ("/home/jo/code/payments/", "payments"),
        (".", "."),
        ("/home/jo/code/payments/.git", "payments"),
        ("file:///home/jo/%E6%97%A5%E6%9C%AC%20x", "日本 x"),
        ("sim://acme/100%", "acme/100%"),
    ],
)
def test_a_target_is_called_what_people_call_it(target: str, name: str) -> None:
    assert target_name(target) == name


def test_a_line_says_name_state_phase_files_percent_and_time() -> None:
    assert scan_line(WORKING, NOON + timedelta(seconds=42)) == (
        "acme/dose-calculator  In progress  Parse 96 of 1 240 files  42 %  41 artifacts  0:42, under 1 min"
    )
    assert scan_line(DONE, NOON) == "trials/randomisation-service  Completed  100 %  412 artifacts  3:08"
    assert scan_line(FAILED, NOON).endswith("front matter is not closed")


def test_silence_shows_as_stalled_and_a_further_attempt_as_retrying() -> None:
    assert state_word(WORKING, NOON + timedelta(seconds=69)) == "In progress"
    assert state_word(WORKING, NOON + timedelta(seconds=70)) == "Stalled"
    assert state_word(replace(WORKING, attempt=2)) == "Retrying"


def test_a_table_holds_nothing_that_differs_from_run_to_run() -> None:
    later = [
        replace(
            scan,
            scan_id="other",
            started_at=NOON + timedelta(days=9),
            finished_at=scan.finished_at and NOON + timedelta(days=10),
        )
        for scan in (WORKING, DONE, FAILED)
    ]
    assert table_text([WORKING, DONE, FAILED]) == table_text(later)
    assert table_html([WORKING, DONE, FAILED]) == table_html(later)


def test_a_text_table_is_aligned() -> None:
    assert table_text([DONE, FAILED]).splitlines() == [
        "Scan                          Status     Progress  Artifacts  Message",
        "trials/randomisation-service  Completed     100 %        412",
        "acme/etmf                     Failed         45 %             front matter is not closed",
    ]


def test_no_scans_are_said_in_words() -> None:
    assert table_text([]) == "No scans yet."
    assert table_html([]) == names_html([]) == "<p>No scans yet.</p>"


def test_hostile_words_stay_words() -> None:
    hostile = replace(FAILED, target="sim://<img src=x onerror=alert(1)>", error="\x1b[2J<script>\u202e'\"")
    for html in (table_html([hostile]), names_html([hostile])):
        assert "<img" not in html
        assert "<script" not in html
    assert "&lt;img src=x onerror=alert(1)&gt;" in table_html([hostile])
    for text in (table_text([hostile]), scan_line(hostile, NOON)):
        assert "\x1b" not in text
        assert "\u202e" not in text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0:00"), (59.9, "0:59"), (188, "3:08"), (3723, "1:02:03"), (183_600, "2 d 3 h"), (-3, "0:00")],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


@pytest.mark.parametrize(("seconds", "text"), [(0, "under 1 min"), (170, "3 min left"), (7300, "2 h left")])
def test_estimates_are_coarse(seconds: float, text: str) -> None:
    assert remaining_text(seconds) == text


def test_events_are_told_in_words() -> None:
    event = Event(
        "one", EventKind.PROGRESS, NOON, phase=Phase.PARSE, files_processed=96, total_files=240, artifacts_found=41
    )
    assert event_line(event) == "parse 96 of 240, 41 artifacts"
    assert (
        event_line(replace(event, turn=Turn.RETRYING, attempt=2, error="out of memory"))
        == "attempt 2 begins: out of memory"
    )
    assert event_line(replace(event, kind=EventKind.FAILED, error="no such branch")) == "failed: no such branch"
    assert event_line(Event("one", EventKind.COMPLETE, NOON)) == "completed"


def test_the_text_forms_need_no_widget_library() -> None:
    code = "import sys, scanwatch.panel, scanwatch.panel._text; sys.exit('anywidget' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("html", [table_html([WORKING, DONE, FAILED]), names_html([WORKING, DONE, FAILED])])
def test_without_styles_and_scripts_the_html_is_the_same_table(html: str) -> None:
    """As viewers show it that strip what a stranger's page may do to theirs."""
    tags = {"table", "thead", "tbody", "tr", "th", "td", "p"}
    stripped = bleach.clean(html, tags=tags, attributes={}, strip=True)
    assert re.sub(r' style="text-align: (left|right)"', "", html) == stripped
    assert stripped.count("<tr>") == 4


def test_the_names_that_stand_in_for_a_live_panel_are_not_thousands() -> None:
    html = names_html([replace(WORKING, target=f"sim://acme/{number}") for number in range(1500)])
    assert html.count("<tr>") == 202
    assert "and 1 300 more" in html
