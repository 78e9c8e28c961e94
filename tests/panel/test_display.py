"""The environment's say in how a panel is shown.

@gxp-spec SPEC-001-004 "Live panel and its text forms"
@trace US-001-001
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from scanwatch.errors import UsageError
from scanwatch.panel._display import block_limit_s, block_until_ended, display_mode

from .staged import StagedFeed

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("mode", ["widget", "html", "text", "none"])
def test_each_mode_can_be_asked_for(mode: str) -> None:
    assert display_mode({"SCANWATCH_DISPLAY": mode}) == mode


@pytest.mark.parametrize("environment", [{}, {"SCANWATCH_DISPLAY": "auto"}, {"SCANWATCH_DISPLAY": ""}])
def test_automatic_is_a_widget_outside_a_terminal_ipython(environment: dict[str, str]) -> None:
    assert display_mode(environment) == "widget"


def test_another_mode_is_refused_with_those_there_are() -> None:
    with pytest.raises(UsageError, match=r"'ascii'; it can be auto, widget, html, text or none"):
        display_mode({"SCANWATCH_DISPLAY": "ascii"})


@pytest.mark.parametrize(("value", "limit_s"), [("", None), ("0", None), ("1", 600.0), ("30", 30.0)])
def test_blocking_takes_one_or_a_number_of_seconds(value: str, limit_s: float | None) -> None:
    assert block_limit_s({"SCANWATCH_BLOCK": value}) == limit_s


@pytest.mark.parametrize("value", ["yes", "-1", "nan", "inf"])
def test_blocking_with_anything_else_is_refused_by_name(value: str) -> None:
    with pytest.raises(UsageError, match=f"SCANWATCH_BLOCK is '{value}'; it can be 0, 1, or a number of seconds"):
        block_limit_s({"SCANWATCH_BLOCK": value})


def test_blocking_ends_with_the_last_scan() -> None:
    feed = StagedFeed("sim://acme/payments", "sim://acme/ledger")
    slices: list[float] = []

    def sleep(seconds: float) -> None:
        slices.append(seconds)
        feed.complete(feed.snapshots()[len(slices) - 1].scan_id)

    assert block_until_ended(feed.snapshots, 600.0, clock=lambda: 0.0, sleep=sleep)
    assert slices == [0.2, 0.2]


def test_blocking_gives_up_at_its_limit() -> None:
    feed = StagedFeed("sim://acme/payments")
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    assert not block_until_ended(feed.snapshots, 0.5, clock=lambda: now[0], sleep=sleep)
    assert now[0] == 0.5


def test_in_a_terminal_a_panel_is_its_table_as_text(tmp_path: Path) -> None:
    typed = (
        "from scanwatch.panel import Panel\n"
        "from tests.panel.staged import StagedFeed\n"
        'panel = Panel(StagedFeed("sim://acme/payments", "sim://acme/ledger"))\n'
        "panel\n"
        "panel.close()\n"
    )
    run = subprocess.run(
        [sys.executable, "-m", "IPython", "--simple-prompt", "--no-banner", "--colors=NoColor"],
        input=typed,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        cwd=ROOT,
        env={**os.environ, "IPYTHONDIR": str(tmp_path), "SCANWATCH_DISPLAY": "auto"},
    )
    assert "acme/payments  Queued" in run.stdout
    assert "acme/ledger    Queued" in run.stdout
    assert "Traceback" not in run.stdout + run.stderr
