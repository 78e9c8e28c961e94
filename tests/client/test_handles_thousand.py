"""Very many scans share one push connection and one thread, and leave nothing behind when the client is closed.

@gxp-spec SPEC-001-005 "Scan handle, sync and async clients"
@trace US-001-003
@test-type OQ
@gxp-risk HIGH
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from scanwatch.client._driver import REQUESTS_AT_ONCE
from scanwatch.testing import run_gateway
from tests.client._thousand import KINDS

LOOP = "scanwatch-loop"
OTHER_SOCKETS = 3
"""Those of the process's own: the pair the background loop is woken by, and one that is just being closed."""

NOTHING = {kind.__name__: 0 for kind in KINDS}
LEFT_BLOCKS = 5_000
"""Blocks of memory that libraries keep from their first use; a thousand scans took more than ten times as many."""


def followed(count: int, *words: str) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """What a process that follows so many scans holds before, meanwhile and after."""
    command = [sys.executable, "-W", "error", "-m", "tests.client._thousand"]
    with run_gateway(concurrency=64) as gateway:
        done = subprocess.run(
            [*command, gateway.url, str(count), *words], capture_output=True, text=True, timeout=170, check=False
        )
    assert (done.returncode, done.stderr) == (0, "")
    print(done.stdout)
    told = json.loads(done.stdout)
    return told["before"], told["meanwhile"], told["after"]


def check(count: int, before: dict[str, Any], meanwhile: dict[str, Any], after: dict[str, Any]) -> None:
    assert (meanwhile["ended"], meanwhile["statuses"], meanwhile["incomplete"]) == (count, ["completed"], 0)
    assert (meanwhile["Watched"], meanwhile["ScanState"]) == (count, count)
    assert meanwhile["connections"] == {"websocket": 1}
    assert meanwhile["sockets"] <= 1 + REQUESTS_AT_ONCE + OTHER_SOCKETS
    assert (meanwhile["tasks"], meanwhile["listeners"], meanwhile["Tap"]) == (2, 0, 0)
    for held in (before, after):
        assert {name: held[name] for name in NOTHING} == NOTHING
        assert (held["threads"], held["sockets"]) == (["MainThread"], 0)
    assert after["blocks"] - before["blocks"] < LEFT_BLOCKS


def test_a_hundred_scans_with_callbacks_and_a_panel_leave_nothing_behind() -> None:
    before, meanwhile, after = followed(100, "everything")
    check(100, before, meanwhile, after)
    assert meanwhile["threads"] == ["MainThread", "scanwatch-callbacks", LOOP, "scanwatch-panels"]


@pytest.mark.slow
def test_a_thousand_scans_share_one_connection_and_one_thread_and_leave_nothing_behind() -> None:
    before, meanwhile, after = followed(1000)
    check(1000, before, meanwhile, after)
    assert meanwhile["threads"] == ["MainThread", LOOP]
    assert meanwhile["blocks"] - before["blocks"] > 10 * LEFT_BLOCKS
